import type { ExecutionContext } from 'ava'
import { ResourceError } from '../lb/datapath.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import { endpoint, service } from '../testing/services.ts'
import { hintKey } from './hints.ts'
import { hintFlags, hintKeySize, hintKind, settingsOffsets, writeHintKey } from './layout.gen.ts'
import type { Hints, NewHint } from './hints.ts'
import type { HintKey } from './layout.gen.ts'

const ticksPerSecond = 100
/** HINT_REWRITE */
const rewrite = 1

interface Sessions {
  readonly maps: SmallMaps
  readonly hints: Hints
  /** ids of the endpoints of service 1 */
  readonly ids: readonly number[]
  readonly setTicks: (ticks: number) => void
}

const n3 = service({ select: 'n3', protocol: 'udp', port: 2152 })

const kernel = (title: string, run: (t: ExecutionContext, sessions: Sessions) => void, hints = 64): void =>
  testWith(['root', 'bpf'], title, (t) => {
    const maps = SmallMaps.open(t, { sizes: { hints } })
    maps.add(n3)
    const setTicks = (ticks: number): void =>
      maps.memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
    setTicks(1000)
    run(t, { maps, hints: maps.services.hints, ids: maps.endpointIds(n3), setTicks })
  })

const teid = (number: number): HintKey => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, number)
  return hintKey(1, hintKind.teid, bytes)
}
const to = (target: number, more: Partial<NewHint> = {}): NewHint => ({
  endpoint: target,
  identifier: 0,
  flags: 0,
  lifetimeMs: 0,
  ...more,
})

/** A whole walk. */
const walk = (hints: Hints): void => {
  const before = hints.sweeps
  for (let steps = 0; steps < 1000 && hints.sweeps === before; steps++) hints.sweep()
}

kernel('hints: one that is installed is there, with the tag of its key', (t, { hints, ids }) => {
  const [first = 0] = ids
  hints.install(teid(7), to(first, { identifier: 0x01020304, flags: rewrite, lifetimeMs: 5000 }))
  const key = new Uint8Array(hintKeySize)
  writeHintKey(new DataView(key.buffer), 0, teid(7))
  t.is(Buffer.from(key).toString('hex'), '010000000104000000000007000000000000000000000000')
  t.deepEqual(hints.find(teid(7)), {
    tag: keyTag(key),
    endpoint: first,
    expires: 1000 + 5 * ticksPerSecond,
    identifier: 0x01020304,
    flags: rewrite,
    seen: 0,
    packets: 0n,
    bytes: 0n,
  })
  t.is(hints.find(teid(8)), null)
  t.is(hints.find({ ...teid(7), service: 2 }), null, 'another service has its own')
})

kernel('hints: the newer one counts, one that is removed is gone', (t, { hints, ids }) => {
  const [first = 0, second = 0] = ids
  hints.install(teid(7), to(first))
  hints.install(teid(7), to(second))
  t.is(hints.find(teid(7))?.endpoint, second)
  t.true(hints.remove(teid(7)))
  t.false(hints.remove(teid(7)))
  t.is(hints.find(teid(7)), null)
})

kernel(
  'hints: thousands are installed and removed in few calls',
  (t, { hints, ids }) => {
    const keys = Array.from({ length: 10_000 }, (_, number) => teid(number))
    hints.installAll(keys.map((key, index) => ({ key, hint: to(ids[index % 2]!) })))
    for (const number of [0, 1, 4095, 4096, 9999]) t.is(hints.find(teid(number))?.endpoint, ids[number % 2])
    // Keys that are not there, and some twice, do no harm.
    hints.removeAll([teid(20_000), ...keys.slice(0, 5000), ...keys.slice(0, 5000)])
    t.deepEqual(
      [teid(0), teid(4999)].map((key) => hints.find(key)),
      [null, null],
    )
    t.truthy(hints.find(teid(5000)))
  },
  16_384,
)

kernel(
  'hints: without room the first ones stand, and the error says how many and which limit',
  (t, { hints, ids }) => {
    const all = Array.from({ length: 6 }, (_, number) => ({ key: teid(number), hint: to(ids[0]!) }))
    const error = t.throws(() => hints.installAll(all), { instanceOf: ResourceError })
    t.is(error?.limit, 'hints')
    t.regex(error?.message ?? '', /^no room for a hint after 4 of this call; raise limits\.hints /)
    t.deepEqual(
      all.map(({ key }) => hints.find(key) !== null),
      [true, true, true, true, false, false],
    )
    t.notThrows(() => hints.install(teid(0), to(ids[1]!)), 'one that is there may still be replaced')
    hints.remove(teid(1))
    t.notThrows(() => hints.install(teid(9), to(ids[1]!)))
  },
  4,
)

kernel('hints: one that has expired is freed, one that is refreshed lives on', (t, { hints, ids, setTicks }) => {
  const [first = 0] = ids
  hints.install(teid(1), to(first, { lifetimeMs: 1000 }))
  hints.install(teid(2), to(first, { lifetimeMs: 1000 }))
  hints.install(teid(3), to(first))
  const there = (): readonly boolean[] => [1, 2, 3].map((number) => hints.find(teid(number)) !== null)
  setTicks(1000 + ticksPerSecond - 1)
  t.true(hints.refresh(teid(2), 2000))
  t.false(hints.refresh(teid(4), 2000))
  walk(hints)
  t.deepEqual(there(), [true, true, true])
  setTicks(1000 + ticksPerSecond)
  walk(hints)
  t.deepEqual(there(), [false, true, true])
  setTicks(1000_000)
  walk(hints)
  t.deepEqual(there(), [false, false, true], 'without a lifetime it stays')
})

kernel('hints: of learnt ones that are freed their service is told how many', (t, { hints, ids, maps, setTicks }) => {
  const [kept = 0] = ids
  const brief = { lifetimeMs: 1000, flags: hintFlags.learnt }
  hints.install(teid(1), to(kept, brief))
  hints.install(teid(2), to(kept, brief))
  hints.install(teid(3), to(kept, { lifetimeMs: 1000 }))
  hints.install(teid(4), to(kept, { flags: hintFlags.learnt }))
  // Of an endpoint that is not its service's.
  hints.install({ ...teid(5), service: 2 }, to(kept, { flags: hintFlags.learnt }))
  setTicks(1000 + ticksPerSecond)
  walk(hints)
  t.deepEqual(maps.memory.seidCounts.slice(2, 6), BigUint64Array.of(0n, 2n, 0n, 1n))
  walk(hints)
  t.deepEqual(maps.memory.seidCounts.slice(2, 6), BigUint64Array.of(0n, 2n, 0n, 1n))
})

kernel('hints: the clock may pass its end', (t, { hints, ids, setTicks }) => {
  setTicks(0xffff_ffff - 99)
  hints.install(teid(1), to(ids[0]!, { lifetimeMs: 1000 }))
  t.not(hints.find(teid(1))?.expires, 0, 'which would be for ever')
  walk(hints)
  t.truthy(hints.find(teid(1)))
  setTicks(0x1_0000_0000 + 1)
  walk(hints)
  t.is(hints.find(teid(1)), null)
})

kernel('hints: those of an endpoint that has left go, and only then its id is free', (t, { maps, hints, ids }) => {
  const [kept = 0, gone = 0] = ids
  hints.install(teid(1), to(kept))
  hints.install(teid(2), to(gone))
  hints.install({ ...teid(3), service: 9 }, to(kept))
  const less = { ...n3, endpoints: [endpoint('10.0.0.1')] }
  maps.update(n3, less)
  t.is(maps.services.endpoints.read(gone).service, 1)
  maps.now += 2000
  maps.services.collect(1000)
  t.is(maps.services.endpoints.read(gone).service, 1, 'a walk that was on its way may have passed it')
  maps.settle()
  t.is(hints.find(teid(2)), null)
  t.is(hints.find({ ...teid(3), service: 9 }), null, 'the endpoint is not one of that service')
  t.truthy(hints.find(teid(1)))
  t.is(maps.services.endpoints.read(gone).service, 0)
})

testWith(
  ['root', 'bpf'],
  'hints: sessions of a removed service drain, and its number is not given again before',
  (t) => {
    const maps = SmallMaps.open(t, { drainMs: 10_000 })
    const { hints } = maps.services
    maps.add(n3)
    hints.install(teid(1), to(maps.endpointIds(n3)[0]!))
    maps.remove(n3)
    maps.settle()
    t.truthy(hints.find(teid(1)))
    const dns = service({ port: 53, protocol: 'udp' })
    maps.add(dns)
    t.is(maps.entry(dns)?.id, 2)
    maps.now += 10_000
    maps.settle()
    t.is(hints.find(teid(1)), null)
    const next = service({ port: 54 })
    maps.add(next)
    t.is(maps.entry(next)?.id, 1)
  },
)

const quic = service({
  select: 'quic',
  protocol: 'udp',
  port: 443,
  quic: { serverIdLength: 2, nonceLength: 4, key: null, configId: 0 },
  endpoints: [endpoint('10.0.0.1', { serverId: '0a01' }), endpoint('10.0.0.2', { serverId: '0a02' })],
})
const serverId = (text: string): HintKey => hintKey(2, hintKind.quic, Uint8Array.from(Buffer.from(text, 'hex')))

kernel('hints: plain server ids of QUIC are hints, and follow the endpoints', (t, { maps, hints }) => {
  maps.add(quic)
  const [first, second] = maps.endpointIds(quic)
  t.deepEqual(
    ['0a01', '0a02'].map((id) => hints.find(serverId(id))?.endpoint),
    [first, second],
  )
  const other = {
    ...quic,
    endpoints: [endpoint('10.0.0.1', { serverId: '0a02' }), endpoint('10.0.0.3', { serverId: '0a03' })],
  }
  maps.update(quic, other)
  const third = maps.endpointIds(other)[1]
  t.deepEqual(
    ['0a01', '0a02', '0a03'].map((id) => hints.find(serverId(id))?.endpoint),
    [undefined, first, third],
  )
  maps.settle()
  t.is(hints.find(serverId('0a02'))?.endpoint, first, 'no walk takes them')
  maps.remove(other)
  t.deepEqual(
    ['0a02', '0a03'].map((id) => hints.find(serverId(id))),
    [null, null],
  )
})

kernel('hints: encrypted server ids are none: the slow path reads them', (t, { maps, hints }) => {
  maps.add({ ...quic, quic: { ...quic.quic!, key: '00'.repeat(16) } })
  t.is(hints.find(serverId('0a01')), null)
})

kernel('hints: server ids of a change that is refused are what they were', (t, { maps, hints }) => {
  maps.add(quic)
  const [first] = maps.endpointIds(quic)
  const swapped = { ...quic, endpoints: [endpoint('10.0.0.1', { serverId: '0a09' }), quic.endpoints[1]!] }
  t.throws(
    () =>
      maps.apply(
        { kind: 'update', from: quic, to: swapped },
        {
          kind: 'add',
          service: service({ port: 99, endpoints: Array.from({ length: 9 }, (_, i) => endpoint(`10.9.0.${i}`)) }),
        },
      ),
    { instanceOf: ResourceError },
  )
  t.is(hints.find(serverId('0a01'))?.endpoint, first)
  t.is(hints.find(serverId('0a09')), null)
})
