// Hosts for the tests, each a network namespace: some boxes and a peer on one Ethernet.
//
//     box 10.77.0.1, fd77::1 eth0 --- port0 |
//                                           | br0 10.77.0.254, fd77::fe (peer)
//     other 10.77.0.2, fd77::2 eth0 - port1 |

import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import type { Network } from '../index.ts'
import type { Events, OpenOptions, Reply, Request } from './worker.ts'

let lastNumber = 0

/** A namespace; it goes with the test. */
export class TestHost {
  readonly #name: string

  constructor(t: ExecutionContext) {
    this.#name = `slnw-${process.pid}-${(Date.now() % 1e6).toString(36)}-${lastNumber++}`
    run('ip', ['netns', 'add', this.#name])
    t.teardown(() => run('ip', ['netns', 'del', this.#name]))
    // Without addresses of the kernel's own making, which come seconds later and are a change too.
    this.run('sysctl -qw net.ipv6.conf.default.addr_gen_mode=1')
    this.ip('link set lo up')
  }

  get path(): string {
    return `/run/netns/${this.#name}`
  }

  /** Runs a command on the host; its words have no spaces. */
  run(line: string): string {
    const [program = '', ...args] = line.split(' ')
    return run('nsenter', [`--net=${this.path}`, '--', program, ...args])
  }

  ip(line: string): string {
    return this.run(`ip ${line}`)
  }

  /** Connects a new device of this host to a new one of another. */
  connect(device: string, other: TestHost, otherDevice: string): void {
    this.ip(`link add ${device} type veth peer name ${otherDevice} netns ${other.#name}`)
    this.ip(`link set ${device} up`)
    other.ip(`link set ${otherDevice} up`)
  }
}

export interface Lan {
  readonly box: TestHost
  readonly other: TestHost
  readonly peer: TestHost
}

export function buildLan(t: ExecutionContext): Lan {
  const lan = { box: new TestHost(t), other: new TestHost(t), peer: new TestHost(t) }
  lan.peer.ip('link add br0 type bridge')
  lan.peer.ip('link set br0 up')
  lan.box.connect('eth0', lan.peer, 'port0')
  lan.other.connect('eth0', lan.peer, 'port1')
  for (const port of ['port0', 'port1']) lan.peer.ip(`link set ${port} master br0`)
  const addresses = [
    [lan.box, 'eth0', '1'],
    [lan.other, 'eth0', '2'],
    [lan.peer, 'br0', '254'],
  ] as const
  for (const [host, device, number] of addresses) {
    host.ip(`addr add 10.77.0.${number}/24 dev ${device}`)
    host.ip(`addr add fd77::${number === '254' ? 'fe' : number}/64 dev ${device} nodad`)
  }
  return lan
}

type Result<Method extends keyof Network> = Awaited<ReturnType<Network[Method]>>

/** A Network inside a host, in a thread of its own. */
export class RemoteNetwork {
  readonly #worker: Worker
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0

  private constructor(host: TestHost) {
    this.#worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: host.path })
    this.#worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if ('error' in reply) waiting?.reject(reply.error)
      else waiting?.resolve(reply.result)
    })
    this.#worker.on('error', (error: Error) => {
      for (const { reject } of this.#waiting.values()) reject(error)
    })
  }

  static async open(t: ExecutionContext, host: TestHost, options: OpenOptions = {}): Promise<RemoteNetwork> {
    const network = new RemoteNetwork(host)
    t.teardown(() => network.kill())
    await network.#request('open', [{ settleMs: 50, interfaces: ['eth0'], ...options }])
    return network
  }

  async call<Method extends keyof Network>(
    method: Method,
    ...args: Parameters<Network[Method]>
  ): Promise<Result<Method>> {
    return (await this.#request(method, args)) as Result<Method>
  }

  async events(): Promise<Events> {
    return (await this.#request('events', [])) as Events
  }

  /** As if the daemon were killed: nothing is closed first. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }

  #request(method: Request['method'], args: readonly unknown[]): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>()
    const id = ++this.#lastId
    this.#waiting.set(id, waiting)
    this.#worker.postMessage({ id, method, args } satisfies Request)
    return waiting.promise
  }
}

/** Waits until `look` gives something other than null or false. */
export async function until<T>(what: string, look: () => T | null | false | Promise<T | null | false>): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
