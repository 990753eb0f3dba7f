// Path MTU discovery through the balancer: a link that takes less than the two ends think, behind it or its own. The
// sender is told, remembers, and what it sends then arrives.

import { hooks } from '../lab/topology.ts'
import { testWith } from '../src/testing/needs.ts'
import { bulkPort } from './support/bulk.ts'
import { askFrom, bulkFrom, bulkServerOn, witnessOn } from './support/on-host.ts'
import { longPath, narrow } from './support/path.ts'
import { drops, startStory, storyConfig, storyNeeds, until, type ServiceEntry } from './support/story.ts'
import { witnessUdpPort } from './support/witness.ts'

/** What the narrow link takes. */
const mtu = 1_400
const bulkBytes = 1_000_000
const answerMs = 20_000
const text = 'x'.repeat(1_440)
const places = [
  ['behind the balancer', narrow.behind],
  ["of the balancer's own", narrow.own],
] as const
/** How much longer packets are as IPv6, and in pieces. */
const [growth, growthOfPieces] = [20, 28]
const ways = [
  { from: 4, to: 4, mode: 'fullnat', learnt: mtu },
  { from: 6, to: 6, mode: 'fullnat', learnt: mtu },
  { from: 6, to: 4, mode: 'fullnat', learnt: mtu + growth },
  { from: 4, to: 6, mode: 'fullnat', learnt: mtu - growth },
  { from: 4, to: 4, mode: 'dnat', learnt: mtu },
  { from: 6, to: 6, mode: 'dnat', learnt: mtu },
] as const
/** An IPv4 host sends pieces as long as it has learnt. As IPv6 they are too long, as a router behind us tells it. */
const learntByPieces = (place: string, { from, to, learnt }: (typeof ways)[number]): number =>
  place === 'behind the balancer' && from === 4 && to === 6 ? mtu - growthOfPieces : learnt
const families = [4, 6] as const
type Family = (typeof families)[number]
const vipOf = (family: Family, number: number): string => (family === 6 ? `fd00:99::${number}` : `10.99.0.${number}`)

interface Reached {
  readonly label: string
  readonly tcp: ServiceEntry & { readonly vip: string }
  readonly udp: ServiceEntry & { readonly vip: string }
  readonly learnt: number
  readonly learntByPieces: number
}

/** Each service has a VIP of its own, for a host remembers the MTU of the way to an address. */
const reached: readonly Reached[] = places.flatMap(([place, server], far) =>
  ways.map((way, index) => {
    const { from, to, mode, learnt } = way
    const serviceFor = (protocol: 'tcp' | 'udp', port: number) => {
      const number = 10 * (index + 1) + 2 * far + (protocol === 'tcp' ? 0 : 1)
      return {
        name: `${protocol}-${number}`,
        vip: vipOf(from, number),
        ...(from !== to && { vips: [vipOf(to, number)] }),
        port,
        protocol,
        mode,
        endpoints: [{ address: to === 6 ? server.address6 : server.address }],
      }
    }
    return {
      label: `${place}, IPv${from} to IPv${to}, ${mode}`,
      tcp: serviceFor('tcp', bulkPort),
      udp: serviceFor('udp', witnessUdpPort),
      learnt,
      learntByPieces: learntByPieces(place, way),
    }
  }),
)

for (const hook of hooks)
  testWith(
    storyNeeds,
    `pmtu: narrow links are found in every family pair, through full NAT too, under ${hook}`,
    async (t) => {
      const topology = longPath(hook, mtu)
      const services = reached.flatMap(({ tcp, udp }) => [tcp, udp])
      const { lab, daemon } = await startStory(t, topology, storyConfig(topology, services))
      const [client, server] = [lab.host('client'), lab.host('server')]
      for (const { address, address6 } of Object.values(narrow))
        for (const each of [address, address6]) {
          await witnessOn(server, each)
          await bulkServerOn(server, each)
        }
      const learntFor = async (vip: string): Promise<number> => {
        const { stdout } = await client.run('ip', ['route', 'get', vip])
        return Number(/\bmtu (\d+)/.exec(stdout)?.[1] ?? 0)
      }

      for (const { label, learnt, learntByPieces: byPieces, tcp, udp } of reached) {
        t.is(await learntFor(tcp.vip), 0)
        // In mode dnat the server sees one client, and would announce what it has learnt of the way to it before.
        for (const family of ['-4', '-6']) await server.run('ip', [family, 'route', 'flush', 'cache'])
        const moved = await bulkFrom(client, tcp.vip, bulkPort, bulkBytes)
        t.is(moved.wrong, null, `TCP, ${label}`)
        t.is(await learntFor(tcp.vip), learnt, `TCP, ${label}`)

        // The first ones are too long and teach their sender, who cuts the next.
        const answer = await until(
          `an answer over UDP, ${label}`,
          () => askFrom(client, udp.vip, witnessUdpPort, text, 200).catch(() => undefined),
          answerMs,
        )
        t.is(answer.testimony.echo, text)
        t.is(await learntFor(udp.vip), byPieces, `UDP, ${label}`)
      }
      t.deepEqual(await drops(daemon), {})
    },
  )
