// One round of load through one side, made by the C programs of bench/load on real kernel sockets.

import type { Side } from './sides.ts'

/** Connections under way at a time. */
const connectionsAtOnce = 64
const floodFlows = 48

export const loads = ['connections', 'packets'] as const
export type LoadName = (typeof loads)[number]

export const units: Readonly<Record<LoadName, string>> = { connections: 'connections/s', packets: 'packets/s' }

export interface Outcome {
  readonly perSecond: number
  readonly problem: string | null
}

export const runLoad = (load: LoadName, side: Side, programs: string, milliseconds: number): Promise<Outcome> =>
  (load === 'connections' ? connect : flood)(side, programs, milliseconds)

const connect = async (side: Side, programs: string, milliseconds: number): Promise<Outcome> => {
  const args = [String(milliseconds), String(connectionsAtOnce), ...side.targets]
  const [completed = 0, failed = 0, tookNs = 1] = await numbers(side, `${programs}/connect`, args, milliseconds)
  return {
    perSecond: (completed * 1e9) / tookNs,
    problem: failed > 0 ? `${failed} of ${completed + failed} connections failed` : null,
  }
}

/** Counts what reaches the servers' devices: what their sockets do with it is the same on every side. */
const flood = async (side: Side, programs: string, milliseconds: number): Promise<Outcome> => {
  const before = await received(side)
  const args = [String(milliseconds), String(floodFlows), ...side.targets]
  const [sent = 0, tookNs = 1] = await numbers(side, `${programs}/flood`, args, milliseconds)
  const arrived = (await received(side)) - before
  return {
    perSecond: (arrived * 1e9) / tookNs,
    problem: arrived < sent * minimumArrived ? `only ${arrived} of ${sent} packets reached a server` : null,
  }
}

/** Queues may overflow under a flood, but a side that loses most packets has another fault. */
const minimumArrived = 0.5

const numbers = async (
  side: Side,
  program: string,
  args: readonly string[],
  milliseconds: number,
): Promise<readonly number[]> => {
  const result = await side.lab.host('client').run(program, args, { timeoutMs: milliseconds + 30_000 })
  if (result.code !== 0)
    throw new Error(`${program} ${args.join(' ')} failed on side ${side.name}: ${result.stderr.trim()}`)
  return result.stdout.trim().split(/\s+/).map(Number)
}

const received = async (side: Side): Promise<number> => {
  const counts = await Promise.all(
    side.topology.servers.map(async ({ name }) => {
      const { stdout } = await side.lab.host(name).run('cat', ['/proc/net/dev'])
      const line = stdout.split('\n').find((candidate) => candidate.trim().startsWith('eth0:')) ?? ''
      // bytes, packets, errors, ...
      return Number(line.trim().split(/[:\s]+/)[2] ?? 0)
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}
