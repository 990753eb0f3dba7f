import type { ExecutionContext } from 'ava'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { serviceKey } from '../lb/model.ts'
import { formatAddress } from '../wire/ip.ts'
import { endpointFlags, serviceFlags, serviceSelect } from './layout.gen.ts'
import type { Service } from '../lb/model.ts'

const kernel = (title: string, run: (t: ExecutionContext) => void): void => testWith(['root', 'bpf'], title, run)

const accepts = (maps: SmallMaps, id: number): boolean =>
  (maps.services.endpoints.read(id).flags & endpointFlags.accepts) !== 0

const distinct = (ids: readonly number[]): readonly number[] => [...new Set(ids)].toSorted((a, b) => a - b)

const source = (maps: SmallMaps, id: number): string => formatAddress(maps.services.endpoints.read(id).source)

kernel('services: one that is added is there with its table, its endpoints and its VIP', (t) => {
  const maps = SmallMaps.open(t)
  const web = service({ select: 'hash', endpoints: [endpoint('10.0.0.1', { weight: 2 }), endpoint('10.0.0.2')] })
  maps.add(web)
  const entry = maps.entry(web)
  t.like(entry, { id: 1, select: serviceSelect.hash, flags: serviceFlags.recreate, seed: 1, memberCount: 2 })
  const ids = maps.endpointIds(web)
  t.is(new Set(ids).size, 2)
  t.deepEqual(distinct(maps.slots(web)), ids)
  for (const [index, id] of ids.entries()) {
    const written = maps.services.endpoints.read(id)
    t.like(written, { service: 1, port: 8080, portBlock: 0 })
    t.is(formatAddress(written.address), web.endpoints[index]!.address)
    t.true(accepts(maps, id))
  }
  t.is(maps.vip(web.address), 1)
  t.is(maps.services.serviceOf(1), web)
})

kernel('services: ids stay through every update, and the order of endpoints does not matter to them', (t) => {
  const maps = SmallMaps.open(t)
  const first = service()
  maps.add(first)
  const ids = maps.endpointIds(first)
  const id = maps.entry(first)?.id
  const [a, b] = [endpoint('10.0.0.1', { weight: 3 }), endpoint('10.0.0.2', { drained: true })]
  let before = first
  for (const change of [
    { endpoints: [a, b] },
    { endpoints: [a, b], select: 'hash', name: 'renamed' },
    { endpoints: [a, b], mode: 'fullnat' },
    { endpoints: [b, a] },
  ] as const) {
    const after = { ...first, ...change }
    maps.update(before, after)
    t.is(maps.entry(after)?.id, id)
    t.deepEqual(distinct(maps.endpointIds(after)), ids)
    before = after
  }
  t.deepEqual(maps.endpointIds(before), [ids[1], ids[0]])
  t.deepEqual(distinct(maps.slots(before)), [ids[0]], 'the drained endpoint has no slot')
  t.is(maps.vip(first.address), 1)
})

kernel('services: only hash with dnat makes flows again from the middle of a connection', (t) => {
  const maps = SmallMaps.open(t)
  let before: Service | null = null
  for (const select of ['rr', 'hash'] as const)
    for (const mode of ['dnat', 'onearm', 'fullnat'] as const) {
      const next = service({ select, mode })
      if (before) maps.update(before, next)
      else maps.add(next)
      t.is(
        maps.entry(next)?.flags,
        select === 'hash' && mode === 'dnat' ? serviceFlags.recreate : 0,
        `${select} ${mode}`,
      )
      before = next
    }
})

kernel('services: an endpoint with weight 0, or drained, takes no new flows and stays a member', (t) => {
  const maps = SmallMaps.open(t)
  const web = service({
    endpoints: [endpoint('10.0.0.1', { weight: 0 }), endpoint('10.0.0.2', { drained: true }), endpoint('10.0.0.3')],
  })
  maps.add(web)
  const ids = maps.endpointIds(web)
  t.deepEqual(
    ids.map((id) => accepts(maps, id)),
    [false, false, true],
  )
  t.is(maps.entry(web)?.memberCount, 3)
  t.deepEqual(distinct(maps.slots(web)), [ids[2]])
})

kernel('services: without an endpoint that takes flows the table is empty, and another cannot be hit by that', (t) => {
  const maps = SmallMaps.open(t)
  const down = service({ endpoints: [endpoint('10.0.0.1', { drained: true })] })
  const none = service({ port: 81, endpoints: [] })
  const up = service({ port: 82 })
  maps.add(down, none, up)
  t.is(maps.entry(down)?.slotCount, 0)
  t.is(maps.entry(none)?.slotCount, 0)
  t.is(maps.entry(up)?.slotCount, 2)
})

kernel('services: the mode decides the source that an endpoint sees', (t) => {
  const egress = new Map([['10.0.0.1', '10.0.0.254']])
  const maps = SmallMaps.open(t, { egress: (address) => egress.get(address) ?? null })
  const dnat = service()
  maps.add(dnat)
  const ids = maps.endpointIds(dnat)
  const sources = (): readonly string[] => ids.map((id) => source(maps, id))
  const blocks = (): readonly number[] => ids.map((id) => maps.services.endpoints.read(id).portBlock)
  t.deepEqual(blocks(), [0, 0])

  const fullnat = service({ mode: 'fullnat' })
  maps.update(dnat, fullnat)
  t.deepEqual(sources(), ['192.0.2.1', '192.0.2.1'])
  t.is(new Set(blocks()).size, 2)
  t.false(blocks().includes(0))

  const onearm = service({ mode: 'onearm' })
  maps.update(fullnat, onearm)
  // Without a route there is no egress address, and the client's must not leave all the same.
  t.deepEqual(sources(), ['10.0.0.254', '192.0.0.8'])

  egress.set('10.0.0.2', '10.0.1.254').set('10.0.0.1', '10.0.0.253')
  maps.services.refreshEgress()
  t.deepEqual(sources(), ['10.0.0.253', '10.0.1.254'])

  maps.update(onearm, dnat)
  t.deepEqual(blocks(), [0, 0])
  t.deepEqual(sources(), ['::', '::'])
})

kernel('services: endpoints that look alike to each other share their source ports, others do not', (t) => {
  const maps = SmallMaps.open(t, { sizes: { services: 8, endpoints: 16 } })
  const server = [endpoint('10.0.0.1')]
  const one = service({ mode: 'fullnat', endpoints: server })
  const same = service({ mode: 'fullnat', endpoints: server, port: 81 })
  const udp = service({ mode: 'fullnat', endpoints: server, protocol: 'udp' })
  const otherVip = service({ mode: 'fullnat', endpoints: server, address: '192.0.2.2' })
  const otherPort = service({ mode: 'fullnat', endpoints: [endpoint('10.0.0.1', { port: 9 })], port: 82 })
  const all = [one, same, udp, otherVip, otherPort]
  maps.add(...all)
  const blocks = all.map((each) => maps.services.endpoints.read(maps.endpointIds(each)[0]!).portBlock)
  t.is(blocks[0], blocks[1])
  t.is(new Set(blocks).size, 4)
})

kernel('services: a VIP is one until its last service has gone', (t) => {
  const maps = SmallMaps.open(t)
  const [web, dns, other] = [service(), service({ protocol: 'udp' }), service({ address: '192.0.2.9' })]
  maps.add(web, dns, other)
  t.deepEqual([maps.vip('192.0.2.1'), maps.vip('192.0.2.9')], [2, 1])
  maps.remove(web)
  t.is(maps.vip('192.0.2.1'), 1)
  maps.remove(dns)
  t.deepEqual([maps.vip('192.0.2.1'), maps.vip('192.0.2.9')], [0, 1])
  t.is(maps.entry(web), null)
})

kernel('services: the id of a removed endpoint is free when its flows have gone and grace has passed', (t) => {
  const maps = SmallMaps.open(t)
  const both = service()
  const one = service({ endpoints: [endpoint('10.0.0.1')] })
  maps.add(both)
  const [kept, gone] = maps.endpointIds(both)
  maps.memory.activeFlows[gone!] = 2n
  maps.update(both, one)
  t.deepEqual(maps.endpointIds(one), [kept])
  t.false(accepts(maps, gone!), 'it takes no new flows')
  t.is(formatAddress(maps.services.endpoints.read(gone!).address), '10.0.0.2', 'its flows find it')

  maps.settle()
  t.is(maps.services.endpoints.read(gone!).service, 1)
  t.deepEqual(maps.services.endpoints.retiredBefore(maps.now), new Set([gone]))
  maps.memory.activeFlows[gone!] = 0n
  maps.services.collect(1000)
  t.is(maps.services.endpoints.read(gone!).service, 0)

  maps.count('endpoint_counters', gone!)
  const again = service({ endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.3')] })
  maps.update(one, again)
  t.deepEqual(maps.endpointIds(again), [kept, gone])
  t.false(maps.counted('endpoint_counters', gone!), 'a new owner begins at zero')
})

kernel('services: an endpoint that has just been removed keeps its id for the grace period', (t) => {
  const maps = SmallMaps.open(t)
  const both = service()
  const one = service({ endpoints: [endpoint('10.0.0.1')] })
  maps.add(both)
  const gone = maps.endpointIds(both)[1]!
  maps.update(both, one)
  maps.now += 999
  maps.services.collect(1000)
  t.is(maps.services.endpoints.read(gone).service, 1)
  maps.now += 1
  maps.services.collect(1000)
  t.is(maps.services.endpoints.read(gone).service, 0)
})

kernel(
  'services: one that comes back while its endpoints drain gets its ids again, and their flows are not drained',
  (t) => {
    const maps = SmallMaps.open(t)
    const web = service({ name: 'web' })
    maps.add(web)
    const before = maps.endpointIds(web)
    for (const id of before) maps.memory.activeFlows[id] = 1n
    maps.remove(web)
    maps.settle()
    t.is(maps.services.serviceOf(1)?.name, 'web')

    maps.add({ ...web, name: 'again' })
    t.is(maps.entry(web)?.id, 1)
    t.deepEqual(maps.endpointIds(web), before)
    t.is(maps.services.serviceOf(1)?.name, 'again')
    t.is(maps.services.endpoints.retiredBefore(Infinity).size, 0)

    for (const id of before) maps.memory.activeFlows[id] = 0n
    maps.settle()
    t.deepEqual(maps.endpointIds(web), before)
  },
)

kernel('services: an endpoint that comes back while it drains is the one it was, in its own service only', (t) => {
  const maps = SmallMaps.open(t)
  const both = service({ mode: 'fullnat' })
  const one = { ...both, endpoints: [endpoint('10.0.0.1')] }
  maps.add(both)
  const [, second = 0] = maps.endpointIds(both)
  const block = maps.services.endpoints.read(second).portBlock
  maps.memory.activeFlows[second] = 3n
  maps.count('endpoint_counters', second)
  maps.update(both, one)
  maps.settle()
  const other = service({ port: 81 })
  maps.add(other)
  t.false(maps.endpointIds(other).includes(second))
  maps.update(one, both)
  t.is(maps.endpointIds(both)[1], second)
  t.true(accepts(maps, second))
  t.is(maps.services.endpoints.read(second).portBlock, block, 'its flows have their ports from there')
  t.is(maps.services.endpoints.activeFlows(second), 3)
  t.true(maps.counted('endpoint_counters', second))
})

kernel('services: an id that is given again counts from zero', (t) => {
  const maps = SmallMaps.open(t, { sizes: { services: 1 } })
  const web = service()
  maps.add(web)
  maps.count('service_counters', 1)
  maps.remove(web)
  maps.settle()
  const dns = service({ protocol: 'udp' })
  maps.add(dns)
  t.is(maps.entry(dns)?.id, 1)
  t.false(maps.counted('service_counters', 1))
  maps.count('service_counters', 1)
  maps.update(dns, { ...dns, select: 'hash' })
  t.true(maps.counted('service_counters', 1), 'an update keeps the counters')
})

kernel('services: equal endpoints and weights are one table for all who have them', (t) => {
  const maps = SmallMaps.open(t)
  const services = [80, 81, 82].map((port) => service({ port, select: 'hash' }))
  maps.add(...services)
  t.is(new Set(services.map((each) => maps.entry(each)?.firstPage)).size, 1)
  const [one] = services
  const drained = { ...one!, endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2', { drained: true })] }
  maps.update(one!, drained)
  t.not(maps.entry(drained)?.firstPage, maps.entry(services[1]!)?.firstPage)
  t.is(distinct(maps.slots(services[1]!)).length, 2, 'the others are not touched')
  t.deepEqual([...maps.services.placed().keys()], services.map(serviceKey))
})
