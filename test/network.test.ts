// The network around the balancer changes while flows live: routes, links and MAC addresses. The kernel knows, and the
// fast path follows at once.

import { namespaceName } from '../lab/instance.ts'
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
    const goesTo = async (server: string, what: string, withinMs = 10_000): Promise<void> => {
      const before = await answers(server)
      await until(what, async () => (await answers(server)) > before + perSecond / 10, withinMs)
    }

    await goesTo('server1', 'it begins with the first')
    await run(balancer, `ip route replace ${shared}/32 via ${topology.servers[1]?.address ?? ''}`)
    await goesTo('server2', 'the new route is taken')
    const gone = await answers('server1')
    await goesTo('server2', 'and kept')
    t.is(await answers('server1'), gone)

    await run(balancer, `ip route del ${shared}/32`)
    await until('without a route it is a named drop', async () => (await verdictCount(daemon, 'drop_no_route')) > 10)
    await run(balancer, `ip route add ${shared}/32 via ${topology.servers[1]?.address ?? ''}`)
    await goesTo('server2', 'the route is back')

    await run(second, 'ip link set eth0 down')
    await run(second, 'ip link set eth0 up')
    await run(second, `ip route add default via ${(topology.servers[1]?.address ?? '').replace(/\d+$/, '1')}`)
    await goesTo('server2', 'the link is back')

    await run(second, 'ip link set dev eth0 address 02:00:00:00:00:99')
    await goesTo('server2', 'the new MAC address is found', 30_000)
    await sequence.use('stop')
    t.is(await verdictCount(daemon, 'drop_internal'), 0)
  })
}

testWith(storyNeeds, 'network: a device that is taken away and made again gets its program back', async (t) => {
  const topology = threeServers({ hook: 'tc' })
  const [server] = topology.servers
  const endpoint = { address: server?.address ?? '', port: echoPort }
  const config = storyConfig(topology, [{ name: 'dns', port: 53, protocol: 'udp', endpoints: [endpoint] }])
  const { lab, daemon } = await startStory(t, topology, config)
  await Traffic.open(lab, topology)
  const sequence = await sequenceOn(lab.host('client'), { address: topology.vip, port: 53, perSecond })
  const answers = async (): Promise<number> => (await sequence.use('report')).servers['server1'] ?? 0
  const goesOn = async (what: string): Promise<void> => {
    const before = await answers()
    await until(what, async () => (await answers()) > before + perSecond / 10)
  }
  await goesOn('it begins')

  const ip = async (host: typeof lab.balancer, line: string): Promise<void> => {
    const { code, stderr } = await host.run('ip', line.split(' '))
    if (code !== 0) throw new Error(`ip ${line}: ${stderr}`)
  }
  const far = lab.host('server1')
  const gateway = endpoint.address.replace(/\d+$/, '1')
  await ip(lab.balancer, 'link del server1')
  await ip(lab.balancer, `link add server1 type veth peer name eth0 netns ${namespaceName(lab.instance, 'server1')}`)
  await lab.balancer.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/conf/server1/forwarding'])
  await ip(lab.balancer, `address add ${gateway}/24 dev server1`)
  await ip(lab.balancer, 'link set server1 up')
  await ip(far, `address add ${endpoint.address}/24 dev eth0`)
  await ip(far, 'link set eth0 up')
  await ip(far, `route add default via ${gateway}`)
  await goesOn('the new device balances')
  await sequence.use('stop')
  const { interfaces } = await daemon.status()
  t.true(interfaces.some(({ name, ifindex }) => name === 'server1' && ifindex > topology.links.length + 1))
})
