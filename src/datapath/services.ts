// Services in the kernel. A service changes by one map update, after everything it points to has been written and
// before anything it no longer points to is taken away: a packet sees the old service or the new one.

import { native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { adoptServices, mapKeys } from './adopt.ts'
import { Endpoints, maxPortBlocks } from './endpoints.ts'
import { endpointEntry, serviceKeyBytes, tableFor, tableKey, vipKeyBytes } from './entries.ts'
import { Extents } from './extents.ts'
import { countersSize, serviceFlags, serviceSelect, serviceSize, vipKeySize, writeService } from './layout.gen.ts'
import { PortBlocks } from './ports.ts'
import { Tables } from './tables.ts'
import type { EndpointEntry, PreparedEndpoint } from './endpoints.ts'
import type { Extent } from './extents.ts'
import type { Loaded, Memory } from './maps.ts'
import type { PortRange } from './ports.ts'
import type { Table } from './tables.ts'
import type { Change, EndpointKey, Service, ServiceKey } from '../lb/model.ts'

/** Where a service stands in the maps. */
export interface Placed {
  readonly id: number
  readonly key: Uint8Array
  readonly vip: string
  /** null: found in the kernel at start and not yet confirmed by the configuration */
  readonly service: Service | null
  readonly table: Table
  readonly members: Extent
  /** ids in the order of the service's endpoints */
  readonly endpoints: ReadonlyMap<EndpointKey, number>
}

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
}

/** Everything one change needs, reserved; nothing of it is visible to packets yet. */
interface Prepared extends Placed {
  readonly service: Service
  readonly entries: readonly { readonly id: number; readonly prepared: PreparedEndpoint }[]
  readonly recreate: boolean
  /** the service's id was not in use: its counters start at zero */
  readonly isNew: boolean
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const fail = (error: Error): never => {
  throw error
}

const noRoom = (limit: string, what: string): ResourceError =>
  new ResourceError(limit, `no room for ${what}; raise limits.${limit} in the configuration and restart`)

export class Services {
  readonly #options: ServicesOptions
  readonly #placed = new Map<ServiceKey, Placed>()
  readonly #byId = new Map<number, Service>()
  readonly #vips = new Map<string, number>()
  readonly #tables: Tables
  readonly #members: Extents
  readonly #zeroCounters: Uint8Array
  readonly endpoints: Endpoints
  readonly #freeIds: number[] = []
  /** ids of removed services whose endpoints still have flows; a service that comes back gets its own again */
  readonly #leaving = new Map<number, ServiceKey | null>()
  #confirmed = false

  constructor(options: ServicesOptions) {
    const { loaded, memory, defer, portRange } = options
    this.#options = options
    this.#tables = new Tables(memory.slots, defer)
    this.#members = new Extents(0, memory.members.length)
    this.#zeroCounters = new Uint8Array(countersSize * native.possibleCpus())
    const ports = new PortBlocks(memory.portBlocks, portRange)
    this.endpoints = new Endpoints(memory, loaded.fds.endpoint_counters, ports)
    const used = loaded.adopted ? this.#adopt() : new Set<number>()
    for (let id = loaded.sizes.services; id >= 1; id--) if (!used.has(id)) this.#freeIds.push(id)
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

  /** Reserves room for all changes, then performs them in order. Throws ResourceError before anything changes. */
  apply(changes: readonly Change[]): void {
    const prepared = new Map<ServiceKey, Prepared>()
    const undo: (() => void)[] = []
    try {
      for (const change of changes) {
        if (change.kind === 'remove') continue
        const service = change.kind === 'add' ? change.service : change.to
        prepared.set(serviceKey(service), this.#prepare(service, undo))
      }
    } catch (error) {
      for (const step of undo.toReversed()) step()
      throw error
    }
    for (const change of changes) {
      const key = serviceKey(change.kind === 'update' ? change.to : change.service)
      const ready = prepared.get(key)
      if (change.kind === 'remove') this.#remove(key)
      else if (ready) this.#commit(key, ready)
    }
    if (this.#confirmed) return
    // The first set after a start is the whole set: what the maps hold beyond it has gone from the configuration.
    this.#confirmed = true
    for (const [key, { service }] of this.#placed) if (service === null) this.#remove(key)
  }

  /** Writes the endpoints of `onearm` services again, after egress addresses may have changed. */
  refreshEgress(): void {
    for (const { id, service, endpoints } of this.#placed.values()) {
      if (service?.mode !== 'onearm') continue
      for (const endpoint of service.endpoints) {
        const entry = endpointEntry(id, service, endpoint, this.#options.egress)
        const prepared = this.endpoints.prepare(entry)
        if (prepared) this.endpoints.write(endpoints.get(endpointKey(endpoint))!, prepared)
      }
    }
  }

  /** Frees ids whose flows have gone. */
  collect(graceMs: number): void {
    this.endpoints.collect(this.#options.now(), graceMs)
    const used = this.endpoints.retiredServices()
    for (const id of this.#leaving.keys()) {
      if (used.has(id)) continue
      this.#leaving.delete(id)
      this.#byId.delete(id)
      this.#freeIds.push(id)
    }
  }

  #adopt(): ReadonlySet<number> {
    const { loaded, memory, now, previousPortRange } = this.#options
    const found = adoptServices(loaded.fds.services, memory)
    for (const { key, placed } of found.services) {
      this.#members.take(placed.members)
      this.#placed.set(key, { ...placed, table: this.#tables.adopt(placed.firstPage, placed.slotCount) })
      this.#vips.set(placed.vip, (this.#vips.get(placed.vip) ?? 0) + 1)
    }
    this.#adoptVips()
    this.endpoints.adopt(found.protocols, found.members, now(), previousPortRange)
    for (const id of this.endpoints.retiredServices()) if (!found.protocols.has(id)) this.#leaving.set(id, null)
    return new Set([...found.protocols.keys(), ...this.#leaving.keys()])
  }

  /** A daemon that was killed between two writes may have left a count that does not fit the services. */
  #adoptVips(): void {
    const { vips } = this.#options.loaded.fds
    const known = new Set([...this.#vips.keys()].map((address) => hex(vipKeyBytes(address))))
    for (const key of mapKeys(vips, vipKeySize)) if (!known.has(hex(key))) native.mapDelete(vips, key)
    for (const address of this.#vips.keys()) this.#countVip(address, 0)
  }

  /** `undo` gets what takes each reservation back. */
  #prepare(service: Service, undo: (() => void)[]): Prepared {
    const { seed, egress, memory } = this.#options
    const current = this.#placed.get(serviceKey(service)) ?? null
    const title = `service ${service.name}`
    const { id, isNew } = current ? { id: current.id, isNew: false } : this.#reserveId(service, undo)

    const endpoints = new Map<EndpointKey, number>()
    const entries: { id: number; prepared: PreparedEndpoint }[] = []
    for (const endpoint of service.endpoints) {
      const key = endpointKey(endpoint)
      const entry = endpointEntry(id, service, endpoint, egress)
      const endpointId = current?.endpoints.get(key) ?? this.#reserveEndpoint(service, entry, undo)
      const prepared =
        this.endpoints.prepare(entry) ??
        fail(
          new ResourceError(
            'portBlocks',
            `no room for ${title}: at most ${maxPortBlocks} endpoints can have source ports of their own ` +
              '(modes onearm and fullnat)',
          ),
        )
      undo.push(() => this.endpoints.cancel(prepared))
      endpoints.set(key, endpointId)
      entries.push({ id: endpointId, prepared })
    }

    const table =
      this.#tables.acquire(tableKey(service, seed), () => tableFor(service, seed).slots, current?.table ?? null) ??
      fail(noRoom('slotPages', `the selection table of ${title}`))
    undo.push(() => this.#tables.giveBack(table))

    const ids = [...endpoints.values()]
    const sameMembers =
      current?.members.length === ids.length &&
      ids.every((member, index) => memory.members[current.members.start + index] === BigInt(member))
    const members = sameMembers
      ? current.members
      : (this.#members.allocate(ids.length) ?? fail(noRoom('endpoints', `the endpoints of ${title}`)))
    if (!sameMembers) undo.push(() => this.#members.release(members))
    return {
      id,
      key: serviceKeyBytes(service),
      vip: service.address,
      service,
      table,
      members,
      endpoints,
      entries,
      recreate: service.select === 'hash' && service.mode === 'dnat',
      isNew,
    }
  }

  #reserveId(service: Service, undo: (() => void)[]): { readonly id: number; readonly isNew: boolean } {
    const key = serviceKey(service)
    const [leaving] = [...this.#leaving].find(([, left]) => left === key) ?? []
    if (leaving !== undefined) {
      this.#leaving.delete(leaving)
      undo.push(() => this.#leaving.set(leaving, key))
      return { id: leaving, isNew: false }
    }
    const id = this.#freeIds.pop() ?? fail(noRoom('services', `service ${service.name}`))
    undo.push(() => this.#freeIds.push(id))
    return { id, isNew: true }
  }

  #reserveEndpoint(service: Service, entry: EndpointEntry, undo: (() => void)[]): number {
    const revived = this.endpoints.revive(entry.service, entry.address, entry.port)
    if (revived) {
      undo.push(revived.undo)
      return revived.id
    }
    const id = this.endpoints.allocate() || fail(noRoom('endpoints', `the endpoints of service ${service.name}`))
    undo.push(() => this.endpoints.giveBack(id))
    return id
  }

  #commit(key: ServiceKey, ready: Prepared): void {
    const { loaded, memory, seed, now, defer } = this.#options
    const { entries, recreate, isNew, ...placed } = ready
    const before = this.#placed.get(key)
    if (isNew) {
      const id = new Uint8Array(Uint32Array.of(placed.id).buffer)
      native.mapUpdate(loaded.fds.service_counters, id, this.#zeroCounters)
    }
    for (const { id, prepared } of entries) this.endpoints.write(id, prepared)
    entries.forEach(({ id }, index) => (memory.members[placed.members.start + index] = BigInt(id)))
    if (!before) this.#countVip(placed.vip, 1)

    const value = new Uint8Array(serviceSize)
    writeService(new DataView(value.buffer), 0, {
      tag: keyTag(placed.key),
      id: placed.id,
      select: serviceSelect[ready.service.select],
      flags: recreate ? serviceFlags.recreate : 0,
      seed,
      firstPage: placed.table.pages.start,
      slotCount: placed.table.slotCount,
      memberBase: placed.members.start,
      memberCount: placed.members.length,
    })
    native.mapUpdate(loaded.fds.services, placed.key, value)
    this.#placed.set(key, placed)
    this.#byId.set(placed.id, ready.service)
    if (!before) return

    for (const [endpoint, id] of before.endpoints) if (!placed.endpoints.has(endpoint)) this.endpoints.retire(id, now())
    this.#tables.release(before.table)
    if (before.members !== placed.members) defer(() => this.#members.release(before.members))
  }

  #remove(key: ServiceKey): void {
    const { loaded, now, defer } = this.#options
    const before = this.#placed.get(key)
    if (!before) return
    native.mapDelete(loaded.fds.services, before.key)
    this.#placed.delete(key)
    this.#countVip(before.vip, -1)
    for (const id of before.endpoints.values()) this.endpoints.retire(id, now())
    this.#leaving.set(before.id, key)
    this.#tables.release(before.table)
    defer(() => this.#members.release(before.members))
  }

  #countVip(address: string, change: 1 | 0 | -1): void {
    const { vips } = this.#options.loaded.fds
    const count = (this.#vips.get(address) ?? 0) + change
    this.#vips.set(address, count)
    if (count > 0) native.mapUpdate(vips, vipKeyBytes(address), new Uint8Array(Uint32Array.of(count).buffer))
    else native.mapDelete(vips, vipKeyBytes(address))
    if (count === 0) this.#vips.delete(address)
  }
}
