import test from 'ava'
import { translateError } from './oracle/errors.ts'
import { tunnelFrame } from './oracle/tunnels.ts'
import { checksumError, ipChecksumIsRight, translateFragments, translateFrame } from './oracle.ts'
import { fragmentFrame } from './packets/fragments.ts'
import { buildFrame, buildPacket, type Packet } from './packets.ts'

const translation = {
  from: '10.0.0.9:1111',
  to: '10.0.0.10:2222',
  ethernetSource: '02:00:00:00:00:aa',
  ethernetDestination: '02:00:00:00:00:bb',
} as const

const udp: Packet = { kind: 'udp', from: '192.0.2.1:5', to: '192.0.2.2:6', payload: Uint8Array.of(1, 2, 3) }

// Captured from `scapy`: Ether/IP(id=0x1234, ttl=64)/TCP(sport=1, dport=80, seq=1000, flags='S', window=65535).
const scapySyn = [
  '0200000000010200000000020800', // Ethernet
  '45000028123400004006e498c0000201c0000202', // IP
  '00010050000003e8000000005002ffff27a60000', // TCP
].join('')

test('packets: a TCP SYN is byte for byte what scapy builds', (t) => {
  const frame = buildFrame({ kind: 'tcp', from: '192.0.2.1:1', to: '192.0.2.2:80', flags: 'S' })
  t.is(Buffer.from(frame).toString('hex'), scapySyn)
})

test('packets: checksums are right unless a knob makes them wrong', (t) => {
  const packets: readonly Packet[] = [
    udp,
    { kind: 'tcp', from: '192.0.2.1:5', to: '192.0.2.2:6', flags: 'PA', payload: new Uint8Array(1001).fill(7) },
    { kind: 'icmp', from: '192.0.2.1:77', to: '192.0.2.2', type: 8, ipOptions: new Uint8Array(8).fill(1) },
  ]
  for (const packet of packets) {
    t.is(checksumError(buildFrame(packet)), 0)
    t.is(checksumError(buildFrame({ ...packet, checksumError: 5 })), 5)
    t.true(ipChecksumIsRight(buildFrame(packet)))
    t.false(ipChecksumIsRight(buildFrame({ ...packet, ipChecksumError: 5 })))
  }
  t.is(checksumError(buildFrame({ ...udp, noChecksum: true })), null)
})

test('oracle: what it translates is what would have been built with the new fields', (t) => {
  const { ethernetSource, ethernetDestination, from, to } = translation
  t.deepEqual(
    translateFrame(buildFrame(udp), translation),
    buildFrame({ ...udp, from, to, ethernetSource, ethernetDestination, ttl: 63 }),
  )
})

test('oracle: a missing UDP checksum stays missing', (t) => {
  t.is(checksumError(translateFrame(buildFrame({ ...udp, noChecksum: true }), translation)), null)
})

test('oracle: a wrong checksum stays wrong by the same error', (t) => {
  const out = translateFrame(buildFrame({ ...udp, checksumError: 0x1234 }), translation)
  t.is(checksumError(out), 0x1234)
  t.true(ipChecksumIsRight(out))
})

test('oracle: Ethernet padding is neither counted nor changed', (t) => {
  const padding = new Uint8Array(15).fill(0xee)
  const out = translateFrame(buildFrame({ ...udp, trailer: padding }), translation)
  t.is(checksumError(out), 0)
  t.deepEqual(out.subarray(-15), padding)
})

const macs = { ethernetSource: '02:00:00:00:00:aa', ethernetDestination: '02:00:00:00:00:bb' } as const
const payload = Uint8Array.from({ length: 1001 }, (_, i) => i & 0xff)
const udp6: Packet = { kind: 'udp', from: '[2001:db8::1]:5', to: '[2001:db8::2]:6', payload }

test('oracle: IPv6 becomes the IPv4 that would have been built, without a flow label or extension headers', (t) => {
  const before = buildFrame({ ...udp6, tos: 0xb8, flowLabel: 0x12345, ttl: 9, extensions: [{ kind: 'hop-by-hop' }] })
  const sockets = { from: '10.0.0.9:1111', to: '10.0.0.10:2222' }
  const wanted = buildFrame({ ...udp6, ...sockets, ...macs, tos: 0xb8, ttl: 8, identification: 7 })
  t.deepEqual(translateFrame(before, { ...sockets, ...macs, found: wanted }), wanted)
})

test('oracle: IPv4 becomes the IPv6 that would have been built, with a UDP checksum where there was none', (t) => {
  const sockets = { from: '[2001:db8::1]:1111', to: '[2001:db8::2]:2222' }
  const wanted = buildFrame({ ...udp6, ...sockets, ...macs, tos: 3, ttl: 63 })
  for (const noChecksum of [false, true]) {
    const before = buildFrame({ ...udp, payload, tos: 3, ipOptions: new Uint8Array(8).fill(1), noChecksum })
    t.deepEqual(translateFrame(before, { ...sockets, ...macs }), wanted)
  }
})

test('oracle: an echo changes its type with its family', (t) => {
  const sockets = { from: '10.0.0.9:1111', to: '10.0.0.10' }
  const before = buildFrame({ kind: 'icmp', type: 128, from: '[2001:db8::1]:7', to: '2001:db8::2', payload })
  const wanted = buildFrame({ kind: 'icmp', type: 8, ...sockets, ...macs, payload, ttl: 63, identification: 0 })
  t.deepEqual(translateFrame(before, { ...sockets, ...macs }), wanted)
})

test('oracle: SCTP gets the CRC32c of its new ports, and keeps an error in the same bits', (t) => {
  const packet = { kind: 'sctp', from: '192.0.2.1:5', to: '192.0.2.2:6', tag: 1, chunks: [new Uint8Array(16)] } as const
  const sockets = { from: '10.0.0.9:1111', to: '10.0.0.10:2222' }
  t.deepEqual(
    translateFrame(buildFrame(packet), { ...sockets, ...macs }),
    buildFrame({ ...packet, ...sockets, ...macs, ttl: 63 }),
  )
  t.is(checksumError(translateFrame(buildFrame({ ...packet, crcError: 0x55 }), { ...sockets, ...macs })), 0x55)
})

test('oracle: fragments are those of the translated datagram, with the identification of the other family', (t) => {
  const sockets = { from: '[2001:db8::1]:1111', to: '[2001:db8::2]:2222' }
  const wanted = fragmentFrame(buildFrame({ ...udp6, ...sockets, ...macs, ttl: 63 }), [800, 209], 0x1234)
  t.deepEqual(translateFragments(buildFrame({ ...udp, payload }), { ...sockets, ...macs }, [800, 209], 0x1234), wanted)
})

test('oracle: an error about a cut-off packet is the one about the packet that its receiver has sent', (t) => {
  const error = { kind: 'icmp-error', from: '192.0.2.7', type: 3, code: 4, word: 1400 } as const
  const sent = buildPacket({ ...udp, payload })
  const translatedOnes = buildPacket({ ...udp, payload, from: '10.0.0.9:1111', to: '10.0.0.10:2222' })
  for (const length of [28, 100, sent.length]) {
    const before = buildFrame({ ...error, to: '10.0.0.9', inside: translatedOnes.subarray(0, length) })
    const wanted = buildFrame({ ...error, ...macs, to: '192.0.2.1', ttl: 63, inside: sent.subarray(0, length) })
    const sockets = { from: '192.0.2.7', to: '192.0.2.1', insideFrom: udp.from, insideTo: udp.to }
    t.deepEqual(translateError(before, { ...sockets, ...macs }), wanted)
  }
})

test('oracle: a packet goes into another as it would have been built there, one hop older', (t) => {
  const tunnel = { kind: 'ip', source: '10.99.0.0', destination: '10.0.0.10', guePort: 6080, hops: 1, ...macs } as const
  const outer = { kind: 'other', protocol: 4, from: '10.99.18.52', to: '10.0.0.10', dontFragment: true } as const
  const inside = buildPacket({ ...udp, tos: 4, ttl: 63 })
  const wanted = buildFrame({ ...outer, ...macs, identification: 0, tos: 4, payload: inside })
  t.deepEqual(tunnelFrame(buildFrame({ ...udp, tos: 4 }), tunnel, wanted), wanted)
})
