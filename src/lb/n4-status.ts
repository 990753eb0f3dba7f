// What can be seen of services of `select: n4`: their peers, sessions and counters, as plain data.

import type { Traffic } from './datapath.ts'

/** An SMF or a UPF. */
export interface N4Peer {
  readonly name: string
  readonly address: string
  readonly state: string
  readonly sessions: number
  /** of a UPF: percent, as it said last */
  readonly load: number | null
}

export interface N4Status {
  readonly smfs: readonly N4Peer[]
  readonly upfs: readonly N4Peer[]
  readonly sessions: number
  readonly tunnels: number
  readonly ueAddresses: number
  /** requests under way */
  readonly pending: number
  /** by name: drops, refusals, conflicts, and what was done */
  readonly counters: Readonly<Record<string, number>>
}

export const n4SessionStates = ['establishing', 'up', 'restoring', 'lost'] as const

/** What was counted of a session's packets: those of the user, and their bytes without tunnels. */
export interface N4Traffic {
  /** from the user; null: nothing here sees them */
  readonly uplink: Traffic | null
  /** to the user; null: nothing here sees them, as there is no service of its users */
  readonly downlink: Traffic | null
}

export interface N4Session extends N4Traffic {
  /** the one that both sides are given */
  readonly seid: string
  readonly smf: string
  readonly smfSeid: string
  readonly upf: string
  /** null: not established */
  readonly upfSeid: string | null
  readonly state: (typeof n4SessionStates)[number]
  readonly dnn: string
  /** as they stand at the VIP, and the UPF's own; `down` (N9): what comes by it is for the user */
  readonly tunnels: readonly { readonly teid: string; readonly upfTeid: string; readonly direction: 'up' | 'down' }[]
  readonly ueAddresses: readonly string[]
  readonly ageMs: number
}

/** The service by its name. */
export interface N4ServiceStatus {
  readonly service: string
  readonly status: N4Status
}

export interface N4ServiceSession extends N4Session {
  readonly service: string
}

/** Who answers for them. */
export interface N4Control {
  n4(): readonly N4ServiceStatus[]
  /** At most so many of all services together, of each the oldest first. Others are let in between many of them. */
  n4Sessions(limit: number): Promise<readonly N4ServiceSession[]>
}
