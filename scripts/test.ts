// Runs the whole suite in tiers and sums them up: `node scripts/test.ts [TIER]...`. The last line is
// `N passed, N failed, N skipped` over all of them. `npm test` and CI come through here. The tier `vm` takes minutes
// and runs only when it is named: `npm run test:vm`.

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pc from 'picocolors'
import { emptyTally, TapReader, type Tally } from './tap.ts'

type Tier =
  | { readonly kind: 'command'; readonly title: string; readonly command: readonly [string, ...string[]] }
  | {
      readonly kind: 'ava'
      readonly title: string
      readonly files: readonly string[]
      /** Two files at a time, each a test at a time: they start programs of their own that want the cores too. */
      readonly heavy: boolean
      readonly workerThreads: boolean
    }
  | {
      /** prints TAP */
      readonly kind: 'tap'
      readonly title: string
      readonly command: readonly [string, ...string[]]
    }

const unitFiles = ['{src,scripts,native,lab,bench}/**/*.test.ts']
const bpfFiles = ['{bpf,test/bpf}/**/*.test.ts']
const labFiles = ['test/*.test.ts', 'test/!(bpf|vm)/**/*.test.ts']
/** What uses threads, namespaces and the addon, or keeps state; the rest would take long to show the same again. */
const threadFiles = [
  '{native,lab,src/{api,lb},src/datapath/network}/**/*.test.ts',
  'src/datapath/{attach,hints,services}.test.ts',
]
/** Far longer than others of their tier: begun first, or the other lane would wait for them at the end. */
const longest: ReadonlySet<string> = new Set(['test/bpf/replay.test.ts'])
const compileCache = join(import.meta.dirname, '../build/compile-cache')
const workerThreads = process.env['SLUICE_WORKER_THREADS'] === '1'

const tiers: ReadonlyMap<string, readonly Tier[]> = new Map<string, readonly Tier[]>([
  [
    'static',
    [
      { kind: 'command', title: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
      { kind: 'command', title: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
      { kind: 'command', title: 'types', command: ['tsc'] },
      { kind: 'command', title: 'tidy', command: ['node', 'scripts/tidy.ts'] },
      { kind: 'command', title: 'generated files', command: ['node', 'scripts/generate.ts', '--check'] },
    ],
  ],
  ['unit', [{ kind: 'ava', title: 'unit', files: unitFiles, heavy: false, workerThreads }]],
  ['bpf', [{ kind: 'ava', title: 'bpf', files: bpfFiles, heavy: true, workerThreads }]],
  ['lab', [{ kind: 'ava', title: 'lab', files: labFiles, heavy: true, workerThreads }]],
  // Once more in worker threads: what passes only in a process of its own keeps state that it should not.
  ['threads', [{ kind: 'ava', title: 'worker threads', files: threadFiles, heavy: false, workerThreads: true }]],
])

const tiersWhenNamed: ReadonlyMap<string, readonly Tier[]> = new Map<string, readonly Tier[]>([
  // A part of `lab` too: alone it also reads the captures of whoever runs it (SLUICE_CAPTURES).
  ['oracle', [{ kind: 'ava', title: 'oracle', files: ['test/oracle/*.test.ts'], heavy: true, workerThreads }]],
  ['vm', [{ kind: 'tap', title: 'vm', command: ['node', 'scripts/vm/main.ts'] }]],
])

/** Ctrl-C reaches the tests too: they clean up, then the sum is printed as far as it goes. */
let interrupted = false

async function main(args: readonly string[]): Promise<number> {
  const known = new Map([...tiers, ...tiersWhenNamed])
  const unknown = args.filter((name) => !known.has(name))
  if (unknown.length > 0) {
    console.error(`no tier is called ${unknown.join(', ')}; tiers: ${[...known.keys()].join(', ')}`)
    return 2
  }
  process.on('SIGINT', () => {
    interrupted = true
  })

  const total = emptyTally()
  for (const name of args.length > 0 ? args : tiers.keys()) {
    if (interrupted) break
    // Commands have one thread each, mostly; of what runs tests there is one in each.
    for (const tally of await Promise.all((known.get(name) ?? []).map(runTier))) add(total, tally)
  }

  list('skipped', total.skipped)
  list('failed', total.failed)
  if (interrupted) console.log('\ninterrupted')
  console.log(`\n${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`)
  // Nothing passed: nothing was there, or nothing could run. Only a tier that stands alone may be skipped as a whole.
  const maySkip = args.length > 0 && args.every((name) => tiersWhenNamed.has(name)) && total.skipped.length > 0
  return interrupted ? 130 : total.failed.length > 0 || (total.passed === 0 && !maySkip) ? 1 : 0
}

function runTier(tier: Tier): Promise<Tally> {
  switch (tier.kind) {
    case 'command':
      return runCommand(tier)
    case 'ava':
      return runAva(tier)
    case 'tap':
      console.log(`\n${pc.bold(tier.title)}`)
      return runTap(tier.title, tier.command)
    default:
      return tier satisfies never
  }
}

async function runCommand(tier: Extract<Tier, { kind: 'command' }>): Promise<Tally> {
  const started = Date.now()
  const [program, ...rest] = tier.command
  const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await exit(child)
  const took = pc.dim(`${secondsSince(started)} s`)
  console.log(`${code === 0 ? pc.green('✔') : pc.red('✘')} ${tier.title} ${took}`)
  return code === 0
    ? { passed: 1, failed: [], skipped: [] }
    : { passed: 0, failed: [`${tier.title}: ${tier.command.join(' ')}: exit code ${code}`], skipped: [] }
}

const secondsSince = (ms: number): string => ((Date.now() - ms) / 1000).toFixed(1)

async function runAva(tier: Extract<Tier, { kind: 'ava' }>): Promise<Tally> {
  const files = globSync(tier.files).toSorted((a, b) => a.localeCompare(b))
  if (files.length === 0) return emptyTally()
  console.log(`\n${pc.bold(tier.title)}`)
  const environment = {
    SLUICE_WORKER_THREADS: tier.workerThreads ? '1' : '0',
    // Reading the sources anew for every file of tests would be a third of the work.
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? compileCache,
  }
  if (!tier.heavy) return runTap(tier.title, ['ava', '--tap', ...files], environment)
  // AVA itself takes `--serial` for files, too. Some take a minute and some a second: who is done takes the next one.
  const waiting = files.toSorted((a, b) => Number(longest.has(b)) - Number(longest.has(a))).values()
  const tally = emptyTally()
  const takeFiles = async (): Promise<void> => {
    for (const file of waiting) {
      if (interrupted) return
      add(tally, await runTap(`${tier.title}: ${file}`, ['ava', '--tap', '--serial', file], environment))
    }
  }
  await Promise.all([takeFiles(), takeFiles()])
  return tally
}

async function runTap(
  title: string,
  [program, ...args]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
): Promise<Tally> {
  const started = Date.now()
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const reader = new TapReader(`${title}: `)
  const ended = exit(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const shown = reader.read(line)
    if (shown !== null) console.log(shown)
  }
  const tally = reader.finish(await ended)
  console.log(pc.dim(`  ${title}: ${secondsSince(started)} s`))
  return tally
}

function exit(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(error.message)
      resolve(127)
    })
    child.on('exit', (code) => {
      resolve(code ?? 1)
    })
  })
}

function add(total: Tally, part: Tally): void {
  total.passed += part.passed
  total.failed.push(...part.failed)
  total.skipped.push(...part.skipped)
}

function list(title: string, names: readonly string[]): void {
  if (names.length === 0) return
  console.log(`\n${title}:`)
  for (const name of names) console.log(`  ${name}`)
}

process.exitCode = await main(process.argv.slice(2))
