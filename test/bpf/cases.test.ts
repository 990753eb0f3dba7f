// Every BPF case under both hooks, on one test bed for each size of the flow table.

import test from 'ava'
import { testWith } from '../../src/testing/needs.ts'
import { openBed, type Bed } from './bed.ts'
import type { Case } from './case.ts'
import { flowCases } from './cases/flows.ts'
import { limitCases } from './cases/limits.ts'
import { refuseCases } from './cases/refuse.ts'
import { routeCases } from './cases/route.ts'
import { selectCases } from './cases/select.ts'
import { translateCases } from './cases/translate.ts'
import { runCase } from './run-case.ts'

const groups: Readonly<Record<string, readonly Case[]>> = {
  translate: translateCases,
  refuse: refuseCases,
  route: routeCases,
  flows: flowCases,
  limits: limitCases,
  select: selectCases,
}

const needs = ['root', 'bpf', 'netns'] as const
const beds = new Map<number, Promise<Bed>>()

function bedFor(flows: number): Promise<Bed> {
  const known = beds.get(flows) ?? openBed({ flows })
  beds.set(flows, known)
  return known
}

/** Cases take turns: a bed runs one at a time. */
let turn: Promise<unknown> = Promise.resolve()

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work)
  turn = result.catch(() => {})
  return result
}

test.after.always(async () => {
  for (const bed of beds.values()) await (await bed).close()
})

testWith(needs, 'bpf: the verifier walks at most 100,000 instructions of each program', async (t) => {
  const bed = await bedFor(256)
  for (const [program, instructions] of Object.entries(await bed.verifiedInstructions())) {
    t.log(`${program}: ${instructions}`)
    t.true(instructions > 0 && instructions <= 100_000, `${program}: ${instructions}`)
  }
})

for (const [group, cases] of Object.entries(groups)) {
  for (const testCase of cases) {
    for (const hook of testCase.hooks ?? (['xdp', 'tc'] as const)) {
      testWith(needs, `bpf: ${group}: ${testCase.name} (${hook})`, async (t) => {
        await inTurn(async () => runCase(t, await bedFor(testCase.flows ?? 256), hook, testCase))
        t.pass()
      })
    }
  }
}
