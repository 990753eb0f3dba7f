// What is for no service passes as through any router, byte for byte; what is for a VIP and cannot be served is dropped
// under a name; and what is broken does no harm.

import type { Host } from '../lab/host.ts'
import { threeServers, type Hook, type ThreeServers } from '../lab/topology.ts'
import { buildFrame, type Packet } from '../src/testing/packets.ts'
import { testWith } from '../src/testing/needs.ts'
import {
  askFrom,
  curl,
  frameSenderOn,
  macAddress,
  pingFrom,
  streamClientOn,
  streamServerOn,
  witnessOn,
} from './support/on-host.ts'
import {
  drops,
  endpointNumbers,
  endpointsOf,
  startStory,
  storyConfig,
  storyNeeds,
  sum,
  until,
  verdictCount,
} from './support/story.ts'
import { streamPort } from './support/streams.ts'
import { witnessTcpPort, witnessUdpPort } from './support/witness.ts'

const MiB = 1024 * 1024

/** The standard lab, and IPv6 from the client to the first server on links of their own. */
const withIpv6 = (hook: Hook): ThreeServers & { readonly server6: string } => {
  const topology = threeServers({ hook })
  const route = { client: { to: 'fd00:2::/64', via: 'fd00:1::1' }, server1: { to: 'fd00:1::/64', via: 'fd00:2::1' } }
  return {
    ...topology,
    server6: 'fd00:2::2',
    hosts: topology.hosts.map((host) =>
      host.name === 'client' || host.name === 'server1'
        ? { ...host, routes: [...(host.routes ?? []), route[host.name]] }
        : host,
    ),
    links: [
      ...topology.links,
      {
        a: { host: 'balancer', device: 'client6', address: 'fd00:1::1/64' },
        b: { host: 'client', device: 'eth1', address: 'fd00:1::2/64' },
      },
      {
        a: { host: 'balancer', device: 'server6', address: 'fd00:2::1/64' },
        b: { host: 'server1', device: 'eth1', address: 'fd00:2::2/64' },
      },
    ],
  }
}

/** Fragments that a host's kernel was given to put together. */
const fragmentsSeen = async (host: Host): Promise<number> => {
  const [names = '', values = ''] = (await host.run('grep', ['^Ip:', '/proc/net/snmp'])).stdout.split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('ReasmReqds')])
}

for (const hook of ['tc', 'xdp'] as const) {
  testWith(storyNeeds, `untouched: traffic that is for no service passes byte for byte under ${hook}`, async (t) => {
    const topology = withIpv6(hook)
    const server = topology.servers[0]?.address ?? ''
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        // The same server and ports that are also reached directly.
        { name: 'tcp', port: streamPort, protocol: 'tcp', mode: 'fullnat', endpoints: endpointsOf(topology) },
        { name: 'udp', port: witnessUdpPort, protocol: 'udp', endpoints: endpointsOf(topology) },
        { name: 'ping', protocol: 'icmp', endpoints: endpointsOf(topology) },
      ]),
    )
    const [client, far] = [lab.host('client'), lab.host('server1')]
    await streamServerOn(far, server)
    await streamServerOn(far, topology.server6)
    await witnessOn(far, server)

    for (const address of [server, topology.server6]) {
      const streams = await streamClientOn(client)
      await streams.use('openEchoes', { address, port: streamPort, count: 10, everyMs: 5 })
      await streams.use('download', { address, port: streamPort, bytes: 24 * MiB, holdAt: 25 * MiB })
      await until('the download ends', async () => (await streams.use('downloaded')).state !== 'running')
      t.like(await streams.use('downloaded'), { state: 'complete', bytes: 24 * MiB, reason: '' }, address)
      t.like(await streams.use('echoes'), { alive: 10, broken: [] })
    }
    // The longest of these goes in fragments.
    for (const length of [1, 1_400, 20_000]) {
      const text = 'x'.repeat(length)
      const { from, testimony } = await askFrom(client, server, witnessUdpPort, text)
      t.is(from, `${server}:${witnessUdpPort}`)
      t.is(testimony.client, topology.clients[0]?.address ?? '')
      t.is(testimony.echo?.length, length)
    }
    t.deepEqual(await pingFrom(client, { address: server, count: 5, size: 1_400, identifier: 3 }), {
      received: 5,
      wrong: 0,
      from: [server],
    })

    t.is(await verdictCount(daemon, 'forward'), 0)
    t.deepEqual(await drops(daemon), {})
    t.true((await verdictCount(daemon, 'pass_not_service')) > 100)
    for (const name of ['tcp', 'udp', 'ping'])
      t.is(sum([...(await endpointNumbers(daemon, name)).values()].map(({ packets }) => packets)), 0)
  })

  testWith([...storyNeeds, 'curl'], `untouched: a VIP answers for what is no service under ${hook}`, async (t) => {
    const topology = threeServers({ hook })
    const { vip } = topology
    const { lab, daemon } = await startStory(
      t,
      topology,
      storyConfig(topology, [
        { name: 'web', port: 80, protocol: 'tcp', announce: 'local', endpoints: endpointsOf(topology, witnessTcpPort) },
        { name: 'dns', port: 53, protocol: 'udp', announce: 'local', endpoints: endpointsOf(topology, witnessUdpPort) },
      ]),
    )
    for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
    const client = lab.host('client')

    const streams = await streamClientOn(client)
    await streams.use('openEchoes', { address: vip, port: 81, count: 1, everyMs: null })
    t.regex((await streams.use('echoes')).broken[0] ?? '', /ECONNREFUSED/)
    t.is((await pingFrom(client, { address: vip, count: 2, size: 100, identifier: 4 })).received, 2)
    t.deepEqual(await drops(daemon), {})

    // 3,000 bytes are three fragments, which this machine puts together, and refuses.
    await t.throwsAsync(askFrom(client, vip, 54, 'x'.repeat(3_000), 500), { message: /no answer/ })
    t.is(await fragmentsSeen(lab.balancer), 3)
    // Those of a service are the server's.
    t.is((await askFrom(client, vip, 53, 'x'.repeat(3_000))).from, `${vip}:53`)
    t.is(await fragmentsSeen(lab.balancer), 3)
    t.deepEqual(await drops(daemon), {})
    t.not(await curl(client, `http://${vip}/`), null)
  })

  testWith(
    [...storyNeeds, 'curl'],
    `untouched: broken packets are counted by name and do no harm under ${hook}`,
    async (t) => {
      const topology = threeServers({ hook })
      const { vip } = topology
      const { lab, daemon } = await startStory(
        t,
        topology,
        storyConfig(topology, [
          { name: 'web', port: 80, protocol: 'tcp', endpoints: endpointsOf(topology, witnessTcpPort) },
          { name: 'dns', port: 53, protocol: 'udp', endpoints: endpointsOf(topology, witnessUdpPort) },
          { name: 'ping', protocol: 'icmp', endpoints: endpointsOf(topology) },
        ]),
      )
      for (const { name, address } of topology.servers) await witnessOn(lab.host(name), address)
      const client = lab.host('client')
      t.not(await curl(client, `http://${vip}/`), null)
      const address = topology.clients[0]?.address ?? ''
      const ethernet = {
        ethernetSource: await macAddress(client, 'eth0'),
        ethernetDestination: await macAddress(lab.balancer, 'client'),
      }
      const syn = { ...ethernet, kind: 'tcp', from: `${address}:9000`, to: `${vip}:80`, flags: 'S' } as const
      const datagram = { ...ethernet, kind: 'udp', from: `${address}:9000`, to: `${vip}:53` } as const
      const echo = { ...ethernet, kind: 'icmp', from: address, to: vip, type: 8, identifier: 77 } as const
      const cut = (packet: Packet, bytes: number): Uint8Array => buildFrame(packet).subarray(0, bytes)

      const cases: readonly (readonly [string, string, Uint8Array])[] = [
        ['a wrong IP checksum', 'drop_bad_checksum', buildFrame({ ...syn, ipChecksumError: 1 })],
        ['a source on loopback', 'drop_martian', buildFrame({ ...syn, from: '127.0.0.1:9000' })],
        ['no source', 'drop_martian', buildFrame({ ...datagram, from: '0.0.0.0:9000' })],
        ['a multicast source', 'drop_martian', buildFrame({ ...datagram, from: '224.0.0.5:9000' })],
        ['a broadcast source', 'drop_martian', buildFrame({ ...echo, from: '255.255.255.255' })],
        ['the VIP itself as its source', 'drop_martian', buildFrame({ ...syn, from: `${vip}:80` })],
        ['an IP length beyond the frame', 'drop_malformed', buildFrame({ ...syn, totalLength: 400 })],
        ['an IP length within the header', 'drop_malformed', buildFrame({ ...syn, totalLength: 12 })],
        ['an IP header that is too short', 'drop_malformed', buildFrame({ ...syn, headerWords: 4 })],
        ['a TCP header that is cut off', 'drop_malformed', cut({ ...syn, totalLength: 32 }, 46)],
        ['a TCP header longer than the packet', 'drop_malformed', buildFrame({ ...syn, dataOffset: 15 })],
        ['a TCP header that is too short', 'drop_malformed', buildFrame({ ...syn, dataOffset: 2 })],
        ['a UDP length beyond the packet', 'drop_malformed', buildFrame({ ...datagram, udpLength: 500 })],
        ['a UDP length within the header', 'drop_malformed', buildFrame({ ...datagram, udpLength: 3 })],
        ['an ICMP header that is cut off', 'drop_malformed', cut({ ...echo, totalLength: 24 }, 38)],
        ['the end of its TTL', 'pass_ttl', buildFrame({ ...syn, ttl: 1 })],
        ['a tiny first fragment', 'drop_fragment_tiny', cut({ ...syn, moreFragments: true, totalLength: 36 }, 50)],
        ['a later fragment of the same', 'drop_fragment', buildFrame({ ...syn, fragmentOffset: 100 })],
        ['the middle of no connection', 'drop_no_flow', buildFrame({ ...syn, flags: 'A' })],
        ['a SYN ACK out of nowhere', 'drop_no_flow', buildFrame({ ...syn, flags: 'SA' })],
        ['a reset out of nowhere', 'drop_no_flow', buildFrame({ ...syn, flags: 'R' })],
        [
          'the MAC address of somebody else',
          'pass_other_host',
          buildFrame({ ...syn, ethernetDestination: '02:aa:bb:cc:dd:ee' }),
        ],
        [
          'another protocol',
          'pass_protocol',
          buildFrame({ ...ethernet, kind: 'other', from: address, to: vip, protocol: 47 }),
        ],
        ['an ICMP error', 'pass_protocol', buildFrame({ ...echo, type: 3, code: 1, payload: new Uint8Array(28) })],
      ]
      const sender = await frameSenderOn(client, 'eth0')
      const forwarded = await verdictCount(daemon, 'forward')
      /** What XDP passes to the kernel, TC passes as well; what it leaves to TC is dropped there. */
      const counted = async (verdict: string): Promise<number> =>
        verdict.startsWith('pass_')
          ? Number((await daemon.status()).verdicts[hook][verdict] ?? -1)
          : verdictCount(daemon, verdict)
      for (const [name, verdict, frame] of cases) {
        const before = await counted(verdict)
        t.is(await sender.use('send', [frame]), 1)
        await until(`${name} is counted as ${verdict}`, async () => (await counted(verdict)) > before)
        t.is(await counted(verdict), before + 1, name)
      }
      t.is(await verdictCount(daemon, 'forward'), forwarded)
      t.is(sum(Object.values(await drops(daemon))), cases.filter(([, verdict]) => verdict.startsWith('drop_')).length)

      // Every prefix of good packets, as frames that end too early.
      const good = [syn, datagram, echo].map((packet) => buildFrame({ ...packet, payload: new Uint8Array(8) }))
      const prefixes = good.flatMap((frame) =>
        Array.from({ length: frame.length - 15 }, (_, index) => frame.subarray(0, index + 15)),
      )
      t.is(await sender.use('send', prefixes), prefixes.length)
      t.not(await curl(client, `http://${vip}/`), null)
      t.is((await askFrom(client, vip, 53, 'well')).testimony.echo, 'well')
      t.is((await pingFrom(client, { address: vip, count: 3, size: 40, identifier: 5 })).received, 3)
      t.is(await verdictCount(daemon, 'drop_internal'), 0)
    },
  )
}
