// The pool: gateways, the paths to them, one for each version of GTP-C, and which of them gets a new UE.

import { textHash } from '../../lb/selection/slot-order.ts'
import type { GtpVersion } from '../../lb/model.ts'
import type { GtpcGateway, GtpcOptions } from './model.ts'
import { TunnelSets } from './tunnels.ts'
import type { Tunnel } from './tunnels.ts'

export interface Path {
  readonly gateway: Gateway
  readonly version: GtpVersion
  state: 'joining' | 'up' | 'down'
  restart: number | null
  isAsked: boolean
  /** when it is asked, or (without echo requests) tried again */
  nextEchoMs: number
  /** its last answer to a request that was passed on */
  heardMs: number
  readonly tunnels: Set<Tunnel>
  readonly sets: TunnelSets
}

export interface Gateway {
  config: GtpcGateway
  readonly paths: Map<GtpVersion, Path>
  /** when what is left of a removed one is given up; null: it is of the pool */
  drainUntilMs: number | null
  load: number | null
}

export const makePath = (gateway: Gateway, version: GtpVersion): Path => ({
  gateway,
  version,
  state: 'joining',
  restart: null,
  isAsked: false,
  nextEchoMs: 0,
  heardMs: -Infinity,
  tunnels: new Set(),
  sets: new TunnelSets(),
})

export const sessionsOf = ({ paths }: Gateway): number =>
  paths.values().reduce((sum, { tunnels }) => sum + tunnels.size, 0)

/** One that can have a new UE; null: there is none. */
export function select(
  gateways: Iterable<Gateway>,
  version: GtpVersion,
  user: string | null,
  { random, select: policy }: GtpcOptions,
): Path | null {
  const fit = [...gateways]
    .filter(({ config, drainUntilMs }) => !config.drained && drainUntilMs === null)
    .map(({ paths }) => paths.get(version))
    .filter((path) => path?.state === 'up')
  const least = (cost: (path: Path) => number): Path | null => {
    let best: Path | null = null
    let bestCost = Infinity
    for (const path of fit) {
      const its = path === undefined ? Infinity : cost(path)
      if (its >= bestCost) continue
      best = path ?? null
      bestCost = its
    }
    return best
  }
  // Weighted rendezvous, with a hash or with chance: the one with the least of these.
  const drawn = (uniform: number, { gateway }: Path): number => -Math.log(uniform) / gateway.config.weight
  if (policy === 'weighted') return least((path) => drawn(1 - random(), path))
  if (policy === 'hash' && user !== null) return least((path) => drawn(uniformOf(path, user), path))
  return least(({ gateway }) => sessionsOf(gateway) / gateway.config.weight)
}

const uniformOf = ({ gateway }: Path, user: string): number =>
  ((textHash(`${gateway.config.name}/${user}`, 0) >>> 0) + 0.5) / 2 ** 32
