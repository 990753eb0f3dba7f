// The request that would establish a session as it is now: the one that did, and all modifications since, merged rule
// by rule (TS 29.244, 7.5.2 and 7.5.4). Kept as bytes; merged when it is needed, or when changes pile up.

import { readElements, writeElements } from '../../protocols/pfcp/index.ts'
import { join } from '../../wire/fields.ts'
import { longestBody } from './spans.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { Session } from './sessions.ts'

/** How a rule is made, changed, removed and known: PDR, FAR, URR, QER, BAR, Traffic Endpoint, MAR, SRR. */
const kinds = [
  { create: 1, update: 9, remove: 15, id: 56 },
  { create: 3, update: 10, remove: 16, id: 108 },
  { create: 6, update: 13, remove: 17, id: 81 },
  { create: 7, update: 14, remove: 18, id: 109 },
  { create: 85, update: 86, remove: 87, id: 88 },
  { create: 127, update: 129, remove: 130, id: 131 },
  { create: 165, update: 169, remove: 168, id: 170 },
  { create: 212, update: 213, remove: 211, id: 215 },
] as const

type Kind = (typeof kinds)[number]

const byCreate = new Map<number, Kind>(kinds.map((kind) => [kind.create, kind]))
const byUpdate = new Map<number, Kind>(kinds.map((kind) => [kind.update, kind]))
const byRemove = new Map<number, Kind>(kinds.map((kind) => [kind.remove, kind]))

/** Groups of an update whose elements replace those of the group that the rule was created with. */
const partOf: ReadonlyMap<number, number> = new Map([
  [11, 4],
  [105, 5],
  [175, 166],
  [176, 167],
])

const activatePredefined = 106
const deactivatePredefined = 107
/** PFCPSMReq-Flags ask for something once. */
const smReqFlags = 49

/** Elements of a modification that last, and replace what the session had: inactivity timer, trace, set ids. */
const lasting = new Set([65, 117, 152, 291])

/** Changes that pile up before they are merged. */
const mostChanges = 8

/** `change` has been accepted. False: the session has become too long to be kept, and is not kept any more. */
export function keepChange(session: Session, change: Uint8Array, mostBytes: number): boolean {
  if (session.stored === null) return true
  session.changes.push(change)
  const bytes = session.changes.reduce((sum, { length }) => sum + length, session.stored.length)
  if (session.changes.length < mostChanges && bytes <= mostBytes) return true
  const merged = mergeChanges(session)
  if (merged !== null && merged.length <= mostBytes) return true
  session.stored = null
  return false
}

/** The request; null: it is not kept. */
export function mergeChanges(session: Session): Uint8Array | null {
  const { changes, stored } = session
  if (stored === null || changes.length === 0) return stored
  let elements: readonly PfcpElement[] = readElements(stored)
  for (const change of changes) elements = merge(elements, readElements(change))
  session.changes = []
  session.stored = written(elements)
  return session.stored
}

/** Null: a rule has grown longer than an element can be. */
function written(elements: readonly PfcpElement[]): Uint8Array | null {
  try {
    const body = writeElements(elements)
    return body.length > longestBody ? null : body
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function merge(before: readonly PfcpElement[], change: readonly PfcpElement[]): readonly PfcpElement[] {
  let elements = [...before]
  for (const element of change) {
    const { type, value } = element
    const created = byCreate.get(type)
    const updated = byUpdate.get(type)
    const removed = byRemove.get(type)
    if (created !== undefined) {
      const id = idOf(element, created)
      elements = [...elements.filter((other) => other.type !== type || idOf(other, created) !== id), element]
    } else if (removed !== undefined) {
      const id = idOf(element, removed)
      elements = elements.filter((other) => other.type !== removed.create || idOf(other, removed) !== id)
    } else if (updated !== undefined) {
      const id = idOf(element, updated)
      elements = elements.map((other) =>
        other.type === updated.create && idOf(other, updated) === id
          ? { type: other.type, value: update(partsOf(other.value), partsOf(value)) }
          : other,
      )
    } else if (lasting.has(type)) {
      elements = [...elements.filter((other) => other.type !== type), element]
    }
  }
  return elements
}

const partsOf = (value: PfcpElement['value']): readonly PfcpElement[] => (value instanceof Uint8Array ? [] : value)

function idOf({ value }: PfcpElement, { id }: Kind): string | null {
  const found = partsOf(value).find(({ type }) => type === id)?.value
  return found instanceof Uint8Array ? textOf(found) : null
}

const textOf = (value: Uint8Array): string => Buffer.from(value).toString('hex')

/** Each type of element that an update has takes the place of all of that type. */
function update(before: readonly PfcpElement[], change: readonly PfcpElement[]): readonly PfcpElement[] {
  const replaced = new Set<number>()
  let elements = [...before]
  for (const { type, value } of change) {
    if (type === smReqFlags) continue
    if (type === deactivatePredefined && value instanceof Uint8Array) {
      const name = textOf(value)
      elements = elements.filter(
        (other) =>
          other.type !== activatePredefined || !(other.value instanceof Uint8Array) || textOf(other.value) !== name,
      )
      continue
    }
    const part = partOf.get(type)
    if (part !== undefined) {
      const known = elements.find((other) => other.type === part)
      const merged = { type: part, value: update(known === undefined ? [] : partsOf(known.value), partsOf(value)) }
      elements =
        known === undefined ? [...elements, merged] : elements.map((other) => (other === known ? merged : other))
      continue
    }
    if (type !== activatePredefined && !replaced.has(type)) elements = elements.filter((other) => other.type !== type)
    replaced.add(type)
    elements.push({ type, value })
  }
  return elements
}

/** Bytes of its own: what comes from a datagram does not stay. */
export const kept = (body: Uint8Array): Uint8Array => join(body)
