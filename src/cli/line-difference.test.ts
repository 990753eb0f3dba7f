// Differences of texts, as people read them.

import test from 'ava'
import fc from 'fast-check'
import { lineDifference } from './line-difference.ts'

test('line difference: equal texts have none', (t) => {
  t.deepEqual(lineDifference('a\nb\n', 'a\nb\n'), [])
})

test('line difference: shows a changed line between two of what is around it', (t) => {
  const before = ['1', '2', '3', '4', '5', '6', '7', ''].join('\n')
  t.deepEqual(lineDifference(before, before.replace('4', 'four')), [
    '@@ line 2 @@',
    ' 2',
    ' 3',
    '-4',
    '+four',
    ' 5',
    ' 6',
  ])
})

test('line difference: places far apart are shown apart', (t) => {
  const lines = Array.from({ length: 40 }, (_, number) => String(number))
  const after = lines.with(3, 'x').toSpliced(30, 1)
  const shown = lineDifference(lines.join('\n'), after.join('\n'))
  t.deepEqual(
    shown.filter((line) => !line.startsWith(' ')),
    ['@@ line 2 @@', '-3', '+x', '@@ line 29 @@', '-30'],
  )
})

test('line difference: what is taken away and added makes one text of the other', (t) => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const shown = lineDifference(before.join('\n'), after.join('\n'))
      const count = (sign: string): number => shown.filter((line) => line.startsWith(sign)).length
      return before.length + count('+') - count('-') === after.length || before.join('\n') === after.join('\n')
    }),
  )
  t.pass()
})

test('line difference: a text that differs in thousands of lines is shown all the same', (t) => {
  const before = Array.from({ length: 3000 }, (_, number) => `a${number}`).join('\n')
  t.is(lineDifference(before, before.replaceAll('a', 'b')).length, 6001)
})
