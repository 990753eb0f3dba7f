import test from 'ava'
import { missing, testWith } from './needs.ts'

testWith(['ip'], 'needs: runs a test whose needs are met', (t) => {
  t.is(missing('ip'), null)
})

test('needs: says the same thing twice about one need', (t) => {
  t.is(missing('tshark'), missing('tshark'))
})
