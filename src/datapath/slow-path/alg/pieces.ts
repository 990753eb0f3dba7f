// Where one direction of a TCP connection has been changed, and by what. "In" counts as the sender does, "out" as the
// receiver: between two pieces they differ by a constant, and inside a piece nothing can be told apart.
//
// A piece stays until the receiver has acknowledged it: a sender that repeats itself gets the same bytes through again.

import { advance, distance } from './sequence.ts'

interface Piece {
  readonly inStart: number
  readonly inEnd: number
  readonly outStart: number
  readonly outEnd: number
  readonly bytes: Uint8Array
}

/** A contiguous part of what the receiver gets. */
export interface Run {
  readonly start: number
  readonly bytes: Uint8Array
}

export class Pieces {
  /** out minus in, before the first piece */
  #offset = 0
  #pieces: readonly Piece[] = []

  /** Bytes that are kept. */
  get size(): number {
    return this.#pieces.reduce((size, { bytes }) => size + bytes.length, 0)
  }

  /** Behind all pieces: in order, as bytes are taken. */
  add(inStart: number, inLength: number, bytes: Uint8Array): void {
    const outStart = this.outOf(inStart)
    const piece = {
      inStart,
      inEnd: advance(inStart, inLength),
      outStart,
      outEnd: advance(outStart, bytes.length),
      bytes: bytes.slice(),
    }
    this.#pieces = [...this.#pieces, piece]
  }

  /** Inside a piece: its start. */
  outOf(position: number): number {
    let offset = this.#offset
    for (const { inEnd, inStart, outEnd, outStart } of this.#pieces) {
      if (distance(position, inStart) <= 0) break
      if (distance(position, inEnd) < 0) return outStart
      offset = distance(outEnd, inEnd)
    }
    return advance(position, offset)
  }

  /** Inside a piece: its start, or its end. */
  inOf(position: number, inside: 'start' | 'end' = 'start'): number {
    let offset = this.#offset
    for (const { inEnd, inStart, outEnd, outStart } of this.#pieces) {
      if (distance(position, outStart) <= 0) break
      if (distance(position, outEnd) < 0) return inside === 'start' ? inStart : inEnd
      offset = distance(outEnd, inEnd)
    }
    return advance(position, -offset)
  }

  /** The receiver has all before this position. */
  forget(outPosition: number): void {
    const kept = this.#pieces.findIndex(({ outEnd }) => distance(outPosition, outEnd) < 0)
    const gone = kept < 0 ? this.#pieces : this.#pieces.slice(0, kept)
    const last = gone.at(-1)
    if (!last) return
    this.#offset = distance(last.outEnd, last.inEnd)
    this.#pieces = this.#pieces.slice(gone.length)
  }

  /** What `bytes`, taken before at `from`, have become. Of a piece that they touch, all of it. */
  repeat(from: number, bytes: Uint8Array): Run {
    const to = advance(from, bytes.length)
    const parts: Uint8Array[] = []
    let start: number | null = null
    let at = from
    const push = (part: Uint8Array, outStart: number): void => {
      start ??= outStart
      parts.push(part)
    }
    for (const piece of this.#pieces) {
      if (distance(at, piece.inEnd) >= 0) continue
      if (distance(piece.inStart, to) >= 0) break
      const before = distance(piece.inStart, at)
      const done = distance(at, from)
      if (before > 0) push(bytes.subarray(done, done + before), this.outOf(at))
      push(piece.bytes, piece.outStart)
      at = piece.inEnd
    }
    if (distance(to, at) > 0) push(bytes.subarray(distance(at, from)), this.outOf(at))
    return { start: start ?? this.outOf(from), bytes: Buffer.concat(parts) }
  }

  /** The first piece that begins before this position. */
  first(inBefore: number): Run | null {
    const [piece] = this.#pieces
    return piece && distance(piece.inStart, inBefore) < 0 ? { start: piece.outStart, bytes: piece.bytes } : null
  }
}
