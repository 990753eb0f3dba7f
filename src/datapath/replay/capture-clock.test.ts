// The capture's clock.

import test from 'ava'
import { CaptureClock } from './capture-clock.ts'

const at = (seconds: number, nanoseconds = 0) => ({ seconds, nanoseconds })

test('capture clock: counts from the first frame, and never goes back', (t) => {
  const clock = new CaptureClock()
  const seen = [at(1_000_000, 999_999_000), at(1_000_001, 1_000), at(1_000_000), at(1_000_002)].map((time) => {
    clock.next(time)
    return clock.us
  })
  t.deepEqual(seen, [0, 2, 2, 1_000_001])
  t.is(clock.held, 1)
  t.is(clock.ms, 1000)
})

test('capture clock: puts a frame without a time a millisecond behind the one before', (t) => {
  const clock = new CaptureClock()
  const seen = [null, null, at(500), null, at(501)].map((time) => {
    clock.next(time)
    return clock.us
  })
  t.deepEqual(seen, [0, 1000, 2000, 3000, 1_002_000])
  t.is(clock.untimed, 3)
})

test("capture clock: turns its time back into the file's", (t) => {
  const clock = new CaptureClock()
  clock.next(at(7, 900_000_000))
  clock.next(at(8, 250_000_000))
  t.deepEqual(clock.timeOf(clock.us), at(8, 250_000_000))
  t.deepEqual(clock.timeOf(0), at(7, 900_000_000))
})
