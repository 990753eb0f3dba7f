// Token buckets: one for all, and one for each of the latest askers, of whom a named number is remembered.

export interface RateLimits {
  /** of all together */
  readonly perSecond: number
  readonly eachPerSecond: number
  /** How many askers are remembered; the one that has not asked for longest is forgotten first. */
  readonly askers: number
}

interface Bucket {
  tokens: number
  atMs: number
}

export class RateLimit {
  readonly #limits: RateLimits
  readonly #all: Bucket
  readonly #each = new Map<string, Bucket>()

  constructor(limits: RateLimits, nowMs: number) {
    this.#limits = limits
    this.#all = { tokens: limits.perSecond, atMs: nowMs }
  }

  /** Takes a token of both buckets, or of neither: a second's worth may be taken at once. */
  take(asker: string, nowMs: number): boolean {
    const { perSecond, eachPerSecond, askers } = this.#limits
    const own = this.#each.get(asker) ?? { tokens: eachPerSecond, atMs: nowMs }
    this.#each.delete(asker)
    this.#each.set(asker, own)
    if (this.#each.size > askers) this.#each.delete(this.#each.keys().next().value!)
    fill(this.#all, perSecond, nowMs)
    fill(own, eachPerSecond, nowMs)
    if (this.#all.tokens < 1 || own.tokens < 1) return false
    this.#all.tokens--
    own.tokens--
    return true
  }
}

function fill(bucket: Bucket, perSecond: number, nowMs: number): void {
  bucket.tokens = Math.min(perSecond, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000)
  bucket.atMs = nowMs
}
