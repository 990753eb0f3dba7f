// Selection `hash`: the fast path reads a slot by a hash of the packet's addresses and ports. Endpoints come and go,
// and at most one slot in a hundred changes hands beside those that must.

import type { Endpoint } from '../model.ts'
import { finish, scale } from './flow-hash.ts'
import { rendezvousSlots } from './rendezvous.ts'
import { liveEndpoints, placeAt, type Selection, type SelectionTable } from './selection.ts'

/**
 * Slots by number of configured endpoints. By how much shares would be uneven, and so how much has to move to keep them
 * even, falls with the root of the number of slots: 4,096 is the least with which that is below one slot in a hundred.
 */
const tableSizes = [
  { endpoints: 1, slots: 256 },
  { endpoints: 16, slots: 4096 },
  { endpoints: 256, slots: 16_384 },
  { endpoints: 1024, slots: 65_536 },
  { endpoints: 4096, slots: 262_144 },
  { endpoints: Infinity, slots: 524_288 },
] as const

/** Endpoints that are down or drained count, so that one that comes back does not change the size. */
export function hashTableSize(configuredEndpoints: number): number {
  return tableSizes.find(({ endpoints }) => configuredEndpoints <= endpoints)!.slots
}

/** The table of all algorithms that choose by a hash, or fall back on one. */
export function buildHashTable(endpoints: readonly Endpoint[], seed: number): SelectionTable {
  const live = liveEndpoints(endpoints)
  if (live.length === 0) return { kind: 'hash', slots: new Uint16Array(0) }
  const slots = rendezvousSlots(live, seed, hashTableSize(endpoints.length))
  return { kind: 'hash', slots: slots.map((place) => live[place]!.index) }
}

export const hash: Selection = { name: 'hash', build: buildHashTable }

/** `select_by_hash` of the fast path: the place of the endpoint that a digest gets; null: there is none. */
export function hashChoice(table: SelectionTable, seed: number, digest: bigint): number | null {
  return placeAt(table, scale(finish(digest, seed), table.slots.length))
}
