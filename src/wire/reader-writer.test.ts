import test from 'ava'
import fc from 'fast-check'
import { DecodeError, inElement } from './decode-error.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'
import type { ExecutionContext } from 'ava'

const reading = (t: ExecutionContext, read: () => unknown): DecodeError => t.throws(read, { instanceOf: DecodeError })

test('reader: reads numbers of every width in network order', (t) => {
  const reader = new Reader(Uint8Array.from({ length: 1 + 2 + 3 + 4 + 8 + 5 }, (_, index) => 0xf1 + (index % 14)))
  t.is(reader.u8(), 0xf1)
  t.is(reader.u16(), 0xf2f3)
  t.is(reader.u24(), 0xf4f5f6)
  t.is(reader.u32(), 0xf7f8f9fa)
  t.is(reader.u64(), 0xfbfcfdfef1f2f3f4n)
  t.is(reader.uint(5), 0xf5f6f7f8f9)
  t.is(reader.left, 0)
})

test('reader: nothing is read beyond the end, and what failed has read nothing', (t) => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 4), 1, 3)
  for (const read of [() => reader.u32(), () => reader.take(3), () => reader.part(3), () => reader.skip(3)]) {
    const { offset, reason } = reading(t, read)
    t.deepEqual([reason, offset], ['truncated', 3])
  }
  t.is(reader.u16(), 0x0203)
  reading(t, () => reader.u8())
  reading(t, () => reader.bits(1))
  reading(t, () => reader.peek())
  reading(t, () => new Reader(Uint8Array.of(1), 0, 2))
})

test('reader: a part counts its offsets as the whole does, and ends where it ends', (t) => {
  const reader = new Reader(Uint8Array.of(9, 1, 2, 9))
  reader.skip(1)
  const part = reader.part(2)
  t.is(part.u16(), 0x0102)
  part.finish()
  t.deepEqual([part.at, reader.at, reader.left], [3, 3, 1])
  const { offset, reason } = reading(t, () => reader.finish())
  t.deepEqual([reason, offset], ['bytes left over', 3])
})

test('reader: byte strings are views', (t) => {
  const bytes = Uint8Array.of(1, 2, 3)
  const taken = new Reader(bytes).take(2)
  bytes[0] = 7
  t.deepEqual([...taken], [7, 2])
})

test('reader: bits come from the highest on, and padding must be zero', (t) => {
  const reader = new Reader(Uint8Array.of(0b101_00110, 0b1_0000000, 0xaa, 0b11_000001))
  t.is(reader.bits(3), 0b101)
  t.is(reader.bits(6), 0b001101)
  reader.align()
  t.is(reader.u8(), 0xaa)
  t.is(reader.bits(2), 3)
  t.is(reader.left, 0)
  const { offset, reason } = reading(t, () => reader.align())
  t.deepEqual([reason, offset], ['padding is not zero', 3])
})

test('decode error: says in which elements the byte stands', (t) => {
  const error = reading(t, () =>
    inElement('Create PDR', () => inElement('PDI', () => new Reader(Uint8Array.of(1)).u32())),
  )
  t.deepEqual(error.path, ['Create PDR', 'PDI'])
  t.is(error.message, 'Create PDR > PDI: truncated at byte 1')
})

test('writer: what it writes is what the reader reads', (t) => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('bits' as const), count: fc.integer({ min: 1, max: 32 }), value: fc.nat() }),
    fc.record({ kind: fc.constant('uint' as const), count: fc.integer({ min: 1, max: 6 }), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant('put' as const), bytes: fc.uint8Array({ maxLength: 300 }) }),
  )
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const writer = new Writer()
      for (const each of fields) {
        if (each.kind === 'bits') writer.bits(each.count, each.value % 2 ** each.count)
        else if (each.kind === 'uint') writer.align().uint(each.count, each.value % 256 ** each.count)
        else writer.align().put(each.bytes)
      }
      const bytes = writer.done()
      const reader = new Reader(bytes)
      for (const each of fields) {
        if (each.kind !== 'bits') reader.align()
        if (each.kind === 'bits') t.is(reader.bits(each.count), each.value % 2 ** each.count)
        else if (each.kind === 'uint') t.is(reader.uint(each.count), each.value % 256 ** each.count)
        else t.deepEqual([...reader.take(each.bytes.length)], [...each.bytes])
      }
      reader.finish()
    }),
    { numRuns: 200 },
  )
})

test('writer: what has no room is refused, and lengths are filled in later', (t) => {
  const writer = new Writer().u16(0).u64(2n ** 64n - 1n)
  for (const write of [
    () => writer.u8(256),
    () => writer.u16(-1),
    () => writer.u32(2 ** 32),
    () => writer.u64(2n ** 64n),
    () => writer.bits(3, 8),
    () => writer.fill(9, 2, 1),
    () => writer.u8(1.5),
  ])
    t.throws(write, { instanceOf: RangeError })
  t.is(Buffer.from(writer.fill(0, 2, 0x1234).done()).toString('hex'), '1234ffffffffffffffff')
})
