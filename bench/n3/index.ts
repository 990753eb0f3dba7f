// The benchmark of N3: what a million tunnels take of the kernel's memory, how fast their hints are written, and what a
// packet of one of them costs beside a packet of the only one; and what leaving a tunnel and entering one cost.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { makeNetwork, removeNetwork } from '../datapath/network.ts'
import { machineLine } from '../machine.ts'
import { matches, table } from '../report.ts'
import type { BenchOptions } from '../main.ts'
import type { Column } from '../report.ts'
import type { Message, Row, Task } from './worker.ts'

const defaultRepeat = 1_000_000

const columns: readonly Column[] = [
  { title: 'case', align: 'left' },
  { title: 'value', align: 'right' },
  { title: 'unit', align: 'left' },
  { title: 'goal', align: 'right' },
  { title: '', align: 'left' },
  { title: 'beside it', align: 'left' },
]

/** True when every goal was met. */
export const benchN3 = async (options: BenchOptions): Promise<boolean> => {
  const rows = (await measure(options)).filter(({ case: name, hook }) =>
    matches(options.pattern, hook ?? 'hints', name),
  )
  if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else print(rows, options)
  return rows.every(({ ok }) => ok)
}

const measure = async ({ pattern, progress, repeat, rounds }: BenchOptions): Promise<readonly Row[]> => {
  const namespace = makeNetwork()
  const remove = (): void => removeNetwork(namespace)
  process.once('exit', remove)
  const task: Task = {
    namespace,
    cpu: availableParallelism() - 1,
    objects: fileURLToPath(new URL('../../build', import.meta.url)),
    benchObjects: fileURLToPath(new URL('../../build/bench', import.meta.url)),
    rounds,
    repeat: repeat ?? defaultRepeat,
    pattern,
  }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: task })
  const rows: Row[] = []
  try {
    return await new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('message', (message: Message) => {
        switch (message.kind) {
          case 'progress':
            progress.say(message.text)
            break
          case 'rows':
            rows.push(...message.rows)
            break
          case 'done':
            resolve(rows)
            break
          default:
            message satisfies never
        }
      })
    })
  } finally {
    progress.clear()
    await worker.terminate()
    process.off('exit', remove)
    remove()
  }
}

const print = (rows: readonly Row[], { repeat, rounds }: BenchOptions): void => {
  const cells = rows.map((row) => [
    row.hook === null ? row.case : `${row.hook} ${row.case}`,
    String(row.value),
    row.unit,
    row.goal === null ? '' : String(row.goal),
    row.problem ?? (row.goal === null ? '' : row.ok ? '✓' : '✗ goal missed'),
    Object.entries(row.beside)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  ])
  const lines = [
    ...table(columns, cells),
    '',
    machineLine(),
    'method: memory is what the kernel says of the map of hints, before and after a million of them; steering is the',
    `least of ${rounds} rounds of ${repeat ?? defaultRepeat} packets in test runs of the programs, on one CPU.`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
