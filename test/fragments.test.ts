// Datagrams in pieces under each hook: the pieces in order, and the last one first, reach one server as the datagram
// that was sent, and its answer, in pieces too, reaches the client.

import { dualStack, hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { macAddress, piecesFrom, witnessOn } from './support/on-host.ts'
import { drops, flowsOf, startStory, storyConfig, storyNeeds } from './support/story.ts'
import { socketText, witnessUdpPort } from './support/witness.ts'

const ways = [
  { from: 4, to: 4, mode: 'dnat' },
  { from: 4, to: 4, mode: 'fullnat' },
  { from: 6, to: 6, mode: 'dnat' },
  { from: 6, to: 6, mode: 'fullnat' },
  { from: 6, to: 4, mode: 'onearm' },
  { from: 4, to: 6, mode: 'onearm' },
] as const
const firstPort = 5_000
const sizes = [1_400, 1_400] as const
const orders = [
  ['in order', [0, 1, 2]],
  ['reversed', [2, 1, 0]],
  ['with the first one in the middle', [1, 0, 2]],
] as const
/** More than two pieces hold, on the way there and back. */
const text = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(4, '.')).join('')

for (const hook of hooks)
  testWith(
    storyNeeds,
    `fragments: datagrams in pieces, in any order, in and between families under ${hook}`,
    async (t) => {
      const topology = dualStack({ hook })
      const { servers } = topology
      const vipOf = (family: 4 | 6): string => (family === 6 ? topology.vip6 : topology.vip)
      const services = ways.map(({ from, to, mode }, index) => ({
        name: `${from}to${to}-${mode}`,
        vip: vipOf(from),
        port: firstPort + index,
        protocol: 'udp' as const,
        mode,
        endpoints: servers.map((server) => ({
          address: to === 6 ? server.address6 : server.address,
          port: witnessUdpPort,
        })),
      }))
      const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
      for (const { name, address, address6 } of servers) {
        await witnessOn(lab.host(name), address)
        await witnessOn(lab.host(name), address6)
      }
      const client = lab.host('client')
      const [plain] = topology.clients
      const link = {
        device: 'eth0',
        sourceMac: await macAddress(client, 'eth0'),
        destinationMac: await macAddress(lab.balancer, 'client'),
      }
      let identification = 0x4000
      for (const [index, { from }] of ways.entries())
        for (const [how, order] of orders) {
          const { name, vip, port } = services[index]!
          const source = (from === 6 ? plain?.address6 : plain?.address) ?? ''
          const request = { ...link, source, address: vip, port, text, sizes, order, waitMs: 5_000 }
          const answer = await piecesFrom(client, { ...request, identification: identification++ })
          t.is(answer?.testimony.echo, text, `${name}, ${how}`)
          t.is(answer?.from, socketText(vip, port), `${name}, ${how}`)
        }
      t.is((await flowsOf(daemon)).length, ways.length * orders.length)
      t.deepEqual(await drops(daemon), {})
    },
  )
