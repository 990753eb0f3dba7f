// The selection algorithms there are. To add one: a file beside this one, a line here, and `select` in src/lb/model.ts.

import type { Select } from '../model.ts'
import { hash } from './hash.ts'
import { roundRobin } from './rr.ts'
import type { Selection } from './selection.ts'

export const selections: Readonly<Record<Select, Selection>> = { rr: roundRobin, hash }

export { flowSlot } from './flow-hash.ts'
