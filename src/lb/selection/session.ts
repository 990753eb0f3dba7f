// Selections `n3`, `n6` and `hint`: the packet's session key (a TEID, a SEID, a user, the client) is looked up among
// the hints; what has none gets an endpoint by a hash of the key, or what `miss` says. One 5-tuple of GTP-U carries
// thousands of tunnels, so a hash of addresses and ports would put them all in one place.

import type { Miss } from '../model.ts'
import { clientDigest, sessionDigest } from './flow-hash.ts'
import { buildHashTable, hashChoice } from './hash.ts'
import type { Selection, SelectionTable } from './selection.ts'

export const n3: Selection = { name: 'n3', build: buildHashTable }
export const n6: Selection = { name: 'n6', build: buildHashTable }
export const hint: Selection = { name: 'hint', build: buildHashTable }

/**
 * What tells the packet's session: a key in its message, its client, or its flow. `none`: the message has no key though
 * others of its protocol have, and its client stands in.
 */
export type SessionKey =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'client'; readonly address: Uint8Array }
  | { readonly kind: 'flow'; readonly digest: bigint }
  | { readonly kind: 'none'; readonly address: Uint8Array }

export interface SessionState {
  readonly table: SelectionTable
  readonly seed: number
  readonly miss: Miss
  /** the place that a hint names and that may have packets; null: no such hint */
  readonly hinted: number | null
}

/** What a packet gets of a service that is told apart by session keys: a place, or what `miss` says. */
export function sessionChoice({ hinted, miss, seed, table }: SessionState, key: SessionKey): number | Miss | null {
  if (key.kind !== 'none' && hinted !== null) return hinted
  if (key.kind !== 'none' && miss !== 'hash') return miss
  return hashChoice(table, seed, digestOf(key))
}

function digestOf(key: SessionKey): bigint {
  switch (key.kind) {
    case 'message':
      return sessionDigest(key.bytes)
    case 'flow':
      return key.digest
    case 'client':
    case 'none':
      return clientDigest(key.address)
    default:
      return key satisfies never
  }
}
