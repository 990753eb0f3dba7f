// What the N4 proxy is given and what it gives back. It has no sockets, timers or maps: bytes and time go in, effects
// come out. Addresses are canonical text.

import type { UserSession } from '../../lb/user-sessions.ts'
import type { Snapshot } from './snapshot.ts'

/** Where datagrams come from and go to. */
export interface Place {
  readonly address: string
  readonly port: number
}

/** null: none of the family */
export interface VirtualAddresses {
  readonly ipv4: string | null
  readonly ipv6: string | null
}

/** One change of what the fast path knows. A later one for the same kind, key and prefix replaces an earlier one. */
export interface HintChange {
  readonly action: 'install' | 'remove'
  readonly kind: 'teid' | 'ue-ip'
  /** the 4 bytes of a TEID; the 4 or 16 bytes of an address of a UE */
  readonly key: Uint8Array
  /** of an address: how many bits of it count, when these are not all of them; null: all, or a TEID */
  readonly prefixBits: number | null
  /** addresses of one UPF, where it takes GTP-U or users' packets: the first that the service has for an endpoint */
  readonly upfs: readonly string[]
  /** TEID to write in place of the one that came; null: it stays */
  readonly identifier: number | null
  /** of a removal: how long the hint stays, so that end markers find their way. 0: it goes at once */
  readonly graceMs: number
  /** of a removal: its session lives on, and what is installed next under the key goes on counting */
  readonly keepsCounts: boolean
}

/** What the fast path finds a hint by. */
export type HintPlace = Pick<HintChange, 'kind' | 'key' | 'prefixBits'>

export interface Outgoing {
  readonly to: Place
  readonly bytes: Uint8Array
}

/** Whose traffic to which places leaves its tunnel in the fast path. Any of its addresses names a user. */
export type BreakoutChange =
  | { readonly action: 'install'; readonly session: UserSession }
  | { readonly action: 'remove'; readonly ueAddress: string }

/** Hints and breakouts are to be installed before the first datagram is sent. */
export interface Effects {
  readonly hints: readonly HintChange[]
  readonly breakouts: readonly BreakoutChange[]
  readonly send: readonly Outgoing[]
  readonly events: readonly N4Event[]
}

/** What an operator wants to read about; never one for each packet or session. */
export type N4Event =
  | { readonly kind: 'upf-up'; readonly upf: string }
  /** `sessions`: how many it had */
  | { readonly kind: 'upf-down'; readonly upf: string; readonly reason: UpfLoss; readonly sessions: number }
  | { readonly kind: 'upf-refused'; readonly upf: string; readonly reason: string }
  | { readonly kind: 'upf-draining'; readonly upf: string; readonly graceMs: number }
  | { readonly kind: 'upf-released'; readonly upf: string }
  | { readonly kind: 'smf-up'; readonly smf: string }
  | { readonly kind: 'smf-lost'; readonly smf: string; readonly sessions: number }
  | { readonly kind: 'smf-restarted'; readonly smf: string; readonly sessions: number }
  | { readonly kind: 'smf-released'; readonly smf: string; readonly sessions: number }
  | { readonly kind: 'features-narrowed'; readonly upf: string }

/** How it was seen that a UPF has lost its sessions. */
export type UpfLoss = 'heartbeat' | 'time-stamp' | 'association' | 'drained' | 'user-plane'

/** A UPF of the pool. An empty list of a property says that it serves all. */
export interface Upf {
  /** unique, and the same over changes of the rest */
  readonly name: string
  /** where it answers PFCP, on port 8805 */
  readonly address: string
  /** where it takes GTP-U; empty: wherever its F-TEIDs say */
  readonly userPlane: readonly string[]
  /** where it takes what the data network sends to users; empty: at `address` */
  readonly dataNetwork: readonly string[]
  /** share of the sessions, relative to the others; above 0 */
  readonly weight: number
  readonly drained: boolean
  readonly dnns: readonly string[]
  readonly networkInstances: readonly string[]
  /** `1-0000ff`: SST and SD */
  readonly slices: readonly string[]
  /** prefixes of UE addresses (`10.45.0.0/16`) and identities of pools (any other word) */
  readonly uePools: readonly string[]
}

export interface N4Timers {
  /** T1 of TS 29.244, 6.4: between two transmissions of a request */
  readonly retransmitMs: number
  /** how long the answer to a request is kept for its retransmissions */
  readonly answersMs: number
  readonly heartbeatMs: number
  /** between two attempts to associate with a UPF */
  readonly associateMs: number
  /** how long sessions of an SMF that does not answer are kept */
  readonly smfLostMs: number
  /** how long a removed or unanswered UPF keeps its sessions */
  readonly drainMs: number
  /** how long the hint of a removed tunnel stays for end markers */
  readonly graceMs: number
}

export const defaultTimers: N4Timers = {
  retransmitMs: 1000,
  answersMs: 15_000,
  heartbeatMs: 5000,
  associateMs: 3000,
  smfLostMs: 300_000,
  drainMs: 600_000,
  graceMs: 2000,
}

export interface N4Limits {
  readonly smfs: number
  readonly upfs: number
  readonly sessions: number
  /** rules that a session may begin with, of those that have its tunnels and addresses; it may grow to twice that */
  readonly rules: number
  /** rules of a session that say what becomes of its packets: FARs, QERs, URRs, BARs, MARs and SRRs together */
  readonly treatments: number
  /** requests that were sent and have no answer yet */
  readonly pending: number
  /** answers that are kept for retransmissions */
  readonly answers: number
  /** N1 of TS 29.244, 6.4: how often a request is sent again */
  readonly retransmissions: number
  /** UPFs that are asked in turn to establish one session */
  readonly attempts: number
  /** the same to restore one */
  readonly moves: number
  /** requests of one kind that are under way at once when many sessions are deleted, reported or restored */
  readonly atOnce: number
  /** bytes of PFDs that are kept for UPFs to come */
  readonly pfdBytes: number
  /** bytes of one session that are kept to establish it again */
  readonly storedBytes: number
}

export const defaultLimits: N4Limits = {
  smfs: 64,
  upfs: 256,
  sessions: 1_000_000,
  rules: 256,
  treatments: 1024,
  pending: 65_536,
  answers: 262_144,
  retransmissions: 3,
  attempts: 2,
  moves: 4,
  atOnce: 512,
  pfdBytes: 1_048_576,
  storedBytes: 16_384,
}

/** What peers have not been told of, and what may change while the engine runs. */
export type N4Settings = Pick<N4Options, 'select' | 'onLoss' | 'onFewerFeatures' | 'hotPercent'> & {
  readonly timers?: Partial<N4Timers>
  readonly limits?: Partial<N4Limits>
}

/** Somebody writes down what changes, for an engine to come. */
export interface N4Keeping {
  /** a moment by the clock that datagrams come with, and the same since 1970 */
  readonly nowMs: number
  readonly wallMs: number
  /** of an engine before this one; null: there is none */
  readonly snapshot: Snapshot | null
}

export interface N4Options {
  /** of the service: what both sides see as the other's address */
  readonly address: VirtualAddresses
  /** one of them, or a name */
  readonly nodeId: string
  /** of the service that takes GTP-U for the UPFs */
  readonly n3: VirtualAddresses
  readonly upfs: readonly Upf[]
  /** network instances whose traffic leaves its tunnel before it comes to a UPF */
  readonly localNetworkInstances: readonly string[]
  readonly select: 'least-sessions' | 'load' | 'hash'
  /**
   * What becomes of the sessions of a UPF that has died. `report`: SMFs are told that they are deleted. `restore`: they
   * are established on another UPF, and reported where that fails. `refuse`: requests for them get cause 65.
   */
  readonly onLoss: 'report' | 'restore' | 'refuse'
  /** what becomes of a UPF that lacks features which SMFs have been promised */
  readonly onFewerFeatures: 'refuse' | 'narrow'
  /** mean load of the pool in percent from which SMFs are told */
  readonly hotPercent: number
  /** NTP seconds; changes only when the sessions are lost */
  readonly recoveryTimeStamp: number
  /** from 0 to below 1 */
  readonly random: () => number
  /** Milliseconds since each has led a packet; null: it has led none. Left out: nobody knows. */
  readonly idleMs?: (places: readonly HintPlace[]) => readonly (number | null)[]
  readonly timers?: Partial<N4Timers>
  readonly limits?: Partial<N4Limits>
  /** left out: it ends with this process */
  readonly keeping?: N4Keeping
}
