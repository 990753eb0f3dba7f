// The thread that measures N3: enters the namespace, takes a CPU, and answers with rows.

import { parentPort, workerData } from 'node:worker_threads'
import { native } from '../../native/load.ts'
import { matches } from '../report.ts'
import { measureHints } from './hints.ts'
import { measureSteering } from './steering.ts'
import { measureUlcl } from './ulcl.ts'
import type { Hook } from '../../src/datapath/layout.gen.ts'

const hintCases = ['hints-memory-1m', 'hints-install-batches', 'hints-install-one-by-one']
const steeringCases = ['gtpu-one-teid', 'gtpu-1m-teids-random']
const ulclCases = ['ulcl-decapsulate', 'ulcl-encapsulate']

export interface Task {
  readonly namespace: string
  readonly cpu: number
  /** directories of BPF objects */
  readonly objects: string
  readonly benchObjects: string
  readonly rounds: number
  /** packets of a round */
  readonly repeat: number
  /** for rows' names, or hook/name: what has none of them is not measured */
  readonly pattern: string
}

/** One line of the JSON output. */
export interface Row {
  readonly bench: 'n3'
  readonly case: string
  /** null: no packet is in it */
  readonly hook: Hook | null
  readonly unit: 'MB' | 'hints/s' | 'ns' | 'ratio'
  readonly value: number
  readonly goal: number | null
  readonly ok: boolean
  /** what else was measured with it, by names that end in their units */
  readonly beside: Readonly<Record<string, number>>
  /** only in a row that failed by more than its goal */
  readonly problem?: string
}

export type Message =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'rows'; readonly rows: readonly Row[] }
  | { readonly kind: 'done' }

const measureAll = (task: Task, send: (message: Message) => void): void => {
  native.enterNetworkNamespace(task.namespace)
  native.pinToCpu(task.cpu)
  const progress = (text: string): void => send({ kind: 'progress', text })
  const isWanted = (names: readonly string[]): boolean =>
    names.some((name) => ['hints', 'xdp', 'tc'].some((hook) => matches(task.pattern, hook, name)))
  if (isWanted(hintCases)) send({ kind: 'rows', rows: measureHints(progress) })
  if (isWanted(steeringCases)) send({ kind: 'rows', rows: measureSteering(task, progress) })
  if (isWanted(ulclCases)) send({ kind: 'rows', rows: measureUlcl(task, progress) })
  send({ kind: 'done' })
}

if (parentPort !== null) {
  const port = parentPort
  measureAll(workerData as Task, (message) => port.postMessage(message))
}
