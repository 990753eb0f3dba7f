// A network namespace for one test: two ends of a veth pair, `left` and `right`, and a worker that enters it once and
// runs one of the scenarios there.

import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { threadId, Worker } from 'node:worker_threads'
import type { Scenarios } from './scenarios.ts'

export interface Task {
  readonly path: string
  readonly scenario: keyof Scenarios
  readonly objectPath: string
}

let made = 0

/** What the scenario returned. The namespace goes at the end of the test. */
export async function inNamespace<Name extends keyof Scenarios>(
  t: ExecutionContext,
  scenario: Name,
  objectPath = '',
): Promise<Awaited<ReturnType<Scenarios[Name]>>> {
  const name = `sluice-native-${process.pid}-${threadId}-${made++}`
  ip('netns', 'add', name)
  t.teardown(() => ip('netns', 'delete', name))
  ip('-n', name, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right')
  ip('-n', name, 'link', 'set', 'left', 'up')
  ip('-n', name, 'link', 'set', 'right', 'up')

  const task: Task = { path: `/run/netns/${name}`, scenario, objectPath }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: task })
  try {
    return await new Promise<Awaited<ReturnType<Scenarios[Name]>>>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`the worker ended with ${code} and no answer`)))
    })
  } finally {
    await worker.terminate()
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
