// By what packets reach services: in the maps, through changes, and after a restart.

import type { ExecutionContext } from 'ava'
import { native } from '../../native/load.ts'
import { pinsFor, SmallMaps } from '../testing/datapath/small-maps.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { addressBytes, formatAddress } from '../wire/ip.ts'
import {
  endpointFlags,
  endpointReturnSize,
  readEndpointReturn,
  readService,
  readSnatPool,
  serviceFlags,
  serviceKeySize,
  serviceRangeKeySize,
  serviceSize,
  settingsFeatures,
  settingsOffsets,
  snatPoolSize,
  sourceKeySize,
  writeServiceRangeKey,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import { serviceKeyBytes } from './reach.ts'
import type { Service } from '../lb/model.ts'
import type { MapName } from './sizes.ts'

const kernel = (title: string, run: (t: ExecutionContext, maps: SmallMaps) => void): void =>
  testWith(['root', 'bpf'], title, (t) => run(t, SmallMaps.open(t)))

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const keys = (maps: SmallMaps, name: MapName, size: number): readonly string[] =>
  mapKeys(maps.loaded.fds[name], size).map(hex).toSorted()
const features = (maps: SmallMaps): number => maps.memory.settings.getUint16(settingsOffsets.features, true)
const isSessionPort = (maps: SmallMaps, port: number): boolean =>
  ((maps.memory.sessionPorts[port >> 6]! >> BigInt(port & 63)) & 1n) === 1n

/** All keys by which packets reach anything. */
const reached = (maps: SmallMaps): unknown => ({
  services: keys(maps, 'services', serviceKeySize),
  ranges: keys(maps, 'service_ranges', serviceRangeKeySize),
  sources: keys(maps, 'sources', sourceKeySize),
  returns: keys(maps, 'returns', serviceKeySize),
  ports: maps.memory.sessionPorts.some((word) => word !== 0n),
  vips: ['192.0.2.1', '192.0.2.2', '2001:db8::1'].map((vip) => [maps.vip(vip), maps.vipHasRanges(vip)]),
  features: features(maps),
})

kernel('reach: every VIP of a service leads to the same', (t, maps) => {
  const web = service({ secondary: ['192.0.2.2', '2001:db8::1'] })
  maps.add(web)
  const entries = maps.entries(web).map((entry) => ({ ...entry, tag: 0 }))
  t.is(entries.length, 3)
  t.deepEqual(entries, [entries[0], entries[0], entries[0]])
  t.is(new Set(maps.entries(web).map((entry) => entry?.tag)).size, 3, 'each with the tag of its key')
  t.deepEqual(
    ['192.0.2.1', '192.0.2.2', '2001:db8::1'].map((vip) => maps.vip(vip)),
    [1, 1, 1],
  )
})

kernel('reach: a VIP that is taken from a service is its no more, the others stay', (t, maps) => {
  const before = service({ secondary: ['192.0.2.2'] })
  const after = service({ secondary: ['2001:db8::1'] })
  maps.add(before)
  maps.update(before, after)
  t.is(maps.entry(service({ address: '192.0.2.2' })), null)
  t.is(maps.entry(service({ address: '2001:db8::1' }))?.id, 1)
  t.deepEqual(
    ['192.0.2.1', '192.0.2.2', '2001:db8::1'].map((vip) => maps.vip(vip)),
    [1, 0, 1],
  )
})

kernel('reach: a VIP may go from one service to another in one change, in either order', (t, maps) => {
  const [a, b] = [service({ secondary: ['192.0.2.9'] }), service({ address: '192.0.2.2' })]
  const [less, more] = [service(), service({ address: '192.0.2.2', secondary: ['192.0.2.9'] })]
  const moved = service({ address: '192.0.2.9' })
  maps.add(a, b)
  maps.apply({ kind: 'update', from: b, to: more }, { kind: 'update', from: a, to: less })
  t.is(maps.entry(moved)?.id, maps.entry(b)?.id)
  t.is(maps.vip('192.0.2.9'), 1)
  maps.apply({ kind: 'update', from: more, to: b }, { kind: 'update', from: less, to: a })
  t.is(maps.entry(moved)?.id, maps.entry(a)?.id)
  t.is(maps.vip('192.0.2.9'), 1)
})

/** Which service the trie finds for a TCP packet to a port: a lookup names the whole key. */
const inRange = (maps: SmallMaps, port: number): number | null => {
  const key = new Uint8Array(serviceRangeKeySize)
  writeServiceRangeKey(new DataView(key.buffer), 0, {
    prefixBits: 168,
    address: addressBytes('192.0.2.1'),
    zone: 0,
    protocol: 6,
    port: Uint8Array.of(port >> 8, port & 0xff),
  })
  const value = new Uint8Array(serviceSize)
  const found = native.mapLookup(maps.loaded.fds.service_ranges, key, value)
  return found ? readService(new DataView(value.buffer), 0).id : null
}

kernel(
  "reach: every port of a range is the service's, the next ones are not; any port is the last resort",
  (t, maps) => {
    const range = service({ port: 8001, lastPort: 8100 })
    const rest = service({ port: 0 })
    maps.add(range)
    t.deepEqual(
      [8000, 8001, 8064, 8100, 8101].map((port) => inRange(maps, port)),
      [null, 1, 1, 1, null],
    )
    maps.add(rest)
    t.deepEqual(
      [1, 8000, 8001, 8100, 8101, 65_535].map((port) => inRange(maps, port)),
      [2, 2, 1, 1, 2, 2],
    )
    t.true(maps.vipHasRanges('192.0.2.1'))
    t.is(features(maps), settingsFeatures.ranges)
    maps.remove(rest)
    t.deepEqual(
      [8000, 8001].map((port) => inRange(maps, port)),
      [null, 1],
    )
    t.true(maps.vipHasRanges('192.0.2.1'))
    const one = service({ port: 8001 })
    maps.update(range, one)
    t.deepEqual([inRange(maps, 8001), maps.entry(one)?.id, maps.vipHasRanges('192.0.2.1')], [null, 1, false])
    t.is(maps.vip('192.0.2.1'), 1)
    t.is(features(maps), 0)
  },
)

kernel('reach: steps of the fast path are on while a service needs them', (t, maps) => {
  const marked = service({ mark: 5 })
  const everywhere = service({ mode: 'hostonearm', address: '0.0.0.0' })
  const n3 = service({ select: 'n3', protocol: 'udp', port: 2152 })
  const other = service({ select: 'n3', protocol: 'udp', port: 2152, address: '192.0.2.2' })
  t.is(features(maps), 0)
  maps.add(marked, everywhere, n3, other)
  const { marks, host, sessions } = settingsFeatures
  t.is(features(maps), marks | host | sessions)
  maps.remove(n3)
  t.is(features(maps), marks | host | sessions)
  maps.remove(other, marked)
  t.is(features(maps), host)
  maps.remove(everywhere)
  t.is(features(maps), 0)
})

kernel('reach: a mark and every address of this host are no VIPs', (t, maps) => {
  maps.add(service({ mark: 5 }), service({ mode: 'hostonearm', address: '0.0.0.0' }))
  t.deepEqual([maps.vip('192.0.2.1'), maps.vip('0.0.0.0')], [0, 0])
  t.truthy(maps.entry(service({ mark: 5 })))
  t.is(maps.entry(service({ mark: 6 })), null)
})

kernel('reach: sources are those of the service, before it asks for them and until it no longer does', (t, maps) => {
  const open = service()
  const closed = service({ allowedSources: ['10.0.0.0/8', '2001:db8::/32'] })
  const other = service({ port: 81, allowedSources: ['10.0.0.0/8'] })
  maps.add(open, other)
  t.is(keys(maps, 'sources', sourceKeySize).length, 1)
  maps.update(open, closed)
  t.is(keys(maps, 'sources', sourceKeySize).length, 3)
  t.is(maps.entry(closed)?.flags, serviceFlags.sources)
  maps.update(closed, { ...closed, allowedSources: ['10.0.0.0/8'] })
  t.is(keys(maps, 'sources', sourceKeySize).length, 2)
  maps.update({ ...closed, allowedSources: ['10.0.0.0/8'] }, open)
  t.deepEqual([keys(maps, 'sources', sourceKeySize).length, maps.entry(open)?.flags], [1, 0])
  maps.remove(other)
  t.is(keys(maps, 'sources', sourceKeySize).length, 0)
})

const wayBack = (maps: SmallMaps, address: string, port: number) => {
  const value = new Uint8Array(endpointReturnSize)
  const key = serviceKeyBytes({ address, port, protocol: 'udp' })
  if (!native.mapLookup(maps.loaded.fds.returns, key, value)) return null
  const found = readEndpointReturn(new DataView(value.buffer), 0)
  return { ...found, address: formatAddress(found.address) }
}

kernel('reach: packets of endpoints without flows find their way back', (t, maps) => {
  const upf = [endpoint('10.0.0.1', { port: 2152 }), endpoint('2001:db8::99', { port: 2153 })]
  const n3 = service({ select: 'n3', protocol: 'udp', port: 2152, secondary: ['2001:db8::1'], endpoints: upf })
  const same = service({ select: 'n3', protocol: 'udp', port: 2152, address: '192.0.2.7', endpoints: upf.slice(0, 1) })
  maps.add(n3, same)
  const [first, second] = maps.endpointIds(n3)
  t.deepEqual(wayBack(maps, '10.0.0.1', 2152), {
    address: '192.0.2.1',
    port: 2152,
    hint: 1,
    service: 1,
    endpoint: first,
  })
  t.deepEqual(wayBack(maps, '2001:db8::99', 2153), {
    address: '2001:db8::1',
    port: 2152,
    hint: 1,
    service: 1,
    endpoint: second,
  })
  t.deepEqual(
    [2151, 2152, 2153].map((port) => isSessionPort(maps, port)),
    [false, true, true],
  )
  maps.remove(n3)
  t.like(wayBack(maps, '10.0.0.1', 2152), { address: '192.0.2.7', service: 2 }, 'the other service has it now')
  t.is(wayBack(maps, '2001:db8::99', 2153), null)
  t.deepEqual(
    [2152, 2153].map((port) => isSessionPort(maps, port)),
    [true, false],
  )
  maps.remove(same)
  t.deepEqual([wayBack(maps, '10.0.0.1', 2152), isSessionPort(maps, 2152)], [null, false])
})

kernel('services: an idle time-out of its own is told by number, and goes with the next change', (t, maps) => {
  const short = service({ idleTimeout: 20, resetOnIdle: true })
  maps.add(short)
  t.deepEqual(maps.memory.serviceIdle.slice(2, 4), Uint32Array.of(2000, 1))
  maps.update(short, service())
  t.deepEqual(maps.memory.serviceIdle.slice(2, 4), Uint32Array.of(0, 0))
})

kernel('services: sessions of PFCP are remembered for a week, where nothing else is said', (t, maps) => {
  const pfcp = { select: 'hint', protocol: 'udp', port: 8805 } as const
  maps.add(service(pfcp))
  t.is(maps.memory.serviceIdle[2], 7 * 86_400 * 100)
  maps.update(service(pfcp), service({ ...pfcp, idleTimeout: 60 }))
  t.is(maps.memory.serviceIdle[2], 60 * 100)
  maps.add(service({ ...pfcp, port: 2152 }))
  t.is(maps.memory.serviceIdle[4], 0, 'of tunnels nothing is learnt')
})

kernel('services: learnt SEIDs are counted from zero for a new service', (t, maps) => {
  maps.memory.seidCounts.set([9n, 7n], 2)
  const pfcp = service({ select: 'hint', protocol: 'udp', port: 8805 })
  maps.add(pfcp)
  t.deepEqual(maps.memory.seidCounts.slice(2, 4), BigUint64Array.of(0n, 0n))
  maps.memory.seidCounts.set([9n, 7n], 2)
  maps.update(pfcp, { ...pfcp, idleTimeout: 60 })
  t.deepEqual(maps.memory.seidCounts.slice(2, 4), BigUint64Array.of(9n, 7n))
})

kernel('services: flows that are not established are counted from zero for a new service', (t, maps) => {
  maps.memory.embryonic[1] = 77n
  maps.add(service({ embryonicLimit: 100 }))
  t.is(maps.memory.embryonic[1], 0n)
  maps.memory.embryonic[1] = 5n
  maps.update(service({ embryonicLimit: 100 }), service({ embryonicLimit: 50 }))
  t.is(maps.memory.embryonic[1], 5n)
  t.is(maps.entry(service())?.embryonicLimit, 50)
})

kernel('services: several sources are a pool, with ports of its own for each towards each endpoint', (t, maps) => {
  const sources = ['198.51.100.2', '198.51.100.1', '2001:db8::5']
  const snat = service({ mode: 'onearm', sources })
  const same = service({ port: 81, mode: 'fullnat', sources: sources.toReversed(), endpoints: [endpoint('10.0.0.1')] })
  const one = service({ port: 82, mode: 'onearm', sources: ['198.51.100.9'] })
  maps.add(snat, same, one)
  const read = (each: Service) => maps.endpointIds(each).map((id) => maps.services.endpoints.read(id))
  const [first, second] = read(snat)
  t.true(first!.pool > 0)
  t.is(first!.pool, second!.pool)
  t.is(formatAddress(first!.source), '198.51.100.1')
  t.is(Math.abs(first!.portBlock - second!.portBlock), 2, 'two addresses, two blocks in a row')
  t.like(read(same)[0], { pool: first!.pool, portBlock: first!.portBlock })
  const pool = readSnatPool(maps.memory.snatPools, first!.pool * snatPoolSize)
  t.deepEqual(
    [
      pool.count,
      ...Array.from(pool.addresses)
        .slice(0, 3)
        .map((address) => formatAddress(address)),
    ],
    [2, '198.51.100.1', '198.51.100.2', '::'],
  )
  t.deepEqual(
    read(one).map(({ pool: none, source }) => [none, formatAddress(source)]),
    [
      [0, '198.51.100.9'],
      [0, '198.51.100.9'],
    ],
  )
})

kernel(
  'services: of masquerade the endpoint says where packets go anyway, and the pool is known for fragments',
  (t, maps) => {
    maps.add(out)
    const [id = 0] = maps.endpointIds(out)
    const { accepts, asAddressed } = endpointFlags
    t.like(maps.services.endpoints.read(id), { flags: accepts | asAddressed, port: 0 })
    t.true(maps.services.endpoints.read(id).pool > 0)
    t.like(maps.entry(out), { memberCount: 1, flags: 0 })
    t.deepEqual(
      out.sources.map((each) => maps.vip(each)),
      [0x20000000, 0x20000000],
    )
    const fewer = { ...out, sources: ['198.51.100.1'] }
    maps.update(out, fewer)
    t.deepEqual(
      out.sources.map((each) => maps.vip(each)),
      [0x20000000, 0],
    )
    maps.remove(fewer)
    t.is(maps.vip('198.51.100.1'), 0)
    t.is(maps.entry(out), null)
  },
)

testWith(['root', 'bpf'], 'services: inside prefixes are counted with the sources of services', (t) => {
  const maps = SmallMaps.open(t, { sizes: { sources: 4 } })
  const inside = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']
  maps.add(service({ allowedSources: ['10.0.0.0/8', '192.168.0.0/16'] }))
  t.throws(() => maps.add({ ...out, allowedSources: inside }), { message: /limits\.sources/ })
  t.notThrows(() => maps.add({ ...out, allowedSources: inside.slice(1) }))
})

kernel('services: an endpoint that is blocked takes nothing, and is told for its flows to go', (t, maps) => {
  const [a, b] = service().endpoints
  const blocked = service({ endpoints: [{ ...a!, blocked: true }, b!] })
  maps.add(service())
  const [first = 0, second = 0] = maps.endpointIds(service())
  maps.memory.activeFlows[first] = 2n
  maps.memory.activeFlows[second] = 2n
  t.deepEqual(maps.services.toFlush(), new Set())
  maps.update(service(), blocked)
  t.is(maps.services.endpoints.read(first).flags, 6, 'blocked, and down for hints')
  t.deepEqual(maps.services.toFlush(), new Set([first]))
  t.deepEqual([...new Set(maps.slots(blocked))], [second])
  maps.memory.activeFlows[first] = 0n
  t.deepEqual(maps.services.toFlush(), new Set())
  maps.memory.activeFlows[first] = 1n
  maps.update(blocked, service())
  t.deepEqual(maps.services.toFlush(), new Set())
})

kernel('services: what is removed leaves nothing behind', (t, maps) => {
  const then = reached(maps)
  const all = [
    service({ secondary: ['192.0.2.2', '2001:db8::1'], allowedSources: ['10.0.0.0/8'] }),
    service({ port: 8000, lastPort: 8100 }),
    service({ select: 'n3', protocol: 'udp', port: 2152 }),
    service({ mark: 3 }),
  ]
  const small = all.map((each) => ({ ...each, endpoints: each.endpoints.slice(0, 1), secondary: [] }))
  maps.add(...small)
  t.notDeepEqual(reached(maps), then)
  maps.remove(...small)
  t.deepEqual(reached(maps), then)
  t.true(all.length > 0)
})

const out = service({
  mode: 'masquerade',
  address: '0.0.0.0',
  port: 0,
  endpoints: [],
  allowedSources: ['10.0.0.0/8'],
  sources: ['198.51.100.1', '198.51.100.2'],
})

const everything = [
  out,
  service({
    secondary: ['192.0.2.2', '2001:db8::1'],
    allowedSources: ['10.0.0.0/8'],
    endpoints: [endpoint('10.0.0.1')],
  }),
  service({ port: 8001, lastPort: 8100, mode: 'onearm', sources: ['198.51.100.1', '198.51.100.2'] }),
  service({ select: 'n3', protocol: 'udp', port: 2152 }),
  service({ mark: 3, endpoints: [endpoint('10.0.0.9')] }),
  service({ mode: 'hostonearm', address: '0.0.0.0', endpoints: [endpoint('10.0.0.9')] }),
  service({ port: 0, protocol: 'sctp', endpoints: [endpoint('10.0.0.9', { port: 0 })] }),
]
const sizes = { services: 16, endpoints: 16 }

testWith(['root', 'bpf'], 'adopt: all ways to reach services stay what they are, and so do ids', (t) => {
  const pins = pinsFor(t)
  const first = SmallMaps.open(t, { pins, sizes })
  first.add(...everything)
  const before = { reached: reached(first), entries: everything.map((each) => first.entries(each)) }
  const ids = everything.map((each) => first.endpointIds(each))
  const endpoints = ids.flat().map((id) => first.services.endpoints.read(id))
  first.memory.sessionPorts[1] = 1n
  const maps = SmallMaps.open(t, { pins, sizes })
  t.deepEqual(reached(maps), before.reached)
  t.is(maps.memory.sessionPorts[1], 0n, "what is nobody's is gone")
  maps.add(...everything)
  maps.settle()
  t.deepEqual({ reached: reached(maps), entries: everything.map((each) => maps.entries(each)) }, before)
  t.deepEqual(
    everything.map((each) => maps.endpointIds(each)),
    ids,
  )
  t.deepEqual(
    ids.flat().map((id) => maps.services.endpoints.read(id)),
    endpoints,
  )
  t.is(maps.services.placed().size, everything.length)
  maps.remove(...everything)
  t.deepEqual(reached(maps), {
    services: [],
    ranges: [],
    sources: [],
    returns: [],
    ports: false,
    vips: [
      [0, false],
      [0, false],
      [0, false],
    ],
    features: 0,
  })
})

testWith(['root', 'bpf'], 'adopt: a service that comes back with other VIPs is the one it was', (t) => {
  const pins = pinsFor(t)
  const first = SmallMaps.open(t, { pins, sizes })
  const before = service({ secondary: ['192.0.2.2'] })
  first.add(service({ port: 9 }), before)
  const ids = first.endpointIds(before)
  const maps = SmallMaps.open(t, { pins, sizes })
  const after = service({ address: '192.0.2.2', secondary: ['192.0.2.3'] })
  maps.add(after)
  t.deepEqual(
    maps.entries(after).map((entry) => entry?.id),
    [2, 2],
  )
  t.deepEqual(maps.endpointIds(after), ids)
  t.deepEqual(
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((vip) => maps.vip(vip)),
    [0, 1, 1],
  )
  t.is(maps.services.placed().size, 1)
})

testWith(['root', 'bpf'], 'adopt: keys that a killed daemon left with two contents get one', (t) => {
  const pins = pinsFor(t)
  const first = SmallMaps.open(t, { pins, sizes })
  const web = service({ secondary: ['192.0.2.2'] })
  first.add(web)
  const old = new Uint8Array(serviceSize)
  const key = serviceKeyBytes({ ...web, address: '192.0.2.2' })
  native.mapLookup(first.loaded.fds.services, key, old)
  first.update(web, { ...web, endpoints: [endpoint('10.0.0.7')] })
  native.mapUpdate(first.loaded.fds.services, key, old)
  const maps = SmallMaps.open(t, { pins, sizes })
  const [a, b] = maps.entries(web)
  t.deepEqual({ ...a, tag: 0 }, { ...b, tag: 0 })
})
