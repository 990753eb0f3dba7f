// Cases: what only IPv6 has: extension headers, flow labels, neighbour discovery, its own martians and lies.

import { buildFrame, concat, type Packet } from '../../../src/testing/packets.ts'
import { etherTypes } from '../../../src/testing/packets/link.ts'
import { icmpv6, protocols, type Extension } from '../../../src/testing/packets/ip.ts'
import {
  bytes,
  client6,
  echoReply,
  echoRequest,
  hosts,
  server6,
  service,
  tcp,
  udp,
  vip6,
  type Case,
  type Step,
} from '../case.ts'
import { deviceMac } from '../network.ts'
import { ends, flowsAre, forwards } from '../steps.ts'

const c = `[${client6}]:40000`
const v = `[${vip6}]:80`
const s = `[${server6}]:8080`
const all = [service({ vip: vip6 }), service({ vip: vip6, protocol: 'udp' }), service({ vip: vip6, protocol: 'icmp' })]
const setup = { services: all }
const noFlows = flowsAre({})
const elsewhere = '[2001:db8:ffff::1]:80'
const addressed = { ethernetDestination: deviceMac('client') }

const hopByHop: Extension = { kind: 'hop-by-hop' }
const destination: Extension = { kind: 'destination' }
const arrived: Extension = { kind: 'routing', type: 4, segmentsLeft: 0, data: bytes(20) }
const atomic: Extension = { kind: 'fragment', identification: 0x89abcdef }

const chains: Readonly<Record<string, readonly Extension[]>> = {
  'a hop-by-hop options header': [hopByHop],
  'a destination options header': [destination],
  'a routing header that has arrived': [arrived],
  'a fragment header of a whole packet': [atomic],
  'options of 264 bytes': [{ kind: 'destination', options: new Uint8Array(262) }],
  'every extension header in its order': [hopByHop, destination, arrived, atomic, destination],
  'eight extension headers': [hopByHop, ...Array.from({ length: 7 }, () => destination)],
}

/** There and back, over each transport. */
function exchanges(more: { readonly extensions: readonly Extension[] }): readonly Step[] {
  const echo = `[${client6}]:9`
  return [
    forwards(tcp(c, v, 'S', { ...more, tcpOptions: bytes(20) }), c, s),
    forwards(tcp(s, c, 'SA', more), v, c),
    forwards(udp(c, v, more), c, s),
    forwards(udp(s, c, { ...more, noChecksum: true }), v, c),
    forwards(echoRequest(echo, vip6, more), echo, server6),
    forwards(echoReply(server6, echo, more), vip6, echo),
  ]
}

/** Every frame with a whole IP header that is shorter than the header says. */
function truncations(packet: Packet): readonly Step[] {
  const frame = buildFrame({ ...addressed, ...packet })
  const shortest = 54
  return Array.from({ length: frame.length - shortest }, (_, i) =>
    ends(frame.subarray(0, shortest + i), 'drop_malformed'),
  )
}

const whole: Readonly<Record<string, Packet>> = {
  TCP: tcp(c, v, 'S', { tcpOptions: bytes(8) }),
  UDP: udp(c, v),
  'ICMPv6 echo': echoRequest(c, vip6, { payload: bytes(10) }),
  'UDP with extension headers': udp(c, v, { extensions: [hopByHop, arrived] }),
}

/** A transport header cut off, with an IP header that says so. */
function cut(packet: Packet, protocol: number, leastBytes: number): readonly Step[] {
  const payload = buildFrame(packet).subarray(54)
  return Array.from({ length: leastBytes }, (_, length) =>
    ends({ kind: 'other', protocol, from: client6, to: vip6, payload: payload.subarray(0, length) }, 'drop_malformed'),
  )
}

/** Options of 536 bytes, and in the midst of them what looks like the last options header in front of a SYN. */
const hidden = concat(
  Uint8Array.of(60, 66, 1, 4, 0, 0, 0, 0),
  new Uint8Array(16),
  Uint8Array.of(protocols.tcp, 0, 1, 4, 0, 0, 0, 0),
  buildFrame(tcp(c, v, 'S')).subarray(54),
  new Uint8Array(600),
)

const headerCases: readonly Case[] = Object.entries(chains).map(([name, extensions]) => ({
  name: `${name} stays in front of TCP, UDP and ICMPv6`,
  setup,
  steps: exchanges({ extensions }),
}))

export const ipv6Cases: readonly Case[] = [
  ...headerCases,
  {
    name: 'more than eight extension headers are dropped for a VIP, and left to the kernel for others',
    setup,
    steps: [9, 12].flatMap((length) => {
      const extensions = Array.from({ length }, () => destination)
      return [
        ends(tcp(c, v, 'S', { extensions }), 'drop_extension_headers'),
        ends(tcp(c, elsewhere, 'S', { extensions }), 'pass_protocol'),
      ]
    }),
  },
  {
    name: 'a routing header with somewhere to go is dropped for a VIP, and left to the kernel for others',
    setup,
    steps: [2, 3, 4].flatMap((type) => {
      const extensions: readonly Extension[] = [{ kind: 'routing', type, segmentsLeft: 1, data: bytes(20) }]
      return [
        ends(tcp(c, v, 'S', { extensions }), 'drop_extension_headers'),
        ends(tcp(c, elsewhere, 'S', { extensions }), 'pass_protocol'),
      ]
    }),
  },
  {
    name: 'a routing header of type 0 is dropped, wherever it is on its way',
    setup,
    steps: [0, 1].map((segmentsLeft) =>
      ends(
        udp(c, v, { extensions: [{ kind: 'routing', type: 0, segmentsLeft, data: bytes(20) }] }),
        'drop_extension_headers',
      ),
    ),
  },
  {
    name: 'extension headers that go beyond the packet are dropped',
    setup,
    steps: [
      ends(udp(c, v, { extensions: [{ kind: 'destination', options: bytes(46) }], totalLength: 40 }), 'drop_malformed'),
      ends(
        { kind: 'other', protocol: 60, from: client6, to: vip6, payload: Uint8Array.of(6, 200, 1, 4, 0, 0, 0, 0) },
        'drop_malformed',
      ),
      ends({ kind: 'other', protocol: 60, from: client6, to: vip6, payload: Uint8Array.of(6, 0, 1) }, 'drop_malformed'),
      ends({ kind: 'other', protocol: 44, from: client6, to: vip6, payload: bytes(7) }, 'drop_malformed'),
      noFlows,
    ],
  },
  {
    name: 'what stands inside of a long extension header is not taken for the transport header',
    setup,
    steps: [ends({ kind: 'other', protocol: 60, from: client6, to: vip6, payload: hidden }, 'drop_malformed'), noFlows],
  },
  ...Object.entries(whole).map(([name, packet]): Case => ({
    name: `no truncation of an IPv6 packet is translated: ${name}`,
    setup,
    steps: [...truncations(packet), noFlows],
  })),
  {
    name: 'a frame too short for an IPv6 header is left to the kernel',
    hooks: ['xdp'], // the kernel's test input for TC must have one
    setup,
    steps: Array.from({ length: 40 }, (_, i) =>
      ends(buildFrame({ ...addressed, ...tcp(c, v, 'S') }).subarray(0, 14 + i), 'pass_not_ip'),
    ),
  },
  {
    name: 'no transport header that is cut off behind an IPv6 header is translated',
    setup,
    steps: [
      ...cut(tcp(c, v, 'S'), protocols.tcp, 20),
      ...cut(udp(c, v), protocols.udp, 8),
      ...cut(echoRequest(c, vip6), icmpv6, 8),
      noFlows,
    ],
  },
  {
    name: 'lengths and versions of IPv6 that lie are dropped',
    setup,
    steps: [
      ends(tcp(c, v, 'S', { totalLength: 21 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 0xffff }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 19 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 0 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { version: 4 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 4 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 15 }), 'drop_malformed'),
      ends(udp(c, v, { udpLength: 7 }), 'drop_malformed'),
      ends(udp(c, v, { udpLength: 20 }), 'drop_malformed'),
      noFlows,
      ends(tcp(c, elsewhere, 'S', { totalLength: 21 }), 'pass_not_ip'),
      ends(udp(c, elsewhere, { udpLength: 7 }), 'pass_protocol'),
    ],
  },
  {
    name: 'the traffic class, flow label and padding of an IPv6 frame are kept',
    setup,
    steps: [
      forwards(tcp(c, v, 'S', { tos: 0xb9, flowLabel: 0xfffff, trailer: bytes(6) }), c, s),
      forwards(tcp(s, c, 'SA', { tos: 0xff, flowLabel: 1 }), v, c),
    ],
  },
  {
    name: 'an IPv6 packet that may not be forwarded any further is left to the kernel, which says so',
    setup,
    steps: [
      ends(tcp(c, v, 'S', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c, v, 'S', { ttl: 0 }), 'pass_ttl'),
      noFlows,
      forwards(tcp(c, v, 'S', { ttl: 2 }), c, s),
      forwards(tcp(s, c, 'SA', { ttl: 255 }), v, c),
      ends(tcp(s, c, 'A', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c, elsewhere, 'S', { ttl: 1 }), 'pass_not_service'),
    ],
  },
  {
    name: 'IPv6 sources that nobody can answer are dropped',
    setup,
    steps: [
      ...['::', '::1', 'ff02::1', 'ff0e::1', vip6].map((source) =>
        ends(tcp(`[${source}]:40000`, v, 'S'), 'drop_martian'),
      ),
      noFlows,
    ],
  },
  {
    name: 'IPv4 addresses in an IPv6 header are refused: they would look like IPv4',
    setup: { services: [...all, service()] },
    steps: [
      ends(mapped(tcp(c, v, 'S'), 'source'), 'drop_malformed'),
      ends(mapped(tcp(c, '[::1]:80', 'S'), 'destination'), 'drop_malformed'),
      noFlows,
    ],
  },
  {
    name: 'what keeps the link going is left to the kernel',
    setup,
    steps: [130, 131, 132, 133, 134, 135, 136, 137].map((type) =>
      ends(echoRequest(c, vip6, { type, ttl: 255 }), 'pass_neighbour_discovery'),
    ),
  },
  {
    name: 'IPv6 protocols and ICMPv6 types that are not balanced are left to the kernel',
    setup,
    steps: [
      ...[59, 50, 51, 41, 47, 89].map((protocol) =>
        ends({ kind: 'other', protocol, from: client6, to: vip6, payload: bytes(40) }, 'pass_protocol'),
      ),
      ends(echoRequest(c, vip6, { code: 1 }), 'pass_protocol'),
      ends(echoRequest(c, vip6, { type: 138 }), 'pass_protocol'),
      ends(echoRequest(c, vip6, { type: 160 }), 'pass_protocol'),
      noFlows,
    ],
  },
  {
    name: 'IPv6 for no service is left to the kernel',
    setup,
    steps: [
      ends(tcp(c, `[${vip6}]:81`, 'S'), 'pass_not_service'),
      ends(tcp(c, elsewhere, 'S'), 'pass_not_service'),
      ends(tcp(s, c, 'SA'), 'pass_not_service'),
      ends(echoReply(client6, `[${vip6}]:9`), 'pass_not_service'),
      noFlows,
    ],
  },
  {
    name: 'a wrong transport checksum over IPv6 stays wrong by the same error',
    setup: { services: all.map((each) => ({ ...each, mode: 'fullnat' as const })) },
    steps: [1, 0x1234, 0xfffe].flatMap((checksumError) => [
      forwards(tcp(c, v, 'S', { checksumError }), `[${vip6}]:?tcp`, s),
      forwards(udp(c, v, { checksumError }), `[${vip6}]:?udp`, s),
      forwards(echoRequest(c, vip6, { checksumError }), `[${vip6}]:?id`, server6),
    ]),
  },
  {
    name: 'UDP over IPv6 without a checksum stays without one',
    setup,
    steps: [forwards(udp(c, v, { noChecksum: true }), c, s), forwards(udp(s, c, { noChecksum: true }), v, c)],
  },
  {
    name: 'IPv6 clients behind a gateway are answered through it',
    setup,
    steps: [
      forwards(tcp(`[${hosts[6].farClient}]:1`, v, 'S'), `[${hosts[6].farClient}]:1`, s),
      forwards(tcp(s, `[${hosts[6].farClient}]:1`, 'SA'), v, `[${hosts[6].farClient}]:1`),
    ],
  },
  {
    name: 'a type of frame that says IPv6 over an IPv4 packet, or the other way, is refused',
    setup: { services: [...all, service()] },
    steps: [
      ends(tcp(`10.0.1.2:1`, '192.0.2.1:80', 'S', { etherType: etherTypes.ipv6 }), 'pass_not_ip'),
      ends(tcp(c, v, 'S', { etherType: etherTypes.ipv4 }), 'pass_not_ip'),
      noFlows,
    ],
  },
]

/** With ::ffff:192.0.2.1 in the place of an address. */
function mapped(packet: Packet, which: 'source' | 'destination'): Uint8Array {
  const frame = buildFrame({ ...addressed, ...packet })
  const at = which === 'source' ? 22 : 38
  frame.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1], at)
  return frame
}
