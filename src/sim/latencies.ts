// How long things took, in buckets each a twentieth wider than the one before: percentiles of millions of them in 2 KB.

const growth = Math.log(1.05)
/** up to 100 seconds */
const buckets = Math.ceil(Math.log(100e6) / growth)

export interface LatencySummary {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class Latencies {
  readonly #counts = new Uint32Array(buckets + 1)
  #count = 0
  #maxMs = 0

  add(ms: number): void {
    const micros = Math.max(1, ms * 1000)
    this.#counts[Math.min(buckets, Math.floor(Math.log(micros) / growth))]!++
    this.#count++
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: this.#percentile(0.5),
      p99Ms: this.#percentile(0.99),
      maxMs: round(this.#maxMs),
    }
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return Math.min(round(this.#maxMs), round(Math.exp((bucket + 1) * growth) / 1000))
    }
    return round(this.#maxMs)
  }
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000
