// Lengths of aligned PER (X.691, 11.9), and what they are the lengths of:
//
//     0nnnnnnn                          up to 127
//     10nnnnnn nnnnnnnn                 up to 16,383
//     11000kkk, k times 16,384 (k 1..4), then the rest with a length of its own
//
// There is one way to write a length. Another one is refused: it could not be written again as it came.

import { join } from '../../wire/fields.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

export const fragmentSize = 16_384
const mostFragments = 4

/** How many come next. `more`: it was a fragment, another length follows them. */
interface Run {
  readonly count: number
  readonly more: boolean
}

export function readRun(from: Reader): Run {
  from.align()
  const at = from.at
  const first = from.u8()
  if (first < 0x80) return { count: first, more: false }
  if (first < 0xc0) {
    const count = ((first & 0x3f) << 8) | from.u8()
    if (count < 0x80) throw from.fail('length is not in its shortest form', at)
    return { count, more: false }
  }
  const fragments = first & 0x3f
  if (fragments < 1 || fragments > mostFragments) throw from.fail('length lies', at)
  return { count: fragments * fragmentSize, more: true }
}

/** Calls `read` with the sizes of all runs. */
export function readRuns(from: Reader, read: (count: number) => void): void {
  for (let shortest = true; ;) {
    from.align()
    const at = from.at
    const { count, more } = readRun(from)
    if (more && !shortest) throw from.fail('length is not in its shortest form', at)
    read(count)
    if (!more) return
    shortest = count === mostFragments * fragmentSize
  }
}

/** Bytes with their length: a view, but for those that came in fragments. */
export function readOctets(from: Reader): Uint8Array {
  from.align()
  const first = from.peek()
  if (first < 0x80) {
    from.skip(1)
    return from.take(first)
  }
  if (first < 0xc0) return from.take(readRun(from).count)
  const parts: Uint8Array[] = []
  readRuns(from, (count) => parts.push(from.take(count)))
  return join(...parts)
}

/** Calls `write` for every run, after its length. */
export function writeRuns(to: Writer, count: number, write: (from: number, to: number) => void): void {
  let at = 0
  while (count - at >= fragmentSize) {
    const fragments = Math.min(mostFragments, Math.floor((count - at) / fragmentSize))
    to.align().u8(0xc0 | fragments)
    write(at, at + fragments * fragmentSize)
    at += fragments * fragmentSize
  }
  to.align()
  const rest = count - at
  if (rest < 0x80) to.u8(rest)
  else to.u16(0x8000 | rest)
  write(at, count)
}

export function writeOctets(to: Writer, bytes: Uint8Array): void {
  writeRuns(to, bytes.length, (from, end) => to.put(bytes.subarray(from, end)))
}
