// The fast path, built for the host and run by libFuzzer. What libFuzzer finds worth keeping stays in build/fuzz, where
// the next run goes on.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { hookNames, verdictNames, type Hook } from '../../src/datapath/layout.gen.ts'
import { writeSeeds } from './seeds.ts'
import { readCount, readOptions, UsageError, type Target } from './target.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'build/fuzz')
const findings = join(folder, 'findings')

/** bytes of an input, which is a row of packets; and seconds that one may take */
const limits = ['-max_len=8192', '-timeout=20']

export const programs: Target = {
  usage: '[--seconds N] [--hook xdp|tc] [--input FILE]',
  run: (args) => {
    const { seconds, hook, input } = readOptions(args, ['seconds', 'hook', 'input'])
    const known = hookNames.filter((name) => hook === null || name === hook)
    if (known.length === 0) throw new UsageError(`there is no hook ${hook}`)
    const built = buildPrograms()
    if (input !== null) return known.every((name) => runAgain(built[name], input)) ? 0 : 1
    const each = Math.ceil(readCount(seconds ?? '60') / known.length)
    return known.every((name) => search(name, built[name], each)) ? 0 : 1
  },
}

/** The fast path of each hook as a program of its own, built anew if it is older than its sources. */
export function buildPrograms(): Readonly<Record<Hook, string>> {
  const make = spawnSync('make', ['-s', '-j2', '-C', join(root, 'bpf/host')], { encoding: 'utf8' })
  if (make.status !== 0)
    throw new Error(`the fast path cannot be built for the host (scripts/setup --test?):\n${make.stderr}`)
  return { xdp: join(folder, 'xdp'), tc: join(folder, 'tc') }
}

/** Prints each packet of the input with what became of it. Whether it passes. */
function runAgain(program: string, input: string): boolean {
  const { passed, said } = tell(program, input)
  console.log(said)
  return passed
}

/** The same as text. */
export function tell(program: string, input: string): { readonly passed: boolean; readonly said: string } {
  const { status, stderr } = spawnSync(program, [...limits, input], {
    encoding: 'utf8',
    env: { ...process.env, SLUICE_FUZZ_TELL: '1' },
  })
  const said = stderr.replaceAll(/^verdict (\d+)$/gm, (_, number) => `verdict ${verdictNames[Number(number)]}`)
  return { passed: status === 0, said }
}

/** False when something was found. libFuzzer tells people how it goes; a log gets the sum. */
function search(hook: Hook, program: string, seconds: number): boolean {
  const [seeds, corpus] = [join(folder, 'seeds'), join(folder, `corpus-${hook}`)]
  writeSeeds(seeds)
  for (const each of [corpus, findings]) mkdirSync(each, { recursive: true })
  const before = new Set(readdirSync(findings))
  console.log(`${hook}: ${seconds} s`)
  const { status } = spawnSync(
    program,
    [
      corpus,
      seeds,
      ...limits,
      `-max_total_time=${seconds}`,
      `-artifact_prefix=${findings}/${hook}-`,
      '-print_final_stats=1',
      ...(process.stderr.isTTY ? [] : ['-verbosity=0']),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (status === 0) return true
  console.error(`fuzz: the fast path of ${hook} failed (exit code ${status})`)
  for (const name of readdirSync(findings).filter((each) => !before.has(each))) {
    const file = relative(root, join(findings, name))
    console.error(`found: ${file}\nto run it again: npm run fuzz -- bpf --hook ${hook} --input ${file}`)
  }
  return false
}

/** The seeds and some changes of them, the same ones each time. Null when they pass, or what the program said. */
export function runShortly(program: string, runs: number): string | null {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'))
  try {
    writeSeeds(join(scratch, 'seeds'))
    const more = [`-runs=${runs}`, '-seed=1', `-artifact_prefix=${scratch}/`]
    const run = spawnSync(program, [join(scratch, 'seeds'), ...limits, ...more], { encoding: 'utf8' })
    return run.status === 0 ? null : run.stderr.slice(-4000)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}
