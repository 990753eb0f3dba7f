// The fast path on the host, as the fuzzer runs it: what it starts from must reach the programs, and pass.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testWith } from '../../src/testing/needs.ts'
import { buildPrograms, runShortly, tell } from '../../scripts/fuzz/programs.ts'
import { writeSeeds } from '../../scripts/fuzz/seeds.ts'

const changes = 3000

for (const hook of ['xdp', 'tc'] as const) {
  testWith(['libfuzzer'], `fuzz: on the host ${hook} stands every seed and some thousand changes of them`, (t) => {
    t.timeout(170_000, 'to build it')
    t.is(runShortly(buildPrograms()[hook], changes), null)
  })

  testWith(['libfuzzer'], `fuzz: on the host every seed has packets that ${hook} sends on`, (t) => {
    t.timeout(170_000, 'to build it')
    const seeds = mkdtempSync(join(tmpdir(), 'sluice-seeds-'))
    t.teardown(() => {
      rmSync(seeds, { recursive: true })
    })
    writeSeeds(seeds)
    const program = buildPrograms()[hook]
    for (const seed of readdirSync(seeds)) {
      const { passed, said } = tell(program, join(seeds, seed))
      t.true(passed, said)
      const verdicts: readonly string[] = said.match(/^verdict \w+$/gm) ?? []
      t.true(verdicts.includes('verdict forward'), `${seed}: ${verdicts.join(', ')}`)
    }
  })
}
