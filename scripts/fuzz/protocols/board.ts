// Memory that two threads share: the one that fuzzes shows on it what it is at.

const headerBytes = 8
const mostBytes = 1 << 20

export class Board {
  readonly #counter: Int32Array
  readonly #bytes: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#counter = new Int32Array(memory, 0, 2)
    this.#bytes = new Uint8Array(memory, headerBytes)
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(headerBytes + mostBytes)
  }

  show(input: Uint8Array, count: number): void {
    this.#bytes.set(input.subarray(0, mostBytes))
    Atomics.store(this.#counter, 1, input.length)
    Atomics.store(this.#counter, 0, count)
  }

  /** how many inputs there were; 0: none yet */
  get count(): number {
    return Atomics.load(this.#counter, 0)
  }

  get input(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#counter, 1))
  }
}
