// Where the thread of a replay starts.

import { parentPort, workerData } from 'node:worker_threads'
import { ResourceError } from '../../lb/datapath.ts'
import { CannotReplayError } from './errors.ts'
import { runReplay } from './replay.ts'
import type { ReplayMessage } from './index.ts'
import type { ReplayOptions } from './replay.ts'

const port = parentPort
if (port === null) throw new Error('worker.ts is the start of a worker thread')
const send = (message: ReplayMessage): void => port.postMessage(message)

try {
  const report = await runReplay(workerData as ReplayOptions, {
    progress: (readBytes, frames) => send({ kind: 'progress', readBytes, frames }),
    lines: (lines) => send({ kind: 'lines', lines }),
  })
  send({ kind: 'report', report })
} catch (error) {
  if (error instanceof CannotReplayError) send({ kind: 'refused', message: error.message })
  else if (error instanceof ResourceError) send({ kind: 'no room', limit: error.limit, message: error.message })
  else throw error
}
