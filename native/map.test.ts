// Map primitives: single elements, batches, per-CPU values and mapped memory, and what wrong sizes get.

import test from 'ava'
import { testWith } from '../src/testing/needs.ts'
import { native } from './load.ts'
import { compile, createMap, load, mapFd, programFd, testWithObjects, u32, u32s, u64, u64s } from './test/objects.ts'

const HASH = 1
const ARRAY = 2
const PERCPU_HASH = 5
const PERCPU_ARRAY = 6
const F_MMAPABLE = 1024

const hash = { type: HASH, name: 'native_hash', keySize: 4, valueSize: 8, maxEntries: 1000 } as const
const needs = ['root', 'bpf'] as const

testWith(needs, 'native: a hash gives back what was put in, and says when there is nothing', (t) => {
  const fd = createMap(t, hash)
  const value = new Uint8Array(8)
  t.false(native.mapLookup(fd, u32(7), value))
  t.is(native.mapUpdate(fd, u32(7), u64(99n)), undefined)
  t.true(native.mapLookup(fd, u32(7), value))
  t.deepEqual(u64s(value), [99n])
  t.true(native.mapDelete(fd, u32(7)))
  t.false(native.mapDelete(fd, u32(7)))
  t.false(native.mapLookup(fd, u32(7), value))
})

testWith(needs, 'native: update flags distinguish new from existing keys', (t) => {
  const fd = createMap(t, hash)
  t.like(
    t.throws(() => native.mapUpdate(fd, u32(1), u64(1n), 2)),
    {
      code: 'ENOENT',
      errno: 2,
      call: 'bpf_map_update_elem',
      object: 'native_hash',
    },
  )
  native.mapUpdate(fd, u32(1), u64(1n), 1)
  t.like(
    t.throws(() => native.mapUpdate(fd, u32(1), u64(2n), 1)),
    { code: 'EEXIST' },
  )
  native.mapUpdate(fd, u32(1), u64(3n), 2)
})

testWith(needs, 'native: mapNextKey walks every key once', (t) => {
  const fd = createMap(t, hash)
  for (const key of [3, 5, 8]) native.mapUpdate(fd, u32(key), u64(0n))
  const keys: number[] = []
  let key: Uint8Array | null = null
  const next = new Uint8Array(4)
  while (native.mapNextKey(fd, key, next)) {
    keys.push(...u32s(next))
    key = next.slice()
  }
  t.deepEqual(
    keys.toSorted((a, b) => a - b),
    [3, 5, 8],
  )
})

testWith(needs, 'native: mapInfo tells what the map was made with', (t) => {
  const fd = createMap(t, { type: ARRAY, name: 'native_array', keySize: 4, valueSize: 12, maxEntries: 5, flags: 1024 })
  const info = native.mapInfo(fd)
  t.like(info, { name: 'native_array', type: ARRAY, keySize: 4, valueSize: 12, maxEntries: 5, flags: F_MMAPABLE })
  t.true(info.id > 0)
})

testWith(needs, 'native: a per-CPU map holds one rounded value for each possible CPU', (t) => {
  const cpus = native.possibleCpus()
  t.true(cpus >= 1)
  for (const type of [PERCPU_HASH, PERCPU_ARRAY]) {
    const fd = createMap(t, { type, name: 'native_percpu', keySize: 4, valueSize: 4, maxEntries: 2 })
    const values = u64(...Array.from({ length: cpus }, (_, cpu) => BigInt(cpu) + 1n))
    native.mapUpdate(fd, u32(1), values)
    const back = new Uint8Array(8 * cpus)
    t.true(native.mapLookup(fd, u32(1), back))
    t.deepEqual(back, values)
    t.throws(() => native.mapLookup(fd, u32(1), new Uint8Array(4)), { instanceOf: TypeError })
  }
})

testWith(needs, 'native: batches write and read a whole hash through arrays of the caller', (t) => {
  const fd = createMap(t, hash)
  const count = 700
  const keys = u32(...Array.from({ length: count }, (_, i) => i * 3))
  const values = u64(...Array.from({ length: count }, (_, i) => BigInt(i) << 33n))
  t.is(native.mapUpdateBatch(fd, keys, values, count), count)

  const cursor = new Uint8Array(16)
  const keysOut = new Uint8Array(4 * 256)
  const valuesOut = new Uint8Array(8 * 256)
  const found = new Map<number, bigint>()
  let calls = 0
  let done = false
  while (!done) {
    const read = native.mapLookupBatch(fd, cursor, calls === 0, keysOut, valuesOut, 256)
    const batchValues = u64s(valuesOut)
    for (const [i, key] of u32s(keysOut.subarray(0, 4 * read.count)).entries()) found.set(key, batchValues[i] ?? -1n)
    done = read.done
    calls++
  }
  t.true(calls >= 3)
  t.is(found.size, count)
  t.is(found.get(3 * 699), 699n << 33n)

  t.is(native.mapDeleteBatch(fd, keys, 10), 10)
  t.false(native.mapLookup(fd, u32(27), new Uint8Array(8)))
  t.true(native.mapLookup(fd, u32(30), new Uint8Array(8)))
})

testWith(needs, 'native: keys that are named are looked up in one call, and which are there is said', (t) => {
  const fd = createMap(t, hash)
  native.mapUpdateBatch(fd, u32(1, 2, 3), u64(10n, 20n, 30n), 3)
  const [values, found] = [u64(7n, 7n, 7n, 7n), Uint8Array.of(9, 9, 9, 9)]
  t.is(native.mapLookupEach(fd, u32(3, 4, 1, 2), values, found, 3), 2)
  t.deepEqual([...found], [1, 0, 1, 9])
  t.deepEqual([...u64s(values)], [30n, 7n, 10n, 7n])
})

testWith(needs, 'native: a batch that the kernel stops says how far it came', (t) => {
  const fd = createMap(t, { ...hash, maxEntries: 4 })
  const keys = u32(1, 2, 3, 4, 5, 6)
  t.throws(() => native.mapUpdateBatch(fd, keys, new Uint8Array(48), 6), {
    code: 'E2BIG',
    message: /^bpf_map_update_batch .* after 4 of 6 elements$/,
  })
  t.throws(() => native.mapDeleteBatch(fd, u32(1, 2, 99, 3), 4), {
    code: 'ENOENT',
    message: /after 2 of 4 elements$/,
  })
})

testWith(needs, 'native: batches read arrays and per-CPU arrays too', (t) => {
  const cpus = native.possibleCpus()
  for (const [type, each] of [
    [ARRAY, 8],
    [PERCPU_ARRAY, 8 * cpus],
  ] as const) {
    const fd = createMap(t, { type, name: 'native_batch', keySize: 4, valueSize: 8, maxEntries: 10 })
    native.mapUpdate(fd, u32(9), new Uint8Array(each).fill(1))
    const keys = new Uint8Array(40)
    const values = new Uint8Array(10 * each)
    const read = native.mapLookupBatch(fd, new Uint8Array(16), true, keys, values, 10)
    t.is(read.count, 10)
    t.deepEqual(u32s(keys), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    t.deepEqual(values.subarray(9 * each), new Uint8Array(each).fill(1))
  }
})

testWith(needs, 'native: mapped memory is the array itself, in both directions', (t) => {
  const fd = createMap(t, { type: ARRAY, name: 'mapped', keySize: 4, valueSize: 12, maxEntries: 3, flags: F_MMAPABLE })
  const memory = native.mapMemory(fd)
  t.is(memory.byteLength, 3 * 16)
  native.mapUpdate(fd, u32(2), u32(10, 20, 30))
  const view = new Uint32Array(memory)
  t.deepEqual([...view.subarray(8, 11)], [10, 20, 30])
  view[5] = 77
  const value = new Uint8Array(12)
  t.true(native.mapLookup(fd, u32(1), value))
  t.deepEqual(u32s(value), [0, 77, 0])
  t.throws(() => structuredClone(memory, { transfer: [memory] }))
})

testWith(needs, 'native: mapped memory outlives the file descriptor', (t) => {
  const fd = native.mapCreate({ type: ARRAY, name: 'm', keySize: 4, valueSize: 8, maxEntries: 1, flags: F_MMAPABLE })
  const view = new BigUint64Array(native.mapMemory(fd))
  native.fdClose(fd)
  view[0] = 5n
  t.is(view[0], 5n)
})

const objectPath = compile('addon')

testWithObjects([], 'native: a program changes what mapped memory shows', (t) => {
  const object = load(t, objectPath, (object) => native.objectSetRodata(object, 'answer', u32(42)))
  const view = new Uint32Array(native.mapMemory(mapFd(object, 'triples')))
  const program = programFd(object, 'add_answer')
  native.testRun(program, { data: new Uint8Array(64) })
  native.testRun(program, { data: new Uint8Array(64) })
  t.deepEqual([view[2], view[6], view[10]], [84, 84, 84])
})

testWith(needs, 'native: arrays of a wrong size are TypeErrors', (t) => {
  const fd = createMap(t, hash)
  const notMapped = createMap(t, { type: ARRAY, name: 'plain', keySize: 4, valueSize: 8, maxEntries: 1 })
  const [key, value, cursor] = [new Uint8Array(4), new Uint8Array(8), new Uint8Array(16)]
  const wrong: readonly (readonly [string, () => unknown])[] = [
    ['short key', () => native.mapLookup(fd, new Uint8Array(3), value)],
    ['long key', () => native.mapLookup(fd, new Uint8Array(5), value)],
    ['short value', () => native.mapLookup(fd, key, new Uint8Array(7))],
    ['empty value', () => native.mapLookup(fd, key, new Uint8Array())],
    ['long value', () => native.mapUpdate(fd, key, new Uint8Array(16))],
    ['short key to delete', () => native.mapDelete(fd, new Uint8Array(0))],
    ['short next', () => native.mapNextKey(fd, null, new Uint8Array(3))],
    ['short cursor', () => native.mapLookupBatch(fd, new Uint8Array(4), true, key, value, 1)],
    ['too few keys', () => native.mapLookupBatch(fd, cursor, true, key, new Uint8Array(16), 2)],
    ['too few values', () => native.mapLookupBatch(fd, cursor, true, new Uint8Array(8), value, 2)],
    ['count of zero', () => native.mapLookupBatch(fd, cursor, true, key, value, 0)],
    ['too few keys to look up', () => native.mapLookupEach(fd, key, new Uint8Array(16), new Uint8Array(2), 2)],
    ['too few values to look up', () => native.mapLookupEach(fd, new Uint8Array(8), value, new Uint8Array(2), 2)],
    ['too few answers', () => native.mapLookupEach(fd, new Uint8Array(8), new Uint8Array(16), new Uint8Array(1), 2)],
    ['too few keys to update', () => native.mapUpdateBatch(fd, key, new Uint8Array(16), 2)],
    ['too few values to update', () => native.mapUpdateBatch(fd, new Uint8Array(8), value, 2)],
    ['too few keys to delete', () => native.mapDeleteBatch(fd, key, 2)],
    ['negative count', () => native.mapDeleteBatch(fd, key, -1)],
    ['negative fd', () => native.mapInfo(-1)],
    ['fractional fd', () => native.mapInfo(1.5)],
    ['another array type', () => native.mapLookup(fd, new Uint32Array(1) as never, value)],
    ['no array', () => native.mapLookup(fd, 'four' as never, value)],
    ['no argument', () => native.mapLookup(fd, key, undefined as never)],
    ['a map that is not mappable', () => native.mapMemory(notMapped)],
    ['a detached buffer', () => native.mapLookup(fd, detached(4), value)],
  ]
  for (const [name, call] of wrong) t.throws(call, { instanceOf: TypeError }, name)
})

testWithObjects([], 'native: a program is not taken for a map', (t) => {
  const fd = programFd(load(t, objectPath), 'pass')
  t.throws(() => native.mapInfo(fd), { instanceOf: TypeError, message: /is not a BPF map but anon_inode:bpf-prog/ })
  t.throws(() => native.mapMemory(fd), { instanceOf: TypeError, message: /is not a BPF map/ })
  t.throws(() => native.mapLookup(fd, u32(1), u32(1)), { instanceOf: TypeError, message: /is not a BPF map/ })
})

test('native: a file descriptor that is not open is refused by its number', (t) => {
  for (const call of [
    () => native.mapInfo(1_000_000),
    () => native.mapLookup(1_000_000, u32(1), u32(1)),
    () => native.fdClose(1_000_000),
    () => native.fdDuplicate(1_000_000),
  ])
    t.throws(call, { name: 'Error', message: /fd 1000000: .*\(EBADFD?\)$/ })
})

function detached(length: number): Uint8Array {
  const array = new Uint8Array(length)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
