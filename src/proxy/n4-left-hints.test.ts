// What an N4 service has led sessions by, and would leave behind, when the configuration says something else: in the
// maps that packets are led by.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hintKeySize, hintKind, hintSize, readHintKey } from '../datapath/layout.gen.ts'
import { MapReader } from '../datapath/map-reader.ts'
import { SessionHints } from '../datapath/session-hints.ts'
import { plan } from '../config/plan.ts'
import { serviceKey } from '../lb/model.ts'
import { changesOf, isProxied } from '../lb/proxied.ts'
import { SmallMaps } from '../testing/datapath/small-maps.ts'
import { testWith } from '../testing/needs.ts'
import { bed, endpointsAt, n3Of, n4Of, n6Of, pace, upfs } from '../testing/proxying-bed.ts'
import type { ExecutionContext } from 'ava'
import type { Datapath } from '../lb/datapath.ts'
import type { Service } from '../lb/model.ts'

const sizes = { services: 16, endpoints: 64, slotPages: 1024 }

/** The proxies over real maps. */
const onMaps = (t: ExecutionContext, free: (address: string) => boolean = () => true) => {
  const directory = mkdtempSync(join(tmpdir(), 'left-hints-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const maps = SmallMaps.open(t, { sizes })
  const { services } = maps
  const hints = new SessionHints({
    hints: services.hints,
    placed: () => services.placed(),
    addressOf: (id) => services.endpoints.read(id).address,
  })
  const made = bed(
    (surroundings) => ({
      ...surroundings,
      open(place, longestBytes, receive) {
        if (!free(place.address)) throw Object.assign(new Error('bind: EADDRINUSE'), { code: 'EADDRINUSE' })
        return surroundings.open(place, longestBytes, receive)
      },
    }),
    directory,
    (fake): Datapath => ({
      apply(changes) {
        maps.apply(...changesOf(changes, (service) => !isProxied(service)))
        return fake.apply(changes)
      },
      services: () => fake.services(),
      flows: () => [],
      verdicts: () => fake.verdicts(),
      slowPath: () => fake.slowPath(),
      interfaces: () => [],
      hints,
      userSessions: fake.userSessions,
    }),
  )
  t.teardown(() => made.proxying.close())
  for (const address of upfs) made.upf(address)
  /** The configuration has these services now. */
  const become = (...wanted: readonly Service[]): Promise<void> =>
    made.proxying.apply(
      plan(
        made.datapath.services().map(({ service }) => service),
        wanted,
      ),
    )
  /** What is in the maps of a service: TEIDs, or the ends of the addresses of users. */
  const held = (service: Service): readonly string[] => {
    const id = services.placed().get(serviceKey(service))?.id
    const reader = new MapReader(maps.loaded.fds.hints, hintKeySize, hintSize)
    const found: string[] = []
    for (let isDone = false; !isDone;) {
      const { count, done } = reader.next()
      isDone = done
      for (let index = 0; index < count; index++) {
        const { bytes, kind, service: its } = readHintKey(reader.keys, index * hintKeySize)
        if (its !== id || kind === hintKind.teid_back) continue
        found.push(kind === hintKind.teid ? 'tunnel' : bytes.subarray(12, 16).join('.'))
      }
    }
    return found.toSorted()
  }
  return { ...made, become, hints, held }
}

const sixUsers = [1, 2, 3, 4, 5, 6].map((number) => `10.48.0.${number}`)
const tunnels = (count: number): readonly string[] => Array<string>(count).fill('tunnel')
const [n3, n6, n4] = [n3Of(), n6Of(), n4Of({}, { users: ['n6'] })]

/** With six sessions, whose tunnels and users are led. */
const led = async (t: ExecutionContext, ...more: readonly [((address: string) => boolean)?]) => {
  const made = onMaps(t, ...more)
  await made.become(n3, n6, n4)
  await made.network.pass(200)
  const client = made.smf()
  await made.network.until(client.associate())
  await made.network.until(client.establish(6, pace))
  t.deepEqual([made.held(n3), made.held(n6)], [tunnels(6), sixUsers])
  return { ...made, client }
}

const story = (title: string, run: (t: ExecutionContext) => Promise<void>): void =>
  testWith(['root', 'bpf'], `n4: ${title} (N4.19)`, run)

story('a service of users that is not named any more has none', async (t) => {
  const { become, held, hints, proxying } = await led(t)
  await become(n3, n6, n4Of())
  t.deepEqual([held(n3), held(n6)], [tunnels(6), []])
  // Once: what comes later is of somebody else.
  const key = Uint8Array.of(10, 48, 0, 9)
  const later = { action: 'install', service: 'n6', kind: 'ue-ip', key, endpoint: upfs[0], identifier: null } as const
  hints.apply([{ ...later, graceMs: 0 }])
  await become(n3, n6, n4Of({}, { hotPercent: 70 }))
  t.deepEqual(held(n6), ['10.48.0.9'])
  await become(n3, n6, n4)
  t.deepEqual([held(n3), held(n6)], [tunnels(6), sixUsers])
  t.is(proxying.n4()[0]?.status.sessions, 6)
})

story('users leave a service with their prefix, for the one that has it now or for nowhere', async (t) => {
  const { become, client, held, network } = await led(t)
  // Its first prefix stays, as that is what a service of users is known by.
  const before = n6Of({ users: ['10.48.0.0/30', '10.48.0.4/30'] })
  await become(n3, before, n4)
  t.deepEqual(held(before), sixUsers)
  const fewer = n6Of({ users: ['10.48.0.0/30'] })
  await become(n3, fewer, n4)
  t.deepEqual([held(n3), held(fewer)], [tunnels(6), sixUsers.slice(0, 3)])
  const wide = n6Of({ name: 'wide', users: ['10.48.0.0/12'] })
  const both = n4Of({}, { users: ['n6', 'wide'] })
  await become(n3, fewer, wide, both)
  t.deepEqual([held(fewer), held(wide)], [sixUsers.slice(0, 3), sixUsers.slice(3)])
  const more = n6Of({ users: ['10.48.0.0/30', '10.48.0.4/31'] })
  await become(n3, more, wide, both)
  t.deepEqual([held(more), held(wide)], [sixUsers.slice(0, 5), sixUsers.slice(5)])
  await network.until(client.remove(pace))
  t.deepEqual([held(more), held(wide)], [[], []])
})

story('of an N4 service that is gone no hint stays, nor comes back with a service that it had', async (t) => {
  const { become, held } = await led(t)
  await become(n3)
  t.deepEqual(held(n3), [])
  await become(n3, n6)
  t.deepEqual(held(n6), [])
})

story('tunnels follow to another service that the N4 service names, and leave the one of before', async (t) => {
  const { become, held, proxying } = await led(t)
  const other = n3Of({ name: 'n3-too', port: 2153, lastPort: 2153 })
  await become(n3, other, n6, n4Of({}, { tunnels: 'n3-too', users: ['n6'] }))
  t.is(proxying.n4()[0]?.status.sessions, 6)
  t.deepEqual([held(n3), held(other), held(n6)], [[], tunnels(6), sixUsers])
})

story('tunnels follow a service that gets another port, and what it had there before goes', async (t) => {
  const { become, client, held, network } = await led(t)
  const moved = n3Of({ port: 2153, lastPort: 2153 })
  await become(moved, n6, n4)
  t.deepEqual(held(moved), tunnels(6))
  await network.until(client.remove(pace))
  await network.until(client.establish(2, pace))
  await become(n3, n6, n4)
  // Those that leave are obeyed for their grace.
  await network.pass(3000)
  t.deepEqual(held(n3), tunnels(2))
})

story('a service of users goes from one N4 service to another with what is left behind removed', async (t) => {
  const made = onMaps(t)
  const { become, held, network, proxying } = made
  const vip = '10.1.1.2'
  const others = ['10.0.0.21', '10.0.0.22']
  for (const address of others) made.upf(address)
  const users = n6Of({ endpoints: endpointsAt(0, [...upfs, ...others]) })
  const n3Too = n3Of({ name: 'n3-too', address: vip, endpoints: endpointsAt(2152, others) })
  const n4Too = (named: readonly string[]): Service =>
    n4Of({ name: 'n4-too', address: vip, endpoints: endpointsAt(8805, others) }, { tunnels: 'n3-too', users: named })
  await become(n3, n3Too, users, n4, n4Too([]))
  await network.pass(200)
  const clients = [
    made.smf(),
    made.smf({ address: '10.0.1.2', peer: vip, gnbs: ['10.0.2.2'], uePrefix: '10.49.0.0/16' }),
  ]
  for (const client of clients) {
    await network.until(client.associate())
    await network.until(client.establish(3, pace))
  }
  t.deepEqual(held(users), sixUsers.slice(0, 3))
  const theirs = ['10.49.0.1', '10.49.0.2', '10.49.0.3']
  await become(n3, n3Too, users, n4Of(), n4Too(['n6']))
  t.deepEqual(held(users), theirs)
  await become(n3, n3Too, users, n4, n4Too([]))
  t.deepEqual(held(users), sixUsers.slice(0, 3))
  t.deepEqual([held(n3), held(n3Too)], [tunnels(3), tunnels(3)])
  t.deepEqual(
    proxying.n4().map(({ status }) => status.sessions),
    [3, 3],
  )
})

story('of a change that failed half-way nothing is left when it is taken back', async (t) => {
  const other = '10.1.1.2'
  const { become, held } = await led(t, (address) => address !== other)
  await become(n3, n6, n4Of())
  const n3Too = n3Of({ name: 'n3-too', address: other })
  const n4Too = n4Of({ name: 'n4-too', address: other }, { tunnels: 'n3-too' })
  await t.throwsAsync(become(n3, n6, n3Too, n4, n4Too), { message: /EADDRINUSE/ })
  t.deepEqual(held(n6), sixUsers)
  await become(n3, n6, n4Of())
  t.deepEqual([held(n3), held(n6)], [tunnels(6), []])
})

story('what a daemon of before has left in services that no N4 service names is forgotten', async (t) => {
  const { held, proxying, start } = await led(t)
  proxying.close()
  const second = start()
  t.teardown(() => second.close())
  await second.apply(plan([n3, n6, n4], [n3, n6]))
  t.deepEqual([held(n3), held(n6)], [[], []])
})

const n6Address = (address: string): string => address.replace('10.0.0.', '10.6.0.')
const upf = { userPlane: [], dnns: [], networkInstances: [], slices: [], uePools: [] }

story('users are not left where their UPF is no more, also when nobody can lead them to where it is', async (t) => {
  const { become, client, held, network } = await led(t)
  const elsewhere = endpointsAt(8805, upfs).map((endpoint) => ({
    ...endpoint,
    upf: { ...upf, dataNetwork: [n6Address(endpoint.address)] },
  }))
  await become(n3, n6, { ...n4, endpoints: elsewhere })
  t.deepEqual(held(n6), [])
  await become(n3, n6Of({ endpoints: endpointsAt(0, [...upfs, ...upfs.map(n6Address)]) }), {
    ...n4,
    endpoints: elsewhere,
  })
  t.deepEqual(held(n6), sixUsers)
  await network.until(client.remove(pace))
  t.deepEqual(held(n6), [])
})
