// Looks into the maps that a daemon pinned, without asking the daemon: what is there while it is down, and what it
// would not say of itself.

import { join } from 'node:path'

import { native } from '../../native/load.ts'
import { protocolNames } from '../../src/datapath/entries.ts'
import { endpointKey, serviceKey } from '../../src/lb/model.ts'
import { pinDirectory } from '../../src/lb/paths.ts'
import { formatAddress } from '../../src/wire/ip.ts'
import {
  endpointSize,
  flowKeySize,
  limits,
  metaSize,
  readEndpoint,
  readMeta,
  readService,
  readServiceKey,
  serviceKeySize,
  serviceSize,
  writeMeta,
} from '../../src/datapath/layout.gen.ts'

/** Opens pinned maps for as long as `use` runs. */
const withMaps = <Name extends string, T>(
  instance: string,
  names: readonly Name[],
  use: (fds: Readonly<Record<Name, number>>) => T,
): T => {
  const open = names.map((name) => [name, native.pinGet(join(pinDirectory(instance), name))] as const)
  try {
    return use(Object.fromEntries(open) as Record<Name, number>)
  } finally {
    for (const [, fd] of open) native.fdClose(fd)
  }
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** All keys of a hash that does not change meanwhile. */
const keysOf = (fd: number, size: number): readonly Uint8Array[] => {
  const keys: Uint8Array[] = []
  let key: Uint8Array | null = null
  for (;;) {
    const next = new Uint8Array(size)
    if (!native.mapNextKey(fd, key, next)) return keys
    keys.push(next)
    key = next
  }
}

export interface PinnedService {
  readonly id: number
  /** endpoint -> its id */
  readonly endpoints: ReadonlyMap<string, number>
  /** the selection table, each slot's endpoint written out; empty for a slot without one */
  readonly slots: readonly string[]
  readonly seed: number
}

/** What the fast path knows of services, by their key. */
export const pinnedServices = (instance: string): ReadonlyMap<string, PinnedService> =>
  withMaps(instance, ['services', 'slots', 'members', 'endpoints'], (fds) => {
    const slots = new Uint16Array(native.mapMemory(fds.slots))
    const members = new BigUint64Array(native.mapMemory(fds.members))
    const endpoints = new DataView(native.mapMemory(fds.endpoints))
    const found = new Map<string, PinnedService>()
    for (const key of keysOf(fds.services, serviceKeySize)) {
      const bytes = new Uint8Array(serviceSize)
      if (!native.mapLookup(fds.services, key, bytes)) continue
      const entry = readService(view(bytes), 0)
      const { address, port, protocol } = readServiceKey(view(key), 0)
      const listed = Array.from({ length: entry.memberCount }, (_, place) => {
        const id = Number(members[entry.memberBase + place])
        const endpoint = readEndpoint(endpoints, id * endpointSize)
        return { id, name: endpointKey({ address: formatAddress(endpoint.address), port: endpoint.port }) }
      })
      const start = entry.firstPage * limits.slotsPerPage
      const name = serviceKey({
        address: formatAddress(address),
        port,
        protocol: protocolNames.get(protocol) ?? 'tcp',
      })
      found.set(name, {
        id: entry.id,
        seed: entry.seed,
        endpoints: new Map(listed.map(({ id, name: endpoint }) => [endpoint, id])),
        slots: Array.from(slots.subarray(start, start + entry.slotCount), (slot) => listed[slot]?.name ?? ''),
      })
    }
    return found
  })

/** Entries of the flow table; each flow has two. */
export const pinnedFlowEntries = (instance: string): number =>
  withMaps(instance, ['flows'], ({ flows }) => keysOf(flows, flowKeySize).length)

/** Makes the pinned maps look as if a build with other layouts had made them. Returns what their layout was. */
export const changePinnedLayout = (instance: string, layout: bigint): bigint =>
  withMaps(instance, ['meta'], ({ meta }) => {
    const key = new Uint8Array(4)
    const bytes = new Uint8Array(metaSize)
    native.mapLookup(meta, key, bytes)
    const before = readMeta(view(bytes), 0)
    writeMeta(view(bytes), 0, { ...before, layout })
    native.mapUpdate(meta, key, bytes)
    return before.layout
  })
