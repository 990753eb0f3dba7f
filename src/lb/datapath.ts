// What the rest of the appliance needs of a datapath. The real one drives eBPF maps (src/datapath); tests use a fake.

import type { HintControl } from './hints.ts'
import type { UserSessionOwners } from './user-session-owners.ts'
import type { Change, Mode, Service, ServiceKey, Transport } from './model.ts'

export interface Counters {
  readonly packets: bigint
  readonly bytes: bigint
  /** flows ever created */
  readonly flows: bigint
}

export interface EndpointStatus {
  readonly address: string
  readonly port: number
  readonly counters: Counters
  /** flows that live now */
  readonly activeFlows: number
}

export interface ServiceStatus {
  readonly service: Service
  readonly counters: Counters
  /** in the order of `service.endpoints` */
  readonly endpoints: readonly EndpointStatus[]
}

/** One flow, seen from the client; addresses are canonical text, states those of `enum flow_state`. */
export interface FlowStatus {
  readonly protocol: Transport
  readonly state: 'syn_sent' | 'syn_received' | 'established' | 'closing' | 'closed' | 'unreplied' | 'replied'
  readonly client: { readonly address: string; readonly port: number }
  readonly vip: { readonly address: string; readonly port: number }
  /** what the endpoint sees as its client */
  readonly source: { readonly address: string; readonly port: number }
  readonly endpoint: { readonly address: string; readonly port: number; readonly weight: number }
  readonly service: ServiceKey | null
  readonly serviceName: string
  readonly mode: Mode
  readonly toEndpoint: Traffic
  readonly toClient: Traffic
  readonly idleMs: number
}
export interface Traffic {
  readonly packets: bigint
  readonly bytes: bigint
}

export const sumOf = (all: readonly Traffic[]): Traffic => ({
  packets: all.reduce((sum, { packets }) => sum + packets, 0n),
  bytes: all.reduce((sum, { bytes }) => sum + bytes, 0n),
})

/** Verdict counters: name (of `enum verdict`, lower case, without prefix) -> packets, for each hook. */
export interface Verdicts {
  readonly xdp: Readonly<Record<string, bigint>>
  readonly tc: Readonly<Record<string, bigint>>
}

/** Packets that user space was given, for one reason. */
export interface PuntStatus {
  readonly received: number
  /** queued, or in somebody's hands */
  readonly waiting: number
  readonly answered: number
  /** by name */
  readonly dropped: Readonly<Record<string, number>>
  /** from the fast path to the answer: how many took at most each of `latencyBoundsMs`, and at the end all others */
  readonly latency: readonly number[]
  readonly latencySumMs: number
}

export interface SlowPathStatus {
  readonly latencyBoundsMs: readonly number[]
  readonly reasons: Readonly<Record<string, PuntStatus>>
  /** found the queue to user space full */
  readonly lost: number
  /** could not be read, by name */
  readonly unreadable: Readonly<Record<string, number>>
  /** packets, and those that could not be sent, by name */
  readonly sent: number
  readonly unsent: Readonly<Record<string, number>>
}

export interface InterfaceStatus {
  readonly name: string
  readonly ifindex: number
  /** what runs there */
  readonly hook: 'xdp' | 'xdp-generic' | 'tc'
  /** why, when it is not what was asked for */
  readonly note: string
}

export interface Datapath {
  /**
   * Performs changes in order; each service changes atomically. Throws ResourceError or ConflictError before it changes
   * anything.
   */
  apply(changes: readonly Change[]): Promise<void>
  services(): readonly ServiceStatus[]
  /** At most `limit` flows. */
  flows(limit: number): readonly FlowStatus[]
  verdicts(): Verdicts
  slowPath(): SlowPathStatus
  interfaces(): readonly InterfaceStatus[]
  /** Where sessions live, for whoever reads it in signalling. */
  readonly hints: HintControl
  /** Whose traffic leaves its tunnel here, and who says so. */
  readonly userSessions: UserSessionOwners
}

/** A named limit would be passed (limits: services, endpoints, slots). */
export class ResourceError extends Error {
  readonly limit: string
  constructor(limit: string, message: string) {
    super(message)
    this.name = 'ResourceError'
    this.limit = limit
  }
}
