// Clients of one family and servers of the other, under each hook: pages, datagrams, pings, and much data at once both
// ways. Under TC segments are as long as offloads make them, and their headers change length all the same.

import { dualStack, hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { bulkPort } from './support/bulk.ts'
import { askFrom, bulkFrom, bulkServerOn, curl, pingFrom, witnessOn } from './support/on-host.ts'
import { drops, startStory, storyConfig, storyNeeds } from './support/story.ts'
import { socketText, witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const needs = [...storyNeeds, 'curl'] as const
const modes = ['dnat', 'onearm', 'fullnat'] as const
const bulkBytes = 5_000_000

const ways = [
  [6, 4],
  [4, 6],
] as const

for (const hook of hooks)
  testWith(needs, `nat64: curl, datagrams, pings, and bulk both ways between the families under ${hook}`, async (t) => {
    const topology = dualStack({ hook })
    const stories = ways.map(([from, to]) => {
      const vip = from === 6 ? topology.vip6 : topology.vip
      // `fullnat` needs an address of the servers' family: the service has a VIP of each.
      const vips = [from === 6 ? '10.99.0.4' : 'fd00:99::6']
      const servers = topology.servers.map(({ name, address, address6 }) => ({
        name,
        address: to === 4 ? address : address6,
      }))
      return { vip, vips, servers, name: `${from}to${to}` }
    })
    const services = stories.flatMap(({ vip, vips, servers, name }) => {
      const endpoints = (port?: number) => servers.map(({ address }) => ({ address, ...(port && { port }) }))
      const each = modes.flatMap((mode, index) => {
        const common = { mode, vip, ...(mode === 'fullnat' && { vips }) }
        const tcp = { ...common, protocol: 'tcp' } as const
        return [
          { ...tcp, name: `web-${name}-${mode}`, port: 80 + index, endpoints: endpoints(witnessTcpPort) },
          { ...tcp, name: `bulk-${name}-${mode}`, port: 90 + index, endpoints: endpoints(bulkPort) },
          {
            ...common,
            name: `dns-${name}-${mode}`,
            port: 53 + index,
            protocol: 'udp',
            endpoints: endpoints(witnessUdpPort),
          },
        ] as const
      })
      const ping = { name: `ping-${name}`, protocol: 'icmp', mode: 'onearm', vip, endpoints: endpoints() } as const
      return [...each, ping]
    })
    const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
    for (const { servers } of stories)
      for (const { name, address } of servers) {
        await witnessOn(lab.host(name), address)
        await bulkServerOn(lab.host(name), address)
      }
    const client = lab.host('client')
    for (const { vip, vips, servers, name: way } of stories) {
      const host = vip.includes(':') ? `[${vip}]` : vip
      /** Always an address of ours. */
      const seen = (mode: (typeof modes)[number], server: string): string =>
        mode === 'fullnat'
          ? (vips[0] ?? '')
          : (servers.find(({ name }) => name === server)?.address ?? '').replace(/\d+$/, '1')
      for (const [index, mode] of modes.entries()) {
        for (let round = 0; round < 3; round++) {
          const page = await curl(client, `http://${host}:${80 + index}/`)
          t.is(page?.client, seen(mode, page?.server ?? ''), `curl, ${way}, ${mode}, ${round}`)
        }
        for (const text of ['a', 'odd', 'x'.repeat(1_300)]) {
          const answer = await askFrom(client, vip, 53 + index, text)
          t.is(answer.from, socketText(vip, 53 + index))
          t.is(answer.testimony.echo, text)
          t.is(answer.testimony.client, seen(mode, answer.testimony.server))
        }
        const moved = await bulkFrom(client, vip, 90 + index, bulkBytes)
        t.is(moved.wrong, null, `${way}, ${mode}`)
        t.is(moved.client, seen(mode, moved.server))
      }
      for (const [identifier, size] of [
        [1, 0],
        [2, 57],
        [3, 1_300],
      ] as const)
        t.deepEqual(await pingFrom(client, { address: vip, count: 5, size, identifier }), {
          received: 5,
          wrong: 0,
          from: [vip],
        })
    }
    t.deepEqual(await drops(daemon), {})
  })
