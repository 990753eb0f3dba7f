// Fast path and slow path together, with Linux as client, router and server:
//
//     client N.2 --- N.1 balancer M.1 --- M.2 router 3.1 --- 3.2 server        (10.N.0.x or fd0N::x)

import { setTimeout as delay } from 'node:timers/promises'
import { labFor } from '../../../lab/testing.ts'
import { testWith } from '../../testing/needs.ts'
import { buildFrame } from '../../testing/packets.ts'
import { fragmentFrame } from '../../testing/packets/fragments.ts'
import { endpoint, service } from '../../testing/services.ts'
import { openBothPaths } from '../../testing/slow-path/fast-path.ts'
import { openTcpPeer, openUdpPeer, sendFrames } from '../../testing/slow-path/peers.ts'
import type { Remote } from '../../../lab/host.ts'
import type { Lab } from '../../../lab/lab.ts'
import type { Topology } from '../../../lab/topology.ts'
import type { Service } from '../../lb/model.ts'
import type { Packet } from '../../testing/packets.ts'
import type { BothPaths } from '../../testing/slow-path/fast-path.ts'
import type { TcpPeer, UdpPeer } from '../../testing/slow-path/peers.ts'

const here = (file: string): URL => new URL(`../../testing/slow-path/${file}`, import.meta.url)
type Family = 4 | 6

const at = (family: Family, net: number, host: number): string =>
  family === 4 ? `10.${net}.0.${host}` : `fd0${net}::${host}`
const vipOf = (family: Family): string => (family === 4 ? '192.0.2.1' : 'fd99::1')

/** Links: 1 client, 2 balancer to router, 3 router to server. */
const topology = (client: Family, server: Family, mtu: Partial<Record<2 | 3, number>>): Topology => {
  const end = (
    host: string,
    device: string,
    family: Family,
    net: number,
    number: number,
  ): Topology['links'][0]['a'] => ({
    host,
    device,
    address: `${at(family, net, number)}/${family === 4 ? 24 : 64}`,
  })
  return {
    hook: 'tc',
    balancer: 'balancer',
    hosts: [
      {
        name: 'balancer',
        forwarding: true,
        routes: [{ to: server === 4 ? '10.3.0.0/24' : 'fd03::/64', via: at(server, 2, 2) }],
      },
      { name: 'client', routes: [{ to: 'default', via: at(client, 1, 1) }] },
      { name: 'router', forwarding: true, routes: [{ to: 'default', via: at(server, 2, 1) }] },
      { name: 'server', routes: [{ to: 'default', via: at(server, 3, 1) }] },
    ],
    links: [
      { a: end('balancer', 'toclient', client, 1, 1), b: end('client', 'eth0', client, 1, 2) },
      {
        a: end('balancer', 'torouter', server, 2, 1),
        b: end('router', 'eth0', server, 2, 2),
        ...(mtu[2] === undefined ? {} : { mtu: mtu[2] }),
      },
      {
        a: end('router', 'toserver', server, 3, 1),
        b: end('server', 'eth0', server, 3, 2),
        ...(mtu[3] === undefined ? {} : { mtu: mtu[3] }),
      },
    ],
  }
}

interface StoryOptions {
  readonly client: Family
  readonly server: Family
  readonly service: Partial<Service>
}

const balance = async (lab: Lab, { client, server, service: given }: StoryOptions): Promise<Remote<BothPaths>> => {
  const endpoints = [endpoint(at(server, 3, 2))]
  const wanted = service({ address: vipOf(client), mode: 'onearm', endpoints, ...given })
  const options = { devices: ['toclient', 'torouter'], services: [wanted], egress: at(server, 2, 1) }
  return lab.balancer.open(here('fast-path.ts'), openBothPaths, options)
}

const until = async (condition: () => Promise<boolean>, what: () => Promise<string>): Promise<void> => {
  for (let tries = 0; tries < 1000; tries++) {
    if (await condition()) return
    await delay(10)
  }
  throw new Error(`it did not come: ${await what()}`)
}

/** For a test that fails. */
const told = async (paths: Remote<BothPaths>): Promise<string> => {
  const asText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)
  return JSON.stringify([await paths.use('verdicts'), await paths.use('status'), await paths.use('flows')], asText)
}

/** A server that is not told of short links by its own, so that long packets are sent to it. */
const listen = async (lab: Lab, family: Family): Promise<{ far: Remote<TcpPeer>; port: number }> => {
  const options = family === 4 ? ['route'] : ['-6', 'route']
  const via = [...options, 'change', 'default', 'via', at(family, 3, 1), 'advmss', family === 4 ? '1460' : '1440']
  const changed = await lab.host('server').run('ip', via)
  if (changed.code !== 0) throw new Error(changed.stderr)
  const far = await lab.host('server').open(here('peers.ts'), openTcpPeer)
  return { far, port: await far.use('listen', at(family, 3, 2)) }
}

const families: readonly (readonly [string, Family, Family])[] = [
  ['IPv4', 4, 4],
  ['IPv6', 6, 6],
  ['IPv6 to IPv4', 6, 4],
  ['IPv4 to IPv6', 4, 6],
]

for (const [name, client, server] of families) {
  for (const [link, where] of [
    [2, 'the next link'],
    [3, 'a link further on'],
  ] as const) {
    const title = `story: ${name}: a sender learns how short ${where} is, and all of its data arrives`
    testWith(['root', 'bpf', 'netns'], title, async (t) => {
      const lab = await labFor(t, topology(client, server, { [link]: 1400 }))
      const { port } = await listen(lab, server)
      const paths = await balance(lab, {
        client,
        server,
        service: { endpoints: [endpoint(at(server, 3, 2), { port })] },
      })
      const near = await lab.host('client').open(here('peers.ts'), openTcpPeer)
      await near.use('connect', vipOf(client), 80)
      const back = near.use('exchange', 200_000)
      const late = delay(20_000).then(async () => told(paths))
      t.is(await Promise.race([back, late]), 200_000)
      const { reasons } = await paths.use('status')
      const used = link === 2 ? reasons['too_big']! : reasons['icmp_error']!
      // Within a family the fast path translates the errors of others itself.
      if (link === 2 || client !== server) t.true(used.answered > 0, await told(paths))
      t.deepEqual(used.dropped, {})
    })
  }
}

const orders: readonly (readonly number[])[] = [
  [0, 1, 2],
  [2, 1, 0],
  [1, 0, 2],
  [0, 2, 1],
]

for (const [name, client, server] of families) {
  testWith(['root', 'bpf', 'netns'], `story: ${name}: fragments in any order arrive as one datagram`, async (t) => {
    const endpoints = [endpoint(at(server, 3, 2), { port: 5353 })]
    const lab = await labFor(t, topology(client, server, {}))
    const paths = await balance(lab, { client, server, service: { port: 53, protocol: 'udp', endpoints } })
    const far: Remote<UdpPeer> = await lab.host('server').open(here('peers.ts'), openUdpPeer, server, 5353)
    const socket = (host: string, port: number): string => (client === 4 ? `${host}:${port}` : `[${host}]:${port}`)
    const { stdout } = await lab.balancer.run('ip', ['-j', 'link', 'show', 'toclient'])
    const [{ address: ethernetDestination } = { address: '' }] = JSON.parse(stdout) as readonly { address: string }[]
    // Each is the first packet of its flow. The longest fragments fill a link, and are longer as IPv6.
    for (const [index, order] of [...orders, ...orders].entries()) {
      const packet: Packet = {
        kind: 'udp',
        from: socket(at(client, 1, 2), 4000 + index),
        to: socket(vipOf(client), 53),
        payload: Uint8Array.from({ length: 3000 }, (_, i) => i * 5 + index),
        ethernetDestination,
      }
      const longest = index < orders.length ? 1200 : client === 4 ? 1480 : 1448
      const frames = fragmentFrame(buildFrame(packet), [longest, longest, 3008 - 2 * longest], 0x4321 + index)
      const inOrder = order.map((place) => frames[place]!)
      await lab.host('client').call(here('peers.ts'), sendFrames, 'eth0', inOrder)
      const content = Buffer.from(packet.payload ?? []).toString('hex')
      await until(
        async () => (await far.use('received')).some((datagram) => datagram.content === content),
        async () => `order ${order.join()}, ${longest} bytes: ${await told(paths)}`,
      )
    }
    t.is((await far.use('received')).length, 2 * orders.length)
    const { reasons } = await paths.use('status')
    t.deepEqual([reasons['fragment']!.dropped, reasons['too_big']!.dropped], [{}, {}])
  })
}

for (const [name, client, server] of families) {
  const title = `story: ${name}: a connection that is idle too long is reset on both sides`
  testWith(['root', 'bpf', 'netns'], title, async (t) => {
    const lab = await labFor(t, topology(client, server, {}))
    const { far, port } = await listen(lab, server)
    const endpoints = [endpoint(at(server, 3, 2), { port })]
    const paths = await balance(lab, { client, server, service: { endpoints, idleTimeout: 1, resetOnIdle: true } })
    const near = await lab.host('client').open(here('peers.ts'), openTcpPeer)
    await near.use('connect', vipOf(client), 80)
    t.is(await near.use('echo', 'hello'), 'hello')
    await until(
      async () => (await near.use('state')) !== 'open' && (await far.use('state')) !== 'open',
      async () => told(paths),
    )
    t.is(await near.use('state'), 'ECONNRESET')
    t.is(await far.use('state'), 'ECONNRESET')
    t.deepEqual(await paths.use('flows'), [])
  })
}
