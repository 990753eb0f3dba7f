// The slow path over a real ring, real sockets and real peers, in network namespaces:
//
//     client 10.1.0.2 --- 10.1.0.1 balancer 10.2.0.1 --- 10.2.0.2 server      (and the same with fd01::, fd02::)

import type { ExecutionContext } from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { compile, testWithObjects } from '../../../native/test/objects.ts'
import { labFor } from '../../../lab/testing.ts'
import { buildFrame, buildPacket } from '../../testing/packets.ts'
import { fragmentFrame } from '../../testing/packets/fragments.ts'
import { openSniffer, openTcpPeer } from '../../testing/slow-path/peers.ts'
import { fragmentState } from '../layout.gen.ts'
import { keyOf, sidesOf } from '../../testing/slow-path/punts.ts'
import { openRig } from '../../testing/slow-path/rig.ts'
import type { Remote } from '../../../lab/host.ts'
import type { Lab } from '../../../lab/lab.ts'
import type { Topology } from '../../../lab/topology.ts'
import type { Packet } from '../../testing/packets.ts'
import type { Sniffer, TcpPeer } from '../../testing/slow-path/peers.ts'
import type { TestFlow } from '../../testing/slow-path/punts.ts'
import type { Rig } from '../../testing/slow-path/rig.ts'

const objectPath = compile('punt')
const here = (file: string): URL => new URL(`../../testing/slow-path/${file}`, import.meta.url)

const topology = (family: 4 | 6): Topology => {
  const at = (net: number, host: number): string => (family === 4 ? `10.${net}.0.${host}` : `fd0${net}::${host}`)
  const length = family === 4 ? 24 : 64
  const end = (host: string, device: string, net: number, number: number): Topology['links'][number]['a'] => ({
    host,
    device,
    address: `${at(net, number)}/${length}`,
  })
  return {
    hook: 'tc',
    balancer: 'balancer',
    hosts: [
      { name: 'balancer', forwarding: true },
      { name: 'client', routes: [{ to: 'default', via: at(1, 1) }] },
      { name: 'server', routes: [{ to: 'default', via: at(2, 1) }] },
    ],
    links: [
      { a: end('balancer', 'toclient', 1, 1), b: end('client', 'eth0', 1, 2) },
      { a: end('balancer', 'toserver', 2, 1), b: end('server', 'eth0', 2, 2) },
    ],
  }
}

const until = async (condition: () => Promise<boolean>, what: string): Promise<void> => {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return
    await delay(10)
  }
  throw new Error(`${what} did not come`)
}

const open = async (t: ExecutionContext, family: 4 | 6): Promise<{ lab: Lab; rig: Remote<Rig> }> => {
  const lab = await labFor(t, topology(family))
  const rig = await lab.balancer.open(here('rig.ts'), openRig, objectPath)
  return { lab, rig }
}

/** A connection from client to server, with something said. */
const connection = async (
  lab: Lab,
  family: 4 | 6,
): Promise<{ client: Remote<TcpPeer>; server: Remote<TcpPeer>; flow: TestFlow }> => {
  const [address, from] = family === 4 ? ['10.2.0.2', '10.1.0.2'] : ['fd02::2', 'fd01::2']
  const server = await lab.host('server').open(here('peers.ts'), openTcpPeer)
  const client = await lab.host('client').open(here('peers.ts'), openTcpPeer)
  const port = await server.use('listen', address)
  const clientPort = await client.use('connect', address, port)
  await client.use('echo', 'hello')
  const socket = (host: string, number: number): string => (family === 4 ? `${host}:${number}` : `[${host}]:${number}`)
  const [a, b] = [socket(from, clientPort), socket(address, port)]
  return { client, server, flow: { client: a, vip: b, source: a, endpoint: b } }
}

for (const family of [4, 6] as const) {
  testWithObjects(
    ['netns'],
    `slow path: both sides of an idle TCP connection over IPv${family} are reset`,
    async (t) => {
      const { lab, rig } = await open(t, family)
      const { client, flow, server } = await connection(lab, family)
      await rig.use('expire', flow)
      await until(async () => (await rig.use('freed')) === 1, 'the end of the flow')
      await until(
        async () => (await client.use('state')) !== 'open' && (await server.use('state')) !== 'open',
        'a reset',
      )
      t.is(await client.use('state'), 'ECONNRESET')
      t.is(await server.use('state'), 'ECONNRESET')
      t.is(await rig.use('flows'), 0)
      const { reasons } = await rig.use('status')
      t.like(reasons['reset']!, { received: 1, answered: 1, dropped: {} })
      t.true(reasons['alg']!.answered >= 2)
    },
  )

  testWithObjects(
    ['netns'],
    `slow path: a side that has forgotten its IPv${family} connection does not keep the other`,
    async (t) => {
      const { lab, rig } = await open(t, family)
      const { client, flow, server } = await connection(lab, family)
      // The server is gone without a word: its RST is lost.
      const filter = family === 4 ? 'ip' : 'ip6'
      const rules = `table ${filter} lost { chain out { type filter hook output priority 0; tcp flags rst drop; }; }`
      t.is((await lab.host('server').run('/usr/sbin/nft', [rules])).code, 0)
      await server.use('forget')
      t.is((await lab.host('server').run('/usr/sbin/nft', ['flush', 'ruleset'])).code, 0)
      await rig.use('expire', flow)
      await until(async () => (await client.use('state')) !== 'open', 'a reset')
      t.is(await client.use('state'), 'ECONNRESET')
    },
  )

  testWithObjects(
    ['netns'],
    `slow path: IPv${family} packets leave byte by byte, whatever their source, and come in nowhere here`,
    async (t) => {
      const { lab, rig } = await open(t, family)
      const sniffer: Remote<Sniffer> = await lab.host('server').open(here('peers.ts'), openSniffer)
      const flow: TestFlow =
        family === 4
          ? {
              client: '10.1.0.2:4000',
              vip: '192.0.2.1:53',
              source: '192.0.2.1:77',
              endpoint: '10.2.0.2:5353',
              protocol: 17,
            }
          : {
              client: '[fd01::2]:4000',
              vip: '[fd99::1]:53',
              source: '[fd99::1]:77',
              endpoint: '[fd02::2]:5353',
              protocol: 17,
            }
      const sizes = [704, 704]
      const cut = (from: string, to: string, ttl: number): readonly Uint8Array[] => {
        // A wrong checksum stays wrong by the same error: nobody on the way repairs it.
        const packet: Packet = { kind: 'udp', from, to, ttl, payload: new Uint8Array(1400).fill(9), checksumError: 5 }
        return fragmentFrame(buildFrame(packet), sizes, 0x4242)
      }
      await rig.use('install', flow)
      const key = keyOf(flow.client.replace(/4000$/, '0'), flow.vip.replace(/53$/, '0'), 17)
      for (const frame of cut(flow.client, flow.vip, 64).toReversed())
        await rig.use('punt', { reason: 'fragment', frame, key })
      await until(async () => (await sniffer.use('packets')).filter(isUdp).length === sizes.length, 'the fragments')
      const wanted = cut(flow.source, flow.endpoint, 63).map((frame) => Buffer.from(frame.subarray(14)).toString('hex'))
      t.deepEqual((await sniffer.use('packets')).filter(isUdp), wanted)
      t.is(await rig.use('incoming'), 0)
      t.like(await rig.use('status'), { sent: 2, unsent: {}, lost: 0, unreadable: {} })
      t.like(await rig.use('fragment', { ...key, id: family === 4 ? 0x42420000 : 0x4242 }), {
        state: fragmentState.known,
        sourcePort: 4000,
        destinationPort: 53,
        ends: 1408,
      })
      t.true((await rig.use('alive')) > 0)
    },
  )

  testWithObjects(
    ['netns'],
    `slow path: a long IPv${family} packet that may not be fragmented is answered to its sender`,
    async (t) => {
      const { lab, rig } = await open(t, family)
      const sniffer: Remote<Sniffer> = await lab.host('client').open(here('peers.ts'), openSniffer)
      const [from, to] = family === 4 ? ['10.1.0.2:4000', '192.0.2.1:53'] : ['[fd01::2]:4000', '[fd99::1]:53']
      const packet: Packet = { kind: 'udp', from, to, payload: new Uint8Array(1400), dontFragment: true }
      await rig.use('punt', { reason: 'too_big', frame: buildFrame(packet), key: keyOf(from, to, 17), mtu: 1300 })
      const inside = buildPacket(packet).subarray(0, family === 4 ? 548 : 1232)
      const [type, code] = family === 4 ? [3, 4] : [2, 0]
      const error: Packet = { kind: 'icmp-error', from: to, to: from, type, code, word: 1300, inside }
      const isError = (hex: string): boolean => hex.length === (family === 4 ? 576 : 1280) * 2
      await until(async () => (await sniffer.use('packets')).some(isError), 'the error')
      const [found = ''] = (await sniffer.use('packets')).filter(isError)
      // The kernel gives an IPv4 packet without an identification one, and its header the checksum.
      const identification = Number.parseInt(found.slice(8, 12), 16)
      t.is(found, Buffer.from(buildPacket({ ...error, identification })).toString('hex'))
    },
  )
}

const isUdp = (hex: string): boolean => (hex.startsWith('4') ? hex.slice(18, 20) : hex.slice(80, 82)) === '11'

testWithObjects(
  ['netns'],
  'slow path: what cannot be sent is counted by name, and closing says that nobody reads',
  async (t) => {
    const { rig } = await open(t, 4)
    const flow: TestFlow = {
      client: '10.1.0.2:4000',
      vip: '192.0.2.1:53',
      source: '192.0.2.1:7',
      endpoint: '203.0.113.1:9',
    }
    const { client, clientKey } = sidesOf(flow)
    await rig.use('install', flow)
    const payload = new Uint8Array(1000)
    const frame = buildFrame({ kind: 'tcp', from: flow.client, to: flow.vip, flags: 'A', payload, dontFragment: false })
    await rig.use('punt', { reason: 'too_big', frame, key: clientKey, flow: client, mtu: 1500 })
    await until(async () => (await rig.use('status')).unsent['send: ENETUNREACH'] === 1, 'the refusal')
    t.like((await rig.use('status')).reasons['too_big']!, { received: 1, answered: 1, waiting: 0 })
    await rig.use('close')
    t.is(await rig.use('alive'), 0)
  },
)
