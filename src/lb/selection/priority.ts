// Selection `priority`: of the endpoints that take new flows, those with the lowest number share them by weight, in
// turns. The others wait until none of these is left.

import type { Endpoint } from '../model.ts'
import { roundRobin } from './rr.ts'
import { isLive, type Selection, type SelectionTable } from './selection.ts'

export const priority: Selection = {
  name: 'priority',
  build(endpoints: readonly Endpoint[], seed: number): SelectionTable {
    const lowest = endpoints.filter(isLive).reduce((least, endpoint) => Math.min(least, endpoint.priority), Infinity)
    const others = endpoints.map((endpoint) => (endpoint.priority === lowest ? endpoint : { ...endpoint, weight: 0 }))
    return roundRobin.build(others, seed)
  },
}
