// What a replay needs of whoever ends messages here: datagrams of a capture go in, and what became of each message
// comes out. The shapes are plain data, which a report shows as they are.

import type { Datapath } from './datapath.ts'
import type { Service } from './model.ts'
import type { Place } from '../sockets/surroundings.ts'

/**
 * What became of a message of the capture. `relayed`: the other side got it; `answered`: by the proxy itself;
 * `refused`: by the proxy itself, with a cause; `retransmission`: the one before is under way, or was answered;
 * `dropped`: counted, and no more; `superseded`: nobody would have sent it, since the proxy has done otherwise than
 * the peer of the capture.
 */
export type MessageFate = 'relayed' | 'answered' | 'refused' | 'retransmission' | 'dropped' | 'superseded'

export interface ReplayedMessage {
  /** name of the service */
  readonly service: string
  /** `Session Establishment Request`; `malformed` where it cannot be read */
  readonly name: string
  /** address of the peer of the capture that has sent it */
  readonly from: string
  readonly fate: MessageFate
  /** where it went, why it was refused, what was counted; empty: there is no more to say */
  readonly detail: string
}

/** A datagram that a proxy has sent. */
export interface ReplayedDatagram {
  readonly service: string
  /** of its messages */
  readonly name: string
  readonly from: Place
  readonly to: Place
  readonly payload: Uint8Array
  /** since the first frame */
  readonly ms: number
}

/** In the order in which it happened. */
export type ProxyStep =
  ({ readonly kind: 'message' } & ReplayedMessage) | ({ readonly kind: 'datagram' } & ReplayedDatagram)

type Counts = Readonly<Record<string, number>>

export interface ProxyReport {
  /** of the service */
  readonly name: string
  /** ADDRESS:PORT/PROTOCOL */
  readonly at: string
  readonly select: string
  /** messages of the capture by name, and each by its fate */
  readonly messages: Readonly<Record<string, Counts>>
  /** requests that the proxy has begun itself, by name: the capture has no answers to them */
  readonly own: Counts
  /** sessions that live at the end */
  readonly sessions: number
  /** of the proxy, as a daemon shows them; those that are 0 are left out */
  readonly counters: Counts
  /** what a daemon would have logged of its peers, with seconds since the first frame */
  readonly events: readonly string[]
  /** how the question should be put so that more of the capture takes part */
  readonly advice: readonly string[]
}

/** Frames that were sent to an address of the capture come in as if it had been a VIP. */
export interface VipAlias {
  /** both canonical, of one family */
  readonly captured: string
  readonly vip: string
}

export interface ReplayedProxiesOptions {
  /** the capture, which is read once more: what its peers said of themselves must be known from its start */
  readonly file: string
  /** all of the configuration */
  readonly services: readonly Service[]
  readonly aliases: readonly VipAlias[]
  /** of what proxies do by chance */
  readonly random: () => number
  /** what the proxies steer */
  readonly datapath: Datapath
}

export interface ReplayedProxies {
  /** The first frame comes in, at so many seconds since 1970. The proxies have been there for a moment. */
  start(wallSeconds: number): Promise<void>
  /** It is so many milliseconds after the first frame: what was due is done. Null: nothing has to be waited for. */
  advance(ms: number): Promise<void> | null
  /** Whether this IP packet is for them. */
  wants(packet: Uint8Array): boolean
  /** A packet that they want, of which the programs have passed on or dropped the frame. */
  packet(packet: Uint8Array, isPassed: boolean): Promise<void>
  /** What has happened since the last call. */
  take(): readonly ProxyStep[]
  report(): readonly ProxyReport[]
  close(): void
}

/** Null: the configuration has no service that wants one. Throws ConflictError where it contradicts itself. */
export type OpenReplayedProxies = (options: ReplayedProxiesOptions) => Promise<ReplayedProxies | null>
