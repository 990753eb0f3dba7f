import test from 'ava'
import { checksumError, ipChecksumIsRight, translateFrame } from './oracle.ts'
import { buildFrame, type Packet } from './packets.ts'

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
