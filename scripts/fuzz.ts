// Looks for bugs with inputs that nobody thought of: `npm run fuzz -- TARGET [OPTIONS]`. docs/fuzzing.md says what each
// target checks and what to do with a finding.

import { differential } from './fuzz/differential.ts'
import { programs } from './fuzz/programs.ts'
import { protocolPlugins } from './fuzz/protocols/index.ts'
import { UsageError, type Target } from './fuzz/target.ts'

const targets: ReadonlyMap<string, Target> = new Map([
  ['bpf', programs],
  ['differential', differential],
  ['protocols', protocolPlugins],
])

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  try {
    const target = targets.get(name)
    if (target === undefined) throw new UsageError(name === '' ? 'what?' : `there is no target ${name}`)
    return await target.run(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`fuzz: ${error.message}\n`)
    for (const [known, { usage }] of targets) console.error(`npm run fuzz -- ${known} ${usage}`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
