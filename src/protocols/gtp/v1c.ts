// GTP-C, version 1 (TS 29.060): control of tunnels between SGSN and GGSN, over UDP to port 2123.

import { describeElements } from '../element-table.ts'
import { digitText, hexText, Patch } from '../element-values.ts'
import { KeyList, teidText } from '../session-keys.ts'
import {
  contextNotFound,
  elements,
  isAccepted,
  messageNames,
  messageTypes,
  nonExistent,
  types,
} from './v1c-elements.ts'
import { decodeHeader, encodeHeader, extensionsOf, plainMessage } from './v1-header.ts'
import { endUserPlaces, gsnPlaces } from './v1-values.ts'
import { spans, walk } from './v1-walk.ts'
import type { AddressMap, Description, Learned, Protocol, SessionKey, Side } from '../protocol.ts'
import type { Places } from '../session-keys.ts'
import type { Gtpv1Message } from './v1-header.ts'

const ignore = (): void => undefined

function decode(bytes: Uint8Array): Gtpv1Message {
  const message = decodeHeader(bytes)
  walk(bytes, bytes.length - message.body.length + message.extensionBytes, bytes.length, ignore, types)
  return message
}

const nameOf = ({ type }: Gtpv1Message): string => messageNames[type] ?? `Message ${type}`

function describe(message: Gtpv1Message): Description {
  const { body, extension, extensionBytes, nPdu, sequence, teid } = message
  const extensions = extensionsOf(message)
  return {
    name: nameOf(message),
    fields: {
      teid: teidText(teid),
      ...(sequence === null ? {} : { sequence }),
      ...(nPdu === null ? {} : { nPdu }),
      ...(extension === null
        ? {}
        : {
            extensions: extensions.map((one) => ({
              type: one.type,
              content: hexText(one.content, 0, one.content.length),
            })),
          }),
      ...describeElements({ types, spans }, body, extensionBytes, body.length),
    },
  }
}

interface Found {
  readonly imsi: Places | null
  readonly user: Places | null
  readonly tunnels: readonly Places[]
}

/**
 * Tunnel endpoints are put together of elements that stand apart: the first GSN address is that for signalling, the
 * second that for user traffic; a third and fourth are the same of the other family (TS 29.060, 7.3.1 and 7.3.2).
 */
function find({ body, extensionBytes }: Gtpv1Message): Found {
  let imsi: Places | null = null
  let user: Places | null = null
  let control = -1
  let data = -1
  const addresses: Places[] = []
  for (const { end, start, type } of spans(body, extensionBytes, body.length)) {
    if (type === elements.imsi) imsi = { ipv4: -1, ipv6: -1, identifier: start, end }
    else if (type === elements.endUserAddress) user = endUserPlaces(body, start, end)
    else if (type === elements.teidControlPlane) control = start
    else if (type === elements.teidDataI) data = start
    else if (type === elements.gsnAddress) addresses.push(gsnPlaces(start, end))
  }
  const isAlone = addresses.length === 1 && control < 0
  const tunnels = addresses.map((address, index) => ({
    ...address,
    identifier: index % 2 === 1 || isAlone ? data : control,
  }))
  return { imsi, user, tunnels }
}

function sessions(message: Gtpv1Message): readonly SessionKey[] {
  const { body, teid } = message
  const list = new KeyList()
  if (teid !== 0) list.add('teid', teidText(teid))
  const { imsi, tunnels, user } = find(message)
  if (imsi !== null) list.add('imsi', digitText(body, imsi.identifier, imsi.end))
  for (const tunnel of tunnels) list.addEndpoint('teid', body, tunnel)
  if (user !== null) list.addUeAddresses(body, user)
  return list.keys
}

const setsUp = new Set<number>([messageTypes.createPdpContextResponse, messageTypes.updatePdpContextResponse])

/**
 * What a GGSN has accepted lives at it: its tunnel endpoints and the address of the user. A context that it has
 * deleted, or does not know, is gone; the answer names it by the TEID of its header, which is that of the SGSN.
 */
function learn(message: Gtpv1Message, from: Side): readonly Learned[] {
  const isDeletion = message.type === messageTypes.deletePdpContextResponse
  if (from === 'client' || (!isDeletion && !setsUp.has(message.type))) return []
  const cause = causeOf(message)
  const isGone = cause === nonExistent || cause === contextNotFound || (isDeletion && isAccepted(cause))
  if (isGone && message.teid !== 0)
    return [{ action: 'remove', key: { kind: 'teid', value: teidText(message.teid) }, at: null }]
  if (isDeletion || !isAccepted(cause)) return []
  const keys = sessions({ ...message, teid: 0 }).filter(({ kind }) => kind !== 'imsi')
  return keys.map((key) => ({ action: 'add', key, at: null }))
}

function causeOf({ body, extensionBytes }: Gtpv1Message): number {
  for (const { start, type } of spans(body, extensionBytes, body.length))
    if (type === elements.cause) return body[start]!
  return 0
}

/** Tunnel endpoints. Addresses of users stay, and so does the TEID of the header, which belongs to no address here. */
function translate(message: Gtpv1Message, names: AddressMap): Gtpv1Message {
  const patch = new Patch(message.body)
  for (const tunnel of find(message).tunnels) patch.translate(tunnel, names, 'teid')
  return patch.bytes === message.body ? message : { ...message, body: patch.bytes }
}

export const gtpv1c: Protocol<Gtpv1Message> = {
  name: 'gtpv1c',
  title: 'GTP-C version 1 (TS 29.060)',
  carriedBy: [{ over: 'udp', port: 2123 }],
  decode,
  encode: encodeHeader,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
  probe: {
    request: () => plainMessage(messageTypes.echoRequest, 0),
    isAlive: ({ type }) => type === messageTypes.echoResponse,
  },
}
