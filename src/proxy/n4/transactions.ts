// Transactions (TS 29.244, 6.4). A request that we have sent is sent again until it is answered, the same bytes to the
// same place; one that we have received is answered once, and its retransmissions get the same bytes.

import { Oldest } from '../../lb/oldest.ts'
import type { Outgoing, Place } from './model.ts'

const lastSequence = 0xff_ffff

interface Sent<Context> {
  readonly outgoing: Outgoing
  readonly context: Context
  readonly key: string
  readonly type: number
  readonly sequence: number
  left: number
  nextMs: number
}

export interface Due<Context> {
  readonly again: readonly Outgoing[]
  /** never answered */
  readonly failed: readonly { readonly to: Place; readonly sequence: number; readonly context: Context }[]
}

/** Requests of ours. Sequence numbers are per peer. */
export class SentRequests<Context> {
  // In the order of `nextMs`, since all wait equally long; after a change of that, those of before come first.
  readonly #sent = new Map<string, Sent<Context>>()
  readonly #sequences = new Map<string, number>()
  #retransmitMs: number
  #retransmissions: number
  readonly #limit: number

  constructor(limits: { retransmitMs: number; retransmissions: number; limit: number }) {
    this.#retransmitMs = limits.retransmitMs
    this.#retransmissions = limits.retransmissions
    this.#limit = limits.limit
  }

  get size(): number {
    return this.#sent.size
  }

  /** by address: the number of the last request */
  get sequences(): ReadonlyMap<string, number> {
    return this.#sequences
  }

  /** The next request to it has a number beyond this one. */
  skipTo(address: string, sequence: number): void {
    this.#sequences.set(address, sequence)
  }

  /** For what is sent from now on. */
  configure({ retransmissions, retransmitMs }: { retransmitMs: number; retransmissions: number }): void {
    this.#retransmitMs = retransmitMs
    this.#retransmissions = retransmissions
  }

  /** Requests that keep the proxy alive, such as heartbeats, are few and go out in any case. */
  get isFull(): boolean {
    return this.#sent.size >= this.#limit
  }

  nextSequence(address: string): number {
    const sequence = ((this.#sequences.get(address) ?? 0) % lastSequence) + 1
    this.#sequences.set(address, sequence)
    return sequence
  }

  /** A peer that has gone for good. */
  forget(address: string): void {
    this.#sequences.delete(address)
  }

  add(outgoing: Outgoing, type: number, sequence: number, context: Context, nowMs: number): Sent<Context> {
    const key = `${outgoing.to.address}/${sequence}`
    const nextMs = nowMs + this.#retransmitMs
    const sent = { outgoing, context, key, type, sequence, left: this.#retransmissions, nextMs }
    this.#sent.set(key, sent)
    return sent
  }

  /** The request that a message of this type and sequence number answers; it is not waited for any more. */
  take(from: Place, sequence: number, responseType: number): Context | null {
    const key = `${from.address}/${sequence}`
    const sent = this.#sent.get(key)
    if (sent === undefined || sent.type + 1 !== responseType) return null
    this.#sent.delete(key)
    return sent.context
  }

  due(nowMs: number): Due<Context> {
    const again: Outgoing[] = []
    const failed: { to: Place; sequence: number; context: Context }[] = []
    for (const sent of this.#sent.values()) {
      if (sent.nextMs > nowMs) break
      this.#sent.delete(sent.key)
      if (sent.left === 0) {
        failed.push({ to: sent.outgoing.to, sequence: sent.sequence, context: sent.context })
        continue
      }
      sent.left--
      sent.nextMs = nowMs + this.#retransmitMs
      this.#sent.set(sent.key, sent)
      again.push(sent.outgoing)
    }
    return { again, failed }
  }
}

/** A request that waits for our answer. */
export interface Exchange {
  readonly from: Place
  readonly type: number
  readonly sequence: number
  readonly priority: number | null
  readonly key: string
  readonly digest: number
  /** what was sent on for it, to be sent again when it comes again */
  relayed: Outgoing | null
}

interface Answered {
  readonly digest: number
  readonly bytes: Uint8Array
  readonly untilMs: number
}

export type Arrival =
  | { readonly kind: 'new'; readonly exchange: Exchange }
  | { readonly kind: 'answered'; readonly bytes: Uint8Array }
  | { readonly kind: 'pending'; readonly exchange: Exchange }
  /** another request with the sequence number of one that is not answered yet */
  | { readonly kind: 'reused' }
  | { readonly kind: 'full' }

/** Requests of others, told apart by where they come from and their sequence number. */
export class ReceivedRequests {
  readonly #open = new Map<string, Exchange>()
  // In the order of their answers: the first one is the oldest.
  readonly #answered = new Map<string, Answered>()
  readonly #oldest = new Oldest(this.#answered)
  readonly #answersMs: number
  readonly #answers: number
  readonly #openLimit: number

  constructor(limits: { answersMs: number; answers: number; open: number }) {
    this.#answersMs = limits.answersMs
    this.#answers = limits.answers
    this.#openLimit = limits.open
  }

  arrive(from: Place, heading: Omit<Exchange, 'from' | 'key' | 'digest' | 'relayed'>, bytes: Uint8Array): Arrival {
    const key = `${from.address}/${from.port}/${heading.sequence}`
    const digest = digestOf(bytes)
    const open = this.#open.get(key)
    if (open !== undefined) return open.digest === digest ? { kind: 'pending', exchange: open } : { kind: 'reused' }
    const answered = this.#answered.get(key)
    // A peer that has restarted counts from the beginning: other bytes are another request.
    if (answered?.digest === digest) return { kind: 'answered', bytes: answered.bytes }
    if (this.#open.size >= this.#openLimit) return { kind: 'full' }
    const { priority, sequence, type } = heading
    const exchange = { from, type, sequence, priority, key, digest, relayed: null }
    this.#open.set(key, exchange)
    return { kind: 'new', exchange }
  }

  /** False: the oldest of all answers is kept no longer, before its time. */
  answer({ digest, key }: Exchange, bytes: Uint8Array, nowMs: number): boolean {
    this.#open.delete(key)
    return this.takeBack({ key, digest, bytes }, nowMs)
  }

  /** Not answered, so that it may come again. */
  drop({ key }: Exchange): void {
    this.#open.delete(key)
  }

  /** requests that wait for an answer */
  get open(): number {
    return this.#open.size
  }

  /** the oldest first */
  *answered(): Generator<{ readonly key: string; readonly digest: number; readonly bytes: Uint8Array }> {
    for (const [key, { bytes, digest }] of this.#answered) yield { key, digest, bytes }
  }

  /** An answer of an engine before this one, kept as if it had been given now. False: as for `answer`. */
  takeBack({ bytes, digest, key }: { key: string; digest: number; bytes: Uint8Array }, nowMs: number): boolean {
    this.#answered.delete(key)
    this.#answered.set(key, { digest, bytes, untilMs: nowMs + this.#answersMs })
    if (this.#answered.size <= this.#answers) return true
    const oldest = this.#oldest.take()
    if (oldest !== undefined) this.#answered.delete(oldest)
    return false
  }

  expire(nowMs: number): void {
    for (const [key, { untilMs }] of this.#answered) {
      if (untilMs > nowMs) return
      this.#answered.delete(key)
    }
  }
}

/** FNV-1a over the whole message; tells a retransmission from another request, not friend from foe. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash
}
