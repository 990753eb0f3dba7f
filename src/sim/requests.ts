// Requests to peers and their answers (TS 29.244, 6.4): sequence numbers, retransmission, and which answer is whose.

import { encodeMessage, message as messages } from './pfcp.ts'
import type { PfcpMessage } from '../protocols/pfcp/index.ts'
import type { Answer } from './pfcp.ts'
import type { Place } from '../sockets/surroundings.ts'

/** What may wait for answers; a request beyond it is not sent, and counts as never answered. */
const mostRequests = 262_144
const sequences = 2 ** 24

export interface RequestTimes {
  /** T1: how long an answer is waited for */
  readonly retransmitMs: number
  /** N1: how often a request is sent at most */
  readonly tries: number
}

export interface RequestOptions extends RequestTimes {
  readonly send: (bytes: Uint8Array, to: Place) => void
  readonly firstSequence: number
}

/** `answer` is null when there was none. */
export type Answered = (answer: PfcpMessage | null, tookMs: number) => void

interface Pending {
  readonly type: number
  readonly to: Place
  readonly bytes: Uint8Array
  readonly done: Answered
  readonly startMs: number
  sentMs: number
  triesLeft: number
}

/** `unasked`: an answer that nobody waits for, which may be late or the second one. */
export type Verdict = 'taken' | 'unasked' | 'wrong sender' | 'wrong type'

export class Requests {
  readonly #options: RequestOptions
  /** in the order they were sent last */
  readonly #pending = new Map<number, Pending>()
  #next: number
  #retransmitted = 0
  #unanswered = 0

  constructor(options: RequestOptions) {
    this.#options = options
    this.#next = options.firstSequence % sequences
  }

  get outstanding(): number {
    return this.#pending.size
  }

  get retransmitted(): number {
    return this.#retransmitted
  }

  /** requests that never had an answer */
  get unanswered(): number {
    return this.#unanswered
  }

  ask(to: Place, request: Answer, nowMs: number, done: Answered): void {
    if (this.#pending.size === mostRequests) {
      this.#unanswered++
      queueMicrotask(() => done(null, 0))
      return
    }
    while (this.#pending.has(this.#next)) this.#next = (this.#next + 1) % sequences
    const sequence = this.#next
    this.#next = (sequence + 1) % sequences
    const bytes = encodeMessage(request, sequence)
    const triesLeft = this.#options.tries - 1
    this.#pending.set(sequence, { type: request.type, to, bytes, done, startMs: nowMs, sentMs: nowMs, triesLeft })
    this.#options.send(bytes, to)
  }

  /** An answer comes from where the request went. */
  take(answer: PfcpMessage, from: Place, nowMs: number): Verdict {
    const pending = this.#pending.get(answer.sequence)
    if (pending === undefined) return 'unasked'
    if (pending.to !== from && (pending.to.address !== from.address || pending.to.port !== from.port))
      return 'wrong sender'
    if (answer.type !== pending.type + 1 && answer.type !== messages.versionNotSupported) return 'wrong type'
    this.#pending.delete(answer.sequence)
    pending.done(answer, nowMs - pending.startMs)
    return 'taken'
  }

  /** Sends again what has waited long enough, and gives up what was sent often enough. */
  tick(nowMs: number): void {
    const { retransmitMs, send } = this.#options
    for (const [sequence, pending] of this.#pending) {
      if (nowMs - pending.sentMs < retransmitMs) return
      this.#pending.delete(sequence)
      if (pending.triesLeft === 0) {
        this.#unanswered++
        pending.done(null, nowMs - pending.startMs)
        continue
      }
      pending.triesLeft--
      pending.sentMs = nowMs
      this.#pending.set(sequence, pending)
      this.#retransmitted++
      send(pending.bytes, pending.to)
    }
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#pending.clear()
  }
}
