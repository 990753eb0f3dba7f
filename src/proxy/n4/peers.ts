// The nodes on both sides and what is known of them: SMFs, which have come to us, and UPFs, which the pool names.

import type { Place, Upf } from './model.ts'
import type { Session } from './sessions.ts'

export const pfcpPort = 8805

interface Heartbeats {
  nextMs: number
  /** One is under way. */
  pending: boolean
}

/** What a UPF has said of its load (TS 29.244, 6.2.3 and 6.2.4); both count by sequence numbers of their own. */
export interface LoadReports {
  loadSequence: number
  /** percent */
  load: number | null
  overloadSequence: number
  /** percent of requests that it wants to be spared */
  reduction: number
  reductionUntilMs: number
}

export interface Smf {
  readonly kind: 'smf'
  /** canonical text of its Node ID */
  readonly nodeId: string
  /** all that it has named, and where its association came from */
  readonly addresses: Set<string>
  place: Place
  /** the one to which its set has moved in case it does not answer */
  alternatives: readonly string[]
  setId: string | null
  /** NTP seconds, when its sessions were lost last */
  recovery: number
  /** first byte of its CP Function Features */
  features: number
  state: 'up' | 'lost'
  lostAtMs: number
  readonly sessions: Set<Session>
  readonly heartbeats: Heartbeats
}

export interface UpfPeer {
  readonly kind: 'upf'
  /** stands in the SEIDs of its sessions */
  readonly index: number
  config: Upf
  readonly place: Place
  state: 'down' | 'associating' | 'up' | 'refused'
  /** Its user plane answers, as far as anybody has asked. */
  isPathUp: boolean
  recovery: number | null
  features: Uint8Array
  /** values of User Plane IP Resource Information and UE IP Address Pool Information */
  resources: readonly Uint8Array[]
  pools: readonly Uint8Array[]
  nextAttemptMs: number
  /** It takes no new sessions, and from then on has none; null: it is not drained. */
  drainUntilMs: number | null
  removed: boolean
  readonly sessions: Set<Session>
  /** tunnels and addresses that lead to it, also those of sessions that are being moved; counted by `Steering` */
  leading: number
  readonly heartbeats: Heartbeats
  readonly reports: LoadReports
}

export function makeSmf(nodeId: string, place: Place, nowMs: number, heartbeatMs: number): Smf {
  return {
    kind: 'smf',
    nodeId,
    addresses: new Set([place.address]),
    place: { address: place.address, port: pfcpPort },
    alternatives: [],
    setId: null,
    recovery: 0,
    features: 0,
    state: 'up',
    lostAtMs: 0,
    sessions: new Set(),
    heartbeats: { nextMs: nowMs + heartbeatMs, pending: false },
  }
}

export function makeUpf(index: number, config: Upf): UpfPeer {
  return {
    kind: 'upf',
    index,
    config,
    place: { address: config.address, port: pfcpPort },
    state: 'down',
    isPathUp: true,
    recovery: null,
    features: new Uint8Array(),
    resources: [],
    pools: [],
    nextAttemptMs: 0,
    drainUntilMs: null,
    removed: false,
    sessions: new Set(),
    leading: 0,
    heartbeats: { nextMs: 0, pending: false },
    reports: { loadSequence: -1, load: null, overloadSequence: -1, reduction: 0, reductionUntilMs: 0 },
  }
}

/** Sessions that it has are well there. */
export const isServing = ({ isPathUp, state }: UpfPeer): boolean => state === 'up' && isPathUp

export const takesSessions = (upf: UpfPeer): boolean =>
  isServing(upf) && !upf.config.drained && !upf.removed && upf.drainUntilMs === null

/** Where it takes GTP-U of a family, as configured or as its own PFCP address suggests; null: nowhere. */
export function userPlaneOf({ config }: UpfPeer, isIpv6: boolean): string | null {
  const ofFamily = (address: string): boolean => address.includes(':') === isIpv6
  const candidates = config.userPlane.length === 0 ? [config.address] : config.userPlane
  return candidates.find(ofFamily) ?? null
}

/** Where it takes what the data network sends to its users. */
export const dataNetworkOf = ({ config }: UpfPeer): readonly string[] =>
  config.dataNetwork.length === 0 ? [config.address] : config.dataNetwork
