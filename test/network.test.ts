// The network around the balancer changes while flows live: routes, links and MAC addresses. The kernel knows, and the
// fast path follows at once.

import { threeServers, type Hook, type ThreeServers } from '../lab/topology.ts'
import { echoPort, Traffic } from '../lab/traffic.ts'
import { testWith } from '../src/testing/needs.ts'
import { sequenceOn } from './support/on-host.ts'
import { startStory, storyConfig, storyNeeds, until, verdictCount } from './support/story.ts'

/** An address that two servers have, so that the balancer's route decides which of them gets its packets. */
const shared = '10.50.0.1'
const perSecond = 200

/** How soon the balancer's kernel asks again for the MAC address of a neighbour that does not answer. */
const eager = Object.fromEntries(
  ['server1', 'server2'].flatMap((device) =>
    Object.entries({ base_reachable_time_ms: '1000', delay_first_probe_time: '1', interval_probe_time_ms: '500' }).map(
      ([name, value]) => [`net.ipv4.neigh.${device}.${name}`, value],
    ),
  ),
)

const topologyFor = (hook: Hook): ThreeServers => {
  const topology = threeServers({ hook })
  return {
    ...topology,
    hosts: topology.hosts.map((host) => {
      if (host.name === topology.balancer) {
        return { ...host, sysctls: eager, routes: [{ to: `${shared}/32`, via: topology.servers[0]?.address ?? '' }] }
      }
      return host
    }),
  }
}

for (const hook of ['tc', 'xdp'] as const) {
  testWith(storyNeeds, `network: flows follow routes, links and MAC addresses under ${hook}`, async (t) => {
    const topology = topologyFor(hook)
    const { vip } = topology
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        {
          name: 'dns',
          port: 53,
          protocol: 'udp',
          mode: 'fullnat',
          endpoints: [{ address: shared, port: echoPort }],
        },
      ]),
    )
    const { balancer } = lab
    const run = async (host: typeof balancer, line: string): Promise<void> => {
      const [program = '', ...args] = line.split(' ')
      const { code, stderr } = await host.run(program, args)
      if (code !== 0) throw new Error(`${line}: ${stderr}`)
    }
    const [first, second] = [lab.host('server1'), lab.host('server2')]
    for (const host of [first, second]) await run(host, `ip address add ${shared}/32 dev lo`)
    // The servers of the lab, with another address.
    await Traffic.open(lab, {
      ...topology,
      servers: topology.servers.slice(0, 2).map(({ name }) => ({ name, address: shared })),
    })
    const sequence = await sequenceOn(lab.host('client'), { address: vip, port: 53, perSecond })
    const answers = async (server: string): Promise<number> => (await sequence.use('report')).servers[server] ?? 0
    const goesTo = async (server: string, what: string, withinMs: number): Promise<void> => {
      const before = await answers(server)
      const since = performance.now()
      await until(what, async () => (await answers(server)) > before + perSecond / 10)
      const took = Math.round(performance.now() - since)
      t.true(took < withinMs, `${what}: ${took} ms`)
    }

    await goesTo('server1', 'it begins with the first', 3_000)
    await run(balancer, `ip route replace ${shared}/32 via ${topology.servers[1]?.address ?? ''}`)
    await goesTo('server2', 'the new route is taken', 1_500)
    const gone = await answers('server1')
    await goesTo('server2', 'and kept', 1_500)
    t.is(await answers('server1'), gone)

    await run(balancer, `ip route del ${shared}/32`)
    await until('without a route it is a named drop', async () => (await verdictCount(daemon, 'drop_no_route')) > 10)
    await run(balancer, `ip route add ${shared}/32 via ${topology.servers[1]?.address ?? ''}`)
    await goesTo('server2', 'the route is back', 1_500)

    await run(second, 'ip link set eth0 down')
    await run(second, 'ip link set eth0 up')
    await run(second, `ip route add default via ${(topology.servers[1]?.address ?? '').replace(/\d+$/, '1')}`)
    await goesTo('server2', 'the link is back', 5_000)

    await run(second, 'ip link set dev eth0 address 02:00:00:00:00:99')
    await goesTo('server2', 'the new MAC address is found', 8_000)
    await sequence.use('stop')
    t.is(await verdictCount(daemon, 'drop_internal'), 0)
  })
}
