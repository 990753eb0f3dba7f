// What of the model goes into which map entry.

import { endpointKey, familyOf, serviceProtocols } from '../lb/model.ts'
import { selections } from '../lb/selection/index.ts'
import { isLive } from '../lb/selection/selection.ts'
import { addressBytes } from '../wire/ip.ts'
import { flowAction, hintKind, limits, serviceFlags, serviceMiss, serviceSelect } from './layout.gen.ts'
import type { EndpointEntry } from './endpoints.ts'
import type { Extent } from './extents.ts'
import type { HintKind, Service as ServiceEntry } from './layout.gen.ts'
import type { Table } from './tables.ts'
import type { Encapsulation, Endpoint, QuicLb, Select, Service, ServiceProtocol, TableSelect } from '../lb/model.ts'
import type { SelectionTable } from '../lb/selection/selection.ts'

/** ICMP has one number here, that of IPv4: a flow may have a side in each family. */
export const protocolNumbers: Readonly<Record<ServiceProtocol, number>> = {
  any: 0,
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
}
export const protocolNames: ReadonlyMap<number, ServiceProtocol> = new Map(
  serviceProtocols.map((name) => [protocolNumbers[name], name]),
)

/**
 * RFC 7600's dummy address, and one of RFC 6666's prefix that everybody discards, stand in for an egress address while
 * there is no route: whatever happens, the client's own address does not leave.
 */
const noEgress = { 4: '192.0.0.8', 6: '100::' } as const

// ---- services -------------------------------------------------------------------------------------------------------

/** Addresses that packets for the service come to; with a mark, whose family decides. */
export const vipsOf = ({ address, secondary }: Pick<Service, 'address' | 'secondary'>): readonly string[] => [
  address,
  ...secondary,
]

/** Ports at which packets carry a session key that the fast path reads. */
const gtpuPort = 2152
const pfcpPort = 8805

/** What `hint` looks for at a UDP port; elsewhere it is the client. */
const udpHints: ReadonlyMap<number, HintKind> = new Map([
  [gtpuPort, 'teid'],
  [pfcpPort, 'seid'],
])

/** The session key that tells a service's packets apart. */
export const hintOf = ({ select, protocol, port }: Service): HintKind => {
  if (select === 'n3') return 'teid'
  if (select === 'n6') return 'ue_ip'
  if (select === 'quic') return 'quic'
  if (select !== 'hint') return 'none'
  return (protocol === 'udp' ? udpHints.get(port) : undefined) ?? 'client'
}

/** Its packets carry session keys and make no flows. */
export const isStateless = (service: Service): boolean => ['teid', 'seid'].includes(hintOf(service))

/**
 * How long what is established is kept without packets; 0: as long as `timeouts` says. A SEID that is forgotten too
 * soon costs its session, one that is kept too long 120 bytes: so it is as long as may be said at all.
 */
export const idleSeconds = (service: Service): number =>
  service.idleTimeout ?? (hintOf(service) === 'seid' ? limits.seidSeconds : 0)

/** The priorities have done their part when the table is built. */
const readAs: Readonly<Record<TableSelect, keyof typeof serviceSelect>> = {
  rr: 'rr',
  hash: 'hash',
  persist: 'persist',
  lc: 'lc',
  priority: 'rr',
  n3: 'n3',
  n6: 'hint',
  hint: 'hint',
  quic: 'quic',
}

const tableSelect = ({ name, select }: Service): TableSelect => {
  if (select === 'n4' || select === 'gtpc') throw new Error(`service ${name} is proxied and has no table`)
  return select
}

/** A server id stands behind the first byte of a connection id, whose upper bits say which configuration made it. */
const quicOffset = ({ configId }: QuicLb): number => (configId << 4) | 1

const flagsOf = (service: Service): number =>
  (service.outOfTheBlue === 'hash' && service.select === 'hash' ? serviceFlags.recreate : 0) |
  (service.outOfTheBlue === 'abort' ? serviceFlags.abort : 0) |
  // Of inside clients each prefix leads to its service: who is in none of them does not come here.
  (service.allowedSources.length > 0 && service.mode !== 'masquerade' ? serviceFlags.sources : 0) |
  (service.alg !== null ? serviceFlags.punt : 0) |
  (service.quic !== null && service.quic.key !== null ? serviceFlags.quicEncrypted : 0) |
  (service.endpoints.some(({ teidRange }) => teidRange !== null) ? serviceFlags.teidRanges : 0) |
  (isStateless(service) ? serviceFlags.stateless : 0)

export interface ServicePlace {
  readonly id: number
  readonly table: Table
  readonly members: Extent
}

/** The same for all keys of the service but its tag; what routes of users it has its hints say. */
export const serviceEntry = (
  service: Service,
  { id, table, members }: ServicePlace,
  seed: number,
  ticksPerSecond: number,
): Omit<ServiceEntry, 'tag' | 'userRoutes'> => ({
  id,
  select: serviceSelect[readAs[tableSelect(service)]],
  flags: flagsOf(service),
  miss: serviceMiss[service.miss],
  hint: hintKind[hintOf(service)],
  seed,
  firstPage: table.pages.start,
  slotCount: table.slotCount,
  memberBase: members.start,
  memberCount: members.length,
  affinityTicks: service.select === 'persist' ? Math.max(1, Math.round(service.persistTimeout * ticksPerSecond)) : 0,
  embryonicLimit: service.embryonicLimit ?? 0,
  quicOffset: service.quic === null ? 0 : quicOffset(service.quic),
  quicLength: service.quic?.serverIdLength ?? 0,
})

export const tableFor = (service: Service, seed: number): SelectionTable =>
  selections[tableSelect(service)].build(service.endpoints, seed)

/** Selections that build the same table of the same endpoints. */
const builtAs: Readonly<Partial<Record<Select, Select>>> = {
  lc: 'rr',
  persist: 'hash',
  n3: 'hash',
  n6: 'hash',
  hint: 'hash',
  quic: 'hash',
}

/** Equal keys, equal slots. */
export const tableKey = (service: Service, seed: number): string =>
  [
    builtAs[service.select] ?? service.select,
    seed,
    ...service.endpoints.map((endpoint) => {
      const { weight, drained, blocked, priority } = endpoint
      return `${endpointKey(endpoint)} ${weight} ${drained} ${blocked} ${service.select === 'priority' ? priority : ''}`
    }),
  ].join('|')

// ---- endpoints ------------------------------------------------------------------------------------------------------

const actions: Readonly<Record<Encapsulation, number>> = {
  l2: flowAction.l2,
  ip: flowAction.encap_ip,
  gue: flowAction.encap_gue,
}

const unspecified: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** `client`: kept; `egress`: what the kernel would use towards the endpoint. */
type Source =
  | { readonly kind: 'client' }
  | { readonly kind: 'egress' }
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }

/** The source that an endpoint's packets get. */
const sourceFor = (service: Service, endpoint: Endpoint): Source => {
  const family = familyOf(endpoint.address)
  const vips = vipsOf(service)
  const crosses = vips.some((vip) => familyOf(vip) !== family)
  if (service.mode === 'dsr' || (service.mode === 'dnat' && !crosses)) return { kind: 'client' }
  const pool = service.sources.filter((source) => familyOf(source) === family)
  if (pool.length > 0) return { kind: 'addresses', addresses: pool }
  const vip = vips.find((each) => familyOf(each) === family && !unspecified.has(each))
  return service.mode === 'fullnat' && vip !== undefined ? { kind: 'addresses', addresses: [vip] } : { kind: 'egress' }
}

/** Endpoints towards which the service needs the address that the kernel would use. */
export const egressEndpoints = (service: Service): readonly Endpoint[] =>
  service.endpoints.filter((endpoint) => sourceFor(service, endpoint).kind === 'egress')

export const endpointEntry = (
  id: number,
  service: Service,
  endpoint: Endpoint,
  egress: (address: string) => string | null,
): EndpointEntry => {
  const source = sourceFor(service, endpoint)
  const { address, port, weight, blocked } = endpoint
  const egressAddress = (): string => egress(address) ?? noEgress[familyOf(address)]
  const sources =
    source.kind === 'client' ? [] : source.kind === 'egress' ? [egressAddress()] : source.addresses.toSorted()
  return {
    service: id,
    address: addressBytes(address),
    port,
    isAsAddressed: service.mode === 'masquerade',
    sources: sources.map(addressBytes),
    action: service.encapsulation === null ? flowAction.nat : actions[service.encapsulation],
    weight,
    accepts: isLive(endpoint),
    blocked,
    protocol: service.protocol,
  }
}
