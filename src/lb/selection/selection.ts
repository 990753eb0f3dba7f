// What a selection algorithm is: it turns the endpoints of a service into an immutable table of slots, which the fast
// path reads. A change of endpoints builds a new table and swaps it whole.

import { endpointKey, type Endpoint, type Select } from '../model.ts'

/** A slot that names no endpoint. */
export const emptySlot = 0xffff

export interface SelectionTable {
  /** How the fast path reads the slots: one after the other, or by a hash of the flow. */
  readonly kind: Select
  /** Places in `service.endpoints`, or `emptySlot`. No slot at all: no endpoint takes new flows. */
  readonly slots: Uint16Array
  /** The middle of an unknown TCP connection may make a flow: the table gives the endpoint that it had before. */
  readonly recreate: boolean
}

export interface Selection {
  readonly name: Select
  /** The same table for the same endpoints and seed on every node, in whatever order the endpoints stand. */
  build(endpoints: readonly Endpoint[], seed: number): SelectionTable
}

/** An endpoint that takes new flows. */
export interface LiveEndpoint {
  /** its place in `service.endpoints` */
  readonly index: number
  /** address and port as text: what an algorithm may order by and hash, so that places do not matter */
  readonly key: string
  readonly weight: number
}

/** Those that take new flows, in an order that does not depend on the one they came in. */
export function liveEndpoints(endpoints: readonly Endpoint[]): readonly LiveEndpoint[] {
  if (endpoints.length > emptySlot) {
    throw new RangeError(`a service has at most ${emptySlot} endpoints, this one ${endpoints.length}`)
  }
  return endpoints
    .map((endpoint, index) => ({ endpoint, index }))
    .filter(({ endpoint }) => !endpoint.drained && endpoint.weight > 0)
    .map(({ endpoint, index }) => ({ index, key: endpointKey(endpoint), weight: endpoint.weight }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
}
