// Cases: packets that are not translated: dropped with a reason, or left to the kernel as they are.

import { buildFrame, ethernetBytes, ipv4HeaderBytes, type Packet } from '../../../src/testing/packets.ts'
import { bytes, client, echoReply, echoRequest, server, service, tcp, udp, vip, type Case, type Step } from '../case.ts'
import { ends, flowsAre, forwards } from '../steps.ts'
import { deviceMac } from '../network.ts'

const c = `${client}:40000`
const v = `${vip}:80`
const s = `${server}:8080`
const all = {
  services: [
    service(),
    service({ protocol: 'udp', port: 53, endpoints: [`${server}:5353`] }),
    service({ protocol: 'icmp' }),
  ],
}
const noFlows = flowsAre({})

const whole: Readonly<Record<string, Packet>> = {
  TCP: tcp(c, v, 'S', { tcpOptions: bytes(8), payload: bytes(5) }),
  UDP: udp(`${client}:9`, `${vip}:53`),
  'ICMP echo': echoRequest(`${client}:9`, vip, { payload: bytes(10) }),
  'TCP with IP options': tcp(c, v, 'S', { ipOptions: bytes(12) }),
}

const addressed = { ethernetDestination: deviceMac('client') }

/** Every frame with a whole IP header that is shorter than the header says. */
function truncations(packet: Packet): readonly Step[] {
  const frame = buildFrame({ ...addressed, ...packet })
  const shortest = ethernetBytes + ipv4HeaderBytes
  return Array.from({ length: frame.length - shortest }, (_, i) =>
    ends(frame.subarray(0, shortest + i), 'drop_malformed'),
  )
}

/** The IP length says what is there, so that only what is inside is cut. */
function cutTransports(packet: Packet, leastBytes: number): readonly Step[] {
  return Array.from({ length: leastBytes }, (_, length) => {
    const frame = buildFrame({ ...addressed, ...packet })
    const payload = frame.slice(ethernetBytes + ipv4HeaderBytes, ethernetBytes + ipv4HeaderBytes + length)
    const protocol = frame[ethernetBytes + 9] ?? 0
    return ends({ kind: 'other', protocol, from: client, to: vip, payload }, 'drop_malformed')
  })
}

export const refuseCases: readonly Case[] = [
  ...Object.entries(whole).map(([name, packet]): Case => ({
    name: `no truncation of a ${name} packet is translated`,
    setup: all,
    steps: [...truncations(packet), noFlows],
  })),
  {
    name: 'a frame too short for an IP header is left to the kernel',
    hooks: ['xdp'], // the kernel's test input for TC must have one
    setup: all,
    steps: Array.from({ length: ipv4HeaderBytes }, (_, i) =>
      ends(buildFrame({ ...addressed, ...tcp(c, v, 'S') }).subarray(0, ethernetBytes + i), 'pass_not_ip'),
    ),
  },
  {
    name: 'no transport header that is cut off is translated',
    setup: all,
    steps: [
      ...cutTransports(tcp(c, v, 'S'), 20),
      ...cutTransports(udp(c, `${vip}:53`), 8),
      ...cutTransports(echoRequest(c, vip), 8),
      noFlows,
    ],
  },
  {
    name: 'lengths that lie are dropped',
    setup: all,
    steps: [
      ends(tcp(c, v, 'S', { totalLength: 41 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 0xffff }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 39 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 20 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 19 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { totalLength: 0 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { headerWords: 4 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { headerWords: 0 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { headerWords: 15 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { version: 6 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { version: 0 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 4 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 0 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 6 }), 'drop_malformed'),
      ends(tcp(c, v, 'S', { dataOffset: 15, payload: bytes(39) }), 'drop_malformed'),
      ends(udp(c, `${vip}:53`, { udpLength: 7 }), 'drop_malformed'),
      ends(udp(c, `${vip}:53`, { udpLength: 0 }), 'drop_malformed'),
      ends(udp(c, `${vip}:53`, { udpLength: 20 }), 'drop_malformed'),
      ends(udp(c, `${vip}:53`, { udpLength: 0xffff }), 'drop_malformed'),
      noFlows,
    ],
  },
  {
    name: 'lengths that lie in packets for others are left to the kernel',
    setup: all,
    steps: [
      ends(tcp(c, '10.0.2.10:80', 'S', { totalLength: 41 }), 'pass_not_ip'),
      ends(tcp(c, '10.0.2.10:80', 'S', { dataOffset: 15 }), 'pass_protocol'),
      ends(udp(c, '10.0.2.10:80', { udpLength: 7 }), 'pass_protocol'),
    ],
  },
  {
    name: 'a wrong IP checksum is dropped, for a new flow and for a known one',
    setup: all,
    steps: [
      ends(tcp(c, v, 'S', { ipChecksumError: 1 }), 'drop_bad_checksum'),
      noFlows,
      forwards(tcp(c, v, 'S'), c, s),
      ends(tcp(s, c, 'SA', { ipChecksumError: 0x4000 }), 'drop_bad_checksum'),
      ends(tcp(c, v, 'R', { ipChecksumError: 1, ipOptions: bytes(40) }), 'drop_bad_checksum'),
      flowsAre({ [`${c} -> ${v}`]: 'syn_sent' }),
      ends(tcp(c, '10.0.2.10:80', 'S', { ipChecksumError: 1 }), 'pass_not_service'),
    ],
  },
  {
    name: 'a packet that may not be forwarded any further is dropped',
    setup: all,
    steps: [
      ends(tcp(c, v, 'S', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c, v, 'S', { ttl: 0 }), 'pass_ttl'),
      noFlows,
      forwards(tcp(c, v, 'S', { ttl: 2 }), c, s),
      forwards(tcp(s, c, 'SA', { ttl: 255 }), v, c),
      ends(tcp(s, c, 'A', { ttl: 1 }), 'pass_ttl'),
      ends(tcp(c, '10.0.2.10:80', 'S', { ttl: 1 }), 'pass_not_service'),
    ],
  },
  {
    name: 'sources that nobody can answer are dropped',
    setup: all,
    steps: [
      ...[
        '0.0.0.0',
        '0.1.2.3',
        '127.0.0.1',
        '127.255.255.255',
        '224.0.0.1',
        '239.1.1.1',
        '240.0.0.1',
        '255.255.255.255',
        vip,
      ].map((source) => ends(tcp(`${source}:40000`, v, 'S'), 'drop_martian')),
      noFlows,
      ends(udp('127.0.0.1:9', '10.0.2.10:53'), 'pass_not_service'),
    ],
  },
  {
    name: "frames to another machine's MAC address are left alone",
    setup: all,
    steps: [
      ends(tcp(c, v, 'S', { ethernetDestination: '02:00:00:00:00:77' }), 'pass_other_host'),
      ends(tcp(c, v, 'S', { ethernetDestination: 'ff:ff:ff:ff:ff:ff' }), 'pass_other_host'),
      ends(tcp(c, v, 'S', { ethernetDestination: deviceMac('server') }), 'pass_other_host'),
      noFlows,
    ],
  },
  {
    name: 'a device whose MAC address is not known takes every frame',
    setup: { ...all, unknownDevices: ['client'] },
    steps: [forwards(tcp(c, v, 'S', { ethernetDestination: '02:00:00:00:00:77' }), c, s)],
  },
  {
    name: 'what is not IPv4 is left to the kernel',
    setup: all,
    steps: [0x0806, 0x86dd, 0x8100, 0x88a8, 0x05dc].map((etherType) =>
      ends(tcp(c, v, 'S', { etherType }), 'pass_not_ip'),
    ),
  },
  {
    name: 'protocols that are not balanced are left to the kernel',
    setup: all,
    steps: [
      ends({ kind: 'other', protocol: 50, from: client, to: vip, payload: bytes(40) }, 'pass_protocol'),
      ends({ kind: 'other', protocol: 47, from: client, to: vip, payload: bytes(40) }, 'pass_protocol'),
      ends({ kind: 'other', protocol: 2, from: client, to: vip, fragmentOffset: 8 }, 'pass_protocol'),
      ends(echoRequest(c, vip, { type: 3 }), 'pass_protocol'),
      ends(echoRequest(c, vip, { type: 11 }), 'pass_protocol'),
      ends(echoRequest(c, vip, { code: 1 }), 'pass_protocol'),
      noFlows,
    ],
  },
  {
    name: 'what is for no service is left to the kernel',
    setup: { services: [service()] },
    steps: [
      ends(tcp(c, `${vip}:81`, 'S'), 'pass_not_service'),
      ends(udp(c, v), 'pass_not_service'),
      ends(tcp(c, '192.0.2.2:80', 'S'), 'pass_not_service'),
      ends(tcp(s, c, 'SA'), 'pass_not_service'),
      ends(echoRequest(c, vip), 'pass_not_service'),
      ends(echoReply(client, `${vip}:9`), 'pass_not_service'),
      noFlows,
    ],
  },
  {
    name: 'an echo reply that nobody asked for is dropped',
    setup: all,
    // To the VIP's identifier 0 it looks like a packet for the service.
    steps: [ends(echoReply(client, `${vip}:0`), 'drop_no_flow'), noFlows],
  },
  {
    name: 'a service without an endpoint that takes new flows drops them',
    setup: {
      services: [
        service({ endpoints: [{ weight: 0 }, { address: '10.0.2.11', drained: true }] }),
        service({ port: 81, select: 'rr', endpoints: [{ weight: 0 }] }),
        service({ port: 82, endpoints: [] }),
      ],
    },
    steps: [80, 81, 82].map((port) => ends(tcp(c, `${vip}:${port}`, 'S'), 'drop_no_endpoint')),
  },
]
