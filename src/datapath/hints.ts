// Hints in the kernel: on which endpoint a session lives, by its key. Whoever has learned it from a message installs it
// here; the fast path obeys it until it has expired or its endpoint takes nothing any more.

import { isNativeError, native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { keyTagAt } from '../lb/selection/flow-hash.ts'
import {
  hintFlags,
  hintKeySize,
  hintKind,
  hintOffsets,
  hintSize,
  readHint,
  readHintKey,
  writeHint,
  writeHintKey,
} from './layout.gen.ts'
import { MapReader } from './map-reader.ts'
import type { Hint, HintKey } from './layout.gen.ts'
import type { UserRoutes } from './user-routes.ts'

export interface NewHint extends Pick<Hint, 'endpoint' | 'identifier' | 'flags'> {
  /** 0: never expires */
  readonly lifetimeMs: number
}

export interface KeyedHint {
  readonly key: HintKey
  readonly hint: NewHint
}

/** With its time of expiry in ticks, 0: never; and with what is counted already. */
export type WrittenHint = Omit<Hint, 'tag'>

/** Of a hint that no packet has met. */
export const uncounted = { seen: 0, packets: 0n, bytes: 0n } as const

export interface KeyedWrittenHint {
  readonly key: HintKey
  readonly hint: WrittenHint
}

export interface HintsOptions {
  /** map hints */
  readonly fd: number
  /** the kernel's time */
  readonly nowTicks: () => number
  readonly ticksPerSecond: number
  /** False: the endpoint is not this service's, or must not serve any more, and the hint goes. */
  readonly keeps: (key: HintKey, endpoint: number) => boolean
  /** told of hints of a service, by its id, that the programs had learnt and that are free now */
  readonly freedLearnt: (service: number, count: bigint) => void
  /** where hints of kind `ue_route` stand, which are prefixes */
  readonly routes: UserRoutes
}

const isRoute = ({ kind }: HintKey): boolean => kind === hintKind.ue_route

type Keeps = (key: HintKey, hint: Hint) => boolean

/** Hints that one system call writes or deletes at most. */
const batchEntries = 4096
/** To find that a large map is empty takes a look at every place of it, so it is not done with each sweep. */
const sweepsPerLook = 64

/** One behind the other. */
const keyBytesOf = (keys: readonly HintKey[]): Uint8Array => {
  const bytes = new Uint8Array(keys.length * hintKeySize)
  const view = new DataView(bytes.buffer)
  for (const [index, key] of keys.entries()) writeHintKey(view, index * hintKeySize, key)
  return bytes
}

const keyBytes = (key: HintKey): Uint8Array => keyBytesOf([key])

/** A key's bytes have 16 places; what is shorter has zeroes behind it. */
export const hintKey = (service: number, kind: number, bytes: Uint8Array): HintKey => {
  const places = new Uint8Array(16)
  places.set(bytes)
  return { service, kind, length: bytes.length, bytes: places }
}

export class Hints {
  readonly #options: HintsOptions
  readonly #reader: MapReader
  /** False: the map was empty when it was last looked at. */
  #any: boolean
  /** Some have been installed since this walk began, perhaps behind it. */
  #installed = false
  /** endpoints that hints name: as far as this walk has come, and in the whole last one */
  #seen = new Set<number>()
  #named: ReadonlySet<number> = new Set()
  #sweeps = 0
  #sweepsToLook = sweepsPerLook

  constructor(options: HintsOptions) {
    this.#options = options
    this.#reader = new MapReader(options.fd, hintKeySize, hintSize)
    this.#any = this.#look()
  }

  /** Walks over all hints that have come to their end. */
  get sweeps(): number {
    return this.#sweeps
  }

  /** Replaces what the key had before. Throws ResourceError when there is no room. */
  install(key: HintKey, hint: NewHint): void {
    this.installAll([{ key, hint }])
  }

  /** Installs in order; when there is no room, those before stay, and ResourceError says how many they are. */
  installAll(hints: readonly KeyedHint[]): void {
    const now = hints.some(({ hint }) => hint.lifetimeMs > 0) ? this.#options.nowTicks() : 0
    this.writeAll(
      hints.map(({ key, hint: { endpoint, flags, identifier, lifetimeMs } }) => ({
        key,
        hint: { ...uncounted, endpoint, flags, identifier, expires: this.#expires(lifetimeMs, now) },
      })),
    )
  }

  /** The same, for hints whose time is known in ticks. */
  writeAll(all: readonly KeyedWrittenHint[]): void {
    const hints = all.filter(({ key }) => !isRoute(key))
    if (hints.length < all.length)
      for (const { hint, key } of all) if (isRoute(key)) this.#options.routes.write(key, hint)
    if (hints.length === 0) return
    this.#any = true
    this.#installed = true
    for (let first = 0; first < hints.length; first += batchEntries)
      this.#write(hints.slice(first, first + batchEntries), first)
  }

  /** The kernel's time in ticks. To ask for it takes a run of a program. */
  now(): number {
    return this.#options.nowTicks()
  }

  /** Between two times in ticks; what a packet wrote after `now` was read is of this moment. */
  elapsedMs(since: number, now: number): number {
    return (Math.max(0, (now - since) | 0) * 1000) / this.#options.ticksPerSecond
  }

  /** When what lives so much longer expires. */
  expiry(lifetimeMs: number, now: number): number {
    return this.#expires(lifetimeMs, now)
  }

  /** A new lifetime for a hint that is there; false when it is not. */
  refresh(key: HintKey, lifetimeMs: number): boolean {
    const bytes = keyBytes(key)
    const value = new Uint8Array(hintSize)
    if (!native.mapLookup(this.#options.fd, bytes, value)) return false
    const expires = this.#expires(lifetimeMs, this.#options.nowTicks())
    new DataView(value.buffer).setUint32(hintOffsets.expires, expires, true)
    native.mapUpdate(this.#options.fd, bytes, value)
    return true
  }

  find(key: HintKey): Hint | null {
    return this.findAll([key])[0] ?? null
  }

  /** Each as it is now, null where there is none; many cost little more than a system call each. */
  findAll(all: readonly HintKey[]): readonly (Hint | null)[] {
    const keys = all.filter((key) => !isRoute(key))
    const hints = this.#findExact(keys)
    if (keys.length === all.length) return hints
    let at = 0
    return all.map((key) => (isRoute(key) ? this.#options.routes.find(key) : (hints[at++] ?? null)))
  }

  #findExact(keys: readonly HintKey[]): readonly (Hint | null)[] {
    if (keys.length === 0) return []
    const [values, found] = [new Uint8Array(keys.length * hintSize), new Uint8Array(keys.length)]
    const any = native.mapLookupEach(this.#options.fd, keyBytesOf(keys), values, found, keys.length) > 0
    const view = new DataView(values.buffer)
    return keys.map((_, index) => (any && found[index] === 1 ? readHint(view, index * hintSize) : null))
  }

  /** False when there was none. */
  remove(key: HintKey): boolean {
    return native.mapDelete(this.#options.fd, keyBytes(key))
  }

  removeAll(keys: readonly HintKey[]): void {
    for (const key of keys) if (isRoute(key)) this.#options.routes.remove(key)
    this.#delete(keys.filter((key) => !isRoute(key)).map(keyBytes))
  }

  /** All of a service whose keys are of one of these kinds, but for those that `keeps` says. */
  removeOf(service: number, kinds: readonly number[], keeps: Keeps = () => false): void {
    if (kinds.includes(hintKind.ue_route)) this.#options.routes.removeOf(service, keeps)
    const reader = new MapReader(this.#options.fd, hintKeySize, hintSize)
    const gone: Uint8Array[] = []
    for (let isDone = false; !isDone;) {
      const { count, done } = reader.next()
      isDone = done
      for (let index = 0; index < count; index++) {
        const key = readHintKey(reader.keys, index * hintKeySize)
        if (key.service !== service || !kinds.includes(key.kind)) continue
        if (!keeps(key, readHint(reader.values, index * hintSize))) gone.push(reader.key(index).slice())
      }
    }
    this.#delete(gone)
  }

  /** Looks at one batch, frees what has expired or has lost its endpoint; to be called a few times a second. */
  sweep(): void {
    this.#options.routes.sweep(() => this.now())
    if (!this.#any) {
      // Others may have installed some without us.
      if (--this.#sweepsToLook > 0) return
      this.#sweepsToLook = sweepsPerLook
      this.#any = this.#look()
      if (!this.#any) return
    }
    const { keys, values } = this.#reader
    const { count, done } = this.#reader.next()
    const now = count === 0 ? 0 : this.#options.nowTicks()
    const gone: Uint8Array[] = []
    const learnt = new Map<number, bigint>()
    for (let index = 0; index < count; index++) {
      const endpoint = values.getUint32(index * hintSize + hintOffsets.endpoint, true)
      const expires = values.getUint32(index * hintSize + hintOffsets.expires, true)
      const isExpired = expires !== 0 && ((now - expires) | 0) >= 0
      const key = readHintKey(keys, index * hintKeySize)
      if (!isExpired && this.#options.keeps(key, endpoint)) {
        this.#seen.add(endpoint)
        continue
      }
      gone.push(this.#reader.key(index).slice())
      const flags = values.getUint32(index * hintSize + hintOffsets.flags, true)
      if ((flags & hintFlags.learnt) !== 0) learnt.set(key.service, (learnt.get(key.service) ?? 0n) + 1n)
    }
    this.#delete(gone)
    for (const [service, freed] of learnt) this.#options.freedLearnt(service, freed)
    if (!done) return
    this.#named = this.#seen
    this.#any = this.#seen.size > 0 || this.#installed
    this.#installed = false
    this.#seen = new Set()
    this.#sweeps++
  }

  /**
   * Whether a hint may name an endpoint. What a walk says counts only if it began after the endpoint was left, when
   * `sweep` walks had ended.
   */
  mayName(endpoint: number, sweep: number): boolean {
    return this.#options.routes.names(endpoint) || this.#mayNameExact(endpoint, sweep)
  }

  #mayNameExact(endpoint: number, sweep: number): boolean {
    return this.#any && (this.#sweeps < sweep + 2 || this.#named.has(endpoint))
  }

  #look(): boolean {
    return native.mapNextKey(this.#options.fd, null, new Uint8Array(hintKeySize))
  }

  #expires(lifetimeMs: number, now: number): number {
    if (lifetimeMs === 0) return 0
    const ticks = Math.max(1, Math.round((lifetimeMs * this.#options.ticksPerSecond) / 1000))
    // 0 says "never"; the clock passes its end.
    return (now + ticks) >>> 0 || 1
  }

  #write(hints: readonly KeyedWrittenHint[], before: number): void {
    const keys = keyBytesOf(hints.map(({ key }) => key))
    const values = new Uint8Array(hints.length * hintSize)
    const [keyView, view] = [new DataView(keys.buffer), new DataView(values.buffer)]
    for (const [index, { hint }] of hints.entries()) {
      const tag = keyTagAt(keyView, index * hintKeySize, hintKeySize)
      writeHint(view, index * hintSize, { ...hint, tag })
    }
    try {
      native.mapUpdateBatch(this.#options.fd, keys, values, hints.length)
    } catch (error) {
      if (!isNativeError(error) || (error.code !== 'E2BIG' && error.code !== 'ENOSPC')) throw error
      const written = before + this.#leading(hints)
      const more = 'raise limits.hints in the configuration and restart'
      throw new ResourceError('hints', `no room for a hint after ${written} of this call; ${more}`)
    }
  }

  /** How many of the first ones are in the map. */
  #leading(hints: readonly KeyedWrittenHint[]): number {
    const missing = this.findAll(hints.map(({ key }) => key)).indexOf(null)
    return missing < 0 ? hints.length : missing
  }

  #delete(keys: readonly Uint8Array[]): void {
    for (let first = 0; first < keys.length; first += batchEntries)
      this.#deleteBatch(keys.slice(first, first + batchEntries))
  }

  /** In one call where all are there; a key that is not ends it, and the rest go one by one. */
  #deleteBatch(keys: readonly Uint8Array[]): void {
    const { fd } = this.#options
    try {
      native.mapDeleteBatch(fd, Buffer.concat(keys), keys.length)
    } catch (error) {
      if (!isNativeError(error) || error.code !== 'ENOENT') throw error
      for (const key of keys) native.mapDelete(fd, key)
    }
  }
}
