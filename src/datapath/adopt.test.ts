// What a daemon that starts again makes of the maps that the one before it has left.

import type { ExecutionContext } from 'ava'
import { native } from '../../native/load.ts'
import { ResourceError } from '../lb/datapath.ts'
import { serviceKey } from '../lb/model.ts'
import { pinsFor, SmallMaps } from '../testing/datapath/small-maps.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { vipKeyBytes } from './reach.ts'
import { endpointFlags } from './layout.gen.ts'
import type { Start } from '../testing/datapath/small-maps.ts'
import type { Service } from '../lb/model.ts'

interface Restarts {
  readonly first: SmallMaps
  /** Another daemon over the same maps; the one before it just ends. */
  readonly again: (start?: Start) => SmallMaps
}

const kernel = (title: string, run: (t: ExecutionContext, restarts: Restarts) => void): void =>
  testWith(['root', 'bpf'], title, (t) => {
    const pins = pinsFor(t)
    const open = (start: Start = {}): SmallMaps => SmallMaps.open(t, { ...start, pins })
    run(t, { first: open(), again: open })
  })

const web = service({ select: 'hash' })
const dns = service({ port: 53, protocol: 'udp', mode: 'fullnat', endpoints: [endpoint('10.0.0.3', { port: 53 })] })

const place = (maps: SmallMaps, each: Service): unknown => ({
  entry: maps.entry(each),
  endpoints: maps.endpointIds(each),
  slots: maps.slots(each),
})

kernel('adopt: services, endpoints and tables stay what and where they are', (t, { first, again }) => {
  first.add(web, dns)
  const before = [place(first, web), place(first, dns)]
  first.count('service_counters', 1)
  const maps = again()
  t.true(maps.loaded.adopted)
  t.deepEqual([...maps.services.placed().keys()].toSorted(), [web, dns].map(serviceKey).toSorted())
  t.deepEqual([place(maps, web), place(maps, dns)], before)
  t.true([...maps.services.placed().values()].every((placed) => placed.service === null))

  maps.add(web, dns)
  maps.settle()
  t.deepEqual([place(maps, web), place(maps, dns)], before)
  t.deepEqual([maps.vip('192.0.2.1'), maps.services.placed().size], [2, 2])
  t.true(maps.counted('service_counters', 1))
  t.is(maps.services.serviceOf(1), web)
})

kernel('adopt: new services and tables go where nothing is', (t, { first, again }) => {
  first.add(web, dns)
  const before = [place(first, web), place(first, dns)]
  const maps = again()
  const other = service({ port: 81, select: 'hash', endpoints: [endpoint('10.0.0.7'), endpoint('10.0.0.8')] })
  maps.add(web, dns, other)
  t.deepEqual([place(maps, web), place(maps, dns)], before)
  t.is(maps.entry(other)?.id, 3)
  t.deepEqual(
    maps.endpointIds(other).filter((id) => [...maps.endpointIds(web), ...maps.endpointIds(dns)].includes(id)),
    [],
  )
  t.not(maps.entry(other)?.firstPage, maps.entry(web)?.firstPage)
})

kernel('adopt: what the configuration no longer has goes with the first change, and drains', (t, { first, again }) => {
  first.add(web, dns)
  const [drains] = first.endpointIds(dns)
  first.memory.activeFlows[drains!] = 1n
  const maps = again()
  maps.add(web)
  t.is(maps.entry(dns), null)
  t.is(maps.vip('192.0.2.1'), 1)
  maps.settle()
  t.is(maps.services.endpoints.read(drains!).service, 2)
  t.is(maps.services.endpoints.read(drains!).flags & endpointFlags.accepts, 0)
  maps.memory.activeFlows[drains!] = 0n
  maps.settle()
  t.is(maps.services.endpoints.read(drains!).service, 0)
  // Ids, pages, places: all there again.
  maps.add(...[81, 82, 83].map((port) => service({ port, mode: 'fullnat' })))
  t.deepEqual(
    [...maps.services.placed().values()].map(({ id }) => id),
    [1, 2, 3, 4],
  )
})

kernel('adopt: an empty configuration removes all', (t, { first, again }) => {
  first.add(web, dns)
  const maps = again()
  maps.apply()
  t.is(maps.services.placed().size, 0)
  t.deepEqual([maps.entry(web), maps.entry(dns), maps.vip('192.0.2.1')], [null, null, 0])
})

kernel('adopt: only the first change is the whole set', (t, { first, again }) => {
  first.add(web)
  const maps = again()
  maps.add(web)
  maps.add(dns)
  t.is(maps.services.placed().size, 2)
})

kernel('adopt: a first change that is refused removes nothing', (t, { first, again }) => {
  first.add(web, dns)
  const before = [place(first, web), place(first, dns)]
  const maps = again()
  const tooMany = Array.from({ length: 5 }, (_, index) => service({ port: 90 + index }))
  t.throws(() => maps.add(...tooMany), { instanceOf: ResourceError })
  t.deepEqual([place(maps, web), place(maps, dns)], before)
  maps.add(web, dns)
  t.deepEqual([place(maps, web), place(maps, dns)], before)
})

kernel('adopt: an endpoint that was draining still drains, and its id waits for its flows', (t, { first, again }) => {
  first.add(web)
  const [kept, gone] = first.endpointIds(web)
  const less = { ...web, endpoints: [endpoint('10.0.0.1')] }
  first.memory.activeFlows[gone!] = 1n
  first.update(web, less)
  const maps = again()
  maps.add(less)
  maps.settle()
  t.deepEqual(maps.endpointIds(less), [kept])
  t.deepEqual(maps.services.endpoints.retiredBefore(maps.now), new Set([gone]))
  maps.update(less, { ...web, endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.9')] })
  t.not(maps.endpointIds(web)[1], gone)
  maps.memory.activeFlows[gone!] = 0n
  maps.settle()
  t.is(maps.services.endpoints.retiredBefore(maps.now).size, 0)
})

kernel('adopt: the id of a removed service that still drains is not given again', (t, { first, again }) => {
  first.add(web)
  for (const id of first.endpointIds(web)) first.memory.activeFlows[id] = 1n
  first.remove(web)
  const maps = again()
  maps.add(dns)
  maps.settle()
  t.is(maps.entry(dns)?.id, 2)
  maps.memory.activeFlows.fill(0n)
  maps.settle()
  maps.add(web)
  t.is(maps.entry(web)?.id, 1)
})

kernel('adopt: source ports in use stay in use, those of a new range are free', (t, { first, again }) => {
  first.add(dns)
  const block = first.services.endpoints.read(first.endpointIds(dns)[0]!).portBlock
  const word = block * 1024 + 1024 / 64
  first.memory.portBlocks[word] = 1n
  const maps = again({ portRange: { first: 1024, last: 65_535 } })
  maps.add(dns)
  t.is(maps.services.endpoints.read(maps.endpointIds(dns)[0]!).portBlock, block)
  t.is(maps.memory.portBlocks[word], 1n)
  t.is(maps.memory.portBlocks[block * 1024 + 1023], 0n)
})

kernel('adopt: the ports of a removed service are not taken from one that shares them', (t, { first, again }) => {
  const same = { ...dns, port: 54 }
  first.add(same, dns)
  const [left] = first.endpointIds(same)
  first.memory.activeFlows[left!] = 1n
  first.remove(same)
  const maps = again()
  maps.add(dns)
  const block = maps.services.endpoints.read(maps.endpointIds(dns)[0]!).portBlock
  maps.memory.activeFlows[left!] = 0n
  maps.settle()
  const others = service({ port: 99, mode: 'fullnat' })
  maps.add(others)
  t.false(maps.endpointIds(others).some((id) => maps.services.endpoints.read(id).portBlock === block))
})

kernel('adopt: a table without slots and the one at page 0 are told apart', (t, { first, again }) => {
  const down = service({ port: 70, endpoints: [endpoint('10.0.0.1', { drained: true })] })
  const up = service({ port: 71 })
  const more = service({ port: 72, endpoints: [endpoint('10.0.0.5')] })
  first.add(down, up)
  const slots = first.slots(up)
  const maps = again()
  maps.apply({ kind: 'add', service: more }, { kind: 'add', service: down }, { kind: 'add', service: up })
  t.deepEqual(maps.slots(up), slots)
  t.deepEqual(maps.slots(more), maps.endpointIds(more))
  t.is(maps.entry(down)?.slotCount, 0)
})

kernel('adopt: another seed makes another table', (t, { first, again }) => {
  first.add(web)
  const before = first.slots(web)
  const maps = again({ seed: 2 })
  maps.add(web)
  t.is(maps.entry(web)?.seed, 2)
  t.notDeepEqual(maps.slots(web), before)
})

kernel('adopt: VIPs that a killed daemon left behind without a service are none', (t, { first, again }) => {
  first.add(web)
  for (const address of ['192.0.2.1', '192.0.2.77'])
    native.mapUpdate(first.loaded.fds.vips, vipKeyBytes(address), new Uint8Array(Uint32Array.of(9).buffer))
  const maps = again()
  t.deepEqual([maps.vip('192.0.2.1'), maps.vip('192.0.2.77')], [1, 0])
})
