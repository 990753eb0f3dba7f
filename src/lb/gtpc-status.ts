// What can be seen of services of `select: gtpc`: their peers, sessions and counters, as plain data.

import type { GtpVersion } from './model.ts'

/** An SGW-C, a PGW-C or a GGSN of the pool. */
export interface GtpcGateway {
  readonly name: string
  readonly address: string
  /** by version */
  readonly paths: readonly GtpcPath[]
  readonly isDraining: boolean
  /** percent, as it said last (Load Control Information); null: it said nothing */
  readonly load: number | null
}

export const gtpcPathStates = ['joining', 'up', 'down'] as const

export interface GtpcPath {
  readonly version: GtpVersion
  readonly state: (typeof gtpcPathStates)[number]
  readonly sessions: number
  /** null: not said yet */
  readonly restartCounter: number | null
}

export interface GtpcStatus {
  /** what peers are told: another one whenever the sessions are lost */
  readonly restartCounter: number
  /** MMEs, SGSNs and SGWs that have sessions */
  readonly clients: readonly { readonly address: string; readonly sessions: number }[]
  readonly gateways: readonly GtpcGateway[]
  readonly sessions: number
  /** requests under way */
  readonly pending: number
  /** by name: drops, refusals, and what was done */
  readonly counters: Readonly<Record<string, number>>
}

export const gtpcSessionStates = ['creating', 'up'] as const

/** A tunnel of the control plane: what lies between a client's TEID and a gateway's. */
export interface GtpcSession {
  readonly version: GtpVersion
  /** null: none, as in an emergency */
  readonly imsi: string | null
  readonly apn: string | null
  readonly client: string
  readonly clientTeid: string
  /** what the client is given in the place of the gateway's */
  readonly teidForClient: string
  readonly gateway: string
  /** null: not created */
  readonly gatewayTeid: string | null
  /** what the gateway is given in the place of the client's */
  readonly teidForGateway: string
  readonly state: (typeof gtpcSessionStates)[number]
  /** EPS bearer identities of default bearers, or NSAPIs */
  readonly contexts: readonly number[]
  readonly ageMs: number
}

/** The service by its name. */
export interface GtpcServiceStatus {
  readonly service: string
  readonly status: GtpcStatus
}

export interface GtpcServiceSession extends GtpcSession {
  readonly service: string
}

/** Who answers for them. */
export interface GtpcControl {
  gtpc(): readonly GtpcServiceStatus[]
  /** At most so many of all services together, of each the oldest first; of one user, or (null) of all. */
  gtpcSessions(limit: number, imsi: string | null): readonly GtpcServiceSession[]
}
