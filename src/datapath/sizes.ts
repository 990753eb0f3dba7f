// The fast path's maps by name, and how large each is made.

import { limits } from './layout.gen.ts'

/** The maps of bpf/lib/maps.h that all programs share; all of them are pinned. */
export const mapNames = [
  'meta',
  'settings',
  'devices',
  'services',
  'service_ranges',
  'vips',
  'masquerades',
  'user_pools',
  'user_routes',
  'uplinks',
  'downlinks',
  'classifiers',
  'local_addresses',
  'sources',
  'slots',
  'members',
  'endpoints',
  'active_flows',
  'port_blocks',
  'snat_pools',
  'flows',
  'live_flows',
  'closing_flows',
  'fragments',
  'sctp_paths',
  'sctp_powers',
  'service_idle',
  'embryonic',
  'affinities',
  'hints',
  'seid_requests',
  'seid_counts',
  'teid_ranges',
  'session_ports',
  'returns',
  'cursors',
  'service_counters',
  'endpoint_counters',
  'verdicts',
  'events',
  'event_sequence',
  'punts',
  'punt_sequence',
  'expire_keys',
  'expire_request',
] as const
export type MapName = (typeof mapNames)[number]

/** Sizes that the configuration sets; those that are left out are those of bpf/shared/limits.h. */
export interface Sizes {
  readonly flows: number
  readonly services: number
  readonly endpoints: number
  readonly slotPages: number
  /** pairs of endpoint and source address whose source ports are given out by us */
  readonly portBlocks?: number
  readonly ranges?: number
  readonly sources?: number
  readonly affinities?: number
  readonly hints?: number
  readonly sctpPaths?: number
  readonly fragments?: number
  readonly localAddresses?: number
  readonly snatPools?: number
  readonly closing?: number
  readonly eventRingBytes?: number
  readonly puntRingBytes?: number
}

/** Every size, by name. */
export const wholeSizes = (sizes: Sizes): Required<Sizes> => ({
  portBlocks: limits.portBlocks,
  ranges: limits.ranges,
  sources: limits.sources,
  affinities: limits.affinities,
  hints: limits.hints,
  sctpPaths: limits.sctpPaths,
  fragments: limits.fragments,
  localAddresses: limits.localAddresses,
  snatPools: limits.snatPools,
  closing: limits.closing,
  eventRingBytes: limits.eventRingBytes,
  puntRingBytes: limits.puntRingBytes,
  ...sizes,
})

/** The maps that one size alone decides on. */
export const mapsOfSize = {
  portBlocks: 'port_blocks',
  ranges: 'service_ranges',
  sources: 'sources',
  affinities: 'affinities',
  hints: 'hints',
  sctpPaths: 'sctp_paths',
  fragments: 'fragments',
  localAddresses: 'local_addresses',
  snatPools: 'snat_pools',
  closing: 'closing_flows',
  eventRingBytes: 'events',
  puntRingBytes: 'punts',
} as const satisfies Partial<Record<keyof Sizes, MapName>>
type MapSize = keyof typeof mapsOfSize
export const mapSizes = Object.keys(mapsOfSize) as readonly MapSize[]

/** Number 0 of these says "none". */
export const noneOf = (size: MapSize): number => (size === 'portBlocks' || size === 'snatPools' ? 1 : 0)

/**
 * Ids start at 1: 0 says "none" wherever an id stands. There is room for twice the members, because a service's new
 * list is written beside the old one, which packets still read.
 */
export const maxEntries = (sizes: Required<Sizes>): Partial<Record<MapName, number>> => ({
  ...Object.fromEntries(mapSizes.map((size) => [mapsOfSize[size], sizes[size] + noneOf(size)])),
  services: sizes.services,
  masquerades: sizes.sources,
  user_pools: sizes.sources,
  vips: sizes.services + sizes.endpoints + sizes.portBlocks,
  slots: sizes.slotPages,
  members: 2 * sizes.endpoints,
  endpoints: sizes.endpoints + 1,
  active_flows: sizes.endpoints + 1,
  returns: sizes.endpoints,
  flows: 2 * sizes.flows,
  cursors: sizes.services + 1,
  service_idle: sizes.services + 1,
  embryonic: sizes.services + 1,
  seid_counts: sizes.services + 1,
  service_counters: sizes.services + 1,
  endpoint_counters: sizes.endpoints + 1,
})
