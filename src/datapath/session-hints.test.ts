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
    const many = Array.from({ length: 20 }, (_, i) => install(100 + i))
    const error = t.throws(() => all.control.apply([remove(1), install(2, 0, { identifier: 9 }), ...many]), {
      instanceOf: HintError,
    })
    t.is(error?.reason, 'no room')
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

both('a user of an n6 service is known by its address, of IPv6 by 64 bits, and no other prefix is served', (t, all) => {
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
    t.is(refused(user(six, { prefixBits: 56 })), 'prefix not served')
    t.is(refused(user(Uint8Array.of(10, 60, 0, 1), { prefixBits: 24 })), 'prefix not served')
    t.is(refused(user(six.subarray(0, 8))), 'bad key')
    t.is(refused(user(six, { identifier: 7 })), 'bad identifier')
    t.is(refused(user(six, { service: 'n3' })), 'kind not served')
    t.is(refused(install(7, 1, { service: 'n6' })), 'kind not served')
  }
  all.control.forget('n6')
  t.is(found6(prefix), null)
})
