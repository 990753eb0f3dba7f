// `sluice replay`: a capture through the programs and the slow path of a daemon, beside everything that runs here. In
// a thread and a network namespace of its own; nothing is pinned, attached or sent, and with the thread all of it goes.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ResourceError } from '../../lb/datapath.ts'
import { CannotReplayError } from './errors.ts'
import type { ReplayListener, ReplayOptions } from './replay.ts'
import type { Report } from './report.ts'

export { CannotReplayError } from './errors.ts'
export { goldenText, reportText } from './words.ts'
export type { ReplayOptions } from './replay.ts'
export type { Report } from './report.ts'

/** What the thread says. */
export type ReplayMessage =
  | { readonly kind: 'progress'; readonly readBytes: number; readonly frames: number }
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'report'; readonly report: Report }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'no room'; readonly limit: string; readonly message: string }

export interface Replaying {
  /** Throws CannotReplayError, and ResourceError where a limit of the configuration is too low. */
  readonly report: Promise<Report>
  /** Ends it at once. Whatever was written so far is left to the caller. */
  readonly stop: () => Promise<void>
}

/** `thread`: where it starts; see src/replay-thread.ts. */
export const startReplay = (thread: URL, options: ReplayOptions, listener: ReplayListener): Replaying => {
  const worker = new Worker(thread, { workerData: options })
  const report = settle(worker, listener)
  report.catch(() => {}) // whoever waits for it is told
  return {
    report,
    stop: async () => {
      await worker.terminate()
    },
  }
}

const settle = async (worker: Worker, listener: ReplayListener): Promise<Report> => {
  let last: ReplayMessage | null = null
  worker.on('message', (message: ReplayMessage) => {
    if (message.kind === 'progress') listener.progress(message.readBytes, message.frames)
    else if (message.kind === 'lines') listener.lines(message.lines)
    else last = message
  })
  await once(worker, 'exit')
  return outcomeOf(last)
}

const outcomeOf = (last: ReplayMessage | null): Report => {
  if (last?.kind === 'report') return last.report
  if (last?.kind === 'refused') throw new CannotReplayError(last.message)
  if (last?.kind === 'no room') throw new ResourceError(last.limit, last.message)
  throw new Error('the replay was ended before its report')
}
