// What a selection algorithm is: it turns the endpoints of a service into an immutable table of slots, which the fast
// path reads. A change of endpoints builds a new table and swaps it whole. Where a choice depends on more than the
// table (what a client had before, how busy endpoints are, a session key), the algorithm's file says in TypeScript what
// the fast path does, so that tests can compare.

import { endpointKey, type Endpoint, type Select } from '../model.ts'

/** A slot that names no endpoint. */
export const emptySlot = 0xffff

export interface SelectionTable {
  /** How the slots are read: one after the other, or by a hash. Tables of one kind and content can be shared. */
  readonly kind: 'rr' | 'hash'
  /** Places in `service.endpoints`, or `emptySlot`. No slot at all: no endpoint takes new flows. */
  readonly slots: Uint16Array
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

export const isLive = ({ blocked, drained, weight }: Pick<Endpoint, 'blocked' | 'drained' | 'weight'>): boolean =>
  !blocked && !drained && weight > 0

/** Those that take new flows, in an order that does not depend on the one they came in. */
export function liveEndpoints(endpoints: readonly Endpoint[]): readonly LiveEndpoint[] {
  if (endpoints.length > emptySlot) {
    throw new RangeError(`a service has at most ${emptySlot} endpoints, this one ${endpoints.length}`)
  }
  return endpoints
    .map((endpoint, index) => ({ endpoint, index }))
    .filter(({ endpoint }) => isLive(endpoint))
    .map(({ endpoint, index }) => ({ index, key: endpointKey(endpoint), weight: endpoint.weight }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

/** The place in `service.endpoints` that a slot names; null: none. */
export function placeAt({ slots }: SelectionTable, slot: number): number | null {
  const place = slots[slot] ?? emptySlot
  return place === emptySlot ? null : place
}
