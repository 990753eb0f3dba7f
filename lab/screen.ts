// The terminal while the demo runs: a screen of its own that leaves the user's lines as they were, and single keys.

import type { ReadStream, WriteStream } from 'node:tty'

const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const home = '\x1b[H'
const clearLine = '\x1b[K'
const clearBelow = '\x1b[J'

export class Screen {
  readonly #input: ReadStream
  readonly #output: WriteStream
  readonly #onData: (keys: string) => void
  readonly #onExit: () => void
  #open = true

  /** Keys arrive one at a time; Ctrl-C is one of them here (`\x03`). */
  constructor(input: ReadStream, output: WriteStream, onKey: (key: string) => void) {
    this.#input = input
    this.#output = output
    this.#onData = (keys) => keys.split('').forEach(onKey)
    this.#onExit = () => this.close()
    // Whatever ends the process, the user gets the terminal back.
    process.once('exit', this.#onExit)
    input.setRawMode(true)
    input.setEncoding('utf8').on('data', this.#onData)
    output.write(enter)
  }

  /** Shows lines from the top; those that do not fit are cut off. */
  show(lines: readonly string[]): void {
    if (!this.#open) return
    // A terminal that does not know its size says 0.
    const visible = lines
      .slice(0, this.#output.rows > 0 ? this.#output.rows : lines.length)
      .map((line) => line + clearLine)
    this.#output.write(`${home}${visible.join('\r\n')}${clearBelow}`)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    process.off('exit', this.#onExit)
    this.#input.off('data', this.#onData)
    this.#input.setRawMode(false)
    this.#input.pause()
    this.#output.write(leave)
  }
}
