// Reads back what pinned maps hold: which services stand where, so that ids, tables and flows stay what they are when
// the daemon starts again.

import { native } from '../../native/load.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { formatAddress, formatPrefix, isMappedIPv4 } from '../wire/ip.ts'
import { protocolNames } from './entries.ts'
import {
  endpointReturnSize,
  endpointSize,
  readEndpoint,
  readEndpointReturn,
  readService,
  readSourceKey,
  readTeidRangeKey,
  serviceFlags,
  serviceKeySize,
  serviceRangeKeySize,
  serviceSize,
  settingsFeatures,
  sourceKeySize,
  teidRangeKeySize,
  writeService,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { isVip, markOf, noAddresses, readTarget } from './reach.ts'
import type { Service as ServiceEntry } from './layout.gen.ts'
import type { Loaded, Memory } from './maps.ts'
import type { OwnedTeids, Reach, ReadTarget, Return, Target } from './reach.ts'
import type { EndpointKey, ServiceKey, ServiceProtocol } from '../lb/model.ts'

interface AdoptedService {
  readonly id: number
  readonly service: null
  readonly firstPage: number
  readonly slotCount: number
  readonly members: { readonly start: number; readonly length: number }
  readonly endpoints: ReadonlyMap<EndpointKey, number>
  readonly reach: Reach
}

interface Adopted {
  readonly services: readonly { readonly key: ServiceKey; readonly placed: AdoptedService }[]
  /** of each service id */
  readonly protocols: ReadonlyMap<number, string>
  /** ids of endpoints that services list */
  readonly members: ReadonlySet<number>
}

interface Found extends ReadTarget {
  readonly name: string
  readonly target: Target
  readonly entry: ServiceEntry
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const keySizes: Readonly<Record<Target['map'], number>> = {
  services: serviceKeySize,
  service_ranges: serviceRangeKeySize,
  masquerades: sourceKeySize,
  user_pools: sourceKeySize,
}

const findServices = (fd: number, map: Target['map']): readonly Found[] =>
  mapKeys(fd, keySizes[map]).flatMap((key) => {
    const bytes = new Uint8Array(serviceSize)
    if (!native.mapLookup(fd, key, bytes)) return []
    const target = { map, key }
    return [{ ...readTarget(target), name: hex(key), target, entry: readService(view(bytes), 0) }]
  })

const findSources = (fd: number): ReadonlyMap<number, readonly Uint8Array[]> =>
  Map.groupBy(mapKeys(fd, sourceKeySize), (key) => readSourceKey(view(key), 0).service)

const findReturns = (fd: number): ReadonlyMap<number, readonly Return[]> => {
  const ways = mapKeys(fd, serviceKeySize).map((key) => {
    const value = new Uint8Array(endpointReturnSize)
    native.mapLookup(fd, key, value)
    return { key, value }
  })
  return Map.groupBy(ways, ({ value }) => readEndpointReturn(view(value), 0).service)
}

const findTeidRanges = (fd: number): ReadonlyMap<number, readonly OwnedTeids[]> =>
  Map.groupBy(
    mapKeys(fd, teidRangeKeySize).map((key) => {
      const value = new Uint8Array(4)
      native.mapLookup(fd, key, value)
      return { key, value }
    }),
    ({ key }) => readTeidRangeKey(view(key), 0).service,
  )

const waysOf = (target: Target, address: Uint8Array): number => {
  if (target.map === 'masquerades') return settingsFeatures.masquerade
  if (target.map === 'user_pools') return settingsFeatures.users
  if (markOf(address) !== null) return settingsFeatures.marks
  return isVip(address) ? 0 : settingsFeatures.host
}

const featuresOf = (targets: readonly Found[]): number =>
  targets.reduce(
    (all, { target, address, entry }) =>
      all |
      ((entry.flags & serviceFlags.stateless) !== 0 ? settingsFeatures.sessions : 0) |
      (target.map === 'service_ranges' ? settingsFeatures.ranges : 0) |
      waysOf(target, address),
    0,
  )

const reachOfAdopted = (
  targets: readonly Found[],
  endpointPorts: readonly number[],
  sources: readonly Uint8Array[],
  returns: readonly Return[],
  teids: readonly OwnedTeids[],
): Reach => {
  const vips = new Map<string, boolean>()
  for (const { address, target } of targets)
    if (target.map !== 'masquerades' && target.map !== 'user_pools' && isVip(address))
      vips.set(formatAddress(address), target.map === 'service_ranges')
  const stateless = targets.some(({ entry }) => (entry.flags & serviceFlags.stateless) !== 0)
  const ports = targets.map(({ port }) => port)
  return {
    targets: new Map(targets.map(({ name, target }) => [name, target])),
    answering: noAddresses,
    pool: noAddresses,
    vips: [...vips].map(([address, isRange]) => ({ address, isRange })),
    sources: new Map(sources.map((key) => [hex(key), key])),
    returns: new Map(returns.map((way) => [hex(way.key), way])),
    teidRanges: new Map(teids.map((range) => [hex(range.key), range])),
    sessionPorts: new Set(stateless ? [...ports, ...endpointPorts.map((port) => port || (ports[0] ?? 0))] : []),
    features: featuresOf(targets),
  }
}

/** A daemon that was killed between two keys of one change has left both what was and what was to be. */
const agree = (fds: Loaded['fds'], first: Found, targets: readonly Found[]): void => {
  const content = ({ entry }: Found): string => JSON.stringify({ ...entry, tag: 0 })
  for (const { target, entry } of targets.filter((each) => content(each) !== content(first))) {
    const value = new Uint8Array(serviceSize)
    writeService(view(value), 0, { ...first.entry, tag: entry.tag })
    native.mapUpdate(fds[target.map], target.key, value)
  }
}

const keyOf = (first: Found, protocol: ServiceProtocol, targets: readonly Found[]): ServiceKey => {
  const { address, port, insideBits } = first
  if (insideBits === null) return serviceKey({ address: formatAddress(address), port, protocol, mark: markOf(address) })
  const prefixes = targets.map((each) => formatPrefix({ bytes: each.address, bits: each.insideBits ?? 0 }))
  const everywhere = { address: isMappedIPv4(address) ? '0.0.0.0' : '::', port, protocol }
  return first.target.map === 'user_pools'
    ? serviceKey({ ...everywhere, users: prefixes })
    : serviceKey({ ...everywhere, mode: 'masquerade', allowedSources: prefixes })
}

export const adoptServices = ({ fds }: Pick<Loaded, 'fds'>, memory: Memory): Adopted => {
  const services: { key: ServiceKey; placed: AdoptedService }[] = []
  const protocols = new Map<number, string>()
  const members = new Set<number>()
  const [sources, returns] = [findSources(fds.sources), findReturns(fds.returns)]
  const teids = findTeidRanges(fds.teid_ranges)
  const found = (['services', 'service_ranges', 'masquerades', 'user_pools'] as const).flatMap((map) =>
    findServices(fds[map], map),
  )
  for (const [id, targets] of Map.groupBy(found, ({ entry }) => entry.id)) {
    const [first] = targets.toSorted((a, b) => a.port - b.port)
    const protocol = first === undefined ? undefined : protocolNames.get(first.protocol)
    if (first === undefined || protocol === undefined) continue
    agree(fds, first, targets)
    const { memberBase, memberCount, firstPage, slotCount } = first.entry
    const endpoints = new Map<EndpointKey, number>()
    const ports: number[] = []
    for (let place = memberBase; place < memberBase + memberCount; place++) {
      const member = Number(memory.members[place])
      const endpoint = readEndpoint(memory.endpoints, member * endpointSize)
      endpoints.set(endpointKey({ address: formatAddress(endpoint.address), port: endpoint.port }), member)
      ports.push(endpoint.port)
      members.add(member)
    }
    protocols.set(id, protocol)
    const reach = reachOfAdopted(targets, ports, sources.get(id) ?? [], returns.get(id) ?? [], teids.get(id) ?? [])
    const key = keyOf(first, protocol, targets)
    const extent = { start: memberBase, length: memberCount }
    services.push({ key, placed: { id, service: null, firstPage, slotCount, members: extent, endpoints, reach } })
  }
  return { services, protocols, members }
}
