// Random packets through the kernel's own programs, as many as one likes, each compared with the oracle.

import { randomInt } from 'node:crypto'
import { describeCounts, runRandom } from '../../test/bpf/random/random.ts'
import { readCount, readOptions, type Target } from './target.ts'

/** under one hook */
const packetsPerRound = 5000
const packetsPerLine = 100_000

export const differential: Target = {
  usage: '[--packets N] [--seed N]',
  run: async (args) => {
    const { packets, seed } = readOptions(args, ['packets', 'seed'])
    return compare(readCount(packets ?? '1000000'), seed === null ? randomInt(2 ** 31) : readCount(seed))
  },
}

async function compare(packets: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`)
  const started = Date.now()
  const seconds = (): number => Math.round((Date.now() - started) / 1000)
  let lines = 0
  const report = await runRandom({ seed, packets, packetsPerRound, samples: 0 }, (sent) => {
    if (process.stdout.isTTY) process.stdout.write(`\r${sent} packets, ${seconds()} s `)
    if (process.stdout.isTTY || sent < (lines + 1) * packetsPerLine) return
    lines++
    console.log(`${sent} packets, ${seconds()} s`)
  })
  if (process.stdout.isTTY) process.stdout.write('\n')
  for (const hook of ['xdp', 'tc'] as const) console.log(`${hook}: ${describeCounts(report.counts[hook])}`)
  if (report.failure === null) {
    console.log(`${report.packets} packets in ${seconds()} s: none differs from the oracle`)
    return 0
  }
  const again = `npm run fuzz -- differential --packets ${2 * packetsPerRound} --seed ${report.seed}`
  console.error(`${report.failure}\n\nto run it again: ${again}`)
  return 1
}
