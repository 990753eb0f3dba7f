// How the life of a connection ends before its sides end it, under a whole daemon: idle too long, its endpoint blocked,
// its service removed. Each time those that are meant go, and no other connection notices.

import type { ExecutionContext } from 'ava'

import type { Daemon } from '../lab/daemon.ts'
import type { Host, Remote } from '../lab/host.ts'
import { hooks, threeServers, type Hook } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { streamClientOn, streamServerOn } from './support/on-host.ts'
import {
  drops,
  endpointNumbers,
  endpointsOf,
  flowsOf,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  writeConfig,
  type Story,
} from './support/story.ts'
import { streamPort, type StreamClient } from './support/streams.ts'

interface Streams extends Story {
  readonly vip: string
  readonly servers: readonly { readonly name: string; readonly address: string }[]
  /** the configuration with these services */
  readonly config: (services: readonly object[]) => object
}

const streams = async (t: ExecutionContext, hook: Hook, services: readonly object[]): Promise<Streams> => {
  const topology = threeServers({ hook })
  const endpoints = endpointsOf(topology, streamPort)
  const config = (list: readonly object[]): object =>
    storyConfig(topology, [], {
      services: list.map((each) => ({
        vip: topology.vip,
        protocol: 'tcp',
        select: 'rr',
        announce: 'routed',
        endpoints,
        ...each,
      })),
    })
  const story = await startStory(t, topology, config(services))
  for (const { name, address } of topology.servers) await streamServerOn(story.lab.host(name), address)
  return { ...story, vip: topology.vip, servers: topology.servers, config }
}

/** Connections of a client of their own: idle ones, or ones that ask all the time. */
const connect = async (story: Streams, port: number, count: number, everyMs: number | null) => {
  const client = await streamClientOn(story.lab.host('client'))
  await client.use('openEchoes', { address: story.vip, port, count, everyMs })
  return client
}

/** All are there and each of them gets answers. */
const goOn = async (t: ExecutionContext, client: Remote<StreamClient>, count: number): Promise<void> => {
  const { fewestEchoes } = await client.use('echoes')
  await until('all connections go on', async () => (await client.use('echoes')).fewestEchoes > fewestEchoes + 2)
  t.like(await client.use('echoes'), { alive: count, broken: [] })
}

/** Connections that a server's own kernel has. */
const connectionsOf = async (host: Host): Promise<number> =>
  (await host.run('ss', ['-Htn', 'state', 'established', 'sport', '=', `:${streamPort}`])).stdout
    .split('\n')
    .filter((line) => line !== '').length

const total = async ({ lab, servers }: Streams): Promise<number> => {
  const counts = await Promise.all(servers.map(({ name }) => connectionsOf(lab.host(name))))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Who talks with whom for a service, in a form that can be compared. */
const pairs = async (daemon: Daemon, service: string): Promise<readonly string[]> =>
  (await flowsOf(daemon))
    .filter((flow) => flow.service === service)
    .map(({ client, endpoint, state }) => `${client.port} ${endpoint.address} ${state}`)
    .toSorted()

const order = async (daemon: Daemon, service: string, endpoint: string, what: 'drain' | 'block'): Promise<void> => {
  const path = `/sluice/v1/services/${service}/endpoints/${endpoint}:${streamPort}/${what}`
  const { status, body } = await daemon.request('POST', path)
  if (status !== 200) throw new Error(`POST ${path} answered ${status}: ${body}`)
}

for (const hook of hooks) {
  testWith(
    storyNeeds,
    `lifetime: an idle connection is reset at both ends, a busy one is not, under ${hook}`,
    async (t) => {
      const story = await streams(t, hook, [
        { name: 'short', port: 70, idleTimeout: 2, resetOnIdle: true },
        { name: 'nat', port: 71, idleTimeout: 2, resetOnIdle: true, mode: 'fullnat' },
        { name: 'silent', port: 72, idleTimeout: 2 },
        { name: 'long', port: 73 },
      ])
      const { daemon } = story
      const busy = await Promise.all([70, 71].map((port) => connect(story, port, 3, 100)))
      const idle = await Promise.all([70, 71].map((port) => connect(story, port, 6, null)))
      const [silent, long] = await Promise.all([72, 73].map((port) => connect(story, port, 4, null)))
      t.is(await total(story), 2 * 3 + 2 * 6 + 2 * 4)
      for (const client of idle) {
        await until('idle connections have ended', async () => (await client.use('echoes')).broken.length === 6)
        const { broken } = await client.use('echoes')
        for (const reason of broken) t.regex(reason, /ECONNRESET/)
      }
      await until('their servers were told', async () => (await total(story)) === 2 * 3 + 2 * 4)
      const left = async (name: string): Promise<number> => (await pairs(daemon, name)).length
      await until('their flows have gone', async () => (await left('short')) === 3 && (await left('nat')) === 3)
      await until('without resetOnIdle the flow goes', async () => (await left('silent')) === 0)
      // ... and neither side is told.
      t.like(await silent?.use('echoes'), { alive: 4, broken: [] })
      t.is(await left('long'), 4)
      t.like(await long?.use('echoes'), { alive: 4, broken: [] })
      for (const client of busy) await goOn(t, client, 3)
      t.deepEqual(await drops(daemon), {})
    },
  )

  testWith(storyNeeds, `lifetime: drain, block and removal touch no connection of others, under ${hook}`, async (t) => {
    const one = { name: 'one', port: 70 }
    const others = [
      { name: 'other', port: 71 },
      { name: 'nat', port: 72, mode: 'fullnat' },
    ]
    const story = await streams(t, hook, [one, ...others])
    const { daemon, config } = story
    const [first = '', second = '', third = ''] = story.servers.map(({ address }) => address)
    const count = 9
    const mine = await connect(story, one.port, count, 20)
    const theirs = await Promise.all(others.map(({ port }) => connect(story, port, count, 20)))
    const before = await Promise.all(others.map(({ name }) => pairs(daemon, name)))
    const counted = await Promise.all(others.map(({ name }) => endpointNumbers(daemon, name)))
    const othersGoOn = async (): Promise<void> => {
      for (const client of theirs) await goOn(t, client, count)
      for (const [index, { name }] of others.entries()) {
        t.deepEqual(await pairs(daemon, name), before[index])
        for (const [address, { packets, flows, active }] of await endpointNumbers(daemon, name)) {
          const earlier = counted[index]?.get(address)
          t.true(packets > (earlier?.packets ?? 0))
          t.deepEqual([flows, active], [earlier?.flows, earlier?.active])
        }
      }
    }

    await order(daemon, one.name, first, 'drain')
    await goOn(t, mine, count)
    const late = await connect(story, one.port, 4, 20)
    t.deepEqual(Object.keys((await late.use('echoes')).servers).toSorted(), ['server2', 'server3'])
    await othersGoOn()

    const kept = (await pairs(daemon, one.name)).filter((pair) => !pair.includes(second))
    await order(daemon, one.name, second, 'block')
    t.deepEqual(await pairs(daemon, one.name), kept, 'only those of the blocked endpoint have gone')
    const { echoes } = await mine.use('echoes')
    await until('those of other endpoints go on', async () => (await mine.use('echoes')).echoes > echoes + 20)
    await othersGoOn()
    const later = await connect(story, one.port, 2, 20)
    t.deepEqual((await later.use('echoes')).servers, { server3: 2 })
    t.true(kept.some((pair) => pair.includes(third)))

    writeConfig(daemon, config(others))
    const { status, body } = await daemon.request('POST', '/sluice/v1/reload')
    t.is(status, 200, body)
    await othersGoOn()
    const ended = Object.keys(await drops(daemon)).filter((name) => name !== 'drop_no_flow' && name !== 'drop_blocked')
    t.deepEqual(ended, [])
  })
}
