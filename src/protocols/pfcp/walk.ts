// Walks over the elements of a message as they stand on the wire: a type and a length of two bytes each, then the
// value; a type with its highest bit set has an enterprise number before its value (TS 29.244, 8.1.1).

import { DecodeError } from '../../wire/decode-error.ts'
import { types } from './elements.ts'
import type { ElementSpan } from '../element-table.ts'

const headerBytes = 4
const enterpriseBit = 0x8000

/** Groups within groups; the messages of the specification need four. */
const deepestGroup = 8

export const isGroup = (type: number): boolean => types[type]?.value === null

/** Sees the value of each element that is no group. */
export type Visit = (type: number, bytes: Uint8Array, start: number, end: number) => void

/** Throws DecodeError with the path of elements to what is wrong, be it in the structure or found by `visit`. */
export function walk(bytes: Uint8Array, start: number, end: number, visit: Visit, depth = 0): void {
  for (let at = start; at < end;) {
    if (at + headerBytes > end) throw new DecodeError('truncated', end)
    const type = (bytes[at]! << 8) | bytes[at + 1]!
    const from = at + headerBytes
    const next = from + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
    try {
      if (next > end) throw new DecodeError('length lies', at + 2)
      if (!isGroup(type)) visit(type, bytes, from, next)
      else if (depth === deepestGroup) throw new DecodeError('nested too deep', at)
      else walk(bytes, from, next, visit, depth + 1)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError(error.reason, error.offset, [label(type, bytes, start, at), ...error.path])
    }
    at = next
  }
}

/** What a message must have right to be one: the values that are read for routing, and enterprise numbers. */
export const checkElement: Visit = (type, bytes, start, end) => {
  types[type]?.value?.places?.(bytes, start, end)
  if (type >= enterpriseBit && end - start < 2) throw new DecodeError('truncated', end)
}

/** `F-TEID`; `Create PDR 2` where several may stand. */
function label(type: number, bytes: Uint8Array, start: number, at: number): string {
  const known = types[type]
  if (known === undefined) return `element ${type}`
  if (!known.many) return known.name
  let count = 1
  for (const span of spans(bytes, start, at)) if (span.type === type) count++
  return `${known.name} ${count}`
}

/** The elements of one level, which have been checked. */
export function* spans(bytes: Uint8Array, start: number, end: number): Generator<ElementSpan> {
  for (let at = start; at < end;) {
    const from = at + headerBytes
    const next = from + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
    yield { type: (bytes[at]! << 8) | bytes[at + 1]!, instance: 0, start: from, end: next }
    at = next
  }
}

/** The first element of this type at the top of a message. */
export function findElement(body: Uint8Array, type: number): Uint8Array | null {
  for (let at = 0; at + headerBytes <= body.length;) {
    const from = at + headerBytes
    const next = from + ((body[at + 2]! << 8) | body[at + 3]!)
    if (((body[at]! << 8) | body[at + 1]!) === type) return body.subarray(from, next)
    at = next
  }
  return null
}
