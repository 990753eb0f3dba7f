// The BPF ring buffer on the event loop.

import type { ExecutionContext } from 'ava'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ring } from './index.d.ts'
import { native } from './load.ts'
import { compile, load, mapFd, programFd, testWithObjects } from './test/objects.ts'
import { until } from './test/until.ts'

const objectPath = compile('addon')

interface Fixture {
  readonly mapFd: number
  /** Lets the program write `count` records of `bytes` bytes, numbered in their first byte. */
  readonly emit: (count: number, bytes: number) => void
}

function fixture(t: ExecutionContext): Fixture {
  const object = load(t, objectPath)
  const emitter = programFd(object, 'emit')
  const emit = (count: number, bytes: number): void => {
    const data = new Uint8Array(64)
    data.set([count, bytes])
    const { result } = native.testRun(emitter, { data })
    if (result !== 0) throw new Error(`the ring was full: verdict ${result}`)
  }
  return { mapFd: mapFd(object, 'events'), emit }
}

/** Opens a ring that copies its records to a list, and counts its callbacks. */
function collect(t: ExecutionContext, mapFd: number, arenaBytes: number) {
  const arena = new Uint8Array(arenaBytes)
  const records: Uint8Array[] = []
  const batches: number[] = []
  const ring = native.ringOpen(mapFd, arena, (count, used) => {
    batches.push(count)
    records.push(...cut(arena, count, used))
  })
  t.teardown(() => native.ringClose(ring))
  return { ring, records, batches }
}

function cut(arena: Uint8Array, count: number, used: number): Uint8Array[] {
  const view = new DataView(arena.buffer, arena.byteOffset)
  const records: Uint8Array[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(at, true)
    records.push(arena.slice(at + 4, at + 4 + length))
    at = Math.ceil((at + 4 + length) / 8) * 8
  }
  if (at !== used) throw new Error(`the records end at ${at}, not at ${used}`)
  return records
}

const numbers = (records: readonly Uint8Array[]): (number | undefined)[] => records.map((record) => record[0])
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

testWithObjects([], 'native: records come through the event loop, all of one drain in one callback', async (t) => {
  const { mapFd, emit } = fixture(t)
  const { records, batches } = collect(t, mapFd, 65536)
  emit(50, 13)
  await until(() => records.length > 0)
  t.deepEqual(batches, [50])
  t.deepEqual(numbers(records), upTo(50))
  t.true(records.every(({ length }) => length === 13))
  emit(3, 8)
  await until(() => records.length >= 53)
  t.deepEqual(batches, [50, 3])
})

testWithObjects([], 'native: a full arena is handed over before the rest is read', (t) => {
  const { mapFd, emit } = fixture(t)
  const { ring, records, batches } = collect(t, mapFd, 10 * 16)
  emit(25, 12)
  t.is(native.ringConsume(ring), 25)
  t.deepEqual(batches, [10, 10, 5])
  t.deepEqual(numbers(records), upTo(25))
  t.is(native.ringConsume(ring), 0)
  t.is(native.ringSkipped(ring), 0)
})

testWithObjects([], 'native: a record that is larger than the arena is skipped and counted', (t) => {
  const { mapFd, emit } = fixture(t)
  const { ring, records } = collect(t, mapFd, 32)
  emit(1, 28)
  emit(2, 29)
  emit(1, 1)
  t.is(native.ringConsume(ring), 2)
  t.deepEqual(
    records.map(({ length }) => length),
    [28, 1],
  )
  t.is(native.ringSkipped(ring), 2)
})

testWithObjects([], 'native: an arena that was transferred away skips records instead of writing', (t) => {
  const { mapFd, emit } = fixture(t)
  const arena = new Uint8Array(64)
  let calls = 0
  const ring = native.ringOpen(mapFd, arena, () => {
    calls++
    structuredClone(arena.buffer, { transfer: [arena.buffer] })
  })
  t.teardown(() => native.ringClose(ring))
  emit(20, 12)
  t.is(native.ringConsume(ring), 4)
  t.is(calls, 1)
  t.is(native.ringSkipped(ring), 16)
})

testWithObjects([], 'native: a ring can be closed in its own callback', async (t) => {
  const { mapFd, emit } = fixture(t)
  let calls = 0
  const ring: Ring = native.ringOpen(mapFd, new Uint8Array(32), () => {
    calls++
    native.ringClose(ring)
    t.throws(() => native.ringConsume(ring), { instanceOf: TypeError })
  })
  emit(20, 12)
  await until(() => calls > 0)
  emit(1, 1)
  await delay(20)
  t.is(calls, 1)
  native.ringClose(ring)
})

testWithObjects([], 'native: an exception in the callback reaches the caller of ringConsume', (t) => {
  const { mapFd, emit } = fixture(t)
  let calls = 0
  const ring = native.ringOpen(mapFd, new Uint8Array(32), () => {
    calls++
    t.throws(() => native.ringConsume(ring), { instanceOf: TypeError, message: /own callback/ })
    if (calls === 1) throw new Error('the first callback')
  })
  t.teardown(() => native.ringClose(ring))
  emit(5, 12)
  t.throws(() => native.ringConsume(ring), { message: 'the first callback' })
  // Two were handed over, the third had been read when the callback threw.
  t.is(native.ringSkipped(ring), 1)
  t.is(native.ringConsume(ring), 2)
})

testWithObjects([], 'native: a map that is no ring buffer is refused', (t) => {
  const object = load(t, objectPath)
  t.throws(() => native.ringOpen(mapFd(object, 'table'), new Uint8Array(64), () => {}), {
    message: /^ring_buffer__new table: /,
  })
  t.throws(() => native.ringOpen(mapFd(object, 'events'), new Uint8Array(64), 'no function' as never), {
    instanceOf: TypeError,
  })
})

testWithObjects([], 'native: an open ring does not keep the process alive, and exceptions in it are uncaught', (t) => {
  const script = fileURLToPath(new URL('test/ring-process.ts', import.meta.url))
  const result = spawnSync(process.execPath, [script, objectPath], { encoding: 'utf8', timeout: 20_000 })
  t.is(result.status, 0, result.stderr)
  t.is(result.stdout, 'caught: from the callback\n')
})
