import test from 'ava'
import { matches, median, table } from './report.ts'

test('bench: the median of an even number of values lies between the two in the middle', (t) => {
  t.is(median([9, 1, 5]), 5)
  t.is(median([10, 1, 2, 4]), 3)
})

test('bench: a pattern is meant for the name of a row, or for hook and name', (t) => {
  t.true(matches('*-1m', 'xdp', 'dnat44-established-tcp-1m'))
  t.true(matches('tc/*', 'tc', 'floor'))
  t.false(matches('tc/*', 'xdp', 'floor'))
  t.false(matches('floor', 'xdp', 'floor-1m'))
  t.true(matches('*-???', 'xdp', 'snat44-reverse-udp'))
})

test('bench: columns of a table are as wide as their widest cell', (t) => {
  const lines = table(
    [
      { title: 'case', align: 'left' },
      { title: 'ns', align: 'right' },
    ],
    [
      ['a', '1234'],
      ['floor', '5'],
    ],
  )
  t.deepEqual(lines, ['case     ns', 'a      1234', 'floor     5'])
})
