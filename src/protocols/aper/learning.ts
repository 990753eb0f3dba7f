// What a message proves about where a UE, or a pool of the core, is served.

import type { Learned, SessionKey, Side } from '../protocol.ts'
import type { Element } from './elements.ts'
import type { ProcedureMessage } from './procedures.ts'

/** Procedures and elements, by their numbers. */
export interface Learning {
  /** the procedure whose numbers of UEs may be wrong */
  readonly mistaken: number
  readonly reset: number
  /** the procedure by which the core has a UE released */
  readonly release: number
  readonly added: ReadonlySet<number>
  readonly removed: ReadonlySet<number>
  /** in a message that ends connections */
  readonly ended: ReadonlySet<number>
}

/**
 * The core has the UEs that it writes about. A UE is gone when its release is complete, not when it is ordered
 * (TS 38.413, 8.3.3; TS 36.413, 8.3.3), and with a reset of its connection (8.7.4; 8.7.1).
 */
export function learn(
  message: ProcedureMessage,
  from: Side,
  { added, ended, mistaken, release, removed, reset }: Learning,
  keysOf: (elements: readonly Element[]) => readonly SessionKey[],
): readonly Learned[] {
  const those = (ids: ReadonlySet<number>, action: Learned['action']): readonly Learned[] =>
    keysOf(message.elements.filter(({ id }) => ids.has(id))).map((key) => ({ action, key, at: null }))

  switch (message.procedure) {
    case mistaken:
      return []
    case reset:
      return those(ended, 'remove')
    case release:
      return message.kind === 'successful' ? those(ended, 'remove') : []
    default:
      return from === 'endpoint' ? [...those(added, 'add'), ...those(removed, 'remove')] : []
  }
}
