// The bytes were sent by Linux 6.18 on x86-64, in answer to what the commands beside them ask for.

import test from 'ava'
import { parseAddressMessage } from './addresses.ts'
import { addressText } from './family.ts'
import { parseLink } from './links.ts'
import {
  encodeMessage,
  encodePayload,
  kernelError,
  listAttributes,
  MalformedMessage,
  numberOf,
  parseAttributes,
  parseMessages,
  u32,
} from './netlink.ts'
import { parseNeighbour } from './neighbours.ts'
import { parseEgress, parsePaths, routeRequest } from './routes.ts'
import { parseFamily, transmits } from './xdp-features.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const nameOf = (ifindex: number): string => `device${ifindex}`

// ip neigh add 10.0.0.1 dev lo lladdr 00:00:00:00:00:00 nud permanent managed
const refusal =
  '50000000 0200 0003 08000000 0f67419b eaffffff 380000001c0005040800000000000000' +
  '2b000100 496e76616c6964204e54465f2a20666c616720666f72207065726d616e656e7420656e74727900 00'

// ip route get 10.88.0.1, behind `ip route add 10.88.0.0/16 via 10.77.0.254`
const viaGateway =
  '02200000fe00000100020000 08000f00fe000000 080001000a580001 0800040003000000 080007000a4d0001 080005000a4d00fe' +
  '0800190000000000 24000c000200000000000000000000000000000000000000000000000000000000000000'

// ip route get fd77::5
const onLink =
  '0a808000fe02000100000000 08000f00fe000000 14000100fd770000000000000000000000000005' +
  '140002000000000000000000000000000000000014000700fd770000000000000000000000000001 0800060000010000' +
  '0800040003000000 24000c0002000000000000000000000000000000000000000000000000000000000000000500140000000000'

// ip route get 10.77.0.1, the host's own address
const ownAddress =
  '02200000fe00000200020080 08000f00fe000000 080001000a4d0001 0800040001000000 080007000a4d0001 0800190000000000' +
  '24000c000100000000000000000000000000000000000000000000000000000000000000'

// ip route get fibmatch 10.99.0.1, behind `nexthop via 10.77.0.253 dev eth0 nexthop via inet6 fd77::fe dev eth0`
const twoPaths =
  '02100000fe03000100000000 08000f00fe000000 080001000a630000 34000900' +
  '1000000003000000 080005000a4d00fd 2000000003000000 160012000a00fd7700000000000000000000000000fe0000'

// ip neigh add 10.77.0.8 lladdr 02:00:00:00:00:08 dev eth0 nud permanent
const permanent =
  '020000000300000080000001 080001000a4d0008 0a0002000200000000080000 0800040000000000' +
  '1400030003000000030000000300000000000000'

// ip neigh add 10.77.0.9 dev eth0 managed, and nobody there
const managed =
  '020000000300000001000001 080001000a4d0009 0800040004000000 1400030074170000040000000400000001000000' +
  '08000f0001000000'

// ip addr add 10.77.0.1/24 dev eth0
const ipv4Address =
  '0218800003000000 080001000a4d0001 080002000a4d0001 090003006574683000000000 0800080080000000' +
  '14000600ffffffffffffffff97ef040097ef0400'

// the address that the kernel makes for a link
const linkLocal =
  '0a40c0fd03000000 14000100fe80000000000000000000fffe000001 14000600ffffffffffffffff97ef040097ef0400' +
  '08000800c0000000 05000b0003000000'

// ip link show eth0, a veth with address 02:00:00:00:00:01 (cut behind the attributes that are read)
const link =
  '00000100030000004310010000000000 090003006574683000000000 08000d00e8030000 0500100006000000' +
  '0800040 0dc050000 0a00010002000000000100 00'

// genl ctrl get name netdev (cut to two of its eight operations)
const family =
  '01020000 0b0002006e65746465760000 0600010014000000 0800030001000000 0800040000000000 0800050000000000' +
  '2c000600 140001000800010001000000080002000e000000 140002000800010005000000080002000e000000' +
  '38000700 180001000800020004000000090001006d676d7400000000 1c00020008000200050000000e000100706167652d706f6f6c000000'

test('netlink: reads the messages of a datagram, and refuses every truncation of them', (t) => {
  const datagram = bytes(`${refusal}${refusal}`)
  const messages = parseMessages(datagram)
  t.deepEqual(
    messages.map(({ type, flags, sequence, payload }) => [type, flags, sequence, payload.length]),
    [
      [2, 0x300, 8, 64],
      [2, 0x300, 8, 64],
    ],
  )
  for (let length = 1; length < datagram.length; length++) {
    if (length === datagram.length / 2) continue
    t.throws(() => parseMessages(datagram.subarray(0, length)), { instanceOf: MalformedMessage }, `${length} bytes`)
  }
})

test('netlink: refuses lengths that are too small to go on', (t) => {
  t.throws(() => parseMessages(bytes('00000000 0200 0000 00000000 00000000')), { instanceOf: MalformedMessage })
  t.throws(() => parseAttributes(bytes('00000100'), 0), { instanceOf: MalformedMessage })
  t.throws(() => parseAttributes(bytes('0000'), 4), { instanceOf: MalformedMessage })
  t.throws(() => numberOf(bytes('000000')), { instanceOf: MalformedMessage })
})

test('netlink: gives the reason that the kernel gave for a refusal', (t) => {
  const [message] = parseMessages(bytes(refusal))
  if (message === undefined) return t.fail()
  const error = kernelError(message, 'to keep a neighbour')
  t.is(error?.code, 'EINVAL')
  t.is(error?.message, 'the kernel refused to keep a neighbour: EINVAL (Invalid NTF_* flag for permanent entry)')
  t.is(kernelError({ ...message, payload: bytes('00000000') }, ''), null)
})

test('netlink: skips the repeated request in a refusal that has it', (t) => {
  // The same command, without NETLINK_CAP_ACK.
  const whole =
    '78000000 0200 0002 07000000 51380000 eaffffff 380000001c0005040700000000000000 020000000100000080000000' +
    '080001000a000001 0a0002000000000000000000 08000f0001000000' +
    '2b000100 496e76616c6964204e54465f2a20666c616720666f72207065726d616e656e7420656e74727900 00'
  const [message] = parseMessages(bytes(whole))
  if (message === undefined) return t.fail()
  t.regex(kernelError(message, 'it')?.message ?? '', /Invalid NTF_\* flag for permanent entry/)
})

test('netlink: writes a request as rtnetlink(7) draws it', (t) => {
  const { type, payload } = routeRequest('10.88.0.1', 0x1000)
  t.is(type, 26)
  t.deepEqual(payload, bytes('022000000000000000100000 080001000a580001'))
  t.deepEqual(
    encodeMessage({ type: 26, flags: 5, sequence: 9, payload: bytes('01') }),
    bytes('11000000 1a00 0500 09000000 00000000 01000000'),
  )
  t.deepEqual(encodePayload(bytes('0102'), [u32(15, 1)]), bytes('01020000 08000f0001000000'))
})

test('routes: reads gateway, source and device', (t) => {
  t.deepEqual(parseEgress(bytes(viaGateway), '10.88.0.1', nameOf), {
    source: '10.77.0.1',
    device: 'device3',
    ifindex: 3,
    nextHop: '10.77.0.254',
  })
  t.like(parseEgress(bytes(onLink), 'fd77::5', nameOf), { source: 'fd77::1', nextHop: 'fd77::5', ifindex: 3 })
  t.like(parseEgress(bytes(ownAddress), '10.77.0.1', nameOf), { nextHop: '10.77.0.1', ifindex: 1 })
})

test('routes: reads every path, a gateway of the other family too', (t) => {
  t.deepEqual(parsePaths(bytes(twoPaths), '10.99.0.1'), [
    { ifindex: 3, nextHop: '10.77.0.253' },
    { ifindex: 3, nextHop: 'fd77::fe' },
  ])
  t.deepEqual(parsePaths(bytes(onLink), 'fd77::5'), [{ ifindex: 3, nextHop: 'fd77::5' }])
  t.deepEqual(parsePaths(bytes(ownAddress), '10.77.0.1'), [])
})

test('routes: refuses a next hop whose length lies', (t) => {
  for (const length of ['0000', '0700', 'ff00'])
    t.throws(() => parsePaths(bytes(twoPaths.replace('1000000003000000', `${length}000003000000`)), '10.99.0.1'), {
      instanceOf: MalformedMessage,
    })
})

test('neighbours: reads who is fixed, who is managed, and who has a MAC address', (t) => {
  t.deepEqual(parseNeighbour(bytes(permanent)), {
    ifindex: 3,
    address: '10.77.0.8',
    mac: '020000000008',
    fixed: true,
    managed: false,
    externallyLearned: false,
    protocol: 0,
  })
  t.like(parseNeighbour(bytes(managed)), { address: '10.77.0.9', mac: null, fixed: false, managed: true })
  t.is(parseNeighbour(bytes(permanent.replace('02', '07'))), null, 'a forwarding entry of a bridge')
})

test('addresses: reads address and owner', (t) => {
  t.deepEqual(parseAddressMessage(bytes(ipv4Address)), { address: '10.77.0.1', ifindex: 3, protocol: 0, metric: 0 })
  t.like(parseAddressMessage(bytes(linkLocal)), { address: 'fe80::ff:fe00:1', protocol: 3 })
})

test('links: reads a device', (t) => {
  t.deepEqual(parseLink(bytes(link)), {
    name: 'eth0',
    ifindex: 3,
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    up: true,
    mtu: 1500,
    resolves: true,
  })
})

test('xdp features: finds the family and the group that hears of changes', (t) => {
  t.deepEqual(parseFamily(bytes(family)), { id: 20, changes: 4 })
  t.deepEqual(parseFamily(bytes(family.replace('6d676d74', '6e6f6e65'))), { id: 20, changes: null })
})

test('xdp features: a device transmits when it has the bit for it', (t) => {
  t.true(transmits(bytes('01010000 0800010003000000 0c0003006700000000000000')))
  t.false(transmits(bytes('01010000 0800010003000000 0c0003002300000000000000')))
  t.false(transmits(bytes('01010000 0800010003000000')))
})

test('netlink: every truncation of a message is refused or read without it', (t) => {
  const readers: readonly (readonly [string, (payload: Uint8Array) => unknown])[] = [
    [viaGateway, (payload) => parseEgress(payload, '10.88.0.1', nameOf)],
    [twoPaths, (payload) => parsePaths(payload, '10.99.0.1')],
    [permanent, parseNeighbour],
    [ipv4Address, parseAddressMessage],
    [link, parseLink],
    [family, parseFamily],
  ]
  for (const [hex, read] of readers) {
    const whole = bytes(hex)
    for (let length = 0; length < whole.length; length++) {
      try {
        read(whole.subarray(0, length))
      } catch (error) {
        t.true(error instanceof MalformedMessage, `${length} of ${hex}: ${String(error)}`)
      }
    }
  }
  t.throws(() => addressText(bytes('0102')), { instanceOf: MalformedMessage })
  t.is(listAttributes(bytes(''), 0).length, 0)
})
