// Says in the log when packets were dropped for want of something that the configuration can give more of, and not more
// often than anybody would read it.

import type { Log } from '../lb/log.ts'
import type { Verdicts } from '../lb/datapath.ts'

/** Between two lines about the same. */
const periodMs = 10_000

const advice = {
  drop_ports_exhausted: 'no source port was free: give the services more `sources`, or `snat.ports` a wider range',
} as const

export interface ExhaustionOptions {
  readonly verdicts: () => Verdicts
  readonly log: Log
  /** milliseconds */
  readonly now: () => number
}

export class Exhaustion {
  readonly #options: ExhaustionOptions
  readonly #before = new Map<string, bigint>()
  #nextMs: number

  /** What was dropped before is old news. */
  constructor(options: ExhaustionOptions) {
    this.#options = options
    this.#nextMs = options.now() + periodMs
    this.#grown()
  }

  /** Called often; looks now and then. */
  step(): void {
    const { log, now } = this.#options
    if (now() < this.#nextMs) return
    this.#nextMs = now() + periodMs
    for (const { verdict, packets, why } of this.#grown()) {
      log.warn({ verdict, packets: Number(packets) }, `${packets} packets were dropped (${verdict}): ${why}`)
    }
  }

  #grown(): readonly { readonly verdict: string; readonly packets: bigint; readonly why: string }[] {
    const { xdp, tc } = this.#options.verdicts()
    return Object.entries(advice).flatMap(([verdict, why]) => {
      const count = (xdp[verdict] ?? 0n) + (tc[verdict] ?? 0n)
      const packets = count - (this.#before.get(verdict) ?? 0n)
      this.#before.set(verdict, count)
      return packets > 0n ? [{ verdict, packets, why }] : []
    })
  }
}
