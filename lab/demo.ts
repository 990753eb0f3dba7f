// `npm start`, which is `sluice lab`: a lab, a daemon, two services and real traffic, on show or once.

import type { Mode } from '../src/lb/model.ts'
import { demoConfig } from './demo-services.ts'
import { Lab } from './lab.ts'
import { runLive } from './live.ts'
import { runOnce, type Outcome } from './once.ts'
import { exitOnSignals } from './signals.ts'
import { type Hook, threeServers } from './topology.ts'
import { Traffic } from './traffic.ts'

const defaultInstance = 'lab'

export interface DemoOptions {
  /** null: `lab`, or the next free name after it */
  readonly instance: string | null
  readonly hook: Hook
  readonly mode: Mode
  readonly once: { readonly connections: number; readonly json: boolean } | null
}

/** Returns the exit code. Results go to stdout, everything else to stderr. */
export const runDemo = async (options: DemoOptions): Promise<number> => {
  const signals = exitOnSignals()
  const topology = threeServers({ hook: options.hook })
  say('bringing up a client, the balancer and three servers')
  const lab =
    options.instance === null
      ? await Lab.upUnderFreeName(topology, defaultInstance)
      : await Lab.up(topology, { instance: options.instance })
  try {
    const traffic = await Traffic.open(lab, topology)
    say('starting the daemon on the balancer')
    const daemon = await lab.startDaemon(demoConfig(topology, options.mode))
    if (options.once !== null) {
      say(`making ${options.once.connections} connections`)
      return report(await runOnce(topology, traffic, daemon, options.once.connections), options.once.json)
    }
    const ending = new AbortController()
    const end = (): void => ending.abort()
    signals.use(end)
    await runLive({
      topology,
      instance: lab.instance,
      traffic,
      daemon,
      input: process.stdin,
      output: process.stdout,
      color: wantsColor(),
      signal: ending.signal,
      end,
    })
    return 0
  } finally {
    say('taking everything down')
    await lab.down()
  }
}

const report = ({ summary, problems }: Outcome, json: boolean): number => {
  process.stdout.write(json ? `${JSON.stringify(summary)}\n` : `${renderSummary(summary).join('\n')}\n`)
  problems.forEach(say)
  return problems.length === 0 ? 0 : 1
}

const renderSummary = ({ services, verdicts }: Outcome['summary']): readonly string[] => [
  ...services.flatMap((service) => [
    `${service.name}  ${service.vip}  ${service.protocol}  ${service.mode}  ${service.hook}`,
    ...service.endpoints.map(({ address, connections }) => `  ${address.padEnd(16)}${String(connections).padStart(8)}`),
    `  ${'failed'.padEnd(16)}${String(service.failed).padStart(8)}`,
  ]),
  'verdicts',
  ...Object.entries(verdicts).map(([name, count]) => `  ${name.padEnd(16)}${String(count).padStart(8)}`),
]

const wantsColor = (): boolean => process.stdout.isTTY && process.stdout.hasColors()

const say = (words: string): void => {
  process.stderr.write(`lab: ${words}\n`)
}
