// Labs for tests: a name that no other test has, and an end with the test.

import { threadId } from 'node:worker_threads'

import type { ExecutionContext } from 'ava'

import { Lab } from './lab.ts'
import type { Topology } from './topology.ts'

let made = 0

/** Test files run at the same time, in processes or in threads of one. */
export const uniqueInstance = (): string => `test-${process.pid}-${threadId}-${++made}`

/** A lab that is taken down when the test ends, however it ends. */
export const labFor = async (t: ExecutionContext, topology: Topology): Promise<Lab> => {
  const lab = await Lab.up(topology, { instance: uniqueInstance() })
  t.teardown(() => lab.down())
  return lab
}
