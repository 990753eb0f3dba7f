// Hints in the kernel: on which endpoint a session lives, by its key. Whoever has learned it from a message installs it
// here; the fast path obeys it until it has expired or its endpoint takes nothing any more.

import { isNativeError, native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { hintKeySize, hintOffsets, hintSize, readHint, readHintKey, writeHint, writeHintKey } from './layout.gen.ts'
import { MapReader } from './map-reader.ts'
import type { Hint, HintKey } from './layout.gen.ts'

export interface NewHint extends Pick<Hint, 'endpoint' | 'identifier' | 'flags'> {
  /** 0: never expires */
  readonly lifetimeMs: number
}

export interface KeyedHint {
  readonly key: HintKey
  readonly hint: NewHint
}

/** With its time of expiry in ticks; 0: never. */
export type WrittenHint = Pick<Hint, 'endpoint' | 'identifier' | 'flags' | 'expires'>

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
}

/** Hints that one system call writes or deletes at most. */
const batchEntries = 4096
/** To find that a large map is empty takes a look at every place of it, so it is not done with each sweep. */
const sweepsPerLook = 64

const keyBytes = (key: HintKey): Uint8Array => {
  const bytes = new Uint8Array(hintKeySize)
  writeHintKey(new DataView(bytes.buffer), 0, key)
  return bytes
}

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
    const now = this.#options.nowTicks()
    this.writeAll(
      hints.map(({ key, hint }) => ({ key, hint: { ...hint, expires: this.#expires(hint.lifetimeMs, now) } })),
      now,
    )
  }

  /** The same, for hints whose time is known in ticks. */
  writeAll(hints: readonly KeyedWrittenHint[], now = this.#options.nowTicks()): void {
    if (hints.length === 0) return
    this.#any = true
    this.#installed = true
    for (let first = 0; first < hints.length; first += batchEntries)
      this.#write(hints.slice(first, first + batchEntries), first, now)
  }

  /** When what lives so much longer expires. */
  expiry(lifetimeMs: number): number {
    return this.#expires(lifetimeMs, this.#options.nowTicks())
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
    const value = new Uint8Array(hintSize)
    return native.mapLookup(this.#options.fd, keyBytes(key), value) ? readHint(new DataView(value.buffer), 0) : null
  }

  /** False when there was none. */
  remove(key: HintKey): boolean {
    return native.mapDelete(this.#options.fd, keyBytes(key))
  }

  removeAll(keys: readonly HintKey[]): void {
    this.#delete(keys.map(keyBytes))
  }

  /** All of a service whose keys are of one of these kinds. */
  removeOf(service: number, kinds: readonly number[]): void {
    const reader = new MapReader(this.#options.fd, hintKeySize, hintSize)
    const gone: Uint8Array[] = []
    for (let isDone = false; !isDone;) {
      const { count, done } = reader.next()
      isDone = done
      for (let index = 0; index < count; index++) {
        const key = readHintKey(reader.keys, index * hintKeySize)
        if (key.service === service && kinds.includes(key.kind)) gone.push(reader.key(index).slice())
      }
    }
    this.#delete(gone)
  }

  /** Looks at one batch, frees what has expired or has lost its endpoint; to be called a few times a second. */
  sweep(): void {
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
    for (let index = 0; index < count; index++) {
      const endpoint = values.getUint32(index * hintSize + hintOffsets.endpoint, true)
      const expires = values.getUint32(index * hintSize + hintOffsets.expires, true)
      const isExpired = expires !== 0 && ((now - expires) | 0) >= 0
      if (isExpired || !this.#options.keeps(readHintKey(keys, index * hintKeySize), endpoint))
        gone.push(this.#reader.key(index).slice())
      else this.#seen.add(endpoint)
    }
    this.#delete(gone)
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

  #write(hints: readonly KeyedWrittenHint[], before: number, now: number): void {
    const keys = new Uint8Array(hints.length * hintKeySize)
    const values = new Uint8Array(hints.length * hintSize)
    hints.forEach(({ key, hint }, index) => {
      const bytes = keyBytes(key)
      keys.set(bytes, index * hintKeySize)
      writeHint(new DataView(values.buffer), index * hintSize, {
        tag: keyTag(bytes),
        endpoint: hint.endpoint,
        expires: hint.expires,
        identifier: hint.identifier,
        flags: hint.flags,
        seen: now,
      })
    })
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
    const missing = hints.findIndex(({ key }) => this.find(key) === null)
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
