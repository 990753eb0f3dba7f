// Opening and loading objects, pins, running programs on packets of ours, and what the errors say.

import test from 'ava'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { testWith } from '../src/testing/needs.ts'
import { isNativeError, native } from './load.ts'
import { compile, createMap, load, mapFd, programFd, testWithObjects, u32, u32s, u64, u64s } from './test/objects.ts'

const objectPath = compile('addon')
const refusedPath = compile('refused')
const TC_ACT_OK = 0
const XDP_TX = 3

const pins = `/sys/fs/bpf/sluice-native-${process.pid}-${threadId}`
test.after.always(() => rmSync(pins, { recursive: true, force: true }))

testWithObjects([], 'native: an object has its maps and programs only after its load', (t) => {
  const object = native.objectOpen(objectPath)
  t.true(native.objectMaps(object).every(({ fd }) => fd === -1))
  native.objectSkipProgram(object, 'pass')
  native.objectSetMaxEntries(object, 'table', 33)
  native.objectLoad(object)
  const names = native.objectMaps(object).map(({ name }) => name)
  for (const name of ['events', 'triples', 'table', '.rodata', '.bss']) t.true(names.includes(name), name)
  t.is(native.mapInfo(mapFd(object, 'table')).maxEntries, 33)
  t.is(programFd(object, 'pass'), -1)
  t.true(programFd(object, 'drop') > 2)
  native.objectClose(object)
  native.objectClose(object)
  t.throws(() => native.objectMaps(object), { instanceOf: TypeError, message: /is closed/ })
})

testWithObjects([], 'native: read-only variables are set by name and measured', (t) => {
  const object = load(t, objectPath, (object) => {
    native.objectSetRodata(object, 'flavour', Uint8Array.of(2))
    native.objectSetRodata(object, 'answer', u32(1000))
    t.throws(() => native.objectSetRodata(object, 'answer', new Uint8Array(2)), { instanceOf: TypeError })
    t.like(
      t.throws(() => native.objectSetRodata(object, 'question', u32(1))),
      { code: 'ENOENT' },
    )
  })
  const run = native.testRun(programFd(object, 'add_answer'), { data: new Uint8Array(64) })
  t.is(run.result, 2)
  const triple = new Uint8Array(12)
  native.mapLookup(mapFd(object, 'triples'), u32(0), triple)
  t.deepEqual(u32s(triple), [0, 0, 1000])
  t.throws(() => native.objectSetRodata(object, 'answer', u32(1)), { message: /bpf_map__set_initial_value/ })
})

testWithObjects([], 'native: a map of one object is used by another', (t) => {
  const first = load(t, objectPath)
  const second = load(t, objectPath, (object) => {
    native.objectReuseMap(object, 'table', mapFd(first, 'table'))
    const other = createMap(t, { type: 1, name: 'other', keySize: 4, valueSize: 16, maxEntries: 16 })
    const error = t.throws(() => native.objectReuseMap(object, 'table', other))
    t.like(error, { code: 'EINVAL', call: 'bpf_map__reuse_fd', object: 'table' })
    t.regex(error?.message ?? '', /values of 16 bytes/)
  })
  native.mapUpdate(mapFd(first, 'table'), u32(1), u64(5n))
  const value = new Uint8Array(8)
  t.true(native.mapLookup(mapFd(second, 'table'), u32(1), value))
  t.deepEqual(u64s(value), [5n])
})

testWithObjects([], 'native: the error of a refused program ends with the log of the verifier', (t) => {
  const object = native.objectOpen(refusedPath)
  t.teardown(() => native.objectClose(object))
  const error = t.throws(() => native.objectLoad(object))
  t.like(error, { code: 'EACCES', errno: 13, call: 'bpf_object__load' })
  t.regex(error?.message ?? '', /program careless was refused:\n.*invalid access to packet.*processed \d+ insns/s)
  t.true(isNativeError(error))
})

testWithObjects([], 'native: program information has what the verifier counted', (t) => {
  const object = load(t, objectPath)
  const info = native.programInfo(programFd(object, 'emit'))
  t.is(info.name, 'emit')
  t.is(info.type, 3)
  t.regex(info.tag, /^[0-9a-f]{16}$/)
  t.true(info.verifiedInstructions > info.translatedInstructions && info.translatedInstructions > 10)
  t.throws(() => native.programInfo(mapFd(object, 'table')), { instanceOf: TypeError, message: /not a BPF program/ })
})

testWithObjects([], 'native: testRun returns the verdict and the packet that came out', (t) => {
  const object = load(t, objectPath)
  const data = new Uint8Array(60).fill(1)
  const dataOut = new Uint8Array(100)
  const run = native.testRun(programFd(object, 'mark'), { data, dataOut, repeat: 3 })
  t.is(run.result, XDP_TX)
  t.is(run.dataSize, 60)
  t.deepEqual(dataOut.subarray(0, 60), data.with(0, 0xee))
  t.deepEqual(dataOut.subarray(60), new Uint8Array(40))
})

testWithObjects([], 'native: testRun never writes past a packet that is too small', (t) => {
  const program = programFd(load(t, objectPath), 'mark')
  const memory = new Uint8Array(80)
  const dataOut = memory.subarray(0, 16)
  t.like(
    t.throws(() => native.testRun(program, { data: new Uint8Array(60).fill(1), dataOut })),
    { code: 'ENOSPC' },
  )
  t.deepEqual(memory.subarray(16), new Uint8Array(64))
  for (const run of [{ dataOut: new Uint8Array() }, { data: [1] as never }, { repeat: -1 }, { cpu: 0.5 }])
    t.throws(() => native.testRun(program, run), { instanceOf: TypeError })
})

testWithObjects([], 'native: a program of type syscall changes its context in place', (t) => {
  const context = u32(21, 0)
  const run = native.testRun(programFd(load(t, objectPath), 'twice'), { context })
  t.deepEqual(u32s(context), [21, 42])
  t.is(run.result, -7)
})

testWithObjects([], 'native: a context goes in and comes out', (t) => {
  // struct __sk_buff; mark is its third word
  const context = new Uint8Array(192)
  const contextOut = new Uint8Array(192)
  context.set(u32(0x1234), 8)
  const program = programFd(load(t, objectPath), 'shoot')
  const run = native.testRun(program, { data: new Uint8Array(64), context, contextOut })
  t.is(run.contextSize, 192)
  t.deepEqual(u32s(contextOut.subarray(8, 12)), [0x1234])
  t.not(run.result, TC_ACT_OK)
})

testWithObjects([], 'native: what is pinned lives on when its object is closed', (t) => {
  mkdirSync(pins, { recursive: true })
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  native.mapUpdate(mapFd(object, 'table'), u32(4), u64(44n))
  native.pin(mapFd(object, 'table'), join(pins, 'table'))
  native.pin(programFd(object, 'pass'), join(pins, 'pass'))
  native.objectClose(object)

  const map = native.pinGet(join(pins, 'table'))
  const copy = native.fdDuplicate(map)
  native.fdClose(map)
  const value = new Uint8Array(8)
  t.true(native.mapLookup(copy, u32(4), value))
  t.deepEqual(u64s(value), [44n])
  t.like(
    t.throws(() => native.pin(copy, join(pins, 'table'))),
    { code: 'EEXIST', object: join(pins, 'table') },
  )
  native.fdClose(copy)

  const program = native.pinGet(join(pins, 'pass'))
  t.is(native.programInfo(program).name, 'pass')
  native.fdClose(program)
})

testWith(['root', 'bpf'], 'native: a missing pin is named', (t) => {
  const path = join(pins, 'nothing')
  const error = t.throws(() => native.pinGet(path))
  t.like(error, { code: 'ENOENT', errno: 2, call: 'bpf_obj_get', object: path })
  t.is(error?.message, `bpf_obj_get ${path}: No such file or directory (ENOENT)`)
})

test('native: a file that is no object is refused with its path', (t) => {
  t.like(
    t.throws(() => native.objectOpen('/etc/passwd')),
    {
      code: 'LIBBPF_ERRNO__FORMAT',
      call: 'bpf_object__open_file',
      object: '/etc/passwd',
    },
  )
  t.like(
    t.throws(() => native.objectOpen('/nowhere.o')),
    { code: 'ENOENT' },
  )
  t.throws(() => native.objectOpen('a\0b'), { instanceOf: TypeError })
})

test('native: one kind of handle is not taken for another', (t) => {
  const socket = native.socketOpen({ domain: 2, type: 2, protocol: 0 })
  t.teardown(() => native.socketClose(socket))
  for (const value of [socket, {}, null, undefined, 3, Object.create(socket)])
    t.throws(() => native.objectMaps(value as never), { instanceOf: TypeError, message: /handle of a BPF object/ })
})
