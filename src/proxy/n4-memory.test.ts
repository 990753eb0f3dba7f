// Services of `select: n4` over the end of a daemon and changes of their configuration.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Bed, optionsOf, upfOf } from './n4/test-bed.ts'
import { LogKeeper } from './log-keeper.ts'
import { N4Memory } from './n4-memory.ts'
import { readLog } from './kept-log.ts'
import { Snapshot, snapshotVersion } from './n4/snapshot.ts'
import { bed, endpointsAt, n3Of, n4Of, pace, ready, upfs, vip } from '../testing/proxying-bed.ts'
import { sessionOf } from './n4/test-elements.ts'
import type { ExecutionContext } from 'ava'
import type { N4Settings } from '../lb/model.ts'
import type { ProxyingDatapath } from './proxying-datapath.ts'
import type { SimSmf } from '../sim/sim-smf.ts'

const directoryFor = (t: ExecutionContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'n4-memory-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

const heartbeatRequest = 1
const associationSetup = 5
const establishmentRequest = 50

const problemsOf = (smf: SimSmf): readonly string[] => smf.report().problems.map(({ what }) => what)
const numbersOf = async (proxying: ProxyingDatapath) =>
  (await proxying.n4Sessions(1000)).map(({ seid, smfSeid, state, tunnels, upf, upfSeid }) => ({
    seid,
    smfSeid,
    state,
    tunnels,
    upf,
    upfSeid,
  }))

/** All associated, with sessions, in a daemon that keeps them. */
const kept = async (t: ExecutionContext, settings: Partial<N4Settings> = {}) => {
  const directory = directoryFor(t)
  const made = await ready(n4Of({}, settings), n3Of(), directory)
  await made.network.until(made.client.establish(30, pace))
  const file = join(directory, `n4-${vip}.log`)
  return { ...made, directory, file }
}

const ends = {
  'is stopped': (proxying: ProxyingDatapath) => proxying.close(),
  // Its socket and its timers go with it; nothing else is done.
  'is killed': (proxying: ProxyingDatapath, file: string) => {
    const bytes = readFileSync(file)
    proxying.close()
    writeFileSync(file, bytes)
  },
} as const

for (const [how, end] of Object.entries(ends)) {
  test(`n4: a daemon that ${how} is followed by one with the same sessions, and nobody notices (N4.1)`, async (t) => {
    const { client, datapath, file, lines, network, pool, proxying, start } = await kept(t)
    const before = await numbersOf(proxying)
    const hints = new Map(datapath.hints.all)
    t.is(before.length, 30)
    end(proxying, file)
    await network.pass(200)
    const [applies, sent] = [datapath.hints.applies.length, network.sent.length]
    const second = start()
    await second.apply([])
    await network.pass(3000)
    t.deepEqual(await numbersOf(second), before)
    t.deepEqual(datapath.hints.all, hints)
    t.deepEqual(datapath.hints.forgets, ['n3'])
    t.true(
      datapath.hints.applies.slice(applies).every((changes) => changes.every(({ action }) => action === 'install')),
    )
    const ofProxy = network.sent.slice(sent).filter(({ from }) => from.address === vip)
    t.true(ofProxy.some(({ bytes }) => bytes[1] === heartbeatRequest))
    t.false(ofProxy.some(({ bytes }) => bytes[1] === associationSetup))
    t.is(client.report().peerRestarts, 0)
    await network.until(client.establish(10, pace))
    await network.until(client.remove(pace))
    t.deepEqual(problemsOf(client), [])
    t.deepEqual(
      pool.map((upf) => upf.state().sessions),
      [0, 0, 0],
    )
    t.true([...datapath.hints.all.values()].every(({ leaving }) => leaving))
    t.deepEqual(
      lines.filter(({ level }) => level === 'warn'),
      [],
    )
    second.close()
  })
}

test('n4: what an answer tells of is kept before it leaves (N4.1)', async (t) => {
  const directory = directoryFor(t)
  const seen = { answers: 0, late: 0 }
  const { add, network, proxying, smf, upf } = bed(
    (surroundings) => ({
      ...surroundings,
      open(place, longestBytes, receive) {
        const socket = surroundings.open(place, longestBytes, receive)
        return {
          counts: () => socket.counts(),
          close: () => socket.close(),
          send(bytes, to) {
            if (place.address === vip && bytes[1] === establishmentRequest + 1) {
              const snapshot = new Snapshot()
              const log = readLog(join(directory, `n4-${vip}.log`))!
              for (const record of log.records) snapshot.add(record)
              log.close()
              if (snapshot.sessions < ++seen.answers) seen.late++
            }
            socket.send(bytes, to)
          },
        }
      },
    }),
    directory,
  )
  for (const address of upfs) upf(address)
  await add(n3Of(), n4Of())
  await network.pass(200)
  const client = smf()
  await network.until(client.associate())
  await network.until(client.establish(40, pace))
  t.deepEqual(seen, { answers: 40, late: 0 })
  proxying.close()
})

test('n4: hints that say something else than sessions are put right, those of no session go (N4.19)', async (t) => {
  const { datapath, proxying, start } = await kept(t)
  proxying.close()
  const right = new Map(datapath.hints.all)
  const [first, second] = [...right.keys()].map((name) => Buffer.from(name.split(' ')[2]!, 'hex'))
  const key = Uint8Array.of(9, 9, 9, 9)
  const hint = { action: 'install', service: 'n3', kind: 'teid', identifier: 77, graceMs: 0, takesOver: true } as const
  datapath.hints.apply([
    { ...hint, key: first!, endpoint: upfs[2] },
    { ...hint, key, endpoint: upfs[0] },
    { ...hint, action: 'remove', key: second!, endpoint: right.get([...right.keys()][1]!)!.endpoint },
  ])
  t.notDeepEqual(datapath.hints.all, right)
  const again = start()
  await again.apply([])
  t.deepEqual(Object.fromEntries(datapath.hints.all), Object.fromEntries(right))
  again.close()
})

test('n4: what is kept is read once, and is nobody else’s to read', async (t) => {
  const { client, directory, file, network, proxying, start } = await kept(t)
  t.is(statSync(file).mode & 0o777, 0o600)
  proxying.close()
  const old = readFileSync(file)
  const second = start()
  await second.apply([])
  await network.pass(200)
  await network.until(client.remove(pace))
  t.notDeepEqual(readFileSync(file), old)
  ends['is killed'](second, file)
  const third = start()
  await third.apply([])
  t.deepEqual(await third.n4Sessions(10), [])
  t.deepEqual(readdirSync(directory), [`n4-${vip}.log`])
  third.close()
})

const damages: readonly (readonly [string, (file: string) => void, RegExp])[] = [
  ['is cut', (file) => writeFileSync(file, readFileSync(file).subarray(0, -1)), /1 of its \d+ bytes are missing/],
  ['is of another kind', (file) => writeFileSync(file, 'hello'), /it ends at byte 5/],
  [
    'has a flipped bit',
    (file) => {
      const bytes = readFileSync(file)
      bytes[bytes.length >> 1]! ^= 4
      writeFileSync(file, bytes)
    },
    /is damaged/,
  ],
]
for (const [how, damage, reason] of damages) {
  test(`n4: a log that ${how} is not taken up: all begins anew, and peers are told so (N4.1)`, async (t) => {
    const { client, datapath, file, lines, network, proxying, start } = await kept(t)
    proxying.close()
    damage(file)
    await network.pass(1000)
    const second = start()
    await second.apply([])
    const warning = lines.find(({ level }) => level === 'warn')
    t.regex(warning!.message, /sessions of before are not taken up/)
    t.regex((warning!.fields as { reason: string }).reason, reason)
    t.deepEqual(await second.n4Sessions(10), [])
    t.is(datapath.hints.all.size, 0)
    await network.pass(500)
    await network.until(client.associate())
    t.is(client.report().peerRestarts, 1)
    await network.until(client.establish(10, pace))
    t.is((await second.n4Sessions(100)).length, 10)
    second.close()
  })
}

const harmless: readonly (readonly [string, Partial<N4Settings>])[] = [
  ['balance', { balance: 'hash' }],
  ['onLoss', { onLoss: 'restore' }],
  ['onFewerFeatures', { onFewerFeatures: 'narrow' }],
  ['hotPercent', { hotPercent: 10 }],
  ['heartbeat, t1 and n1', { heartbeat: 2, t1: 200, n1: 2 }],
  ['localNetworkInstances', { localNetworkInstances: ['edge'] }],
]
for (const [what, settings] of harmless) {
  test(`n4: with another ${what} sessions go on as they are, and SMFs are told nothing (N4.1)`, async (t) => {
    const { client, datapath, n4, network, proxying, replace } = await kept(t)
    const before = await numbersOf(proxying)
    const hints = new Map(datapath.hints.all)
    await replace(n4, n4Of({}, settings))
    t.deepEqual(await numbersOf(proxying), before)
    t.deepEqual(datapath.hints.all, hints)
    await network.pass(3000)
    await network.until(client.establish(5, pace))
    t.like(client.report(), { peerRestarts: 0, problems: [] })
    t.deepEqual(datapath.hints.forgets, ['n3'])
    proxying.close()
  })
}

test('n4: a new time until a request is sent again holds for what is sent from then on (N4.8)', async (t) => {
  const { n4, network, pool, proxying, replace } = await kept(t)
  await replace(n4, n4Of({}, { t1: 300, n1: 3, heartbeat: 1 }))
  await network.pass(1500)
  pool[0]!.stop()
  const from = network.sent.length
  await network.pass(2600)
  const asked = network.sent.slice(from).filter(({ bytes, to }) => to.address === upfs[0] && bytes[1] === 1)
  t.is(asked.length, 4)
  proxying.close()
})

test('n4: with another Node ID, or VIP of the tunnels, all begins anew', async (t) => {
  const { client, datapath, directory, n3, n4, network, proxying, replace } = await kept(t)
  const renamed = n4Of({}, { nodeId: 'upf.example' })
  await replace(n4, renamed)
  t.deepEqual(await numbersOf(proxying), [])
  t.is(datapath.hints.all.size, 0)
  await network.pass(500)
  await network.until(client.associate())
  t.is(client.report().peerRestarts, 1)
  await replace(renamed, n4Of())
  await network.pass(500)
  await network.until(client.associate())
  t.is(client.report().peerRestarts, 2)
  await network.until(client.establish(3, pace))
  const moved = { ...n3, address: '10.1.1.9' }
  await proxying.apply([
    { kind: 'remove', service: n3 },
    { kind: 'add', service: moved },
  ])
  t.deepEqual(await numbersOf(proxying), [])
  t.deepEqual(readdirSync(directory), [`n4-${vip}.log`])
  proxying.close()
})

test('n4: a service that goes takes what is kept of it with it, also while nobody is there', async (t) => {
  const { datapath, directory, n4, proxying, start } = await kept(t)
  writeFileSync(join(directory, 'api.json'), '{}')
  writeFileSync(join(directory, `n4-${vip}.log.tmp`), 'was being written')
  await proxying.apply([{ kind: 'remove', service: n4 }])
  t.deepEqual(readdirSync(directory), ['api.json'])
  await proxying.apply([{ kind: 'add', service: n4 }])
  t.deepEqual(await numbersOf(proxying), [])
  proxying.close()
  t.deepEqual(readdirSync(directory).toSorted(), ['api.json', `n4-${vip}.log`])
  await datapath.apply([{ kind: 'remove', service: n4 }])
  const second = start()
  await second.apply([])
  t.deepEqual(readdirSync(directory), ['api.json'])
})

test('n4: before the end a request under way is answered, and others wait for whoever comes after', async (t) => {
  const { client, counters, network, pool, proxying, start } = await kept(t)
  // An answer of a UPF that takes its time.
  const held: (() => void)[] = []
  network.change = (sent) => {
    if (sent.to.address !== vip || sent.bytes[1] !== establishmentRequest + 1 || held.length > 0) return sent
    held.push(() => network.inject(sent.from, sent.to, sent.bytes))
    return null
  }
  const establishing = client.establish(1, pace)
  await network.pass(20)
  t.is(held.length, 1)
  const quiet = proxying.quiet()
  const more = client.establish(1, pace)
  await network.pass(50)
  t.is(counters()['request-while-leaving'], 1)
  held[0]!()
  await network.until(quiet, 1000)
  await network.settle()
  proxying.close()
  const second = start()
  await second.apply([])
  await network.until(establishing)
  await network.until(more)
  t.deepEqual(problemsOf(client), [])
  const sum = pool.reduce((total, upf) => total + upf.state().sessions, 0)
  t.deepEqual([sum, (await second.n4Sessions(100)).length, client.report().sessions.up], [32, 32, 32])
  second.close()
})

test('n4: the end is not put off for longer than a second', async (t) => {
  const { client, network, pool, proxying } = await kept(t)
  for (const upf of pool) upf.stop()
  void client.establish(1, pace)
  await network.pass(20)
  await network.until(proxying.quiet(), 1011)
  t.pass()
  proxying.close()
})

const told = { address: '10.9.9.9', nodeId: 'n', tunnels: '10.9.9.8' }
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const clock = { nowMs: () => 0, wallSeconds: () => 1000 }

/** Of an engine with a session. */
const leave = (memory: N4Memory): { readonly keeper: LogKeeper; readonly recoveryTimeStamp: number } =>
  memory.start(told, ({ keep, recoveryTimeStamp, snapshot }) => {
    const keeping = { nowMs: 1_000_000, wallMs: 0, snapshot }
    const bed = new Bed([upfOf('a', '10.0.0.1')], { ...optionsOf([]), upfs: [upfOf('a', '10.0.0.1')], keeping })
    bed.advance(100)
    const smf = bed.smf('10.1.0.1')
    smf.associate()
    smf.establish(...sessionOf('10.45.0.1'))
    return { keeper: keep!(() => bed.proxy.save()), recoveryTimeStamp }
  })

const found = (memory: N4Memory) =>
  memory.start(told, ({ recoveryTimeStamp, snapshot }) => ({ recoveryTimeStamp, sessions: snapshot?.sessions ?? null }))

test('n4: of a machine that has gone down only a log is taken up that was closed (N4.1)', (t) => {
  const directory = directoryFor(t)
  const memoryAt = (boot: string): N4Memory => new N4Memory({ directory, log: silent, surroundings: clock, boot })
  const { keeper, recoveryTimeStamp } = leave(memoryAt('one'))
  t.deepEqual(found(memoryAt('one')), { recoveryTimeStamp, sessions: 1 })
  // Another time stamp, although the clock says the same.
  t.deepEqual(found(memoryAt('two')), { recoveryTimeStamp: recoveryTimeStamp + 1, sessions: null })
  keeper.close()
  t.deepEqual(found(memoryAt('two')), { recoveryTimeStamp, sessions: 1 })
})

test('n4: a log of another version, or of something else, is not taken up', (t) => {
  const directory = directoryFor(t)
  const warnings: string[] = []
  const log = { ...silent, warn: (fields: object) => void warnings.push((fields as { reason: string }).reason) }
  const memory = new N4Memory({ directory, log, surroundings: clock, boot: 'one' })
  const whole = { what: 'sessions of N4', version: snapshotVersion, boot: 'one', recovery: 5, ...told }
  const write = (description: object, records: readonly Uint8Array[] = []): void =>
    new LogKeeper({
      file: join(directory, `n4-${told.address}.log`),
      description,
      all: () => records,
      log,
      nowMs: () => 0,
    }).close()
  for (const description of [
    { ...whole, what: 'songs' },
    { ...whole, version: snapshotVersion + 1 },
    { ...whole, recovery: 'x' },
    { ...whole, nodeId: 'm' },
  ]) {
    write(description)
    t.is(found(memory).sessions, null)
  }
  write(whole, [Uint8Array.of(99)])
  t.is(found(memory).sessions, null)
  t.deepEqual(warnings, [
    'it has no sessions of N4',
    `it has version ${snapshotVersion + 1}, and this program reads ${snapshotVersion}`,
    'it does not say whose sessions it has',
    'peers were told nodeId m, not n',
    'a record of no known kind at byte 0',
  ])
})

test('n4: endpoints that came while nobody was there are led to', async (t) => {
  const { client, datapath, n3, n4, network, proxying, start, upf } = await kept(t)
  proxying.close()
  const addresses = [...upfs, '10.0.0.14']
  upf('10.0.0.14')
  await datapath.apply([
    { kind: 'update', from: n3, to: n3Of({ endpoints: endpointsAt(2152, addresses) }) },
    { kind: 'update', from: n4, to: n4Of({ endpoints: endpointsAt(8805, addresses) }) },
  ])
  const second = start()
  await second.apply([])
  await network.pass(300)
  await network.until(client.establish(10, pace))
  t.is(second.n4()[0]?.status.upfs.find(({ address }) => address === '10.0.0.14')?.sessions, 10)
  second.close()
})
