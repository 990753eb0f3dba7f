// The datapath benchmark: nanoseconds a packet costs in the BPF programs, beside a yardstick measured in the same run.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { machineLine } from '../machine.ts'
import { matches, median, table } from '../report.ts'
import { comparisons, floorName, flowsOf, leastName, productCases, reference, yardsticks } from './cases.ts'
import { makeNetwork, removeNetwork } from './network.ts'
import type { BenchOptions } from '../main.ts'
import type { Case } from './cases.ts'
import type { Measured } from './rows.ts'
import type { Message, Task } from './worker.ts'
import type { Column } from '../report.ts'

const defaultRepeat = 1_000_000

/** One line of the JSON output. */
interface Row {
  readonly bench: 'datapath'
  readonly case: string
  readonly hook: string
  readonly floor_ns: number
  readonly reference_ns: number
  readonly min_ns: number
  readonly median_ns: number
  readonly ratio: number
  readonly goal_ratio: number | null
  readonly verified_insns: number
  readonly ok: boolean
  /** the least possible program with as many flows, where it was measured */
  readonly least_ns: number | null
  /** only in a row that failed by more than its goal */
  readonly problem?: string
}

const columns: readonly Column[] = [
  { title: 'hook', align: 'left' },
  { title: 'case', align: 'left' },
  { title: 'floor', align: 'right' },
  { title: 'min ns', align: 'right' },
  { title: 'median', align: 'right' },
  { title: 'ratio', align: 'right' },
  { title: 'goal', align: 'right' },
  { title: 'least', align: 'right' },
  { title: '', align: 'left' },
]

/** True when every goal was met. */
export const benchDatapath = async (options: BenchOptions): Promise<boolean> => {
  const chosen = (cases: readonly Case[]): readonly Case[] =>
    cases.filter(({ hook, name }) => matches(options.pattern, hook, name))
  const measured = await measure(options, inOrder(chosen(comparisons), chosen(productCases)))
  const rows = measured.map((row) => toRow(row, measured))
  if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else print(rows, options)
  return rows.every(({ ok }) => ok)
}

/** The reference is measured again before each group of rows: what slows the machine for a while must not count. */
const inOrder = (compared: readonly Case[], products: readonly Case[]): readonly Case[] => [
  ...yardsticks,
  ...compared,
  ...products.flatMap((row, index) => {
    const before = products[index - 1]
    return before === undefined || flowsOf(before.work) !== flowsOf(row.work) ? [reference, row] : [row]
  }),
]

const measure = async (options: BenchOptions, cases: Task['cases']): Promise<readonly Measured[]> => {
  const namespace = makeNetwork()
  const remove = (): void => removeNetwork(namespace)
  process.once('exit', remove)
  const task: Task = {
    namespace,
    cpu: availableParallelism() - 1,
    objects: process.env['SLUICE_BENCH_OBJECTS'] ?? fileURLToPath(new URL('../../build', import.meta.url)),
    benchObjects: fileURLToPath(new URL('../../build/bench', import.meta.url)),
    cases,
    rounds: options.rounds,
    repeat: options.repeat ?? defaultRepeat,
  }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: task })
  const measured: Measured[] = []
  try {
    return await new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('message', (message: Message) => {
        switch (message.kind) {
          case 'progress':
            options.progress.say(message.text)
            break
          case 'row':
            add(measured, message.row)
            break
          case 'done':
            resolve(measured)
            break
          default:
            message satisfies never
        }
      })
    })
  } finally {
    options.progress.clear()
    await worker.terminate()
    process.off('exit', remove)
    remove()
  }
}

/** A row that is measured again adds its rounds. */
const add = (measured: Measured[], row: Measured): void => {
  const index = measured.findIndex((known) => known.case.name === row.case.name && known.case.hook === row.case.hook)
  const known = measured[index]
  if (known === undefined) measured.push(row)
  else
    measured[index] = {
      ...known,
      roundsNs: [...known.roundsNs, ...row.roundsNs],
      problem: known.problem ?? row.problem,
    }
}

/** Of a row that was measured; null for one that was not. */
const minimum = (rows: readonly Measured[], hook: string, name: string): number | null => {
  const found = rows.find((row) => row.case.hook === hook && row.case.name === name)
  return found === undefined ? null : Math.min(...found.roundsNs)
}

const toRow = (row: Measured, all: readonly Measured[]): Row => {
  const { name, hook, goalRatio, work } = row.case
  const referenceNs = minimum(all, reference.hook, reference.name)!
  const min = Math.min(...row.roundsNs)
  const ratio = Math.round((min / referenceNs) * 100) / 100
  const least = leastName(work)
  return {
    bench: 'datapath',
    case: name,
    hook,
    floor_ns: minimum(all, hook, floorName(work))!,
    reference_ns: referenceNs,
    min_ns: min,
    median_ns: median(row.roundsNs),
    ratio,
    goal_ratio: goalRatio,
    verified_insns: row.verifiedInstructions,
    ok: row.problem === null && (goalRatio === null || ratio <= goalRatio),
    least_ns: least === null ? null : minimum(all, 'xdp', least),
    ...(row.problem === null ? {} : { problem: row.problem }),
  }
}

const print = (rows: readonly Row[], options: BenchOptions): void => {
  const cells = rows.map((row) => [
    row.hook,
    row.case,
    String(row.floor_ns),
    String(row.min_ns),
    String(row.median_ns),
    row.ratio.toFixed(2),
    row.goal_ratio === null ? '' : row.goal_ratio.toFixed(2),
    row.least_ns === null ? '' : String(row.least_ns),
    row.problem ?? (row.goal_ratio === null ? '' : row.ok ? '✓' : '✗'),
  ])
  const products = rows.filter((row) => row.case.includes('44') || row.case.includes('fullnat'))
  const verified = new Map(products.map((row) => [row.hook, row.verified_insns]))
  const lines = [
    ...table(columns, cells),
    '',
    machineLine(),
    `method: ${options.rounds} rounds of ${options.repeat ?? defaultRepeat} packets on one CPU (first packets of`,
    'flows: one for each flow); a wrapper puts the packet back before each run, its cost (floor) is in the times;',
    'ratios are of minima, to the reference row; least: a minimal DNAT44 with as many flows, that is what the memory',
    'of this machine costs any program; a row fails unless every packet was forwarded and the last one has the',
    "oracle's bytes.",
    `verified instructions: ${[...verified].map(([hook, count]) => `${hook} ${count}`).join(', ')}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
