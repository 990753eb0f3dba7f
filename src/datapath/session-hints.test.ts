import type { ExecutionContext } from 'ava'
import { HintError } from '../lb/hints.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { FakeHints } from '../testing/fake-hints.ts'
import { testWith } from '../testing/needs.ts'
import { endpoint, service } from '../testing/services.ts'
import { hintKey } from './hints.ts'
import { hintFlags, hintKind, settingsOffsets } from './layout.gen.ts'
import { SessionHints, teidBackKey } from './session-hints.ts'
import type { HintChange, HintControl } from '../lb/hints.ts'

const upfs = ['10.0.0.1', '10.0.0.2']
const n3 = service({
  name: 'n3',
  select: 'n3',
  protocol: 'udp',
  port: 2152,
  endpoints: upfs.map((address) => endpoint(address, { port: 2152 })),
})
const direct = service({
  ...n3,
  name: 'direct',
  address: '192.0.2.7',
  mode: 'dsr',
  encapsulation: 'ip',
  endpoints: [...n3.endpoints],
})
const n6 = service({
  name: 'n6',
  address: '0.0.0.0',
  protocol: 'any',
  port: 0,
  lastPort: 0,
  mode: 'dsr',
  encapsulation: 'l2',
  select: 'n6',
  users: ['10.60.0.0/16'],
  endpoints: upfs.map((address) => endpoint(address, { port: 0 })),
})
const web = service({ name: 'web' })

interface Both {
  readonly maps: SmallMaps
  readonly control: SessionHints
  readonly fake: FakeHints
  readonly ids: readonly number[]
  readonly setTicks: (ticks: number) => void
}

const both = (title: string, run: (t: ExecutionContext, both: Both) => void, hints = 64): void =>
  testWith(['root', 'bpf'], `session hints: ${title}`, (t) => {
    const maps = SmallMaps.open(t, { sizes: { hints } })
    for (const each of [n3, direct, n6, web]) maps.add(each)
    const setTicks = (ticks: number): void =>
      maps.memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)
    setTicks(1000)
    const { services } = maps
    const control = new SessionHints({
      hints: services.hints,
      placed: () => services.placed(),
      addressOf: (id) => services.endpoints.read(id).address,
    })
    const fake = new FakeHints((name) => [n3, direct, n6, web].find((each) => each.name === name))
    run(t, { maps, control, fake, ids: maps.endpointIds(n3), setTicks })
  })

const teidBytes = (teid: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, teid)
  return bytes
}
const install = (teid: number, upf = 0, more: Partial<HintChange> = {}): HintChange => ({
  action: 'install',
  service: 'n3',
  kind: 'teid',
  key: teidBytes(teid),
  endpoint: upfs[upf] ?? '10.9.9.9',
  identifier: null,
  graceMs: 0,
  ...more,
})
const remove = (teid: number, upf = 0, graceMs = 0): HintChange => ({
  ...install(teid, upf),
  action: 'remove',
  graceMs,
})
const found = ({ maps }: Both, teid: number) => maps.services.hints.find(hintKey(1, hintKind.teid, teidBytes(teid)))

both('what is installed is in the map when the call returns, and gone when it is removed (N3.12)', (t, all) => {
  all.control.apply([install(7), install(8, 1, { identifier: 99 })])
  t.like(found(all, 7), { endpoint: all.ids[0], expires: 0, flags: 0 })
  t.like(found(all, 8), { endpoint: all.ids[1], identifier: 99, flags: hintFlags.rewrite })
  t.like(all.maps.services.hints.find(teidBackKey(1, all.ids[1]!, 99)), { identifier: 8 })
  all.control.apply([remove(7), remove(8, 1)])
  t.deepEqual([found(all, 7), found(all, 8)], [null, null])
  t.is(all.maps.services.hints.find(teidBackKey(1, all.ids[1]!, 99)), null)
  t.like(all.control.counts(), { installed: 2, removed: 2, conflicts: 0 })
})

both('a removed one is obeyed for its grace, and may be replaced meanwhile (N3.4, N3.12)', (t, all) => {
  all.control.apply([install(7), remove(7, 0, 5000)])
  t.like(found(all, 7), { endpoint: all.ids[0], expires: 1500 })
  all.control.apply([remove(7, 0, 9000)])
  t.like(found(all, 7), { expires: 1500 })
  all.control.apply([install(7, 1)])
  t.like(found(all, 7), { endpoint: all.ids[1], expires: 0 })
  all.control.apply([remove(7, 0)])
  t.like(found(all, 7), { endpoint: all.ids[1], expires: 0 })
})

both('the same key on another endpoint is refused and counted, with all of its batch (N3.13)', (t, all) => {
  for (const control of [all.control, all.fake] as readonly HintControl[]) {
    control.apply([install(7)])
    const error = t.throws(() => control.apply([install(8), install(7, 1)]), { instanceOf: HintError })
    t.like(error, { reason: 'conflict', index: 1 })
    t.like(control.counts(), { installed: 1, conflicts: 1, refused: { conflict: 1 } })
    control.apply([remove(7), install(7, 1), install(7, 1, { identifier: 5 })])
  }
  t.is(found(all, 8), null)
  t.like(found(all, 7), { endpoint: all.ids[1], identifier: 5 })
  t.deepEqual([...all.fake.all.keys()], ['n3 teid 00000007'])
})

both('those of a service are forgotten, whoever has installed them, and others stay', (t, all) => {
  for (const control of [all.control, all.fake] as readonly HintControl[]) {
    control.apply([install(7), install(8, 1, { identifier: 99 }), install(7, 0, { service: 'direct' })])
    control.forget('n3')
    control.forget('nobody')
    // None is left that would stand in the way.
    control.apply([install(7, 1)])
    control.forget('n3')
  }
  t.deepEqual([found(all, 7), found(all, 8)], [null, null])
  t.is(all.maps.services.hints.find(teidBackKey(1, all.ids[1]!, 99)), null)
  t.not(all.maps.services.hints.find(hintKey(2, hintKind.teid, teidBytes(7))), null)
  t.deepEqual([...all.fake.all.keys()], ['direct teid 00000007'])
})

both('those of an earlier process stay whose sessions are still there, and those that leave; others go', (t, all) => {
  for (const control of [all.control, all.fake] as readonly HintControl[]) {
    control.apply([install(7), install(8, 1, { identifier: 99 }), install(9), install(10, 0, { identifier: 4 })])
    control.apply([install(11), remove(11, 0, 5000), install(7, 0, { service: 'direct' })])
    control.keepOnly('n3', [install(8), install(9), install(1)])
    control.keepOnly('nobody', [])
  }
  t.deepEqual([found(all, 7), found(all, 10), found(all, 1)], [null, null, null])
  for (const teid of [8, 9, 11]) t.not(found(all, teid), null)
  const back = (upf: number, teid: number) => all.maps.services.hints.find(teidBackKey(1, all.ids[upf]!, teid))
  t.like(back(1, 99), { identifier: 8 })
  t.is(back(0, 4), null)
  const left = ['n3 teid 00000008', 'n3 teid 00000009', 'n3 teid 0000000b', 'direct teid 00000007']
  t.deepEqual([...all.fake.all.keys()], left)
})

both('one that is as it is wanted is not written again: packets that it counts meanwhile are not lost', (t, all) => {
  all.control.apply([install(7), install(8, 1, { identifier: 99 })])
  const written: number[] = []
  const { hints } = all.maps.services
  const writeAll = hints.writeAll.bind(hints)
  hints.writeAll = (list) => {
    written.push(list.length)
    writeAll(list)
  }
  all.control.apply([install(7, 0, { takesOver: true }), install(8, 1, { identifier: 99 })])
  t.deepEqual(written, [0])
  all.control.apply([install(8, 1, { identifier: 98 }), install(7)])
  t.deepEqual(written, [0, 2])
  t.like(found(all, 8), { identifier: 98 })
})

/** As packets would have it. */
const count = ({ maps }: Both, teid: number, packets: bigint): void => {
  const key = hintKey(1, hintKind.teid, teidBytes(teid))
  const hint = maps.services.hints.find(key)!
  maps.services.hints.writeAll([{ key, hint: { ...hint, packets, bytes: packets * 100n, seen: 900 } }])
}
const packets = ({ control }: Both, ...teids: readonly number[]) =>
  control.traffic(teids.map((teid) => install(teid))).map((one) => one?.packets ?? null)

both(
  'how long hints have led no packet is told in the order of the keys, and null where they have led none',
  (t, all) => {
    all.control.apply([install(7), install(8), install(9)])
    count(all, 7, 3n)
    count(all, 9, 1n)
    all.setTicks(1000)
    const [idle, never, none, again] = all.control.idleMs([install(7), install(8), install(1), install(9)])
    t.deepEqual([never, none], [null, null])
    t.true(idle! > 0)
    t.is(again, idle)
    all.setTicks(1100)
    t.is(all.control.idleMs([install(7)])[0], idle! * 2)
    // A packet that came after the clock was read.
    all.setTicks(800)
    t.deepEqual(all.control.idleMs([install(7)]), [0])
  },
)

both('what hints have counted is told in the order of the keys, and null where there is none', (t, all) => {
  all.control.apply([install(7), install(8, 1, { identifier: 99 }), install(9)])
  count(all, 7, 3n)
  count(all, 8, 5n)
  t.deepEqual(packets(all, 8, 1, 9, 7), [5n, null, 0n, 3n])
  t.deepEqual(all.control.traffic([install(8)]), [{ packets: 5n, bytes: 500n }])
  const others = [install(7, 0, { service: 'nobody' }), install(7, 0, { service: 'n6', kind: 'ue-ip' })]
  t.deepEqual(all.control.traffic(others), [null, null])
  t.deepEqual(all.control.traffic([]), [])
  all.fake.apply([install(7)])
  t.deepEqual(all.fake.traffic([install(7), install(8)]), [{ packets: 0n, bytes: 0n }, null])
})

both('what a hint has counted goes on where its session goes, and another session begins at 0', (t, all) => {
  all.control.apply([install(7)])
  count(all, 7, 3n)
  all.control.apply([install(7), install(7, 1, { takesOver: true, identifier: 5 })])
  t.like(found(all, 7), { endpoint: all.ids[1], identifier: 5, packets: 3n, bytes: 300n, seen: 900 })
  count(all, 7, 4n)
  all.control.apply([install(7, 0, { takesOver: true })])
  t.deepEqual(packets(all, 7), [4n])
  all.control.apply([remove(7, 0, 5000)])
  t.like(found(all, 7), { expires: 1500, packets: 4n, bytes: 400n, seen: 900 })
  all.control.apply([install(7)])
  t.like(found(all, 7), { expires: 0, packets: 0n, bytes: 0n, seen: 0 })
  count(all, 7, 2n)
  all.control.apply([remove(7), install(7)])
  t.deepEqual(packets(all, 7), [0n])
  count(all, 7, 2n)
  all.control.apply([remove(7, 0, 5000), install(7, 1)])
  t.deepEqual(packets(all, 7), [0n])
})

both('a session that has no endpoint for a while keeps what was counted, until it ends', (t, all) => {
  const silence = (teid: number): HintChange => ({ ...remove(teid), keepsCounts: true })
  all.control.apply([install(7), install(8), install(9), install(10)])
  for (const teid of [7, 8, 9, 10]) count(all, teid, 3n)
  all.control.apply([silence(7), silence(8), silence(9)])
  all.control.apply([silence(7)])
  t.is(found(all, 7), null)
  t.deepEqual(packets(all, 7, 8, 9, 10), [3n, 3n, 3n, 3n])
  all.control.apply([install(7, 1)])
  count(all, 7, 5n)
  t.deepEqual(packets(all, 7), [5n])
  // Once more, and at once on another one.
  all.control.apply([{ ...remove(7, 1), keepsCounts: true }, install(7)])
  t.like(found(all, 7), { endpoint: all.ids[0], packets: 5n, bytes: 500n })
  all.control.apply([remove(8)])
  t.deepEqual(packets(all, 8), [null])
  all.control.forget('direct')
  t.deepEqual(packets(all, 9), [3n])
  all.control.forget('n3')
  t.deepEqual(packets(all, 7, 9, 10), [null, null, null])
  all.control.apply([install(9)])
  t.deepEqual(packets(all, 9), [0n])
})

const wrong: readonly (readonly [string, Partial<HintChange>])[] = [
  ['no such service', { service: 'n4' }],
  ['not a session service', { service: 'web' }],
  ['no such endpoint', { endpoint: '10.0.0.9' }],
  ['bad key', { key: new Uint8Array(3) }],
  ['bad key', { key: new Uint8Array(4) }],
  ['kind not served', { kind: 'ue-ip' }],
  ['bad identifier', { identifier: 0 }],
  ['bad identifier', { identifier: 2 ** 32 }],
  ['identifier in mode dsr', { service: 'direct', identifier: 4 }],
]

both('what cannot be is refused by name, and nothing of its batch is done', (t, all) => {
  for (const control of [all.control, all.fake] as readonly HintControl[])
    for (const [reason, more] of wrong)
      t.like(
        t.throws(() => control.apply([install(7), install(8, 0, more)]), { instanceOf: HintError }, reason),
        { reason, index: 1 },
        reason,
      )
  t.is(found(all, 7), null)
  t.deepEqual(all.fake.applies, [])
  t.like(all.control.counts(), { installed: 0, refused: { 'bad key': 2, 'no such endpoint': 1 } })
})

both(
  'without room for all of a batch all is as it was',
  (t, all) => {
    all.control.apply([install(1), install(2), install(3)])
    for (const teid of [1, 2, 3]) count(all, teid, 6n)
    const many = Array.from({ length: 20 }, (_, i) => install(100 + i))
    const leaving = [remove(1), { ...remove(3), keepsCounts: true }]
    const error = t.throws(() => all.control.apply([...leaving, install(2, 0, { identifier: 9 }), ...many]), {
      instanceOf: HintError,
    })
    t.is(error?.reason, 'no room')
    t.deepEqual(packets(all, 1, 2, 3), [6n, 6n, 6n])
    for (const teid of [1, 2, 3]) t.like(found(all, teid), { endpoint: all.ids[0], identifier: 0, expires: 0 })
    t.is(found(all, 100), null)
    all.control.apply([remove(1), remove(2), remove(3)])
  },
  16,
)

both('a tunnel is taken off an endpoint that has left its service', (t, all) => {
  all.control.apply([install(7)])
  all.maps.services.apply([{ kind: 'update', from: n3, to: { ...n3, endpoints: n3.endpoints.slice(1) } }])
  t.like(
    t.throws(() => all.control.apply([install(7, 1)]), { instanceOf: HintError }),
    { reason: 'conflict' },
  )
  all.control.apply([remove(7), install(7, 1)])
  t.like(found(all, 7), { endpoint: all.ids[1] })
})

both('a user of an n6 service is known by its address, of IPv6 by 64 bits', (t, all) => {
  const six = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9)
  const user = (key: Uint8Array, more: Partial<HintChange> = {}): HintChange =>
    install(0, 1, { service: 'n6', kind: 'ue-ip', key, ...more })
  const found6 = (bytes: readonly number[]) =>
    all.maps.services.hints.find(hintKey(3, hintKind.ue_ip, Uint8Array.from(bytes)))
  all.control.apply([user(Uint8Array.of(10, 60, 0, 1)), user(six, { prefixBits: 64 })])
  const upf = all.maps.endpointIds(n6)[1]
  t.like(found6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 60, 0, 1]), { endpoint: upf })
  const prefix = [...six.subarray(0, 8), 0, 0, 0, 0, 0, 0, 0, 0]
  t.like(found6(prefix), { endpoint: upf })
  for (const control of [all.control, all.fake] as readonly HintControl[]) {
    const refused = (change: HintChange): string | undefined =>
      t.throws(() => control.apply([change]), { instanceOf: HintError })?.reason
    t.is(refused(user(six, { prefixBits: 129 })), 'bad prefix')
    t.is(refused(user(Uint8Array.of(10, 60, 0, 1), { prefixBits: 0 })), 'bad prefix')
    t.is(refused(user(Uint8Array.of(10, 60, 0, 1), { prefixBits: 33 })), 'bad prefix')
    t.is(refused(user(six.subarray(0, 8))), 'bad key')
    t.is(refused(user(six, { identifier: 7 })), 'bad identifier')
    t.is(refused(user(six, { service: 'n3' })), 'kind not served')
    t.is(refused(install(7, 1, { service: 'n6' })), 'kind not served')
  }
  all.control.forget('n6')
  t.is(found6(prefix), null)
})
