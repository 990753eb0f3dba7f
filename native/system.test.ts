// Kernel odds and ends, the checksum, and loading the addon itself.

import test from 'ava'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { testWith } from '../src/testing/needs.ts'
import { native } from './load.ts'
import { inNamespace } from './test/namespace.ts'
import { until } from './test/until.ts'

test('native: crc32c agrees with the vectors of RFC 3720, appendix B.4', (t) => {
  const command = Uint8Array.from([
    0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
    0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
  ])
  const vectors: readonly (readonly [string, Uint8Array, number])[] = [
    ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 incrementing bytes', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['32 decrementing bytes', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['an iSCSI command', command, 0xd9963a56],
  ]
  for (const [name, bytes, expected] of vectors) {
    t.is(native.crc32c(bytes), expected, name)
    for (let cut = 0; cut <= bytes.length; cut++)
      t.is(native.crc32c(bytes.subarray(cut), native.crc32c(bytes.subarray(0, cut))), expected, `${name} cut at ${cut}`)
  }
  t.is(native.crc32c(new Uint8Array()), 0)
  t.throws(() => native.crc32c(new Uint8Array(1), -1), { instanceOf: TypeError })
})

test('native: every function that is declared is there, and no other', (t) => {
  const declarations = readFileSync(new URL('index.d.ts', import.meta.url), 'utf8')
  const declared = [...declarations.matchAll(/^export function (\w+)/gm)].map((match) => match[1] ?? '')
  const addon: unknown = createRequire(import.meta.url)('../build/sluice.node')
  t.deepEqual(Object.keys(addon as object).toSorted(), declared.toSorted())
  t.is(typeof native.mapInfo, 'function')
})

test('native: where the addon is missing, its first use says what to run', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-native-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(fileURLToPath(new URL('load.ts', import.meta.url)), join(folder, 'native', 'load.ts'))
  const script = `
    import { native } from '${join(folder, 'native', 'load.ts')}'
    try { native.possibleCpus() } catch (error) { console.log(error.message) }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  t.is(
    stdout,
    `the native addon ${folder}/build/sluice.node cannot be loaded: run scripts/setup (it has not been built)\n`,
  )
})

test('native: devices have names, numbers and drivers', (t) => {
  const index = native.interfaceIndex('lo')
  t.true(index > 0)
  t.is(native.interfaceName(index), 'lo')
  t.is(native.interfaceDriver('lo'), '')
  t.is(native.interfaceIndex('sluice-nodev'), 0)
  t.is(native.interfaceName(2 ** 31 - 1), '')
  t.like(
    t.throws(() => native.interfaceDriver('sluice-nodev')),
    { code: 'ENODEV', object: 'sluice-nodev' },
  )
  t.throws(() => native.interfaceDriver('a-name-that-is-too-long'), { instanceOf: TypeError })
})

testWith(['root', 'netns'], 'native: a worker that entered a namespace sees its devices, others do not', async (t) => {
  const before = native.interfaceIndex('right')
  const { right, name, driver } = await inNamespace(t, 'names')
  t.true(right > 0)
  t.deepEqual([name, driver], ['right', 'veth'])
  t.is(native.interfaceIndex('right'), before)
})

test('native: the main thread does not enter a namespace', (t) => {
  const path = '/proc/self/ns/net'
  if (isMainThread) t.throws(() => native.enterNetworkNamespace(path), { instanceOf: TypeError, message: /worker/ })
  else t.notThrows(() => native.enterNetworkNamespace('/proc/thread-self/ns/net'))
})

test('native: the tick is one that Linux is built with', (t) => {
  t.true([100, 250, 300, 1000].includes(native.ticksPerSecond()))
})

testWith(['root', 'netns'], 'native: a thread is pinned to a CPU, and the other threads are not', async (t) => {
  const allowed = readFileSync('/proc/self/status', 'utf8')
  t.regex(await inNamespace(t, 'pin'), /^Cpus_allowed_list:\s*0$/m)
  const list = (status: string): string | undefined => /^Cpus_allowed_list:.*$/m.exec(status)?.[0]
  t.is(list(readFileSync('/proc/self/status', 'utf8')), list(allowed))
})

test('native: a CPU that is not there is refused', (t) => {
  t.throws(() => native.pinToCpu(1023), { message: /sched_setaffinity cpu 1023/ })
  t.throws(() => native.pinToCpu(1024), { instanceOf: TypeError })
})

for (const kind of ['path', 'abstract'] as const)
  test(`native: systemd is told at a socket of kind ${kind}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-native-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'notify')
    const receiver = native.socketOpen({
      domain: 1,
      type: 2,
      protocol: 0,
      address: Uint8Array.of(1, 0, ...Buffer.from(kind === 'path' ? path : `\0${path}`)),
    })
    t.teardown(() => native.socketClose(receiver))
    const told: string[] = []
    const arena = new Uint8Array(1000)
    native.socketReceive(receiver, arena, 1000, (_count, lengths) => {
      told.push(Buffer.from(arena.subarray(0, lengths[0])).toString())
    })
    const script = `
      import { native } from '${new URL('load.ts', import.meta.url).href}'
      console.log(native.sdNotify('READY=1\\nSTATUS=balancing'))`
    const run = (env: NodeJS.ProcessEnv) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env })
    t.is(run({ NOTIFY_SOCKET: kind === 'path' ? path : `@${path}` }).stdout, 'true\n')
    await until(() => told.length > 0)
    t.deepEqual(told, ['READY=1\nSTATUS=balancing'])
    t.is(run({}).stdout, 'false\n')
    t.regex(run({ NOTIFY_SOCKET: join(folder, 'nobody') }).stderr, /sendto .*nobody: .*\(ENOENT\)/)
  })
