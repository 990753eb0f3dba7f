// Hands out runs of consecutive places in a flat map: pages of slots, members of services, bitmaps of source ports.

/** Places from `start`, `length` of them. */
export interface Extent {
  readonly start: number
  readonly length: number
}

export class Extents {
  /** sorted by start, never touching each other */
  readonly #free: Extent[]

  constructor(start: number, length: number) {
    this.#free = length > 0 ? [{ start, length }] : []
  }

  get freePlaces(): number {
    return this.#free.reduce((sum, extent) => sum + extent.length, 0)
  }

  /** The first run that fits; null when there is none. */
  allocate(length: number): Extent | null {
    if (length === 0) return { start: 0, length: 0 }
    const index = this.#free.findIndex((extent) => extent.length >= length)
    const found = this.#free[index]
    if (!found) return null
    const rest = { start: found.start + length, length: found.length - length }
    if (rest.length > 0) this.#free[index] = rest
    else this.#free.splice(index, 1)
    return { start: found.start, length }
  }

  /** Takes places that are known to be in use; false when some of them are taken already. Many go faster in order. */
  take(extent: Extent): boolean {
    if (extent.length === 0) return true
    const end = extent.start + extent.length
    const index = this.#firstAfter(extent.start) - 1
    const found = this.#free[index]
    if (!found || found.start + found.length < end) return false
    const before = { start: found.start, length: extent.start - found.start }
    const after = { start: end, length: found.start + found.length - end }
    this.#free.splice(index, 1, ...[before, after].filter((rest) => rest.length > 0))
    return true
  }

  release(extent: Extent): void {
    if (extent.length === 0) return
    const at = this.#firstAfter(extent.start)
    const before = this.#free[at - 1]
    const after = this.#free[at]
    const joinsBefore = before !== undefined && before.start + before.length === extent.start
    const joinsAfter = after !== undefined && extent.start + extent.length === after.start
    const start = joinsBefore ? before.start : extent.start
    const end = joinsAfter ? after.start + after.length : extent.start + extent.length
    const from = joinsBefore ? at - 1 : at
    this.#free.splice(from, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { start, length: end - start })
  }

  /** Where the first free run stands that begins behind a place. */
  #firstAfter(place: number): number {
    let [low, high] = [0, this.#free.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#free[middle]!.start > place) high = middle
      else low = middle + 1
    }
    return low
  }
}
