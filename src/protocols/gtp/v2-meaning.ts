// What a message of version 2 of GTP-C means to a balancer: its session keys, what it proves about where a session
// lives, and the same message with other addresses inside.

import { digitText, Patch } from '../element-values.ts'
import { KeyList, teidText } from '../session-keys.ts'
import { elements, types } from './v2-elements.ts'
import { contextNotFound, interfaces, isAccepted, messageTypes } from './v2-names.ts'
import { fTeid, paa } from './v2-values.ts'
import { spans, walk } from './v2-walk.ts'
import type { AddressMap, Learned, SessionKey, Side } from '../protocol.ts'
import type { Gtpv2Message } from './v2-codec.ts'

export function sessions({ body, teid }: Gtpv2Message): readonly SessionKey[] {
  const list = new KeyList()
  // A peer whose TEID is not known yet is written to with 0.
  if (teid !== null && teid !== 0) list.add('teid', teidText(teid))
  walk(body, 0, body.length, (type, bytes, start, end) => {
    if (type === elements.imsi) list.add('imsi', digitText(bytes, start, end))
    else if (type === elements.fTeid) list.addEndpoint('teid', bytes, fTeid.places(bytes, start, end))
    else if (type === elements.paa) list.addUeAddresses(bytes, paa.places(bytes, start, end))
  })
  return list.keys
}

/** Of these an endpoint that accepts a request says where its own ends of tunnels are. */
const setsUp = new Set<number>([
  messageTypes.createSessionResponse,
  messageTypes.modifyBearerResponse,
  messageTypes.contextResponse,
  messageTypes.forwardRelocationResponse,
  messageTypes.createForwardingTunnelResponse,
  messageTypes.createIndirectDataForwardingTunnelResponse,
  messageTypes.modifyAccessBearersResponse,
])

/**
 * The ends of tunnels that are the sender's own: an SGW also tells an MME about those of the PGW. A session that was
 * deleted, or is not known, is gone; the answer names it by the TEID of its header, which is that of the client.
 */
export function learn(message: Gtpv2Message, from: Side): readonly Learned[] {
  const isDeletion = message.type === messageTypes.deleteSessionResponse
  if (from === 'client' || (!isDeletion && !setsUp.has(message.type))) return []
  const cause = causeOf(message)
  if (cause === contextNotFound || (isDeletion && isAccepted(cause))) return removed(message)
  if (isDeletion || !isAccepted(cause)) return []
  const sender = senderOf(message)
  const list = new KeyList()
  walk(message.body, 0, message.body.length, (type, bytes, start, end) => {
    if (type !== elements.fTeid || (sender !== null && nodeOf(bytes, start) !== sender)) return
    list.addEndpoint('teid', bytes, fTeid.places(bytes, start, end))
  })
  return list.keys.map((key) => ({ action: 'add', key, at: null }))
}

const removed = ({ teid }: Gtpv2Message): readonly Learned[] =>
  teid === null || teid === 0 ? [] : [{ action: 'remove', key: { kind: 'teid', value: teidText(teid) }, at: null }]

function causeOf({ body }: Gtpv2Message): number {
  for (const { end, start, type } of spans(body, 0, body.length))
    if (type === elements.cause && start < end) return body[start]!
  return 0
}

const nodeOf = (bytes: Uint8Array, start: number): string => interfaces[bytes[start]! & 0x3f]?.[1] ?? 'unknown'

/**
 * The kind of node that has sent a message: that of its F-TEID for control, which is instance 0; where a PGW has sent
 * it, there is only the PGW's, instance 1 (TS 29.274, table 7.2.2-1). Null: the message has none of them, and all that
 * it says is the sender's.
 */
function senderOf({ body }: Gtpv2Message): string | null {
  let sender: string | null = null
  for (const { instance, start, type } of spans(body, 0, body.length)) {
    if (type !== elements.fTeid) continue
    if (instance === 0) return nodeOf(body, start)
    sender ??= nodeOf(body, start)
  }
  return sender
}

/** Of nodes, in all elements that say where one is. Addresses of UEs stay, and so does the TEID of the header. */
export function translate(message: Gtpv2Message, names: AddressMap): Gtpv2Message {
  const patch = new Patch(message.body)
  walk(message.body, 0, message.body.length, (type, bytes, start, end) => {
    if (type === elements.paa) return
    const places = types[type]?.value?.places?.(bytes, start, end)
    if (places !== undefined) patch.translate(places, names, 'teid')
  })
  return patch.bytes === message.body ? message : { ...message, body: patch.bytes }
}
