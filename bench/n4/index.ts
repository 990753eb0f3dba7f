// The benchmark of N4: sessions through the proxy, as SMFs and gNBs see them.

import { machineLine } from '../machine.ts'
import { matches, table } from '../report.ts'
import { benchFailover } from './failover.ts'
import { benchLoad } from './load.ts'
import { benchVisibility } from './visibility.ts'
import type { BenchOptions } from '../main.ts'
import type { Column } from '../report.ts'
import type { Row } from './row.ts'

const columns: readonly Column[] = [
  { title: 'case', align: 'left' },
  { title: 'value', align: 'right' },
  { title: 'unit', align: 'left' },
  { title: 'goal', align: 'right' },
  { title: '', align: 'left' },
  { title: 'beside it', align: 'left' },
]

/** Rows that are measured together. */
const parts: readonly {
  readonly names: readonly string[]
  readonly run: (options: BenchOptions) => Promise<readonly Row[]>
}[] = [
  { names: ['establishments', 'added-latency-p50', 'added-latency-p99'], run: benchLoad },
  { names: ['hint-before-answer'], run: benchVisibility },
  { names: ['failover-restore-10000', 'failover-uplink-gap'], run: benchFailover },
]

/** True when every goal was met. */
export const benchN4 = async (options: BenchOptions): Promise<boolean> => {
  const isWanted = (name: string): boolean => matches(options.pattern, 'n4', name)
  const rows: Row[] = []
  try {
    for (const { names, run } of parts) {
      if (!names.some(isWanted)) continue
      const measured = (await run(options)).filter((row) => isWanted(row.case))
      rows.push(...measured)
      // At once: should a later part fail, these stand.
      if (options.json) for (const row of measured) process.stdout.write(`${JSON.stringify(row)}\n`)
    }
  } finally {
    options.progress.clear()
  }
  if (!options.json) print(rows)
  return rows.every(({ ok }) => ok)
}

const print = (rows: readonly Row[]): void => {
  const cells = rows.map((row) => [
    row.case,
    String(row.value),
    row.unit,
    String(row.goal),
    row.problem ?? (row.ok ? '✓' : '✗ goal missed'),
    Object.entries(row.beside)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  ])
  const lines = [
    ...table(columns, cells),
    '',
    machineLine(),
    'method: establishments are for a second of the processor time of the whole daemon, since SMF and UPFs share the',
    'CPUs with it; latency is what the SMF sees through the proxy less what it sees at a UPF, in turns.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
