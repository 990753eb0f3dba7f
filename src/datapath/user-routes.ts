// Prefixes of users that the hash of hints cannot hold, in a trie of their own: networks behind users (framed routes),
// and addresses that are given out with another length. A trie has no batches, and is walked slowly: which prefixes
// there are is kept here too, at about 300 bytes each.

import { isNativeError, native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { isMappedIPv4 } from '../wire/ip.ts'
import {
  hintFlags,
  hintKind,
  hintSize,
  limits,
  readHint,
  readSourceKey,
  serviceRoutes,
  sourceKeySize,
  writeHint,
  writeSourceKey,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import type { Hint, HintKey } from './layout.gen.ts'

export interface UserRoutesOptions {
  /** map user_routes */
  readonly fd: number
  /** False: the endpoint is not this service's, or must not serve any more, and the prefix goes. */
  readonly keeps: (key: HintKey, endpoint: number) => boolean
  /** Packets to users of a service are to know that it has such prefixes: enum service_routes, together. */
  readonly told: (service: number, routes: number) => void
}

interface Known {
  readonly key: HintKey
  endpoint: number
  expires: number
}

/** Prefixes that one call of `sweep` looks at. */
const sweptAtOnce = 4096
/** `service` stands before the address in the trie's key. */
const serviceBits = 32
/** What the hash knows a user by, in bits of the 16-byte form. */
const userBits = { ipv4: 128, ipv6: 64 }

/** The key of a prefix, of which the bytes beyond it are zero: its length is in bits of the 16-byte form. */
export const userRouteKey = (service: number, prefix: Uint8Array, bits: number): HintKey => ({
  service,
  kind: hintKind.ue_route,
  length: bits,
  bytes: prefix.map((byte, index) => byte & (0xff << (8 - Math.max(0, Math.min(8, bits - index * 8))))),
})

const trieKey = ({ bytes, length, service }: HintKey): Uint8Array => {
  const key = new Uint8Array(sourceKeySize)
  writeSourceKey(new DataView(key.buffer), 0, { prefixBits: serviceBits + length, service, address: bytes })
  return key
}

const nameOf = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')

const isLonger = ({ bytes, length }: HintKey): boolean => length > (isMappedIPv4(bytes) ? userBits.ipv4 : userBits.ipv6)

export class UserRoutes {
  readonly #options: UserRoutesOptions
  readonly #known = new Map<string, Known>()
  /** of each service: how many there are of either length */
  readonly #counts = new Map<number, { shorter: number; longer: number }>()
  /** how many name each endpoint */
  readonly #named = new Map<number, number>()
  #sweeping: MapIterator<[string, Known]> | null = null

  /** Takes over what is there. */
  constructor(options: UserRoutesOptions) {
    this.#options = options
    for (const bytes of mapKeys(options.fd, sourceKeySize)) {
      const { address, prefixBits, service } = readSourceKey(new DataView(bytes.buffer), 0)
      const key = userRouteKey(service, address, prefixBits - serviceBits)
      const found = this.#look(bytes)
      if (found !== null) this.#learn(nameOf(bytes), key, found)
    }
  }

  get size(): number {
    return this.#known.size
  }

  /** Enum service_routes, together. */
  of(service: number): number {
    const { longer, shorter } = this.#counts.get(service) ?? { longer: 0, shorter: 0 }
    return (shorter > 0 ? serviceRoutes.shorter : 0) | (longer > 0 ? serviceRoutes.longer : 0)
  }

  /** The very prefix: a trie alone would answer with a shorter one. */
  find(key: HintKey): Hint | null {
    const bytes = trieKey(key)
    return this.#known.has(nameOf(bytes)) ? this.#look(bytes) : null
  }

  /** Throws ResourceError when there is no room. */
  write(key: HintKey, hint: Omit<Hint, 'tag'>): void {
    const bytes = trieKey(key)
    const value = new Uint8Array(hintSize)
    const flags = hint.flags | (isLonger(key) ? hintFlags.longer : 0)
    writeHint(new DataView(value.buffer), 0, { ...hint, flags, tag: 0 })
    try {
      native.mapUpdate(this.#options.fd, bytes, value)
    } catch (error) {
      if (!isNativeError(error) || !['ENOSPC', 'E2BIG', 'ENOMEM'].includes(error.code ?? '')) throw error
      throw new ResourceError('userRoutes', `no room for a prefix of users: at most ${limits.userRoutes}`)
    }
    this.#changing(key.service, () => {
      this.#forget(nameOf(bytes))
      this.#learn(nameOf(bytes), key, hint)
    })
  }

  remove(key: HintKey): void {
    const bytes = trieKey(key)
    if (!this.#known.has(nameOf(bytes))) return
    native.mapDelete(this.#options.fd, bytes)
    this.#changing(key.service, () => this.#forget(nameOf(bytes)))
  }

  /** All of a service, but for those that `keeps` says. */
  removeOf(service: number, keeps: (key: HintKey, hint: Hint) => boolean = () => false): void {
    for (const { key } of this.#known.values()) {
      if (key.service !== service) continue
      const hint = this.find(key)
      if (hint === null || !keeps(key, hint)) this.remove(key)
    }
  }

  /** Looks at some, and takes away what has expired or has lost its endpoint; to be called a few times a second. */
  sweep(nowTicks: () => number): void {
    if (this.#known.size === 0) return
    this.#sweeping ??= this.#known.entries()
    let now: number | null = null
    for (let left = sweptAtOnce; left > 0; left--) {
      const { done, value } = this.#sweeping.next()
      if (done === true) {
        this.#sweeping = null
        return
      }
      const [, { endpoint, expires, key }] = value
      const isExpired = expires !== 0 && (((now ??= nowTicks()) - expires) | 0) >= 0
      if (isExpired || !this.#options.keeps(key, endpoint)) this.remove(key)
    }
  }

  /** Whether one names the endpoint. */
  names(endpoint: number): boolean {
    return this.#named.has(endpoint)
  }

  #look(bytes: Uint8Array): Hint | null {
    const value = new Uint8Array(hintSize)
    return native.mapLookup(this.#options.fd, bytes, value) ? readHint(new DataView(value.buffer), 0) : null
  }

  #learn(name: string, key: HintKey, { endpoint, expires }: Pick<Hint, 'endpoint' | 'expires'>): void {
    this.#known.set(name, { key, endpoint, expires })
    this.#count(key, endpoint, 1)
  }

  #forget(name: string): void {
    const known = this.#known.get(name)
    if (known === undefined) return
    this.#known.delete(name)
    this.#count(known.key, known.endpoint, -1)
  }

  #count(key: HintKey, endpoint: number, change: 1 | -1): void {
    const counts = this.#counts.get(key.service) ?? { shorter: 0, longer: 0 }
    counts[isLonger(key) ? 'longer' : 'shorter'] += change
    if (counts.shorter + counts.longer > 0) this.#counts.set(key.service, counts)
    else this.#counts.delete(key.service)
    const named = (this.#named.get(endpoint) ?? 0) + change
    if (named > 0) this.#named.set(endpoint, named)
    else this.#named.delete(endpoint)
  }

  #changing(service: number, change: () => void): void {
    const before = this.of(service)
    change()
    if (this.of(service) !== before) this.#options.told(service, this.of(service))
  }
}
