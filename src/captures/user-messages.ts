// SCTP user messages from DATA and I-DATA chunks (RFC 9260, 6.9; RFC 8260, 2): parts follow each other by their TSN, or
// by message and fragment numbers. A TSN that was seen already is a retransmission, or was captured twice.

import { join } from '../wire/fields.ts'
import { chunkLimits as limits } from './limits.ts'

export interface DataChunk {
  readonly flags: number
  readonly tsn: number
  /** I-DATA: stream, U bit and message number, which all parts share; '' for DATA */
  readonly message: string
  /** I-DATA: number of the part; DATA: the TSN */
  readonly part: number
  readonly ppid: number
  readonly payload: Uint8Array
}

export interface UserMessage {
  readonly ppid: number
  /** a view of the chunk where it came in one */
  readonly bytes: Uint8Array
}

export const bits = { end: 1, begin: 2 } as const
const rememberedTsns = 256
const unset = -1

interface Held {
  readonly flags: number
  readonly ppid: number
  readonly payload: Uint8Array
}

interface Direction {
  /** TSN by its lowest bits */
  readonly seen: Float64Array
  /** by message and number of the part; made when a message comes in parts */
  held: Map<string, Map<number, Held>> | null
  bytes: number
}

export class UserMessages {
  /** by ports and verification tag: one direction of an association, over whichever addresses */
  readonly #directions = new Map<string, Direction>()
  #bytes = 0
  readonly #count: (reason: string) => void

  constructor(count: (reason: string) => void) {
    this.#count = count
  }

  /** The message that this chunk makes whole; null: it is a part, or a repetition. */
  add(key: string, chunk: DataChunk): UserMessage | null {
    const direction = this.#direction(key)
    const slot = chunk.tsn % rememberedTsns
    if (direction.seen[slot] === chunk.tsn) return null
    direction.seen[slot] = chunk.tsn
    const { flags, payload, ppid } = chunk
    if ((flags & (bits.begin | bits.end)) === (bits.begin | bits.end)) return { ppid, bytes: payload }
    return this.#addPart(direction, chunk)
  }

  finish(): void {
    for (const direction of this.#directions.values()) this.#forget(direction, 'SCTP message incomplete')
    this.#directions.clear()
  }

  #direction(key: string): Direction {
    const known = this.#directions.get(key)
    if (known !== undefined) return known
    if (this.#directions.size === limits.associations) {
      const [oldest, direction] = this.#directions.entries().next().value!
      this.#forget(direction, 'too many SCTP associations')
      this.#directions.delete(oldest)
    }
    const made = { seen: new Float64Array(rememberedTsns).fill(unset), held: null, bytes: 0 }
    this.#directions.set(key, made)
    return made
  }

  #addPart(direction: Direction, { flags, message, part, payload, ppid }: DataChunk): UserMessage | null {
    if (direction.bytes + payload.length > limits.bytes || this.#bytes + payload.length > limits.allBytes)
      this.#forget(direction, 'SCTP message too long')
    direction.held ??= new Map()
    const parts = direction.held.get(message) ?? new Map<number, Held>()
    if (parts.size === limits.parts) {
      this.#forget(direction, 'SCTP message of too many parts')
      return null
    }
    direction.held.set(message, parts)
    parts.set(part, { flags, ppid, payload: payload.slice() })
    direction.bytes += payload.length
    this.#bytes += payload.length
    const run = wholeRun(parts, part)
    if (run === null) return null
    const found = run.map((number) => parts.get(number)!)
    for (const number of run) parts.delete(number)
    if (parts.size === 0) direction.held.delete(message)
    const bytes = join(...found.map((held) => held.payload))
    direction.bytes -= bytes.length
    this.#bytes -= bytes.length
    return { ppid: found[0]!.ppid, bytes }
  }

  #forget(direction: Direction, reason: string): void {
    if (direction.held !== null && direction.held.size > 0) this.#count(reason)
    this.#bytes -= direction.bytes
    direction.bytes = 0
    direction.held = null
  }
}

/** The parts around one, from a beginning to an end without a gap. */
function wholeRun(parts: ReadonlyMap<number, Held>, around: number): readonly number[] | null {
  const run: number[] = []
  let at = around
  for (;;) {
    const held = parts.get(at)
    if (held === undefined) return null
    if ((held.flags & bits.begin) !== 0) break
    at = (at - 1) >>> 0
  }
  for (;;) {
    const held = parts.get(at)
    if (held === undefined) return null
    run.push(at)
    if ((held.flags & bits.end) !== 0) return run
    at = (at + 1) >>> 0
  }
}
