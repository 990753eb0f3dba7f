// The daemon under test or on show: a child process on a lab's balancer, reached by its unix socket.

import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { stringify } from 'yaml'

import type { ServiceOutput, Status } from '../src/api/schemas.ts'
import { apiSocket } from '../src/lb/paths.ts'
import type { Host } from './host.ts'
import { instanceDirectory } from './instance.ts'

const launcher = fileURLToPath(new URL('../bin/sluice', import.meta.url))
/** How many times slower than others this machine is: an emulated one says so. */
const slowness = Number(process.env['SLUICE_SLOWNESS'] ?? 1)
const readyTimeoutMs = 20_000 * slowness
const readyPollMs = 25 * slowness
const stopTimeoutMs = 10_000
const requestTimeoutMs = 10_000
const logTailLines = 30

export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Daemon {
  readonly pid: number
  /** its file, for changes before a SIGHUP */
  readonly configFile: string
  /** what it wrote on stderr and stdout, of earlier starts in this lab too */
  readonly logFile: string
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #instance: string

  private constructor(child: ChildProcess, pid: number, instance: string, files: { config: string; log: string }) {
    this.#child = child
    this.#instance = instance
    this.pid = pid
    this.configFile = files.config
    this.logFile = files.log
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  }

  static async start(host: Host, instance: string, config: object): Promise<Daemon> {
    const directory = instanceDirectory(instance)
    const files = { config: join(directory, 'sluice.yaml'), log: join(directory, 'daemon.log') }
    writeFileSync(files.config, stringify(config))
    // A file, not a pipe: the daemon outlives whoever started it.
    const log = openSync(files.log, 'a')
    const args = ['run', '--config', files.config, '--instance', instance, '--state', join(directory, 'state')]
    const child = host.spawn(launcher, args, {
      stdio: ['ignore', log, log],
      // A group of its own, so that Ctrl-C in the terminal ends the lab first and the lab ends the daemon.
      detached: true,
    })
    closeSync(log)
    const spawned = new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('spawn', () => resolve(child.pid ?? 0))
    })
    const daemon = new Daemon(child, await spawned, instance, files)
    child.unref()
    try {
      await daemon.#ready()
    } catch (error) {
      daemon.kill('SIGKILL')
      throw error
    }
    return daemon
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The socket that the command line and `request` talk to. */
  get socket(): string {
    return apiSocket(this.#instance)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends the daemon as an operator would. One that does not end in time is killed. */
  async stop(): Promise<void> {
    if (!this.running) return
    this.kill('SIGTERM')
    this.#child.ref()
    const timer = setTimeout(() => this.kill('SIGKILL'), stopTimeoutMs)
    await this.ended
    clearTimeout(timer)
  }

  /** One request by the unix socket. Any status is an answer; no answer is an error. */
  request(method: string, path: string, body?: unknown): Promise<Answer> {
    const text = body === undefined ? null : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.socket,
          method,
          path,
          timeout: requestTimeoutMs,
          headers:
            text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
        },
        (response) => {
          let answer = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => (answer += part))
          response.on('error', reject)
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: answer }))
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${requestTimeoutMs} ms`)))
      outgoing.on('error', (error) =>
        reject(new Error(`${method} ${path} at ${this.socket}: ${error.message}`, { cause: error })),
      )
      outgoing.end(text ?? undefined)
    })
  }

  /** The JSON that a path answers with; any other status than 200 is an error. */
  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.request('GET', path)
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${body}`)
    return JSON.parse(body) as T
  }

  async services(): Promise<readonly ServiceOutput[]> {
    return (await this.get<{ services: readonly ServiceOutput[] }>('/sluice/v1/services')).services
  }

  status(): Promise<Status> {
    return this.get<Status>('/sluice/v1/status')
  }

  /** Takes an endpoint (`ADDRESS:PORT`) out of a service for new flows, or brings it back. */
  async setDrained(service: string, endpoint: string, drained: boolean): Promise<void> {
    const path = `/sluice/v1/services/${service}/endpoints/${endpoint}/${drained ? 'drain' : 'undrain'}`
    const { status, body } = await this.request('POST', path)
    if (status !== 200) throw new Error(`POST ${path} answered ${status}: ${body}`)
  }

  /** The end of what the daemon wrote, for messages. */
  logTail(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n')
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + readyTimeoutMs
    while (performance.now() < deadline) {
      if (!this.running) throw new Error(`the daemon ended before it was ready; its last lines:\n${this.logTail()}`)
      try {
        if ((await this.request('GET', '/sluice/v1/status')).status === 200) return
      } catch {
        // Not listening yet.
      }
      await sleep(readyPollMs)
    }
    throw new Error(`the daemon did not answer in ${readyTimeoutMs} ms; its last lines:\n${this.logTail()}`)
  }
}
