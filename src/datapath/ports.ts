// Bitmaps of source ports, one for each place that ports are counted at: a source address towards an endpoint.
// Endpoints that stand in several services share theirs. The addresses of a pool have theirs in a row.

import { Extents } from './extents.ts'
import type { Extent } from './extents.ts'

const wordsPerBlock = 1024
const allOnes = 0xffffffffffffffffn

export interface PortRange {
  readonly first: number
  readonly last: number
}

interface Run {
  readonly blocks: Extent
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
  readonly #runs = new Map<string, Run>()
  readonly #byFirst = new Map<number, Run>()
  readonly #free: Extents
  readonly #range: PortRange

  /** Block 0 says "none", so the first is 1. */
  constructor(words: BigUint64Array, range: PortRange) {
    this.#words = words
    this.#range = range
    this.#free = new Extents(1, words.length / wordsPerBlock - 1)
  }

  get freeBlocks(): number {
    return this.#free.freePlaces
  }

  /**
   * Blocks found in the kernel at start keep their used ports; those that `previous` did not have are free now. Returns
   * the key to release them by: the first one's number tells who shares them, since not every user's key is still
   * known.
   */
  adopt(key: string, first: number, previous: PortRange, count = 1): string {
    const known = this.#byFirst.get(first)
    if (known) {
      known.users++
      return known.key
    }
    const ownKey = this.#runs.has(key) ? `${key}, block ${first}` : key
    const blocks = { start: first, length: count }
    this.#hold(ownKey, blocks)
    this.#free.take(blocks)
    const end = (first + count) * wordsPerBlock
    for (let place = first * wordsPerBlock; place < end; place++) {
      const was = rangeBits(previous, place % wordsPerBlock)
      const is = rangeBits(this.#range, place % wordsPerBlock)
      if (was !== is) this.#words[place] = ((this.#words[place] ?? 0n) | (was & ~is)) & ~(is & ~was)
    }
    return ownKey
  }

  /** The first of the `count` blocks for `key`; 0 when there are not so many in a row. */
  acquire(key: string, count = 1): number {
    const known = this.#runs.get(key)
    if (known) {
      known.users++
      return known.blocks.start
    }
    const blocks = this.#free.allocate(count)
    if (!blocks) return 0
    for (let block = blocks.start; block < blocks.start + count; block++) this.#clear(block)
    this.#hold(key, blocks)
    return blocks.start
  }

  release(key: string): void {
    const run = this.#runs.get(key)
    if (!run || --run.users > 0) return
    this.#runs.delete(key)
    this.#byFirst.delete(run.blocks.start)
    this.#free.release(run.blocks)
  }

  #hold(key: string, blocks: Extent): void {
    const run = { blocks, key, users: 1 }
    this.#runs.set(key, run)
    this.#byFirst.set(blocks.start, run)
  }

  /** All ports of the range free, all others never given out. */
  #clear(block: number): void {
    for (let word = 0; word < wordsPerBlock; word++)
      this.#words[block * wordsPerBlock + word] = allOnes & ~rangeBits(this.#range, word)
  }
}
