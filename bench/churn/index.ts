// The churn benchmark: so many connections a second that come and go on a table full of others, under the daemon as it
// is started for customers. What it must show: that no connection is refused for want of room, and how much of a core
// the daemon takes to free what has closed.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Lab } from '../../lab/lab.ts'
import { balancerDevices, threeServers } from '../../lab/topology.ts'
import { parse } from '../../src/config/parse.ts'
import { pinDirectory } from '../../src/lb/paths.ts'
import { machineLine } from '../machine.ts'
import { table } from '../report.ts'
import { clientPrefix, connectionPackets, openTraffic } from './traffic.ts'
import type { BenchOptions } from '../main.ts'
import type { Column } from '../report.ts'
import type { Traffic } from './traffic.ts'
import type { Daemon } from '../../lab/daemon.ts'
import type { Host, Remote } from '../../lab/host.ts'
import type { ThreeServers } from '../../lab/topology.ts'

/** What share of a core the daemon may take, and what share of the rate must be reached. */
const coreGoal = 0.1
const rateGoal = 0.99
const port = 80
const targetPort = 8080
const idleMs = 10_000
/** Closed flows go within a second, and then some. */
const settleMs = 3000
const clockTicksPerSecond = 100

/** One line of the JSON output. */
interface Row {
  readonly bench: 'churn'
  readonly case: string
  readonly seconds: number
  readonly held_flows: number
  readonly wanted_per_s: number
  readonly achieved_per_s: number
  readonly flows_full: number
  readonly core_share: number
  readonly core_share_idle: number
  readonly core_share_goal: number
  readonly ok: boolean
  readonly problems: readonly string[]
}

/** True when every goal was met. */
export const benchChurn = async (options: BenchOptions): Promise<boolean> => {
  const topology = threeServers({ hook: 'tc' })
  const lab = await Lab.upUnderFreeName(topology, 'bench-churn')
  try {
    const row = await measure(lab, topology, options)
    options.progress.clear()
    if (options.json) process.stdout.write(`${JSON.stringify(row)}\n`)
    else print(row)
    return row.ok
  } finally {
    options.progress.clear()
    await lab.down()
  }
}

const configuration = (topology: ThreeServers): object => ({
  version: 1,
  interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
  services: [
    {
      name: 'churn',
      vip: topology.vip,
      port,
      protocol: 'tcp',
      announce: 'routed',
      endpoints: [{ address: topology.servers[0]?.address, port: targetPort }],
    },
  ],
})

const measure = async (lab: Lab, topology: ThreeServers, options: BenchOptions): Promise<Row> => {
  const { churn, progress } = options
  const { held, perSecond, seconds } = churn
  progress.say('starting the daemon')
  const route = await lab.balancer.run('ip', ['route', 'add', clientPrefix, 'via', topology.clients[0]?.address ?? ''])
  if (route.code !== 0) throw new Error(`no route to the clients: ${route.stderr}`)
  const daemon = await lab.startDaemon(configuration(topology))
  const traffic = await trafficOn(lab, topology)
  progress.say(`making ${held} connections that stay`)
  await traffic.use('hold', held)
  const problems: string[] = []
  const mustHold = async (when: string): Promise<void> => {
    const entries = await traffic.use('entries')
    if (entries !== 2 * held) problems.push(`${when} the table has ${entries} entries, but must have ${2 * held}`)
  }
  await mustHold('at the start')
  progress.say('measuring the daemon with nothing to do')
  const idle = await shareOf(daemon, () => sleep(idleMs))
  const before = await packets(daemon)
  let connections = 0
  let elapsedMs = 0
  const busy = await shareOf(daemon, async () => {
    for (let second = 1; second <= seconds; second++) {
      progress.say(`second ${second} of ${seconds}: ${Math.round((connections * 1000) / (elapsedMs || 1))} a second`)
      const slice = await traffic.use('churn', perSecond, 1000)
      connections += slice.connections
      elapsedMs += slice.elapsedMs
    }
  })
  await sleep(settleMs)
  await mustHold('after it')
  const achieved = Math.round((connections * 1000) / elapsedMs)
  const after = await packets(daemon)
  const difference = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  const forwarded = difference('forward')
  if (forwarded !== connections * connectionPackets)
    problems.push(`${forwarded} packets were sent on, but ${connections * connectionPackets} came`)
  for (const name of after.keys())
    if (name.startsWith('drop_') && difference(name) > 0) problems.push(`${name}: ${difference(name)} packets`)
  if (achieved < perSecond * rateGoal) problems.push(`${achieved} connections a second, and ${perSecond} were wanted`)
  if (busy > coreGoal) problems.push(`goal missed: ${percent(busy)} of a core, and the goal is ${percent(coreGoal)}`)
  return {
    bench: 'churn',
    case: 'tcp-dnat44-open-close',
    seconds,
    held_flows: held,
    wanted_per_s: perSecond,
    achieved_per_s: achieved,
    flows_full: difference('drop_flows_full'),
    core_share: rounded(busy),
    core_share_idle: rounded(idle),
    core_share_goal: coreGoal,
    ok: problems.length === 0,
    problems,
  }
}

const rounded = (share: number): number => Math.round(share * 10_000) / 10_000
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

const macOf = async (host: Host, device: string): Promise<string> => {
  const { stdout } = await host.run('ip', ['-json', 'link', 'show', 'dev', device])
  const [link] = JSON.parse(stdout) as readonly { readonly address: string }[]
  if (link === undefined) throw new Error(`${host.name} has no device ${device}`)
  return link.address
}

const trafficOn = async (lab: Lab, topology: ThreeServers): Promise<Remote<Traffic>> => {
  const [client, server] = [topology.clients[0], topology.servers[0]]
  if (client === undefined || server === undefined) throw new Error('the lab has no client or no server')
  const side = async (name: string) => ({
    device: name,
    mac: await macOf(lab.balancer, name),
    peerMac: await macOf(lab.host(name), 'eth0'),
  })
  return lab.balancer.open(new URL('traffic.ts', import.meta.url), openTraffic, {
    objects: fileURLToPath(new URL('../../build', import.meta.url)),
    benchObjects: fileURLToPath(new URL('../../build/bench', import.meta.url)),
    pins: pinDirectory(lab.instance),
    sizes: parse('version: 1\ninterfaces: [{ name: any }]\n').limits,
    vip: `${topology.vip}:${port}`,
    endpoint: `${server.address}:${targetPort}`,
    client: await side(client.name),
    server: await side(server.name),
  })
}

/** Milliseconds of processor time that the daemon has had so far, in all its threads. */
const processorMs = ({ pid }: Daemon): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // After the name, which may have anything in it: the state is field 3, user and system time are 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / clockTicksPerSecond
}

/** Share of a core that the daemon takes meanwhile. */
const shareOf = async (daemon: Daemon, work: () => Promise<unknown>): Promise<number> => {
  const [startedAt, before] = [performance.now(), processorMs(daemon)]
  await work()
  return (processorMs(daemon) - before) / (performance.now() - startedAt)
}

/** By verdict of the hook TC. */
const packets = async (daemon: Daemon): Promise<ReadonlyMap<string, number>> =>
  new Map(Object.entries((await daemon.status()).verdicts.tc).map(([name, count]) => [name, Number(count)]))

const columns: readonly Column[] = [
  { title: '', align: 'left' },
  { title: 'value', align: 'right' },
  { title: 'goal', align: 'right' },
]

const print = (row: Row): void => {
  const cells = [
    ['connections a second', String(row.achieved_per_s), String(row.wanted_per_s)],
    ['flows refused for want of room', String(row.flows_full), '0'],
    ['share of a core, daemon', percent(row.core_share), percent(row.core_share_goal)],
    ['the same without new connections', percent(row.core_share_idle), ''],
  ]
  const lines = [
    ...table(columns, cells),
    '',
    ...(row.ok ? ['every goal was met'] : row.problems),
    machineLine(),
    `method: ${row.held_flows} connections stay while others come and go for ${row.seconds} s, each of them`,
    `${connectionPackets} packets that pass the daemon's own TC program in test runs; the daemon runs beside it`,
    'with its defaults, and its share of a core is all that it does, as the kernel counts it.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
