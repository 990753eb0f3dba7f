import test from 'ava'
import { TapReader } from './tap.ts'

const read = (lines: readonly string[], exitCode: number) => {
  const reader = new TapReader('unit: ')
  for (const line of lines) reader.read(line)
  return reader.finish(exitCode)
}

test('tap: counts what passed, failed and was skipped', (t) => {
  const lines = [
    'TAP version 13',
    'ok 1 - a › adds - even with dashes',
    'not ok 2 - b',
    '  ---',
    '  name: AssertionError',
    '  ...',
    'ok 3 - c (needs root: not run as root) # SKIP',
    'not ok 4 - d # TODO',
    '',
    '1..4',
    '# tests 3',
    '# fail 1',
  ]
  t.deepEqual(read(lines, 1), {
    passed: 1,
    failed: ['unit: b'],
    skipped: ['unit: c (needs root: not run as root)', 'unit: d'],
  })
})

test('tap: a runner that fails without a failed test is a failure', (t) => {
  t.deepEqual(read(['TAP version 13', 'ok 1 - a', '1..1'], 1).failed, ['unit: ava ended with exit code 1'])
})

test('tap: a runner that ends before its plan is a failure', (t) => {
  t.deepEqual(read(['TAP version 13', 'ok 1 - a'], 0).failed, ['unit: ava ended with exit code 0'])
})
