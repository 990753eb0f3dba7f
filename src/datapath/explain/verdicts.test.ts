// Every verdict has words, and the guide has the same ones.

import test from 'ava'
import { readFileSync } from 'node:fs'
import { verdictNames } from '../layout.gen.ts'
import { meaningOf } from './verdicts.ts'

const guide = readFileSync(new URL('../../../docs/explain.md', import.meta.url), 'utf8')

test('explain: each verdict has a meaning, and each drop says what to do', (t) => {
  for (const name of verdictNames) {
    const { meaning, advice } = meaningOf(name)
    t.regex(meaning, /^[a-z].*[^.]$/, name)
    if (name.startsWith('drop_')) {
      t.true(meaning.startsWith('dropped: '), name)
      t.true(advice !== null && advice.length > 20, name)
    }
    if (advice !== null) t.regex(advice, /^[A-Z`].*\.$/, name)
  }
})

test('docs: explain.md has the table of verdicts that the command tells', (t) => {
  const rows = verdictNames
    .filter((name) => name !== 'continue')
    .map((name) => {
      const { meaning, advice } = meaningOf(name)
      return `| \`${name}\` | ${meaning} | ${advice ?? ''} |`.replace('|  |', '| |')
    })
  const found = guide.split('\n').filter((line) => /^\| `(forward|pass_|to_tc_|punt|drop_)/.test(line))
  t.deepEqual(found, rows)
})
