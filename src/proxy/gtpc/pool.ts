// The pool: backends, the paths to them, one for each version of GTP-C, and which of them gets a new UE.

import { textHash } from '../../lb/selection/slot-order.ts'
import type { GtpcBackend, GtpcOptions, GtpcVersion } from './model.ts'
import type { Tunnel } from './tunnels.ts'

export interface Path {
  readonly backend: Backend
  readonly version: GtpcVersion
  state: 'joining' | 'up' | 'down'
  restart: number | null
  isAsked: boolean
  nextEchoMs: number
  readonly tunnels: Set<Tunnel>
}

export interface Backend {
  config: GtpcBackend
  readonly paths: Map<GtpcVersion, Path>
  /** when what is left of a removed one is given up; null: it is of the pool */
  drainUntilMs: number | null
  load: number | null
}

export const makePath = (backend: Backend, version: GtpcVersion): Path => ({
  backend,
  version,
  state: 'joining',
  restart: null,
  isAsked: false,
  nextEchoMs: 0,
  tunnels: new Set(),
})

export const sessionsOf = ({ paths }: Backend): number =>
  paths.values().reduce((sum, { tunnels }) => sum + tunnels.size, 0)

/** One that can have a new UE; null: there is none. */
export function select(
  backends: Iterable<Backend>,
  version: GtpcVersion,
  user: string | null,
  { random, select: policy }: GtpcOptions,
): Path | null {
  const fit = [...backends]
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
  const drawn = (uniform: number, { backend }: Path): number => -Math.log(uniform) / backend.config.weight
  if (policy === 'weighted') return least((path) => drawn(1 - random(), path))
  if (policy === 'hash' && user !== null) return least((path) => drawn(uniformOf(path, user), path))
  return least(({ backend }) => sessionsOf(backend) / backend.config.weight)
}

const uniformOf = ({ backend }: Path, user: string): number =>
  ((textHash(`${backend.config.name}/${user}`, 0) >>> 0) + 0.5) / 2 ** 32
