// Requests that were passed on and are not answered yet, found by the sequence number that they were given. Who has
// sent a request repeats it until the answer comes, and each time it goes on as it did first.

import { Oldest } from '../../lb/oldest.ts'
import type { GtpVersion } from '../../lb/model.ts'
import type { Outgoing, Place } from '../n4/model.ts'
import type { Exchange } from '../n4/transactions.ts'
import type { Facts, Role } from './dialect.ts'

import type { Path } from './pool.ts'
import type { Tunnel } from './tunnels.ts'

export interface Relay {
  readonly version: GtpVersion
  readonly exchange: Exchange
  readonly role: Role
  readonly tunnel: Tunnel
  readonly to: 'client' | 'gateway'
  /** of the header of the answer */
  readonly replyTeid: number
  /** what the request said */
  readonly facts: Facts
  readonly outgoing: Outgoing
  readonly sequence: number
  readonly untilMs: number
}

const keyOf = (version: GtpVersion, address: string, sequence: number): string => `${version}/${address}/${sequence}`

/** Peers whose numbers are remembered; one that is forgotten begins at random again. */
const mostPeers = 65_536

/** How many numbers are tried; so many in a row are in use only when nearly all are. */
const tries = 64

export class Relays {
  // In the order of `untilMs`, since all wait equally long.
  readonly #relays = new Map<string, Relay>()
  /** Creations that were given up: their late answers are of sessions that nobody waits for. */
  readonly #abandoned = new Map<string, { readonly relay: Relay; readonly untilMs: number }>()
  readonly #sequences = new Map<string, number>()
  readonly #oldest = new Oldest(this.#sequences)
  readonly #limit: number
  readonly #random: () => number

  constructor(limit: number, random: () => number) {
    this.#limit = limit
    this.#random = random
  }

  get size(): number {
    return this.#relays.size
  }

  /**
   * A number of our own for a peer. The first one is random: after a restart, a peer must not take a request for one
   * that it has answered. null: all are in use.
   */
  nextSequence(version: GtpVersion, address: string, last: number, isCommand: boolean): number | null {
    const key = `${version}/${address}`
    let count = this.#sequences.get(key) ?? Math.floor(this.#random() * last)
    for (let left = tries; left > 0; left--) {
      count = (count % last) + 1
      const sequence = isCommand ? commandBit + count : count
      if (this.#relays.has(keyOf(version, address, sequence))) continue
      this.#remember(key, count)
      return sequence
    }
    return null
  }

  #remember(key: string, count: number): void {
    this.#sequences.set(key, count)
    if (this.#sequences.size <= mostPeers) return
    const oldest = this.#oldest.take()
    if (oldest !== undefined) this.#sequences.delete(oldest)
  }

  /** A peer that has gone. */
  forget(address: string): void {
    for (const version of [1, 2]) this.#sequences.delete(`${version}/${address}`)
  }

  /** False: there are too many, or one with the number is waited for. */
  add(relay: Relay): boolean {
    const key = keyOf(relay.version, relay.outgoing.to.address, relay.sequence)
    if (this.#relays.size >= this.#limit || this.#relays.has(key)) return false
    this.#relays.set(key, relay)
    return true
  }

  get(version: GtpVersion, from: Place, sequence: number): Relay | null {
    return this.#relays.get(keyOf(version, from.address, sequence)) ?? null
  }

  /** The request that a message of this type and sequence number answers; it is not waited for any more. */
  take(version: GtpVersion, from: Place, sequence: number, responseType: number): Relay | null {
    const relay = this.get(version, from, sequence)
    if (relay === null || relay.exchange.type + 1 !== responseType) return null
    this.#relays.delete(keyOf(version, from.address, sequence))
    return relay
  }

  takeAbandoned(version: GtpVersion, from: Place, sequence: number, responseType: number): Relay | null {
    const key = keyOf(version, from.address, sequence)
    const found = this.#abandoned.get(key)
    if (found === undefined || found.relay.exchange.type + 1 !== responseType) return null
    this.#abandoned.delete(key)
    return found.relay
  }

  /** Those that are waited for no longer; the late answers of creations among them are recognized until `lateMs`. */
  expire(nowMs: number, lateMs: number): readonly Relay[] {
    for (const [key, { untilMs }] of this.#abandoned) {
      if (untilMs > nowMs) break
      this.#abandoned.delete(key)
    }
    const expired: Relay[] = []
    for (const relay of this.#relays.values()) {
      if (relay.untilMs > nowMs) break
      expired.push(relay)
    }
    for (const relay of expired) this.#abandon(relay, nowMs + lateMs)
    return expired
  }

  /** All that a path is to answer. */
  giveUp(path: Path, lateUntilMs: number): readonly Relay[] {
    const given = this.#relays.values().filter(({ to, tunnel }) => to === 'gateway' && tunnel.path === path)
    const relays = [...given]
    for (const relay of relays) this.#abandon(relay, lateUntilMs)
    return relays
  }

  #abandon(relay: Relay, untilMs: number): void {
    const key = keyOf(relay.version, relay.outgoing.to.address, relay.sequence)
    this.#relays.delete(key)
    if (relay.role !== 'create' || this.#abandoned.size >= this.#limit) return
    this.#abandoned.delete(key)
    this.#abandoned.set(key, { relay, untilMs })
  }
}

/** A command, and what it triggers, has the highest bit of its sequence number on (TS 29.274, 7.6). */
export const commandBit = 0x80_0000
