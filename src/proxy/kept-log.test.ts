import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { KeptLog, readLog, UnreadableLog } from './kept-log.ts'
import { LogKeeper } from './log-keeper.ts'
import type { ExecutionContext } from 'ava'
import type { KeeperLimits } from './log-keeper.ts'

const description = { what: 'numbers' }
const record = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes)

const fileFor = (t: ExecutionContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'kept-log-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return join(directory, 'a.log')
}

const written = (file: string): KeptLog => {
  const log = KeptLog.begin(file, description)
  log.append([record(1, 2, 3), record()])
  log.append([record(4)])
  log.publish()
  return log
}

interface Whole {
  readonly description: unknown
  readonly closed: boolean
  readonly records: readonly (readonly number[])[]
}

const contentOf = (file: string): Whole | null => {
  const log = readLog(file)
  if (log === null) return null
  try {
    return {
      description: log.description,
      closed: log.closed,
      records: Array.from(log.records, (one) => [...one]),
    }
  } finally {
    log.close()
  }
}

test('kept log: what was appended is read in its order, also when the process did not end as it should', (t) => {
  const file = fileFor(t)
  t.is(contentOf(file), null)
  const log = written(file)
  const records = [[1, 2, 3], [], [4]]
  t.deepEqual(contentOf(file), { description, closed: false, records })
  log.close()
  t.deepEqual(contentOf(file), { description, closed: true, records })
  t.is(statSync(file).mode & 0o777, 0o600)
})

test('kept log: one that is begun takes the place of another only when it is published', (t) => {
  const file = fileFor(t)
  written(file).close()
  const next = KeptLog.begin(file, { what: 'others' })
  t.like(contentOf(file), { description })
  next.publish()
  t.deepEqual(contentOf(file), { description: { what: 'others' }, closed: false, records: [] })
  next.close()
  KeptLog.begin(file, {}).discard()
  t.like(contentOf(file), { closed: true })
})

test('kept log: a batch that was not finished is left out', (t) => {
  const file = fileFor(t)
  written(file).abandon()
  const whole = contentOf(file)
  const bytes = readFileSync(file)
  for (let more = 1; more < 40; more++) {
    writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(more, more)]))
    t.deepEqual(contentOf(file), whole)
  }
})

test('kept log: every truncation is refused', (t) => {
  const file = fileFor(t)
  written(file).close()
  const bytes = readFileSync(file)
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(file, bytes.subarray(0, length))
    t.throws(() => contentOf(file), { instanceOf: UnreadableLog }, `${length} bytes`)
  }
})

test('kept log: every flipped bit is refused', (t) => {
  const file = fileFor(t)
  written(file).close()
  const bytes = readFileSync(file)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    writeFileSync(file, flipped)
    t.throws(() => contentOf(file), { instanceOf: UnreadableLog }, `bit ${bit}`)
  }
})

test('kept log: long batches and many short ones are read as they are', (t) => {
  const file = fileFor(t)
  const log = KeptLog.begin(file, description)
  const lengths = [1, 3_000_000, 5, 1_048_576, 1_048_575, ...Array.from({ length: 5000 }, (_, i) => i % 700)]
  for (const length of lengths) log.append([new Uint8Array(length).fill(length)])
  log.appendAll(lengths.map((length) => new Uint8Array(length).fill(length)))
  log.publish()
  log.abandon()
  const read = readLog(file)!
  const found = Array.from(read.records, (one) => [one.length, one.every((byte) => byte === (one.length & 0xff))])
  read.close()
  t.deepEqual(
    found,
    [...lengths, ...lengths].map((length) => [length, true]),
  )
})

/** A state of named numbers, kept. */
const kept = (file: string, limits: Partial<KeeperLimits> = {}) => {
  const numbers = new Map<number, number>()
  const warnings: string[] = []
  const clock = { nowMs: 0 }
  const say = (): void => undefined
  const of = (name: number): Uint8Array => record(name, numbers.get(name) ?? 0)
  const keeper = new LogKeeper({
    file,
    description,
    *all() {
      for (const name of numbers.keys()) yield of(name)
    },
    log: { debug: say, info: say, error: say, warn: (_, message) => void warnings.push(message) },
    nowMs: () => clock.nowMs,
    limits,
  })
  const set = (name: number, value: number): void => {
    numbers.set(name, value)
    keeper.keep([of(name)])
  }
  return { keeper, numbers, set, warnings, clock }
}

const inOrder = (map: ReadonlyMap<number, number>) => [...map].toSorted(([a], [b]) => a - b)

const replayed = (file: string): ReadonlyMap<number, number> =>
  new Map(contentOf(file)!.records.map(([name, value]) => [name!, value!]))

test('log keeper: after each step the log says what is, also while it is written anew', (t) => {
  const file = fileFor(t)
  const { keeper, numbers, set } = kept(file, { growthBytes: 2000, slice: 3 })
  const sizes: number[] = []
  for (let step = 0; step < 2000; step++) {
    set((step * 7) % 100, step % 251)
    t.deepEqual(inOrder(replayed(file)), inOrder(numbers))
    sizes.push(statSync(file).size)
  }
  // 100 names of 14 bytes each: it has been written anew many times, and has not grown.
  t.true(Math.max(...sizes) < 8000, `${Math.max(...sizes)}`)
  t.true(sizes.filter((size, i) => size < (sizes[i - 1] ?? 0)).length > 3)
  keeper.close()
  t.deepEqual(inOrder(replayed(file)), inOrder(numbers))
})

/** What is written there is refused as on a full disk. */
const fillDisk = (file: string): void => symlinkSync('/dev/full', `${file}.tmp`)

test('log keeper: a log that cannot be written is not there, is told of, and is begun again later', (t) => {
  const file = fileFor(t)
  written(file).close()
  fillDisk(file)
  const { clock, keeper, set, warnings } = kept(file, { retryMs: 1000 })
  t.deepEqual(warnings, ['sessions would not outlive this process: it cannot be written'])
  t.is(keeper.failures, 1)
  t.is(contentOf(file), null)
  set(1, 2)
  clock.nowMs = 999
  keeper.keep([])
  t.is(contentOf(file), null)
  clock.nowMs = 1000
  keeper.keep([])
  t.deepEqual([...replayed(file)], [[1, 2]])
  set(3, 4)
  t.deepEqual(
    [...replayed(file)],
    [
      [1, 2],
      [3, 4],
    ],
  )
})

test('log keeper: a log that cannot be written anew goes on as it is', (t) => {
  const file = fileFor(t)
  const { keeper, numbers, set, warnings } = kept(file, { growthBytes: 100, slice: 1, retryMs: 1000 })
  fillDisk(file)
  for (let step = 0; step < 100; step++) set(step % 3, step)
  t.deepEqual(warnings, ['a log of sessions grows on: it cannot be written'])
  t.is(keeper.failures, 1)
  t.deepEqual(replayed(file), numbers)
})

test('log keeper: what is removed is not found again', (t) => {
  const file = fileFor(t)
  const { keeper, set } = kept(file, { growthBytes: 0, slice: 1 })
  for (let step = 0; step < 50; step++) set(step, step)
  keeper.remove()
  t.is(contentOf(file), null)
  t.throws(() => statSync(`${file}.tmp`), { code: 'ENOENT' })
})
