// Selection `quic`: by the server id that a server has put into its connection ids, so that a client whose address
// changes keeps its endpoint. A packet whose id says nothing gets one by a hash of addresses and ports.

import { destinationId, type ConnectionIds } from '../../protocols/quic-lb/index.ts'
import type { Endpoint } from '../model.ts'
import { buildHashTable, hashChoice } from './hash.ts'
import type { Selection, SelectionTable } from './selection.ts'

export const quic: Selection = { name: 'quic', build: buildHashTable }

export interface QuicState {
  readonly endpoints: readonly Endpoint[]
  readonly table: SelectionTable
  readonly seed: number
  readonly ids: ConnectionIds
}

/** What a new flow gets, whoever reads the id: the fast path a plain one, the slow path an encrypted one. */
export function quicChoice(state: QuicState, datagram: Uint8Array, digest: bigint): number | null {
  const { endpoints, ids, seed, table } = state
  const id = destinationId(datagram, ids.length)
  const serverId = id === null ? null : ids.serverId(id)
  const name = serverId === null ? null : Buffer.from(serverId).toString('hex')
  const place = endpoints.findIndex((endpoint) => name !== null && endpoint.serverId === name && !endpoint.blocked)
  return place === -1 ? hashChoice(table, seed, digest) : place
}
