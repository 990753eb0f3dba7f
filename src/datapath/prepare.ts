// Everything that a new or changed service needs, reserved before anything changes. Packets see nothing of it yet.

import { ResourceError } from '../lb/datapath.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { endpointEntry, tableFor, tableKey } from './entries.ts'
import { quicHints } from './quic-hints.ts'
import { reachOf } from './reach.ts'
import type { Endpoints, EndpointEntry, PreparedEndpoint } from './endpoints.ts'
import type { Extent, Extents } from './extents.ts'
import type { Hints } from './hints.ts'
import type { Reach } from './reach.ts'
import type { ReachMaps } from './reach-maps.ts'
import type { ServiceIds } from './service-ids.ts'
import type { Table, Tables } from './tables.ts'
import type { EndpointKey, Service } from '../lb/model.ts'

/** Where a service stands in the maps. */
export interface Placed {
  readonly id: number
  /** null: found in the kernel at start and not yet confirmed by the configuration */
  readonly service: Service | null
  readonly table: Table
  readonly members: Extent
  /** ids in the order of the service's endpoints */
  readonly endpoints: ReadonlyMap<EndpointKey, number>
  readonly reach: Reach
}

export interface Prepared extends Placed {
  readonly service: Service
  readonly entries: readonly { readonly id: number; readonly prepared: PreparedEndpoint }[]
  /** the service's id was not in use: its counters start at zero */
  readonly isNew: boolean
}

/** What there is to reserve from. */
export interface Stock {
  readonly ids: ServiceIds
  readonly endpoints: Endpoints
  readonly tables: Tables
  readonly members: Extents
  readonly reaches: ReachMaps
  readonly hints: Hints
  /** map members */
  readonly memberIds: BigUint64Array
  readonly seed: number
  /** the address the kernel would use towards an endpoint */
  readonly egress: (address: string) => string | null
}

type Undo = (() => void)[]

const noRoom = (limit: string, what: string): ResourceError =>
  new ResourceError(limit, `no room for ${what}; raise limits.${limit} in the configuration and restart`)

const fail = (error: Error): never => {
  throw error
}

/** Throws ResourceError; `undo` gets what takes each reservation back. */
export const prepare = (stock: Stock, service: Service, current: Placed | null, undo: Undo): Prepared => {
  const { endpoints: kernelEndpoints, reaches, egress } = stock
  const title = `service ${service.name}`
  const { id, isNew } = current ? { id: current.id, isNew: false } : reserveId(stock, service, undo)

  const endpoints = new Map<EndpointKey, number>()
  const entries: { id: number; prepared: PreparedEndpoint }[] = []
  for (const endpoint of service.endpoints) {
    const key = endpointKey(endpoint)
    const entry = endpointEntry(id, service, endpoint, egress)
    const endpointId = current?.endpoints.get(key) ?? reserveEndpoint(stock, title, entry, undo)
    const prepared = kernelEndpoints.prepare(entry, title)
    undo.push(() => kernelEndpoints.cancel(prepared))
    endpoints.set(key, endpointId)
    entries.push({ id: endpointId, prepared })
  }

  const reach = reachOf(
    id,
    service,
    entries.map((each) => ({ id: each.id, entry: each.prepared.entry })),
  )
  undo.push(reaches.reserve(current?.reach ?? null, reach, title))
  const table = reserveTable(stock, service, current, undo)
  const members = reserveMembers(stock, title, [...endpoints.values()], current, undo)
  installHints(stock, { id, service, endpoints }, current, undo)
  return { id, service, table, members, endpoints, reach, entries, isNew }
}

const reserveId = ({ ids }: Stock, service: Service, undo: Undo): { readonly id: number; readonly isNew: boolean } => {
  const reserved = ids.reserve(serviceKey(service)) ?? fail(noRoom('services', `service ${service.name}`))
  undo.push(reserved.undo)
  return reserved
}

const reserveEndpoint = ({ endpoints }: Stock, title: string, entry: EndpointEntry, undo: Undo): number => {
  const revived = endpoints.revive(entry.service, entry.address, entry.port)
  if (revived) {
    undo.push(revived.undo)
    return revived.id
  }
  const id = endpoints.allocate() || fail(noRoom('endpoints', `the endpoints of ${title}`))
  undo.push(() => endpoints.giveBack(id))
  return id
}

const reserveTable = ({ tables, seed }: Stock, service: Service, current: Placed | null, undo: Undo): Table => {
  const table =
    tables.acquire(tableKey(service, seed), () => tableFor(service, seed).slots, current?.table ?? null) ??
    fail(noRoom('slotPages', `the selection table of service ${service.name}`))
  undo.push(() => tables.giveBack(table))
  return table
}

/** Those of before, if they are the same. */
const reserveMembers = (
  { members, memberIds }: Stock,
  title: string,
  ids: readonly number[],
  current: Placed | null,
  undo: Undo,
): Extent => {
  const same =
    current?.members.length === ids.length &&
    ids.every((member, index) => memberIds[current.members.start + index] === BigInt(member))
  if (same) return current.members
  const extent = members.allocate(ids.length) ?? fail(noRoom('endpoints', `the endpoints of ${title}`))
  undo.push(() => members.release(extent))
  return extent
}

/** They stand in a map that others fill as well, so only trying tells whether there is room. */
const installHints = (
  { hints }: Stock,
  { id, service, endpoints }: Pick<Prepared, 'id' | 'service' | 'endpoints'>,
  current: Placed | null,
  undo: Undo,
): void => {
  const wanted = quicHints(id, service, endpoints)
  if (wanted.length === 0) return
  const before = current?.service ? quicHints(id, current.service, current.endpoints) : []
  undo.push(() => {
    hints.removeAll(wanted.map(({ key }) => key))
    hints.installAll(before)
  })
  hints.installAll(wanted)
}
