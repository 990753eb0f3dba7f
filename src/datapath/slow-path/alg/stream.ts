// One direction of a TCP connection whose text is changed line by line on its way.
//
// A line that may have to be changed waits here for its end. Its sender may itself be waiting for an acknowledgement
// before it sends the rest, so it gets one from us, once the receiver has all that went before; from then on the
// waiting bytes are ours to deliver.

import { DecodeError } from '../../../wire/decode-error.ts'
import { join } from '../../../wire/fields.ts'
import { Pieces } from './pieces.ts'
import { advance, distance, earlier, later } from './sequence.ts'
import type { Run } from './pieces.ts'

/** Lines with their end. */
export interface Editor {
  /** What goes on in its place; null: as it is. */
  line(bytes: Uint8Array): Uint8Array | null
  /** Whether a line that begins so may have to be changed. */
  waits(start: Uint8Array): boolean
  /** No lines any more. */
  readonly done: boolean
}

/** A line that is longer passes as it is. */
export const longestLine = 512
/** Changed bytes that the receiver has not acknowledged, before a new segment is refused. */
const mostKept = 4096

const longAgo = 2 ** 30

const noBytes = new Uint8Array()
const lineFeed = 10

/** What a segment has become. */
export interface Passed extends Run {
  readonly fin: boolean
}

export class Stream {
  readonly #editor: Editor
  readonly #pieces = new Pieces()
  /** what the sender will say next */
  #next = 0
  #started = false
  #ended = false
  /** the beginning of a line, right before `next` */
  #held: Uint8Array = noBytes
  /** up to here the sender was told by us that its bytes have arrived */
  #owed = 0
  /** up to here the receiver has all, and nobody knows any more how it was changed */
  #settled = 0
  /** the beginning of a line that has gone on already; null: it has become too long */
  #gone: Uint8Array | null = noBytes

  constructor(editor: Editor) {
    this.#editor = editor
  }

  get started(): boolean {
    return this.#started
  }

  start(sequence: number): void {
    this.#started = true
    this.#next = sequence
    this.#owed = sequence
    this.#settled = sequence
  }

  /** Where this direction stands for its receiver. */
  get outNext(): number {
    return this.#pieces.outOf(this.#sent)
  }

  /** What the sender is to be told now; null: the receiver tells it. */
  get acknowledges(): number | null {
    return this.#held.length > 0 && this.#owed === this.#next ? this.#owed : null
  }

  get #sent(): number {
    return advance(this.#next, -this.#held.length)
  }

  /** The next bytes, or those again that went before. A DecodeError when they cannot be taken now. */
  receive(sequence: number, payload: Uint8Array, fin: boolean): Passed {
    const ahead = distance(sequence, this.#next)
    if (payload.length === 0 && !fin) {
      // An acknowledgement; the one of a keep-alive stands before what is next.
      return { start: ahead < 0 ? advance(this.outNext, ahead) : this.outNext, bytes: noBytes, fin: false }
    }
    if (ahead > 0) throw new DecodeError('out of order', 0)
    const settled = distance(this.#settled, sequence)
    if (settled > 0) return this.#receiveOld(payload, fin, settled)
    const known = Math.min(payload.length, -ahead)
    const fresh = payload.subarray(known)
    if (this.#ended) {
      const end = advance(this.#next, -1)
      if (distance(advance(sequence, payload.length), end) > 0) throw new DecodeError('data after FIN', 0)
    } else if (fresh.length > 0 && this.#pieces.size > mostKept) {
      throw new DecodeError('too much unacknowledged', 0)
    }
    const sent = this.#sent
    const again = Math.max(0, Math.min(known, distance(sent, sequence)))
    const repeated = again > 0 ? this.#pieces.repeat(sequence, payload.subarray(0, again)) : null
    const start = repeated?.start ?? this.#pieces.outOf(earlier(sequence, sent))
    const taken = this.#ended ? noBytes : this.#take(fresh, fin)
    if (fin && !this.#ended) {
      this.#ended = true
      this.#next = advance(this.#next, 1)
    }
    return { start, bytes: join(repeated?.bytes ?? noBytes, taken), fin }
  }

  /** What the receiver has is not said again: a position it has already had makes it repeat its acknowledgement. */
  #receiveOld(payload: Uint8Array, fin: boolean, settled: number): Passed {
    const fresh = payload.subarray(settled)
    const isNew = fresh.length > 0 || (fin && settled <= payload.length)
    if (isNew) return this.receive(this.#settled, fresh, fin)
    return { start: advance(this.#pieces.outOf(this.#settled), -1), bytes: noBytes, fin: false }
  }

  /** What the sender is to be told when the receiver says this; null: that has never been sent. */
  acknowledge(outPosition: number): number | null {
    if (distance(outPosition, this.outNext) > 0) return null
    const position = this.#pieces.inOf(outPosition)
    this.#pieces.forget(outPosition)
    this.#settled = later(this.#settled, position)
    // Long ago is not the future.
    if (distance(position, this.#owed) > longAgo) this.#owed = position
    this.#own()
    return later(position, this.#owed)
  }

  /** A part that the receiver has, as the sender knows it; null: nothing of it can be said. */
  selective(outStart: number, outEnd: number): readonly [number, number] | null {
    const start = this.#pieces.inOf(outStart, 'end')
    const end = this.#pieces.inOf(outEnd)
    return distance(end, start) > 0 ? [start, end] : null
  }

  outOf(position: number): number {
    return this.#pieces.outOf(earlier(position, this.#sent))
  }

  /** Bytes that the receiver has not acknowledged, and the sender will not send again. */
  get overdue(): Run | null {
    return this.#pieces.first(this.#owed)
  }

  #take(fresh: Uint8Array, fin: boolean): Uint8Array {
    const bytes = join(this.#held, fresh)
    const begin = this.#sent
    const ours = Math.max(0, distance(this.#owed, begin))
    const parts: Uint8Array[] = []
    let at = 0
    while (at < bytes.length) {
      const end = bytes.indexOf(lineFeed, at)
      const unit = bytes.subarray(at, this.#editor.done || end < 0 ? bytes.length : end + 1)
      const whole = !this.#editor.done && end >= 0
      if (!whole && !fin && this.#waits(unit)) break
      const changed = whole ? this.#line(unit) : this.#part(unit)
      if (changed) this.#pieces.add(advance(begin, at), unit.length, changed)
      else if (at === 0 && ours > 0) this.#pieces.add(begin, ours, unit.subarray(0, ours))
      parts.push(changed ?? unit)
      at += unit.length
    }
    this.#next = advance(this.#next, fresh.length)
    this.#held = bytes.slice(at)
    this.#own()
    return join(...parts)
  }

  /** What waits is the only thing that the receiver does not have. */
  #own(): void {
    if (this.#held.length > 0 && distance(this.#settled, this.#sent) >= 0) this.#owed = this.#next
  }

  #waits(start: Uint8Array): boolean {
    return !this.#editor.done && this.#gone?.length === 0 && start.length <= longestLine && this.#editor.waits(start)
  }

  #line(end: Uint8Array): Uint8Array | null {
    const gone = this.#gone
    this.#gone = noBytes
    if (gone === null || gone.length + end.length > longestLine) return null
    const changed = this.#editor.line(join(gone, end))
    return gone.length === 0 ? changed : null
  }

  #part(part: Uint8Array): null {
    const length = (this.#gone?.length ?? longestLine) + part.length
    this.#gone = length <= longestLine ? join(this.#gone ?? noBytes, part) : null
    return null
  }
}
