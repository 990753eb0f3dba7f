// What the fast path refuses a proxy, counted by reason and told now and then: one session must not keep others from
// their way, nor fill the log.

import type { Log } from '../lb/log.ts'

/** What is refused for one reason is told so often at most. */
const tellEveryMs = 10_000

export interface RefusalsOptions {
  /** of the service */
  readonly name: string
  readonly log: Log
  readonly nowMs: () => number
}

export class Refusals {
  readonly #options: RefusalsOptions
  readonly #seen = new Map<string, { count: number; toldMs: number }>()

  constructor(options: RefusalsOptions) {
    this.#options = options
  }

  /** `what` has become of it. */
  add({ message, reason }: { readonly message: string; readonly reason: string }, what: string): void {
    const { log, name, nowMs } = this.#options
    const seen = this.#seen.get(reason) ?? { count: 0, toldMs: -Infinity }
    seen.count++
    if (nowMs() - seen.toldMs >= tellEveryMs) {
      seen.toldMs = nowMs()
      log.warn({ service: name, reason, count: seen.count }, `${what}: ${message}`)
    }
    this.#seen.set(reason, seen)
  }

  /** By reason, each behind `prefix`. */
  counters(prefix: string): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#seen].map(([reason, { count }]) => [`${prefix}: ${reason}`, count]))
  }
}
