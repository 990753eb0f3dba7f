// The packet builder beside scapy 2.5, which shares no code with it: the frames were printed by scapy once, each by the
// expression that stands with it.

import test from 'ava'
import { fromHex, viewOf } from './packets/bytes.ts'
import { fragmentFrame } from './packets/fragments.ts'
import { gtpu, gtpuTypes, pduSessionContainer } from './packets/gtpu.ts'
import { ipPartsOf } from './packets/parts.ts'
import { quicLong, quicShort } from './packets/quic.ts'
import { chunks, sctpCrc } from './packets/sctp.ts'
import { parseSocket, socketOf } from './packets/socket.ts'
import { buildFrame, buildPacket, type Packet } from './packets.ts'

const abc = new TextEncoder().encode('abc')
const v6 = { from: '[2001:db8::1]:5', to: '[2001:db8::2]:6' } as const
const v4 = { from: '192.0.2.1:5', to: '192.0.2.2:6' } as const
const udp = (sockets: { readonly from: string; readonly to: string }, payload: Uint8Array): Packet => ({
  kind: 'udp',
  payload,
  ...sockets,
})
const back6 = { from: '[2001:db8::2]:6', to: '[2001:db8::9]:5' } as const
const back4 = { from: '192.0.2.2:6', to: '192.0.2.9:5' } as const

const ethernet6 = '02000000000102000000000286dd'
const addresses6 = '20010db800000000000000000000000120010db8000000000000000000000002'

const golden: readonly { readonly scapy: string; readonly packet: Packet; readonly hex: readonly string[] }[] = [
  {
    scapy:
      "IPv6(src='2001:db8::1', dst='2001:db8::2', hlim=64, tc=0xb8, fl=0x12345)/TCP(sport=1, seq=1000, window=65535)",
    packet: {
      kind: 'tcp',
      from: '[2001:db8::1]:1',
      to: '[2001:db8::2]:80',
      flags: 'S',
      tos: 0xb8,
      flowLabel: 0x12345,
    },
    hex: [ethernet6, '6b81234500140640', addresses6, '00010050000003e8000000005002ffff50350000'],
  },
  {
    scapy: 'IPv6ExtHdrHopByHop([PadN(4)])/IPv6ExtHdrRouting(type=3, segleft=0)/IPv6ExtHdrDestOpt([PadN(4)])/UDP',
    packet: {
      ...udp(v6, abc),
      extensions: [{ kind: 'hop-by-hop' }, { kind: 'routing', type: 3, segmentsLeft: 0 }, { kind: 'destination' }],
    },
    hex: [
      ethernet6,
      '6000000000230040',
      addresses6,
      '2b00010400000000',
      '3c00030000000000',
      '1100010400000000',
      '00050006000bdff5616263',
    ],
  },
  {
    scapy: 'Ether(type=0x88a8)/Dot1Q(vlan=100, prio=5, type=0x8100)/Dot1Q(vlan=7)/IP/UDP',
    packet: { ...udp(v4, abc), vlan: [{ id: 100, priority: 5, type: 0x88a8 }, { id: 7 }] },
    hex: [
      '02000000000102000000000288a8a064810000070800',
      '4500001f123400004011e496c0000201c0000202',
      '00050006000bb766616263',
    ],
  },
  {
    scapy: "IPv6/ICMPv6EchoRequest(id=77, seq=1, data=b'abc')",
    packet: { kind: 'icmp', type: 128, from: '[2001:db8::1]:77', to: '2001:db8::2', payload: abc },
    hex: [ethernet6, '60000000000b3a40', addresses6, '80005f94004d0001616263'],
  },
  {
    scapy: 'IP/SCTP(sport=5, dport=38412, tag=0x11223344)/SCTPChunkData/SCTPChunkSACK(a_rwnd=106496)',
    packet: {
      kind: 'sctp',
      from: '192.0.2.1:5',
      to: '192.0.2.2:38412',
      tag: 0x11223344,
      chunks: [chunks.data(abc), chunks.sack()],
    },
    hex: [
      '0200000000010200000000020800',
      '45000044123400004084e3fec0000201c0000202',
      '0005960c11223344d2b15ccd',
      '0003001300000001000000000000003c61626300',
      '03000010000000010001a00000000000',
    ],
  },
  {
    scapy: "IPv6/ICMPv6PacketTooBig(mtu=1280)/IPv6(src='2001:db8::2', dst='2001:db8::9', hlim=64)/UDP",
    packet: {
      kind: 'icmp-error',
      from: '2001:db8::1',
      to: '2001:db8::2',
      type: 2,
      code: 0,
      word: 1280,
      inside: buildPacket(udp(back6, abc)),
    },
    hex: [
      ethernet6,
      '60000000003b3a40',
      addresses6,
      '02002be600000500',
      '60000000000b114020010db800000000000000000000000220010db8000000000000000000000009',
      '00060005000bdfed616263',
    ],
  },
  {
    scapy: "IP/ICMP(type=3, code=4, nexthopmtu=1400)/IP(src='192.0.2.2', dst='192.0.2.9', id=0x1234)/UDP",
    packet: {
      kind: 'icmp-error',
      from: '192.0.2.1',
      to: '192.0.2.2',
      type: 3,
      code: 4,
      word: 1400,
      inside: buildPacket(udp(back4, abc)),
    },
    hex: [
      '0200000000010200000000020800',
      '4500003b123400004001e48ac0000201c0000202',
      '03047bac00000578',
      '4500001f123400004011e48ec0000202c0000209',
      '00060005000bb75e616263',
    ],
  },
]

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

for (const { scapy, packet, hex } of golden)
  test(`packets: builds byte for byte what scapy does: ${scapy}`, (t) => {
    t.is(hexOf(buildFrame(packet)), hex.join(''))
  })

test('packets: cuts a datagram as scapy does', (t) => {
  const payload = new Uint8Array(24).fill(0x78)
  t.deepEqual(fragmentFrame(buildFrame(udp(v4, payload)), [16, 16]).map(hexOf), [
    '020000000001020000000002080045000024123420004011c491c0000201c0000202000500060020d5f97878787878787878',
    '020000000001020000000002080045000024123400024011e48fc0000201c000020278787878787878787878787878787878',
  ])
  t.deepEqual(fragmentFrame(buildFrame(udp(v6, payload)), [16, 16]).map(hexOf), [
    `${ethernet6}6000000000182c40${addresses6}1100000112345678000500060020fe887878787878787878`,
    `${ethernet6}6000000000182c40${addresses6}110000101234567878787878787878787878787878787878`,
  ])
})

test('packets: takes a fragment apart that it has made', (t) => {
  const [, second = new Uint8Array()] = fragmentFrame(buildFrame(udp(v6, new Uint8Array(24))), [16, 16], 7)
  t.like(ipPartsOf(second), { family: 6, protocol: 17, fragment: { identification: 7, offset: 16, more: false } })
})

test('packets: a G-PDU with a PDU session container is what scapy builds', (t) => {
  const message = { type: gtpuTypes.gPdu, teid: 1, extensions: [pduSessionContainer(1)] }
  t.is(
    hexOf(gtpu({ ...message, payload: new TextEncoder().encode('abcd') })),
    '34ff000c00000001000000850110010061626364',
  )
  t.is(hexOf(gtpu({ type: gtpuTypes.echoRequest, teid: 0, sequence: 1 })), '320100040000000000010000')
  t.is(hexOf(gtpu({ type: gtpuTypes.endMarker, teid: 0x12345678 })), '30fe000012345678')
})

test('packets: connection ids stand where QUIC says', (t) => {
  const id = Uint8Array.of(0x0a, 0x0b)
  t.is(hexOf(quicLong({ destination: id, payload: abc })), 'c000000001020a0b0401020304616263')
  t.is(hexOf(quicShort(id, abc)), '400a0b616263')
})

test('packets: the CRC32c of a COOKIE ACK from a live association is found right', (t) => {
  const seen = fromHex('960cebdf51ead13704bcb6a70b000004')
  t.is(sctpCrc(seen), viewOf(seen).getUint32(8, true))
})

test('packets: sockets of both families', (t) => {
  t.deepEqual(parseSocket('[2001:db8::1]:80'), { address: '2001:db8::1', port: 80 })
  t.deepEqual(parseSocket('2001:db8::1'), { address: '2001:db8::1', port: 0 })
  t.deepEqual(parseSocket('10.0.0.1'), { address: '10.0.0.1', port: 0 })
  t.is(socketOf('2001:db8::1', 80), '[2001:db8::1]:80')
  t.is(socketOf('10.0.0.1', '?port'), '10.0.0.1:?port')
})
