// Every limit that a change can meet: it is refused, and everything is as it was.

import type { ExecutionContext } from 'ava'
import { ResourceError } from '../lb/datapath.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { hashTableSize } from '../lb/selection/hash.ts'
import { endpoint, service } from '../testing/services.ts'
import { testWith } from '../testing/needs.ts'
import { limits } from './layout.gen.ts'
import type { Start } from '../testing/datapath/small-maps.ts'
import type { Change, Service } from '../lb/model.ts'

const kernel = (title: string, run: (t: ExecutionContext) => void): void => testWith(['root', 'bpf'], title, run)

const servers = (count: number, from = 0): Service['endpoints'] =>
  Array.from({ length: count }, (_, index) => endpoint(`10.0.${(from + index) >> 8}.${(from + index) & 255}`))

const add = (each: Service): Change => ({ kind: 'add', service: each })

/** All that packets can see. */
const visible = (maps: SmallMaps): unknown => ({
  placed: [...maps.services.placed()].map(([key, { id, members, endpoints }]) => ({ key, id, members, endpoints })),
  entries: [...maps.services.placed().values()].map(({ service: each }) => each && maps.entry(each)),
  slots: [...maps.services.placed().values()].map(({ service: each }) => each && maps.slots(each)),
  vips: ['192.0.2.1', '192.0.2.2'].map((address) => maps.vip(address)),
  endpoints: Array.from(new Uint8Array(maps.memory.endpoints.buffer)).join(),
})

interface Limit {
  readonly limit: string
  readonly start: Start
  /** fits, and stays */
  readonly before: readonly Service[]
  /** the last of these does not fit */
  readonly tooMuch: readonly Change[]
  /** fits, and is all there is room for */
  readonly most: readonly Change[]
}

const web = service()
const small = service({ endpoints: servers(2) })
const wide = (port: number, count: number, from: number): Service =>
  service({ port, select: 'hash', endpoints: servers(count, from) })

const pagesOfTwo = Math.ceil(hashTableSize(2) / limits.slotsPerPage)

const pool = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `198.51.100.${index + 1}`)

/** Each of its servers has an id in connection ids. */
const routed = (port: number, count: number): Service =>
  service({
    port,
    protocol: 'udp',
    select: 'quic',
    quic: { serverIdLength: 1, nonceLength: 4, key: null, configId: 0 },
    endpoints: servers(count).map((each, index) => ({ ...each, serverId: `0${index}` })),
  })

const cases: readonly Limit[] = [
  {
    limit: 'services',
    start: { sizes: { services: 3, endpoints: 64 } },
    before: [web],
    tooMuch: [81, 82, 83].map((port) => add(service({ port, mode: 'fullnat', select: 'hash', endpoints: servers(3) }))),
    most: [81, 82].map((port) => add(service({ port, mode: 'fullnat', select: 'hash', endpoints: servers(3) }))),
  },
  {
    limit: 'endpoints',
    start: { sizes: { endpoints: 8 } },
    before: [small],
    tooMuch: [
      { kind: 'update', from: small, to: { ...small, mode: 'fullnat', endpoints: servers(4) } },
      add(service({ port: 81, mode: 'fullnat', endpoints: servers(5, 100) })),
    ],
    most: [
      { kind: 'update', from: small, to: { ...small, mode: 'fullnat', endpoints: servers(4) } },
      add(service({ port: 81, mode: 'fullnat', endpoints: servers(4, 100) })),
    ],
  },
  {
    limit: 'slotPages',
    start: { sizes: { endpoints: 64, slotPages: 3 * pagesOfTwo } },
    before: [],
    tooMuch: [80, 81, 82, 83].map((port) => add(wide(port, 2, port))),
    most: [80, 81, 82].map((port) => add(wide(port, 2, port))),
  },
  {
    limit: 'portBlocks',
    start: { sizes: { portBlocks: 30 } },
    before: [service({ mode: 'fullnat', endpoints: servers(2) })],
    tooMuch: [
      // Two sources towards each endpoint.
      add(service({ port: 81, mode: 'onearm', sources: pool(14), endpoints: servers(2, 10) })),
      add(service({ port: 82, mode: 'onearm', endpoints: servers(1, 20) })),
    ],
    most: [add(service({ port: 81, mode: 'onearm', sources: pool(14), endpoints: servers(2, 10) }))],
  },
  {
    limit: 'snatPools',
    start: { sizes: { snatPools: 2 } },
    before: [service({ mode: 'onearm', sources: pool(2), endpoints: servers(1) })],
    tooMuch: [3, 4].map((count) => add(service({ port: 80 + count, mode: 'onearm', sources: pool(count) }))),
    most: [3].map((count) => add(service({ port: 80 + count, mode: 'onearm', sources: pool(count) }))),
  },
  {
    limit: 'services',
    start: { sizes: { services: 4 } },
    before: [web],
    // Each VIP takes a place, for the kernel has an entry for each.
    tooMuch: [81, 82].map((port) => add(service({ port, secondary: ['192.0.2.2'] }))),
    most: [add(service({ port: 81, secondary: ['192.0.2.2'] })), add(service({ port: 82 }))],
  },
  {
    limit: 'ranges',
    start: { sizes: { ranges: 6 } },
    before: [service({ port: 8000, lastPort: 8005 })],
    tooMuch: [add(service({ port: 8101, lastPort: 8106 })), add(service({ port: 82, lastPort: 83 }))],
    most: [add(service({ port: 8101, lastPort: 8106 }))],
  },
  {
    limit: 'sources',
    start: { sizes: { sources: 3 } },
    before: [service({ allowedSources: ['10.0.0.0/8'] })],
    tooMuch: [
      add(service({ port: 81, allowedSources: ['10.0.0.0/8', '2001:db8::/32'] })),
      add(service({ port: 82, allowedSources: ['10.0.0.0/8'] })),
    ],
    most: [add(service({ port: 81, allowedSources: ['10.0.0.0/8', '2001:db8::/32'] }))],
  },
  {
    limit: 'hints',
    start: { sizes: { hints: 2 } },
    before: [],
    tooMuch: [add(routed(81, 2)), add(routed(82, 1))],
    most: [add(routed(81, 2)), add(service({ port: 82 }))],
  },
]

for (const [index, { limit, start, before, tooMuch, most }] of cases.entries()) {
  const name = `case ${index}`
  kernel(
    `services: what meets the limit of ${limit} is refused whole, and all the room is still there (${name})`,
    (t) => {
      const maps = SmallMaps.open(t, start)
      maps.add(...before)
      const then = visible(maps)
      for (let tries = 0; tries < 3; tries++) {
        const error = t.throws(() => maps.apply(...tooMuch), { instanceOf: ResourceError })
        t.is(error?.limit, limit)
        t.regex(error?.message ?? '', /^no room for /)
        t.deepEqual(visible(maps), then)
      }
      t.notThrows(() => maps.apply(...most))
      // And all of it comes back.
      maps.remove(...[...maps.services.placed().values()].flatMap(({ service: each }) => each ?? []))
      maps.settle()
      maps.add(...before)
      t.notThrows(() => maps.apply(...most))
    },
  )
}

kernel('services: what was to come back and is refused drains on, with its old deadline', (t) => {
  const maps = SmallMaps.open(t, { sizes: { services: 2 } })
  maps.add(small)
  const ids = maps.endpointIds(small)
  for (const id of ids) maps.memory.activeFlows[id] = 1n
  maps.remove(small)
  maps.now += 5000
  const then = visible(maps)
  t.throws(() => maps.add(small, service({ port: 81 }), service({ port: 82 })), { instanceOf: ResourceError })
  t.deepEqual(visible(maps), then)
  t.deepEqual(
    [...maps.services.endpoints.retiredBefore(0)].toSorted((a, b) => a - b),
    ids,
  )
  maps.settle()
  t.is(maps.services.serviceOf(1), small)
  maps.memory.activeFlows.fill(0n)
  maps.settle()
  maps.add(service({ port: 81 }), service({ port: 82 }))
  t.is(maps.services.placed().size, 2)
})

kernel('services: with every endpoint id in use, endpoints can still be taken away', (t) => {
  const maps = SmallMaps.open(t, { sizes: { endpoints: 8 } })
  const full = service({ endpoints: servers(8) })
  const less = service({ endpoints: servers(7) })
  maps.add(full)
  t.notThrows(() => maps.update(full, less))
  t.is(maps.entry(less)?.memberCount, 7)
})
