// Flows go when they are over: closed ones at once, idle ones after their time, and nothing of them stays.

import { hooks, threeServers } from '../lab/topology.ts'
import { echoPort, Traffic } from '../lab/traffic.ts'
import { testWith } from '../src/testing/needs.ts'
import { oneFromEachOn, pingFrom, sequenceOn, streamClientOn, streamServerOn } from './support/on-host.ts'
import { pinnedFlowEntries } from './support/pins.ts'
import {
  drops,
  endpointNumbers,
  endpointsOf,
  flowsOf,
  startStory,
  storyConfig,
  storyNeeds,
  sum,
  until,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'

/** Closed flows are to be gone within 1.5 s; half a second more, because tests share their processors. */
const closedWithinMs = 2_000

for (const hook of hooks) {
  testWith(storyNeeds, `expiry: closed connections are gone in a moment under ${hook}`, async (t) => {
    const topology = threeServers({ hook })
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        { name: 'streams', port: 70, protocol: 'tcp', mode: 'fullnat', endpoints: endpointsOf(topology, streamPort) },
      ]),
    )
    for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
    const client = await streamClientOn(lab.host('client'))
    for (const how of ['whole', 'reset'] as const) {
      await client.use('openEchoes', { address: topology.vip, port: 70, count: 100, everyMs: null })
      t.is((await flowsOf(daemon)).length, 100)
      await client.use('closeEchoes', how)
      const closedAt = performance.now()
      await until('closed flows have gone', async () => pinnedFlowEntries(lab.instance) === 0)
      const took = performance.now() - closedAt
      t.true(took < closedWithinMs, `${how}: ${Math.round(took)} ms`)
    }
    const numbers = [...(await endpointNumbers(daemon, 'streams')).values()]
    t.is(sum(numbers.map(({ flows }) => flows)), 200)
    t.is(sum(numbers.map(({ active }) => active)), 0)
    t.deepEqual(await drops(daemon), {})
  })
}

testWith(storyNeeds, 'expiry: idle flows go after the time of their state, busy ones stay', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const { vip } = topology
  const { lab, daemon } = await startStory(
    t,
    topology,
    storyConfig(
      topology,
      [
        { name: 'dns', port: 53, protocol: 'udp', mode: 'onearm', endpoints: endpointsOf(topology, echoPort) },
        // Nobody has this address, so nobody answers.
        { name: 'deaf', port: 54, protocol: 'udp', endpoints: [{ address: '10.2.1.99' }] },
        { name: 'deaf-tcp', port: 55, protocol: 'tcp', mode: 'fullnat', endpoints: [{ address: '10.2.1.99' }] },
        { name: 'ping', protocol: 'icmp', endpoints: endpointsOf(topology) },
        { name: 'streams', port: 70, protocol: 'tcp', endpoints: endpointsOf(topology, streamPort) },
      ],
      { timeouts: { unreplied: 1, replied: 3, synSent: 2 } },
    ),
  )
  await Traffic.open(lab, topology)
  await streamServerOn(lab.host('server1'), topology.servers[0]?.address ?? '')
  const client = lab.host('client')
  const busy = await sequenceOn(client, { address: vip, port: 53, perSecond: 20 })
  const startedAt = performance.now()
  await pingFrom(client, { address: vip, count: 1, size: 8, identifier: 9 })
  await oneFromEachOn(client, vip, 53, 50, 2_000)
  const late = await streamClientOn(client)
  t.is((await oneFromEachOn(client, vip, 54, 10, 1)).answered, 0)
  const unanswered = late.use('openEchoes', { address: vip, port: 55, count: 1, everyMs: null, timeoutMs: 500 })

  const states = async (): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {}
    for (const { service, state } of await flowsOf(daemon)) {
      const name = `${service} ${state}`
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }
  await until('all flows are there', async () => {
    const found = await states()
    return found['deaf unreplied'] === 10 && found['dns replied'] === 51
  })
  t.is((await states())['ping replied'], 1)
  await until('those without an answer have gone', async () => (await states())['deaf unreplied'] === undefined)
  t.true(performance.now() - startedAt > 1_000)
  t.is((await states())['dns replied'], 51)
  await until('idle ones have gone', async () => (await states())['dns replied'] === 1)
  t.true(performance.now() - startedAt > 3_000)
  await unanswered
  await until('the unanswered connection has gone', async () => (await states())['deaf-tcp syn_sent'] === undefined)
  // Only the busy one is left, longer than it would live idle.
  t.deepEqual(await states(), { 'dns replied': 1 })
  await until('the busy one goes on', async () => performance.now() - startedAt > 4_500)
  t.deepEqual(await states(), { 'dns replied': 1 })
  await busy.use('stop')
  await until('the table is empty', async () => pinnedFlowEntries(lab.instance) === 0)
  t.deepEqual(await flowsOf(daemon), [])
})

testWith(storyNeeds, 'expiry: a client may use its port again at once', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const times = 40
  const { lab, daemon } = await startStory(
    t,
    topology,
    storyConfig(topology, [
      { name: 'dnat', port: 70, protocol: 'tcp', endpoints: endpointsOf(topology, streamPort) },
      { name: 'fullnat', port: 71, protocol: 'tcp', mode: 'fullnat', endpoints: endpointsOf(topology, streamPort) },
    ]),
  )
  const servers = await Promise.all(
    topology.servers.map(({ name, address }) => streamServerOn(lab.host(name), address)),
  )
  const client = await streamClientOn(lab.host('client'))
  for (const [index, name] of ['dnat', 'fullnat'].entries()) {
    const before = sum(await Promise.all(servers.map((server) => server.use('accepted'))))
    await client.use('samePort', { address: topology.vip, port: 70 + index, localPort: 44_444, times })
    const accepted = sum(await Promise.all(servers.map((server) => server.use('accepted')))) - before
    t.is(accepted, times)
    // A connection is a flow, also where it takes the place of the one before it.
    t.is(sum([...(await endpointNumbers(daemon, name)).values()].map(({ flows }) => flows)), times)
  }
  await until('all flows have gone', async () => pinnedFlowEntries(lab.instance) === 0)
  t.deepEqual(await drops(daemon), {})
})
