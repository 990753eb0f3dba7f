// Keeps the maps by which packets reach services: what of it is a service's, what of it is shared and counted, and
// whether there is room for more.

import { native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { Features } from './features.ts'
import {
  limits,
  serviceOffsets,
  serviceSize,
  settingsFeatures,
  sourceKeySize,
  teidRangeKeySize,
  writeService,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { Returns, SessionPorts } from './session-ways.ts'
import { Vips } from './vips.ts'
import type { Service as ServiceEntry } from './layout.gen.ts'
import type { Loaded, Memory } from './maps.ts'
import { noAddresses } from './reach.ts'
import type { Reach, ReachedVip, Return, Target } from './reach.ts'

/** What is limited, and counted as it is configured: services once for each VIP. */
type Counted = 'services' | 'ranges' | 'sources'
const countedLimits: readonly Counted[] = ['services', 'ranges', 'sources']

const isSameVip = (a: ReachedVip) => (b: ReachedVip) => a.address === b.address && a.isRange === b.isRange
const vipsWithout = ({ vips }: Reach, others: Reach | null): readonly ReachedVip[] =>
  others === null ? vips : vips.filter((vip) => !others.vips.some(isSameVip(vip)))

const without = <T>(keys: ReadonlyMap<string, T>, others: ReadonlyMap<string, T> | undefined): readonly T[] =>
  [...keys].flatMap(([key, value]) => (others?.has(key) ? [] : [value]))

const portsWithout = ({ sessionPorts }: Reach, others: Reach | null): readonly number[] =>
  [...sessionPorts].filter((port) => !others?.sessionPorts.has(port))

/** How many places it takes that another does not take. */
const placesOf = (reach: Reach, others: Reach | null): Readonly<Record<Counted, number>> => {
  const targets = without(reach.targets, others?.targets)
  return {
    // A service without a VIP of its own has one key that it is found by.
    services: reach.vips.length > 0 ? vipsWithout(reach, others).length : Math.min(1, targets.length),
    ranges: targets.filter(({ map }) => map === 'service_ranges').length,
    sources:
      without(reach.sources, others?.sources).length +
      targets.filter(({ map }) => map === 'masquerades' || map === 'user_pools').length,
  }
}

const isSameReturn = (a: Return, b: Return | undefined): boolean =>
  b !== undefined && Buffer.compare(a.value, b.value) === 0

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export class ReachMaps {
  readonly #loaded: Loaded
  /** whose each key of a service is; another may have taken it over before its owner lets go */
  readonly #owners = new Map<string, number>()
  readonly #sources = new Set<string>()
  /** whose prefixes of tunnel ids, by key */
  readonly #teids = new Set<string>()
  #teidsReserved = 0
  readonly #vips: Vips
  readonly #returns: Returns
  readonly #ports: SessionPorts
  readonly #features: Features
  readonly #used: Record<Counted, number> = { services: 0, ranges: 0, sources: 0 }

  constructor(loaded: Loaded, memory: Memory) {
    this.#loaded = loaded
    this.#vips = new Vips(loaded.fds.vips)
    this.#returns = new Returns(loaded.fds.returns)
    this.#ports = new SessionPorts(memory.sessionPorts)
    this.#features = new Features(memory.settings)
    if (!loaded.adopted) this.#features.write()
  }

  /** Whether any service is not for everybody. */
  get anySources(): boolean {
    return this.#sources.size > 0
  }

  needUplinks(any: boolean): void {
    if (any) this.#features.add(settingsFeatures.uplinks)
    else this.#features.remove(settingsFeatures.uplinks)
  }

  /** The service that has one of these keys already. */
  ownerOf(targets: ReadonlyMap<string, Target>): number | undefined {
    for (const key of targets.keys()) {
      const owner = this.#owners.get(key)
      if (owner !== undefined) return owner
    }
    return undefined
  }

  /** Takes over what the kernel has of a service. */
  adopt(id: number, reach: Reach): void {
    for (const key of reach.targets.keys()) this.#owners.set(key, id)
    for (const vip of reach.vips) this.#vips.adopt(vip)
    for (const key of reach.sources.keys()) this.#sources.add(key)
    for (const way of reach.returns.values()) this.#returns.adopt(id, way)
    for (const key of reach.teidRanges.keys()) this.#teids.add(key)
    this.#teidsReserved += reach.teidRanges.size
    for (const port of reach.sessionPorts) this.#ports.adopt(port)
    this.#features.adopt(reach.features)
    this.#count(placesOf(reach, null), 1)
  }

  /** After all have been adopted: takes away what is nobody's. */
  mend(): void {
    const { sources, teid_ranges: teids } = this.#loaded.fds
    this.#vips.mend()
    this.#returns.mend()
    this.#ports.mend()
    this.#features.write()
    for (const key of mapKeys(sources, sourceKeySize)) if (!this.#sources.has(hex(key))) native.mapDelete(sources, key)
    for (const key of mapKeys(teids, teidRangeKeySize)) if (!this.#teids.has(hex(key))) native.mapDelete(teids, key)
  }

  /** Reserves what `after` takes beyond `before`; returns what takes that back. Throws ResourceError. */
  reserve(before: Reach | null, after: Reach, title: string): () => void {
    const places = placesOf(after, before)
    for (const limit of countedLimits)
      if (this.#used[limit] + places[limit] > this.#loaded.sizes[limit])
        throw new ResourceError(limit, `no room for ${title}; raise limits.${limit} in the configuration and restart`)
    const teids = without(after.teidRanges, before?.teidRanges).length
    if (this.#teidsReserved + teids > limits.teidRanges)
      throw new ResourceError('teidRanges', `no room for ${title}: at most ${limits.teidRanges} ranges of TEIDs`)
    this.#teidsReserved += teids
    this.#count(places, 1)
    return () => {
      this.#teidsReserved -= teids
      this.#count(places, -1)
    }
  }

  /** Lets packets reach the service as `after` says, where `before` was. What it points at is there already. */
  reveal(id: number, before: Reach | null, after: Reach, entry: Omit<ServiceEntry, 'tag'>): void {
    const { fds } = this.#loaded
    for (const key of without(after.sources, before?.sources)) {
      this.#sources.add(hex(key))
      native.mapUpdate(fds.sources, key, Uint8Array.of(1))
    }
    for (const [key, way] of after.returns) if (!isSameReturn(way, before?.returns.get(key))) this.#returns.put(id, way)
    for (const [name, { key, value }] of after.teidRanges) {
      this.#teids.add(name)
      native.mapUpdate(fds.teid_ranges, key, value)
    }
    for (const port of portsWithout(after, before)) this.#ports.add(port)
    if (after.features !== 0) this.#features.add(after.features)
    for (const vip of vipsWithout(after, before)) this.#vips.add(vip)
    for (const address of after.answering.difference(before?.answering ?? noAddresses))
      this.#vips.countEndpoint(address, 1)
    for (const address of after.pool.difference(before?.pool ?? noAddresses)) this.#vips.countPool(address, 1)
    const value = new Uint8Array(serviceSize)
    const view = new DataView(value.buffer)
    for (const [name, { map, key }] of after.targets) {
      // A trie frees its entries late; only those of a hash are used for another key at once.
      writeService(view, 0, { ...entry, tag: map === 'services' ? keyTag(key) : 0 })
      native.mapUpdate(fds[map], key, value)
      this.#owners.set(name, id)
    }
  }

  /** Packets to users of a service are to know what map `user_routes` has of it: enum service_routes, together. */
  tellRoutes({ targets }: Reach, routes: number): void {
    const { fds } = this.#loaded
    const value = new Uint8Array(serviceSize)
    for (const { key, map } of targets.values()) {
      if (map !== 'user_pools' || !native.mapLookup(fds[map], key, value)) continue
      value[serviceOffsets.userRoutes] = routes
      native.mapUpdate(fds[map], key, value)
    }
  }

  /** Takes away what `before` has beyond `after`. */
  withdraw(id: number, before: Reach, after: Reach | null): void {
    const { fds } = this.#loaded
    for (const [name, { map, key }] of before.targets) {
      if (after?.targets.has(name) || this.#owners.get(name) !== id) continue
      native.mapDelete(fds[map], key)
      this.#owners.delete(name)
    }
    for (const vip of vipsWithout(before, after)) this.#vips.remove(vip)
    for (const address of before.answering.difference(after?.answering ?? noAddresses))
      this.#vips.countEndpoint(address, -1)
    for (const address of before.pool.difference(after?.pool ?? noAddresses)) this.#vips.countPool(address, -1)
    if (before.features !== 0) this.#features.remove(before.features)
    for (const port of portsWithout(before, after)) this.#ports.remove(port)
    for (const way of without(before.returns, after?.returns)) this.#returns.remove(id, way)
    for (const key of without(before.sources, after?.sources)) {
      this.#sources.delete(hex(key))
      native.mapDelete(fds.sources, key)
    }
    for (const { key } of without(before.teidRanges, after?.teidRanges)) {
      this.#teids.delete(hex(key))
      this.#teidsReserved--
      native.mapDelete(fds.teid_ranges, key)
    }
    this.#count(placesOf(before, after), -1)
  }

  #count(places: Readonly<Record<Counted, number>>, change: 1 | -1): void {
    for (const limit of countedLimits) this.#used[limit] += change * places[limit]
  }
}
