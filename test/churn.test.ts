// Endpoints come, go, are drained and return while connections live and new ones are made all the time: nobody loses a
// connection, and new ones go only where they are taken.

import type { ExecutionContext } from 'ava'

import type { Daemon } from '../lab/daemon.ts'
import { threeServers, type ThreeServers } from '../lab/topology.ts'
import { Traffic, webPort } from '../lab/traffic.ts'
import type { Mode, Select } from '../src/lb/model.ts'
import { testWith } from '../src/testing/needs.ts'
import { streamClientOn, streamServerOn } from './support/on-host.ts'
import {
  drops,
  endpointNumbers,
  flowsOf,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  verdictCount,
  writeConfig,
  type EndpointEntry,
  type ServiceEntry,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'

const streams = 60

interface Kind {
  readonly hook: 'tc' | 'xdp'
  readonly mode: Mode
  readonly select: Select
}

type Endpoints = readonly Omit<EndpointEntry, 'port'>[]

const servicesWith = ({ mode, select }: Omit<Kind, 'hook'>, endpoints: Endpoints): readonly ServiceEntry[] =>
  [
    { name: 'streams', port: 70, target: streamPort },
    { name: 'web', port: 80, target: webPort },
  ].map(({ name, port, target }) => ({
    name,
    port,
    protocol: 'tcp',
    mode,
    select,
    endpoints: endpoints.map((endpoint) => ({ ...endpoint, port: target })),
  }))

const reload = async (daemon: Daemon, config: object): Promise<void> => {
  writeConfig(daemon, config)
  const { status, body } = await daemon.request('POST', '/sluice/v1/reload')
  if (status !== 200) throw new Error(`the reload was answered with ${status}: ${body}`)
}

const setDrained = async (daemon: Daemon, address: string, drained: boolean): Promise<void> => {
  await daemon.setDrained('streams', `${address}:${streamPort}`, drained)
  await daemon.setDrained('web', `${address}:${webPort}`, drained)
}

/** Serves as a measure: enough new connections that every endpoint which takes some has had one. */
const enough = 60

const churn = async (t: ExecutionContext, kind: Kind): Promise<void> => {
  const topology: ThreeServers = threeServers({ hook: kind.hook, clients: 2 })
  const [a = '', b = '', c = ''] = topology.servers.map(({ address }) => address)
  const configOf = (endpoints: Endpoints): object => storyConfig(topology, servicesWith(kind, endpoints))
  const { lab, daemon } = await startStory(t, topology, configOf([{ address: a }, { address: b }]))
  for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
  const traffic = await Traffic.open(lab, topology)
  const client = await streamClientOn(lab.host('client'))

  await client.use('openEchoes', { address: topology.vip, port: 70, count: streams, everyMs: 10 })
  const { servers: homes } = await client.use('echoes')
  t.deepEqual(Object.keys(homes).toSorted(), ['server1', 'server2'])
  await traffic.start({ protocol: 'tcp', address: topology.vip, port: 80, concurrency: 64, perSecond: 150 })

  /** Runs on for a while and says which servers had new connections; every stream must have gone on meanwhile. */
  const whoTakesNew = async (): Promise<readonly string[]> => {
    // Those that were under way when the change was made may still be counted by where they went before.
    const accepted = async (): Promise<ReadonlyMap<string, number>> =>
      new Map([...(await traffic.serverCounts())].map(([name, { tcp }]) => [name, tcp]))
    const answers = async (): Promise<number> =>
      Object.values((await traffic.progress()).answeredBy).reduce((total, count) => total + count, 0)
    const settled = (await answers()) + 5
    await until('connections under way are done', async () => (await answers()) >= settled)
    const [before, asked, echoes] = [await accepted(), await answers(), (await client.use('echoes')).fewestEchoes]
    await until('new connections are made', async () => (await answers()) >= asked + enough)
    await until('every stream goes on', async () => (await client.use('echoes')).fewestEchoes > echoes)
    const after = await accepted()
    return [...after].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name)
  }

  t.deepEqual(await whoTakesNew(), ['server1', 'server2'])
  await reload(daemon, configOf([{ address: a }, { address: b }, { address: c }]))
  t.deepEqual(await whoTakesNew(), ['server1', 'server2', 'server3'], 'one was added')
  await setDrained(daemon, a, true)
  t.deepEqual(await whoTakesNew(), ['server2', 'server3'], 'one is drained')
  await setDrained(daemon, a, false)
  t.deepEqual(await whoTakesNew(), ['server1', 'server2', 'server3'], 'it is back')
  await reload(daemon, configOf([{ address: a }, { address: b, weight: 0 }, { address: c }]))
  t.deepEqual(await whoTakesNew(), ['server1', 'server3'], 'one has weight 0')
  await reload(daemon, configOf([{ address: a }, { address: c }]))
  t.deepEqual(await whoTakesNew(), ['server1', 'server3'], 'it was removed')
  await reload(daemon, configOf([{ address: a }, { address: b }, { address: c }]))
  t.deepEqual(await whoTakesNew(), ['server1', 'server2', 'server3'], 'it returned')
  await reload(daemon, configOf([{ address: c }]))
  t.deepEqual(await whoTakesNew(), ['server3'], 'only one is left')

  await traffic.stop()
  const { alive, broken, servers } = await client.use('echoes')
  t.deepEqual({ alive, broken, servers }, { alive: streams, broken: [], servers: homes })
  t.is((await traffic.progress()).failed, 0)
  t.deepEqual(await drops(daemon), {})
}

testWith(storyNeeds, 'churn: no connection is lost, hash and dnat under tc', (t) =>
  churn(t, { hook: 'tc', mode: 'dnat', select: 'hash' }),
)
testWith(storyNeeds, 'churn: no connection is lost, round robin and fullnat under xdp', (t) =>
  churn(t, { hook: 'xdp', mode: 'fullnat', select: 'rr' }),
)

testWith(storyNeeds, 'churn: a removed endpoint keeps its flows until the drain deadline, and no longer', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const [a = '', b = ''] = topology.servers.map(({ address }) => address)
  const configOf = (addresses: readonly string[]): object =>
    storyConfig(
      topology,
      servicesWith(
        { mode: 'onearm', select: 'rr' },
        addresses.map((address) => ({ address })),
      ),
      { timeouts: { drain: 2 } },
    )
  const { lab, daemon } = await startStory(t, topology, configOf([a, b]))
  for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
  const client = await streamClientOn(lab.host('client'))
  await client.use('openEchoes', { address: topology.vip, port: 70, count: 20, everyMs: 10 })
  const { servers: homes } = await client.use('echoes')

  const flowsTo = async (address: string): Promise<number> =>
    (await flowsOf(daemon)).filter(({ endpoint }) => endpoint.address === address).length
  t.is(await flowsTo(b), homes['server2'] ?? -1)
  await reload(daemon, configOf([a]))
  const removedAt = performance.now()
  const { fewestEchoes } = await client.use('echoes')
  await until('all streams go on', async () => (await client.use('echoes')).fewestEchoes > fewestEchoes + 10)
  t.is(await flowsTo(b), homes['server2'] ?? -1)

  await until('the flows of the removed endpoint are dropped', async () => (await flowsTo(b)) === 0)
  const lived = performance.now() - removedAt
  t.true(lived > 1_500 && lived < 5_000, `${Math.round(lived)} ms`)
  t.is(await flowsTo(a), homes['server1'] ?? -1)
  await until('what they still send is a named drop', async () => (await verdictCount(daemon, 'drop_no_flow')) > 0)
  t.is((await endpointNumbers(daemon, 'streams')).get(a)?.active, homes['server1'])
})

testWith(storyNeeds, 'churn: connections of a deleted service live on, new ones are not taken', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const addresses = topology.servers.map(({ address }) => ({ address }))
  const both = servicesWith({ mode: 'fullnat', select: 'rr' }, addresses)
  const { lab, daemon } = await startStory(t, topology, storyConfig(topology, both))
  for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
  const client = await streamClientOn(lab.host('client'))
  await client.use('openEchoes', { address: topology.vip, port: 70, count: 12, everyMs: 10 })
  await reload(daemon, storyConfig(topology, both.slice(1)))
  const { fewestEchoes } = await client.use('echoes')
  await until('all streams go on', async () => (await client.use('echoes')).fewestEchoes > fewestEchoes + 20)
  const late = await streamClientOn(lab.host('client'))
  await late.use('openEchoes', { address: topology.vip, port: 70, count: 1, everyMs: null })
  t.is((await late.use('echoes')).alive, 0)
  t.like(await client.use('echoes'), { alive: 12, broken: [] })
  await client.use('closeEchoes', 'whole')
  await until('their flows have gone', async () => (await flowsOf(daemon)).length === 0)
})
