// How fast things begin: so many a second, and never more than so many under way.

/** What was not begun in time is made up for, but not for longer than this. */
const mostBehindMs = 100

/** Tokens that come with time. */
export class Pace {
  readonly #perMs: number
  readonly #most: number
  #tokens = 0
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#most = Math.max(1, this.#perMs * mostBehindMs)
    this.#atMs = nowMs
  }

  /** How many may begin now. */
  due(nowMs: number): number {
    if (this.#perMs === Infinity) return Infinity
    this.#tokens = Math.min(this.#most, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    return Math.floor(this.#tokens)
  }

  /** So many have begun. */
  take(count: number): void {
    if (this.#perMs !== Infinity) this.#tokens -= count
  }
}
