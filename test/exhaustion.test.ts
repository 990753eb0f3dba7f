// What runs out is a counted drop with a name, hurts nobody who is there already, and is over when there is room again.

import { hooks, threeServers } from '../lab/topology.ts'
import { echoPort, Traffic } from '../lab/traffic.ts'
import { testWith } from '../src/testing/needs.ts'
import { oneFromEachOn, streamClientOn, streamServerOn } from './support/on-host.ts'
import {
  drops,
  endpointsOf,
  flowsOf,
  startStory,
  storyConfig,
  storyNeeds,
  until,
  verdictCount,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'

const ports = 64
const firstPort = 2_010
const lastPort = firstPort + ports - 1
const refusedTimeoutMs = 800

for (const hook of hooks) {
  testWith(storyNeeds, `exhaustion: source ports run out under ${hook}, and are given out again`, async (t) => {
    const topology = threeServers({ hook, clients: 2 })
    const { vip } = topology
    const [a = '', b = ''] = topology.servers.map(({ address }) => address)
    const toward = (name: string, port: number, mode: 'onearm' | 'fullnat', address: string) =>
      ({ name, port, protocol: 'tcp', mode, endpoints: [{ address, port: streamPort }] }) as const
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(
        topology,
        [
          toward('narrow', 70, 'onearm', a),
          toward('same-place', 71, 'onearm', a),
          toward('other-source', 72, 'fullnat', a),
          toward('other-server', 73, 'onearm', b),
        ],
        { snat: { ports: `${firstPort}-${lastPort}` } },
      ),
    )
    for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
    const holders = [await streamClientOn(lab.host('client')), await streamClientOn(lab.host('client2'))]
    for (const holder of holders)
      await holder.use('openEchoes', { address: vip, port: 70, count: ports / 2, everyMs: 20 })

    const given = (await flowsOf(daemon)).map(({ source }) => source.port)
    t.is(new Set(given).size, ports)
    t.true(given.every((port) => port >= firstPort && port <= lastPort))
    t.deepEqual(await drops(daemon), {})

    /** Whether one more connection to this service works. */
    const oneMore = async (port: number): Promise<boolean> => {
      const late = await streamClientOn(lab.host('client2'))
      await late.use('openEchoes', { address: vip, port, count: 1, everyMs: null, timeoutMs: refusedTimeoutMs })
      const { alive } = await late.use('echoes')
      await late.use('closeEchoes', 'whole')
      return alive === 1
    }
    t.false(await oneMore(70))
    t.false(await oneMore(71), 'ports are counted for source and endpoint, whatever the service')
    t.true((await verdictCount(daemon, 'drop_ports_exhausted')) >= 2)
    t.true(await oneMore(72))
    t.true(await oneMore(73))
    for (const holder of holders) {
      const { fewestEchoes } = await holder.use('echoes')
      await until('those that have one go on', async () => (await holder.use('echoes')).fewestEchoes > fewestEchoes)
      t.like(await holder.use('echoes'), { alive: ports / 2, broken: [] })
    }

    await holders[0]?.use('closeEchoes', 'whole')
    await until('closed flows have gone', async () => (await flowsOf(daemon)).length <= ports / 2)
    const dropped = await drops(daemon)
    t.deepEqual(Object.keys(dropped), ['drop_ports_exhausted'])
    const again = await streamClientOn(lab.host('client'))
    await again.use('openEchoes', { address: vip, port: 71, count: ports / 2, everyMs: null })
    t.like(await again.use('echoes'), { alive: ports / 2, broken: [] })
    t.deepEqual(await drops(daemon), dropped)
    t.like(await holders[1]?.use('echoes'), { alive: ports / 2, broken: [] })
  })

  testWith(
    storyNeeds,
    `exhaustion: a full flow table under ${hook} refuses new flows and keeps old ones`,
    async (t) => {
      const topology = threeServers({ hook })
      const { vip } = topology
      const flows = 1_024
      const streams = 24
      const { lab, daemon } = await startStory(
        t,
        topology,
        storyConfig(
          topology,
          [
            { name: 'streams', port: 70, protocol: 'tcp', endpoints: endpointsOf(topology, streamPort) },
            { name: 'dns', port: 53, protocol: 'udp', mode: 'fullnat', endpoints: endpointsOf(topology, echoPort) },
          ],
          {
            limits: { flows, services: 64, endpoints: 512, slotPages: 256 },
            timeouts: { unreplied: 3, replied: 3, synSent: 3 },
          },
        ),
      )
      await Traffic.open(lab, topology)
      for (const { name, address } of topology.servers) await streamServerOn(lab.host(name), address)
      const client = lab.host('client')
      const old = await streamClientOn(client)
      await old.use('openEchoes', { address: vip, port: 70, count: streams, everyMs: 20 })

      const { answered } = await oneFromEachOn(client, vip, 53, flows + 200, 1_000)
      const held = (await flowsOf(daemon)).length
      t.true(held <= flows && held > flows * 0.98, `${held} flows`)
      t.is(answered, held - streams)
      const refused = await verdictCount(daemon, 'drop_flows_full')
      t.true(refused >= flows + 200 - answered)

      const late = await streamClientOn(client)
      await late.use('openEchoes', { address: vip, port: 70, count: 1, everyMs: null, timeoutMs: 500 })
      t.is((await late.use('echoes')).alive, 0)
      t.true((await verdictCount(daemon, 'drop_flows_full')) > refused)
      const { fewestEchoes } = await old.use('echoes')
      await until('old flows go on', async () => (await old.use('echoes')).fewestEchoes > fewestEchoes + 3)

      await until('idle flows have expired', async () => (await flowsOf(daemon)).length <= streams)
      const dropped = await drops(daemon)
      t.deepEqual(Object.keys(dropped), ['drop_flows_full'])
      t.is((await oneFromEachOn(client, vip, 53, 500, 3_000)).answered, 500)
      const fresh = await streamClientOn(client)
      await fresh.use('openEchoes', { address: vip, port: 70, count: 10, everyMs: null })
      t.like(await fresh.use('echoes'), { alive: 10, broken: [] })
      t.like(await old.use('echoes'), { alive: streams, broken: [] })
      t.deepEqual(await drops(daemon), dropped)
    },
  )
}
