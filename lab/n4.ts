// `sluice lab n4`: two SMFs with their gNBs, the balancer, three UPFs. Sessions are made through the N4 proxy, their
// GTP-U follows them, a UPF is killed and its sessions go on at the others.

import { setTimeout as sleep } from 'node:timers/promises'

import { openSimSmf, openSimUpf, type SmfHandle, type UpfHandle } from '../src/sim/open.ts'
import type { N4Sessions } from '../src/api/schemas.ts'
import type { Daemon } from './daemon.ts'
import type { Remote } from './host.ts'
import { Lab } from './lab.ts'
import { liveLines, problemsOf, summaryLines, type Counts, type N4Summary, type Window } from './n4-summary.ts'
import { Screen } from './screen.ts'
import { exitOnSignals } from './signals.ts'
import { balancerDevices, threeServers, type Hook, type ThreeServers } from './topology.ts'

const simModule = new URL('../src/sim/open.ts', import.meta.url)
const pollMs = 50
const windowMs = 3000
/** for what is on its way when nothing more is sent */
const settleMs = 500
const waitMs = 60_000
/** Sessions that one answer of the daemon may have: of more, their counters could not be compared. */
export const mostSessions = 65_536
const linePeriodMs = 1000
const concurrency = 128
const upfKilled = 1
/** So that the death of a UPF is seen within 1.6 seconds. */
const detection = { heartbeat: 1, t1: 200, n1: 2 } as const

export interface N4LabOptions {
  /** null: `n4`, or the next free name after it */
  readonly instance: string | null
  readonly hook: Hook
  readonly sessions: number
  readonly packetsPerSecond: number
  readonly once: boolean
  readonly json: boolean
}

const n4Config = (topology: ThreeServers): object => ({
  version: 1,
  log: { format: 'text' },
  interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
  services: [
    {
      name: 'n3',
      vip: topology.vip,
      port: 2152,
      protocol: 'udp',
      select: 'n3',
      miss: 'error',
      endpoints: topology.servers.map(({ address }) => ({ address })),
    },
    {
      name: 'n4',
      vip: topology.vip,
      port: 8805,
      protocol: 'udp',
      mode: 'proxy',
      select: 'n4',
      n4: { tunnels: 'n3', onLoss: 'restore', ...detection },
      endpoints: topology.servers.map(({ address }) => ({ address })),
    },
  ],
})

interface Scene {
  readonly lab: Lab
  readonly daemon: Daemon
  readonly topology: ThreeServers
  readonly smfs: readonly Remote<SmfHandle>[]
  readonly upfs: Remote<UpfHandle>[]
}

/** Returns the exit code. Results go to stdout, everything else to stderr. */
export const runN4Lab = async (options: N4LabOptions): Promise<number> => {
  const signals = exitOnSignals()
  const topology = threeServers({ hook: options.hook, clients: 2 })
  say('bringing up two SMFs, the balancer and three UPFs')
  const { instance } = options
  const lab = instance === null ? await Lab.upUnderFreeName(topology, 'n4') : await Lab.up(topology, { instance })
  try {
    const daemon = await lab.startDaemon(n4Config(topology))
    const scene = await openScene(lab, daemon, topology)
    const summary = await play(scene, options)
    process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `${summaryLines(summary).join('\n')}\n`)
    if (!options.once) await stay(scene, options, signals)
    return summary.problems.length === 0 ? 0 : 1
  } finally {
    say('taking everything down')
    await lab.down()
  }
}

const openUpf = ({ lab, topology }: Pick<Scene, 'lab' | 'topology'>, index: number): Promise<Remote<UpfHandle>> => {
  const { address, name } = topology.servers[index]!
  return lab.host(name).open(simModule, openSimUpf, { address, number: index + 1 })
}

/** Every SMF has UEs of its own. */
const uePrefixes = ['10.48.0.0/13', '10.56.0.0/13'] as const

const openScene = async (lab: Lab, daemon: Daemon, topology: ThreeServers): Promise<Scene> => {
  const upfs = await Promise.all(topology.servers.map((_, index) => openUpf({ lab, topology }, index)))
  const smfs = await Promise.all(
    topology.clients.map(({ address, name }, index) =>
      lab.host(name).open(simModule, openSimSmf, {
        address,
        gnbs: [address],
        peer: topology.vip,
        n3: topology.vip,
        uePrefix: uePrefixes[index] ?? uePrefixes[0],
      }),
    ),
  )
  return { lab, daemon, topology, smfs, upfs }
}

const play = async (scene: Scene, { packetsPerSecond, sessions }: N4LabOptions): Promise<N4Summary> => {
  const { smfs, upfs } = scene
  await until('the proxy is associated with all UPFs', async () => {
    const states = await Promise.all(upfs.map((upf) => upf.use('state')))
    return states.every(({ associations }) => associations.length > 0)
  })
  for (const smf of smfs) await smf.use('associate')
  say(`establishing ${sessions} sessions`)
  const began = performance.now()
  const job = { perSecond: Infinity, concurrency: concurrency / smfs.length }
  await Promise.all(smfs.map((smf, index) => smf.use('establish', shareOf(sessions, index, smfs.length), job)))
  const establishMs = performance.now() - began

  say(`sending ${packetsPerSecond} packets a second`)
  const calm = await measure(scene, packetsPerSecond, () => sleep(windowMs))
  const endpoints = await endpointsOf(scene)

  const killed = scene.topology.servers[upfKilled]!
  say(`killing the UPF at ${killed.address}`)
  let restoreMs = 0
  const loss = await measure(scene, packetsPerSecond, async () => {
    const at = performance.now()
    await upfs[upfKilled]!.use('stop')
    await until('all its sessions are at the others', async () => {
      const states = await Promise.all(others(upfs).map((upf) => upf.use('state')))
      return states.reduce((sum, state) => sum + state.sessions, 0) >= sessions
    })
    restoreMs = performance.now() - at
    await sleep(settleMs)
  })
  const after = await measure(scene, packetsPerSecond, () => sleep(windowMs))
  const counted = { before: totalOf(endpoints), after: totalOf(await endpointsOf(scene)) }

  say(`starting the UPF at ${killed.address} again`)
  upfs[upfKilled] = await openUpf(scene, upfKilled)
  await until('the proxy is associated with it again', async () => {
    const { associations } = await upfs[upfKilled]!.use('state')
    return associations.length > 0
  })
  const up = (await Promise.all(smfs.map((smf) => smf.use('report')))).reduce((sum, one) => sum + one.sessions.up, 0)
  const peers = (await Promise.all(smfs.map((smf) => smf.use('report')))).flatMap((report) => report.problems)
  const summary = {
    sessions: up,
    steered: calm.steered + after.steered,
    misrouted: calm.misrouted + loss.misrouted + after.misrouted,
    lost: calm.lost + after.lost,
    endpoints,
    establishMs: Math.round(establishMs),
    failover: { restoreMs: Math.round(restoreMs), lost: loss.lost, steered: loss.steered },
  }
  const problems = problemsOf(summary, { wanted: sessions, steeredAfter: after.steered, counted, peers })
  return { ...summary, problems }
}

const totalOf = (endpoints: N4Summary['endpoints']): number => endpoints.reduce((sum, { counted }) => sum + counted, 0)

const shareOf = (total: number, index: number, parts: number): number => Math.floor((total + index) / parts)

const others = (upfs: readonly Remote<UpfHandle>[]): readonly Remote<UpfHandle>[] =>
  upfs.filter((_, index) => index !== upfKilled)

/** Sends while `act` goes on; what became of these packets. */
const measure = async (scene: Scene, perSecond: number, act: () => Promise<void>): Promise<Window> => {
  const before = await countsOf(scene)
  for (const smf of scene.smfs) await smf.use('send', perSecond / scene.smfs.length)
  await act()
  for (const smf of scene.smfs) await smf.use('send', 0)
  await sleep(settleMs)
  const after = await countsOf(scene)
  return {
    steered: after.answered - before.answered,
    misrouted: after.misrouted - before.misrouted,
    lost: after.sent - before.sent - (after.answered - before.answered),
  }
}

/** Misrouted: at a UPF that does not know the tunnel or its UE, or answered in another session's. */
const countsOf = async ({ smfs, upfs }: Scene): Promise<Counts> => {
  const traffic = (await Promise.all(smfs.map((smf) => smf.use('report')))).map((report) => report.traffic)
  const planes = (await Promise.all(upfs.map((upf) => upf.use('state')))).map((state) => state.userPlane)
  const sum = <One>(list: readonly One[], of: (one: One) => number): number =>
    list.reduce((total, one) => total + of(one), 0)
  return {
    sent: sum(traffic, ({ sent }) => sent),
    answered: sum(traffic, ({ answered }) => answered),
    misrouted: sum(traffic, ({ crossed }) => crossed) + sum(planes, (plane) => plane.unknownTeid + plane.wrongUe),
  }
}

const endpointsOf = async ({ daemon, topology, upfs }: Scene): Promise<N4Summary['endpoints']> => {
  const counted = await countedOf(daemon)
  return Promise.all(
    upfs.map(async (upf, index) => {
      const { sessions, userPlane } = await upf.use('state')
      const { address } = topology.servers[index]!
      return { address, sessions, packets: userPlane.packets, counted: counted.get(address) ?? 0 }
    }),
  )
}

/** By the address of the UPF that has the session: what eBPF has counted of uplink packets. */
const countedOf = async (daemon: Daemon): Promise<ReadonlyMap<string, number>> => {
  const { body, status } = await daemon.request('GET', `/sluice/v1/sessions?limit=${mostSessions}`)
  if (status !== 200) throw new Error(`the daemon answered ${status}: ${body}`)
  const { sessions } = JSON.parse(body) as N4Sessions
  const counted = new Map<string, number>()
  for (const { upf, uplink } of sessions) {
    const address = upf.slice(0, upf.lastIndexOf(':'))
    counted.set(address, (counted.get(address) ?? 0) + Number(uplink?.packets ?? 0))
  }
  return counted
}

/** Traffic until Ctrl-C, with what each UPF gets: on a terminal as a table that changes, else as lines. */
const stay = async (
  scene: Scene,
  { packetsPerSecond }: N4LabOptions,
  signals: ReturnType<typeof exitOnSignals>,
): Promise<void> => {
  const ending = new AbortController()
  const end = (): void => ending.abort()
  signals.use(end)
  for (const smf of scene.smfs) await smf.use('send', packetsPerSecond / scene.smfs.length)
  const hint = `bin/sluice get sessions --instance ${scene.lab.instance} shows the sessions; q or Ctrl-C ends`
  const { stdin, stdout } = process
  const isTerminal = stdin.isTTY && stdout.isTTY
  const screen = isTerminal ? new Screen(stdin, stdout, (key) => (key === 'q' || key === '\x03') && end()) : null
  if (screen === null) say(hint)
  try {
    while (!ending.signal.aborted) {
      const [endpoints, counts] = [await endpointsOf(scene), await countsOf(scene)]
      const lines = liveLines(endpoints, counts)
      if (screen === null) stdout.write(`${lines.join('\n')}\n`)
      else screen.show([...lines, '', hint])
      await sleep(linePeriodMs, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  } finally {
    screen?.close()
  }
}

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${waitMs} ms in vain for this: ${what}`)
    await sleep(pollMs)
  }
}

const say = (text: string): void => void process.stderr.write(`lab: ${text}\n`)
