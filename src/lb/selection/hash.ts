// Selection `hash`: a Maglev table (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI
// 2016, section 3.4). Every endpoint has its own order in which it would like the slots; they take turns, and each turn
// takes the first slot of that order that is still free. The order comes from the endpoint's address and port alone, so
// few slots change hands when another endpoint comes or goes.

import type { Endpoint } from '../model.ts'
import { liveEndpoints, emptySlot, type LiveEndpoint, type Selection, type SelectionTable } from './selection.ts'

/** A prime, so that every step size visits every slot. */
const hashTableSizes = [251, 1021, 4093, 16381, 65521, 262139, 524287] as const

/** So many slots for each configured endpoint make shares that differ by a percent or two. */
const slotsPerEndpoint = 64

/** Endpoints that are down or drained count, so that one that comes back does not change the size. */
export function hashTableSize(configuredEndpoints: number): number {
  const wanted = slotsPerEndpoint * configuredEndpoints
  return hashTableSizes.find((size) => size >= wanted) ?? hashTableSizes[hashTableSizes.length - 1] ?? 0
}

export const hash: Selection = {
  name: 'hash',
  build(endpoints: readonly Endpoint[], seed: number): SelectionTable {
    const live = liveEndpoints(endpoints)
    const slots = new Uint16Array(live.length === 0 ? 0 : hashTableSize(endpoints.length)).fill(emptySlot)
    if (live.length > 0) fill(slots, live, seed)
    return { kind: 'hash', slots, recreate: true }
  },
}

function fill(slots: Uint16Array, live: readonly LiveEndpoint[], seed: number): void {
  const size = slots.length
  const next = new Uint32Array(live.length)
  const step = new Uint32Array(live.length)
  for (const [i, { key }] of live.entries()) {
    next[i] = textHash(key, seed) % size
    step[i] = (textHash(key, ~seed) % (size - 1)) + 1
  }
  const groups = weightGroups(live)
  const greatest = groups[0]?.weight ?? 1
  // One bit a slot: most of the time goes into looking at slots, and so they stay in the processor's first cache.
  const taken = new Int32Array((size + 31) >>> 5)
  let free = size
  for (let round = 0; ; round++) {
    for (const { weight, members } of groups) {
      // The greatest weight has a turn in every round; all have one in the first, so that nobody is left without.
      if (round > 0 && turns(round, weight, greatest) === turns(round + 1, weight, greatest)) continue
      for (const member of members) {
        const own = step[member] ?? 1
        let slot = next[member] ?? 0
        while (((taken[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0) {
          slot += own
          if (slot >= size) slot -= size
        }
        taken[slot >>> 5] = (taken[slot >>> 5] ?? 0) | (1 << (slot & 31))
        slots[slot] = live[member]?.index ?? emptySlot
        next[member] = slot
        free--
        if (free === 0) return
      }
    }
  }
}

/** Turns that a weight has had before this round. */
function turns(round: number, weight: number, greatest: number): number {
  return Math.ceil((round * weight) / greatest)
}

interface WeightGroup {
  readonly weight: number
  /** places in the list of live endpoints */
  readonly members: readonly number[]
}

/** By weight, the greatest first: whose turn it is can then be asked once for all of the same weight. */
function weightGroups(live: readonly LiveEndpoint[]): readonly WeightGroup[] {
  const groups = Map.groupBy(live.keys(), (i) => live[i]?.weight ?? 0)
  return [...groups].map(([weight, members]) => ({ weight, members })).toSorted((a, b) => b.weight - a.weight)
}

/** FNV-1a, then the finish of MurmurHash3, since FNV's upper bits hardly depend on the last letters. */
function textHash(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
