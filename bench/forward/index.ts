// The forwarding benchmark: connections and packets a second through the lab, beside plain kernel forwarding and
// nftables in the same run. The sides take turns, so that what slows the machine down meets all of them; a ratio is the
// median of the rounds' ratios.

import { fileURLToPath } from 'node:url'
import { machineLine } from '../machine.ts'
import { matches, median, table } from '../report.ts'
import { loads, runLoad, units } from './loads.ts'
import { openSide, sideNames } from './sides.ts'
import type { BenchOptions } from '../main.ts'
import type { Column } from '../report.ts'
import type { LoadName, Outcome } from './loads.ts'
import type { Side, SideName } from './sides.ts'

const defaultMilliseconds = 2000
const warmUpMilliseconds = 300
/** A round is cut into slices, and the sides take turns slice by slice: other work on the machine comes in bursts. */
const sliceMilliseconds = 250

/** The least that connections through TC may be of what they are on the other side. */
const connectionGoals: Partial<Record<SideName, number>> = { plain: 0.97, nftables: 1.1 }

/** One line of the JSON output: a measured side, or Sluice beside a peer. */
interface Row {
  readonly bench: 'forward'
  readonly case: string
  readonly hook: string | null
  readonly unit: string
  readonly value: number
  readonly ratio: number | null
  readonly goal_ratio: number | null
  readonly ok: boolean
  readonly problem?: string
}

interface Samples {
  readonly perSecond: number[]
  readonly problems: string[]
}

const columns: readonly Column[] = [
  { title: 'case', align: 'left' },
  { title: 'hook', align: 'left' },
  { title: 'value', align: 'right' },
  { title: 'unit', align: 'left' },
  { title: 'ratio', align: 'right' },
  { title: 'goal', align: 'right' },
  { title: '', align: 'left' },
]

/** True when every goal was met. */
export const benchForward = async (options: BenchOptions): Promise<boolean> => {
  const programs = fileURLToPath(new URL('../../build/bench', import.meta.url))
  const milliseconds = options.repeat ?? defaultMilliseconds
  const sides: Side[] = []
  try {
    for (const name of sideNames) {
      options.progress.say(`bringing up: ${name}`)
      sides.push(await openSide(name, programs))
    }
    const rows: Row[] = []
    for (const load of loads) {
      const samples = await measure(load, sides, programs, milliseconds, options)
      rows.push(...toRows(load, samples).filter((row) => matches(options.pattern, row.hook ?? 'peer', row.case)))
    }
    options.progress.clear()
    if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
    else print(rows, options.rounds, milliseconds)
    return rows.every(({ ok }) => ok)
  } finally {
    options.progress.clear()
    for (const side of sides) await side.lab.down()
  }
}

const measure = async (
  load: LoadName,
  sides: readonly Side[],
  programs: string,
  milliseconds: number,
  options: BenchOptions,
): Promise<ReadonlyMap<SideName, Samples>> => {
  const samples = new Map<SideName, Samples>(sides.map(({ name }) => [name, { perSecond: [], problems: [] }]))
  for (const side of sides) await runLoad(load, side, programs, warmUpMilliseconds)
  const slices = Math.max(1, Math.round(milliseconds / sliceMilliseconds))
  for (let round = 0; round < options.rounds; round++) {
    const outcomes = new Map<SideName, Outcome[]>(sides.map(({ name }) => [name, []]))
    for (let slice = 0; slice < slices; slice++) {
      for (let turn = 0; turn < sides.length; turn++) {
        // Another side begins each time: the first may find the machine in another state than the last.
        const side = sides[(slice + turn) % sides.length]!
        options.progress.say(`${load}, round ${round + 1} of ${options.rounds}: ${side.name}`)
        outcomes.get(side.name)!.push(await runLoad(load, side, programs, Math.round(milliseconds / slices)))
      }
    }
    for (const side of sides) {
      const { perSecond, problems } = samples.get(side.name)!
      const found = outcomes.get(side.name)!
      perSecond.push(found.reduce((sum, outcome) => sum + outcome.perSecond, 0) / slices)
      problems.push(...found.flatMap(({ problem }) => problem ?? []))
      const drops = await side.drops()
      if (drops !== '') problems.push(`packets were dropped: ${drops}`)
    }
  }
  return samples
}

const toRows = (load: LoadName, samples: ReadonlyMap<SideName, Samples>): readonly Row[] => {
  const values = (name: SideName): readonly number[] => samples.get(name)!.perSecond
  const problemOf = (names: readonly SideName[]): string | null =>
    names.flatMap((name) => samples.get(name)!.problems.map((problem) => `${name}: ${problem}`))[0] ?? null
  const row = (fields: Omit<Row, 'bench' | 'unit' | 'ok' | 'problem'>, problem: string | null): Row => ({
    bench: 'forward',
    unit: units[load],
    ...fields,
    ok: problem === null && (fields.goal_ratio === null || (fields.ratio ?? 0) >= fields.goal_ratio),
    ...(problem === null ? {} : { problem }),
  })
  const peers = (['plain', 'nftables'] as const).map((name) =>
    row(
      { case: `${load}-${name}`, hook: null, value: Math.round(median(values(name))), ratio: null, goal_ratio: null },
      problemOf([name]),
    ),
  )
  const ours = (['tc', 'xdp'] as const).flatMap((hook) =>
    (['plain', 'nftables'] as const).map((peer) => {
      const ratios = values(hook).map((value, round) => value / values(peer)[round]!)
      return row(
        {
          case: `${load}-sluice-to-${peer}`,
          hook,
          value: Math.round(median(values(hook))),
          ratio: Math.round(median(ratios) * 1000) / 1000,
          goal_ratio: load === 'connections' && hook === 'tc' ? (connectionGoals[peer] ?? null) : null,
        },
        problemOf([hook, peer]),
      )
    }),
  )
  return [...peers, ...ours]
}

const print = (rows: readonly Row[], rounds: number, milliseconds: number): void => {
  const cells = rows.map((row) => [
    row.case,
    row.hook ?? '',
    String(row.value),
    row.unit,
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.goal_ratio === null ? '' : row.goal_ratio.toFixed(2),
    row.problem ?? (row.goal_ratio === null ? '' : row.ok ? '✓' : '✗'),
  ])
  const lines = [
    ...table(columns, cells),
    '',
    machineLine(),
    'method: client, balancer and three servers in network namespaces on this machine, on real kernel sockets;',
    `${rounds} rounds of ${milliseconds} ms a side, in short turns; values and ratios are medians of the rounds;`,
    'a connection is opened, asks, is answered, and closed by the server; packets are UDP in frames of 64 bytes,',
    'counted where they reach the servers; plain: the client chooses the server itself, and the box only forwards.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
