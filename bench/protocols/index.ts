// The benchmark of protocols: messages that the decoders read, and frames that the commands go through, a second on one
// core; beside it what tshark needs for the same file.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machineLine } from '../machine.ts'
import { matches, median, table } from '../report.ts'
import { commandRows, type CommandRow } from './commands.ts'
import { decoderRows, type DecoderRow } from './decoders.ts'
import { onOneCore, tsharkSeconds } from './one-core.ts'
import { writeMessages, writeTraffic } from './traffic.ts'
import type { BenchOptions } from '../main.ts'
import type { Column } from '../report.ts'

/** One line of the JSON output. */
interface Row {
  readonly bench: 'protocols'
  readonly case: string
  readonly unit: 'messages/s' | 'frames/s'
  /** of the best round: what else the machine does only takes away from it */
  readonly value: number
  readonly median: number
  readonly goal: number | null
  readonly ok: boolean
  /** tshark, in the same unit, on a file of the same messages; null where it is missing */
  readonly tshark: number | null
  /** commands: wall time of both on the same file */
  readonly seconds?: number
  readonly tshark_seconds?: number | null
  /** only in a row that was not measured */
  readonly problem?: string
}

const defaultRoundMs = 1000
const framesForTshark = 20_000
const framesForCommands = 500_000
const commandRounds = 3

const columns: readonly Column[] = [
  { title: 'case', align: 'left' },
  { title: 'a second', align: 'right' },
  { title: 'median', align: 'right' },
  { title: 'goal', align: 'right' },
  { title: 'tshark', align: 'right' },
  { title: 'unit', align: 'left' },
  { title: '', align: 'left' },
]

/** True when every goal was met. */
export const benchProtocols = async (options: BenchOptions): Promise<boolean> => {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const remove = (): void => rmSync(scratch, { recursive: true, force: true })
  process.once('exit', remove)
  const rows: Row[] = []
  try {
    for (const row of decoderRows.filter(({ name }) => matches(options.pattern, 'decode', name))) {
      options.progress.say(row.name)
      rows.push(await decode(row, scratch, options))
    }
    const commands = commandRows.filter(({ name }) => matches(options.pattern, 'command', name))
    rows.push(...(await runAll(commands, scratch, options)))
  } finally {
    options.progress.clear()
    process.off('exit', remove)
    remove()
  }
  if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else print(rows, options)
  return rows.every(({ ok }) => ok)
}

const perSecond = (count: number, seconds: number | null): number | null =>
  seconds === null ? null : Math.round(count / seconds)

const decode = async (row: DecoderRow, scratch: string, { repeat, rounds }: BenchOptions): Promise<Row> => {
  const about = { bench: 'protocols', case: row.name, unit: 'messages/s', goal: row.goal } as const
  const worker = fileURLToPath(new URL('worker.ts', import.meta.url))
  const command = [process.execPath, worker, row.name, String(rounds), String(repeat ?? defaultRoundMs)]
  const { code, err, out } = await onOneCore(command, 'output')
  if (code !== 0) throw new Error(`${row.name}: ${err}`)
  const measured = JSON.parse(out) as readonly number[]
  const value = Math.max(...measured)
  const file = join(scratch, 'messages.pcap')
  writeMessages(file, framesForTshark, row.protocol, await row.messages())
  const tshark = perSecond(framesForTshark, await tsharkSeconds(file, row.field))
  return { ...about, value, median: median(measured), ok: row.goal === null || value >= row.goal, tshark }
}

const runAll = async (
  commands: readonly CommandRow[],
  scratch: string,
  options: BenchOptions,
): Promise<readonly Row[]> => {
  if (commands.length === 0) return []
  options.progress.say(`writing ${framesForCommands} frames`)
  const file = join(scratch, 'traffic.pcap')
  await writeTraffic(file, framesForCommands)
  const rows: Row[] = []
  for (const command of commands) {
    options.progress.say(command.name)
    rows.push(await run(command, file, scratch))
  }
  return rows
}

const run = async (
  { argumentsOf, goal, name, tsharkField }: CommandRow,
  file: string,
  scratch: string,
): Promise<Row> => {
  const about = { bench: 'protocols', case: name, unit: 'frames/s', goal } as const
  const command = [fileURLToPath(new URL('../../bin/sluice', import.meta.url)), ...argumentsOf(file, scratch)]
  const seconds: number[] = []
  for (let round = 0; round < commandRounds; round++) {
    const ended = await onOneCore(command, 'time')
    if (ended.code !== 0)
      return {
        ...about,
        value: 0,
        median: 0,
        ok: false,
        tshark: null,
        problem: `exit code ${ended.code}: ${ended.err.trim()}`,
      }
    seconds.push(ended.seconds)
  }
  const best = Math.min(...seconds)
  const value = Math.round(framesForCommands / best)
  const theirs = await tsharkSeconds(file, tsharkField)
  return {
    ...about,
    value,
    median: Math.round(framesForCommands / median(seconds)),
    ok: goal === null || value >= goal,
    tshark: perSecond(framesForCommands, theirs),
    seconds: Math.round(best * 100) / 100,
    tshark_seconds: theirs === null ? null : Math.round(theirs * 100) / 100,
  }
}

const print = (rows: readonly Row[], options: BenchOptions): void => {
  const cells = rows.map((row) => [
    row.case,
    String(row.value),
    String(row.median),
    row.goal === null ? '' : String(row.goal),
    row.tshark === null ? '' : String(row.tshark),
    row.unit,
    row.problem ?? (row.goal === null ? '' : row.ok ? '✓' : '✗ goal missed'),
  ])
  const lines = [
    ...table(columns, cells),
    '',
    machineLine(),
    `method: decoders: ${options.rounds} rounds of ${options.repeat ?? defaultRoundMs} ms, each row in a process of`,
    `its own on one CPU; commands: the best of ${commandRounds} runs over ${framesForCommands} frames on one CPU,`,
    'start and reading of the file included; goals are for the best round; tshark: the same messages in packets,',
    'on one CPU, with -T fields and one field.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
