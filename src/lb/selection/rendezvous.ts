// A table of slots by weighted rendezvous with bounds. Rendezvous: each endpoint has a claim on each slot that depends
// on nothing but itself, and the smallest takes the slot; when an endpoint leaves, nothing moves but its own slots.
// Shares are uneven then, by an eighth with 64 slots for each endpoint, and some slots change hands to even them out.
//
// All follows from endpoints, weights and seed: no history, so every node builds the same table.

import { makeClaims, type Claimant, type Claims } from './claims.ts'
import { evenOut, type Bounds } from './even-out.ts'
import { emptySlot, type LiveEndpoint } from './selection.ts'
import { slotAt, slotOrders, textHash, type SlotOrders } from './slot-order.ts'

/** Shares may be so much larger and smaller than weights say, and a slot. */
const slack = 0.05

/** Who is due fewer slots gets its number of them first, straight from its own order. */
const smallShare = 8

const fractionSeed = 0x5bd1e995

/** Places in `live`, for a number of slots that is a power of two. */
export function rendezvousSlots(live: readonly LiveEndpoint[], seed: number, size: number): Uint16Array {
  const slots = new Uint16Array(size).fill(emptySlot)
  const keys = live.map(({ key }) => key)
  const orders = slotOrders(keys, seed, size)
  const weights = live.reduce((sum, { weight }) => sum + weight, 0)
  const all = live.map(({ weight }, place): Claimant => ({ place, weight, share: (size * weight) / weights }))
  // Fractions are rounded at another point for each endpoint: else all would gain a slot at the same moment.
  const fractions = keys.map((key) => textHash(key, seed ^ fractionSeed) / 0x100000000)

  for (const { place, share } of all) {
    if (share < smallShare) takeFirst(slots, orders, place, Math.max(1, Math.floor(share + fractions[place]!)))
  }
  const claimants = all.filter(({ share }) => share >= smallShare)
  const claims = makeClaims(orders, claimants, (slot) => slots[slot] === emptySlot)
  const bounds: Bounds = {
    least: Int32Array.from(claimants, ({ place, share }) => Math.ceil(share * (1 - slack) - fractions[place]!)),
    most: Int32Array.from(claimants, ({ place, share }) => Math.floor(share * (1 + slack) + fractions[place]!)),
  }
  const owners = smallestClaims(claims)
  evenOut(claims, bounds, owners)
  for (const [slot, owner] of owners.entries()) if (owner !== emptySlot) slots[slot] = claimants[owner]!.place
  return slots
}

function takeFirst(slots: Uint16Array, orders: SlotOrders, place: number, count: number): void {
  let left = count
  for (let n = 0; left > 0 && n < slots.length; n++) {
    const slot = slotAt(orders, place, n)
    if (slots[slot] !== emptySlot) continue
    slots[slot] = place
    left--
  }
}

/** Claimants by slot; `emptySlot` where there is no claim. Of equals the first. */
function smallestClaims({ amounts, claimants, starts }: Claims): Uint16Array {
  const owners = new Uint16Array(starts.length - 1).fill(emptySlot)
  for (let slot = 0; slot < owners.length; slot++) {
    let least = Infinity
    for (let at = starts[slot]!; at < starts[slot + 1]!; at++) {
      if (amounts[at]! >= least) continue
      least = amounts[at]!
      owners[slot] = claimants[at]!
    }
  }
  return owners
}
