// Cases: between the address families, by RFC 7915. What is plain there is in matrix.ts.

import { packetPartsOf } from '../../../src/testing/packets/parts.ts'
import {
  bytes,
  client,
  client6,
  echoRequest,
  expect,
  hosts,
  server,
  server6,
  service,
  tcp,
  udp,
  vip,
  vip6,
  type Case,
  type Step,
} from '../case.ts'
import { deviceMac } from '../network.ts'
import { check, ends, flowsAre, forwards, forwardsByTc, tooBig } from '../steps.ts'
import type { Extension } from '../../../src/testing/packets/ip.ts'
import { buildFrame, type TcpPacket } from '../../../src/testing/packets.ts'

const c6 = `[${client6}]:40000`
const v6 = `[${vip6}]:80`
const s6 = `[${server6}]:8080`
const c4 = `${client}:40000`
const v4 = `${vip}:80`
const s4 = `${server}:8080`
const egress4 = `${hosts[4].egress}:?port`
const egress6 = `[${hosts[6].egress}]:?port`

/** An IPv6 VIP with an IPv4 endpoint, and the other way. */
const to4 = { services: [service({ vip: vip6, mode: 'onearm', endpoints: [s4] })] }
const to6 = { services: [service({ mode: 'onearm', endpoints: [s6] })] }
const udp4 = { services: [service({ vip: vip6, protocol: 'udp', mode: 'onearm', endpoints: [s4] })] }
const udp6 = { services: [service({ protocol: 'udp', mode: 'onearm', endpoints: [s6] })] }

const mss = (size: number): Uint8Array => Uint8Array.of(2, 4, size >> 8, size & 0xff)
const padding = Uint8Array.of(1, 1, 1, 1)

function options(...list: readonly Uint8Array[]): Partial<TcpPacket> {
  const flat = list.flatMap((option) => [...option])
  return { tcpOptions: Uint8Array.from([...flat, ...Array.from({ length: (4 - (flat.length % 4)) % 4 }, () => 0)]) }
}

/** The oracle limits an MSS by the next link; these rows say in numbers what must come out. */
function mssIs(packet: TcpPacket, offset: number, wanted: number): Step {
  return check(async (_t, bed, hook) => {
    const { frame } = await bed.run(hook, buildFrame({ ethernetDestination: deviceMac('client'), ...packet }))
    const { payload } = packetPartsOf(frame.subarray(14))
    expect(((payload[offset] ?? 0) << 8) | (payload[offset + 1] ?? 0), wanted, 'MSS')
  })
}

const dropped: Readonly<Record<string, readonly Extension[]>> = {
  'a hop-by-hop options header': [{ kind: 'hop-by-hop' }],
  'a destination options header': [{ kind: 'destination' }],
  'a routing header that has arrived': [{ kind: 'routing', type: 4, segmentsLeft: 0, data: bytes(20) }],
  'all of them': [
    { kind: 'hop-by-hop' },
    { kind: 'destination' },
    { kind: 'routing', type: 4, segmentsLeft: 0, data: bytes(20) },
    { kind: 'destination', options: new Uint8Array(62) },
  ],
}

/** RFC 7915, 5.1.1: also of a packet that is whole. */
const atomic: Case = {
  name: 'IPv6 to IPv4: the identification of a fragment header goes into the IPv4 header, of whole packets too',
  setup: udp4,
  steps: [10, 1400].map((length) =>
    forwards(
      udp(c6, v6, { payload: bytes(length), extensions: [{ kind: 'fragment', identification: 0x89abcdef }] }),
      egress4,
      s4,
    ),
  ),
}

export const familyCases: readonly Case[] = [
  atomic,
  ...[0, 1, 0xb8, 0xff].map((tos): Case => ({
    name: `traffic class and type of service become each other: 0x${tos.toString(16)}`,
    setup: { services: [...to4.services, ...to6.services] },
    steps: [
      forwards(tcp(c6, v6, 'S', { tos, flowLabel: 0xabcde }), egress4.replace('port', 'a'), s4),
      forwards(tcp(s4, `${hosts[4].egress}:?a`, 'SA', { tos }), v6, c6),
      forwards(tcp(c4, v4, 'S', { tos }), egress6.replace('port', 'b'), s6),
      forwards(tcp(s6, `[${hosts[6].egress}]:?b`, 'SA', { tos, flowLabel: 7 }), v4, c4),
    ],
  })),
  {
    name: 'hop limit and TTL become each other less one, and the last hop is left to the kernel',
    setup: { services: [...to4.services, ...to6.services] },
    steps: [
      ...[255, 64, 2].flatMap((ttl) => [
        forwards(tcp(c6, v6, 'S', { ttl }), `${hosts[4].egress}:?a`, s4),
        forwards(tcp(c4, v4, 'S', { ttl }), `[${hosts[6].egress}]:?b`, s6),
      ]),
      ends(tcp(c6, v6, 'S', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c4, v4, 'S', { ttl: 1 }), 'pass_ttl'),
    ],
  },
  ...[1260, 1261, 1300, 1480].map((length): Case => ({
    name: `an IPv4 packet of ${length} bytes that was IPv6 may ${length > 1260 ? 'not ' : ''}be fragmented on its way`,
    setup: udp4,
    steps: [forwards(udp(c6, v6, { payload: bytes(length - 28) }), egress4, s4)],
  })),
  ...Object.entries(dropped).map(([name, extensions]): Case => ({
    name: `IPv4 has no place for ${name}: TCP and UDP lose it`,
    setup: { services: [...to4.services, ...udp4.services] },
    steps: [
      forwards(tcp(c6, v6, 'S', { extensions, ...options(mss(1000)) }), `${hosts[4].egress}:?a`, s4),
      forwards(tcp(c6, v6, 'A', { extensions, payload: bytes(99) }), `${hosts[4].egress}:?a`, s4),
      forwards(udp(c6, v6, { extensions, payload: bytes(100) }), `${hosts[4].egress}:?b`, s4),
    ],
  })),
  ...[4, 20, 40].map((count): Case => ({
    name: `IPv6 has no place for ${count} bytes of IPv4 options: TCP, UDP and ICMP lose them`,
    setup: {
      services: [
        ...to6.services,
        ...udp6.services,
        service({ protocol: 'icmp', mode: 'onearm', endpoints: [server6] }),
      ],
    },
    steps: [
      forwards(tcp(c4, v4, 'S', { ipOptions: new Uint8Array(count).fill(1) }), `[${hosts[6].egress}]:?a`, s6),
      forwards(udp(c4, v4, { ipOptions: new Uint8Array(count).fill(1) }), `[${hosts[6].egress}]:?b`, s6),
      forwards(echoRequest(c4, vip, { ipOptions: new Uint8Array(count).fill(1) }), `[${hosts[6].egress}]:?c`, server6),
    ],
  })),
  {
    name: 'IPv6 to IPv4: UDP has a checksum that stays right for any length of payload',
    setup: udp4,
    steps: [0, 1, 2, 3, 7, 64, 65, 127, 1231, 1232, 1452].map((length) =>
      forwards(udp(c6, v6, { payload: bytes(length) }), egress4, s4),
    ),
  },
  ...[0, 1, 2, 63, 64, 65, 128, 999, 1400, 1452].map((length): Case => ({
    name: `IPv4 to IPv6: UDP without a checksum gets one, over ${length} bytes`,
    setup: udp6,
    steps: [
      forwards(udp(c4, v4, { payload: bytes(length), noChecksum: true }), egress6, s6),
      forwards(udp(c4, v4, { payload: bytes(length), noChecksum: true, trailer: bytes(9) }), egress6, s6),
    ],
  })),
  {
    name: 'IPv6 to IPv4: UDP that comes without a checksum, as in tunnels, goes without one',
    setup: udp4,
    steps: [forwards(udp(c6, v6, { noChecksum: true }), egress4, s4)],
  },
  {
    name: 'between the families a wrong transport checksum stays wrong by the same error',
    setup: {
      services: [
        ...to4.services,
        ...udp4.services,
        ...to6.services,
        ...udp6.services,
        service({ protocol: 'icmp', mode: 'onearm', endpoints: [server6] }),
        service({ protocol: 'icmp', vip: vip6, mode: 'onearm', endpoints: [server] }),
      ],
    },
    steps: [1, 0x4321, 0xfffe].flatMap((checksumError) => [
      forwards(tcp(c6, v6, 'S', { checksumError }), `${hosts[4].egress}:?a`, s4),
      forwards(udp(c6, v6, { checksumError }), `${hosts[4].egress}:?b`, s4),
      forwards(echoRequest(c6, vip6, { checksumError }), `${hosts[4].egress}:?c`, server),
      forwards(tcp(c4, v4, 'S', { checksumError }), `[${hosts[6].egress}]:?d`, s6),
      forwards(udp(c4, v4, { checksumError }), `[${hosts[6].egress}]:?e`, s6),
      forwards(echoRequest(c4, vip, { checksumError }), `[${hosts[6].egress}]:?f`, server6),
    ]),
  },
  {
    name: 'padding behind an IP packet is not taken into it between the families',
    setup: { services: [...to4.services, ...to6.services] },
    steps: [
      forwards(tcp(c6, v6, 'S', { trailer: bytes(6) }), `${hosts[4].egress}:?a`, s4),
      forwards(tcp(c4, v4, 'S', { trailer: bytes(17) }), `[${hosts[6].egress}]:?b`, s6),
    ],
  },
  {
    name: 'a SYN between the families offers no longer segment than the other side has room for',
    setup: { services: [...to4.services, ...to6.services] },
    steps: [
      forwards(tcp(c6, v6, 'S', options(mss(1460))), `${hosts[4].egress}:?a`, s4),
      mssIs(tcp(c6, v6, 'S', options(mss(1460))), 22, 1440),
      mssIs(tcp(c6, v6, 'S', options(mss(1440))), 22, 1440),
      mssIs(tcp(c6, v6, 'S', options(mss(536))), 22, 536),
      mssIs(tcp(c4, v4, 'S', options(mss(8960))), 22, 1440),
      forwards(tcp(s4, `${hosts[4].egress}:?a`, 'SA', options(mss(1460))), v6, c6),
    ],
  },
  ...Object.entries({
    'at an odd place': [Uint8Array.of(1), mss(1460)],
    'behind other options': [
      Uint8Array.of(4, 2),
      Uint8Array.of(8, 10, 1, 2, 3, 4, 5, 6, 7, 8),
      Uint8Array.of(1),
      mss(9000),
    ],
    'as the last of forty bytes': [new Uint8Array(36).fill(1), mss(1460)],
    'behind the end of the options': [Uint8Array.of(0, 0, 0, 0), mss(1460)],
    'of a wrong length': [Uint8Array.of(2, 3, 5, 0xb4)],
    'cut off by the end of the header': [Uint8Array.of(1, 2, 4, 5)],
    'behind an option of length 0': [Uint8Array.of(30, 0), mss(1460)],
  }).map(([where, list]): Case => ({
    name: `the MSS of a SYN between the families ${where} is found, or left alone`,
    setup: { services: [...to4.services, ...to6.services] },
    steps: [
      forwards(tcp(c6, v6, 'S', options(...list)), `${hosts[4].egress}:?a`, s4),
      forwards(tcp(c4, v4, 'S', options(...list)), `[${hosts[6].egress}]:?b`, s6),
      forwards(tcp(c6, v6, 'S', { ...options(...list), checksumError: 0x77 }), `${hosts[4].egress}:?a`, s4),
    ],
  })),
  {
    name: 'an MSS in a packet that is no SYN is left alone',
    setup: to4,
    steps: [forwards(tcp(c6, v6, 'S'), egress4, s4), forwards(tcp(c6, v6, 'A', options(mss(9000))), egress4, s4)],
  },
  {
    name: 'a SYN to a next hop that is not known is clamped all the same',
    hooks: ['tc'],
    setup: {
      services: [
        service({ vip: vip6, protocol: 'udp', mode: 'onearm', endpoints: ['10.0.4.10:80'] }),
        service({ vip: vip6, mode: 'onearm', endpoints: ['10.0.2.99:8080'] }),
      ],
    },
    steps: [
      forwards(udp(c6, v6), `${hosts[4].egress}:?a`, '10.0.4.10:80'),
      forwards(tcp(c6, v6, 'S', options(mss(1460))), `${hosts[4].egress}:?b`, '10.0.2.99:8080', { ignoreMac: true }),
      forwards(tcp(c6, v6, 'S', options(mss(1460))), `${hosts[4].egress}:?b`, '10.0.2.99:8080', { ignoreMac: true }),
    ],
  },
  {
    name: 'IPv4 to IPv6: what grows beyond the next link is told to its sender, and what just fits is sent',
    setup: udp6,
    steps: [
      forwards(udp(c4, v4, { payload: bytes(1452) }), egress6, s6),
      tooBig(udp(c4, v4, { payload: bytes(1453) })),
      forwards(udp(c4, v4, { payload: bytes(1452), ipOptions: padding }), egress6, s6),
    ],
  },
  {
    name: 'IPv6 to IPv4: what shrinks fits where it would not have fitted before',
    setup: { services: [service({ vip: vip6, protocol: 'udp', mode: 'onearm', endpoints: ['10.0.4.10:80'] })] },
    steps: [
      forwards(udp(c6, v6, { payload: bytes(572) }), egress4, '10.0.4.10:80'),
      tooBig(udp(c6, v6, { payload: bytes(573) })),
    ],
  },
  {
    name: 'between the families a device that cannot transmit from XDP is left to TC, for each packet of the flow',
    setup: {
      services: [
        service({ vip: vip6, mode: 'onearm', endpoints: ['10.0.3.10:80'] }),
        service({ mode: 'onearm', endpoints: ['[fd00:0:0:3::10]:80'] }),
      ],
    },
    steps: [
      forwardsByTc(tcp(c6, v6, 'S'), 'to_tc_device', '10.0.3.1:?a', '10.0.3.10:80'),
      forwards(tcp('10.0.3.10:80', '10.0.3.1:?a', 'SA'), v6, c6),
      forwardsByTc(tcp(c6, v6, 'A'), 'to_tc_device', '10.0.3.1:?a', '10.0.3.10:80'),
      forwardsByTc(tcp(c4, v4, 'S'), 'to_tc_device', '[fd00:0:0:3::1]:?b', '[fd00:0:0:3::10]:80'),
    ],
  },
  {
    name: 'a super-packet of TCP goes from IPv6 to IPv4 as one',
    hooks: ['tc'],
    setup: to4,
    steps: [
      forwards(tcp(c6, v6, 'S'), egress4, s4),
      forwards(tcp(c6, v6, 'A', { payload: bytes(2856) }), egress4, s4, { segmentPayload: 1428, segments: 2 }),
    ],
  },
  {
    name: 'a super-packet of TCP goes from IPv4 to IPv6 as one, if its segments have room to grow',
    hooks: ['tc'],
    setup: to6,
    steps: [
      forwards(tcp(c4, v4, 'S'), egress6, s6),
      forwards(tcp(c4, v4, 'A', { payload: bytes(2800) }), egress6, s6, { segmentPayload: 1400, segments: 2 }),
      { ...tooBig(tcp(c4, v4, 'A', { payload: bytes(2920) })), segmentPayload: 1460, segments: 2 },
    ],
  },
  {
    name: 'a super-packet of UDP does not pass between the families',
    hooks: ['tc'],
    setup: { services: [...udp4.services, ...udp6.services] },
    steps: [
      forwards(udp(c6, v6), `${hosts[4].egress}:?a`, s4),
      ends(udp(c6, v6, { payload: bytes(2000) }), 'drop_gso', { segmentPayload: 1000, segments: 2 }),
      ends(udp(c4, v4, { payload: bytes(2000) }), 'drop_gso', { segmentPayload: 1000, segments: 2 }),
    ],
  },
  {
    name: 'clients of both families of one service with a VIP of each reach endpoints of each',
    setup: {
      services: [service({ vip: vip6, secondary: [vip], mode: 'fullnat', select: 'rr', endpoints: [s4, s6] })],
    },
    steps: [
      forwards(tcp(c6, v6, 'S'), `${vip}:?a`, s4),
      forwards(tcp(c6.replace('40000', '2'), v6, 'S'), `[${vip6}]:?b`, s6),
      forwards(tcp(c4, v4, 'S'), `${vip}:?c`, s4),
      forwards(tcp(c4.replace('40000', '2'), v4, 'S'), `[${vip6}]:?d`, s6),
      forwards(tcp(s4, `${vip}:?a`, 'SA'), v6, c6),
      forwards(tcp(s6, `[${vip6}]:?d`, 'SA'), v4, c4.replace('40000', '2')),
      flowsAre({
        [`${c6} -> ${v6}`]: 'syn_received',
        [`${c6.replace('40000', '2')} -> ${v6}`]: 'syn_sent',
        [`${c4} -> ${v4}`]: 'syn_sent',
        [`${c4.replace('40000', '2')} -> ${v4}`]: 'syn_received',
      }),
    ],
  },
]
