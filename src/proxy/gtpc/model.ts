// What the GTP-C proxy is given and what it gives back. It has no sockets and no timers: bytes and time go in,
// datagrams and events come out. Addresses are canonical text.

import type { GtpcBalance, GtpVersion } from '../../lb/model.ts'
import type { Outgoing, VirtualAddresses } from '../n4/model.ts'

export const gtpcPort = 2123

/** One of the pool: an SGW-C, a PGW-C or a GGSN. */
export interface GtpcGateway {
  /** unique, and the same over changes of the rest */
  readonly name: string
  /** where it answers GTP-C, on port 2123 */
  readonly address: string
  /** share of the sessions, relative to the others; above 0 */
  readonly weight: number
  /** It gets no new UE. */
  readonly drained: boolean
  /** empty: all that the service speaks */
  readonly versions: readonly GtpVersion[]
}

export interface GtpcTimers {
  /** T3-RESPONSE (TS 29.274, 7.6): between two transmissions of a request of ours */
  readonly retransmitMs: number
  /** how long the answer to a request that was passed on is waited for; its sender repeats it meanwhile */
  readonly exchangeMs: number
  /** how long an answer is kept for the retransmissions of its request */
  readonly answersMs: number
  /** between two echo requests to a gateway that is well; TS 29.274, 7.1.1, allows one in 60 s. 0: it is not asked */
  readonly echoMs: number
  /** between two echo requests to a gateway that does not */
  readonly joinMs: number
  /** how long a removed gateway keeps its sessions */
  readonly drainMs: number
}

export const defaultTimers: GtpcTimers = {
  retransmitMs: 3000,
  exchangeMs: 30_000,
  answersMs: 30_000,
  echoMs: 60_000,
  joinMs: 3000,
  drainMs: 600_000,
}

export interface GtpcLimits {
  readonly clients: number
  readonly gateways: number
  /** tunnels of the control plane */
  readonly sessions: number
  /** of them with one IMSI or IMEI; a UE has 11 bearers, and one tunnel for each connection at most */
  readonly perUser: number
  /** requests under way */
  readonly pending: number
  /** answers kept for retransmissions */
  readonly answers: number
  /** N3-REQUESTS (TS 29.274, 7.6): how often a request of ours is sent again */
  readonly retransmissions: number
  /** deletions under way at once when a client has lost its sessions */
  readonly atOnce: number
  /** Delete PDN Connection Set Requests of one loss or one request; what is more is left to the peers' own requests */
  readonly sets: number
}

export const defaultLimits: GtpcLimits = {
  clients: 4096,
  gateways: 256,
  sessions: 1_000_000,
  perUser: 32,
  pending: 65_536,
  answers: 262_144,
  retransmissions: 3,
  atOnce: 512,
  sets: 256,
}

export interface GtpcOptions {
  /** of the service: what both sides see as the other's address */
  readonly address: VirtualAddresses
  readonly gateways: readonly GtpcGateway[]
  readonly versions: readonly GtpVersion[]
  /**
   * What a UE that has no session yet is given. `weighted`: by weight alone, at random; `hash`: by IMSI, and by
   * sessions where there is none.
   */
  readonly select: GtpcBalance
  /** 0 to 255; another one whenever the sessions are lost (TS 23.007, 18) */
  readonly restartCounter: number
  /** from 0 to below 1 */
  readonly random: () => number
  readonly timers?: Partial<GtpcTimers>
  readonly limits?: Partial<GtpcLimits>
}

export interface Effects {
  readonly send: readonly Outgoing[]
  readonly events: readonly GtpcEvent[]
}

/** What an operator wants to read about; never one for each message or session. */
export type GtpcEvent =
  | { readonly kind: 'gateway-up'; readonly gateway: string; readonly version: GtpVersion }
  /** `sessions`: how many it had */
  | {
      readonly kind: 'gateway-down'
      readonly gateway: string
      readonly version: GtpVersion
      readonly reason: GatewayLoss
      readonly sessions: number
    }
  | { readonly kind: 'gateway-draining'; readonly gateway: string }
  | { readonly kind: 'gateway-removed'; readonly gateway: string; readonly sessions: number }
  | {
      readonly kind: 'client-restarted'
      readonly client: string
      readonly version: GtpVersion
      readonly sessions: number
    }

/**
 * How it was seen that a gateway has lost its sessions. `unanswered`: it has left a creation so, and is not asked with
 * echo requests; its sessions stay.
 */
export type GatewayLoss = 'echo' | 'restart-counter' | 'unanswered'
