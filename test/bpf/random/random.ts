// Random packets through the programs, in rounds: each starts with empty maps and a seed of its own, so that a failure
// is found again by running its round alone.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface RandomRun {
  /** of the first round; each further one counts on */
  readonly seed: number
  /** in all, half of them under each hook */
  readonly packets: number
  /** under one hook */
  readonly packetsPerRound: number
  /** translated frames to return, at most */
  readonly samples: number
}

export interface RandomReport {
  /** of the round that failed, or of the first */
  readonly seed: number
  readonly packets: number
  /** by hook: packets of each verdict */
  readonly counts: Readonly<Record<'xdp' | 'tc', Record<string, number>>>
  readonly translated: readonly Uint8Array[]
  readonly failure: string | null
}

type Message =
  { readonly kind: 'progress'; readonly packets: number } | { readonly kind: 'report'; readonly report: RandomReport }

export async function runRandom(run: RandomRun, progress: (packets: number) => void = () => {}): Promise<RandomReport> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: run })
  const reports: RandomReport[] = []
  worker.on('message', (message: Message) => {
    if (message.kind === 'progress') progress(message.packets)
    else reports.push(message.report)
  })
  await once(worker, 'exit')
  const [report] = reports
  if (report === undefined) throw new Error('the thread of random packets ended without a report')
  return report
}

/** The verdicts with their counts, the most frequent ones first. */
export function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([verdict, count]) => `${verdict} ${count}`)
    .join(', ')
}
