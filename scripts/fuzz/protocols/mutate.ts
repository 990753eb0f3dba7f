// Changes of an input: those that parsers of lengths, counts and nested elements are most likely to mind.

import { pick, type Draw } from '../../../test/bpf/random/draw.ts'

/** bytes: what a datagram has room for */
const longest = 65_535
const edges8 = [0, 1, 2, 3, 4, 7, 8, 0x0d, 0x0a, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc1, 0xc4, 0xfe, 0xff]
const edges16 = [0, 1, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfffe, 0xffff]
const edges32 = [0, 1, 0xff, 0xffff, 0x1_0000, 0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

type Change = (bytes: Buffer, draw: Draw, others: readonly Uint8Array[]) => Buffer

const place = (bytes: Buffer, draw: Draw): number => draw(bytes.length + 1)
const spliced = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(Math.min(bytes.length, at + remove))])
/** Most spans are short. */
const span = (draw: Draw): number => 1 + draw(draw(4) === 0 ? 64 : 8)

const overwrite =
  (width: 1 | 2 | 4, edges: readonly number[]): Change =>
  (bytes, draw) => {
    if (bytes.length < width) return bytes
    const at = draw(bytes.length - width + 1)
    const other = Buffer.from(bytes)
    other.writeUIntBE(pick(draw, edges), at, width)
    return other
  }

const changes: readonly Change[] = [
  overwrite(1, edges8),
  overwrite(2, edges16),
  overwrite(4, edges32),
  function flip(bytes, draw) {
    if (bytes.length === 0) return bytes
    const other = Buffer.from(bytes)
    other[draw(bytes.length)]! ^= 1 << draw(8)
    return other
  },
  function any(bytes, draw) {
    if (bytes.length === 0) return bytes
    const other = Buffer.from(bytes)
    other[draw(bytes.length)] = draw(256)
    return other
  },
  function add(bytes, draw) {
    if (bytes.length === 0) return bytes
    const other = Buffer.from(bytes)
    const at = draw(bytes.length)
    other[at] = (other[at]! + draw(9) - 4) & 0xff
    return other
  },
  (bytes, draw) => spliced(bytes, place(bytes, draw), span(draw), Buffer.alloc(0)),
  (bytes, draw) => {
    const insert = Buffer.alloc(span(draw), draw(256))
    return spliced(bytes, place(bytes, draw), 0, insert)
  },
  function repeat(bytes, draw) {
    const at = place(bytes, draw)
    const part = bytes.subarray(at, at + span(draw) * (1 + draw(4)))
    return spliced(bytes, place(bytes, draw), 0, part)
  },
  function cross(bytes, draw, others) {
    const other = pick(draw, others)
    const at = draw(other.length + 1)
    const part = other.subarray(at, at + span(draw) * (1 + draw(8)))
    return spliced(bytes, place(bytes, draw), draw(2) === 0 ? 0 : part.length, part)
  },
  (bytes, draw) => bytes.subarray(0, place(bytes, draw)),
  function many(bytes, draw) {
    const at = place(bytes, draw)
    const part = bytes.subarray(at, at + span(draw))
    return spliced(bytes, at, 0, Buffer.concat(Array.from({ length: draw(300) }, () => part)))
  },
]

/** Another input, with a buffer of its own. */
export function mutate(draw: Draw, input: Uint8Array, others: readonly Uint8Array[]): Buffer {
  let bytes: Buffer = Buffer.from(input)
  // The last kind makes long inputs, which take their time: rarely.
  const kinds = draw(50) === 0 ? changes.length : changes.length - 1
  for (let left = 1 + draw(2) * draw(5); left > 0; left--) bytes = changes[draw(kinds)]!(bytes, draw, others)
  return Buffer.from(bytes.subarray(0, longest))
}

/**
 * The shortest input found by leaving parts out that `isBad` still says of. Asks a limited number of times.
 */
export function shortest(input: Uint8Array, isBad: (bytes: Uint8Array) => boolean): Uint8Array {
  let bytes = Buffer.from(input)
  let asked = 0
  for (let size = bytes.length >> 1; size > 0 && asked < 4000; size >>= 1) {
    for (let at = 0; at < bytes.length && asked < 4000; asked++) {
      const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
      if (isBad(Buffer.from(shorter))) bytes = shorter
      else at += size
    }
  }
  return bytes
}
