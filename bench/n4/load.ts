// How many sessions a second the proxy establishes, and what it adds to the time of one at half of that.

import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../report.ts'
import { Scene } from './scene.ts'
import { toRow } from './row.ts'
import type { Remote } from '../../lab/host.ts'
import type { SmfHandle } from '../../src/sim/open.ts'
import type { BenchOptions } from '../main.ts'
import type { Row } from './row.ts'

const goals = { perSecond: 10_000, addedMs: 1 } as const
const defaultSessions = 10_000
/** under way at once: as fast as it goes, and at half load, where the generator makes up for what came late */
const concurrency = { full: 128, half: 16 } as const
/** before what is measured, so that the compilers on all sides have done their work */
const warmUp = 5000
/** So that the SMF that comes next has another recovery time stamp. */
const restartMs = 1100
const latencyRounds = 5
const latencyRoundSeconds = 2

const server = 0
const upfs = 3

export const benchLoad = (options: BenchOptions): Promise<readonly Row[]> =>
  Scene.use(async (scene) => {
    for (let index = 0; index < upfs; index++) await scene.openUpf(index)
    const rate = await measureRate(scene, options)
    const half = Math.floor(Math.min(goals.perSecond, rate.wallPerSecond) / 2)
    return [rate.row, ...(await measureLatency(scene, half, options))]
  })

async function measureRate(
  scene: Scene,
  { progress, repeat, rounds }: BenchOptions,
): Promise<{ readonly row: Row; readonly wallPerSecond: number }> {
  const smf = await scene.openSmf(0)
  const sessions = repeat ?? defaultSessions
  const job = { perSecond: Infinity, concurrency: concurrency.full }
  await smf.use('establish', warmUp, job)
  const measured: { readonly wall: number; readonly cpu: number; readonly share: number }[] = []
  for (let round = 0; round < rounds; round++) {
    progress.say(`establishing ${sessions} sessions: round ${round + 1} of ${rounds}`)
    const [beganAt, before] = [performance.now(), scene.processorMs()]
    await smf.use('establish', sessions, job)
    const [wallMs, cpuMs] = [performance.now() - beganAt, scene.processorMs() - before]
    measured.push({ wall: (sessions * 1000) / wallMs, cpu: (sessions * 1000) / cpuMs, share: cpuMs / wallMs })
  }
  const best = measured.toSorted((a, b) => b.cpu - a.cpu)[0]!
  const wallPerSecond = Math.round(Math.max(...measured.map(({ wall }) => wall)))
  const row = toRow(
    {
      case: 'establishments',
      unit: 'sessions/s',
      value: Math.round(best.cpu),
      goal: goals.perSecond,
      better: 'more',
      beside: {
        median_per_cpu_second: Math.round(median(measured.map(({ cpu }) => cpu))),
        wall_per_s: wallPerSecond,
        wall_median_per_s: Math.round(median(measured.map(({ wall }) => wall))),
        daemon_core_share: Math.round(best.share * 100) / 100,
      },
    },
    await problemsOf(smf, warmUp + sessions * rounds),
  )
  progress.say('removing the sessions')
  await end(smf)
  return { row, wallPerSecond }
}

const end = async (smf: Remote<SmfHandle>): Promise<void> => {
  await smf.use('remove', { perSecond: Infinity, concurrency: concurrency.full })
  await smf.use('release')
  await smf.use('stop')
}

const problemsOf = async (smf: Remote<SmfHandle>, wanted: number): Promise<readonly string[]> => {
  const { pfcp, problems, sessions } = await smf.use('report')
  return [
    ...problems.map((problem) => JSON.stringify(problem)),
    ...(sessions.established === wanted ? [] : [`${sessions.established} of ${wanted} sessions were established`]),
    ...(pfcp.retransmitted === 0 ? [] : [`${pfcp.retransmitted} requests had to be sent again`]),
  ]
}

/** Warmed up by an SMF before it, whose times do not count. */
const warmSmf = async (scene: Scene, client: number, to: number | null): Promise<Remote<SmfHandle>> => {
  const before = await scene.openSmf(client, to)
  await before.use('establish', warmUp, { perSecond: Infinity, concurrency: concurrency.half })
  await end(before)
  await sleep(restartMs)
  return scene.openSmf(client, to)
}

async function measureLatency(scene: Scene, perSecond: number, { progress }: BenchOptions): Promise<readonly Row[]> {
  progress.say('warming up')
  const proxied = await warmSmf(scene, 1, null)
  const direct = await warmSmf(scene, 2, server)
  const job = { perSecond, concurrency: concurrency.half }
  const count = perSecond * latencyRoundSeconds
  const spent = { cpuMs: 0, wallMs: 0 }
  for (let round = 0; round < latencyRounds; round++) {
    // In turns, so that whatever else the machine does meets both.
    progress.say(`${perSecond} sessions a second: round ${round + 1} of ${latencyRounds}`)
    const [beganAt, before] = [performance.now(), scene.processorMs()]
    await proxied.use('establish', count, job)
    spent.cpuMs += scene.processorMs() - before
    spent.wallMs += performance.now() - beganAt
    await direct.use('establish', count, job)
  }
  const [through, straight] = [await tookBy(proxied), await tookBy(direct)]
  const problems = [
    ...(await problemsOf(proxied, count * latencyRounds)),
    ...(await problemsOf(direct, count * latencyRounds)),
  ]
  const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
  const added = (percentile: 'p50Ms' | 'p99Ms'): Row =>
    toRow(
      {
        case: `added-latency-${percentile.slice(0, 3)}`,
        unit: 'ms',
        value: rounded(through[percentile] - straight[percentile]),
        goal: goals.addedMs,
        better: 'less',
        beside: {
          through_ms: through[percentile],
          direct_ms: straight[percentile],
          offered_per_s: perSecond,
          achieved_per_s: Math.round((count * latencyRounds * 1000) / spent.wallMs),
          daemon_core_share: Math.round((spent.cpuMs / spent.wallMs) * 100) / 100,
        },
      },
      problems,
    )
  await end(proxied)
  await end(direct)
  return [added('p50Ms'), added('p99Ms')]
}

const tookBy = async (smf: Remote<SmfHandle>) => (await smf.use('report')).took.establishment
