// What the GTP-C proxy is given and what it gives back. It has no sockets and no timers: bytes and time go in,
// datagrams and events come out. Addresses are canonical text.

import type { Outgoing, VirtualAddresses } from '../n4/model.ts'

export const gtpcPort = 2123

/** Version 1 is TS 29.060 (Gn), version 2 is TS 29.274 (S11, S5). */
export type GtpcVersion = 1 | 2

/** One of the pool: an SGW-C, a PGW-C or a GGSN. */
export interface GtpcBackend {
  /** unique, and the same over changes of the rest */
  readonly name: string
  /** where it answers GTP-C, on port 2123 */
  readonly address: string
  /** share of the sessions, relative to the others; above 0 */
  readonly weight: number
  /** It gets no new UE. */
  readonly drained: boolean
  /** empty: all that the service speaks */
  readonly versions: readonly GtpcVersion[]
}

export interface GtpcTimers {
  /** T3-RESPONSE (TS 29.274, 7.6): between two transmissions of a request of ours */
  readonly retransmitMs: number
  /** how long the answer to a request that was passed on is waited for; its sender repeats it meanwhile */
  readonly exchangeMs: number
  /** how long an answer is kept for the retransmissions of its request */
  readonly answersMs: number
  /** between two echo requests to a backend that is well; TS 29.274, 7.1.1, allows one in 60 s */
  readonly echoMs: number
  /** between two echo requests to a backend that does not */
  readonly joinMs: number
  /** how long a removed backend keeps its sessions */
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
  readonly backends: number
  /** tunnels of the control plane */
  readonly sessions: number
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
  backends: 256,
  sessions: 1_000_000,
  pending: 65_536,
  answers: 262_144,
  retransmissions: 3,
  atOnce: 512,
  sets: 256,
}

export interface GtpcOptions {
  /** of the service: what both sides see as the other's address */
  readonly address: VirtualAddresses
  readonly backends: readonly GtpcBackend[]
  readonly versions: readonly GtpcVersion[]
  /**
   * What a UE that has no session yet is given. `weighted`: by weight alone, at random; `hash`: by IMSI, and by
   * sessions where there is none.
   */
  readonly select: 'least-sessions' | 'weighted' | 'hash'
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
  | { readonly kind: 'backend-up'; readonly backend: string; readonly version: GtpcVersion }
  /** `sessions`: how many it had */
  | {
      readonly kind: 'backend-down'
      readonly backend: string
      readonly version: GtpcVersion
      readonly reason: BackendLoss
      readonly sessions: number
    }
  | { readonly kind: 'backend-draining'; readonly backend: string }
  | { readonly kind: 'backend-removed'; readonly backend: string; readonly sessions: number }
  | {
      readonly kind: 'client-restarted'
      readonly client: string
      readonly version: GtpcVersion
      readonly sessions: number
    }

/** How it was seen that a backend has lost its sessions. */
export type BackendLoss = 'echo' | 'restart-counter'

export interface GtpcBackendStatus {
  readonly name: string
  readonly address: string
  /** by version */
  readonly paths: readonly {
    readonly version: GtpcVersion
    readonly state: 'joining' | 'up' | 'down'
    readonly sessions: number
    readonly restartCounter: number | null
  }[]
  readonly isDraining: boolean
  /** percent, as it said last (Load Control Information); null: it said nothing */
  readonly load: number | null
}

export interface GtpcStatus {
  readonly clients: readonly { readonly address: string; readonly sessions: number }[]
  readonly backends: readonly GtpcBackendStatus[]
  readonly sessions: number
  /** requests under way */
  readonly pending: number
  /** by name: drops, refusals, and what was done */
  readonly counters: Readonly<Record<string, number>>
}

export interface GtpcSession {
  readonly version: GtpcVersion
  /** null: none, as in an emergency */
  readonly imsi: string | null
  readonly apn: string | null
  readonly client: string
  readonly clientTeid: string
  /** what the client is given in the place of the backend's */
  readonly teidForClient: string
  readonly backend: string
  /** null: not created */
  readonly backendTeid: string | null
  /** what the backend is given in the place of the client's */
  readonly teidForBackend: string
  readonly state: 'creating' | 'up'
  /** EPS bearer identities of default bearers, or NSAPIs */
  readonly contexts: readonly number[]
  readonly ageMs: number
}
