import type { ExecutionContext } from 'ava'
import { native } from '../../native/load.ts'
import { HintError } from '../lb/hints.ts'
import { pinsFor, SmallMaps } from '../testing/datapath/small-maps.ts'
import { FakeHints } from '../testing/fake-hints.ts'
import { testWith } from '../testing/needs.ts'
import { endpoint, service } from '../testing/services.ts'
import { addressBytes } from '../wire/ip.ts'
import { hintFlags, serviceOffsets, serviceRoutes, serviceSize, settingsOffsets } from './layout.gen.ts'
import { SessionHints } from './session-hints.ts'
import { userRouteKey } from './user-routes.ts'
import type { HintChange, HintControl } from '../lb/hints.ts'
import type { Hint } from './layout.gen.ts'

const upfs = ['10.0.0.1', '10.0.0.2']
const n6 = service({
  name: 'n6',
  address: '::',
  protocol: 'any',
  port: 0,
  lastPort: 0,
  mode: 'dsr',
  encapsulation: 'ip',
  select: 'n6',
  users: ['2001:db8:60::/48', '2001:db8:61::/48'],
  endpoints: upfs.map((address) => endpoint(address, { port: 0 })),
})

const setTicks = (maps: SmallMaps, ticks: number): void =>
  maps.memory.settings.setBigUint64(settingsOffsets.replayNow, BigInt(ticks), true)

const controlOf = ({ services }: SmallMaps): SessionHints =>
  new SessionHints({
    hints: services.hints,
    placed: () => services.placed(),
    addressOf: (id) => services.endpoints.read(id).address,
  })

const kernel = (title: string, run: (t: ExecutionContext, maps: SmallMaps, control: SessionHints) => void): void =>
  testWith(['root', 'bpf'], `user routes: ${title}`, (t) => {
    const maps = SmallMaps.open(t)
    maps.add(n6)
    setTicks(maps, 1000)
    run(t, maps, controlOf(maps))
  })

const install = (address: string, prefixBits: number, upf = 0, more: Partial<HintChange> = {}): HintChange => ({
  action: 'install',
  service: 'n6',
  kind: 'ue-ip',
  key: addressBytes(address),
  prefixBits,
  endpoint: upfs[upf]!,
  identifier: null,
  graceMs: 0,
  ...more,
})
const remove = (address: string, prefixBits: number, upf = 0, graceMs = 0): HintChange =>
  install(address, prefixBits, upf, { action: 'remove', graceMs })

const found = ({ services }: SmallMaps, address: string, bits: number): Hint | null =>
  services.hints.find(userRouteKey([...services.placed().values()][0]!.id, addressBytes(address), bits))

/** What packets are told, at each prefix of the service. */
const told = ({ loaded, services }: SmallMaps): readonly number[] =>
  [...[...services.placed().values()][0]!.reach.targets.values()].map(({ key }) => {
    const value = new Uint8Array(serviceSize)
    native.mapLookup(loaded.fds.user_pools, key, value)
    return value[serviceOffsets.userRoutes]!
  })

const { shorter, longer } = serviceRoutes

kernel('packets are told of them while there are any, and of longer ones than users (N3.10)', (t, maps, control) => {
  t.deepEqual(told(maps), [0, 0])
  control.apply([install('2001:db8:60:1::', 64), install('2001:db8:60:ff00::', 56, 1)])
  t.deepEqual(told(maps), [shorter, shorter])
  control.apply([install('2001:db8:60:2::', 72)])
  t.deepEqual(told(maps), [shorter | longer, shorter | longer])
  const [first, second] = maps.endpointIds(n6)
  t.like(found(maps, '2001:db8:60:ff00::', 56), { endpoint: second, flags: 0 })
  t.like(found(maps, '2001:db8:60:2::', 72), { endpoint: first, flags: hintFlags.longer })
  // A prefix around it is not it, and bits beyond it are none.
  t.is(found(maps, '2001:db8:60:ff00::', 60), null)
  t.like(found(maps, '2001:db8:60:ffff::9', 56), { endpoint: second })
  const changed = { ...n6, allowedSources: ['2001:db8::/32'] }
  maps.apply({ kind: 'update', from: n6, to: changed })
  t.deepEqual(told(maps), [shorter | longer, shorter | longer])
  control.apply([remove('2001:db8:60:ff00::', 56, 1)])
  t.deepEqual(told(maps), [longer, longer])
  control.forget('n6')
  t.deepEqual(told(maps), [0, 0])
  t.is(found(maps, '2001:db8:60:2::', 72), null)
})

kernel('one is taken over, refused, obeyed for its grace, and counts on, as any hint', (t, maps, control) => {
  const fake = new FakeHints(() => n6)
  for (const each of [control, fake] as readonly HintControl[]) {
    each.apply([install('2001:db8:60::', 56)])
    const error = t.throws(() => each.apply([install('2001:db8:61::', 56), install('2001:db8:60::', 56, 1)]), {
      instanceOf: HintError,
    })
    t.like(error, { reason: 'conflict', index: 1 })
    each.apply([install('2001:db8:60::', 60, 1), install('2001:db8:60::', 64, 1), install('2001:db8:60::', 128, 1)])
    each.apply([install('2001:db8:60::', 56, 1, { takesOver: true }), remove('2001:db8:60::', 56, 0)])
  }
  t.deepEqual(
    [...fake.all.keys()].map((name) => name.slice(-3)),
    ['/56', '/60', '000', '128'],
  )
  t.is(found(maps, '2001:db8:61::', 56), null)
  const [, second] = maps.endpointIds(n6)
  t.like(found(maps, '2001:db8:60::', 56), { endpoint: second, expires: 0 })
  control.apply([remove('2001:db8:60::', 56, 1, 5000)])
  t.like(found(maps, '2001:db8:60::', 56), { endpoint: second, expires: 1500 })
  maps.services.collect(0)
  t.not(found(maps, '2001:db8:60::', 56), null)
  setTicks(maps, 1500)
  maps.services.collect(0)
  t.is(found(maps, '2001:db8:60::', 56), null)
  t.not(found(maps, '2001:db8:60::', 60), null)
})

kernel('one goes with its endpoint, whose number is not given out before', (t, maps, control) => {
  const [first] = maps.endpointIds(n6)
  control.apply([install('2001:db8:60::', 56)])
  const fewer = { ...n6, endpoints: n6.endpoints.slice(1) }
  maps.apply({ kind: 'update', from: n6, to: fewer })
  t.true(maps.services.hints.mayName(first!, 0))
  t.like(found(maps, '2001:db8:60::', 56), { endpoint: first })
  maps.services.collect(0)
  t.is(found(maps, '2001:db8:60::', 56), null)
  t.false(maps.services.hints.mayName(first!, 0))
})

testWith(['root', 'bpf'], 'user routes: an earlier process has left them, and they are known and told again', (t) => {
  const pins = pinsFor(t)
  const before = new SmallMaps({ pins })
  before.add(n6)
  controlOf(before).apply([install('2001:db8:60::', 56), install('2001:db8:60:2::', 72)])
  before.close()
  const maps = SmallMaps.open(t, { pins })
  maps.add(n6)
  t.like(found(maps, '2001:db8:60::', 56), { endpoint: maps.endpointIds(n6)[0] })
  t.deepEqual(told(maps), [shorter | longer, shorter | longer])
  controlOf(maps).forget('n6')
  t.deepEqual(told(maps), [0, 0])
})
