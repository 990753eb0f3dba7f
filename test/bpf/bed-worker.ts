// Where the thread of a test bed starts: performs what the test asks for, one request after the other.

import { parentPort, workerData } from 'node:worker_threads'
import { BedThread } from './bed-thread.ts'
import type { BedOptions, BedReply, BedRequest } from './bed.ts'

const port = parentPort
if (port === null) throw new Error('bed-worker.ts is the start of a worker thread')
const thread = new BedThread(workerData as BedOptions)

const perform = async ({ method, args }: BedRequest): Promise<unknown> => {
  const work = Reflect.get(thread, method) as (...args: readonly unknown[]) => unknown
  return work.apply(thread, [...args])
}

port.on('message', (request: BedRequest) => {
  perform(request).then(
    (result) => {
      port.postMessage({ id: request.id, result } satisfies BedReply)
      if (request.method === 'end') port.close()
    },
    (error: unknown) => {
      port.postMessage({ id: request.id, error } satisfies BedReply)
    },
  )
})
