import test from 'ava'
import { Tables } from './tables.ts'
import type { Table } from './tables.ts'

const slotsPerPage = 256

/** Tables over some pages; `settle` is the end of the grace period. */
const open = (pages: number, words = new Uint16Array(pages * slotsPerPage)) => {
  const deferred: (() => void)[] = []
  const tables = new Tables(words, (release) => deferred.push(release))
  const settle = (): void => {
    for (const release of deferred.splice(0)) release()
  }
  return { tables, words, settle }
}

const slots = (length: number, first = 0): Uint16Array =>
  Uint16Array.from({ length }, (_, index) => first + (index % 7))

const acquire = (tables: Tables, key: string, content: Uint16Array, current: Table | null = null): Table => {
  const table = tables.acquire(key, () => content, current)
  if (table === null) throw new Error('no room')
  return table
}

test('tables: writes the slots to pages of their own', (t) => {
  const { tables, words } = open(4)
  const small = acquire(tables, 'a', slots(100, 10))
  const large = acquire(tables, 'b', slots(300, 20))
  t.deepEqual(small, { ...small, pages: { start: 0, length: 1 }, slotCount: 100 })
  t.deepEqual(large.pages, { start: 1, length: 2 })
  t.deepEqual(words.slice(0, 100), slots(100, 10))
  t.deepEqual(words.slice(256, 556), slots(300, 20))
  t.is(tables.freePages, 1)
})

test('tables: services with equal keys share one, and it lives until the last has let go and grace has passed', (t) => {
  const { tables, settle } = open(2)
  const first = acquire(tables, 'a', slots(10))
  const second = tables.acquire('a', () => t.fail('a known table is built again'), null)
  t.is(second, first)
  t.is(tables.freePages, 1)
  tables.release(first)
  settle()
  t.is(tables.freePages, 1)
  tables.release(first)
  t.is(tables.freePages, 1, 'a packet may still be walking it')
  settle()
  t.is(tables.freePages, 2)
  t.is(acquire(tables, 'a', slots(10, 3)).slotCount, 10)
})

test('tables: a key of a table that was let go is built anew, elsewhere', (t) => {
  const { tables } = open(2)
  const first = acquire(tables, 'a', slots(10, 1))
  tables.release(first)
  const second = acquire(tables, 'a', slots(10, 1))
  t.not(second.pages.start, first.pages.start)
})

test('tables: the same content under another key stays where it is', (t) => {
  const { tables, settle } = open(2)
  const before = acquire(tables, 'weights 1 1', slots(10))
  const after = acquire(tables, 'weights 2 2', slots(10), before)
  tables.release(before)
  t.is(after, before)
  settle()
  t.is(tables.freePages, 1)
  // And it is found under its new key.
  t.is(acquire(tables, 'weights 2 2', slots(10)), after)
})

test('tables: other content goes to other pages, while packets read the old ones', (t) => {
  const { tables, words, settle } = open(2)
  const before = acquire(tables, 'a', slots(10, 1))
  const after = acquire(tables, 'b', slots(10, 2), before)
  t.not(after.pages.start, before.pages.start)
  t.deepEqual(words.slice(0, 10), slots(10, 1))
  tables.release(before)
  settle()
  t.is(tables.freePages, 1)
})

test('tables: without room there is none, and nothing has changed', (t) => {
  const { tables, words } = open(2)
  const table = acquire(tables, 'a', slots(10, 1))
  const before = words.slice()
  t.is(
    tables.acquire('b', () => slots(400), table),
    null,
  )
  t.deepEqual(words, before)
  t.is(tables.freePages, 1)
  // The key that failed is not remembered.
  t.is(acquire(tables, 'b', slots(5)).slotCount, 5)
})

test('tables: one that is given back without having been used is free at once', (t) => {
  const { tables } = open(1)
  const first = acquire(tables, 'a', slots(10))
  t.is(acquire(tables, 'a', slots(10)), first)
  tables.giveBack(first)
  t.is(tables.freePages, 0, 'the other user still has it')
  tables.giveBack(first)
  t.is(tables.freePages, 1)
})

test('tables: a service without slots takes no page', (t) => {
  const { tables, settle } = open(1)
  const empty = acquire(tables, 'all drained', slots(0))
  t.is(empty.slotCount, 0)
  t.is(tables.freePages, 1)
  const full = acquire(tables, 'one is back', slots(5), empty)
  t.is(full.slotCount, 5)
  tables.release(empty)
  settle()
  t.is(tables.freePages, 0)
})

test('tables: adopted ones keep their place, are shared again, and go when nobody confirms them', (t) => {
  const words = new Uint16Array(4 * slotsPerPage)
  words.set(slots(300, 5), slotsPerPage)
  const { tables, settle } = open(4, words)
  const [one, two] = [tables.adopt(1, 300), tables.adopt(1, 300)]
  t.is(one, two)
  t.is(tables.freePages, 2)
  const confirmed = acquire(tables, 'a', slots(300, 5), one)
  tables.release(one)
  t.deepEqual(confirmed.pages, { start: 1, length: 2 })
  t.is(acquire(tables, 'a', slots(300, 5), two), confirmed)
  tables.release(two)
  tables.release(confirmed)
  settle()
  t.is(tables.freePages, 2)
  tables.release(confirmed)
  settle()
  t.is(tables.freePages, 4)
})

test('tables: an adopted service without slots does not hide the table at page 0', (t) => {
  const words = new Uint16Array(2 * slotsPerPage)
  words.set(slots(20, 9))
  const { tables } = open(2, words)
  const empty = tables.adopt(0, 0)
  const real = tables.adopt(0, 20)
  t.not(empty, real)
  t.is(tables.freePages, 1)
  t.is(acquire(tables, 'other', slots(20, 1)).pages.start, 1)
  t.deepEqual(words.slice(0, 20), slots(20, 9), 'packets are still walking it')
})
