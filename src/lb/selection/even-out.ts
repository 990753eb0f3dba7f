// Brings shares of a table within bounds. The slots that move are those for which it matters least: whose new owner's
// claim is larger than the old one's by the smallest factor. So they are nearly the same ones when a claimant more or
// less is there.

import { emptySlot } from './selection.ts'
import type { Claims } from './claims.ts'

/** Slots that each claimant is to have. */
export interface Bounds {
  readonly least: Int32Array
  readonly most: Int32Array
}

/** What one pass leaves is little: claimants that had no room for a slot, and have it at the end. */
const passes = 8

/** Changes `owners`, which names a claimant for each slot, or `emptySlot`. */
export function evenOut(claims: Claims, bounds: Bounds, owners: Uint16Array): void {
  const counts = new Int32Array(bounds.least.length)
  for (const owner of owners) if (owner !== emptySlot) counts[owner]!++
  for (let pass = 0; pass < passes && !isWithin(counts, bounds); pass++) move(claims, bounds, owners, counts)
}

const isWithin = (counts: Int32Array, { least, most }: Bounds): boolean =>
  counts.every((count, i) => count >= least[i]! && count <= most[i]!)

/** From those with too many to those with room, and to those with too few. */
function move(claims: Claims, { least, most }: Bounds, owners: Uint16Array, counts: Int32Array): void {
  const { amounts, claimants, starts } = claims
  const helps = (from: number, to: number): boolean =>
    (counts[from]! > most[from]! && counts[to]! < most[to]!) ||
    (counts[to]! < least[to]! && counts[from]! > least[from]!)
  // Claims that may be granted instead of the smallest, and by what factor they are larger.
  const others: number[] = []
  const factors = new Float64Array(claimants.length)
  const slotOf = new Uint32Array(claimants.length)
  for (const [slot, from] of owners.entries()) {
    const first = starts[slot]!
    for (let at = first; at < starts[slot + 1]!; at++) {
      if (claimants[at] === from || !helps(from, claimants[at]!)) continue
      factors[at] = amounts[at]! / amounts[claimants.indexOf(from, first)]!
      slotOf[at] = slot
      others.push(at)
    }
  }
  for (const at of others.toSorted((a, b) => factors[a]! - factors[b]! || a - b)) {
    const [from, to] = [owners[slotOf[at]!]!, claimants[at]!]
    if (from === to || !helps(from, to)) continue
    owners[slotOf[at]!] = to
    counts[from]!--
    counts[to]!++
  }
}
