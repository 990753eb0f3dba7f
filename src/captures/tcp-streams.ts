// Messages from TCP connections: each direction is put in order by its sequence numbers, and cut into messages by its
// protocol. Where bytes are missing, or no message can begin, it goes on with a segment that begins with a message.

import { DecodeError } from '../wire/decode-error.ts'
import { join } from '../wire/fields.ts'
import { tcpFlags } from '../wire/tcp.ts'
import { streamLimits as limits } from './limits.ts'

/** One direction of a connection, as its user knows it. */
export interface Owner {
  /** how many bytes the first message has; null: too few are there to tell; throws DecodeError */
  frame(bytes: Uint8Array): number | null
}

export interface Segment {
  readonly sequence: number
  readonly flags: number
  readonly payload: Uint8Array
}

export interface StreamMessage<T extends Owner> {
  readonly owner: T
  readonly bytes: Uint8Array
  /** why no message can be made of these bytes */
  readonly error: DecodeError | null
}

interface Held {
  readonly sequence: number
  readonly payload: Uint8Array
}

interface Stream<T extends Owner> {
  /** sequence number of the next byte */
  next: number
  /** in order and not a whole message yet */
  parts: Uint8Array[]
  partBytes: number
  /** so many bytes must be there before the framing is asked again */
  wanted: number
  /** out of order */
  held: Held[]
  heldBytes: number
  /** Whether what comes next begins a message; if not, only a segment's first byte may. */
  inStep: boolean
  readonly owner: T
}

const none: readonly never[] = []
/** Distance from b to a in sequence numbers, which begin again after 2^32. */
const distance = (a: number, b: number): number => (a - b) | 0

export class TcpStreams<T extends Owner> {
  /** by addresses and ports, for each direction */
  readonly #streams = new Map<string, Stream<T>>()
  #bytes = 0
  readonly #count: (reason: string) => void

  constructor(count: (reason: string) => void) {
    this.#count = count
  }

  /** The messages that this segment makes whole. Views where they came in one segment. */
  add(key: string, segment: Segment, makeOwner: () => T): readonly StreamMessage<T>[] {
    const { flags, payload, sequence } = segment
    const opens = (flags & tcpFlags.syn) !== 0
    const first = opens ? (sequence + 1) >>> 0 : sequence
    let stream = this.#streams.get(key)
    if (stream === undefined || (opens && stream.next !== first && payload.length === 0)) {
      if (!opens && payload.length === 0) return none
      stream = this.#open(key, makeOwner(), first, opens)
    }
    if (payload.length === 0) return none
    const ahead = distance(first, stream.next)
    if (ahead > 0) return this.#hold(stream, first, payload)
    if (-ahead >= payload.length) return none
    const found: StreamMessage<T>[] = []
    this.#append(stream, ahead === 0 ? payload : payload.subarray(-ahead), found)
    this.#release(stream, found)
    return found
  }

  /** There is no more: what came behind missing bytes. */
  finish(): readonly StreamMessage<T>[] {
    const found: StreamMessage<T>[] = []
    for (const stream of this.#streams.values()) {
      while (stream.held.length > 0) this.#jump(stream, found)
      if (stream.partBytes > 0 && stream.inStep) this.#count('TCP ends inside a message')
    }
    this.#streams.clear()
    return found
  }

  #open(key: string, owner: T, next: number, inStep: boolean): Stream<T> {
    const old = this.#streams.get(key)
    if (old === undefined && this.#streams.size === limits.streams) {
      const [oldest, stream] = this.#streams.entries().next().value!
      this.#count('too many TCP connections')
      this.#drop(stream)
      this.#streams.delete(oldest)
    }
    if (old !== undefined) this.#drop(old)
    const stream = { next, parts: [], partBytes: 0, wanted: 0, held: [], heldBytes: 0, inStep, owner }
    this.#streams.set(key, stream)
    return stream
  }

  #hold(stream: Stream<T>, sequence: number, payload: Uint8Array): readonly StreamMessage<T>[] {
    const found: StreamMessage<T>[] = []
    if (stream.held.some((held) => held.sequence === sequence && held.payload.length >= payload.length)) return none
    const after = stream.held.findIndex((held) => distance(held.sequence, sequence) > 0)
    stream.held.splice(after < 0 ? stream.held.length : after, 0, { sequence, payload: payload.slice() })
    stream.heldBytes += payload.length
    this.#bytes += payload.length
    const isFull = stream.held.length > limits.segments || stream.heldBytes > limits.bytes
    if (isFull || this.#bytes > limits.allBytes) this.#jump(stream, found)
    return found
  }

  /** Goes on behind what is missing. */
  #jump(stream: Stream<T>, found: StreamMessage<T>[]): void {
    const first = stream.held[0]
    if (first === undefined) return
    this.#count('TCP bytes missing')
    this.#clear(stream)
    stream.inStep = false
    stream.next = first.sequence
    this.#release(stream, found)
  }

  /** What was held and is in order now. */
  #release(stream: Stream<T>, found: StreamMessage<T>[]): void {
    for (let held = stream.held[0]; held !== undefined; held = stream.held[0]) {
      const ahead = distance(held.sequence, stream.next)
      if (ahead > 0) return
      stream.held.shift()
      stream.heldBytes -= held.payload.length
      this.#bytes -= held.payload.length
      if (-ahead < held.payload.length) this.#append(stream, held.payload.subarray(-ahead), found)
    }
  }

  #append(stream: Stream<T>, payload: Uint8Array, found: StreamMessage<T>[]): void {
    stream.next = (stream.next + payload.length) >>> 0
    // Out of step, each segment is a new try.
    if (!stream.inStep && stream.partBytes > 0 && stream.wanted === 0) this.#clear(stream)
    const total = stream.partBytes + payload.length
    if (stream.partBytes > 0 && total < stream.wanted) {
      this.#keep(stream, payload.slice())
      return
    }
    const bytes = stream.partBytes === 0 ? payload : join(...stream.parts, payload)
    this.#clear(stream)
    const end = this.#cut(stream, bytes, found)
    if (end < bytes.length) this.#keep(stream, bytes.slice(end))
    if (stream.partBytes <= limits.bytes) return
    this.#count('TCP message too long')
    this.#clear(stream)
    stream.inStep = false
  }

  /** Where the first message begins that is not whole. */
  #cut(stream: Stream<T>, bytes: Uint8Array, found: StreamMessage<T>[]): number {
    let at = 0
    while (at < bytes.length) {
      const rest = at === 0 ? bytes : bytes.subarray(at)
      let length: number | null
      try {
        length = stream.owner.frame(rest)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        // Said once, not for each segment of a connection that speaks something else.
        if (stream.inStep) found.push({ owner: stream.owner, bytes: rest, error })
        stream.inStep = false
        return bytes.length
      }
      stream.wanted = length ?? 0
      if (length === null || length > rest.length) return at
      stream.inStep = true
      found.push({ owner: stream.owner, bytes: rest.subarray(0, length), error: null })
      at += length
    }
    return at
  }

  #keep(stream: Stream<T>, part: Uint8Array): void {
    stream.parts.push(part)
    stream.partBytes += part.length
    this.#bytes += part.length
  }

  #clear(stream: Stream<T>): void {
    this.#bytes -= stream.partBytes
    stream.parts = []
    stream.partBytes = 0
  }

  #drop(stream: Stream<T>): void {
    this.#clear(stream)
    this.#bytes -= stream.heldBytes
    stream.held = []
    stream.heldBytes = 0
  }
}
