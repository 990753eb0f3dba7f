import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { Reader } from '../../wire/reader.ts'
import { bytesOf, hexOf } from '../../testing/protocol-suite.ts'
import { definitionsOf } from './definitions.ts'
import { readOctets, writeOctets } from './lengths.ts'
import { addressesOf, plmnIdentity, transportLayerAddress } from './network.ts'
import { bitString, bits, boundedOctets, enumerated, integer, octetNumber, octets, text } from './scalars.ts'
import { choice, containing, elementSequence, extension, list, optional, sequence, visited } from './structures.ts'
import { readAll, writeAll } from './type.ts'
import type { Type } from './type.ts'
import { Writer } from '../../wire/writer.ts'

/** Worked by hand after X.691, aligned variant. */
const worked: readonly (readonly [string, Type<unknown>, unknown, string])[] = [
  ['one value takes no bit', integer(5, 5), 5, ''],
  ['four values take two bits', integer(0, 3), 2, '80'],
  ['255 values take eight bits', integer(1, 255), 255, 'fe'],
  ['256 values take a byte', sequence({ a: bits(1), b: integer(0, 255) }), { a: 1, b: 7 }, '2007'],
  ['257 values take two bytes', integer(0, 256), 256, '0100'],
  ['65,536 values take two bytes', integer(0, 65_535), 258, '0102'],
  ['more values take a length', integer(0, 2 ** 40 - 1), 258, '200102'],
  ['a value before the mark of extension', integer(0, 63, { extensible: true }), 5, '0a'],
  ['an enumeration', enumerated(['a', 'b', 'c']), 'c', '80'],
  ['an enumeration before its mark', enumerated(['a', 'b', 'c'], ['d']), 'c', '40'],
  ['an enumeration behind its mark', enumerated(['a', 'b', 'c'], ['d']), 'd', '80'],
  ['one that has no name yet', enumerated(['a', 'b', 'c'], ['d']), 6, '83'],
  ['a short bit string stands where it is', sequence({ a: bits(6), b: bits(10) }), { a: 1, b: 2 }, '010080'],
  ['a long one at a whole byte', bitString(20, 20), { length: 20, bytes: bytesOf('123450') }, '123450'],
  ['one of any size', bitString(1, 160), { length: 3, bytes: bytesOf('a0') }, '02a0'],
  ['two octets stand where they are', sequence({ a: octetNumber(2) }), { a: 0x8001 }, '200040'],
  ['three octets at a whole byte', sequence({ a: octetNumber(3) }), { a: 0x8001 }, '00008001'],
  ['octets', octets(4), bytesOf('01020304'), '01020304'],
  ['octets with bounds', boundedOctets(3, 8), bytesOf('010203'), '00010203'],
  ['text', text(1, 150), 'ab', '00806162'],
  ['a list of few', list(bits(2), 1, 4), [1, 2, 3], '9b'],
  ['a list of many', list(bits(8), 1, 1024), [1, 2], '00010102'],
  ['a list without a bound that counts', list(bits(8), 1, 65_536), [1, 2], '020102'],
  ['an optional field that is there', sequence({ a: optional(bits(2)) }), { a: 3 }, '58'],
  ['an optional field that is not', sequence({ a: optional(bits(2)) }), {}, '00'],
  ['an alternative', choice({ a: bits(1), b: bits(3) }), { kind: 'b', value: 5 }, 'd0'],
  [
    'an alternative before its mark',
    choice({ a: bits(1), b: bits(3) }, { extensible: true }),
    { kind: 'b', value: 5 },
    '68',
  ],
  [
    'the alternative for later ones',
    choice({ a: bits(1), extension }),
    { kind: 'extension', value: { id: 7, criticality: 'ignore', value: bytesOf('aa') } },
    '8000074001aa',
  ],
  [
    'extensions of a sequence',
    sequence({ a: bits(2) }),
    { a: 1, extensions: [{ id: 7, criticality: 'reject', value: bytesOf('') }] },
    '50000000070000',
  ],
  ['a PLMN identity', plmnIdentity, 0x00f110, '00f110'],
]

test('aper: values are written as X.691 says, and read back', (t) => {
  for (const [title, type, value, hex] of worked) {
    t.is(hexOf(writeAll(type, value)), hex, title)
    t.deepEqual(readAll(type, bytesOf(hex)), value, title)
  }
})

test('aper: a value that is not in its only form, or not all of the bytes, is refused', (t) => {
  const reason = (type: Type<unknown>, hex: string): string | undefined =>
    t.throws(() => readAll(type, bytesOf(hex)), { instanceOf: DecodeError })?.reason
  t.is(reason(integer(1, 255), 'ff'), 'value out of range')
  t.is(reason(integer(0, 2 ** 40 - 1), '200001'), 'number is not in its shortest form')
  t.is(reason(integer(0, 2 ** 40 - 1), 'a00001'), 'value out of range')
  t.is(reason(integer(0, 3), '81'), 'padding is not zero')
  t.is(reason(integer(0, 3), '8000'), 'bytes left over')
  t.is(reason(integer(0, 63, { extensible: true }), '80'), 'unknown extension')
  t.is(reason(enumerated(['a', 'b', 'c']), 'c0'), 'value out of range')
  t.is(reason(enumerated(['a'], []), 'c0'), 'unknown extension')
  t.is(reason(sequence({ a: bits(1) }), '80'), 'unknown extension')
  t.is(reason(list(bits(8), 1, 65_536), '00'), 'too few items')
  t.is(reason(list(bits(8), 2, 65_536), 'c4'), 'truncated')
})

test('aper: a value that has no room is our own mistake', (t) => {
  const instanceOf = RangeError
  t.throws(() => writeAll(integer(0, 3), 4), { instanceOf })
  t.throws(() => writeAll(enumerated(['a']), 'b'), { instanceOf })
  t.throws(() => writeAll(enumerated(['a'], []), 65), { instanceOf })
  t.throws(() => writeAll(text(1, 150), ''), { instanceOf })
  t.throws(() => writeAll(text(1, 150), '\u{100}'), { instanceOf })
  t.throws(() => writeAll(octets(4), new Uint8Array(3)), { instanceOf })
  t.throws(() => writeAll(list(bits(1), 1, 4), []), { instanceOf })
  t.throws(() => writeAll(bitString(1, 9), { length: 9, bytes: new Uint8Array(1) }), { instanceOf })
})

test('aper: lengths are in their shortest form, beyond 16,383 in fragments', (t) => {
  const starts = new Map([
    [0, '00'],
    [127, '7f'],
    [128, '8080'],
    [16_383, 'bfff'],
    [16_384, 'c1'],
    [65_535, 'c3'],
    [65_536, 'c4'],
    [200_000, 'c4'],
  ])
  for (const [length, start] of starts) {
    const bytes = new Uint8Array(length).map((_, at) => at * 7)
    const to = new Writer()
    writeOctets(to, bytes)
    const wire = to.done()
    t.true(hexOf(wire).startsWith(start), `${length}`)
    const from = new Reader(wire)
    t.deepEqual(Buffer.from(readOctets(from)), Buffer.from(bytes))
    t.is(from.left, 0)
  }
})

test('aper: whatever a transport layer address is, it is kept; as text it is one address, two or none', (t) => {
  const address = (hex: string): readonly string[] => addressesOf({ length: hex.length * 4, bytes: bytesOf(hex) })
  t.deepEqual(address('0a000001'), ['10.0.0.1'])
  t.deepEqual(address('20010db8000000000000000000000001'), ['2001:db8::1'])
  t.deepEqual(address('0a00000120010db8000000000000000000000001'), ['10.0.0.1', '2001:db8::1'])
  t.deepEqual(address('0a0000'), [])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 160 }), fc.uint8Array({ minLength: 20, maxLength: 20 }), (length, random) => {
      const bytes = random.slice(0, (length + 7) >> 3)
      bytes[bytes.length - 1]! &= 0xff << (-length & 7)
      const value = { length, bytes }
      t.deepEqual(readAll(transportLayerAddress, writeAll(transportLayerAddress, value)), value)
    }),
  )
})

test('aper: a visitor meets all that is inside, and what it changes is written', (t) => {
  const number = visited(integer(0, 255), (id, visitor) => visitor.ue?.('ran-ue', id) ?? id)
  const inner = elementSequence(definitionsOf(new Map([[1, 'One']]), [[1, number]]))
  const type = list(sequence({ number, inside: containing(inner) }), 1, 9)
  const wire = '0007080000010001000105'
  const value = readAll(type, bytesOf(wire))
  const met: number[] = []
  t.is(type.visit(value, { ue: (_, id) => (met.push(id), id) }), value)
  t.deepEqual(met, [7, 5])
  t.is(
    hexOf(writeAll(type, type.visit(value, { ue: (_, id) => id + 1 }))),
    wire.replace('07', '08').replace(/05$/, '06'),
  )
  t.deepEqual(type.show(value), [{ number: 7, inside: { one: 5 } }])
})
