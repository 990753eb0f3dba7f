// What the slow path has done, for status and metrics.

import { puntReasonNames } from '../layout.gen.ts'
import type { PuntReason } from '../layout.gen.ts'

/** Milliseconds; what took longer than the last is counted beyond it. */
export const latencyBoundsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const

export interface ReasonStatus {
  readonly received: number
  /** queued, or with a handler */
  readonly waiting: number
  readonly answered: number
  /** by name */
  readonly dropped: Readonly<Record<string, number>>
  /** from the fast path to the answer: how many took at most each of `latencyBoundsMs`, and at the end all others */
  readonly latency: readonly number[]
  readonly latencySumMs: number
}

export interface SlowPathStatus {
  readonly reasons: Readonly<Record<PuntReason, ReasonStatus>>
  /** punts that found the ring full */
  readonly lost: number
  /** records of the ring that could not be read, by name */
  readonly unreadable: Readonly<Record<string, number>>
  /** packets, and those that could not be sent, by name */
  readonly sent: number
  readonly unsent: Readonly<Record<string, number>>
}

class Counts {
  readonly #counts = new Map<string, number>()

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
}

class ReasonStatistics {
  received = 0
  answered = 0
  waiting = 0
  readonly dropped = new Counts()
  readonly #latency = Array.from({ length: latencyBoundsMs.length + 1 }, () => 0)
  #latencySumMs = 0

  took(ms: number): void {
    const bucket = latencyBoundsMs.findIndex((bound) => ms <= bound)
    this.#latency[bucket < 0 ? latencyBoundsMs.length : bucket]!++
    this.#latencySumMs += ms
  }

  read(): ReasonStatus {
    return {
      received: this.received,
      waiting: this.waiting,
      answered: this.answered,
      dropped: this.dropped.read(),
      latency: [...this.#latency],
      latencySumMs: this.#latencySumMs,
    }
  }
}

export class Statistics {
  readonly #reasons = new Map(puntReasonNames.map((reason) => [reason, new ReasonStatistics()]))
  readonly unreadable = new Counts()
  readonly unsent = new Counts()
  lost = 0
  sent = 0

  of(reason: PuntReason): ReasonStatistics {
    return this.#reasons.get(reason)!
  }

  read(): SlowPathStatus {
    const reasons = Object.fromEntries([...this.#reasons].map(([reason, each]) => [reason, each.read()]))
    return {
      reasons: reasons as Record<PuntReason, ReasonStatus>,
      lost: this.lost,
      unreadable: this.unreadable.read(),
      sent: this.sent,
      unsent: this.unsent.read(),
    }
  }
}
