// The datapath benchmark measures what it says: a short run of it, looked at for its checks and not for its times.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { testWith } from '../../src/testing/needs.ts'

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

/** What the benchmark prints, whether or not it met its goals: that is exit code 1. */
const run = (args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      if (error === null || error.code === 1) resolve(stdout)
      else reject(new Error(`the benchmark ended with ${error.code}: ${stderr}`, { cause: error }))
    })
  })

testWith(['root', 'bpf', 'netns', 'xdp'], 'bench: every row is measured on packets that take the path', async (t) => {
  const output = await run(['datapath', '--json', '--rounds', '2', '--repeat', '1000', '--case', '*-???'])
  const rows = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  const measured = rows.map((row) => `${String(row['hook'])} ${String(row['case'])}`)
  for (const hook of ['xdp', 'tc'])
    for (const name of ['dnat44-established-tcp', 'dnat44-established-udp', 'snat44-reverse-tcp', 'snat44-reverse-udp'])
      t.true(measured.includes(`${hook} ${name}`), `${hook} ${name}`)
  for (const row of rows) {
    t.is(row['problem'], undefined, JSON.stringify(row))
    t.is(row['bench'], 'datapath')
    t.true(Number(row['min_ns']) > 0)
    t.is(row['ratio'], Math.round((Number(row['min_ns']) / Number(row['reference_ns'])) * 100) / 100)
  }
})
