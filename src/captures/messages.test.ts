// A GTP echo request on every link that is read, and what is said of frames that hold none.

import test from 'ava'
import { ipv4Header, ipv6Header } from '../wire/ip-packet.ts'
import { addressBytes } from '../wire/ip.ts'
import type { CapturedFrame } from './frame.ts'
import { Messages } from './messages.ts'

const echo = Uint8Array.of(0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0)

const udp = (destination: number, content: Uint8Array, source = 40_000): Uint8Array => {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(source, 0)
  header.writeUInt16BE(destination, 2)
  header.writeUInt16BE(8 + content.length, 4)
  return Buffer.concat([header, content])
}
const common = { protocol: 17, trafficClass: 0, hopLimit: 64 }
const v4 = (content: Uint8Array): Uint8Array =>
  Buffer.concat([
    ipv4Header({
      ...common,
      source: addressBytes('192.0.2.1'),
      destination: addressBytes('192.0.2.2'),
      id: 1,
      dontFragment: true,
      payloadBytes: content.length,
    }),
    content,
  ])
const v6 = (content: Uint8Array): Uint8Array => {
  const addresses = { source: addressBytes('2001:db8::1'), destination: addressBytes('2001:db8::2') }
  return Buffer.concat([ipv6Header({ ...common, ...addresses, payloadBytes: content.length }), content])
}

const frame = (linkType: number, bytes: Uint8Array, wireBytes = bytes.length): CapturedFrame => ({
  number: 1,
  time: { seconds: 1, nanoseconds: 2 },
  linkType,
  bytes,
  wireBytes,
})
const behind = (header: string, packet: Uint8Array): Uint8Array => Buffer.concat([Buffer.from(header, 'hex'), packet])
const packet4 = v4(udp(2152, echo))
const packet6 = v6(udp(2152, echo))
const macs = '020000000001020000000002'

const links: readonly (readonly [string, number, Uint8Array])[] = [
  ['Ethernet', 1, behind(`${macs}0800`, packet4)],
  ['Ethernet, IPv6', 1, behind(`${macs}86dd`, packet6)],
  ['Ethernet with a VLAN tag', 1, behind(`${macs}810000640800`, packet4)],
  ['Ethernet with two VLAN tags', 1, behind(`${macs}88a8000181000064 86dd`.replaceAll(' ', ''), packet6)],
  ['Linux SLL', 113, behind('00000001000602000000000100000800', packet4)],
  ['Linux SLL2', 276, behind('86dd000000000002000100060200000000010000', packet6)],
  ['raw IP (12)', 12, packet4],
  ['raw IP (14)', 14, packet6],
  ['raw IP (101)', 101, packet6],
  ['IPv4', 228, packet4],
  ['IPv6', 229, packet6],
  ['null of a little-endian machine', 0, behind('02000000', packet4)],
  ['null of a big-endian machine', 0, behind('0000001e', packet6)],
  ['loop', 108, behind('00000018', packet6)],
]

for (const [name, linkType, bytes] of links) {
  test(`captures: finds a message on ${name}`, (t) => {
    const messages = new Messages({ only: null })
    const [found] = messages.read(frame(linkType, bytes))
    t.is(found?.protocol.name, 'gtp')
    t.is(found?.description.name, 'Echo Request')
    const isV6 = found?.place.source.startsWith('[') === true
    t.is(found?.place.source, isV6 ? '[2001:db8::1]:40000' : '192.0.2.1:40000')
    t.is(found?.place.destination, isV6 ? '[2001:db8::2]:2152' : '192.0.2.2:2152')
    t.is(messages.skipped.size + messages.troubles.size, 0)
  })

  test(`captures: no truncation of a frame on ${name} is more than an error`, (t) => {
    for (let length = 0; length < bytes.length; length++) {
      const messages = new Messages({ only: null })
      const found = messages.read(frame(linkType, bytes.subarray(0, length), bytes.length))
      t.true(found.every(({ error }) => error?.reason === 'cut when it was captured'))
      for (const reason of messages.troubles.keys()) t.is(reason, 'cut when it was captured')
    }
  })
}

test('captures: frames of other links are counted by name, and other packets are nothing', (t) => {
  const messages = new Messages({ only: null })
  for (const linkType of [9, 9, 147]) t.deepEqual(messages.read(frame(linkType, packet4)), [])
  t.deepEqual(messages.read(frame(1, behind(`${macs}0806`, packet4))), [])
  t.deepEqual(messages.read(frame(12, v4(udp(9, echo)))), [])
  t.deepEqual(
    [...messages.skipped],
    [
      ['PPP', 2],
      ['link type 147', 1],
    ],
  )
  t.is(messages.troubles.size, 0)
})

test('captures: an answer to a server that everyone knows is none of ours, whatever port it goes to', (t) => {
  const messages = new Messages({ only: null })
  t.deepEqual(messages.read(frame(12, v4(udp(2152, echo, 53)))), [])
})

test('captures: both versions of GTP-C are told apart on their port', (t) => {
  const messages = new Messages({ only: null })
  const name = (bytes: Uint8Array) => messages.read(frame(12, v4(udp(2123, bytes))))[0]?.protocol.name
  t.is(name(echo), 'gtpv1c')
  t.is(name(Uint8Array.of(0x40, 1, 0, 4, 0, 0, 1, 0)), 'gtpv2')
})

test('captures: the messages of a bundle are found each, and one that cannot be read says why', (t) => {
  const messages = new Messages({ only: null })
  const heartbeat = Uint8Array.of(0x20, 1, 0, 12, 0, 0, 1, 0, 0, 0x60, 0, 4, 0xe1, 0xb6, 0x5f, 0x80)
  const bundle = Buffer.concat([Uint8Array.of(0x24, ...heartbeat.subarray(1)), heartbeat])
  const found = messages.read(frame(12, v4(udp(8805, bundle))))
  t.deepEqual(
    found.map(({ error, description }) => error?.reason ?? description.name),
    ['Heartbeat Request', 'Heartbeat Request'],
  )
  const [broken] = messages.read(frame(12, v4(udp(8805, heartbeat.subarray(0, 9)))))
  t.like(broken?.error, { reason: 'truncated' })
})

test('captures: SCTP gives its packets and the messages in them; only what is asked for', (t) => {
  const reset = Buffer.from('00140000000300000f40010000000000'.slice(0, 20), 'hex') // no matter whether it can be read
  const chunk = Buffer.concat([Buffer.alloc(16), reset, Buffer.alloc(2)])
  chunk.set([0, 3, 0, 16 + reset.length])
  chunk.writeUInt32BE(60, 12)
  const header = Buffer.from('960c960c0000000700000000', 'hex')
  const content = Buffer.concat([header, chunk])
  const packet = Buffer.from(v4(content))
  packet[9] = 132
  const names = (only: Parameters<typeof read>[0]) => read(only).map(({ protocol }) => protocol.name)
  const read = (only: ConstructorParameters<typeof Messages>[0]['only']) =>
    new Messages({ only }).read(frame(12, packet))
  t.deepEqual(names(null), ['sctp', 'ngap'])
  t.deepEqual(names(new Set(['ngap'])), ['ngap'])
  t.deepEqual(names(new Set(['sip'])), [])
})
