// What the two versions of GTP-C have in common for the proxy. What a message says is read once; a message that is sent
// on is the bytes that came, with other numbers in the places that concern the two sides of the proxy.

import { wireBytes } from '../n4/values.ts'
import type { GtpVersion } from '../../lb/model.ts'
import type { VirtualAddresses } from '../n4/model.ts'

/** Who has sent a message: the side that opens sessions, or one of the pool. */
export type Side = 'client' | 'gateway'

/** One end of a tunnel of the control plane. */
export interface End {
  readonly address: string
  readonly teid: number
}

export interface Facts {
  /** digits; of a UE without a SIM card `imei-` and those of its device; null: not said */
  readonly user: string | null
  /** of the sender, for control; its TEID null: the one that it has already */
  readonly control: { readonly address: string; readonly teid: number | null } | null
  /** What kind of interface `control` is for; sessions of one UE on two kinds have nothing to do with each other. */
  readonly interface: number
  readonly cause: number | null
  /** restart counter of the sender */
  readonly recovery: number | null
  /** of a creation or deletion: EPS bearer identity of the default bearer, or NSAPI; null: not said */
  readonly context: number | null
  /** of a creation: the context that this one is secondary to; of another one: null */
  readonly linked: number | null
  /** of a deletion: with all that is secondary to it */
  readonly withSecondary: boolean
  /** FQ-CSIDs of the sender, node and identifier: `00010101010001`, in lower-case hexadecimal */
  readonly sets: readonly string[]
  /** percent; null: not said */
  readonly load: number | null
  readonly apn: string | null
}

/**
 * What a type of message is. `node`: about nodes, not about a session; `notice`: has no answer; `command`: is answered
 * by a request that it triggers, or refused; `notification`: may be about a UE of which no TEID is known. Responses
 * have the type of their request plus 1.
 */
export type Role = 'create' | 'request' | 'delete' | 'command' | 'notice' | 'node' | 'notification' | 'response'

/** As decoded; `raw` belongs to the dialect. */
export interface Message<Raw = unknown> {
  readonly type: number
  /** null: the header has none */
  readonly teid: number | null
  /** null: the header has none */
  readonly sequence: number | null
  readonly priority: number | null
  readonly raw: Raw
}

export interface Onward {
  readonly from: Side
  /** of the session's client; -1: not known */
  readonly clientInterface: number
  /** of the receiver */
  readonly teid: number
  readonly sequence: number
  /** stands for the sender at the other side; null: the message says nothing of it */
  readonly standIn: number | null
}

export interface Causes {
  readonly accepted: number
  readonly notFound: number
  readonly missing: number
  readonly incorrect: number
  readonly noResources: number
  readonly malformed: number
  readonly unknownUser: number
}

export interface Dialect {
  readonly version: GtpVersion
  /** A sequence number of ours is at most this; that of a command has one more bit in front. */
  readonly lastSequence: number
  readonly causes: Causes
  roleOf(type: number): Role | null
  /** Throws DecodeError. */
  decode(bytes: Uint8Array): Message
  /** `clientInterface`: that of the session's client, which says what the other side is; -1: not known */
  read(message: Message, from: Side, clientInterface: number): Facts
  isAccepted(cause: number): boolean
  /** The receiver has no such session. */
  isUnknown(cause: number): boolean
  forward(message: Message, onward: Onward): Uint8Array
  /** An answer of our own, of which only the cause is said. */
  answer(type: number, teid: number, sequence: number, cause: number): Uint8Array
  echoRequest(sequence: number): Uint8Array
  echoResponse(sequence: number): Uint8Array
  versionNotSupported(sequence: number): Uint8Array
  /** Asks a gateway to delete a context; `fromClient` is the interface that its client had. */
  deletion(teid: number, sequence: number, context: number, fromClient: number): Uint8Array
  readonly deletionType: number
}

export const echoRequestType = 1
export const versionNotSupportedType = 3

/** What both sides are told of the proxy. */
export interface Identity {
  readonly ipv4: Uint8Array | null
  readonly ipv6: Uint8Array | null
  readonly restartCounter: number
}

export const identityOf = ({ ipv4, ipv6 }: VirtualAddresses, restartCounter: number): Identity => ({
  ipv4: ipv4 === null ? null : wireBytes(ipv4),
  ipv6: ipv6 === null ? null : wireBytes(ipv6),
  restartCounter,
})

/** What stands between two offsets is to be replaced by these bytes. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly by: Uint8Array
}

/** With all edits made, which are in the order of their places and do not overlap. */
export function edited(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let length = bytes.length
  for (const { by, end, start } of edits) length += by.length - (end - start)
  const result = new Uint8Array(length)
  let from = 0
  let at = 0
  for (const { by, end, start } of edits) {
    result.set(bytes.subarray(from, start), at)
    result.set(by, at + start - from)
    at += start - from + by.length
    from = end
  }
  result.set(bytes.subarray(from), at)
  return result
}
