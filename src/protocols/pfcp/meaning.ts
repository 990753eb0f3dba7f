// What a message of PFCP means to a balancer: its session keys, what it proves about where a session lives, and the
// same message with other addresses inside.

import { nameBytes, nameText, Patch } from '../element-values.ts'
import { KeyList, seidText } from '../session-keys.ts'
import { contextNotFound, isAccepted } from './causes.ts'
import { types } from './elements.ts'
import { messageTypes } from './messages.ts'
import { readElements, writeElements } from './tree.ts'
import { fSeid, fTeid, nodeIdTypes, outerHeaderCreation, ueIpAddress } from './values.ts'
import { findElement, walk } from './walk.ts'
import type { PfcpMessage } from './codec.ts'
import type { PfcpElement } from './tree.ts'
import type { AddressMap, Learned, SessionKey, Side } from '../protocol.ts'

export const elements = {
  cause: 19,
  fTeid: 21,
  fSeid: 57,
  nodeId: 60,
  outerHeaderCreation: 84,
  ueIpAddress: 93,
  recoveryTimeStamp: 96,
} as const

export function sessions({ body, seid }: PfcpMessage): readonly SessionKey[] {
  const list = new KeyList()
  // A peer whose SEID is not known yet is written to with 0.
  if (seid !== null && seid !== 0n) list.add('seid', seidText(seid))
  walk(body, 0, body.length, (type, bytes, start, end) => {
    switch (type) {
      case elements.fTeid:
        return list.addEndpoint('teid', bytes, fTeid.places(bytes, start, end))
      case elements.fSeid:
        return list.addEndpoint('seid', bytes, fSeid.places(bytes, start, end))
      case elements.outerHeaderCreation:
        return list.addEndpoint('teid', bytes, outerHeaderCreation.places(bytes, start, end))
      case elements.ueIpAddress:
        return list.addUeAddresses(bytes, ueIpAddress.places(bytes, start, end))
      default:
        return undefined
    }
  })
  return list.keys
}

const setsUp = new Set<number>([messageTypes.sessionEstablishmentResponse, messageTypes.sessionModificationResponse])
const answersSession = new Set<number>([...setsUp, messageTypes.sessionDeletionResponse])

/**
 * What the user plane has accepted lives at it: its own F-SEID, the F-TEIDs and UE addresses that it has chosen. A
 * session that it has deleted, or does not know, is gone; the answer names it by the SEID of its header, which is that
 * of the control plane.
 */
export function learn(message: PfcpMessage, from: Side): readonly Learned[] {
  if (from === 'client' || !answersSession.has(message.type)) return []
  const cause = findElement(message.body, elements.cause)?.[0] ?? 0
  const isGone = isAccepted(cause) ? message.type === messageTypes.sessionDeletionResponse : cause === contextNotFound
  if (isGone) return removed(message)
  if (!isAccepted(cause)) return []
  return sessions({ ...message, seid: null }).map((key) => ({ action: 'add', key, at: null }))
}

const removed = ({ seid }: PfcpMessage): readonly Learned[] =>
  seid === null || seid === 0n ? [] : [{ action: 'remove', key: { kind: 'seid', value: seidText(seid) }, at: null }]

/**
 * Other addresses, and where the map has them other TEIDs, SEIDs and names, in all elements that say where a node, a
 * session or a tunnel is. Addresses of UEs stay, and so does the SEID of the header, which belongs to no address here.
 */
export function translate(message: PfcpMessage, names: AddressMap): PfcpMessage {
  const patch = new Patch(message.body)
  let hasNames = false
  walk(message.body, 0, message.body.length, (type, bytes, start, end) => {
    if (type === elements.ueIpAddress) return
    if (type === elements.nodeId && (bytes[start]! & 15) === nodeIdTypes.name) hasNames = true
    const places = types[type]?.value?.places?.(bytes, start, end)
    if (places !== undefined) patch.translate(places, names, type === elements.fSeid ? 'seid' : 'teid')
  })
  const body = hasNames && names.name !== undefined ? renameNodes(patch.bytes, names) : patch.bytes
  return body === message.body ? message : { ...message, body }
}

/** Names have a length of their own, so that those of the groups around them change too. */
function renameNodes(body: Uint8Array, names: AddressMap): Uint8Array {
  const before = readElements(body)
  const after = renameAll(before, names)
  return after === before ? body : writeElements(after)
}

function renameAll(list: readonly PfcpElement[], names: AddressMap): readonly PfcpElement[] {
  let changed: PfcpElement[] | null = null
  for (const [index, { type, value }] of list.entries()) {
    const other = value instanceof Uint8Array ? renameNode(type, value, names) : renameAll(value, names)
    if (other === value) continue
    changed ??= [...list]
    changed[index] = { type, value: other }
  }
  return changed ?? list
}

function renameNode(type: number, value: Uint8Array, names: AddressMap): Uint8Array {
  if (type !== elements.nodeId || (value[0]! & 15) !== nodeIdTypes.name) return value
  const name = nameText(value, 1, value.length)
  const other = names.name?.(name) ?? name
  if (other === name) return value
  const bytes = nameBytes(other)
  if (bytes === null) throw new RangeError(`no name of a node: ${other}`)
  return Uint8Array.of(value[0]!, ...bytes)
}
