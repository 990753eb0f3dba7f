// A thread that lives in the test network and sends random packets there, without a message to another thread for each.

import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { BedThread } from '../bed-thread.ts'
import type { RandomReport, RandomRun } from './random.ts'
import { compareHooks, sendRandom, type Sent } from './send.ts'

const { seed, packets, packetsPerRound, samples } = workerData as RandomRun
const hooks = ['xdp', 'tc'] as const

function tally(counts: Record<string, number>, sent: readonly Sent[]): void {
  for (const { first } of sent) counts[first] = (counts[first] ?? 0) + 1
}

/** Each CPU has its own turns of `rr`: a thread that moves would not draw the same again. */
function stayOnOneCpu(): void {
  const thread = basename(readlinkSync('/proc/thread-self'))
  const [, cpu = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8')) ?? []
  execFileSync('taskset', ['--cpu-list', '--pid', cpu, thread], { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function run(): Promise<RandomReport> {
  stayOnOneCpu()
  const bed = new BedThread({ flows: 4096 })
  await bed.open()
  const counts: RandomReport['counts'] = { xdp: {}, tc: {} }
  const translated: Uint8Array[] = []
  let sentPackets = 0
  try {
    for (let round = 0; sentPackets < packets; round++) {
      const start = (seed + round) % 2 ** 31
      const count = Math.min(packetsPerRound, Math.ceil((packets - sentPackets) / hooks.length))
      try {
        const [xdp, tc] = [sendRandom(bed, 'xdp', start, count), sendRandom(bed, 'tc', start, count)]
        tally(counts.xdp, xdp)
        tally(counts.tc, tc)
        compareHooks(xdp, tc)
        const room = samples - translated.length
        translated.push(
          ...[...xdp, ...tc]
            .filter(({ checkable }) => checkable)
            .slice(0, room)
            .map(({ out }) => out),
        )
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error)
        return { seed: start, packets: sentPackets, counts, translated, failure }
      }
      sentPackets += hooks.length * count
      parentPort?.postMessage({ kind: 'progress', packets: sentPackets })
    }
    return { seed, packets: sentPackets, counts, translated, failure: null }
  } finally {
    bed.end()
  }
}

parentPort?.postMessage({ kind: 'report', report: await run() })
