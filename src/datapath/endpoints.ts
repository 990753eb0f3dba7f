// Endpoints in the kernel. Each service's endpoint has an id of its own, given once and not given again while a flow
// names it; an endpoint that left its service is retired until its last flow has gone.

import { native } from '../../native/load.ts'
import { countersSize, endpointFlags, endpointSize, limits, readEndpoint, writeEndpoint } from './layout.gen.ts'
import type { Endpoint } from './layout.gen.ts'
import type { PortBlocks, PortRange } from './ports.ts'

/** What the kernel is told of one endpoint. */
export interface EndpointEntry {
  readonly service: number
  readonly address: Uint8Array
  readonly port: number
  /** null: the client's address is kept */
  readonly source: Uint8Array | null
  readonly accepts: boolean
  /** ports are counted by protocol */
  readonly protocol: string
}

/** An entry with its source ports reserved. */
export interface PreparedEndpoint {
  readonly entry: EndpointEntry
  readonly portKey: string | null
  readonly portBlock: number
}

interface Retired {
  /** milliseconds */
  readonly since: number
  readonly portKey: string | null
  readonly service: number
  /** what it was an endpoint of, and where: thousands may be looked through for each endpoint that comes back */
  readonly place: string
}

const noAddress = new Uint8Array(16)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const placeOf = ({ service, address, port }: Pick<EndpointEntry, 'service' | 'address' | 'port'>): string =>
  `${service} ${hex(address)} ${port}`

const portKeyOf = (entry: Omit<EndpointEntry, 'accepts' | 'service'>): string | null =>
  entry.source === null ? null : `${hex(entry.source)} ${hex(entry.address)} ${entry.port} ${entry.protocol}`

export interface EndpointMemory {
  readonly endpoints: DataView
  readonly activeFlows: BigInt64Array
}

export class Endpoints {
  readonly #memory: EndpointMemory
  readonly #countersFd: number
  readonly #ports: PortBlocks
  /** id -> whose source ports it uses */
  readonly #live = new Map<number, string | null>()
  readonly #retired = new Map<number, Retired>()
  readonly #zeroCounters: Uint8Array
  #free: number[] = []

  constructor(memory: EndpointMemory, countersFd: number, ports: PortBlocks) {
    this.#memory = memory
    this.#countersFd = countersFd
    this.#ports = ports
    this.#zeroCounters = new Uint8Array(countersSize * native.possibleCpus())
    const count = memory.endpoints.byteLength / endpointSize
    for (let id = count - 1; id >= 1; id--) this.#free.push(id)
  }

  activeFlows(id: number): number {
    return Number(this.#memory.activeFlows[id] ?? 0n)
  }

  read(id: number): Endpoint {
    return readEndpoint(this.#memory.endpoints, id * endpointSize)
  }

  /**
   * Finds the entries that pinned maps hold. `protocols` has the protocol of each service id that is still there;
   * `members` are the endpoints that services list, all others are retired.
   */
  adopt(protocols: ReadonlyMap<number, string>, members: ReadonlySet<number>, now: number, range: PortRange): void {
    const found = this.#free.filter((id) => this.read(id).service !== 0)
    const taken = new Set(found)
    this.#free = this.#free.filter((id) => !taken.has(id))
    // Those that live come first, because it is certain what their source ports are for.
    for (const id of found.toSorted((a, b) => Number(members.has(b)) - Number(members.has(a)))) {
      const entry = this.read(id)
      const portKey = this.#adoptPorts(entry, protocols.get(entry.service), range)
      this.#live.set(id, portKey)
      if (!members.has(id)) this.retire(id, now)
    }
  }

  /** An id with fresh counters; 0 when all are in use. */
  allocate(): number {
    const id = this.#free.pop()
    if (id === undefined) return 0
    native.mapUpdate(this.#countersFd, new Uint8Array(Uint32Array.of(id).buffer), this.#zeroCounters)
    this.#memory.activeFlows[id] = 0n
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
    for (const [id, retired] of this.#retired) {
      if (retired.place !== place) continue
      this.#retired.delete(id)
      this.#live.set(id, retired.portKey)
      const undo = (): void => {
        this.#live.delete(id)
        this.#retired.set(id, retired)
      }
      return { id, undo }
    }
    return null
  }

  /** Reserves what the entry needs; null when no port bitmap is left. */
  prepare(entry: EndpointEntry): PreparedEndpoint | null {
    const portKey = portKeyOf(entry)
    const portBlock = portKey === null ? 0 : this.#ports.acquire(portKey)
    return portKey !== null && portBlock === 0 ? null : { entry, portKey, portBlock }
  }

  cancel(prepared: PreparedEndpoint): void {
    if (prepared.portKey !== null) this.#ports.release(prepared.portKey)
  }

  write(id: number, { entry, portKey, portBlock }: PreparedEndpoint): void {
    const before = this.#live.get(id) ?? null
    this.#live.set(id, portKey)
    writeEndpoint(this.#memory.endpoints, id * endpointSize, {
      address: entry.address,
      source: entry.source ?? noAddress,
      service: entry.service,
      port: entry.port,
      flags: entry.accepts ? endpointFlags.accepts : 0,
      portBlock,
    })
    if (before !== null) this.#ports.release(before)
  }

  /** The key of the source ports that an adopted entry uses. */
  #adoptPorts(entry: Endpoint, protocol: string | undefined, range: PortRange): string | null {
    if (entry.portBlock === 0) return null
    const portKey = portKeyOf({ ...entry, protocol: protocol ?? `of service ${entry.service}` })
    return portKey === null ? null : this.#ports.adopt(portKey, entry.portBlock, range)
  }

  /** Takes no new flows from now on; its id is free once its flows have gone. */
  retire(id: number, now: number): void {
    const entry = this.read(id)
    writeEndpoint(this.#memory.endpoints, id * endpointSize, { ...entry, flags: 0 })
    this.#retired.set(id, {
      since: now,
      portKey: this.#live.get(id) ?? null,
      service: entry.service,
      place: placeOf(entry),
    })
    this.#live.delete(id)
  }

  /** Frees what has been retired for `graceMs` and has no flows. */
  collect(now: number, graceMs: number): void {
    for (const [id, { since, portKey }] of this.#retired) {
      if (now - since < graceMs || this.activeFlows(id) > 0) continue
      new Uint8Array(this.#memory.endpoints.buffer, id * endpointSize, endpointSize).fill(0)
      if (portKey !== null) this.#ports.release(portKey)
      this.#retired.delete(id)
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
}

/** Endpoints with source ports of their own, at most: one bitmap each, and number 0 says "none". */
export const maxPortBlocks = limits.portBlocks - 1
