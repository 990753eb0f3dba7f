// Walks over the elements of version 2 of GTP-C (TS 29.274, 8.2.1): a type of one byte, a length of two, a byte whose
// lower half is the instance, which tells elements of one type apart, and the value.

import { DecodeError } from '../../wire/decode-error.ts'
import { types } from './v2-elements.ts'
import type { ElementSpan } from '../element-table.ts'

const headerBytes = 4

/** Groups within groups; the messages of the specification need two. */
const deepestGroup = 8

/** Sees the value of each element that is no group; `depth` 0 is the top of the message. */
export type Visit = (
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  instance: number,
  depth: number,
) => void

/** Throws DecodeError with the path of elements to what is wrong, be it in the structure or found by `visit`. */
export function walk(bytes: Uint8Array, from: number, end: number, visit: Visit, depth = 0): void {
  for (let at = from; at < end;) {
    if (at + headerBytes > end) throw new DecodeError('truncated', end)
    const type = bytes[at]!
    const start = at + headerBytes
    const next = start + ((bytes[at + 1]! << 8) | bytes[at + 2]!)
    try {
      if (next > end) throw new DecodeError('length lies', at + 1)
      if (types[type]?.value !== null) visit(type, bytes, start, next, bytes[at + 3]! & 15, depth)
      else if (depth === deepestGroup) throw new DecodeError('nested too deep', at)
      else walk(bytes, start, next, visit, depth + 1)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError(error.reason, error.offset, [label(type, bytes, from, at), ...error.path])
    }
    at = next
  }
}

/** What a message must have right to be one: the values that are read for routing. */
export const checkElement: Visit = (type, bytes, start, end) => {
  types[type]?.value?.places?.(bytes, start, end)
}

/** `F-TEID`; `Bearer Context 2` where several may stand. */
function label(type: number, bytes: Uint8Array, from: number, at: number): string {
  const known = types[type]
  if (known === undefined) return `element ${type}`
  if (!known.many) return known.name
  let count = 1
  for (const span of spans(bytes, from, at)) if (span.type === type) count++
  return `${known.name} ${count}`
}

/** The elements of one level, which have been checked. */
export function* spans(bytes: Uint8Array, from: number, end: number): Generator<ElementSpan> {
  for (let at = from; at < end;) {
    const start = at + headerBytes
    const next = start + ((bytes[at + 1]! << 8) | bytes[at + 2]!)
    yield { type: bytes[at]!, instance: bytes[at + 3]! & 15, start, end: next }
    at = next
  }
}
