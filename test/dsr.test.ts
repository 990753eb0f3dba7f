// Direct return under each hook: servers get packets as clients sent them, by MAC address, inside IP and inside GUE,
// and answer on links that leave the balancer out.

import { dualStack, hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { bulkPort } from './support/bulk.ts'
import { makeDirectServer } from './support/direct.ts'
import { askFrom, bulkFrom, bulkServerOn, curl, witnessOn } from './support/on-host.ts'
import { drops, flowsOf, startStory, storyConfig, storyNeeds, sum } from './support/story.ts'
import { socketText, witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const ways = [
  { encapsulation: 'l2', from: 4, to: 4 },
  { encapsulation: 'l2', from: 6, to: 6 },
  ...(['ip', 'gue'] as const).flatMap((encapsulation) => [
    { encapsulation, from: 4, to: 4 } as const,
    { encapsulation, from: 6, to: 6 } as const,
    { encapsulation, from: 6, to: 4 } as const,
    { encapsulation, from: 4, to: 6 } as const,
  ]),
] as const
const rounds = 4
/** Full segments, of which an envelope makes packets that are too long. */
const bulkBytes = 500_000
const quietBytes = 50_000

for (const hook of hooks)
  testWith(
    [...storyNeeds, 'curl', 'tun'],
    `dsr: servers answer clients themselves under ${hook}: by MAC address, in IP, in GUE`,
    async (t) => {
      const topology = dualStack({ hook, direct: true })
      const { clients, servers } = topology
      const services = ways.flatMap(({ encapsulation, from, to }, index) => {
        const vip = from === 6 ? `fd00:99::${index + 1}` : `10.99.0.${index + 1}`
        const common = { vip, mode: 'dsr', encapsulation } as const
        const name = `${encapsulation}-${from}in${to}`
        const endpoints = servers.map(({ address, address6 }) => ({ address: to === 6 ? address6 : address }))
        return [
          { ...common, name: `tcp-${name}`, port: 'any', protocol: 'tcp', endpoints },
          { ...common, name: `udp-${name}`, port: witnessUdpPort, protocol: 'udp', endpoints },
        ] as const
      })
      const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
      const vips = [...new Set(services.map(({ vip }) => vip))]
      const client = lab.host('client')
      for (const { name } of servers) {
        await makeDirectServer(t, lab.host(name), vips)
        for (const vip of vips) {
          await witnessOn(lab.host(name), vip)
          await bulkServerOn(lab.host(name), vip)
        }
      }

      for (const vip of vips) {
        const seen = (vip.includes(':') ? clients[0]?.address6 : clients[0]?.address) ?? ''
        const way = ways[vips.indexOf(vip)]
        const label = `${way?.encapsulation}, IPv${way?.from} in IPv${way?.to}`
        const reached = new Set<string>()
        for (let round = 0; round < rounds; round++) {
          const page = await curl(client, `http://${socketText(vip, witnessTcpPort)}/`)
          t.is(page?.client, seen, `curl, ${label}`)
          reached.add(page?.server ?? '')
        }
        t.true(reached.size > 1, label)
        const { from, testimony } = await askFrom(client, vip, witnessUdpPort, 'x'.repeat(1_000))
        t.is(from, socketText(vip, witnessUdpPort))
        t.is(testimony.client, seen)
        const moved = await bulkFrom(client, vip, bulkPort, bulkBytes, 6_000)
        t.is(moved.wrong, null, `bulk, ${label}`)
      }

      const flows = await flowsOf(daemon)
      t.true(flows.length > 0)
      for (const { toClient } of flows) t.is(Number(toClient.packets), 0)
      const { stdout } = await lab.balancer.run('cat', ['/proc/net/dev'])
      const traffic = servers.map(({ name }) => {
        // bytes, packets, six more, and then the same of what was sent
        const columns = new RegExp(`${name}:(.*)`).exec(stdout)?.[1]?.trim().split(/\s+/).map(Number) ?? []
        return { received: columns[0] ?? 0, sent: columns[8] ?? 0 }
      })
      const received = sum(traffic.map((each) => each.received))
      t.true(received < quietBytes, `${received} bytes came back from the servers`)
      t.true(sum(traffic.map((each) => each.sent)) > bulkBytes * vips.length)
      t.deepEqual(await drops(daemon), {})
    },
  )
