// Elements as they stand in a message, found and rewritten without taking the message apart. What is given here has
// been checked by the codec: every length is that of something that is there.

import { write16 } from '../../wire/fields.ts'

const headerBytes = 4

const typeAt = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
const endAt = (bytes: Uint8Array, at: number): number => at + headerBytes + ((bytes[at + 2]! << 8) | bytes[at + 3]!)

/** The value of the first element of a type among those of a message or a group. */
export function valueOf(bytes: Uint8Array, type: number, start = 0, end = bytes.length): Uint8Array | null {
  for (let at = start; at + headerBytes <= end; at = endAt(bytes, at)) {
    if (typeAt(bytes, at) === type) return bytes.subarray(at + headerBytes, endAt(bytes, at))
  }
  return null
}

/** The values of all elements of a type, in their order. */
export function valuesOf(bytes: Uint8Array, type: number): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at + headerBytes <= bytes.length; at = endAt(bytes, at)) {
    if (typeAt(bytes, at) === type) found.push(bytes.subarray(at + headerBytes, endAt(bytes, at)))
  }
  return found
}

/** The type of the element at the top of a message that reading ended in at `offset`; null: it was between them. */
export function typeAround(bytes: Uint8Array, start: number, offset: number): number | null {
  for (let at = start; at + headerBytes <= bytes.length; at = endAt(bytes, at)) {
    if (offset <= endAt(bytes, at)) return typeAt(bytes, at)
  }
  return null
}

/** Sees each element; true: it is a group whose elements are to be seen too. */
export type See = (type: number, bytes: Uint8Array, start: number, end: number, depth: number) => boolean

export function seeElements(bytes: Uint8Array, see: See, start = 0, end = bytes.length, depth = 0): void {
  for (let at = start; at + headerBytes <= end;) {
    const next = endAt(bytes, at)
    if (see(typeAt(bytes, at), bytes, at + headerBytes, next, depth))
      seeElements(bytes, see, at + headerBytes, next, depth + 1)
    at = next
  }
}

/** Bytes in place of a value; `keep`; `drop`: without the element; `open`: a group, whose elements are to be edited. */
type Edited = Uint8Array | 'keep' | 'drop' | 'open'

/** `depth` is 0 for elements at the top. */
export type Edit = (type: number, bytes: Uint8Array, start: number, end: number, depth: number) => Edited

/** Of a message's elements: a datagram of IPv4 without its headers and the message's. */
export const longestBody = 65_507 - 16

const room = new Uint8Array(longestBody)
let filled = 0

/** What is longer than a message can be. */
class TooLong extends Error {}

/**
 * The elements as edited: a view that holds until the next call, which `edit` must not make. null: they are longer than
 * a message can be.
 */
export function rewrite(body: Uint8Array, edit: Edit, more: Uint8Array | null = null): Uint8Array | null {
  filled = 0
  try {
    rewritePart(body, 0, body.length, edit, 0)
    if (more !== null) put(more, 0, more.length)
    return room.subarray(0, filled)
  } catch (error) {
    if (error instanceof TooLong) return null
    throw error
  }
}

function rewritePart(bytes: Uint8Array, start: number, end: number, edit: Edit, depth: number): void {
  // What stays is copied in one piece, up to the next element that changes.
  let kept = start
  for (let at = start; at + headerBytes <= end;) {
    const next = endAt(bytes, at)
    const edited = edit(typeAt(bytes, at), bytes, at + headerBytes, next, depth)
    if (edited !== 'keep') {
      put(bytes, kept, at)
      kept = next
      if (edited !== 'drop') replace(bytes, at, next, edited, edit, depth)
    }
    at = next
  }
  put(bytes, kept, end)
}

function replace(
  bytes: Uint8Array,
  at: number,
  next: number,
  by: Uint8Array | 'open',
  edit: Edit,
  depth: number,
): void {
  put(bytes, at, at + headerBytes)
  const from = filled
  if (by === 'open') rewritePart(bytes, at + headerBytes, next, edit, depth + 1)
  else put(by, 0, by.length)
  write16(room, from - 2, filled - from)
}

function put(bytes: Uint8Array, start: number, end: number): void {
  if (filled + end - start > room.length) throw new TooLong()
  if (end - start < shortBytes) for (let i = start; i < end; i++) room[filled++] = bytes[i]!
  else {
    room.set(bytes.subarray(start, end), filled)
    filled += end - start
  }
}

/** Up to here a loop is faster than a call. */
const shortBytes = 48
