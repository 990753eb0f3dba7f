// What a daemon does as time passes, with the capture's clock: frees idle flows, asks the slow path what is due, cleans
// up. Its steps are at fixed times since the first frame, whatever frames come between them.

/** Between two steps of a daemon's slow path, and of its expiry (src/datapath/datapath.ts). */
const slowMs = 100
const hurryMs = 5
const expiryMs = 250
/** When nothing has come for so long, all that waits for a second or a few is done, and only idle flows are left. */
const settledMs = 10_000

export interface ClockworkOptions {
  /** milliseconds: how often the whole table of flows is looked at */
  readonly walkMs: number
  /** It is that late. */
  readonly set: (ms: number) => void
  /** Frees closed flows, and what is done beside that. */
  readonly expire: () => void
  /** Frees idle flows; true when that has given the slow path something to do. */
  readonly walk: () => boolean
  /** True: again in a few milliseconds. */
  readonly slowPath: () => boolean
  /** Nothing lives that time could end. */
  readonly isEmpty: () => boolean
}

export class Clockwork {
  readonly #options: ClockworkOptions
  #slowAt = 0
  #expiryAt = 0
  #walkAt = 0
  #next = 0
  /** the last frame, or the last walk that has brought one about */
  #busyAt = 0

  constructor(options: ClockworkOptions) {
    this.#options = options
    options.set(0)
  }

  /** A frame comes in at that time. What was due until then is done first, each thing at its time. */
  advance(toMs: number): void {
    while (this.#next <= toMs) this.#step(toMs)
    this.#options.set(toMs)
    this.#busyAt = toMs
  }

  #step(toMs: number): void {
    const { expire, isEmpty, set, slowPath, walk, walkMs } = this.#options
    const now = this.#next
    set(now)
    if (this.#expiryAt <= now) expire()
    if (this.#walkAt <= now && walk()) this.#busyAt = now
    const hurries = slowPath()
    const isSettled = now - this.#busyAt >= settledMs
    // With nobody there the time until the next frame passes at once.
    const from = isSettled && isEmpty() ? Math.max(now, toMs - walkMs) : now
    this.#walkAt = this.#walkAt > from ? this.#walkAt : nextOf(from, walkMs)
    this.#expiryAt = isSettled ? this.#walkAt : nextOf(from, expiryMs)
    this.#slowAt = isSettled ? this.#walkAt : now + (hurries ? hurryMs : slowMs)
    this.#next = Math.min(this.#walkAt, this.#expiryAt, this.#slowAt)
  }

  /** Packets wait that hurry: the slow path is to be asked in a few milliseconds. */
  hurry(nowMs: number): void {
    this.#slowAt = Math.min(this.#slowAt, nowMs + hurryMs)
    this.#next = Math.min(this.#next, this.#slowAt)
  }
}

const nextOf = (after: number, period: number): number => (Math.floor(after / period) + 1) * period
