import test from 'ava'
import fc from 'fast-check'
import { isIP, isIPv6 } from 'node:net'
import {
  addressBytes,
  canonicalAddress,
  canonicalPrefix,
  classify,
  formatAddress,
  formatPrefix,
  isMappedIPv4,
  parseAddress,
  parsePrefix,
  prefixContains,
} from './ip.ts'

const hex = (text: string): string => Buffer.from(addressBytes(text)).toString('hex')

test('ip: an IPv4 address is sixteen bytes behind ::ffff:', (t) => {
  t.is(hex('10.1.2.255'), '00000000000000000000ffff0a0102ff')
  t.is(hex('0.0.0.0'), '00000000000000000000ffff00000000')
  t.is(hex('255.255.255.255'), '00000000000000000000ffffffffffff')
  t.true(isMappedIPv4(addressBytes('10.1.2.3')))
})

const ipv6Vectors: readonly (readonly [string, string, string])[] = [
  ['::', '00000000000000000000000000000000', '::'],
  ['::1', '00000000000000000000000000000001', '::1'],
  ['1::', '00010000000000000000000000000000', '1::'],
  ['2001:DB8::1', '20010db8000000000000000000000001', '2001:db8::1'],
  ['2001:0db8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8:1:1:1:1:1::', '20010db8000100010001000100010000', '2001:db8:1:1:1:1:1:0'],
  ['::2:3:4:5:6:7:8', '00000002000300040005000600070008', '0:2:3:4:5:6:7:8'],
  ['1:0:0:2:0:0:0:3', '00010000000000020000000000000003', '1:0:0:2::3'],
  ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304', '1:2:3:4:5:6:102:304'],
  ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '192.0.2.1'],
  ['::ffff:c000:201', '00000000000000000000ffffc0000201', '192.0.2.1'],
  ['::1.2.3.4', '00000000000000000000000001020304', '::102:304'],
]

for (const [text, bytes, canonical] of ipv6Vectors) {
  test(`ip: ${text} has its bytes and prints as ${canonical}`, (t) => {
    t.is(hex(text), bytes)
    t.is(formatAddress(Buffer.from(bytes, 'hex')), canonical)
    t.is(canonicalAddress(text), canonical)
  })
}

const notAddresses = [
  '',
  '10.1',
  '10.0.0.01',
  '010.0.0.1',
  '0x0a.0.0.1',
  '167772161',
  '1.2.3.256',
  '1.2.3.4.5',
  '1.2.3.4 ',
  ' 1.2.3.4',
  '1.2.3.4/24',
  '1.2.3.-4',
  ':',
  ':::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '12345::',
  'fe80::1%eth0',
  '[::1]',
  '::1.2.3.04',
  'localhost',
]

for (const text of notAddresses) {
  test(`ip: refuses ${JSON.stringify(text)}`, (t) => {
    t.is(parseAddress(text), undefined)
    t.is(canonicalAddress(text), undefined)
  })
}

test('ip: every sixteen bytes survive text and back', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = formatAddress(bytes)
      return isIP(text) !== 0 && Buffer.from(addressBytes(text)).equals(Buffer.from(bytes))
    }),
  )
  t.pass()
})

test('ip: prints the same IPv6 text as the URL standard does', (t) => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const text = groups.map((one) => one.toString(16)).join(':')
      const bytes = addressBytes(text)
      if (!isIPv6(formatAddress(bytes))) return true // an IPv4 address in disguise
      return new URL(`http://[${text}]/`).hostname === `[${formatAddress(bytes)}]`
    }),
  )
  t.pass()
})

test('ip: reads and prints an address in the middle of a buffer', (t) => {
  const buffer = new Uint8Array(40)
  buffer.set(addressBytes('2001:db8::7'), 3)
  buffer.set(addressBytes('192.0.2.9'), 21)
  t.is(formatAddress(buffer, 3), '2001:db8::7')
  t.is(formatAddress(buffer, 21), '192.0.2.9')
  t.is(classify(buffer, 21), 'unicast')
  t.throws(() => formatAddress(buffer, 25))
})

const kinds: readonly (readonly [string, string])[] = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'reserved'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.255', 'loopback'],
  ['169.254.1.1', 'link-local'],
  ['169.255.1.1', 'unicast'],
  ['223.255.255.255', 'unicast'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['10.0.0.1', 'unicast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::2', 'unicast'],
  ['fe80::1', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'unicast'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'unicast'],
]

for (const [text, kind] of kinds) {
  test(`ip: ${text} is ${kind}`, (t) => {
    t.is(classify(addressBytes(text)), kind as ReturnType<typeof classify>)
  })
}

test('ip: a prefix contains its addresses and no others', (t) => {
  const inside = (prefix: string, address: string): boolean => {
    const parsed = parsePrefix(prefix)
    return parsed !== undefined && prefixContains(parsed, addressBytes(address))
  }
  t.true(inside('10.0.0.0/8', '10.255.0.1'))
  t.false(inside('10.0.0.0/8', '11.0.0.0'))
  t.true(inside('192.0.2.128/25', '192.0.2.200'))
  t.false(inside('192.0.2.128/25', '192.0.2.127'))
  t.true(inside('0.0.0.0/0', '255.255.255.255'))
  t.false(inside('0.0.0.0/0', '2001:db8::1'))
  t.true(inside('::/0', '2001:db8::1'))
  t.true(inside('2001:db8::/33', '2001:db8:7fff::1'))
  t.false(inside('2001:db8::/33', '2001:db8:8000::1'))
  t.true(inside('192.0.2.1', '192.0.2.1'))
  t.false(inside('192.0.2.1', '192.0.2.0'))
})

test('ip: a prefix prints as it is written', (t) => {
  for (const text of ['10.0.0.0/8', '0.0.0.0/0', '192.0.2.1/32', '::/0', '2001:db8::/32', '::1/128']) {
    const prefix = parsePrefix(text)
    t.is(prefix === undefined ? undefined : formatPrefix(prefix), text)
  }
})

test('ip: a prefix with host bits has a canonical form without them', (t) => {
  t.is(canonicalPrefix('10.1.2.3/8'), '10.0.0.0/8')
  t.is(canonicalPrefix('10.1.2.3'), '10.1.2.3/32')
  t.is(canonicalPrefix('2001:DB8::1/64'), '2001:db8::/64')
  t.is(canonicalPrefix('2001:db8::1'), '2001:db8::1/128')
  for (const text of ['', '/8', '10.0.0.0/33', '10.0.0.0/', 'x/8']) t.is(canonicalPrefix(text), undefined, text)
})

for (const text of [
  '10.0.0.1/8',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '::/129',
  '2001:db8::1/64',
  '/8',
]) {
  test(`ip: refuses the prefix ${text}`, (t) => {
    t.is(parsePrefix(text), undefined)
  })
}
