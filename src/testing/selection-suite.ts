// What every selection algorithm must do, whichever it is: `selectionSuite(selection)` registers the tests. One that
// cannot do something by its nature says so in `skip`, with the reason.

import test from 'ava'
import fc from 'fast-check'
import { endpointDefaults } from '../lb/model.ts'
import { emptySlot, isLive, type Selection } from '../lb/selection/selection.ts'
import type { Endpoint } from '../lb/model.ts'

export interface SelectionSuiteOptions {
  readonly skip?: {
    readonly disruption?: string
    /** what takes long with many endpoints */
    readonly large?: string
  }
  /** Whether an endpoint is to have slots; left out: when it takes new flows. */
  readonly serves?: (endpoint: Endpoint, all: readonly Endpoint[]) => boolean
}

const seed = 7

/** Shares may differ from what weights say by so much, and by a slot. */
const uneven = 0.05

/** So much of a table may change hands beside what must. */
const needless = 0.01

/** More endpoints than this are many. */
const largeCount = 100

export function selectionSuite(selection: Selection, options: SelectionSuiteOptions = {}): void {
  const { name } = selection
  const slotsOf = (endpoints: readonly Endpoint[]): Uint16Array => selection.build(endpoints, seed).slots
  const serves = options.serves ?? ((endpoint: Endpoint): boolean => isLive(endpoint))

  const { large } = options.skip ?? {}

  test(`${name}: gives each endpoint its weight's share of the slots`, (t) => {
    for (const [title, weights] of shapes) {
      if (large !== undefined && weights.length > largeCount) continue
      const slots = slotsOf(makeEndpoints(weights))
      const counts = countsOf(slots, weights.length)
      const total = sum(weights)
      for (const [i, weight] of weights.entries()) {
        const want = (slots.length * weight) / total
        // A share of less than a slot is rounded up to one, at the cost of the others.
        t.true(
          Math.abs(counts[i]! - want) <= 1 + want * uneven,
          `${title}: ${counts[i]} slots of ${want} for ${weight}`,
        )
      }
    }
  })

  test(`${name}: spreads neighbouring slots over the endpoints`, (t) => {
    const slots = slotsOf(makeEndpoints([1, 1, 1, 1]))
    for (let i = 0; i < 4; i++) t.true(slots.subarray(0, 40).includes(i) || slots.length < 40)
    t.is(new Set(slots).size, 4)
  })

  test(`${name}: builds the same table a second time and on another node`, (t) => {
    const endpoints = makeEndpoints(mixedWeights(50))
    t.deepEqual(selection.build(endpoints, seed), selection.build(structuredClone(endpoints), seed))
  })

  test(`${name}: two nodes that write the endpoints in another order choose the same`, (t) => {
    const endpoints = makeEndpoints(mixedWeights(16)).map((endpoint, i) => ({ ...endpoint, drained: i % 5 === 4 }))
    const names = (order: readonly Endpoint[]): readonly string[] =>
      Array.from(slotsOf(order), (place) => order[place]?.address ?? 'none')
    const expected = names(endpoints)
    const orders = fc.shuffledSubarray([...endpoints], { minLength: endpoints.length })
    fc.assert(
      fc.property(orders, (order) => {
        t.deepEqual(names(order), expected)
      }),
      { numRuns: 10 },
    )
  })

  test(`${name}: fills every slot with an endpoint that is to have some, and leaves none of these out`, (t) => {
    const state = fc.record({
      weight: fc.oneof(fc.constant(0), fc.constant(1), fc.constant(255), fc.integer({ min: 0, max: 255 })),
      drained: fc.boolean(),
      blocked: fc.boolean(),
      priority: fc.integer({ min: 0, max: 2 }),
    })
    fc.assert(
      fc.property(fc.array(state, { maxLength: 16 }), (states) => {
        const endpoints = makeEndpoints(states.map(({ weight }) => weight)).map((endpoint, i) => ({
          ...endpoint,
          ...states[i],
        }))
        const wanted = [...endpoints.keys()].filter((place) => serves(endpoints[place]!, endpoints))
        t.deepEqual(
          [...new Set(slotsOf(endpoints))].toSorted((a, b) => a - b),
          wanted,
        )
      }),
      { numRuns: 60 },
    )
  })

  for (const [how, state] of [
    ['drained', { drained: true }],
    ['blocked', { blocked: true }],
    ['of weight 0', { weight: 0 }],
  ] as const) {
    test(`${name}: gives nothing to an endpoint that is ${how}, and its share to the others`, (t) => {
      const slots = slotsOf(makeEndpoints([1, 1, 1]).with(1, { ...makeEndpoints([1, 1])[1]!, ...state }))
      const counts = countsOf(slots, 3)
      t.is(counts[1], 0)
      for (const place of [0, 2]) t.true(Math.abs(counts[place]! - slots.length / 2) <= 1 + (slots.length / 2) * uneven)
    })
  }

  test(`${name}: gives one endpoint every slot`, (t) => {
    for (const endpoints of [makeEndpoints([1]), makeEndpoints([0, 255, 0])]) {
      const slots = slotsOf(endpoints)
      t.true(slots.length > 0)
      t.true(slots.every((place) => endpoints[place]!.weight > 0))
    }
  })

  test(`${name}: leaves a service without live endpoints without slots`, (t) => {
    t.is(slotsOf([]).length, 0)
    t.is(slotsOf(makeEndpoints([0, 0])).length, 0)
    t.is(slotsOf(makeEndpoints([1]).map((endpoint) => ({ ...endpoint, drained: true }))).length, 0)
    t.is(slotsOf(makeEndpoints([1]).map((endpoint) => ({ ...endpoint, blocked: true }))).length, 0)
  })

  skipFor(large)(`${name}: serves 4,096 endpoints from one table${because(large)}`, (t) => {
    const slots = slotsOf(makeEndpoints(mixedWeights(4096)))
    t.is(new Set(slots).size, 4096)
    t.false(slots.includes(emptySlot))
  })

  test(`${name}: refuses more endpoints than a slot can name`, (t) => {
    t.throws(() => slotsOf(makeEndpoints(evenWeights(65_536))), { instanceOf: RangeError, message: /65535 endpoints/ })
  })

  const reason = options.skip?.disruption
  const disruptions = (change: (endpoint: Endpoint, all: readonly Endpoint[]) => readonly Endpoint[]): Disruption[] =>
    changedShapes
      .filter(([, weights]) => large === undefined || weights.length <= largeCount)
      .flatMap(([title, weights]) => {
        const endpoints = makeEndpoints(weights)
        const before = { endpoints, slots: slotsOf(endpoints) }
        // Of many endpoints two, of others six.
        const step = Math.ceil(endpoints.length / (endpoints.length > largeCount ? 2 : 6))
        return endpoints
          .filter((_, i) => i % step === 0)
          .map((endpoint) => {
            const changed = change(endpoint, endpoints)
            return disruptionOf(title, before, { endpoints: changed, slots: slotsOf(changed) })
          })
      })

  const drain = `${name}: moves at most 1 % of the slots that stay when an endpoint is drained or returns`
  skipFor(reason)(`${drain}${because(reason)}`, (t) => {
    const drained = disruptions((endpoint, all) => replace(all, endpoint, { drained: true }))
    for (const one of drained) {
      t.true(one.others <= needless, inPercent(one))
      t.is(one.against, 0, one.title)
    }
  })

  const remove = `${name}: moves at most 1 % of the slots that stay when an endpoint is removed or added`
  skipFor(reason)(`${remove}${because(reason)}`, (t) => {
    const removed = disruptions((endpoint, all) => all.filter((each) => each !== endpoint))
    const sized = removed.filter(({ resized }) => !resized)
    t.true(sized.length > removed.length / 2)
    for (const one of sized) t.true(one.others <= needless, inPercent(one))
  })

  const weigh = `${name}: moves at most 1 % of the slots between others, or the wrong way, when a weight changes`
  skipFor(reason)(`${weigh}${because(reason)}`, (t) => {
    const other = (weight: number): number => (weight > 127 ? weight >> 1 : weight * 2)
    const weighed = disruptions((endpoint, all) => replace(all, endpoint, { weight: other(endpoint.weight) }))
    for (const one of weighed) t.true(one.others + one.against <= needless, inPercent(one))
  })
}

const skipFor = (reason: string | undefined): typeof test | typeof test.skip =>
  reason === undefined ? test : test.skip
const because = (reason: string | undefined): string => (reason === undefined ? '' : ` (${reason})`)

const replace = (all: readonly Endpoint[], which: Endpoint, state: Partial<Endpoint>): readonly Endpoint[] =>
  all.map((each) => (each === which ? { ...each, ...state } : each))

type Shape = readonly [title: string, weights: readonly number[]]

const shapes: readonly Shape[] = [
  ['one', [1]],
  ['three', [1, 1, 1]],
  ['three to one', [3, 1]],
  ['255 to one', [255, 1]],
  ['four of different weights', [10, 20, 30, 40]],
  ['16', evenWeights(16)],
  ['100', evenWeights(100)],
  ['1,000 of different weights', mixedWeights(1000)],
]

const changedShapes: readonly Shape[] = [
  ['2', evenWeights(2)],
  ['3', evenWeights(3)],
  ['3 of different weights', [10, 20, 70]],
  ['5', evenWeights(5)],
  ['15', evenWeights(15)],
  ['16 of different weights', mixedWeights(16)],
  ['17', evenWeights(17)],
  ['100', evenWeights(100)],
  ['256 of different weights', mixedWeights(256)],
  ['1,000', evenWeights(1000)],
]

interface Built {
  readonly endpoints: readonly Endpoint[]
  readonly slots: Uint16Array
}

/** Shares of the table. */
interface Disruption {
  readonly title: string
  /** the tables have different sizes: nothing can be said */
  readonly resized: boolean
  /** moved between two endpoints that stay as they were */
  readonly others: number
  /** moved against the change: from an endpoint that is to have more, to one that is to have less */
  readonly against: number
}

function disruptionOf(title: string, before: Built, after: Built): Disruption {
  const states = (built: Built): ReadonlyMap<string, Endpoint> =>
    new Map(built.endpoints.map((endpoint) => [endpoint.address, endpoint]))
  const [old, now] = [states(before), states(after)]
  const weightIn = (map: ReadonlyMap<string, Endpoint>, address: string): number => {
    const endpoint = map.get(address)
    return endpoint !== undefined && isLive(endpoint) ? endpoint.weight : 0
  }
  const change = (address: string): number => Math.sign(weightIn(now, address) - weightIn(old, address))
  let [others, against] = [0, 0]
  const size = before.slots.length
  for (let slot = 0; slot < size; slot++) {
    const from = before.endpoints[before.slots[slot]!]!.address
    const to = after.endpoints[after.slots[slot] ?? 0]!.address
    if (from === to) continue
    const [gave, got] = [change(from), change(to)]
    if (gave === 0 && got === 0) others++
    else if (gave > 0 || got < 0) against++
  }
  return { title, resized: size !== after.slots.length, others: others / size, against: against / size }
}

const inPercent = ({ against, others, title }: Disruption): string =>
  `${title}: ${(others * 100).toFixed(2)} % between others, ${(against * 100).toFixed(2)} % against the change`

function makeEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, i) => ({
    ...endpointDefaults,
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 8080,
    weight,
  }))
}

function evenWeights(count: number): readonly number[] {
  return Array.from({ length: count }, () => 1)
}

function mixedWeights(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => 1 + ((i * 37) % 255))
}

function countsOf(slots: Uint16Array, endpoints: number): Uint32Array {
  const counts = new Uint32Array(endpoints)
  for (const place of slots) counts[place]!++
  return counts
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
