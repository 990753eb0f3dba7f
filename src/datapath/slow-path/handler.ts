// What a packet in user space looks like, who handles it, and what may be answered. A handler is sans-IO: it gets bytes
// and what the fast path knew, and returns data; the slow path changes the maps and sends.

import type { Flow, FlowAction, FlowKey, FlowState, Fragment, FragmentKey, Hint, HintKey } from '../layout.gen.ts'
import type { Punt, PuntReason } from '../layout.gen.ts'
import type { Encapsulation } from './deliver.ts'
import type { Expectation } from '../expectations.ts'

/** A packet that the fast path has left to user space. Its bytes are its own: they may be kept and changed. */
export interface PuntedPacket {
  readonly reason: PuntReason
  /** All that the fast path said. */
  readonly punt: Punt
  /** The frame as it came in, from its Ethernet header on. Empty where there was no packet (`reset`). */
  readonly frame: Uint8Array
  /** The IP packet in the frame, as long as its header says. Shorter where the frame was cut: see `cut`. */
  readonly packet: Uint8Array
  /** The packet was too long for a record of the ring, and its end is missing. */
  readonly cut: boolean
  /** What the fast path would have done to it: the flow of its direction. Null: no flow. */
  readonly flow: Flow | null
  /** of the slow path's clock, when it was read */
  readonly nowMs: number
}

/** What the answer does to the maps, in order, before its packets are sent. */
export type MapChange =
  | { readonly kind: 'hint'; readonly key: HintKey; readonly hint: NewHint }
  | { readonly kind: 'forget-hint'; readonly key: HintKey }
  | { readonly kind: 'flow'; readonly client: FlowKey; readonly flow: NewFlow }
  /** both entries; the key is the client's */
  | { readonly kind: 'forget-flow'; readonly client: FlowKey }
  | { readonly kind: 'fragment'; readonly key: FragmentKey; readonly fragment: Omit<Fragment, 'seen'> }
  /** a connection that a packet has announced */
  | { readonly kind: 'expect'; readonly expectation: Expectation }

export interface NewHint extends Pick<Hint, 'endpoint' | 'identifier' | 'flags'> {
  /** 0: never */
  readonly lifetimeMs: number
}

/** A pair of entries. Said from the client's side: what its packets get; the way back follows from it. */
export interface NewFlow extends Pick<Flow, 'service' | 'endpoint' | 'source' | 'destination'> {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly state: FlowState
  /** `nat` where it is left out; nat64 and nat46 follow from the addresses and need not be said */
  readonly action?: FlowAction
  /** each packet of it comes to the slow path too, as `alg` */
  readonly punt?: boolean
}

/**
 * `send`: changes first, then the packets, in this order; each a whole IP packet that is routed once and never seen by
 * the ingress hook. `drop`: a reason in few words, the same ones each time, since it is counted by them. `keep`: the
 * handler has the packet in its hands, and `due` says later what becomes of it.
 */
export type Answer =
  | { readonly kind: 'send'; readonly changes?: readonly MapChange[]; readonly packets: readonly Uint8Array[] }
  | { readonly kind: 'drop'; readonly reason: string; readonly changes?: readonly MapChange[] }
  | { readonly kind: 'keep' }

/** What has become of packets that were kept: the first one's time tells how long. */
export interface Settled {
  /** Empty for what was not kept before: a packet of the handler's own accord. */
  readonly packets: readonly PuntedPacket[]
  readonly answer: Exclude<Answer, { kind: 'keep' }>
}

export interface Handler {
  readonly reason: PuntReason
  /** Where a reason has several handlers, the first one that wants a packet gets it; one without this wants all. */
  wants?(packet: PuntedPacket): boolean
  /**
   * Packets of one flow come in their order, and the next one not before this one is answered; those of other flows may
   * come meanwhile. A handler that throws has dropped the packet; a DecodeError (src/wire) names the reason.
   */
  handle(packet: PuntedPacket): Answer | Promise<Answer>
  /** Asked many times a second: what is to be done now, without a new packet. */
  due?(nowMs: number): readonly Settled[]
  /** True while `due` should be asked every few milliseconds. */
  hurries?(): boolean
}

/** What handlers may ask of the fast path's maps. */
export interface Lookups {
  /** Either direction; null when there is none. */
  flow(key: FlowKey): Flow | null
  fragment(key: FragmentKey): Fragment | null
  encapsulation(): Encapsulation
}

export const drop = (reason: string): Extract<Answer, { kind: 'drop' }> => ({ kind: 'drop', reason })
export const send = (...packets: readonly Uint8Array[]): Answer => ({ kind: 'send', packets })
