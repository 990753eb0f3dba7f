// How packets reach a service: every key in the fast path's maps that leads to it. What a change of a service adds goes
// in before the service is seen, what it takes away goes out after.

import { familyOf, isAnyPort, isEverywhere, type Service } from '../lb/model.ts'
import { parseTeidRange } from '../lb/teid-range.ts'
import { addressBytes, classify, isMappedIPv4, parsePrefix } from '../wire/ip.ts'
import { hintOf, isStateless, protocolNumbers, vipsOf } from './entries.ts'
import {
  endpointReturnSize,
  hintKind,
  readServiceKey,
  readServiceRangeKey,
  readSourceKey,
  serviceKeySize,
  serviceRangeKeySize,
  settingsFeatures,
  sourceKeySize,
  teidRangeKeySize,
  vipKeySize,
  writeEndpointReturn,
  writeServiceKey,
  writeServiceRangeKey,
  writeSourceKey,
  writeTeidRangeKey,
  writeVipKey,
} from './layout.gen.ts'
import { portPrefixes } from './ranges.ts'
import type { EndpointEntry } from './endpoints.ts'

export interface Target {
  readonly map: 'services' | 'service_ranges' | 'masquerades' | 'user_pools'
  readonly key: Uint8Array
}

/** Which endpoint tunnel ids belong to. */
export interface OwnedTeids {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The way back from an endpoint without flows. */
export interface Return {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface ReachedVip {
  readonly address: string
  /** the service takes more than one port of it */
  readonly isRange: boolean
}

/** Keys stand in their maps by their hexadecimal text, which tells equal ones. */
export interface Reach {
  readonly targets: ReadonlyMap<string, Target>
  /** addresses whose packets are ours; those of a mark, or of every address there is, are not */
  readonly vips: readonly ReachedVip[]
  /** addresses of endpoints that answer through this machine */
  readonly answering: ReadonlySet<string>
  /** addresses that traffic to the outside is masqueraded by, and answered at */
  readonly pool: ReadonlySet<string>
  readonly sources: ReadonlyMap<string, Uint8Array>
  readonly returns: ReadonlyMap<string, Return>
  readonly teidRanges: ReadonlyMap<string, OwnedTeids>
  /** UDP ports at which its packets carry session keys */
  readonly sessionPorts: ReadonlySet<number>
  /** enum settings_features, together */
  readonly features: number
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** Most services have none, and there may be 100,000 of them. */
const none: ReadonlyMap<string, never> = new Map<string, never>()
const noPorts: ReadonlySet<number> = new Set()
export const noAddresses: ReadonlySet<string> = new Set()
const byHex = <T>(things: readonly T[], key: (thing: T) => Uint8Array): ReadonlyMap<string, T> =>
  things.length === 0 ? none : new Map(things.map((thing) => [hex(key(thing)), thing]))

/** Of the 16-byte addresses that no packet has: the last word is a firewall mark. See SERVICE_MARK_WORD. */
const markAddress = (mark: number): Uint8Array => {
  const bytes = new Uint8Array(16)
  view(bytes).setUint32(8, 0xfffe)
  view(bytes).setUint32(12, mark)
  return bytes
}

/** Bits of a range's key that stand before the port. */
const bitsBeforePort = 128 + 16 + 8

const serviceKeyOf = (address: Uint8Array, port: number, protocol: number): Uint8Array => {
  const bytes = new Uint8Array(serviceKeySize)
  writeServiceKey(view(bytes), 0, { address, port, zone: 0, protocol })
  return bytes
}

/** Of a service with one port, at its first VIP. */
export const serviceKeyBytes = ({
  address,
  port,
  protocol,
}: Pick<Service, 'address' | 'port' | 'protocol'>): Uint8Array =>
  serviceKeyOf(addressBytes(address), port, protocolNumbers[protocol])

export const vipKeyBytes = (address: string): Uint8Array => {
  const bytes = new Uint8Array(vipKeySize)
  writeVipKey(view(bytes), 0, { address: addressBytes(address), zone: 0 })
  return bytes
}

const rangeKey = (address: Uint8Array, protocol: number, port: number, bits: number): Uint8Array => {
  const bytes = new Uint8Array(serviceRangeKeySize)
  writeServiceRangeKey(view(bytes), 0, {
    prefixBits: bitsBeforePort + bits,
    address,
    zone: 0,
    protocol,
    port: Uint8Array.of(port >> 8, port & 0xff),
  })
  return bytes
}

/** Packets come to addresses of its own. */
export const hasVips = ({ mark, mode, select }: Pick<Service, 'mark' | 'mode' | 'select'>): boolean =>
  mark === null && select !== 'n6' && !isEverywhere({ mode })

/** Found by its range of ports. */
const isRange = (service: Service): boolean =>
  service.mode !== 'masquerade' && service.select !== 'n6' && (isAnyPort(service) || service.lastPort > service.port)

const targetsAt = (service: Service, address: Uint8Array): readonly Target[] => {
  const { port, lastPort } = service
  const protocol = protocolNumbers[service.protocol]
  if (!isRange(service)) return [{ map: 'services', key: serviceKeyOf(address, port, protocol) }]
  const prefixes = isAnyPort(service) ? [{ port: 0, bits: 0 }] : portPrefixes(port, lastPort)
  return prefixes.map((prefix) => ({
    map: 'service_ranges',
    key: rangeKey(address, protocol, prefix.port, prefix.bits),
  }))
}

/** `first` is what stands before the address. */
const sourceKeys = (first: number, prefixes: readonly string[]): readonly Uint8Array[] =>
  prefixes.map((text) => {
    const prefix = parsePrefix(text)
    if (prefix === undefined) throw new TypeError(`not a prefix: ${text}`)
    const bytes = new Uint8Array(sourceKeySize)
    writeSourceKey(view(bytes), 0, { prefixBits: 32 + prefix.bits, service: first, address: prefix.bytes })
    return bytes
  })

/** In mode `hostonearm` the key's address is the unspecified one of its family. */
export const targetsOf = (service: Service): ReadonlyMap<string, Target> => {
  const ofInside = (): readonly Target[] =>
    sourceKeys(protocolNumbers[service.protocol], service.allowedSources).map((key) => ({ map: 'masquerades', key }))
  const ofUsers = (): readonly Target[] => sourceKeys(0, service.users).map((key) => ({ map: 'user_pools', key }))
  const ofVips = (): readonly Target[] => vipsOf(service).flatMap((vip) => targetsAt(service, addressBytes(vip)))
  const ofMark = (mark: number): readonly Target[] => [
    { map: 'services', key: serviceKeyOf(markAddress(mark), 0, protocolNumbers[service.protocol]) },
  ]
  const ofWhat = (): readonly Target[] => (service.mark === null ? ofVips() : ofMark(service.mark))
  const found = service.select === 'n6' ? ofUsers() : service.mode === 'masquerade' ? ofInside() : ofWhat()
  return byHex(found, ({ key }) => key)
}

export interface ReachEndpoint {
  readonly id: number
  readonly entry: EndpointEntry
}

const returnOf = (service: Service, { id, entry }: ReachEndpoint): Return => {
  const value = new Uint8Array(endpointReturnSize)
  const { port } = service
  const family = isMappedIPv4(entry.address) ? 4 : 6
  const vip = vipsOf(service).find((each) => familyOf(each) === family) ?? service.address
  const hint = hintKind[hintOf(service)]
  writeEndpointReturn(view(value), 0, { address: addressBytes(vip), port, hint, service: entry.service, endpoint: id })
  const protocol = protocolNumbers[service.protocol]
  return { key: serviceKeyOf(entry.address, entry.port === 0 ? port : entry.port, protocol), value }
}

const teidRangesOf = (
  id: number,
  service: Service,
  endpoints: readonly ReachEndpoint[],
): ReadonlyMap<string, OwnedTeids> => {
  const owned = service.endpoints.flatMap(({ teidRange }, index) => {
    const range = teidRange === null ? undefined : parseTeidRange(teidRange)
    const endpoint = endpoints[index]
    if (range === undefined || endpoint === undefined) return []
    const key = new Uint8Array(teidRangeKeySize)
    writeTeidRangeKey(view(key), 0, { prefixBits: 32 + range.bits, service: id, teid: range.first })
    return [{ key, value: new Uint8Array(Uint32Array.of(endpoint.id).buffer) }]
  })
  return byHex(owned, ({ key }) => key)
}

const featuresOf = (service: Service): number =>
  (isStateless(service) ? settingsFeatures.sessions : 0) |
  (isRange(service) && service.mark === null ? settingsFeatures.ranges : 0) |
  (service.mark === null ? 0 : settingsFeatures.marks) |
  (service.mode === 'hostonearm' ? settingsFeatures.host : 0) |
  (service.mode === 'masquerade' ? settingsFeatures.masquerade : 0) |
  (service.select === 'n6' ? settingsFeatures.users : 0)

export const reachOf = (id: number, service: Service, endpoints: readonly ReachEndpoint[]): Reach => {
  const stateless = isStateless(service)
  const masquerades = service.mode === 'masquerade'
  const answers = service.mode !== 'dsr' && !masquerades
  return {
    targets: targetsOf(service),
    vips: hasVips(service) ? vipsOf(service).map((address) => ({ address, isRange: isRange(service) })) : [],
    answering: answers ? new Set(service.endpoints.map(({ address }) => address)) : noAddresses,
    pool: masquerades ? new Set(service.sources) : noAddresses,
    sources: byHex(masquerades ? [] : sourceKeys(id, service.allowedSources), (key) => key),
    returns: byHex(stateless ? endpoints.map((endpoint) => returnOf(service, endpoint)) : [], ({ key }) => key),
    teidRanges: teidRangesOf(id, service, endpoints),
    sessionPorts: stateless
      ? new Set([service.port, ...endpoints.map(({ entry }) => entry.port || service.port)])
      : noPorts,
    features: featuresOf(service),
  }
}

/** What a key says. */
export interface ReadTarget {
  readonly address: Uint8Array
  /** the first one of a prefix */
  readonly port: number
  readonly protocol: number
  /** bits of the address that are a prefix of inside clients or users; null: it is a VIP, or stands for something */
  readonly insideBits: number | null
}

export const readTarget = ({ map, key }: Target): ReadTarget => {
  if (map === 'services') return { ...readServiceKey(view(key), 0), insideBits: null }
  if (map === 'masquerades' || map === 'user_pools') {
    const { address, service: protocol, prefixBits } = readSourceKey(view(key), 0)
    return { address, port: 0, protocol, insideBits: prefixBits - 32 }
  }
  const { address, protocol, port } = readServiceRangeKey(view(key), 0)
  return { address, protocol, port: ((port[0] ?? 0) << 8) | (port[1] ?? 0), insideBits: null }
}

/** The mark of which an address is the key; null: it is an address. */
export const markOf = (address: Uint8Array): number | null => {
  const mark = view(address).getUint32(12)
  return Buffer.compare(address, markAddress(mark)) === 0 ? mark : null
}

/** Not the key of a mark, and not that of every address of this host. */
export const isVip = (address: Uint8Array): boolean => markOf(address) === null && classify(address) !== 'unspecified'
