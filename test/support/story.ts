// What the stories share: a lab with a daemon on its balancer, the command line as a second shell uses it, counters as
// plain numbers, and waiting for something to become true.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import type { Encapsulation, Mode, Select, Transport } from '../../src/lb/model.ts'
import type { ExecutionContext } from 'ava'
import { stringify } from 'yaml'

import type { Daemon, Ended as DaemonEnd } from '../../lab/daemon.ts'
import type { Lab } from '../../lab/lab.ts'
import { labFor } from '../../lab/testing.ts'
import { balancerDevices, type ThreeServers } from '../../lab/topology.ts'
import type { Flow } from '../../src/api/schemas.ts'
import type { Need } from '../../src/testing/needs.ts'

export const storyNeeds = ['root', 'bpf', 'netns', 'ethtool'] as const satisfies readonly Need[]

/** A service as it stands in the configuration file. */
export interface ServiceEntry {
  readonly name: string
  readonly vip?: string
  readonly port?: number | string
  readonly protocol: Transport
  readonly mode?: Mode
  readonly encapsulation?: Encapsulation
  readonly vips?: readonly string[]
  readonly select?: Select
  readonly announce?: 'local' | 'routed'
  readonly endpoints: readonly EndpointEntry[]
}

export interface EndpointEntry {
  readonly address: string
  readonly port?: number
  readonly weight?: number
  readonly drained?: boolean
}

/** The lab's servers as endpoints. */
export const endpointsOf = (topology: ThreeServers, port?: number): readonly EndpointEntry[] =>
  topology.servers.map(({ address }) => ({ address, ...(port === undefined ? {} : { port }) }))

/** A configuration with tables small enough to be made in no time. `more` replaces whole sections. */
export const storyConfig = (topology: ThreeServers, services: readonly ServiceEntry[], more: object = {}): object => ({
  version: 1,
  log: { format: 'text' },
  api: { listen: 'off' },
  limits: { flows: 16_384, services: 64, endpoints: 512, slotPages: 256 },
  interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
  services: services.map((service) => ({ vip: topology.vip, announce: 'routed', ...service })),
  ...more,
})

export interface Story {
  readonly lab: Lab
  readonly daemon: Daemon
}

/** A lab with a running daemon, both gone when the test ends. What the daemon said is shown when the test fails. */
export const startStory = async (t: ExecutionContext, topology: ThreeServers, config: object): Promise<Story> => {
  const lab = await labFor(t, topology)
  const daemon = await lab.startDaemon(config)
  t.teardown(() => {
    if (!t.passed) t.log(daemon.logTail())
  })
  return { lab, daemon }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const launcher = fileURLToPath(new URL('../../bin/sluice', import.meta.url))

/** `bin/sluice` in a second shell: outside of the lab, with nothing but the instance's name. Words have no spaces. */
export const sluice = (lab: Lab, line: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(launcher, ['--instance', lab.instance, ...line.split(' ')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...output }))
  })

const defaultWaitMs = 10_000
const pollMs = 25

/** Changes the daemon's file; it is told by SIGHUP or `sluice reload`. */
export const writeConfig = (daemon: Daemon, config: object): void => writeFileSync(daemon.configFile, stringify(config))

/** Asks until the answer is neither false nor undefined, and returns it. */
export const until = async <T>(
  what: string,
  probe: () => Promise<T | false | undefined>,
  timeoutMs = defaultWaitMs,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await probe()
    if (answer !== false && answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for this: ${what}`)
    await sleep(pollMs)
  }
}

/** Packets that ended with a verdict, under both hooks together. */
export const verdictCount = async (daemon: Daemon, name: string): Promise<number> => {
  const { xdp, tc } = (await daemon.status()).verdicts
  return Number(xdp[name] ?? 0) + Number(tc[name] ?? 0)
}

/** All drops there were: name -> packets. */
export const drops = async (daemon: Daemon): Promise<Readonly<Record<string, number>>> => {
  const { xdp, tc } = (await daemon.status()).verdicts
  const found: Record<string, number> = {}
  for (const [name, count] of [...Object.entries(xdp), ...Object.entries(tc)])
    if (name.startsWith('drop_') && Number(count) > 0) found[name] = (found[name] ?? 0) + Number(count)
  return found
}

/** Sends a signal that ends the daemon, and waits until it has gone. */
export const end = async (daemon: Daemon, signal: NodeJS.Signals): Promise<DaemonEnd> => {
  daemon.kill(signal)
  // The daemon alone does not keep a test's process alive, so its end is asked for.
  await until(`the daemon has gone after ${signal}`, async () => !daemon.running)
  return daemon.ended
}

export interface EndpointNumbers {
  /** flows ever created */
  readonly flows: number
  /** flows that live now */
  readonly active: number
  readonly packets: number
  readonly bytes: number
}

/** What the fast path counted for a service, by endpoint address. */
export const endpointNumbers = async (daemon: Daemon, name: string): Promise<ReadonlyMap<string, EndpointNumbers>> => {
  const service = (await daemon.services()).find((each) => each.name === name)
  if (service === undefined) throw new Error(`the daemon has no service ${name}`)
  return new Map(
    service.endpoints.map(({ address, counters, activeFlows }) => [
      address,
      {
        flows: Number(counters.flows),
        active: activeFlows,
        packets: Number(counters.packets),
        bytes: Number(counters.bytes),
      },
    ]),
  )
}

const flowsLimit = 65_536

export const flowsOf = async (daemon: Daemon): Promise<readonly Flow[]> =>
  (await daemon.get<{ flows: readonly Flow[] }>(`/sluice/v1/flows?limit=${flowsLimit}`)).flows

export const sum = (numbers: Iterable<number>): number => {
  let total = 0
  for (const number of numbers) total += number
  return total
}
