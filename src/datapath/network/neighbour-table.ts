// Remembers the MAC addresses that neighbours have, to tell a change that matters (another MAC address, none any more)
// from the many messages that do not (probed, confirmed, gone stale).

import { keyOf, type Neighbour } from './neighbours.ts'

/** Neighbours that are remembered: about 100 bytes each. The kernel's own default limit is 1,024 for each family. */
const defaultNeighbourLimit = 16_384

export class NeighbourTable {
  readonly #limit: number
  /** only those with a usable MAC address */
  readonly #macs = new Map<string, string>()
  /** false: a neighbour that is not in the table may have had a MAC address all the same */
  #complete = false

  constructor(limit: number = defaultNeighbourLimit) {
    this.#limit = limit
  }

  /** True unless every usable neighbour is known. */
  get incomplete(): boolean {
    return !this.#complete
  }

  /** Starts again from a whole list. */
  learn(neighbours: readonly Neighbour[]): void {
    this.#macs.clear()
    this.#complete = true
    for (const { ifindex, address, mac } of neighbours) if (mac !== null) this.#set(keyOf(ifindex, address), mac)
  }

  /** Messages were lost: what is in the table may be old. */
  forget(): void {
    this.#macs.clear()
    this.#complete = false
  }

  /** Takes a neighbour as it now is (a null MAC address: gone, or not resolved). True when that is news. */
  update({ ifindex, address, mac }: Pick<Neighbour, 'ifindex' | 'address' | 'mac'>): boolean {
    const key = keyOf(ifindex, address)
    const before = this.#macs.get(key)
    if (mac === null) {
      this.#macs.delete(key)
      return before !== undefined || !this.#complete
    }
    if (before === mac) return false
    this.#set(key, mac)
    return true
  }

  #set(key: string, mac: string): void {
    if (this.#macs.size < this.#limit || this.#macs.has(key)) this.#macs.set(key, mac)
    else this.#complete = false
  }
}
