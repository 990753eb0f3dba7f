// A UPF with all sessions dies. Measured from when the daemon says so: until all of them are at the others, and until
// the packets of each of some sessions are answered again.

import { setTimeout as sleep } from 'node:timers/promises'
import { Scene, until } from './scene.ts'
import { toRow } from './row.ts'
import type { Remote } from '../../lab/host.ts'
import type { SmfHandle } from '../../src/sim/open.ts'
import type { BenchOptions } from '../main.ts'
import type { Row } from './row.ts'

const goals = { restoreMs: 2000, gapMs: 300 } as const
const sessions = 10_000
/** Sessions that send, made evenly among the others: each sends every 20 ms. */
const probes = 100
const packetsPerSecond = 5000
const calmMs = 1000
const pollMs = 5
const job = { perSecond: Infinity, concurrency: 128 } as const

export const benchFailover = ({ progress }: BenchOptions): Promise<readonly Row[]> =>
  Scene.use(async (scene) => {
    progress.say(`establishing ${sessions} sessions at one UPF`)
    const dying = await scene.openUpf(0)
    const [smf, prober] = [await scene.openSmf(0), await scene.openSmf(1)]
    for (let made = 0; made < probes; made++) {
      await smf.use('establish', (sessions - probes) / probes, job)
      await prober.use('establish', 1, job)
    }
    const others = [await scene.openUpf(1), await scene.openUpf(2)]
    await prober.use('send', packetsPerSecond)
    await sleep(calmMs)

    progress.say('the UPF dies')
    const diedAtMs = Date.now()
    const cpuBefore = scene.processorMs()
    await dying.use('stop')
    const moves: { readonly atMs: number; readonly moved: number }[] = []
    let restoredAtMs: number | null = null
    await until(
      'all sessions are at the others, and have been answered there',
      async () => {
        const { moved } = (await prober.use('report')).traffic
        moves.push({ atMs: Date.now(), moved })
        if (restoredAtMs === null) {
          const states = await Promise.all(others.map((upf) => upf.use('state')))
          if (states.reduce((sum, state) => sum + state.sessions, 0) >= sessions) restoredAtMs = Date.now()
        }
        return restoredAtMs !== null && moved >= probes
      },
      pollMs,
    )
    const cpuMs = scene.processorMs() - cpuBefore
    await prober.use('send', 0)
    const seenAtMs = scene.saidAtMs('n4: upf-down')
    if (seenAtMs === null || restoredAtMs === null) throw new Error('the daemon has not seen that the UPF died')
    const problems = [...(await problemsOf(smf, sessions - probes)), ...(await problemsOf(prober, probes))]
    const { longestGapMs } = (await prober.use('report')).traffic
    return [
      toRow(
        {
          case: 'failover-restore-10000',
          unit: 'ms',
          value: restoredAtMs - seenAtMs,
          goal: goals.restoreMs,
          better: 'less',
          beside: { detection_ms: seenAtMs - diedAtMs, daemon_cpu_ms: Math.round(cpuMs) },
        },
        problems,
      ),
      toRow(
        {
          case: 'failover-uplink-gap',
          unit: 'ms',
          value: gapOf(moves, seenAtMs, 1),
          goal: goals.gapMs,
          better: 'less',
          beside: {
            first_ms: gapOf(moves, seenAtMs, 1 / probes),
            p50_ms: gapOf(moves, seenAtMs, 0.5),
            whole_gap_ms: longestGapMs,
          },
        },
        problems,
      ),
    ]
  })

/** How long after detection this share of the probes had been answered by another UPF. */
export function gapOf(
  moves: readonly { readonly atMs: number; readonly moved: number }[],
  seenAtMs: number,
  share: number,
): number {
  const found = moves.find(({ moved }) => moved >= share * probes)
  if (found === undefined) throw new Error(`fewer than ${share * probes} probes were answered again`)
  return Math.max(0, found.atMs - seenAtMs)
}

const problemsOf = async (smf: Remote<SmfHandle>, wanted: number): Promise<readonly string[]> => {
  const { problems, sessions: counts } = await smf.use('report')
  return [
    ...problems.map((problem) => JSON.stringify(problem)),
    ...(counts.up === wanted ? [] : [`${counts.up} of ${wanted} sessions are up`]),
  ]
}
