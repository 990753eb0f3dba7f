// What a simulated UPF gives out: TEIDs and UE addresses, each to one holder at a time.

import type { UePrefix } from './addresses.ts'

/** TEIDs whose highest byte begins with these bits (TS 29.244, 8.2.82: TEIDRI and TEID Range). */
export interface TeidRange {
  /** the highest byte, bits outside of the range 0 */
  readonly value: number
  /** 1 to 7 */
  readonly bits: number
}

export class Teids<Holder> {
  readonly #holders = new Map<number, Holder>()
  readonly #first: number
  readonly #size: number
  #next = 0

  /** Without a range all TEIDs but 0, from `first` on. */
  constructor(range: TeidRange | null, first: number) {
    const low = range === null ? 0 : range.value * 2 ** 24
    this.#first = low
    this.#size = range === null ? 2 ** 32 : 2 ** (32 - range.bits)
    this.#next = first % this.#size
  }

  get count(): number {
    return this.#holders.size
  }

  holderOf(teid: number): Holder | undefined {
    return this.#holders.get(teid)
  }

  holders(): Iterable<readonly [number, Holder]> {
    return this.#holders
  }

  /** Null: all are given out. */
  give(holder: Holder): number | null {
    if (this.#holders.size >= this.#size - 1) return null
    for (;;) {
      const teid = this.#first + this.#next
      this.#next = (this.#next + 1) % this.#size
      if (teid === 0 || this.#holders.has(teid)) continue
      this.#holders.set(teid, holder)
      return teid
    }
  }

  /** One that the control plane has chosen; false: it is not free. */
  take(teid: number, holder: Holder): boolean {
    if (teid === 0 || this.#holders.has(teid)) return false
    this.#holders.set(teid, holder)
    return true
  }

  free(teid: number): void {
    this.#holders.delete(teid)
  }
}

export class UeAddresses {
  readonly #prefix: UePrefix
  readonly #given = new Set<number>()
  #next = 0

  constructor(prefix: UePrefix) {
    this.#prefix = prefix
  }

  get isIpv6(): boolean {
    return this.#prefix.isIpv6
  }

  /** Null: all are given out. */
  give(): { readonly index: number; readonly address: Uint8Array } | null {
    if (this.#given.size === this.#prefix.size) return null
    while (this.#given.has(this.#next)) this.#next = (this.#next + 1) % this.#prefix.size
    const index = this.#next
    this.#next = (index + 1) % this.#prefix.size
    this.#given.add(index)
    return { index, address: this.#prefix.at(index) }
  }

  free(index: number): void {
    this.#given.delete(index)
  }
}
