// Who may want which slot of a table. An endpoint's claim on the slot that it likes n-th is what the n-th smallest of
// as many exponential random numbers as there are slots is on average, divided by its weight: so the smallest claim on
// a slot is an endpoint's as often as its weight says. Claims much larger than a slot's smallest have no prospects and
// are left out; about three a slot remain.
//
// Amounts come from additions and divisions alone, which every machine rounds alike; a logarithm they need not.

import { slotAt, type SlotOrders } from './slot-order.ts'

export interface Claimant {
  /** its place in the orders */
  readonly place: number
  readonly weight: number
  /** slots of the table that are due to it, not rounded */
  readonly share: number
}

/** Claims stand slot by slot. Claimants are named by their place in the list. */
export interface Claims {
  /** slot -> where its claims begin; one more entry says where all end */
  readonly starts: Uint32Array
  readonly amounts: Float64Array
  readonly claimants: Uint16Array
}

/** So many slots for each one of its share an endpoint looks at: one in a million slots is then looked at by nobody. */
const defaultReach = 14

/** A claim so many times a slot's smallest is left out: hardly a slot goes to such a one to even out shares. */
const prospects = 3

/** Claims on the slots that are free. */
export function makeClaims(
  orders: SlotOrders,
  claimants: readonly Claimant[],
  isFree: (slot: number) => boolean,
  reach = defaultReach,
): Claims {
  const { size } = orders
  const lengths = claimants.map(({ share }) => Math.min(size, Math.ceil(reach * share) + reach))
  const ranks = rankAmounts(size, Math.max(0, ...lengths))
  const limits = smallestAmounts(orders, claimants, lengths, ranks)
  for (let slot = 0; slot < size; slot++) {
    if (!isFree(slot)) limits[slot] = -1
    else if (limits[slot] === Infinity) return makeClaims(orders, claimants, isFree, 2 * reach)
    else limits[slot]! *= prospects
  }
  return collect(orders, claimants, lengths, ranks, limits)
}

function rankAmounts(size: number, count: number): Float64Array {
  const amounts = new Float64Array(count)
  let sum = 0
  for (let n = 0; n < count; n++) amounts[n] = sum += 1 / (size - n)
  return amounts
}

function smallestAmounts(
  orders: SlotOrders,
  claimants: readonly Claimant[],
  lengths: readonly number[],
  ranks: Float64Array,
): Float64Array {
  const smallest = new Float64Array(orders.size).fill(Infinity)
  for (const [i, { place, weight }] of claimants.entries()) {
    const length = lengths[i]!
    for (let n = 0; n < length; n++) {
      const slot = slotAt(orders, place, n)
      const amount = ranks[n]! / weight
      if (amount < smallest[slot]!) smallest[slot] = amount
    }
  }
  return smallest
}

/** Those within the limits: found claimant by claimant, then put in their places slot by slot. */
function collect(
  orders: SlotOrders,
  claimants: readonly Claimant[],
  lengths: readonly number[],
  ranks: Float64Array,
  limits: Float64Array,
): Claims {
  const starts = new Uint32Array(orders.size + 1)
  const ends = new Uint32Array(claimants.length)
  let slots = new Uint32Array(4 * orders.size)
  let amounts = new Float64Array(slots.length)
  let found = 0
  for (const [i, { place, weight }] of claimants.entries()) {
    const length = lengths[i]!
    if (found + length > slots.length) {
      slots = longer(slots, new Uint32Array(2 * slots.length + length))
      amounts = longer(amounts, new Float64Array(slots.length))
    }
    for (let n = 0; n < length; n++) {
      const slot = slotAt(orders, place, n)
      const amount = ranks[n]! / weight
      if (amount > limits[slot]!) continue
      slots[found] = slot
      amounts[found++] = amount
      starts[slot + 1]!++
    }
    ends[i] = found
  }
  for (let slot = 0; slot < orders.size; slot++) starts[slot + 1]! += starts[slot]!

  const claims: Claims = { starts, amounts: new Float64Array(found), claimants: new Uint16Array(found) }
  const next = starts.slice()
  for (let i = 0, k = 0; i < claimants.length; i++) {
    for (; k < ends[i]!; k++) {
      const at = next[slots[k]!]!++
      claims.amounts[at] = amounts[k]!
      claims.claimants[at] = i
    }
  }
  return claims
}

function longer<Values extends Uint32Array | Float64Array>(values: Values, room: Values): Values {
  room.set(values)
  return room
}
