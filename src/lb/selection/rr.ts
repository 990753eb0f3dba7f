// Selection `rr`: weighted round robin. The table is one whole round, each endpoint as often as its weight says and its
// turns spread evenly over the round; the fast path walks it with a cursor.

import type { Endpoint } from '../model.ts'
import { liveEndpoints, type LiveEndpoint, type Selection, type SelectionTable } from './selection.ts'

/** Slots of one round. Weights that need a longer one are scaled down; an endpoint keeps one turn at least. */
export const roundRobinSlots = 16_384

export const roundRobin: Selection = {
  name: 'rr',
  build(endpoints: readonly Endpoint[], _seed: number): SelectionTable {
    return { kind: 'rr', slots: interleave(reduce(liveEndpoints(endpoints))) }
  },
}

/** The smallest weights in the same proportion, or nearly so where their round would be too long. */
function reduce(live: readonly LiveEndpoint[]): readonly LiveEndpoint[] {
  const divisor = live.reduce((common, { weight }) => greatestCommonDivisor(common, weight), 0)
  const total = live.reduce((sum, { weight }) => sum + weight / divisor, 0)
  const scale = total > roundRobinSlots ? roundRobinSlots / total : 1
  return live.map((endpoint) => ({
    ...endpoint,
    weight: Math.max(1, Math.floor((endpoint.weight / divisor) * scale)),
  }))
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** An endpoint's n-th turn of w stands at (n + 1/2) / w of the round. */
function interleave(live: readonly LiveEndpoint[]): Uint16Array {
  const turns = live.flatMap(({ index, weight }) =>
    Array.from({ length: weight }, (_, n) => ({ index, at: (n + 0.5) / weight })),
  )
  // The sort is stable: turns at the same place follow the order of the endpoints' keys.
  return Uint16Array.from(
    turns.toSorted((a, b) => a.at - b.at),
    ({ index }) => index,
  )
}
