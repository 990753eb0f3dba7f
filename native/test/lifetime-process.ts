// A process of its own for lifetime.test.ts. Arguments: the object's path, how the workers end, how many there are.
// The same file is the workers: each opens one of everything, keeps all of it busy, and ends.

import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { native } from '../load.ts'
import { openUdp } from './scenarios.ts'

interface Task {
  readonly objectPath: string
  readonly end: string
}

if (!isMainThread) await work(workerData as Task)
else if (process.argv[3] === 'main') await work({ objectPath: process.argv[2] ?? '', end: 'return' })
else if (process.argv[3] === 'collect') await collect(process.argv[2] ?? '')
else await runWorkers({ objectPath: process.argv[2] ?? '', end: process.argv[3] ?? '' }, Number(process.argv[4]))

async function runWorkers(task: Task, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: task })
    const ended = new Promise((resolve) => {
      worker.once('exit', resolve)
    })
    worker.once('error', (error) => {
      if (task.end !== 'throw') throw error
    })
    await new Promise((resolve) => {
      worker.once('message', resolve)
    })
    if (task.end === 'terminate') await worker.terminate()
    await ended
  }
  console.log(`${count} workers ended`)
}

async function work(task: Task): Promise<void> {
  const opened = open(task.objectPath, task.end === 'terminate')
  opened.keepBusy()
  await turn()
  opened.keepBusy()
  parentPort?.postMessage('open')
  switch (task.end) {
    case 'exit':
      process.exit(0)
      break
    case 'throw':
      throw new Error('the worker fails with everything open')
    case 'close':
      // The handles are still being closed by the event loop when the worker ends.
      opened.close()
      process.exit(0)
      break
    case 'terminate':
      for (;;) {
        opened.keepBusy()
        await turn()
      }
    default:
  }
}

/** One of everything; the sockets keep the worker alive only where somebody ends it. */
function open(objectPath: string, keepAlive: boolean) {
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const map = (name: string): number => native.objectMaps(object).find((map) => map.name === name)?.fd ?? -1
  const emitter = native.objectPrograms(object).find(({ name }) => name === 'emit')?.fd ?? -1
  const memory = new Uint32Array(native.mapMemory(map('triples')))
  const ring = native.ringOpen(map('events'), new Uint8Array(64), () => memory.fill(1))

  const udp = openUdp()
  const address = native.socketAddress(udp)
  native.socketReceive(udp, new Uint8Array(1000), 100, () => memory.fill(2), keepAlive)
  const netlink = native.socketOpen({ domain: 16, type: 3, protocol: 0 })
  native.socketReceive(netlink, new Uint8Array(4096), 4096, () => {}, false)
  const idle = openUdp()

  const data = new Uint8Array(64).fill(20)
  const keepBusy = (): void => {
    native.testRun(emitter, { data })
    native.socketSend(udp, [
      { data, address },
      { data, address },
    ])
  }
  const close = (): void => {
    native.ringClose(ring)
    for (const socket of [udp, netlink, idle]) native.socketClose(socket)
    native.objectClose(object)
  }
  return { keepBusy, close }
}

/** Opens and forgets; the collector must give all of it back. */
async function collect(objectPath: string): Promise<void> {
  const before = usage()
  for (let i = 0; i < 10; i++) {
    open(objectPath, false).close()
    forget(objectPath)
  }
  for (let i = 0; i < 50 && JSON.stringify(usage()) !== JSON.stringify(before); i++) {
    globalThis.gc?.()
    await delay(10)
  }
  const after = usage()
  if (JSON.stringify(after) === JSON.stringify(before)) console.log('no descriptor and no mapping is left')
  else console.log('before', before, 'after', after)
}

function forget(objectPath: string): void {
  const object = native.objectOpen(objectPath)
  native.objectLoad(object)
  const triples = native.objectMaps(object).find(({ name }) => name === 'triples')
  new Uint8Array(native.mapMemory(triples?.fd ?? -1)).fill(1)
  openUdp()
}

function usage(): { readonly descriptors: string[]; readonly mappings: number } {
  const descriptors = readdirSync('/proc/self/fd').filter((fd) => fd !== '')
  const mappings = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => /bpf-(map|prog)/.test(line))
  return { descriptors, mappings: mappings.length }
}
