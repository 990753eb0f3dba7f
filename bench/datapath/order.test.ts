import test from 'ava'
import { shuffled } from './order.ts'

test('bench: an order visits every flow once, and is the same for the same seed', (t) => {
  const order = shuffled(5, 1000, 1)
  t.deepEqual(
    [...order].toSorted((a, b) => a - b),
    Array.from({ length: 1000 }, (_, index) => index + 5),
  )
  t.deepEqual(order, shuffled(5, 1000, 1))
  t.notDeepEqual(order, shuffled(5, 1000, 2))
})
