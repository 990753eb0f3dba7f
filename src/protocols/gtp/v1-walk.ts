// Walks over the elements of GTP-U and of version 1 of GTP-C (TS 29.060, 7.7): a type of one byte, then for types below
// 128 a value of a length that the type says, else a length of two bytes and the value.

import { DecodeError } from '../../wire/decode-error.ts'
import type { ElementSpan, ElementType } from '../element-table.ts'

/** bytes of the value, by type (TS 29.060, table 37) */
const fixedLengths: Readonly<Record<number, number>> = {
  1: 1,
  2: 8,
  3: 6,
  4: 4,
  5: 4,
  8: 1,
  9: 28,
  11: 1,
  12: 3,
  13: 1,
  14: 1,
  15: 1,
  16: 4,
  17: 4,
  18: 5,
  19: 1,
  20: 1,
  21: 1,
  22: 9,
  23: 1,
  24: 1,
  25: 2,
  26: 2,
  27: 2,
  28: 2,
  29: 1,
  126: 1,
  127: 4,
}

const firstWithLength = 128
/** Its length has one byte. */
const extensionHeaderTypes = 141

export type Visit = (type: number, bytes: Uint8Array, start: number, end: number) => void

/**
 * Sees every element; throws DecodeError. Nobody can tell where an element of unknown type and unsaid length ends: it
 * has all that is left.
 */
export function walk(
  bytes: Uint8Array,
  from: number,
  end: number,
  visit: Visit,
  types: readonly (ElementType | undefined)[],
): void {
  for (let at = from; at < end;) {
    const type = bytes[at]!
    const start = valueStart(type, at)
    try {
      if (start > end) throw new DecodeError('truncated', end)
      const next = valueEnd(bytes, type, start, end)
      if (next > end) throw new DecodeError(type < firstWithLength ? 'truncated' : 'length lies', start)
      visit(type, bytes, start, next)
      at = next
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError(error.reason, error.offset, [types[type]?.name ?? `element ${type}`, ...error.path])
    }
  }
}

const valueStart = (type: number, at: number): number => {
  if (type < firstWithLength) return at + 1
  return at + (type === extensionHeaderTypes ? 2 : 3)
}

const valueEnd = (bytes: Uint8Array, type: number, start: number, end: number): number => {
  if (type < firstWithLength) return fixedLengths[type] === undefined ? end : start + fixedLengths[type]
  if (type === extensionHeaderTypes) return start + bytes[start - 1]!
  return start + ((bytes[start - 2]! << 8) | bytes[start - 1]!)
}

/** The elements, which have been checked. */
export function* spans(bytes: Uint8Array, from: number, end: number): Generator<ElementSpan> {
  for (let at = from; at < end;) {
    const type = bytes[at]!
    const start = valueStart(type, at)
    const next = valueEnd(bytes, type, start, end)
    yield { type, instance: 0, start, end: next }
    at = next
  }
}
