// VIPs in the kernel: what is sent to one and cannot be served is dropped, not forwarded. Each with the number of
// services it has, and whether some of them take several ports.

import { native } from '../../native/load.ts'
import { vipKeySize } from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { vipKeyBytes } from './reach.ts'
import type { ReachedVip } from './reach.ts'

/** Beside the count; see enum vip_bits. */
const rangesFlag = 0x80000000
const endpointFlag = 0x40000000
const poolFlag = 0x20000000

interface Users {
  services: number
  /** of these, those with several ports */
  ranges: number
  /** services that have an endpoint there: its fragments may come before the one that has ports */
  endpoints: number
  /** services that masquerade by it: fragments of answers may come before the one that has ports */
  pools: number
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export class Vips {
  readonly #fd: number
  readonly #users = new Map<string, Users>()

  constructor(fd: number) {
    this.#fd = fd
  }

  add(vip: ReachedVip): void {
    this.#count(vip, 1)
    this.#write(vip.address)
  }

  remove(vip: ReachedVip): void {
    this.#count(vip, -1)
    this.#write(vip.address)
  }

  /** A service that was found in the kernel; nothing is written yet. */
  adopt(vip: ReachedVip): void {
    this.#count(vip, 1)
  }

  /** An endpoint's address, of one more service or of one less. */
  countEndpoint(address: string, change: 1 | -1): void {
    this.#usersOf(address).endpoints += change
    this.#write(address)
  }

  /** An address that traffic is masqueraded by, of one more service or of one less. */
  countPool(address: string, change: 1 | -1): void {
    this.#usersOf(address).pools += change
    this.#write(address)
  }

  /** A daemon that was killed between two writes may have left what does not fit the services. */
  mend(): void {
    const known = new Set([...this.#users.keys()].map((address) => hex(vipKeyBytes(address))))
    for (const key of mapKeys(this.#fd, vipKeySize)) if (!known.has(hex(key))) native.mapDelete(this.#fd, key)
    for (const address of this.#users.keys()) this.#write(address)
  }

  #count({ address, isRange }: ReachedVip, change: 1 | -1): void {
    const users = this.#usersOf(address)
    users.services += change
    if (isRange) users.ranges += change
  }

  #usersOf(address: string): Users {
    const users = this.#users.get(address) ?? { services: 0, ranges: 0, endpoints: 0, pools: 0 }
    this.#users.set(address, users)
    return users
  }

  #write(address: string): void {
    const { services, ranges, endpoints, pools } = this.#users.get(address)!
    if (services + endpoints + pools > 0) {
      const flags = [ranges > 0 && rangesFlag, endpoints > 0 && endpointFlag, pools > 0 && poolFlag]
      const value = flags.reduce<number>((all, flag) => all | Number(flag), services) >>> 0
      native.mapUpdate(this.#fd, vipKeyBytes(address), new Uint8Array(Uint32Array.of(value).buffer))
      return
    }
    native.mapDelete(this.#fd, vipKeyBytes(address))
    this.#users.delete(address)
  }
}
