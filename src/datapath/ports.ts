// Bitmaps of source ports, one for each place that ports are counted at: a source address towards an endpoint.
// Endpoints that stand in several services share theirs.

const wordsPerBlock = 1024
const allOnes = 0xffffffffffffffffn

export interface PortRange {
  readonly first: number
  readonly last: number
}

interface Block {
  readonly id: number
  readonly key: string
  users: number
}

/** The ports of one word that are in a range, as bits. */
const rangeBits = (range: PortRange, word: number): bigint => {
  const low = Math.max(0, range.first - word * 64)
  const high = Math.min(63, range.last - word * 64)
  return low > high ? 0n : (allOnes >> BigInt(63 - high)) & (allOnes << BigInt(low))
}

export class PortBlocks {
  readonly #words: BigUint64Array
  readonly #blocks = new Map<string, Block>()
  readonly #byId = new Map<number, Block>()
  readonly #free: number[]
  readonly #range: PortRange

  /** Block 0 says "none", so the first is 1. */
  constructor(words: BigUint64Array, range: PortRange) {
    this.#words = words
    this.#range = range
    this.#free = Array.from({ length: words.length / wordsPerBlock - 1 }, (_, index) => index + 1).toReversed()
  }

  get freeBlocks(): number {
    return this.#free.length
  }

  /**
   * A block found in the kernel at start keeps its used ports; those that `previous` did not have are free now. Returns
   * the key to release it by: the block's number tells who shares it, since not every user's key is still known.
   */
  adopt(key: string, id: number, previous: PortRange): string {
    const known = this.#byId.get(id)
    if (known) {
      known.users++
      return known.key
    }
    const ownKey = this.#blocks.has(key) ? `${key}, block ${id}` : key
    this.#hold(ownKey, id)
    this.#free.splice(this.#free.indexOf(id), 1)
    for (let word = 0; word < wordsPerBlock; word++) {
      const was = rangeBits(previous, word)
      const is = rangeBits(this.#range, word)
      if (was === is) continue
      const place = id * wordsPerBlock + word
      this.#words[place] = ((this.#words[place] ?? 0n) | (was & ~is)) & ~(is & ~was)
    }
    return ownKey
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
    this.#hold(key, id)
    return id
  }

  release(key: string): void {
    const block = this.#blocks.get(key)
    if (!block || --block.users > 0) return
    this.#blocks.delete(key)
    this.#byId.delete(block.id)
    this.#free.push(block.id)
  }

  #hold(key: string, id: number): void {
    const block = { id, key, users: 1 }
    this.#blocks.set(key, block)
    this.#byId.set(id, block)
  }

  /** All ports of the range free, all others never given out. */
  #clear(id: number): void {
    for (let word = 0; word < wordsPerBlock; word++)
      this.#words[id * wordsPerBlock + word] = allOnes & ~rangeBits(this.#range, word)
  }
}
