import test from 'ava'
import { canonicalTeidRange, parseTeidRange, teidRangesOverlap } from './teid-range.ts'

test('teid range: the first id and the bits in common', (t) => {
  t.deepEqual(parseTeidRange('0x10000000/4'), { first: 0x10000000, bits: 4 })
  t.deepEqual(parseTeidRange('0xFFFFFFFF/32'), { first: 0xffffffff, bits: 32 })
  t.deepEqual(parseTeidRange('0x0/1'), { first: 0, bits: 1 })
  t.is(canonicalTeidRange('0xA0000000/3'), '0xa0000000/3')
  t.is(canonicalTeidRange('0x0/1'), '0x00000000/1')
})

test('teid range: bits behind the prefix, no bits, and too many are none', (t) => {
  for (const text of ['0x18000000/4', '0x0/0', '0x0/33', '10000000/4', '0x100000000/4', '0x1/4', ''])
    t.is(parseTeidRange(text), undefined, text)
})

test('teid range: two overlap when one TEID is in both', (t) => {
  const overlap = (a: string, b: string): boolean => teidRangesOverlap(parseTeidRange(a)!, parseTeidRange(b)!)
  t.true(overlap('0x10000000/4', '0x18000000/5'))
  t.true(overlap('0x18000000/5', '0x10000000/4'))
  t.false(overlap('0x10000000/4', '0x20000000/4'))
  t.false(overlap('0xf0000000/4', '0x0/1'))
})
