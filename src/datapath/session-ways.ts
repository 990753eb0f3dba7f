// What the fast path needs for services without flows: at which UDP ports packets carry a session key, and where the
// packets of their endpoints belong.

import { native } from '../../native/load.ts'
import { serviceKeySize } from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import type { Return } from './reach.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Ports as bits of a map; each is set while somebody uses it. */
export class SessionPorts {
  readonly #words: BigUint64Array
  readonly #users = new Map<number, number>()

  constructor(words: BigUint64Array) {
    this.#words = words
  }

  add(port: number): void {
    this.adopt(port)
    this.#words[port >> 6] = (this.#words[port >> 6] ?? 0n) | (1n << BigInt(port & 63))
  }

  remove(port: number): void {
    const users = (this.#users.get(port) ?? 0) - 1
    this.#users.set(port, users)
    if (users > 0) return
    this.#users.delete(port)
    this.#words[port >> 6] = (this.#words[port >> 6] ?? 0n) & ~(1n << BigInt(port & 63))
  }

  /** Of a service that was found in the kernel; nothing is written yet. */
  adopt(port: number): void {
    this.#users.set(port, (this.#users.get(port) ?? 0) + 1)
  }

  mend(): void {
    const wanted = new BigUint64Array(this.#words.length)
    for (const port of this.#users.keys()) wanted[port >> 6] = (wanted[port >> 6] ?? 0n) | (1n << BigInt(port & 63))
    this.#words.set(wanted)
  }
}

/** Ways back, by endpoint. One may stand in several services; its packets belong to the one that was there first. */
export class Returns {
  readonly #fd: number
  /** by key: what each service that has the endpoint wants, in the order they came */
  readonly #wanted = new Map<string, Map<number, Return>>()

  constructor(fd: number) {
    this.#fd = fd
  }

  put(service: number, way: Return): void {
    this.adopt(service, way)
    this.#write(hex(way.key))
  }

  remove(service: number, { key }: Return): void {
    const name = hex(key)
    const wanted = this.#wanted.get(name)
    if (!wanted?.delete(service)) return
    if (wanted.size > 0) this.#write(name)
    else {
      this.#wanted.delete(name)
      native.mapDelete(this.#fd, key)
    }
  }

  adopt(service: number, way: Return): void {
    const name = hex(way.key)
    const wanted = this.#wanted.get(name) ?? new Map<number, Return>()
    wanted.set(service, way)
    this.#wanted.set(name, wanted)
  }

  /** Deletes what no service wants, and writes what some do. */
  mend(): void {
    for (const key of mapKeys(this.#fd, serviceKeySize))
      if (!this.#wanted.has(hex(key))) native.mapDelete(this.#fd, key)
    for (const name of this.#wanted.keys()) this.#write(name)
  }

  #write(name: string): void {
    const [first] = this.#wanted.get(name)!.values()
    if (first) native.mapUpdate(this.#fd, first.key, first.value)
  }
}
