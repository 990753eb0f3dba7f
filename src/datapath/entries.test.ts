import test from 'ava'
import { endpoint, service } from '../testing/services.ts'
import { formatAddress } from '../wire/ip.ts'
import { egressEndpoints, endpointEntry, serviceEntry, tableFor, tableKey } from './entries.ts'
import { flowAction, hintKind, serviceFlags, serviceMiss, serviceSelect } from './layout.gen.ts'
import type { Service } from '../lb/model.ts'

const entryOf = (given: Partial<Service>, address = '10.0.0.1', egress: string | null = null, more = {}) =>
  endpointEntry(1, service(given), endpoint(address, more), () => egress)

test('entries: an endpoint takes new flows when it has a weight and is neither drained nor blocked', (t) => {
  const accepts = (given: object): boolean => entryOf({}, '10.0.0.1', null, given).accepts
  t.deepEqual([{}, { weight: 0 }, { drained: true }, { blocked: true }, { weight: 255 }].map(accepts), [
    true,
    false,
    false,
    false,
    true,
  ])
  t.deepEqual(
    [{}, { blocked: true }].map((given) => entryOf({}, '10.0.0.1', null, given).blocked),
    [false, true],
  )
})

const sourcesOf = (...given: Parameters<typeof entryOf>): readonly string[] =>
  entryOf(...given).sources.map((bytes) => formatAddress(bytes))

test('entries: the source that an endpoint sees follows from the mode', (t) => {
  const source = (mode: Service['mode'], egress: string | null): readonly string[] =>
    sourcesOf({ mode }, '10.0.0.1', egress)
  t.deepEqual(source('dnat', '10.0.0.254'), [])
  t.deepEqual(source('dsr', '10.0.0.254'), [])
  for (const mode of ['onearm', 'hostonearm'] as const) {
    t.deepEqual(source(mode, '10.0.0.254'), ['10.0.0.254'])
    t.deepEqual(source(mode, null), ['192.0.0.8'])
  }
  t.deepEqual(source('fullnat', '10.0.0.254'), ['192.0.2.1'])
})

test('entries: the source is of the family of the endpoint', (t) => {
  const six = { address: '2001:db8::1' }
  t.deepEqual(sourcesOf({ ...six, mode: 'dnat' }, '2001:db8::99'), [])
  t.deepEqual(sourcesOf({ ...six, mode: 'fullnat' }, '2001:db8::99'), ['2001:db8::1'])
  for (const mode of ['dnat', 'onearm', 'fullnat', 'hostonearm'] as const) {
    t.deepEqual(sourcesOf({ ...six, mode }, '10.0.0.1', '10.0.0.254'), ['10.0.0.254'], `64 ${mode}`)
    t.deepEqual(sourcesOf({ mode }, '2001:db8::99', '2001:db8::fe'), ['2001:db8::fe'], `46 ${mode}`)
  }
  t.deepEqual(sourcesOf({ mode: 'dnat' }, '2001:db8::99', null), ['100::'])
  t.deepEqual(
    sourcesOf({ ...six, secondary: ['192.0.2.5'], mode: 'fullnat' }, '10.0.0.1'),
    ['192.0.2.5'],
    'another VIP of the service is of the right family',
  )
  t.deepEqual(sourcesOf({ secondary: ['2001:db8::1'] }, '10.0.0.1', '10.0.0.254'), ['10.0.0.254'])
})

test("entries: a pool takes the place of the mode's own source, with those of the endpoint's family", (t) => {
  const sources = ['192.0.2.9', '2001:db8::9', '192.0.2.8']
  t.deepEqual(sourcesOf({ mode: 'onearm', sources }), ['192.0.2.8', '192.0.2.9'])
  t.deepEqual(sourcesOf({ mode: 'fullnat', sources }, '2001:db8::99'), ['2001:db8::9'])
  t.deepEqual(sourcesOf({ mode: 'dnat', sources: [] }), [])
})

test('entries: only endpoints whose source is an address of this host need to know it', (t) => {
  const both = [endpoint('10.0.0.1'), endpoint('2001:db8::99')]
  const needed = (given: Partial<Service>): readonly string[] =>
    egressEndpoints(service({ endpoints: both, ...given })).map(({ address }) => address)
  t.deepEqual(needed({}), ['2001:db8::99'])
  t.deepEqual(needed({ mode: 'onearm' }), ['10.0.0.1', '2001:db8::99'])
  t.deepEqual(needed({ mode: 'fullnat' }), ['2001:db8::99'])
  t.deepEqual(needed({ mode: 'fullnat', sources: ['2001:db8::9'] }), [])
  t.deepEqual(needed({ mode: 'dsr', encapsulation: 'ip' }), [])
})

test('entries: what is done to packets follows from the mode, and the weight is told', (t) => {
  t.is(entryOf({}).action, flowAction.nat)
  for (const [encapsulation, action] of [
    ['l2', flowAction.l2],
    ['ip', flowAction.encap_ip],
    ['gue', flowAction.encap_gue],
  ] as const)
    t.is(entryOf({ mode: 'dsr', encapsulation }).action, action)
  t.is(entryOf({}, '10.0.0.1', null, { weight: 7 }).weight, 7)
})

const place = {
  id: 5,
  table: { pages: { start: 3, length: 1 }, slotCount: 251 },
  members: { start: 40, length: 2 },
}
const written = (given: Partial<Service>) => serviceEntry(service(given), place, 9, 250)

test('entries: a service says where its table and members stand', (t) => {
  t.like(written({}), {
    id: 5,
    seed: 9,
    firstPage: 3,
    slotCount: 251,
    memberBase: 40,
    memberCount: 2,
    flags: 0,
    hint: hintKind.none,
    miss: serviceMiss.hash,
    affinityTicks: 0,
    embryonicLimit: 0,
  })
})

test('entries: each selection is read in its way, and looks for its session key', (t) => {
  const read = (given: Partial<Service>): readonly number[] => {
    const { select, hint, flags } = written(given)
    return [select, hint, flags & serviceFlags.stateless]
  }
  const { stateless } = serviceFlags
  t.deepEqual(read({ select: 'priority' }), [serviceSelect.rr, hintKind.none, 0])
  t.deepEqual(read({ select: 'lc' }), [serviceSelect.lc, hintKind.none, 0])
  t.deepEqual(read({ select: 'persist' }), [serviceSelect.persist, hintKind.none, 0])
  t.deepEqual(read({ select: 'n3', protocol: 'udp', port: 2152 }), [serviceSelect.n3, hintKind.teid, stateless])
  t.deepEqual(read({ select: 'hint', protocol: 'udp', port: 8805 }), [serviceSelect.hint, hintKind.seid, stateless])
  t.deepEqual(read({ select: 'hint', protocol: 'udp', port: 2152 }), [serviceSelect.hint, hintKind.teid, stateless])
  t.deepEqual(read({ select: 'hint', protocol: 'sctp', port: 2152 }), [serviceSelect.hint, hintKind.client, 0])
  t.deepEqual(read({ select: 'quic', protocol: 'udp', port: 443 }), [serviceSelect.quic, hintKind.quic, 0])
})

test('entries: times are in ticks, limits as they are', (t) => {
  t.is(written({ select: 'persist', persistTimeout: 10 }).affinityTicks, 2500)
  t.is(written({ select: 'persist', persistTimeout: 0.001 }).affinityTicks, 1)
  t.is(written({ embryonicLimit: 77 }).embryonicLimit, 77)
})

test('entries: flags say what a service asks of packets', (t) => {
  const flags = (given: Partial<Service>): number => written(given).flags
  const quic = { serverIdLength: 4, nonceLength: 8, key: null, configId: 2 }
  t.is(flags({ outOfTheBlue: 'abort', protocol: 'sctp' }), serviceFlags.abort)
  t.is(flags({ allowedSources: ['10.0.0.0/8'] }), serviceFlags.sources)
  t.is(flags({ alg: 'ftp' }), serviceFlags.punt)
  t.is(flags({ select: 'quic', protocol: 'udp', quic }), 0)
  t.is(flags({ select: 'quic', protocol: 'udp', quic: { ...quic, key: '00'.repeat(16) } }), serviceFlags.quicEncrypted)
  t.like(written({ select: 'quic', quic }), { quicOffset: 0x21, quicLength: 4 })
  t.is(flags({ select: 'hash' }), serviceFlags.recreate)
  t.is(flags({ select: 'hash', mode: 'fullnat' }), 0)
  t.is(flags({ select: 'hash', outOfTheBlue: 'drop' }), 0)
  t.is(flags({ select: 'rr', outOfTheBlue: 'hash' }), 0, 'its table does not tell')
})

test('entries: services with equal keys have equal tables, and what changes the table changes the key', (t) => {
  const web = service({ select: 'hash' })
  const [a, b] = web.endpoints
  const others = [
    service({ select: 'rr' }),
    service({ select: 'hash', endpoints: [b!, a!] }),
    service({ select: 'hash', endpoints: [a!] }),
    service({ select: 'hash', endpoints: [{ ...a!, weight: 2 }, b!] }),
    service({ select: 'hash', endpoints: [{ ...a!, drained: true }, b!] }),
    service({ select: 'hash', endpoints: [{ ...a!, port: 1 }, b!] }),
    service({ select: 'hash', endpoints: [{ ...a!, blocked: true }, b!] }),
  ]
  for (const other of others) t.not(tableKey(other, 1), tableKey(web, 1))
  t.not(tableKey(web, 2), tableKey(web, 1))
  const same = service({ select: 'hash', port: 99, mode: 'fullnat', name: 'x', annotations: { a: 1 } })
  t.is(tableKey(same, 1), tableKey(web, 1))
  t.deepEqual(tableFor(same, 1).slots, tableFor(web, 1).slots)
})

test('entries: selections that fall back on a hash share their tables', (t) => {
  const keys = (['hash', 'persist', 'n3', 'hint', 'quic'] as const).map((select) => tableKey(service({ select }), 1))
  t.is(new Set(keys).size, 1)
  const tables = (['hash', 'persist', 'n3', 'hint', 'quic'] as const).map((select) => tableFor(service({ select }), 1))
  for (const { slots } of tables) t.deepEqual(slots, tables[0]?.slots)
})

test('entries: a priority makes another table only where it counts', (t) => {
  const [a, b] = service().endpoints
  const endpoints = [{ ...a!, priority: 1 }, b!]
  t.is(tableKey(service({ endpoints }), 1), tableKey(service(), 1))
  t.not(tableKey(service({ select: 'priority', endpoints }), 1), tableKey(service({ select: 'priority' }), 1))
})
