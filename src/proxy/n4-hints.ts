// What the N4 engine says of tunnels and users, as hints of the services that get their packets: `n4.tunnels` those of
// a TEID, one of `n4.users` those to an address.

import { HintError } from '../lb/hints.ts'
import { parsePrefix, prefixContains } from '../wire/ip.ts'
import { Refusals } from './refusals.ts'
import type { HintChange, HintControl, HintRefusal, SessionKey } from '../lb/hints.ts'
import type { Service } from '../lb/model.ts'
import type { Prefix } from '../wire/ip.ts'
import type { HintPlace, HintChange as N4HintChange } from './n4/model.ts'
import type { RefusalsOptions } from './refusals.ts'

/** Services that what an N4 service learns is for. */
export interface Steered {
  /** takes GTP-U */
  readonly tunnels: Service
  /** take what the data network sends, each for its prefixes; may be none */
  readonly users: readonly Service[]
}

/** Hints that are looked at together. */
const adoptedAtOnce = 4096

interface Pool {
  readonly prefix: Prefix
  readonly service: Service
}

const v4Prefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const
const sixteen = (key: Uint8Array): Uint8Array => (key.length === 16 ? key : Uint8Array.of(...v4Prefix, ...key))

export class N4Hints {
  readonly #hints: HintControl
  #steered: Steered
  /** of all users, the longest prefix first */
  #pools: readonly Pool[] = []
  #unserved = 0
  #outside = 0
  readonly #refusals: Refusals

  constructor(hints: HintControl, steered: Steered, options: RefusalsOptions) {
    this.#hints = hints
    this.#refusals = new Refusals(options)
    this.#steered = steered
    this.follow(steered)
  }

  /** The services are these from now on. */
  follow(steered: Steered): void {
    this.#steered = steered
    this.#pools = steered.users
      .flatMap((service) => service.users.map((text) => ({ service, prefix: parsePrefix(text)! })))
      .toSorted((a, b) => b.prefix.bits - a.prefix.bits)
  }

  /** In the fast path before this returns. One that cannot be must not keep the others from their way. */
  apply(changes: readonly N4HintChange[]): void {
    const wanted: HintChange[] = []
    for (const change of changes) {
      const service = change.kind === 'teid' ? this.#steered.tunnels : this.#serviceOf(change)
      if (service !== null) wanted.push(...toHints(change, service))
    }
    if (wanted.length === 0) return
    try {
      this.#hints.apply(wanted)
    } catch (error) {
      if (!(error instanceof HintError)) throw error
      for (const one of wanted) this.#applyOne(one)
    }
  }

  /**
   * Hints that another process has left become those of an engine that has taken up its sessions: what is right stays
   * as it is, and is obeyed all the time.
   */
  adopt(installed: () => Iterable<N4HintChange>): void {
    const { tunnels, users } = this.#steered
    for (const changes of inParts(installed(), adoptedAtOnce)) this.apply(changes)
    this.keepOnly(installed, [tunnels, ...users])
  }

  /**
   * Everything else that these services have of sessions goes: users whose prefixes others have now, or nobody. So
   * does, with `ledOnly`, what was led to where its UPF is not any more, and cannot be led to where it is.
   */
  keepOnly(installed: () => Iterable<N4HintChange>, services: readonly Service[], ledOnly = false): void {
    for (const service of services) {
      const isKept = (change: N4HintChange): boolean => !ledOnly || isEndpointOf(service)(endpointOf(change, service))
      this.#hints.keepOnly(service.name, this.#keysOf(installed(), service, isKept))
    }
  }

  *#keysOf(
    installed: Iterable<N4HintChange>,
    service: Service,
    isKept: (change: N4HintChange) => boolean,
  ): Generator<SessionKey> {
    for (const change of installed) {
      const key = this.keyOf(change)
      if (key?.service === service.name && isKept(change)) yield key
    }
  }

  /** What the fast path has refused, by its reason, and addresses of users that no service has. */
  counters(): Readonly<Record<string, number>> {
    const isServed = this.#steered.users.length > 0
    const ofUsers = isServed
      ? { 'hint: ue-ip outside users': this.#outside }
      : { 'hint: ue-ip not served': this.#unserved }
    return { ...this.#refusals.counters('hint'), ...ofUsers }
  }

  /** Under which packets of it are found, and counted; null: nobody's packets to these users come here. */
  keyOf(one: HintPlace): SessionKey | null {
    const { key, kind, prefixBits } = one
    const service = kind === 'teid' ? this.#steered.tunnels : this.#poolOf(one)
    return service === null
      ? null
      : { service: service.name, kind, key, ...(prefixBits === null ? {} : { prefixBits }) }
  }

  /** Milliseconds since packets of each have come by; null: none has. */
  idleMs(places: readonly HintPlace[]): readonly (number | null)[] {
    const keys = places.map((place) => this.keyOf(place))
    const found = this.#hints.idleMs(keys.filter((key) => key !== null))
    let at = 0
    return keys.map((key) => (key === null ? null : (found[at++] ?? null)))
  }

  /** The one whose users these are, all of the prefix. Null: nobody's packets to them come here. */
  #serviceOf(change: N4HintChange): Service | null {
    const { action } = change
    if (this.#steered.users.length === 0) {
      if (action === 'install') this.#unserved++
      return null
    }
    const found = this.#poolOf(change)
    if (found === null && action === 'install') this.#outside++
    return found
  }

  #poolOf({ key, prefixBits }: Pick<HintPlace, 'key' | 'prefixBits'>): Service | null {
    const address = sixteen(key)
    const bits = 128 - key.length * 8 + (prefixBits ?? key.length * 8)
    return this.#pools.find(({ prefix }) => prefix.bits <= bits && prefixContains(prefix, address))?.service ?? null
  }

  #applyOne(change: HintChange): void {
    try {
      this.#hints.apply([change])
    } catch (error) {
      if (!(error instanceof HintError)) throw error
      this.#refusals.add(error, 'a session is not steered')
      if (change.action === 'install' && refusedAtItsPlace.has(error.reason)) this.#takeAway(change)
    }
  }

  /** Where the hint of before leads, its session is no more: to a UPF that has died, maybe. */
  #takeAway(change: HintChange): void {
    const [found = null] = this.#hints.traffic([change])
    if (found === null) return
    const { tunnels, users } = this.#steered
    const { endpoints = [] } = [tunnels, ...users].find(({ name }) => name === change.service) ?? {}
    const going = { ...change, action: 'remove', identifier: null, graceMs: 0, keepsCounts: true } as const
    this.#hints.apply(endpoints.map(({ address }) => ({ ...going, endpoint: address })))
  }
}

/** The key is one that a hint can have, and only where it is to lead cannot be. */
const refusedAtItsPlace: ReadonlySet<HintRefusal> = new Set(['no such endpoint', 'identifier in mode dsr'])

function* inParts<Item>(items: Iterable<Item>, size: number): Generator<readonly Item[]> {
  let part: Item[] = []
  for (const item of items) {
    if (part.push(item) < size) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

const isEndpointOf =
  ({ endpoints }: Service) =>
  (address: string): boolean =>
    endpoints.some((endpoint) => endpoint.address === address)

/** Where the UPF takes a tunnel at addresses of both families, the one of the VIP's; a user's packets at any. */
function endpointOf({ kind, upfs }: N4HintChange, service: Service): string {
  if (upfs.length === 1) return upfs[0]!
  const isIpv6 = service.address.includes(':')
  const isMeant = kind === 'teid' ? (address: string) => address.includes(':') === isIpv6 : isEndpointOf(service)
  return upfs.find(isMeant) ?? upfs[0]!
}

function toHints(change: N4HintChange, service: Service): readonly HintChange[] {
  const { action, graceMs, identifier, keepsCounts, key, kind, prefixBits, upfs } = change
  const base = { action, service: service.name, kind, key, identifier, graceMs, keepsCounts }
  const prefix = prefixBits === null ? {} : { prefixBits }
  // The proxy knows all its tunnels: what it says last is right, also after a restart that has left hints behind.
  const one = (endpoint: string): HintChange => ({ ...base, ...prefix, endpoint, takesOver: true })
  // Which of them the hint names may have changed since: where it names none of them it stays.
  return action === 'remove' ? upfs.map(one) : [one(endpointOf(change, service))]
}
