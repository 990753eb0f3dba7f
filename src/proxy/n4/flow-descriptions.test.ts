import test from 'ava'
import { isEverywhere, isWithin, mayMeet, readSdfFilter } from './flow-descriptions.ts'
import type { SdfFilter } from './flow-descriptions.ts'

const filter = (text: string, flags = 1, rest: readonly number[] = []): SdfFilter =>
  readSdfFilter(Uint8Array.of(flags, 0, 0, text.length, ...Buffer.from(text), ...rest))

const plain: readonly (readonly [string, string])[] = [
  ['permit out ip from 10.1.0.0/16 to assigned', '10.1.0.0/16'],
  ['permit out ip from 10.1.2.3/16 to any', '10.1.0.0/16'],
  ['permit out ip from 198.51.100.7 to assigned', '198.51.100.7/32'],
  ['Permit  out ip from 2001:DB8:5::/48 to assigned', '2001:db8:5::/48'],
]

test('n4: a flow description that names a place and nothing more is plain (TS 29.244, 8.2.5)', (t) => {
  for (const [text, place] of plain) t.deepEqual(filter(text), { flow: { place, isPlain: true }, id: null }, text)
})

const other: readonly (readonly [string, string | null])[] = [
  ['permit out 17 from 10.1.0.0/16 to assigned', '10.1.0.0/16'],
  ['permit out ip from 10.1.0.0/16 443 to assigned', '10.1.0.0/16'],
  ['permit out ip from 10.1.0.0/16 to assigned 5000-6000', '10.1.0.0/16'],
  ['permit out ip from 10.1.0.0/16 to assigned frag', '10.1.0.0/16'],
  ['deny out ip from 10.1.0.0/16 to assigned', '10.1.0.0/16'],
  // Perhaps a host behind the user.
  ['permit out ip from 198.51.100.7 to 10.45.0.1', '198.51.100.7/32'],
  ['permit out ip from any to assigned', null],
  ['permit out ip from !10.1.0.0/16 to assigned', null],
  ['permit in ip from assigned to 10.1.0.0/16', null],
  ['permit out ip from 10.1.0.0/99 to assigned', null],
  ['permit out ip', null],
  ['', null],
]

test('n4: a flow description that asks for more is not plain, and may be about the place it names', (t) => {
  for (const [text, place] of other) t.deepEqual(filter(text), { flow: { place, isPlain: false }, id: null }, text)
})

test('n4: a filter with more than a flow description is not plain, and one with an id alone is another one', (t) => {
  const text = 'permit out ip from 10.1.0.0/16 to assigned'
  const flow = { place: '10.1.0.0/16', isPlain: true }
  t.deepEqual(filter(text, 17, [0, 0, 1, 0]), { flow, id: 256 })
  t.deepEqual(filter(text, 3, [8, 0xfc]), { flow: { ...flow, isPlain: false }, id: null })
  t.deepEqual(readSdfFilter(Uint8Array.of(16, 0, 0, 0, 0, 7)), { flow: null, id: 7 })
  const unknown = { flow: { place: null, isPlain: false }, id: null }
  for (const bytes of [[], [0], [0, 0], [1, 0], [1, 0, 0], [1, 0, 0, 9, 112], [8, 0, 0, 0, 1]])
    t.deepEqual(readSdfFilter(Uint8Array.from(bytes)), unknown, bytes.join(' '))
})

test('n4: places meet when one is in the other, and what is not known may be anywhere', (t) => {
  t.true(mayMeet('10.0.0.0/8', '10.1.0.0/16'))
  t.true(mayMeet('10.1.0.0/16', '10.0.0.0/8'))
  t.false(mayMeet('10.1.0.0/16', '10.2.0.0/16'))
  t.false(mayMeet('10.1.0.0/16', '2001:db8::/32'))
  t.true(mayMeet(null, '10.2.0.0/16'))
  t.deepEqual([isWithin('10.1.0.0/16', '10.0.0.0/8'), isWithin('10.0.0.0/8', '10.1.0.0/16')], [true, false])
  t.deepEqual(['0.0.0.0/0', '::/0', '0.0.0.0/1', '10.0.0.0/8'].map(isEverywhere), [true, true, false, false])
})
