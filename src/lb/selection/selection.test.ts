import test from 'ava'
import { selectionSuite } from '../../testing/selection-suite.ts'
import type { Endpoint } from '../model.ts'
import { hashTableSize } from './hash.ts'
import { selections } from './index.ts'
import { roundRobinSlots } from './rr.ts'

selectionSuite(selections.hash)
selectionSuite(selections.rr, { skip: { disruption: 'a round robin has no slots that flows return to' } })

const endpoints = (weights: readonly number[]): readonly Endpoint[] =>
  weights.map((weight, i) => ({ address: `192.0.2.${i + 1}`, port: 80, weight, drained: false }))

test('hash: takes the smallest prime that has 64 slots for each configured endpoint', (t) => {
  const sizes = [0, 1, 3, 4, 15, 16, 63, 64, 255, 256, 4095, 4096, 8191, 65_535].map(hashTableSize)
  t.deepEqual(sizes, [251, 251, 251, 1021, 1021, 4093, 4093, 16381, 16381, 65521, 262139, 524287, 524287, 524287])
})

test('hash: keeps its size when endpoints are drained or have weight 0', (t) => {
  const many = endpoints(Array.from({ length: 100 }, (_, i) => (i === 0 ? 1 : 0)))
  t.is(selections.hash.build(many, 0).slots.length, 16381)
})

test('hash: builds another table for another seed', (t) => {
  const [a, b] = [0, 1].map((seed) => selections.hash.build(endpoints([1, 1, 1]), seed).slots)
  t.notDeepEqual(a, b)
})

test('hash: lets the middle of an unknown connection make a flow, rr does not', (t) => {
  t.true(selections.hash.build(endpoints([1]), 0).recreate)
  t.false(selections.rr.build(endpoints([1]), 0).recreate)
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
