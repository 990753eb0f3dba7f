// What the slow path has done, for status and metrics.

import { puntReasonNames } from '../layout.gen.ts'
import type { PuntReason } from '../layout.gen.ts'
import type { PuntStatus, SlowPathStatus } from '../../lb/datapath.ts'

/** Milliseconds; what took longer than the last is counted beyond it. */
export const latencyBoundsMs = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] as const

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

  read(): PuntStatus {
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
      latencyBoundsMs,
      reasons,
      lost: this.lost,
      unreadable: this.unreadable.read(),
      sent: this.sent,
      unsent: this.unsent.read(),
    }
  }
}
