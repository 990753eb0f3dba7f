// Endpoints in the kernel. Each service's endpoint has an id of its own, given once and not given again while a flow or
// a hint names it; an endpoint that left its service is retired until its last flow has gone.

import { native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import {
  countersSize,
  endpointFlags,
  endpointOffsets,
  endpointSize,
  readEndpoint,
  writeEndpoint,
} from './layout.gen.ts'
import type { Endpoint } from './layout.gen.ts'
import type { Pools } from './pools.ts'
import type { PortBlocks, PortRange } from './ports.ts'

/** What the kernel is told of one endpoint. */
export interface EndpointEntry {
  readonly service: number
  readonly address: Uint8Array
  readonly port: number
  /** packets keep their destination, whatever it is; the address says only the family */
  readonly isAsAddressed: boolean
  /** none: the client's address is kept; several: a pool */
  readonly sources: readonly Uint8Array[]
  /** enum flow_action */
  readonly action: number
  readonly weight: number
  readonly accepts: boolean
  readonly blocked: boolean
  /** ports are counted by protocol */
  readonly protocol: string
}

/** What an endpoint with sources of ours uses. */
interface Held {
  readonly portKey: string
  readonly portBlock: number
  /** 0: there is one source only */
  readonly pool: number
}

/** An entry with its source ports reserved. */
export interface PreparedEndpoint {
  readonly entry: EndpointEntry
  readonly held: Held | null
}

interface Retired {
  /** milliseconds */
  readonly since: number
  /** of hints, when it was retired */
  readonly sweep: number
  readonly held: Held | null
  readonly service: number
  readonly place: string
}

const noAddress = new Uint8Array(16)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** What it is an endpoint of, and where. */
const placeOf = ({ service, address, port }: Pick<EndpointEntry, 'service' | 'address' | 'port'>): string =>
  `${service} ${hex(address)} ${port}`

const portKeyOf = (entry: Pick<EndpointEntry, 'address' | 'port' | 'sources' | 'protocol'>): string =>
  `${entry.sources.map(hex).join(',')} ${hex(entry.address)} ${entry.port} ${entry.protocol}`

export interface EndpointsOptions {
  readonly memory: { readonly endpoints: DataView; readonly activeFlows: BigInt64Array }
  readonly countersFd: number
  readonly ports: PortBlocks
  readonly pools: Pools
  /** walks over all hints that have come to their end */
  readonly sweeps: () => number
  /** whether a hint may name an endpoint that was retired at that number of walks */
  readonly hinted: (id: number, sweep: number) => boolean
}

export class Endpoints {
  readonly #options: EndpointsOptions
  /** id -> what it uses */
  readonly #live = new Map<number, Held | null>()
  readonly #blocked = new Set<number>()
  readonly #retired = new Map<number, Retired>()
  /** the retired ones, by place */
  readonly #places = new Map<string, number>()
  readonly #zeroCounters = new Uint8Array(countersSize * native.possibleCpus())
  #free: number[] = []

  constructor(options: EndpointsOptions) {
    this.#options = options
    const count = options.memory.endpoints.byteLength / endpointSize
    for (let id = count - 1; id >= 1; id--) this.#free.push(id)
  }

  activeFlows(id: number): number {
    return Number(this.#options.memory.activeFlows[id] ?? 0n)
  }

  read(id: number): Endpoint {
    return readEndpoint(this.#options.memory.endpoints, id * endpointSize)
  }

  /** Those that are to have no flow. */
  blocked(): ReadonlySet<number> {
    return this.#blocked
  }

  /**
   * Finds the entries that pinned maps hold. `protocols` has the protocol of each service id that is still there;
   * `members` are the endpoints that services list, all others are retired.
   */
  adopt(protocols: ReadonlyMap<number, string>, members: ReadonlySet<number>, now: number, range: PortRange): void {
    const { endpoints } = this.#options.memory
    const isUsed = (id: number): boolean => endpoints.getUint32(id * endpointSize + endpointOffsets.service, true) !== 0
    const found = this.#free.filter(isUsed)
    this.#free = this.#free.filter((id) => !isUsed(id))
    // Those that live come first, because it is certain what their source ports are for.
    for (const id of found.toSorted((a, b) => Number(members.has(b)) - Number(members.has(a)))) {
      const entry = this.read(id)
      this.#live.set(id, this.#adoptPorts(entry, protocols.get(entry.service), range))
      if ((entry.flags & endpointFlags.blocked) !== 0) this.#blocked.add(id)
      if (!members.has(id)) this.retire(id, now)
    }
  }

  /** An id with fresh counters; 0 when all are in use. */
  allocate(): number {
    const { countersFd, memory } = this.#options
    const id = this.#free.pop()
    if (id === undefined) return 0
    native.mapUpdate(countersFd, new Uint8Array(Uint32Array.of(id).buffer), this.#zeroCounters)
    memory.activeFlows[id] = 0n
    this.#live.set(id, null)
    return id
  }

  /** An id that was allocated and is not used after all. */
  giveBack(id: number): void {
    this.#live.delete(id)
    this.#free.push(id)
  }

  /**
   * A retired endpoint of this service with this address and port lives again: its flows are not dropped at the end of
   * the drain. Returns its id and what takes that back; null when there is none.
   */
  revive(
    service: number,
    address: Uint8Array,
    port: number,
  ): { readonly id: number; readonly undo: () => void } | null {
    const place = placeOf({ service, address, port })
    const id = this.#places.get(place)
    const retired = id === undefined ? undefined : this.#retired.get(id)
    if (id === undefined || retired === undefined) return null
    this.#retired.delete(id)
    this.#places.delete(place)
    this.#live.set(id, retired.held)
    const undo = (): void => {
      this.#live.delete(id)
      this.#retired.set(id, retired)
      this.#places.set(place, id)
    }
    return { id, undo }
  }

  /** Reserves what the entry needs. Throws ResourceError; `title` is words for people. */
  prepare(entry: EndpointEntry, title: string): PreparedEndpoint {
    const { ports, pools } = this.#options
    if (entry.sources.length === 0) return { entry, held: null }
    const pool = entry.sources.length > 1 ? pools.acquire(entry.sources) : 0
    if (entry.sources.length > 1 && pool === 0)
      throw new ResourceError('snatPools', `no room for ${title}: all pools of source addresses are in use`)
    const portKey = portKeyOf(entry)
    const portBlock = ports.acquire(portKey, entry.sources.length)
    if (portBlock !== 0) return { entry, held: { portKey, portBlock, pool } }
    pools.release(pool)
    throw new ResourceError(
      'portBlocks',
      `no room for ${title}: each endpoint whose packets get a source address of ours takes one place of ` +
        'limits.portBlocks for each of these addresses',
    )
  }

  cancel({ held }: PreparedEndpoint): void {
    this.#release(held)
  }

  write(id: number, { entry, held }: PreparedEndpoint): void {
    const before = this.#live.get(id) ?? null
    this.#live.set(id, held)
    if (entry.blocked) this.#blocked.add(id)
    else this.#blocked.delete(id)
    writeEndpoint(this.#options.memory.endpoints, id * endpointSize, {
      address: entry.address,
      source: entry.sources[0] ?? noAddress,
      service: entry.service,
      port: entry.port,
      flags:
        (entry.accepts ? endpointFlags.accepts : 0) |
        (entry.blocked ? endpointFlags.blocked | endpointFlags.down : 0) |
        (entry.isAsAddressed ? endpointFlags.asAddressed : 0),
      portBlock: held?.portBlock ?? 0,
      pool: held?.pool ?? 0,
      weight: entry.weight,
      action: entry.action,
    })
    this.#release(before)
  }

  /** Takes no new flows from now on; its id is free once its flows and hints have gone. */
  retire(id: number, now: number): void {
    const entry = this.read(id)
    const { memory, sweeps } = this.#options
    writeEndpoint(memory.endpoints, id * endpointSize, { ...entry, flags: entry.flags & ~endpointFlags.accepts })
    const { service } = entry
    const place = placeOf(entry)
    this.#retired.set(id, { since: now, sweep: sweeps(), held: this.#live.get(id) ?? null, service, place })
    this.#places.set(place, id)
    this.#live.delete(id)
  }

  /** Frees what has been retired for `graceMs` and has neither flows nor hints. */
  collect(now: number, graceMs: number): void {
    for (const [id, { since, held, place, sweep }] of this.#retired) {
      if (now - since < graceMs || this.activeFlows(id) > 0 || this.#options.hinted(id, sweep)) continue
      new Uint8Array(this.#options.memory.endpoints.buffer, id * endpointSize, endpointSize).fill(0)
      this.#release(held)
      this.#retired.delete(id)
      this.#blocked.delete(id)
      if (this.#places.get(place) === id) this.#places.delete(place)
      this.#free.push(id)
    }
  }

  /** Retired at or before `since`: what flows they still have go now. */
  retiredBefore(since: number): ReadonlySet<number> {
    return new Set([...this.#retired].filter(([, retired]) => retired.since <= since).map(([id]) => id))
  }

  /** Services that retired endpoints still name. */
  retiredServices(): ReadonlySet<number> {
    return new Set([...this.#retired.values()].map(({ service }) => service))
  }

  /** What the source ports of an adopted entry are known by. */
  #adoptPorts(entry: Endpoint, protocol: string | undefined, range: PortRange): Held | null {
    const { ports, pools } = this.#options
    const { portBlock, pool } = entry
    if (portBlock === 0) return null
    const sources = pool === 0 ? [entry.source] : pools.adopt(pool)
    const portKey = portKeyOf({ ...entry, sources, protocol: protocol ?? `of service ${entry.service}` })
    return { portKey: ports.adopt(portKey, portBlock, range, sources.length), portBlock, pool }
  }

  #release(held: Held | null): void {
    if (held === null) return
    this.#options.ports.release(held.portKey)
    if (held.pool !== 0) this.#options.pools.release(held.pool)
  }
}
