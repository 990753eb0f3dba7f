// What every selection algorithm must do, whichever it is: `selectionSuite(selection)` registers the tests. One that
// cannot do something by its nature says so in `skip`, with the reason.

import test from 'ava'
import fc from 'fast-check'
import type { Endpoint } from '../lb/model.ts'
import { emptySlot, type Selection } from '../lb/selection/selection.ts'

export interface SelectionSuiteOptions {
  readonly skip?: { readonly disruption?: string }
}

const seed = 7

export function selectionSuite(selection: Selection, options: SelectionSuiteOptions = {}): void {
  const { name } = selection
  const slotsOf = (endpoints: readonly Endpoint[]): Uint16Array => selection.build(endpoints, seed).slots

  test(`${name}: gives each endpoint its weight's share of the slots`, (t) => {
    for (const weights of [[1], [1, 1, 1], [3, 1], [10, 20, 30, 40], [255, 1], evenWeights(100), mixedWeights(1000)]) {
      const endpoints = makeEndpoints(weights)
      const slots = slotsOf(endpoints)
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      for (const [i, weight] of weights.entries()) {
        const want = (slots.length * weight) / total
        const got = countOf(slots, i)
        // A share of less than a slot is rounded up to one, at the cost of the others.
        t.true(Math.abs(got - want) <= 1 + want * 0.03, `${got} slots of ${want} with weight ${weight} of ${total}`)
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

  test(`${name}: fills every slot with an endpoint that takes new flows, whatever the weights`, (t) => {
    const configuration = fc.array(fc.record({ weight: fc.integer({ min: 0, max: 255 }), drained: fc.boolean() }), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(configuration, (states) => {
        const endpoints = makeEndpoints(states.map(({ weight }) => weight)).map((endpoint, i) => ({
          ...endpoint,
          drained: states[i]?.drained ?? false,
        }))
        const takes = (place: number): boolean => {
          const endpoint = endpoints[place]
          return endpoint !== undefined && endpoint.weight > 0 && !endpoint.drained
        }
        const slots = slotsOf(endpoints)
        const live = endpoints.filter((_, i) => takes(i)).length
        return slots.every(takes) && new Set(slots).size === live && (live > 0 || slots.length === 0)
      }),
    )
    t.pass()
  })

  test(`${name}: does not depend on the order of the endpoints`, (t) => {
    const endpoints = makeEndpoints(mixedWeights(20))
    const places = fc.shuffledSubarray([...endpoints.keys()], { minLength: endpoints.length })
    const names = (order: readonly Endpoint[]): readonly string[] =>
      Array.from(slotsOf(order), (place) => order[place]?.address ?? 'none')
    const expected = names(endpoints)
    fc.assert(
      fc.property(places, (order) => {
        const shuffled = order.flatMap((place) => endpoints[place] ?? [])
        t.deepEqual(names(shuffled), expected)
      }),
      { numRuns: 20 },
    )
  })

  test(`${name}: gives one endpoint every slot`, (t) => {
    const slots = slotsOf(makeEndpoints([1]))
    t.true(slots.length > 0)
    t.true(slots.every((place) => place === 0))
  })

  test(`${name}: leaves a service without live endpoints without slots`, (t) => {
    t.is(slotsOf([]).length, 0)
    t.is(slotsOf(makeEndpoints([0, 0])).length, 0)
    t.is(slotsOf(makeEndpoints([1]).map((endpoint) => ({ ...endpoint, drained: true }))).length, 0)
  })

  test(`${name}: serves 4,096 endpoints from one table`, (t) => {
    const slots = slotsOf(makeEndpoints(mixedWeights(4096)))
    t.is(new Set(slots).size, 4096)
    t.false(slots.includes(emptySlot))
  })

  test(`${name}: refuses more endpoints than a slot can name`, (t) => {
    t.throws(() => slotsOf(makeEndpoints(evenWeights(65_536))), { instanceOf: RangeError, message: /65535 endpoints/ })
  })

  const reason = options.skip?.disruption
  const disruption = reason === undefined ? test : test.skip
  const suffix = reason === undefined ? '' : ` (${reason})`

  disruption(`${name}: moves few slots between endpoints that stay when one is drained or returns${suffix}`, (t) => {
    // The most slots that may change hands though they need not, as a share of those that stay.
    const cases = [
      { weights: [1, 1], most: 0 },
      { weights: evenWeights(3), most: 0.03 },
      { weights: evenWeights(15), most: 0.05 },
      { weights: mixedWeights(15), most: 0.05 },
      { weights: evenWeights(100), most: 0.02 },
      { weights: evenWeights(1000), most: 0.01 },
    ]
    for (const { weights, most } of cases) {
      const endpoints = makeEndpoints(weights)
      const before = slotsOf(endpoints)
      for (const gone of endpoints.keys().take(15)) {
        const after = slotsOf(endpoints.map((endpoint, i) => (i === gone ? { ...endpoint, drained: true } : endpoint)))
        const share = movedShare(before, after, (place) => place, gone)
        t.true(share <= most, `${weights.length} endpoints, without ${gone}: ${(share * 100).toFixed(1)} % moved`)
      }
    }
  })

  disruption(`${name}: moves few slots when an endpoint is added or removed and the size stays${suffix}`, (t) => {
    const endpoints = makeEndpoints(evenWeights(200))
    const before = slotsOf(endpoints)
    const gone = 77
    const after = slotsOf(endpoints.toSpliced(gone, 1))
    t.is(after.length, before.length)
    t.true(movedShare(before, after, (place) => (place < gone ? place : place + 1), gone) <= 0.02)
  })
}

/** Of the slots that `gone` did not have, the share that another endpoint has now. */
function movedShare(
  before: Uint16Array,
  after: Uint16Array,
  oldPlace: (place: number) => number,
  gone: number,
): number {
  let stayed = 0
  let moved = 0
  for (const [slot, place] of before.entries()) {
    if (place === gone) continue
    stayed++
    if (oldPlace(after[slot] ?? emptySlot) !== place) moved++
  }
  return moved / stayed
}

function makeEndpoints(weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, i) => ({
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 8080,
    weight,
    drained: false,
  }))
}

function evenWeights(count: number): readonly number[] {
  return Array.from({ length: count }, () => 1)
}

function mixedWeights(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => 1 + ((i * 37) % 255))
}

function countOf(slots: Uint16Array, wanted: number): number {
  return slots.reduce((count, place) => count + Number(place === wanted), 0)
}
