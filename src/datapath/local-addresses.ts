// The addresses of this host in the kernel, for services that are on all of them. There while such a service is.

import { native } from '../../native/load.ts'
import { addressBytes, classify, formatAddress } from '../wire/ip.ts'
import { readVipKey, vipKeySize } from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { vipKeyBytes } from './reach.ts'

/** Nothing that leaves its host or its link is sent to the others. */
const isReachable = (address: string): boolean => classify(addressBytes(address)) === 'unicast'

const present = Uint8Array.of(1, 0, 0, 0)

export class LocalAddresses {
  readonly #fd: number
  #known: ReadonlySet<string>

  /** What a daemon before us wrote is found in the map. */
  constructor(fd: number) {
    this.#fd = fd
    this.#known = new Set(
      mapKeys(fd, vipKeySize).map((key) => formatAddress(readVipKey(new DataView(key.buffer), 0).address)),
    )
  }

  keep(addresses: readonly string[]): void {
    const wanted = new Set(addresses.filter(isReachable))
    for (const address of wanted.difference(this.#known)) native.mapUpdate(this.#fd, vipKeyBytes(address), present)
    for (const address of this.#known.difference(wanted)) native.mapDelete(this.#fd, vipKeyBytes(address))
    this.#known = wanted
  }
}
