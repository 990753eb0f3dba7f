// `npm run bench -- datapath|forward|churn|protocols|n4|n3`: measures, prints a table for people or JSON lines for
// programs.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../lab/signals.ts'
import { benchChurn } from './churn/index.ts'
import { benchDatapath } from './datapath/index.ts'
import { benchForward } from './forward/index.ts'
import { benchN3 } from './n3/index.ts'
import { benchN4 } from './n4/index.ts'
import { Progress } from './progress.ts'
import { benchProtocols } from './protocols/index.ts'

const usage = `usage: npm run bench -- datapath|forward [--json] [--case GLOB] [--rounds N] [--repeat N]
       npm run bench -- churn [--json] [--seconds N] [--rate N] [--flows N]
       npm run bench -- protocols|n3 [--json] [--case GLOB] [--rounds N] [--repeat N]
       npm run bench -- n4 [--json] [--case GLOB] [--rounds N] [--repeat N] [--trials N]

  datapath   nanoseconds a packet costs in the BPF programs
  forward    packets and connections a second through the lab, beside plain forwarding and nftables
  churn      what the daemon needs to free connections that come and go on a full table
  protocols  messages that are decoded, and frames that inspect and replay go through, a second on one core
  n4         sessions through the N4 proxy: rate, added latency, hints before answers, the death of a UPF
  n3         a million tunnels: their memory, how fast they are installed, what steering by them costs

  --json      one object a line instead of a table
  --case      only rows with such a name, for example 'dnat44-*' or 'tc/*'
  --rounds    rounds of each row (5)
  --repeat    datapath: packets of a round (1000000); forward: milliseconds of a round (2000); protocols: milliseconds
              of a round (1000); n4: sessions of a round (10000); n3: packets of a round (1000000)
  --seconds   churn: how long (120)
  --rate      churn: connections a second (50000)
  --flows     churn: connections that stay meanwhile (1000000)
  --trials    n4: sessions whose hint is looked up when they are answered (10000)
`

export interface BenchOptions {
  readonly json: boolean
  /** for rows' names, or hook/name */
  readonly pattern: string
  readonly rounds: number
  readonly repeat: number | null
  /** n4: sessions whose hint is looked up when they are answered */
  readonly trials: number
  readonly churn: { readonly seconds: number; readonly perSecond: number; readonly held: number }
  readonly progress: Progress
}

const benches: ReadonlyMap<string, (options: BenchOptions) => Promise<boolean>> = new Map([
  ['datapath', benchDatapath],
  ['forward', benchForward],
  ['churn', benchChurn],
  ['protocols', benchProtocols],
  ['n4', benchN4],
  ['n3', benchN3],
])
const names = [...benches.keys()].join(', ')

/** Says what is wrong with a command line. */
class UsageError extends Error {}

const positive = (name: string, text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`--${name} must be a number from 1 on, not '${text}'`)
  return value
}

const parse = (args: readonly string[]): { readonly bench: string; readonly options: BenchOptions } | null => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      case: { type: 'string', default: '*' },
      rounds: { type: 'string', default: '5' },
      repeat: { type: 'string' },
      seconds: { type: 'string', default: '120' },
      rate: { type: 'string', default: '50000' },
      flows: { type: 'string', default: '1000000' },
      trials: { type: 'string', default: '10000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const [bench, ...rest] = positionals
  if (bench === undefined || rest.length > 0) throw new UsageError(`name one benchmark: ${names}`)
  return {
    bench,
    options: {
      json: values.json,
      pattern: values.case,
      rounds: positive('rounds', values.rounds),
      repeat: values.repeat === undefined ? null : positive('repeat', values.repeat),
      trials: positive('trials', values.trials),
      churn: {
        seconds: positive('seconds', values.seconds),
        perSecond: positive('rate', values.rate),
        held: positive('flows', values.flows),
      },
      progress: new Progress(process.stderr),
    },
  }
}

const build = (): void => {
  const directory = fileURLToPath(new URL('.', import.meta.url))
  const made = spawnSync('make', ['--silent', '-C', directory], { encoding: 'utf8' })
  if (made.status !== 0)
    throw new Error(`the benchmark's programs cannot be built:\n${made.stderr || made.error?.message}`)
}

/** The exit code: 0 when every goal was met, 1 when not. */
const main = async (args: readonly string[]): Promise<number> => {
  const parsed = parse(args)
  if (parsed === null) {
    process.stdout.write(usage)
    return 0
  }
  const { bench, options } = parsed
  const run = benches.get(bench)
  if (run === undefined) throw new UsageError(`there is no benchmark '${bench}': ${names}`)
  exitOnSignals()
  if (bench !== 'protocols') {
    if (process.getuid?.() !== 0)
      throw new Error('benchmarks load BPF programs and make network namespaces: run them as root')
    build()
  }
  return (await run(options)) ? 0 : 1
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${isUsage ? usage : ''}`)
    process.exitCode = isUsage ? 2 : 1
  },
)
