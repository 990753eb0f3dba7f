// One host of a lab: runs commands in its network namespace, and functions in the thread that lives there.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import type { Reply, Request, WorkerData } from './host-worker.ts'
import { namespacePath } from './instance.ts'

const defaultTimeoutMs = 30_000

export interface RunOptions {
  /** for the command's standard input */
  readonly input?: string
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

export interface RunResult {
  /** null when a signal ended it */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

/** Methods of an object that lives in a host's thread; all of them answer later. */
export type Methods<T> = { readonly [K in keyof T]: (...args: never[]) => unknown }

/** An object that `open` made in a host's thread. */
export interface Remote<T extends Methods<T>> {
  use<K extends keyof T & string>(method: K, ...args: Parameters<T[K]>): Promise<Awaited<ReturnType<T[K]>>>
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** The command line that runs a command inside a lab host, leaving everything but the network as it is. */
export const commandInside = (instance: string, host: string, command: readonly string[]): readonly string[] => [
  // Unlike `ip netns exec` this mounts nothing: /sys/fs/bpf stays visible.
  'nsenter',
  `--net=${namespacePath(instance, host)}`,
  '--',
  ...command,
]

export class Host {
  readonly name: string
  readonly #instance: string
  #worker: Worker | null = null
  readonly #pending = new Map<number, Pending>()
  #nextId = 1

  constructor(instance: string, name: string) {
    this.#instance = instance
    this.name = name
  }

  /** Starts a command in the host's namespace. Its standard streams are the caller's to read. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const [program = '', ...rest] = commandInside(this.#instance, this.name, [command, ...args])
    return spawn(program, rest, options)
  }

  /** Runs a command in the host's namespace to its end. A failing command is a result, not an error. */
  async run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    const child = this.spawn(command, args, {
      stdio: 'pipe',
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => (output[stream] += text))
    }
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, options.timeoutMs ?? defaultTimeoutMs)
    // A command that ends without reading its input is no failure of ours.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input ?? '')
    try {
      const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      return { code, signal, ...output, timedOut }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Calls a function that `module` exports under its own name, in the host's thread. All values are copied there. */
  async call<Args extends readonly unknown[], T>(
    module: URL,
    exported: (...args: Args) => T,
    ...args: Args
  ): Promise<Awaited<T>> {
    const request = { kind: 'call', id: this.#nextId++, module: module.href, name: exported.name, args } as const
    return (await this.#request(request)) as Awaited<T>
  }

  /** The same for a function that makes an object with methods. The object stays in the host's thread. */
  async open<Args extends readonly unknown[], T extends Methods<T>>(
    module: URL,
    exported: (...args: Args) => T | Promise<T>,
    ...args: Args
  ): Promise<Remote<T>> {
    const object = this.#nextId++
    await this.#request({ kind: 'open', id: object, module: module.href, name: exported.name, args })
    return {
      use: async (method, ...methodArgs) =>
        (await this.#request({ kind: 'use', id: this.#nextId++, object, method, args: methodArgs })) as never,
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
    this.#failPending(new Error(`lab host ${this.name} was taken down`))
  }

  /** Most hosts only run commands and never need their thread. */
  #thread(): Worker {
    if (this.#worker !== null) return this.#worker
    const data: WorkerData = { namespacePath: namespacePath(this.#instance, this.name) }
    const worker = new Worker(new URL('host-worker.ts', import.meta.url), { workerData: data })
    worker.unref()
    worker.on('message', (reply: Reply) => {
      const pending = this.#pending.get(reply.id)
      this.#pending.delete(reply.id)
      if (this.#pending.size === 0) worker.unref()
      if ('error' in reply) pending?.reject(reply.error)
      else pending?.resolve(reply.result)
    })
    worker.on('error', (error: Error) => {
      this.#worker = null
      this.#failPending(new Error(`the thread of lab host ${this.name} failed: ${error.message}`, { cause: error }))
    })
    this.#worker = worker
    return worker
  }

  #request(request: Request): Promise<unknown> {
    const worker = this.#thread()
    return new Promise((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject })
      // Only an answer that somebody waits for keeps the process alive.
      worker.ref()
      worker.postMessage(request)
    })
  }

  #failPending(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
