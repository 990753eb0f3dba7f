// The demo's live view: traffic without end, and what the fast path makes of it, until the user has seen enough.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadStream, WriteStream } from 'node:tty'

import { runningInstances } from '../src/cli/target.ts'
import type { ServiceOutput } from '../src/api/schemas.ts'
import type { TrafficResult } from './clients.ts'
import type { Daemon } from './daemon.ts'
import { demoServices } from './demo-services.ts'
import { Screen } from './screen.ts'
import { renderLines, renderTable, tableOf } from './table.ts'
import type { ThreeServers } from './topology.ts'
import type { Traffic } from './traffic.ts'

const connectionsPerSecond = 40
const concurrency = 64
const screenPeriodMs = 500
const linesPeriodMs = 5_000
/** Shares are of the connections of this long, so that a drained endpoint is seen to get nothing. */
const shareWindowMs = 5_000

export interface LiveOptions {
  readonly topology: ThreeServers
  readonly instance: string
  readonly traffic: Traffic
  readonly daemon: Daemon
  readonly input: ReadStream
  readonly output: WriteStream
  readonly color: boolean
  readonly signal: AbortSignal
  /** Ends the view, from the keyboard. */
  readonly end: () => void
}

interface Sample {
  readonly takenAtMs: number
  readonly services: readonly ServiceOutput[]
}

export const runLive = async (options: LiveOptions): Promise<void> => {
  const { topology, traffic } = options
  for (const { protocol, port } of demoServices) {
    await traffic.start({ protocol, address: topology.vip, port, concurrency, perSecond: connectionsPerSecond })
  }
  const words = hints(options, await isOnlyInstance(options.instance))
  const interactive = options.input.isTTY && options.output.isTTY
  if (interactive) await onScreen(options, words)
  else await inLines(options, words)
  await traffic.stop()
}

const onScreen = async (options: LiveOptions, words: readonly string[]): Promise<void> => {
  const { daemon, traffic, signal } = options
  const samples: Sample[] = []
  let note = ''
  const screen = new Screen(options.input, options.output, (key) => {
    if (key === 'q' || key === '\x03') options.end()
    if (key === 'd') {
      note = 'changing the second endpoint'
      toggleSecondEndpoint(daemon).then(
        (text) => (note = text),
        (error: unknown) => (note = (error as Error).message),
      )
    }
  })
  let lines: readonly string[] = []
  try {
    while (!signal.aborted) {
      const problem = await takeSample(daemon, samples)
      lines = [
        ...headline(options),
        '',
        ...renderTable(tableOf(samples.at(-1)?.services ?? [], samples[0]?.services ?? []), options.color),
        failureLine(await traffic.progress()),
        problem ?? note,
      ]
      screen.show([...lines, '', ...words])
      await pause(screenPeriodMs, signal)
    }
  } finally {
    screen.close()
  }
  // The screen of its own is gone; what it showed last stays readable.
  options.output.write(`${lines.join('\n').trimEnd()}\n`)
}

const inLines = async (options: LiveOptions, words: readonly string[]): Promise<void> => {
  const { daemon, traffic, output, signal } = options
  output.write(`${[...headline(options), ...words.slice(0, -1)].join('\n')}\n`)
  const samples: Sample[] = []
  while (!signal.aborted) {
    const problem = await takeSample(daemon, samples)
    const failures = failureLine(await traffic.progress())
    const lines = renderLines(tableOf(samples.at(-1)?.services ?? [], samples[0]?.services ?? []))
    output.write(`${[...lines, problem ?? failures].join('\n')}\n`)
    await pause(linesPeriodMs, signal)
  }
}

const headline = ({ topology, instance }: LiveOptions): readonly string[] => {
  const clients = topology.clients.map(({ name }) => name).join(', ')
  const servers = topology.servers.map(({ name }) => name).join(', ')
  return [`Sluice lab ${instance}: ${clients} -> ${topology.balancer} (${topology.hook}) -> ${servers}`]
}

const hints = ({ topology, instance }: LiveOptions, only: boolean): readonly string[] => [
  'Type in a second shell:',
  `  ${execCommand(instance, `client -- curl http://${topology.vip}`)}`,
  `  bin/sluice get lb${only ? '' : ` --instance ${instance}`}`,
  'd drains the second endpoint and brings it back, q ends',
]

/** Without a name `lab exec` takes the lab called `lab`. */
const execCommand = (instance: string, rest: string): string =>
  `bin/sluice lab exec ${instance === 'lab' ? '' : `--instance ${instance} `}${rest}`

/** The command line finds the only instance by itself. */
const isOnlyInstance = async (instance: string): Promise<boolean> => {
  const running = await runningInstances(process.env)
  return running.length === 1 && running[0] === instance
}

const failureLine = ({ failed, failures }: TrafficResult): string => {
  const reasons = Object.entries(failures).map(([reason, count]) => `${reason}: ${count}`)
  return `failed connections: ${failed}${failed === 0 ? '' : ` (${reasons.join(', ')})`}`
}

/** Adds what the daemon says now and drops what is older than the window; in words why there is nothing to add. */
const takeSample = async (daemon: Daemon, samples: Sample[]): Promise<string | null> => {
  try {
    samples.push({ takenAtMs: performance.now(), services: await daemon.services() })
  } catch (error) {
    // The traffic goes on without the daemon, and so does the demo.
    return `the daemon does not answer, its programs go on balancing: ${(error as Error).message}`
  }
  const newest = samples.at(-1)?.takenAtMs ?? 0
  while (samples.length > 2 && newest - (samples[1]?.takenAtMs ?? 0) >= shareWindowMs) samples.shift()
  return null
}

/** The second endpoint of every service: drained if it was serving, and the other way round. */
const toggleSecondEndpoint = async (daemon: Daemon): Promise<string> => {
  const services = await daemon.services()
  const drained = services[0]?.endpoints[1]?.drained === false
  for (const service of services) {
    const endpoint = service.endpoints[1]
    if (endpoint !== undefined) await daemon.setDrained(service.name, `${endpoint.address}:${endpoint.port}`, drained)
  }
  return drained ? 'the second endpoint is drained: d brings it back' : 'the second endpoint is back'
}

const pause = async (durationMs: number, signal: AbortSignal): Promise<void> => {
  try {
    await sleep(durationMs, undefined, { signal })
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
  }
}
