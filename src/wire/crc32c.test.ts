import test from 'ava'
import fc from 'fast-check'
import { crc32c, move, power, powers } from './crc32c.ts'

const text = (characters: string): Uint8Array => Uint8Array.from(Buffer.from(characters))

test('crc32c: agrees with the vectors of RFC 3720, appendix B.4, and the usual one', (t) => {
  t.is(crc32c(text('123456789')), 0xe3069283)
  t.is(crc32c(new Uint8Array()), 0)
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  t.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c)
})

test('crc32c: powers are 1, x^8, x^16, x^24 and then what the polynomial leaves of x^32', (t) => {
  t.deepEqual([0, 1, 2, 3, 4].map(power), [0x80000000, 0x800000, 0x8000, 0x80, 0x82f63b78])
})

test('crc32c: powers one after the other are those of each number', (t) => {
  const all = [...powers(16_384)]
  for (const n of [0, 1, 2, 3, 255, 256, 1399, 1400, 9000, 16_383]) t.is(all[n], power(n), `${n}`)
  t.is(all.length, 16_384)
})

test('crc32c: a change that is moved to its place gives the checksum that a recomputation gives', (t) => {
  const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength, maxLength })
  fc.assert(
    fc.property(bytes(0, 30), bytes(4, 4), bytes(4, 4), bytes(0, 3000), (before, old, changed, after) => {
      const whole = (middle: Uint8Array): Uint8Array => Uint8Array.from([...before, ...middle, ...after])
      // What stands before the change does not matter, and a difference has neither start value nor inversion.
      const change = crc32c(old) ^ crc32c(changed)
      t.is((crc32c(whole(old)) ^ move(change, after.length)) >>> 0, crc32c(whole(changed)))
    }),
  )
})

test('crc32c: moving twice is moving by the sum', (t) => {
  const length = fc.nat(100_000)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), length, length, (change, a, b) => {
      t.is(move(move(change, a), b), move(change, a + b))
    }),
  )
})
