// Selection `persist`: a client stays with the endpoint that it had, for a while after its last new flow, and the fast
// path remembers which. A client that is new, or whose endpoint takes no new flows, gets one by a hash of its address,
// so that nodes that do not share what they remember agree as long as nothing changes.

import type { Endpoint } from '../model.ts'
import { clientDigest } from './flow-hash.ts'
import { buildHashTable, hashChoice } from './hash.ts'
import { isLive, type Selection, type SelectionTable } from './selection.ts'

export const persist: Selection = { name: 'persist', build: buildHashTable }

export interface PersistState {
  readonly endpoints: readonly Endpoint[]
  readonly table: SelectionTable
  readonly seed: number
  /** what is remembered of the client; null: nothing */
  readonly known: { readonly place: number; readonly idleTicks: number } | null
  readonly timeoutTicks: number
}

/** `select_persist` of the fast path. `client`: 16 bytes. */
export function persistChoice(state: PersistState, client: Uint8Array): number | null {
  const { endpoints, known, seed, table, timeoutTicks } = state
  const endpoint = known === null || known.idleTicks >= timeoutTicks ? undefined : endpoints[known.place]
  if (known !== null && endpoint !== undefined && isLive(endpoint)) return known.place
  return hashChoice(table, seed, clientDigest(client))
}
