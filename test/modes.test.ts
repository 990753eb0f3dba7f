// Each mode under each hook with real packets: what comes back to the client, and whom the server takes it for. And the
// same for services that somebody makes in a second shell.

import type { Daemon } from '../lab/daemon.ts'
import type { Lab } from '../lab/lab.ts'
import { labFor } from '../lab/testing.ts'
import { hooks, threeServers, type ThreeServers } from '../lab/topology.ts'

import { testWith } from '../src/testing/needs.ts'
import { askFrom, curl, macAddress, pingFrom, witnessOn } from './support/on-host.ts'
import {
  drops,
  endpointNumbers,
  endpointsOf,
  flowsOf,
  sluice,
  startStory,
  storyConfig,
  storyNeeds,
  sum,
  verdictCount,
} from './support/story.ts'
import { witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const

const openWitnesses = (lab: Lab, topology: ThreeServers) =>
  Promise.all(topology.servers.map(({ name, address }) => witnessOn(lab.host(name), address)))

/** The modes in which endpoints answer through this machine, to VIPs of their own. */
const modes = ['dnat', 'onearm', 'fullnat'] as const
type Mode = (typeof modes)[number]

/** Whom a server must take the client for. */
const expectedClient = (topology: ThreeServers, mode: Mode, server: string): string => {
  switch (mode) {
    case 'dnat':
      return topology.clients[0]?.address ?? ''
    case 'onearm': {
      const address = topology.servers.find(({ name }) => name === server)?.address ?? ''
      return address.replace(/\d+$/, '1')
    }
    case 'fullnat':
      return topology.vip
    default:
      return mode satisfies never
  }
}

const finishedUnder = async (daemon: Daemon, hook: 'xdp' | 'tc'): Promise<number> =>
  Number((await daemon.status()).verdicts[hook]['forward'] ?? 0)

for (const hook of hooks) {
  for (const mode of modes) {
    testWith(needs, `modes: ${mode} under ${hook} balances TCP, UDP and ping`, async (t) => {
      const topology = threeServers({ hook, clients: 2 })
      const { vip } = topology
      const { lab, daemon } = await startStory(
        t,
        topology,
        storyConfig(topology, [
          { name: 'web', port: 80, protocol: 'tcp', mode, endpoints: endpointsOf(topology, witnessTcpPort) },
          {
            name: 'dns',
            port: 53,
            protocol: 'udp',
            mode,
            select: 'hash',
            endpoints: endpointsOf(topology, witnessUdpPort),
          },
          { name: 'ping', protocol: 'icmp', mode, endpoints: endpointsOf(topology) },
        ]),
      )
      await openWitnesses(lab, topology)
      const client = lab.host('client')

      const servers = new Set<string>()
      for (let round = 0; round < 8; round++) {
        const page = await curl(client, `http://${vip}/`)
        t.is(page?.client, expectedClient(topology, mode, page?.server ?? ''), `curl ${round}`)
        servers.add(page?.server ?? '')
      }
      t.is(servers.size, 3)

      for (const text of ['a', 'odd', 'x'.repeat(1_400)]) {
        const { from, testimony } = await askFrom(client, vip, 53, text)
        t.is(from, `${vip}:53`)
        t.is(testimony.echo, text)
        t.is(testimony.client, expectedClient(topology, mode, testimony.server))
      }

      for (const [identifier, size] of [
        [1, 0],
        [2, 57],
        [0xffff, 1_400],
      ] as const) {
        const result = await pingFrom(client, { address: vip, count: 5, size, identifier })
        t.deepEqual(result, { received: 5, wrong: 0, from: [vip] })
      }
      // A ping is a flow: three identifiers, three of them, each to one server.
      t.is(sum([...(await endpointNumbers(daemon, 'ping')).values()].map(({ flows }) => flows)), 3)
      for (const { source, endpoint, state } of (await flowsOf(daemon)).filter(({ service }) => service === 'ping')) {
        const server = topology.servers.find(({ address }) => address === endpoint.address)
        t.is(source.address, expectedClient(topology, mode, server?.name ?? ''))
        t.is(state, 'replied')
      }

      // Two clients that use the same identifier: each gets its own answers.
      const same = { address: vip, count: 20, size: 30, identifier: 500 }
      for (const result of await Promise.all([pingFrom(client, same), pingFrom(lab.host('client2'), same)]))
        t.deepEqual(result, { received: 20, wrong: 0, from: [vip] })

      // A server as client, also of itself: in and out by the same device.
      if (mode !== 'dnat') {
        const reached = new Set<string>()
        for (let round = 0; round < 6; round++) {
          const page = await curl(lab.host('server1'), `http://${vip}/`)
          t.is(page?.client, expectedClient(topology, mode, page?.server ?? ''))
          reached.add(page?.server ?? '')
        }
        t.is(reached.size, 3)
      }

      t.deepEqual(await drops(daemon), {})
      if (hook === 'xdp') {
        // TC finishes only what XDP cannot: the first packet to a neighbour that is not resolved yet.
        t.true((await finishedUnder(daemon, 'tc')) < 20)
        t.true((await finishedUnder(daemon, 'xdp')) > 50)
      } else {
        t.is(await finishedUnder(daemon, 'xdp'), 0)
      }
    })
  }

  testWith(needs, `modes: a VIP in the client's own subnet answers ARP under ${hook}`, async (t) => {
    const topology = threeServers({ hook, vip: 'onlink' })
    const { vip } = topology
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(
        topology,
        modes.map((mode, index) => ({
          name: mode,
          port: 80 + index,
          protocol: 'tcp',
          mode,
          announce: 'local',
          endpoints: endpointsOf(topology, witnessTcpPort),
        })),
      ),
    )
    await openWitnesses(lab, topology)
    const client = lab.host('client')
    for (const [index, mode] of modes.entries()) {
      const page = await curl(client, `http://${vip}:${80 + index}/`)
      t.is(page?.client, expectedClient(topology, mode, page?.server ?? ''), mode)
    }
    const neighbours = await client.run('ip', ['neighbour', 'show', vip])
    t.true(neighbours.stdout.includes(`lladdr ${await macAddress(lab.balancer, 'client')}`), neighbours.stdout)
    // The balancer itself answers what is no service's, such as a ping.
    t.is((await pingFrom(client, { address: vip, count: 3, size: 56, identifier: 7 })).received, 3)
    t.deepEqual(await drops(daemon), {})
  })

  testWith(needs, `modes: services made and deleted in a second shell work under ${hook}`, async (t) => {
    const topology = threeServers({ hook })
    const { vip } = topology
    const { lab, daemon } = await startStory(t, topology, storyConfig(topology, []))
    await openWitnesses(lab, topology)
    const client = lab.host('client')
    const onLoopback = async (): Promise<boolean> =>
      (await lab.balancer.run('ip', ['address', 'show', 'dev', 'lo'])).stdout.includes(` ${vip}/32 `)
    const endpoints = topology.servers.map(({ address }) => address).join(',')

    for (const mode of modes) {
      t.is(await curl(client, `http://${vip}/`, 1), null)
      t.false(await onLoopback())
      const created = await sluice(
        lab,
        `create lb ${vip} --tcp=80:${witnessTcpPort} --endpoints=${endpoints} --mode=${mode} --name=made-${mode}`,
      )
      t.is(created.code, 0, created.stderr)
      t.true(await onLoopback())
      for (let round = 0; round < 3; round++) {
        const page = await curl(client, `http://${vip}/`)
        t.is(page?.client, expectedClient(topology, mode, page?.server ?? ''), mode)
      }
      const deleted = await sluice(lab, `delete lb ${vip} --tcp=80`)
      t.is(deleted.code, 0, deleted.stderr)
    }
    t.is(await curl(client, `http://${vip}/`, 1), null)
    t.false(await onLoopback())
    t.deepEqual(await daemon.services(), [])
    t.is(await verdictCount(daemon, 'drop_internal'), 0)
  })
}

testWith(needs, 'modes: what XDP cannot send, TC sends', async (t) => {
  const topology = threeServers({ hook: 'xdp' })
  const { vip } = topology
  const endpoints = endpointsOf(topology, witnessTcpPort)
  const config = storyConfig(topology, [
    { name: 'dnat', port: 80, protocol: 'tcp', endpoints },
    { name: 'fullnat', port: 81, protocol: 'tcp', mode: 'fullnat', endpoints },
  ])
  // The far end of a veth takes no frames from XDP without GRO; and one device is left to TC altogether.
  const interfaces = ['client', 'server1', 'server2', 'server3'].map((name) => ({
    name,
    hook: name === 'server2' ? 'tc' : 'xdp',
  }))
  const lab = await labFor(t, topology)
  for (const host of ['server1', 'server2']) await lab.host(host).run('ethtool', ['-K', 'eth0', 'gro', 'off'])
  const daemon = await lab.startDaemon({ ...config, interfaces })
  await openWitnesses(lab, topology)
  for (const [index, mode] of (['dnat', 'fullnat'] as const).entries()) {
    const reached = new Set<string>()
    for (let round = 0; round < 9; round++) {
      const page = await curl(lab.host('client'), `http://${vip}:${80 + index}/`)
      t.is(page?.client, expectedClient(topology, mode, page?.server ?? ''), mode)
      reached.add(page?.server ?? '')
    }
    t.is(reached.size, 3)
  }
  t.true((await verdictCount(daemon, 'to_tc_device')) > 20)
  t.true((await finishedUnder(daemon, 'xdp')) > 20)
  t.true((await finishedUnder(daemon, 'tc')) > 20)
  t.deepEqual(await drops(daemon), {})
})
