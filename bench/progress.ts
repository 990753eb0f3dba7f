// One line on a terminal that says what is being done; nothing where nobody watches.

import type { WriteStream } from 'node:tty'

export class Progress {
  readonly #stream: WriteStream
  readonly #shown: boolean

  constructor(stream: WriteStream) {
    this.#stream = stream
    this.#shown = stream.isTTY
  }

  say(text: string): void {
    if (this.#shown) this.#stream.write(`\r\u001b[K${text.slice(0, this.#stream.columns - 1)}`)
  }

  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[K')
  }
}
