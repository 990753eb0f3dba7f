// Bitmaps of source ports, one for each place that ports are counted at: a source address towards an endpoint. Endpoints
// that stand in several services share theirs.

const wordsPerBlock = 1024
const allOnes = 0xffffffffffffffffn

export interface PortRange {
  readonly first: number
  readonly last: number
}

interface Block {
  readonly id: number
  users: number
}

export class PortBlocks {
  readonly #words: BigUint64Array
  readonly #blocks = new Map<string, Block>()
  readonly #free: number[]
  readonly #range: PortRange

  /** Block 0 says "none", so the first is 1. */
  constructor(words: BigUint64Array, range: PortRange) {
    this.#words = words
    this.#range = range
    this.#free = Array.from({ length: words.length / wordsPerBlock - 1 }, (_, index) => index + 1).reverse()
  }

  get freeBlocks(): number {
    return this.#free.length
  }

  /** A block found in the kernel at start keeps its used ports, as far as `previous` was the same range. */
  adopt(key: string, id: number, previous: PortRange): void {
    const known = this.#blocks.get(key)
    if (known) {
      known.users++
      return
    }
    this.#blocks.set(key, { id, users: 1 })
    this.#free.splice(this.#free.indexOf(id), 1)
    if (previous.first === this.#range.first && previous.last === this.#range.last) return
    for (let port = 0; port < wordsPerBlock * 64; port++) {
      const was = port >= previous.first && port <= previous.last
      const is = port >= this.#range.first && port <= this.#range.last
      if (was === is) continue
      const word = id * wordsPerBlock + (port >> 6)
      const bit = 1n << BigInt(port & 63)
      const bits = this.#words[word] ?? 0n
      this.#words[word] = is ? bits & ~bit : bits | bit
    }
  }

  /** The block for `key`; 0 when all are in use. */
  acquire(key: string): number {
    const known = this.#blocks.get(key)
    if (known) {
      known.users++
      return known.id
    }
    const id = this.#free.pop()
    if (id === undefined) return 0
    this.#clear(id)
    this.#blocks.set(key, { id, users: 1 })
    return id
  }

  release(key: string): void {
    const block = this.#blocks.get(key)
    if (!block || --block.users > 0) return
    this.#blocks.delete(key)
    this.#free.push(block.id)
  }

  /** All ports of the range free, all others never given out. */
  #clear(id: number): void {
    const { first, last } = this.#range
    for (let word = 0; word < wordsPerBlock; word++) {
      const low = word * 64
      let used = allOnes
      if (low >= first && low + 63 <= last) used = 0n
      else if (low + 63 >= first && low <= last)
        for (let bit = Math.max(0, first - low); bit <= Math.min(63, last - low); bit++) used &= ~(1n << BigInt(bit))
      this.#words[id * wordsPerBlock + word] = used
    }
  }
}
