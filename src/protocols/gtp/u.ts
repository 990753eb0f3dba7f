// GTP-U (TS 29.281): user packets in tunnels, over UDP to port 2152. What a tunnel carries is not looked at.

import { describeElements } from '../element-table.ts'
import { hexText, Patch } from '../element-values.ts'
import { KeyList, teidText } from '../session-keys.ts'
import { elements, extensionNames, messageNames, messageTypes, types } from './u-elements.ts'
import { decodeHeader, encodeHeader, extensionsOf, plainMessage } from './v1-header.ts'
import { gsnPlaces } from './v1-values.ts'
import { spans, walk } from './v1-walk.ts'
import type { AddressMap, Description, FieldValue, Protocol, SessionKey } from '../protocol.ts'
import type { Places } from '../session-keys.ts'
import type { ExtensionHeader, Gtpv1Message } from './v1-header.ts'

const pduSessionContainer = 0x85

/** Signalling has elements; a G-PDU has a packet, and nobody knows what other types have. */
const hasElements = ({ type }: Gtpv1Message): boolean => type !== messageTypes.gPdu && messageNames[type] !== undefined

const ignore = (): void => undefined

function decode(bytes: Uint8Array): Gtpv1Message {
  const message = decodeHeader(bytes)
  if (hasElements(message))
    walk(bytes, bytes.length - message.body.length + message.extensionBytes, bytes.length, ignore, types)
  return message
}

const nameOf = ({ type }: Gtpv1Message): string => messageNames[type] ?? `Message ${type}`

function describe(message: Gtpv1Message): Description {
  const { body, extension, extensionBytes, nPdu, sequence, teid } = message
  const fields: Record<string, FieldValue> = { teid: teidText(teid) }
  if (sequence !== null) fields['sequence'] = sequence
  if (nPdu !== null) fields['nPdu'] = nPdu
  if (extension !== null) describeExtensions(extensionsOf(message), fields)
  if (hasElements(message)) Object.assign(fields, describeElements({ types, spans }, body, extensionBytes, body.length))
  else fields['payloadBytes'] = body.length - extensionBytes
  return { name: nameOf(message), fields }
}

function describeExtensions(headers: readonly ExtensionHeader[], fields: Record<string, FieldValue>): void {
  for (const { content, type } of headers) {
    if (type !== pduSessionContainer) continue
    fields['direction'] = content[0]! >> 4 === 0 ? 'downlink' : 'uplink'
    fields['qfi'] = content[1]! & 0x3f
  }
  fields['extensions'] = headers.map(({ content, type }) => ({
    type,
    ...(extensionNames[type] === undefined ? {} : { name: extensionNames[type] }),
    content: hexText(content, 0, content.length),
  }))
}

/** The tunnel that an Error Indication says is not known at the other end: places in the body. */
function lostTunnel({ body, extensionBytes, type }: Gtpv1Message): Places | null {
  if (type !== messageTypes.errorIndication) return null
  let identifier = -1
  let address: Places | null = null
  for (const span of spans(body, extensionBytes, body.length)) {
    if (span.type === elements.teidDataI) identifier = span.start
    if (span.type === elements.peerAddress) address = gsnPlaces(span.start, span.end)
  }
  return address === null ? null : { ...address, identifier }
}

function sessions(message: Gtpv1Message): readonly SessionKey[] {
  const list = new KeyList()
  if (message.teid !== 0) list.add('teid', teidText(message.teid))
  const lost = lostTunnel(message)
  if (lost !== null) list.addEndpoint('teid', message.body, lost)
  return list.keys
}

/** What an Error Indication names. The TEID of the header belongs to no address here, and the user's packet stays. */
function translate(message: Gtpv1Message, names: AddressMap): Gtpv1Message {
  const lost = lostTunnel(message)
  if (lost === null) return message
  const patch = new Patch(message.body)
  patch.translate(lost, names, 'teid')
  return patch.bytes === message.body ? message : { ...message, body: patch.bytes }
}

export const gtp: Protocol<Gtpv1Message> = {
  name: 'gtp',
  title: 'GTP-U (TS 29.281)',
  carriedBy: [{ over: 'udp', port: 2152 }],
  decode,
  encode: encodeHeader,
  describe,
  nameOf,
  sessions,
  translate,
  probe: {
    request: () => plainMessage(messageTypes.echoRequest, 0),
    isAlive: ({ type }) => type === messageTypes.echoResponse,
  },
}

/** The QoS flow of a G-PDU (TS 38.415, 5.5.3.3); null: its tunnel has none. */
export function qosFlowOf(message: Gtpv1Message): number | null {
  if (message.extensionBytes === 0) return null
  const container = extensionsOf(message).find(({ type }) => type === pduSessionContainer)
  return container === undefined ? null : container.content[1]! & 0x3f
}
