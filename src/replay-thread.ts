// Where the thread of a replay starts: the datapath and the proxies meet here, which know nothing of each other.

import { parentPort, workerData } from 'node:worker_threads'
import { CannotReplayError } from './datapath/replay/errors.ts'
import { runReplay } from './datapath/replay/replay.ts'
import { ResourceError } from './lb/datapath.ts'
import { openReplayedProxies } from './proxy/replay/replayed-proxies.ts'
import type { ReplayMessage } from './datapath/replay/index.ts'
import type { ReplayOptions } from './datapath/replay/replay.ts'

const port = parentPort
if (port === null) throw new Error('replay-thread.ts is the start of a worker thread')
const send = (message: ReplayMessage): void => port.postMessage(message)

try {
  const listener = {
    progress: (readBytes: number, frames: number) => send({ kind: 'progress', readBytes, frames }),
    lines: (lines: readonly string[]) => send({ kind: 'lines', lines }),
  }
  const report = await runReplay(workerData as ReplayOptions, listener, openReplayedProxies)
  send({ kind: 'report', report })
} catch (error) {
  if (error instanceof CannotReplayError) send({ kind: 'refused', message: error.message })
  else if (error instanceof ResourceError) send({ kind: 'no room', limit: error.limit, message: error.message })
  else throw error
}
