import test from 'ava'
import fc from 'fast-check'
import { internetChecksum, onesComplementSum, pseudoHeaderSum } from './checksum.ts'

test('checksum: is that of the example in RFC 1071', (t) => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
  t.is(onesComplementSum(bytes), 0xddf2)
  t.is(internetChecksum(bytes), 0x220d)
})

test('checksum: is that of a captured IPv4 header', (t) => {
  const header = Uint8Array.from(Buffer.from('450000730000400040110000c0a80001c0a800c7', 'hex'))
  t.is(internetChecksum(header), 0xb861)
})

test('checksum: counts an odd last byte as the upper half of a word', (t) => {
  t.is(onesComplementSum(Uint8Array.of(0x12, 0x34, 0x56)), 0x1234 + 0x5600)
})

test('checksum: of bytes that contain their own checksum is zero', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 3000 }), fc.nat(0xffff), (bytes, initial) => {
      bytes[2] = bytes[3] = 0
      const sum = internetChecksum(bytes, initial)
      bytes[2] = sum >> 8
      bytes[3] = sum & 0xff
      return internetChecksum(bytes, initial) === 0
    }),
  )
  t.pass()
})

test('checksum: the pseudo header has the addresses, the protocol and the length', (t) => {
  const sum = pseudoHeaderSum(Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2), 17, 0x0102)
  t.is(sum, 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 0x0102)
})
