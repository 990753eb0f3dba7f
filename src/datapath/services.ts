// Services in the kernel. A service changes by one map update for each of its keys, after everything it points to has
// been written and before anything it no longer points to is taken away: a packet sees the old service or the new one.

import { native } from '../../native/load.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { adoptServices } from './adopt.ts'
import { Endpoints } from './endpoints.ts'
import { egressEndpoints, endpointEntry, idleSeconds, isStateless, serviceEntry } from './entries.ts'
import { ExpiryProgram } from './expiry-program.ts'
import { Extents } from './extents.ts'
import { Hints } from './hints.ts'
import { countersSize, endpointOffsets, endpointSize, hintKind } from './layout.gen.ts'
import { Pools } from './pools.ts'
import { PortBlocks } from './ports.ts'
import { prepare } from './prepare.ts'
import { isQuicHintOf, quicHints } from './quic-hints.ts'
import { targetsOf } from './reach.ts'
import { ReachMaps } from './reach-maps.ts'
import { ServiceIds } from './service-ids.ts'
import { Tables } from './tables.ts'
import { UserRoutes } from './user-routes.ts'
import { nextRouteGeneration } from './settings.ts'
import type { ExpectationRoom } from './expectations.ts'
import type { HintKey } from './layout.gen.ts'
import type { Loaded, Memory } from './maps.ts'
import type { PortRange } from './ports.ts'
import type { Placed, Prepared, Stock } from './prepare.ts'
import type { Change, Service, ServiceKey } from '../lb/model.ts'

export interface ServicesOptions {
  readonly loaded: Loaded
  readonly memory: Memory
  readonly seed: number
  readonly portRange: PortRange
  /** what the pinned maps were used with */
  readonly previousPortRange: PortRange
  /** milliseconds */
  readonly now: () => number
  /** calls back once no packet can still use what was replaced */
  readonly defer: (release: () => void) => void
  /** the address the kernel would use towards an endpoint */
  readonly egress: (address: string) => string | null
  /** how long the sessions of a removed endpoint stay with it; 0 where it is left out */
  readonly drainMs?: number
}

export class Services {
  readonly #options: ServicesOptions
  readonly #placed = new Map<ServiceKey, Placed>()
  /** found at start and not yet confirmed: by which key each is placed */
  readonly #unconfirmed = new Map<number, ServiceKey>()
  readonly #byId = new Map<number, Service>()
  readonly #stock: Stock
  readonly #ports: PortBlocks
  readonly #zeroCounters = new Uint8Array(countersSize * native.possibleCpus())
  #drained: ReadonlySet<number> = new Set()
  #confirmed = false
  readonly endpoints: Endpoints
  readonly hints: Hints
  readonly #routes: UserRoutes

  constructor(options: ServicesOptions) {
    const { loaded, memory, defer, portRange, seed, egress } = options
    this.#options = options
    this.#ports = new PortBlocks(memory.portBlocks, portRange)
    const kernel = new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest })
    this.#routes = new UserRoutes({
      fd: loaded.fds.user_routes,
      keeps: (key, endpoint) => this.#keepsHint(key, endpoint),
      told: (id, routes) => this.#tellRoutes(id, routes),
    })
    this.hints = new Hints({
      routes: this.#routes,
      fd: loaded.fds.hints,
      nowTicks: () => kernel.run(0, false).now,
      ticksPerSecond: loaded.ticksPerSecond,
      keeps: (key, endpoint) => this.#keepsHint(key, endpoint),
      freedLearnt: (id, count) => (memory.seidCounts[2 * id + 1] = (memory.seidCounts[2 * id + 1] ?? 0n) + count),
    })
    this.endpoints = new Endpoints({
      memory,
      countersFd: loaded.fds.endpoint_counters,
      ports: this.#ports,
      pools: new Pools(memory.snatPools),
      sweeps: () => this.hints.sweeps,
      hinted: (id, sweep) => this.hints.mayName(id, sweep),
    })
    const rooms = {
      tables: new Tables(memory.slots, defer),
      members: new Extents(0, memory.members.length),
      reaches: new ReachMaps(loaded, memory),
    }
    const ids = loaded.adopted ? this.#adopt(rooms) : new ServiceIds(loaded.sizes.services, new Set(), [])
    this.#stock = {
      ...rooms,
      ids,
      endpoints: this.endpoints,
      hints: this.hints,
      memberIds: memory.members,
      seed,
      egress,
    }
  }

  /** Sessions with uplink classifiers are looked for while there are any. */
  needUplinks(any: boolean): void {
    this.#stock.reaches.needUplinks(any)
  }

  placed(): ReadonlyMap<ServiceKey, Placed> {
    return this.#placed
  }

  /** What is balanced. */
  list(): readonly Service[] {
    return [...this.#placed.values()].flatMap(({ service }) => service ?? [])
  }

  /** Of a service that lives, or has left while flows of it remain. */
  serviceOf(id: number): Service | undefined {
    return this.#byId.get(id)
  }

  /** What connections that others have announced are let in with. */
  get expectationRoom(): ExpectationRoom {
    const keyOf = (id: number): ServiceKey => `expected ${id}` as ServiceKey
    return {
      endpoints: this.endpoints,
      hints: this.hints,
      ports: this.#ports,
      lend: (parent) => {
        const id = this.#stock.ids.reserve(keyOf(0))?.id ?? null
        if (id === null) return null
        this.#resetCounters(id)
        this.#options.memory.serviceIdle.fill(0, 2 * id, 2 * id + 2)
        const service = this.#byId.get(parent)
        if (service) this.#byId.set(id, service)
        return id
      },
      giveBack: (id) => this.#stock.ids.leave(id, keyOf(id)),
    }
  }

  /** Endpoints that are to have no flow, and have some. */
  toFlush(): ReadonlySet<number> {
    return new Set([...this.endpoints.blocked()].filter((id) => this.endpoints.activeFlows(id) > 0))
  }

  /** Reserves room for all changes, then performs them in order. Throws ResourceError before anything changes. */
  apply(changes: readonly Change[]): void {
    const prepared = new Map<ServiceKey, Prepared>()
    const undo: (() => void)[] = []
    try {
      for (const change of changes) {
        if (change.kind === 'remove') continue
        const service = change.kind === 'add' ? change.service : change.to
        prepared.set(serviceKey(service), prepare(this.#stock, service, this.#current(service), undo))
      }
    } catch (error) {
      for (const step of undo.toReversed()) step()
      throw error
    }
    // The fast path remembers whom it has refused, and services of sessions, as long as it does the way to an endpoint.
    const concerned = changes.flatMap((change) =>
      change.kind === 'update' ? [change.from, change.to] : [change.service],
    )
    const remembered = this.#stock.reaches.anySources || !this.#confirmed || concerned.some(isStateless)
    for (const change of changes) {
      const key = serviceKey(change.kind === 'update' ? change.to : change.service)
      const ready = prepared.get(key)
      if (change.kind === 'remove') this.#remove(key)
      else if (ready) this.#commit(key, ready)
    }
    if (!this.#confirmed) {
      // The first set after a start is the whole set: what the maps hold beyond it has gone from the configuration.
      this.#confirmed = true
      for (const key of this.#unconfirmed.values()) this.#remove(key)
    }
    if (remembered) nextRouteGeneration(this.#options.memory.settings)
  }

  /** Writes endpoints again whose source is an address of this host, after that may have changed. */
  refreshEgress(): void {
    for (const { id, service, endpoints } of this.#placed.values()) {
      if (service === null) continue
      for (const endpoint of egressEndpoints(service)) {
        const endpointId = endpoints.get(endpointKey(endpoint))!
        const entry = endpointEntry(id, service, endpoint, this.#options.egress)
        if (Buffer.compare(this.endpoints.read(endpointId).source, entry.sources[0]!) === 0) continue
        this.endpoints.write(endpointId, this.endpoints.prepare(entry, `service ${service.name}`))
      }
    }
  }

  /** Frees ids whose flows and hints have gone. */
  collect(graceMs: number): void {
    const { now, drainMs = 0 } = this.#options
    this.#drained = this.endpoints.retiredBefore(now() - drainMs)
    this.hints.sweep()
    this.endpoints.collect(now(), graceMs)
    if (!this.#stock.ids.anyLeaving) return
    for (const id of this.#stock.ids.collect(this.endpoints.retiredServices())) this.#byId.delete(id)
  }

  /** The place that a service has: by its key, or by what the kernel held of it at start. */
  #current(service: Service): Placed | null {
    const placed = this.#placed.get(serviceKey(service))
    if (placed !== undefined || this.#unconfirmed.size === 0) return placed ?? null
    const owner = this.#stock.reaches.ownerOf(targetsOf(service))
    const key = owner === undefined ? undefined : this.#unconfirmed.get(owner)
    return (key === undefined ? undefined : this.#placed.get(key)) ?? null
  }

  /** Returns the ids that are not in use. */
  #adopt({ tables, members, reaches }: Pick<Stock, 'tables' | 'members' | 'reaches'>): ServiceIds {
    const { loaded, memory, now, previousPortRange } = this.#options
    const found = adoptServices(loaded, memory)
    // In the order of their places, so that taking many is fast.
    for (const { placed } of found.services.toSorted((a, b) => a.placed.members.start - b.placed.members.start))
      members.take(placed.members)
    for (const { key, placed } of found.services.toSorted((a, b) => a.placed.firstPage - b.placed.firstPage)) {
      this.#placed.set(key, { ...placed, table: tables.adopt(placed.firstPage, placed.slotCount) })
      this.#unconfirmed.set(placed.id, key)
      reaches.adopt(placed.id, placed.reach)
    }
    reaches.mend()
    this.endpoints.adopt(found.protocols, found.members, now(), previousPortRange)
    const left = [...this.endpoints.retiredServices()].filter((id) => !found.protocols.has(id))
    return new ServiceIds(loaded.sizes.services, new Set(found.protocols.keys()), left)
  }

  #commit(key: ServiceKey, ready: Prepared): void {
    const { loaded, memory, seed, now, defer } = this.#options
    const { tables, members, reaches, memberIds } = this.#stock
    const { entries, isNew, ...placed } = ready
    const { id, service, reach } = placed
    const before = this.#replaced(key, id)
    if (isNew) this.#resetCounters(id)
    memory.serviceIdle[2 * id] = Math.round(idleSeconds(service) * loaded.ticksPerSecond)
    memory.serviceIdle[2 * id + 1] = service.resetOnIdle ? 1 : 0
    const blocked = this.endpoints.blocked()
    const blocks = entries.some(({ id: endpointId, prepared }) => prepared.entry.blocked !== blocked.has(endpointId))
    for (const { id: endpointId, prepared } of entries) this.endpoints.write(endpointId, prepared)
    // The fast path looks whether an endpoint is blocked when it looks for the way to it.
    if (blocks) nextRouteGeneration(memory.settings)
    entries.forEach(({ id: endpointId }, index) => (memberIds[placed.members.start + index] = BigInt(endpointId)))
    const entry = serviceEntry(service, placed, seed, loaded.ticksPerSecond)
    reaches.reveal(id, before?.reach ?? null, reach, { ...entry, userRoutes: this.#routes.of(id) })
    this.#placed.set(key, placed)
    this.#byId.set(id, service)
    if (!before) return

    reaches.withdraw(id, before.reach, reach)
    for (const [endpoint, endpointId] of before.endpoints)
      if (!placed.endpoints.has(endpoint)) this.endpoints.retire(endpointId, now())
    tables.release(before.table)
    if (before.members !== placed.members) defer(() => members.release(before.members))
    if (before.service) this.#removeHints(before, new Set(quicHints(id, service, placed.endpoints).map(keyText)))
  }

  /** What stood there before; if it was found at start, perhaps under another of its keys. */
  #replaced(key: ServiceKey, id: number): Placed | undefined {
    const adoptedKey = this.#unconfirmed.get(id)
    const before = this.#placed.get(adoptedKey ?? key)
    if (adoptedKey === undefined) return before
    this.#unconfirmed.delete(id)
    this.#placed.delete(adoptedKey)
    return before
  }

  #remove(key: ServiceKey): void {
    const { now, defer } = this.#options
    const { tables, members, reaches, ids } = this.#stock
    const before = this.#placed.get(key)
    if (!before) return
    reaches.withdraw(before.id, before.reach, null)
    this.#placed.delete(key)
    this.#unconfirmed.delete(before.id)
    for (const id of before.endpoints.values()) this.endpoints.retire(id, now())
    ids.leave(before.id, key)
    tables.release(before.table)
    defer(() => members.release(before.members))
    this.#removeHints(before, new Set())
  }

  /** Those that the service made itself, but for some. */
  #removeHints({ id, service, endpoints }: Placed, but: ReadonlySet<string>): void {
    if (service === null) return
    const gone = quicHints(id, service, endpoints).filter((hint) => !but.has(keyText(hint)))
    if (gone.length > 0) this.hints.removeAll(gone.map(({ key }) => key))
  }

  #tellRoutes(id: number, routes: number): void {
    for (const placed of this.#placed.values())
      if (placed.id === id) this.#stock.reaches.tellRoutes(placed.reach, routes)
  }

  #resetCounters(id: number): void {
    const { loaded, memory } = this.#options
    native.mapUpdate(loaded.fds.service_counters, new Uint8Array(Uint32Array.of(id).buffer), this.#zeroCounters)
    memory.embryonic[id] = 0n
    memory.seidCounts.fill(0n, 2 * id, 2 * id + 2)
  }

  #keepsHint(key: HintKey, endpoint: number): boolean {
    const { endpoints } = this.#options.memory
    const owner = endpoint * endpointSize + endpointOffsets.service
    if (owner + 4 > endpoints.byteLength || endpoints.getUint32(owner, true) !== key.service) return false
    if (this.#drained.has(endpoint)) return false
    const service = this.#byId.get(key.service)
    return key.kind !== hintKind.quic || service === undefined || isQuicHintOf(service, key)
  }
}

const keyText = ({ key }: { readonly key: HintKey }): string => Buffer.from(key.bytes).toString('hex')
