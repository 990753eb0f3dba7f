// Tunnels of the control plane: what lies between an end at a client and an end at a gateway. Each side is given a TEID
// of ours in the place of the other's.

import type { GtpVersion } from '../../lb/model.ts'
import type { Client } from './clients.ts'
import type { End } from './dialect.ts'
import type { Path } from './pool.ts'

export interface Tunnel {
  readonly version: GtpVersion
  readonly path: Path
  /** null: it has none, and stands alone */
  readonly user: string | null
  readonly apn: string | null
  /** of the client's F-TEID; version 1: 0 */
  readonly interface: number
  client: Client
  clientEnd: End
  /** null: not told yet */
  gatewayEnd: End | null
  readonly teidForClient: number
  readonly teidForGateway: number
  /** EPS bearer identities of default bearers, or NSAPIs, each with the one that it is secondary to, or itself */
  readonly contexts: Map<number, number>
  /** creations that are not answered yet */
  creating: number
  isGone: boolean
  readonly createdMs: number
  /** FQ-CSIDs that client and gateway have said; both sides have it by these, too */
  clientSets: readonly string[]
  gatewaySets: readonly string[]
}

/** Tunnels of one node by the sets that it has named for them. */
export class TunnelSets {
  readonly #bySet = new Map<string, Set<Tunnel>>()

  add(tunnel: Tunnel, sets: readonly string[]): void {
    for (const set of sets) {
      const others = this.#bySet.get(set)
      if (others === undefined) this.#bySet.set(set, new Set([tunnel]))
      else others.add(tunnel)
    }
  }

  remove(tunnel: Tunnel, sets: readonly string[]): void {
    for (const set of sets) {
      const others = this.#bySet.get(set)
      others?.delete(tunnel)
      if (others?.size === 0) this.#bySet.delete(set)
    }
  }

  /** Each once. */
  of(sets: Iterable<string>): ReadonlySet<Tunnel> {
    const found = new Set<Tunnel>()
    for (const set of sets) for (const tunnel of this.#bySet.get(set) ?? []) found.add(tunnel)
    return found
  }
}

export type NewTunnel = Pick<Tunnel, 'version' | 'path' | 'user' | 'apn' | 'interface' | 'client' | 'clientEnd'>

/** With a million of 2^32 numbers in use even one try seldom meets one that is. */
const tries = 64

const endKey = (version: GtpVersion, { address, teid }: End): string => `${version}/${address}/${teid}`

export class TunnelTable {
  /** by the TEID that each side was given; no number stands in both */
  readonly #forClient = new Map<number, Tunnel>()
  readonly #forGateway = new Map<number, Tunnel>()
  readonly #byClientEnd = new Map<string, Tunnel>()
  readonly #byUser = new Map<string, Set<Tunnel>>()
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  get size(): number {
    return this.#forClient.size
  }

  [Symbol.iterator](): MapIterator<Tunnel> {
    return this.#forClient.values()
  }

  /** null: no TEID was found. */
  add(wanted: NewTunnel, nowMs: number): Tunnel | null {
    const teidForClient = this.#newTeid(0)
    const teidForGateway = this.#newTeid(teidForClient)
    if (teidForClient === 0 || teidForGateway === 0) return null
    const tunnel: Tunnel = {
      ...wanted,
      gatewayEnd: null,
      teidForClient,
      teidForGateway,
      contexts: new Map(),
      creating: 0,
      isGone: false,
      createdMs: nowMs,
      clientSets: [],
      gatewaySets: [],
    }
    this.#forClient.set(teidForClient, tunnel)
    this.#forGateway.set(teidForGateway, tunnel)
    this.#byClientEnd.set(endKey(tunnel.version, tunnel.clientEnd), tunnel)
    tunnel.path.tunnels.add(tunnel)
    tunnel.client.tunnels.add(tunnel)
    if (tunnel.user === null) return tunnel
    const others = this.#byUser.get(tunnel.user)
    if (others === undefined) this.#byUser.set(tunnel.user, new Set([tunnel]))
    else others.add(tunnel)
    return tunnel
  }

  remove(tunnel: Tunnel): void {
    tunnel.isGone = true
    this.#forClient.delete(tunnel.teidForClient)
    this.#forGateway.delete(tunnel.teidForGateway)
    const key = endKey(tunnel.version, tunnel.clientEnd)
    if (this.#byClientEnd.get(key) === tunnel) this.#byClientEnd.delete(key)
    tunnel.path.tunnels.delete(tunnel)
    tunnel.path.sets.remove(tunnel, tunnel.gatewaySets)
    tunnel.client.tunnels.delete(tunnel)
    tunnel.client.sets.remove(tunnel, tunnel.clientSets)
    if (tunnel.user === null) return
    const its = this.#byUser.get(tunnel.user)
    its?.delete(tunnel)
    if (its?.size === 0) this.#byUser.delete(tunnel.user)
  }

  /** Whom a TEID of a header leads to: what the client was given leads to the gateway. */
  route(teid: number): { readonly tunnel: Tunnel; readonly to: 'client' | 'gateway' } | null {
    const upward = this.#forClient.get(teid)
    if (upward !== undefined) return { tunnel: upward, to: 'gateway' }
    const downward = this.#forGateway.get(teid)
    return downward === undefined ? null : { tunnel: downward, to: 'client' }
  }

  /** A client has one end for several connections of a UE, if it likes. */
  ofClientEnd(version: GtpVersion, end: End): Tunnel | null {
    return this.#byClientEnd.get(endKey(version, end)) ?? null
  }

  /** In the order of their creation; few, as `GtpcLimits.perUser` says. */
  ofUser(user: string): readonly Tunnel[] {
    return [...(this.#byUser.get(user) ?? [])]
  }

  countOfUser(user: string): number {
    return this.#byUser.get(user)?.size ?? 0
  }

  /** The client is another one now, or another end of it. */
  move(tunnel: Tunnel, client: Client, end: End): void {
    const key = endKey(tunnel.version, tunnel.clientEnd)
    if (this.#byClientEnd.get(key) === tunnel) this.#byClientEnd.delete(key)
    tunnel.client.tunnels.delete(tunnel)
    tunnel.client.sets.remove(tunnel, tunnel.clientSets)
    tunnel.client = client
    tunnel.clientEnd = end
    client.tunnels.add(tunnel)
    client.sets.add(tunnel, tunnel.clientSets)
    this.#byClientEnd.set(endKey(tunnel.version, end), tunnel)
  }

  nameClientSets(tunnel: Tunnel, sets: readonly string[]): void {
    tunnel.client.sets.remove(tunnel, tunnel.clientSets)
    tunnel.clientSets = sets
    tunnel.client.sets.add(tunnel, sets)
  }

  nameGatewaySets(tunnel: Tunnel, sets: readonly string[]): void {
    tunnel.path.sets.remove(tunnel, tunnel.gatewaySets)
    tunnel.gatewaySets = sets
    tunnel.path.sets.add(tunnel, sets)
  }

  /** Random, so that one that was removed does not soon mean another tunnel; 0: none. */
  #newTeid(other: number): number {
    for (let left = tries; left > 0; left--) {
      const teid = Math.floor(this.#random() * 2 ** 32) >>> 0
      if (teid !== 0 && teid !== other && !this.#forClient.has(teid) && !this.#forGateway.has(teid)) return teid
    }
    return 0
  }
}

/** The contexts that a deletion names; null: it names none, and means all. */
export function contextsNamed({ contexts }: Tunnel, context: number | null, withSecondary: boolean): readonly number[] {
  if (context === null) return [...contexts.keys()]
  const primary = contexts.get(context)
  if (!withSecondary || primary === undefined) return [context]
  return [...contexts].filter(([, its]) => its === primary).map(([id]) => id)
}
