// What is done at what time, whatever frames come.

import test from 'ava'
import { Clockwork } from './clockwork.ts'
import type { ClockworkOptions } from './clockwork.ts'

interface Done {
  readonly clockwork: Clockwork
  readonly done: string[]
}

const start = (options: Partial<ClockworkOptions> = {}): Done => {
  const done: string[] = []
  let now = 0
  const clockwork = new Clockwork({
    walkMs: 1000,
    set: (ms) => (now = ms),
    expire: () => void done.push(`expire ${now}`),
    walk: () => {
      done.push(`walk ${now}`)
      return false
    },
    slowPath: () => false,
    isEmpty: () => false,
    ...options,
  })
  return { clockwork, done }
}

test('clockwork: frees closed flows four times a second and looks at all of them once a walk', (t) => {
  const { clockwork, done } = start()
  clockwork.advance(1100)
  t.deepEqual(done, ['expire 0', 'walk 0', 'expire 250', 'expire 500', 'expire 750', 'expire 1000', 'walk 1000'])
})

test('clockwork: does the same for few frames as for many', (t) => {
  const [few, many] = [start(), start()]
  few.clockwork.advance(0)
  many.clockwork.advance(0)
  for (let ms = 3; ms < 5000; ms += 3) many.clockwork.advance(ms)
  for (const { clockwork } of [few, many]) clockwork.advance(5000)
  t.deepEqual(few.done, many.done)
})

test('clockwork: asks the slow path every few milliseconds while it hurries', (t) => {
  const asked: number[] = []
  let now = 0
  const { clockwork } = start({
    set: (ms) => (now = ms),
    slowPath: () => {
      asked.push(now)
      return now >= 40 && now < 50
    },
  })
  clockwork.advance(40)
  clockwork.hurry(40)
  clockwork.advance(200)
  t.deepEqual(asked, [0, 45, 50, 150])
})

test('clockwork: in a long silence only idle flows are looked for, and with none of them nothing', (t) => {
  const busy = start()
  busy.clockwork.advance(0)
  busy.clockwork.advance(60_000)
  t.is(busy.done.filter((what) => what.startsWith('walk')).length, 61)
  t.true(busy.done.length < 61 + 110)
  const empty = start({ isEmpty: () => true })
  empty.clockwork.advance(0)
  empty.clockwork.advance(365 * 24 * 3_600_000)
  t.true(empty.done.length < 100, String(empty.done.length))
})
