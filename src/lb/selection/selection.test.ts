import test from 'ava'
import { selectionSuite } from '../../testing/selection-suite.ts'
import { endpointDefaults, type Endpoint } from '../model.ts'
import { hashTableSize } from './hash.ts'
import { selections } from './index.ts'
import { roundRobinSlots } from './rr.ts'
import { isLive } from './selection.ts'

const inTurns = { disruption: 'turns have no slots that flows return to' }
const compared = { disruption: 'flows follow how busy endpoints are, not slots' }
const tableOfHash = { large: 'its table is that of hash' }

selectionSuite(selections.rr, { skip: inTurns })
selectionSuite(selections.hash)
selectionSuite(selections.persist, { skip: tableOfHash })
selectionSuite(selections.lc, { skip: compared })
selectionSuite(selections.priority, {
  skip: inTurns,
  serves: (endpoint, all) =>
    isLive(endpoint) && all.every((other) => !isLive(other) || other.priority >= endpoint.priority),
})
selectionSuite(selections.n3, { skip: tableOfHash })
selectionSuite(selections.hint, { skip: tableOfHash })
selectionSuite(selections.quic, { skip: tableOfHash })

const endpoints = (weights: readonly number[]): readonly Endpoint[] =>
  weights.map((weight, i) => ({ ...endpointDefaults, address: `192.0.2.${i + 1}`, port: 80, weight }))

test('hash: has at least 64 slots for each configured endpoint, and 4,096 where there are several', (t) => {
  const counts = [0, 1, 2, 16, 17, 256, 257, 1024, 1025, 4096, 4097, 65_535]
  const sizes = [256, 256, 4096, 4096, 16_384, 16_384, 65_536, 65_536, 262_144, 262_144, 524_288, 524_288]
  t.deepEqual(counts.map(hashTableSize), sizes)
  for (let count = 1; count <= 4096; count++) t.true(hashTableSize(count) >= 64 * count)
})

test('hash: keeps its size when endpoints are drained or have weight 0', (t) => {
  const many = endpoints(Array.from({ length: 100 }, (_, i) => (i === 0 ? 1 : 0)))
  t.is(selections.hash.build(many, 0).slots.length, 16_384)
})

test('hash: its table is that of all algorithms that fall back on a hash', (t) => {
  const some = endpoints([3, 1, 4, 1, 5, 9, 2, 6])
  const wanted = selections.hash.build(some, 3)
  for (const name of ['persist', 'n3', 'hint', 'quic'] as const) t.deepEqual(selections[name].build(some, 3), wanted)
})

test('hash: builds another table for another seed', (t) => {
  const [a, b] = [0, 1].map((seed) => selections.hash.build(endpoints([1, 1, 1]), seed).slots)
  t.notDeepEqual(a, b)
})

test('hash: a second endpoint takes half of the flows and no more', (t) => {
  const { slots } = selections.hash.build(endpoints([1, 1]), 0)
  t.is(selections.hash.build(endpoints([1]), 0).slots.filter((place) => place !== 0).length, 0)
  t.true(Math.abs(slots.filter((place) => place === 1).length / slots.length - 0.5) < 0.03)
})

test('priority: the next ones take over when the first ones are gone, and give back', (t) => {
  const all = endpoints([1, 2, 1, 1]).map((endpoint, i) => ({ ...endpoint, priority: i < 2 ? 10 : 20 + i }))
  const slotsOf = (list: readonly Endpoint[]): readonly number[] => [...selections.priority.build(list, 0).slots]
  t.deepEqual(slotsOf(all), [1, 0, 1])
  t.deepEqual(slotsOf(all.with(1, { ...all[1]!, drained: true })), [0])
  const left = all.map((endpoint, i) => (i < 2 ? { ...endpoint, blocked: true } : endpoint))
  t.deepEqual(slotsOf(left), [2])
})

test('rr: reduces weights by their common divisor and interleaves them', (t) => {
  t.deepEqual([...selections.rr.build(endpoints([100, 50]), 0).slots], [0, 1, 0])
  t.deepEqual([...selections.rr.build(endpoints([7, 7, 7]), 0).slots], [0, 1, 2])
  t.deepEqual([...selections.rr.build(endpoints([5, 1, 1]), 0).slots], [0, 0, 0, 1, 2, 0, 0])
})

test('rr: scales weights down rather than build a round that is too long', (t) => {
  const weights = Array.from({ length: 1000 }, (_, i) => 1 + (i % 255))
  const { slots } = selections.rr.build(endpoints(weights), 0)
  t.true(slots.length <= roundRobinSlots)
  t.true(slots.length > roundRobinSlots / 2)
})
