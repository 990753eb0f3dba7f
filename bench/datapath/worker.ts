// The thread that measures: enters the namespace, takes a CPU, and answers with one row after the other.

import { parentPort, workerData } from 'node:worker_threads'
import { native } from '../../native/load.ts'
import { network } from './network.ts'
import { Product } from './product.ts'
import { Rows } from './rows.ts'
import { Wrapper } from './wrapper.ts'
import type { Case } from './cases.ts'
import type { Measured } from './rows.ts'

export interface Task {
  readonly namespace: string
  readonly cpu: number
  /** directory of the BPF objects; those of the benchmark are in its folder `bench` */
  readonly objects: string
  readonly benchObjects: string
  readonly cases: readonly Case[]
  readonly rounds: number
  readonly repeat: number
}

export type Message =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'row'; readonly row: Measured }
  | { readonly kind: 'done' }

const measureAll = (task: Task, send: (message: Message) => void): void => {
  native.enterNetworkNamespace(task.namespace)
  native.pinToCpu(task.cpu)
  const wrapper = new Wrapper(task.benchObjects)
  const product = new Product(task.objects)
  // The kernel runs XDP tests only on a device that has an XDP program.
  const links = [network.clientSide, network.endpointSide].map(({ device }) =>
    native.linkXdp(wrapper.floor('xdp'), native.interfaceIndex(device), 'native'),
  )
  const { rounds, repeat } = task
  const rows = new Rows({ wrapper, product, rounds, repeat, progress: (text) => send({ kind: 'progress', text }) })
  for (const row of task.cases) send({ kind: 'row', row: rows.measure(row) })
  for (const link of links) native.fdClose(link)
  product.close()
  wrapper.close()
  send({ kind: 'done' })
}

if (parentPort !== null) {
  const port = parentPort
  measureAll(workerData as Task, (message) => port.postMessage(message))
}
