import test from 'ava'
import fc from 'fast-check'
import { translateFrame } from '../../testing/oracle.ts'
import { buildFrame, buildPacket } from '../../testing/packets.ts'
import { packetPartsOf } from '../../testing/packets/parts.ts'
import { parseSocket } from '../../testing/packets/socket.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { addressBytes } from '../../wire/ip.ts'
import { parseIp } from '../../wire/ip-packet.ts'
import { changedChecksum, translatePacket } from './translate.ts'
import type { Packet } from '../../testing/packets.ts'
import type { Rewrite } from './translate.ts'

const rewrite = (from: string, to: string): Rewrite => {
  const [source, destination] = [parseSocket(from), parseSocket(to)]
  return {
    source: addressBytes(source.address),
    destination: addressBytes(destination.address),
    sourcePort: source.port,
    destinationPort: destination.port,
  }
}

const macs = { ethernetSource: '02:00:00:00:00:0a', ethernetDestination: '02:00:00:00:00:0b' }

/** The packet as the oracle translates it; what a translator may choose is taken from what was found. */
const expected = (packet: Packet, from: string, to: string, found: Uint8Array): Uint8Array => {
  const frame = new Uint8Array([...new Uint8Array(14), ...found])
  return translateFrame(buildFrame(packet), { ...macs, from, to, found: frame }).subarray(14)
}

const payload = Uint8Array.from({ length: 1301 }, (_, i) => i * 7)
const pairs = [
  { name: 'NAT44', from: '10.0.0.9:4000', to: '192.0.2.1:80', newFrom: '192.0.2.1:5000', newTo: '10.2.0.3:8080' },
  { name: 'NAT66', from: '[2001:db8::9]:4000', to: '[2001:db8::1]:80', newFrom: '[fd00::1]:5', newTo: '[fd00::2]:81' },
  { name: 'NAT64', from: '[2001:db8::9]:4000', to: '[2001:db8::1]:80', newFrom: '10.9.9.9:5000', newTo: '10.2.0.3:81' },
  { name: 'NAT46', from: '10.0.0.9:4000', to: '192.0.2.1:80', newFrom: '[fd00::1]:5000', newTo: '[fd00::2]:8080' },
] as const

for (const { from, name, newFrom, newTo, to } of pairs) {
  const kinds: readonly (readonly [string, Packet])[] = [
    ['TCP', { kind: 'tcp', from, to, flags: 'PA', payload, tos: 0x2e, ttl: 9 }],
    ['UDP', { kind: 'udp', from, to, payload, tos: 0x2e }],
    ['UDP with a wrong checksum', { kind: 'udp', from, to, payload, checksumError: 77 }],
    ['TCP with a wrong checksum', { kind: 'tcp', from, to, flags: 'A', checksumError: 1 }],
    ['SCTP', { kind: 'sctp', from, to, tag: 0x1234, chunks: [] }],
    ['SCTP with a wrong checksum', { kind: 'sctp', from, to, tag: 0x1234, chunks: [], crcError: 99 }],
  ]
  for (const [kind, packet] of kinds) {
    test(`translate: ${name} of ${kind} gives what the oracle says`, (t) => {
      const found = translatePacket(parseIp(buildPacket(packet)), rewrite(newFrom, newTo))
      t.deepEqual(Buffer.from(found), Buffer.from(expected(packet, newFrom, newTo, found)))
    })
  }
  for (const isReply of [false, true]) {
    test(`translate: ${name} of an echo ${isReply ? 'reply' : 'request'} gives what the oracle says`, (t) => {
      const four = !from.startsWith('[')
      const type = isReply ? (four ? 0 : 129) : four ? 8 : 128
      const packet: Packet = { kind: 'icmp', from, to, type, payload }
      const found = translatePacket(parseIp(buildPacket(packet)), rewrite(newFrom, newTo))
      t.deepEqual(Buffer.from(found), Buffer.from(expected(packet, newFrom, newTo, found)))
    })
  }
}

test('translate: UDP without a checksum keeps none within IPv4 and gets a right one in IPv6', (t) => {
  const packet: Packet = { kind: 'udp', from: '10.0.0.9:1', to: '192.0.2.1:2', payload, noChecksum: true }
  for (const [from, to] of [
    ['10.1.1.1:3', '10.1.1.2:4'],
    ['[fd00::1]:3', '[fd00::2]:4'],
  ] as const) {
    const found = translatePacket(parseIp(buildPacket(packet)), rewrite(from, to))
    t.deepEqual(Buffer.from(found), Buffer.from(expected(packet, from, to, found)))
  }
})

test('translate: a UDP checksum never becomes zero, which would say that there is none', (t) => {
  for (let port = 0; port < 0x10000; port += 1) {
    const packet: Packet = { kind: 'udp', from: '10.0.0.9:1', to: '192.0.2.1:2' }
    const bytes = translatePacket(parseIp(buildPacket(packet)), rewrite(`10.1.1.1:${port}`, '10.1.1.2:4'))
    if (((bytes[26] ?? 0) | (bytes[27] ?? 0)) === 0) return t.fail(`port ${port}`)
  }
  return t.pass()
})

test('translate: extension headers stay within IPv6 and go on the way to IPv4', (t) => {
  const packet: Packet = {
    kind: 'udp',
    from: '[2001:db8::9]:4000',
    to: '[2001:db8::1]:80',
    payload,
    extensions: [{ kind: 'hop-by-hop' }, { kind: 'destination' }],
  }
  for (const [from, to] of [
    ['[fd00::1]:3', '[fd00::2]:4'],
    ['10.1.1.1:3', '10.1.1.2:4'],
  ] as const) {
    const found = translatePacket(parseIp(buildPacket(packet)), rewrite(from, to))
    t.deepEqual(Buffer.from(found), Buffer.from(expected(packet, from, to, found)))
  }
})

const refused: readonly (readonly [string, string, Packet])[] = [
  ['the last hop', 'hop limit', { kind: 'udp', from: '10.0.0.9:1', to: '192.0.2.1:2', ttl: 1 }],
  [
    'an IPv6 source route that is not at its end',
    'source route',
    {
      kind: 'udp',
      from: '[fd00::9]:1',
      to: '[fd00::1]:2',
      extensions: [{ kind: 'routing', type: 4, segmentsLeft: 1 }],
    },
  ],
  [
    'an IPv4 source route that is not at its end, to IPv6',
    'source route',
    {
      kind: 'udp',
      from: '10.0.0.9:1',
      to: '192.0.2.1:2',
      ipOptions: Uint8Array.of(131, 7, 4, 10, 0, 0, 1, 0),
    },
  ],
  ['another protocol', 'protocol without ports', { kind: 'other', from: '10.0.0.9', to: '192.0.2.1', protocol: 47 }],
  ['ICMP that is no echo', 'ICMP that is no echo', { kind: 'icmp', from: '10.0.0.9', to: '192.0.2.1', type: 13 }],
]

for (const [title, reason, packet] of refused) {
  test(`translate: refuses ${title}`, (t) => {
    const error = t.throws(() => translatePacket(parseIp(buildPacket(packet)), rewrite('[fd00::1]:1', '[fd00::2]:2')), {
      instanceOf: DecodeError,
    })
    t.is(error?.reason, reason)
  })
}

const socket4 = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 0xffff }))
const socketText = (family: 4 | 6, [host, port]: readonly [number, number]): string =>
  family === 4 ? `10.0.${host}.1:${port}` : `[2001:db8:${host.toString(16)}::1]:${port}`

test('translate: there and back is the same transport, in every pair of families', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom<4 | 6>(4, 6),
      fc.constantFrom<4 | 6>(4, 6),
      fc.array(socket4, { minLength: 4, maxLength: 4 }),
      fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
      fc.uint8Array({ maxLength: 100 }),
      (before, after, sockets, kind, bytes) => {
        const [from, to] = [socketText(before, sockets[0]!), socketText(before, sockets[1]!)]
        const [newFrom, newTo] = [socketText(after, sockets[2]!), socketText(after, sockets[3]!)]
        const packet: Packet =
          kind === 'tcp' ? { kind, from, to, flags: 'A', payload: bytes } : { kind, from, to, payload: bytes }
        const original = buildPacket(packet)
        const there = translatePacket(parseIp(original), rewrite(newFrom, newTo))
        const back = translatePacket(parseIp(there), rewrite(from, to))
        return Buffer.compare(packetPartsOf(back).payload, packetPartsOf(original).payload) === 0
      },
    ),
  )
  t.pass()
})

test('translate: changedChecksum is a subtraction and an addition in ones complement', (t) => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0x3ffff), fc.nat(0x3ffff), (checksum, oldSum, newSum) => {
      const wanted = (((~checksum & 0xffff) - oldSum + newSum) % 0xffff) + 0xffff
      return (~changedChecksum(checksum, oldSum, newSum) & 0xffff) % 0xffff === wanted % 0xffff
    }),
  )
  t.pass()
})

test('translate: every truncation of a packet is refused with a DecodeError', (t) => {
  for (const { from, newFrom, newTo, to } of pairs) {
    for (const kind of ['tcp', 'udp', 'sctp', 'icmp'] as const) {
      const type = from.startsWith('[') ? 128 : 8
      const whole = buildPacket({ kind, from, to, flags: 'A', type, chunks: [], tag: 1 })
      for (let length = 0; length < whole.length; length++) {
        const bytes = whole.subarray(0, length)
        t.throws(() => translatePacket(parseIp(bytes), rewrite(newFrom, newTo)), { instanceOf: DecodeError })
      }
    }
  }
})
