// A short run of the fuzzer over each subject, and the fuzzer itself with subjects that are wrong.

import test from 'ava'
import { drawFrom } from '../../../test/bpf/random/draw.ts'
import { fuzzSubject } from './index.ts'
import { mutate, shortest } from './mutate.ts'
import { subjectNames } from './subjects.ts'

const inputs = 1500
const hangMs = 3000

for (const name of subjectNames) {
  test.serial(`fuzz: ${name}: nothing is found in ${inputs} inputs`, async (t) => {
    t.timeout(120_000)
    const report = await fuzzSubject(name, { seconds: 60, inputs, seed: 1 })
    t.is(report.kind === 'finding' ? report.problem : null, null)
  })
}

const wrong = [
  ['planted:throws', /not a DecodeError/],
  ['planted:loops', /does not end/],
  ['planted:changes', /written as/],
  ['planted:forgets', /key of imsi is empty/],
] as const

for (const [name, expected] of wrong) {
  test.serial(`fuzz: finds a plugin that is wrong: ${name}`, async (t) => {
    t.timeout(60_000)
    const report = await fuzzSubject(name, { seconds: 30, inputs: 1_000_000, seed: 1 }, hangMs)
    t.is(report.kind, 'finding')
    if (report.kind === 'finding') t.regex(report.problem, expected)
  })
}

test('fuzz: the same seed changes an input in the same way', (t) => {
  const input = Uint8Array.from({ length: 40 }, (_, at) => at)
  const changed = (seed: number): readonly string[] => {
    const draw = drawFrom(seed)
    return Array.from({ length: 50 }, () => mutate(draw, input, [input]).toString('hex'))
  }
  t.deepEqual(changed(7), changed(7))
  t.notDeepEqual(changed(7), changed(8))
})

test('fuzz: a finding is made shorter while it stays one', (t) => {
  const input = Uint8Array.from({ length: 300 }, (_, at) => at)
  t.deepEqual([...shortest(input, (bytes) => bytes.includes(77) && bytes.includes(200))], [77, 200])
})
