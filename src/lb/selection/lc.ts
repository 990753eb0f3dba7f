// Selection `lc`: the endpoint with the fewest flows for its weight, the new one counted. The fast path compares the
// members themselves; of many it compares as many as LC_SAMPLE says, which stand in a row from a place that the flow's
// hash gives. The table is for flows whose row has no endpoint that takes them.

import type { Endpoint } from '../model.ts'
import { finish, scale } from './flow-hash.ts'
import { roundRobin } from './rr.ts'
import { isLive, type Selection } from './selection.ts'

export const leastConnections: Selection = { name: 'lc', build: (endpoints, seed) => roundRobin.build(endpoints, seed) }

export interface LeastState {
  readonly endpoints: readonly Endpoint[]
  /** flows that live, by place */
  readonly active: readonly number[]
  readonly seed: number
  /** LC_SAMPLE */
  readonly sample: number
}

/** `select_least` of the fast path: of equals the first one. Null: none of those compared takes new flows. */
export function leastChoice({ active, endpoints, sample, seed }: LeastState, digest: bigint): number | null {
  const count = endpoints.length
  const start = count > sample ? scale(finish(digest, seed), count) : 0
  let best: { readonly place: number; readonly flows: number; readonly weight: number } | null = null
  for (let n = 0; n < Math.min(count, sample); n++) {
    const place = (start + n) % count
    const endpoint = endpoints[place]!
    if (!isLive(endpoint)) continue
    const { weight } = endpoint
    const flows = Math.max(0, active[place] ?? 0) + 1
    if (best === null || flows * best.weight < best.flows * weight) best = { place, flows, weight }
  }
  return best?.place ?? null
}
