// What a command that takes a while has of the terminal: a bar that says how far it is, and Ctrl-C.

const redrawMs = 100
const barWidth = 30
const clearLine = '\r\u001b[K'

export interface ProgressOptions {
  /** where the bar is drawn; anything but a terminal gets nothing */
  readonly stream: { readonly isTTY?: boolean; write(text: string): unknown }
  /** of what is done; 0: nobody knows */
  readonly total: number
  readonly now: () => number
}

export class Progress {
  readonly #options: ProgressOptions
  readonly #startMs: number
  #done = 0
  #shownMs = 0
  #isShown = false

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#startMs = options.now()
    this.#shownMs = this.#startMs
  }

  add(amount: number): void {
    this.#done += amount
  }

  /** Draws the bar where it is time to, with what has been counted. */
  show(note: string): void {
    const { now, stream, total } = this.#options
    if (stream.isTTY !== true) return
    const nowMs = now()
    if (nowMs - this.#shownMs < redrawMs) return
    this.#shownMs = nowMs
    this.#isShown = true
    stream.write(clearLine + barText({ done: this.#done, total, elapsedMs: nowMs - this.#startMs, note }))
  }

  /** Takes the bar away, before something else is printed. */
  clear(): void {
    if (!this.#isShown) return
    this.#isShown = false
    this.#options.stream.write(clearLine)
  }
}

interface Bar {
  readonly done: number
  readonly total: number
  readonly elapsedMs: number
  readonly note: string
}

export function barText({ done, elapsedMs, note, total }: Bar): string {
  if (total === 0) return note
  const share = Math.min(1, done / total)
  const filled = Math.round(share * barWidth)
  const left = share === 0 ? 0 : Math.ceil((elapsedMs * (1 - share)) / share / 1000)
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %, ${note}${left > 0 ? `, ${left} s left` : ''}`
}

/** The first Ctrl-C asks the command to come to its end; another one does not wait for it. */
export class Interruption {
  #isAsked = false
  readonly #ask = (): void => {
    this.#isAsked = true
  }

  constructor() {
    process.once('SIGINT', this.#ask)
  }

  get isAsked(): boolean {
    return this.#isAsked
  }

  close(): void {
    process.off('SIGINT', this.#ask)
  }
}
