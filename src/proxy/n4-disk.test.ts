// What a disk that refuses does to services of `select: n4`: nothing but that their sessions do not outlive the daemon,
// and it is told.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testWith } from '../testing/needs.ts'
import { bed, n3Of, n4Of, pace, ready, upfs, vip } from '../testing/proxying-bed.ts'
import { readLog } from './kept-log.ts'
import { Snapshot } from './n4/snapshot.ts'
import type { ExecutionContext } from 'ava'
import type { ProxyingDatapath } from './proxying-datapath.ts'

const run = (program: string, ...args: readonly string[]): void => {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

interface Disk {
  readonly directory: string
  /** the log of the VIP */
  readonly file: string
  /** From now on it has so much room, or refuses every change. */
  readonly become: (options: 'ro' | 'rw' | `size=${string}`) => void
}

const diskFor = (t: ExecutionContext, size: string): Disk => {
  const directory = mkdtempSync(join(tmpdir(), 'n4-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', directory)
  t.teardown(() => {
    run('umount', '--lazy', directory)
    rmSync(directory, { recursive: true })
  })
  return {
    directory,
    file: join(directory, `n4-${vip}.log`),
    become: (options) => run('mount', '-o', `remount,${options}`, directory),
  }
}

/** Sessions that a log tells of; null: there is none. */
const sessionsIn = (file: string): number | null => {
  const log = readLog(file)
  if (log === null) return null
  const snapshot = new Snapshot()
  for (const record of log.records) snapshot.add(record)
  log.close()
  return snapshot.sessions
}

const count = async (proxying: ProxyingDatapath): Promise<number> => (await proxying.n4Sessions(10_000)).length
const notWritten = 'log: not written'
const retryMs = 61_000
const needs = ['root', 'tmpfs'] as const

testWith(
  needs,
  'n4: a disk that is full takes the log away, not the sessions, and is asked again (N4.1)',
  async (t) => {
    const disk = diskFor(t, '64k')
    const { client, counters, datapath, network, pool, proxying, start, warnings } = await ready(
      n4Of(),
      n3Of(),
      disk.directory,
    )
    await network.until(client.establish(20, pace))
    t.is(sessionsIn(disk.file), 20)
    t.is(counters()[notWritten], 0)
    await network.until(client.establish(400, pace))
    t.deepEqual(client.report().problems, [])
    t.is(await count(proxying), 420)
    t.is(datapath.hints.all.size, 420)
    // What it says would not be true any more.
    t.deepEqual(readdirSync(disk.directory), [])
    t.is(counters()[notWritten], 1)
    t.deepEqual(warnings(), ['sessions would not outlive this process: it cannot be written'])
    // Still full: told once more, a minute later.
    writeFileSync(join(disk.directory, 'others'), new Uint8Array(60_000))
    await network.pass(retryMs)
    t.is(counters()[notWritten], 2)
    t.deepEqual(readdirSync(disk.directory), ['others'])
    disk.become('size=4m')
    await network.pass(retryMs)
    t.is(sessionsIn(disk.file), 420)
    await network.until(client.remove(pace))
    await network.until(client.establish(5, pace))
    t.is(sessionsIn(disk.file), 5)
    t.is(counters()[notWritten], 2)
    proxying.close()
    const second = start()
    await second.apply([])
    t.is(await count(second), 5)
    await network.until(client.remove(pace))
    t.deepEqual(client.report().problems, [])
    t.deepEqual(
      pool.map((upf) => upf.state().sessions),
      [0, 0, 0],
    )
    second.close()
  },
)

testWith(needs, 'n4: a directory that cannot be written keeps nobody from starting, nor from sessions', async (t) => {
  const disk = diskFor(t, '4m')
  disk.become('ro')
  const { client, counters, datapath, lines, network, proxying, start } = await ready(n4Of(), n3Of(), disk.directory)
  await network.until(client.establish(10, pace))
  t.deepEqual([client.report().problems, await count(proxying), datapath.hints.all.size], [[], 10, 10])
  t.is(counters()[notWritten], 1)
  t.deepEqual(
    lines.filter(({ level }) => level === 'warn').map(({ message, fields }) => [message, fields]),
    [
      [
        'sessions would not outlive this process: it cannot be written',
        { file: disk.file, error: `EROFS: read-only file system, open '${disk.file}.tmp'` },
      ],
    ],
  )
  proxying.close()
  const second = start()
  await second.apply([])
  t.is(await count(second), 0)
  second.close()
})

testWith(
  needs,
  'n4: sessions whose log could not be removed later are not taken up, and peers hear it (N4.1)',
  async (t) => {
    const disk = diskFor(t, '4m')
    const { client, datapath, lines, network, proxying, start } = await ready(n4Of(), n3Of(), disk.directory)
    await network.until(client.establish(10, pace))
    proxying.close()
    disk.become('ro')
    const old = readFileSync(disk.file)
    await network.pass(1000)
    const opened = readdirSync('/proc/self/fd').length
    const second = start()
    await second.apply([])
    t.is(readdirSync('/proc/self/fd').length, opened)
    t.is(await count(second), 0)
    t.is(datapath.hints.all.size, 0)
    const told = lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message)
    t.deepEqual(told, [
      'sessions of before are not taken up: all begins anew, and peers are told so',
      'sessions would not outlive this process: it cannot be written',
      'an old log of sessions stays: remove it before the daemon starts again',
      'a log of sessions cannot be removed',
    ])
    t.deepEqual(readFileSync(disk.file), old)
    await network.pass(500)
    await network.until(client.associate())
    t.is(client.report().peerRestarts, 1)
    await network.until(client.establish(3, pace))
    disk.become('rw')
    await network.pass(retryMs)
    t.is(sessionsIn(disk.file), 3)
    second.close()
  },
)

testWith(needs, 'n4: what services that are gone have left is told of where it cannot be removed', async (t) => {
  const disk = diskFor(t, '4m')
  const left = join(disk.directory, 'n4-10.9.9.9.log')
  writeFileSync(left, 'of another VIP')
  disk.become('ro')
  const { add, network, proxying, upf, warnings } = bed((surroundings) => surroundings, disk.directory)
  for (const address of upfs) upf(address)
  await add(n3Of(), n4Of())
  await network.pass(200)
  t.is(proxying.n4()[0]?.status.upfs.filter(({ state }) => state === 'up').length, 3)
  t.true(warnings().includes('what services that are gone have left cannot be removed'))
  t.true(existsSync(left))
  proxying.close()
})
