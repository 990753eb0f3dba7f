// The selection algorithms there are. To add one: a file beside this one, a line here, and `select` in src/lb/model.ts.

import type { TableSelect } from '../model.ts'
import { hash } from './hash.ts'
import { leastConnections } from './lc.ts'
import { persist } from './persist.ts'
import { priority } from './priority.ts'
import { quic } from './quic.ts'
import { roundRobin } from './rr.ts'
import type { Selection } from './selection.ts'
import { hint, n3, n6 } from './session.ts'

export const selections: Readonly<Record<TableSelect, Selection>> = {
  rr: roundRobin,
  hash,
  persist,
  lc: leastConnections,
  priority,
  n3,
  n6,
  hint,
  quic,
}

export { flowSlot } from './flow-hash.ts'
