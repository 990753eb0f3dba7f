import test from 'ava'
import { table } from './table.ts'

test('table: columns are aligned, headers upper-case, and nothing follows the last cell', (t) => {
  t.is(
    table(
      ['Name', 'State', 'Note'],
      [
        ['a', 'inactive', ''],
        ['long name', 'ok', 'x'],
      ],
    ),
    'NAME        STATE      NOTE\na           inactive\nlong name   ok         x\n',
  )
})

test('table: colours take no room', (t) => {
  const rows = [
    ['\u001b[31mred\u001b[39m', '1'],
    ['four', '2'],
  ]
  t.is(table(['Word', 'N'], rows), 'WORD   N\n\u001b[31mred\u001b[39m    1\nfour   2\n')
})

test('table: the headers can be left out', (t) => {
  t.is(table(['A very long header', 'B'], [['x', 'y']], { headers: false }), 'x   y\n')
})
