// IPv6 in every mode under each hook with real packets, as modes.test.ts has it for IPv4: what comes back to the
// client, and whom the server takes it for.

import { dualStack, hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { askFrom, bulkFrom, bulkServerOn, curl, pingFrom, witnessOn } from './support/on-host.ts'
import { bulkPort } from './support/bulk.ts'
import { drops, endpointNumbers, startStory, storyConfig, storyNeeds, sum } from './support/story.ts'
import { witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const
const modes = ['dnat', 'onearm', 'fullnat', 'hostonearm'] as const
const bulkBytes = 2_000_000

for (const hook of hooks)
  testWith(needs, `families: IPv6 in every mode under ${hook}: TCP, UDP, ping, and bulk`, async (t) => {
    const topology = dualStack({ hook })
    const { servers } = topology
    const endpoints = (port?: number) => servers.map(({ address6 }) => ({ address: address6, ...(port && { port }) }))
    // Every address of this host is a VIP of `hostonearm`: such as the one on the client's link.
    const vipOf = (mode: (typeof modes)[number]): string =>
      mode === 'hostonearm' ? 'fd00:1:1::1' : `fd00:99::${modes.indexOf(mode) + 1}`
    const services = modes.flatMap((mode) => {
      const common = { mode, vip: mode === 'hostonearm' ? '::' : vipOf(mode) }
      return [
        { ...common, name: `web-${mode}`, port: 80, protocol: 'tcp', endpoints: endpoints(witnessTcpPort) },
        { ...common, name: `bulk-${mode}`, port: 81, protocol: 'tcp', endpoints: endpoints(bulkPort) },
        { ...common, name: `dns-${mode}`, port: 53, protocol: 'udp', endpoints: endpoints(witnessUdpPort) },
        { ...common, name: `ping-${mode}`, protocol: 'icmp', endpoints: endpoints() },
      ] as const
    })
    const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
    for (const { name, address6 } of servers) {
      await witnessOn(lab.host(name), address6)
      await bulkServerOn(lab.host(name), address6)
    }
    const client = lab.host('client')

    for (const mode of modes) {
      const vip = vipOf(mode)
      /** Whom a server must take the client for. */
      const expected = (server: string): string => {
        if (mode === 'dnat') return topology.clients[0]?.address6 ?? ''
        if (mode === 'fullnat') return vip
        return (servers.find(({ name }) => name === server)?.address6 ?? '').replace(/\d+$/, '1')
      }
      const reached = new Set<string>()
      for (let round = 0; round < 6; round++) {
        const page = await curl(client, `http://[${vip}]/`)
        t.is(page?.client, expected(page?.server ?? ''), `curl, ${mode}, ${round}`)
        reached.add(page?.server ?? '')
      }
      t.is(reached.size, 3)
      for (const text of ['a', 'odd', 'x'.repeat(1_400)]) {
        const { from, testimony } = await askFrom(client, vip, 53, text)
        t.is(from, `[${vip}]:53`)
        t.is(testimony.echo, text)
        t.is(testimony.client, expected(testimony.server))
      }
      for (const [identifier, size] of [
        [1, 0],
        [2, 57],
        [0xffff, 1_400],
      ] as const) {
        const result = await pingFrom(client, { address: vip, count: 5, size, identifier })
        t.deepEqual(result, { received: 5, wrong: 0, from: [vip] })
      }
      t.is(sum([...(await endpointNumbers(daemon, `ping-${mode}`)).values()].map(({ flows }) => flows)), 3)
      const moved = await bulkFrom(client, vip, 81, bulkBytes)
      t.is(moved.wrong, null)
      t.is(moved.client, expected(moved.server))
    }
    t.deepEqual(await drops(daemon), {})
  })
