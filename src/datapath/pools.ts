// Pools of source addresses: services that name the same addresses share one. The fast path chooses among them by
// client, so that a client keeps its address.

import { limits, readSnatPool, snatPoolSize, writeSnatPool } from './layout.gen.ts'

interface Pool {
  readonly id: number
  readonly key: string
  readonly addresses: readonly Uint8Array[]
  users: number
}

const keyOf = (addresses: readonly Uint8Array[]): string =>
  addresses.map((address) => Buffer.from(address).toString('hex')).join(' ')

export class Pools {
  readonly #memory: DataView
  readonly #byKey = new Map<string, Pool>()
  readonly #byId = new Map<number, Pool>()
  readonly #free: number[] = []

  /** Number 0 says "none", so the first is 1. */
  constructor(memory: DataView) {
    this.#memory = memory
    for (let id = memory.byteLength / snatPoolSize - 1; id >= 1; id--) this.#free.push(id)
  }

  get freePools(): number {
    return this.#free.length
  }

  /** The number of the pool with these addresses; 0 when all are in use. */
  acquire(addresses: readonly Uint8Array[]): number {
    if (addresses.length > limits.snatPoolAddresses)
      throw new RangeError(`a pool has at most ${limits.snatPoolAddresses} addresses, this one ${addresses.length}`)
    const key = keyOf(addresses)
    const known = this.#byKey.get(key)
    if (known) {
      known.users++
      return known.id
    }
    const id = this.#free.pop()
    if (id === undefined) return 0
    const none = new Uint8Array(16)
    writeSnatPool(this.#memory, id * snatPoolSize, {
      addresses: Array.from({ length: limits.snatPoolAddresses }, (_, index) => addresses[index] ?? none),
      count: addresses.length,
    })
    this.#hold({ id, key, addresses, users: 1 })
    return id
  }

  /** A pool that the kernel has already; its addresses. */
  adopt(id: number): readonly Uint8Array[] {
    const known = this.#byId.get(id)
    if (known) {
      known.users++
      return known.addresses
    }
    const { addresses: places, count } = readSnatPool(this.#memory, id * snatPoolSize)
    const addresses = Array.from(places).slice(0, count)
    this.#free.splice(this.#free.indexOf(id), 1)
    this.#hold({ id, key: keyOf(addresses), addresses, users: 1 })
    return addresses
  }

  release(id: number): void {
    const pool = this.#byId.get(id)
    if (!pool || --pool.users > 0) return
    this.#byId.delete(id)
    if (this.#byKey.get(pool.key) === pool) this.#byKey.delete(pool.key)
    this.#free.push(id)
  }

  #hold(pool: Pool): void {
    this.#byKey.set(pool.key, pool)
    this.#byId.set(pool.id, pool)
  }
}
