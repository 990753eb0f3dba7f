// What the recorded peers must know of a protocol to play their part again: which messages belong together, and how one
// of the capture is made one of this replay.

import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf } from '../../wire/fields.ts'
import type { AddressMap, Description } from '../../protocols/protocol.ts'

export interface Message {
  readonly type: number
  readonly name: string
  /** `other`: has no answer and is none */
  readonly role: 'request' | 'response' | 'other'
  readonly sequence: number
  /** the receiver's identifier in the header, 0 where the sender knows none; null: the message is about nodes */
  readonly session: bigint | null
  /** as decoded; belongs to the speech */
  readonly raw: unknown
}

export interface Changes {
  readonly sequence: number
  readonly session: bigint | null
  readonly names: AddressMap
}

export interface Cause {
  /** `65 Session context not found` */
  readonly text: string
  readonly isAccepted: boolean
}

/** What a peer of the capture has said of itself; bytes of its own. */
export interface PeerFacts {
  /** when, or for which time, it has lost its sessions: the value of the element, as it said last */
  recovery: Uint8Array | null
  /** elements that describe it */
  readonly description: Uint8Array | null
}

/** One that the capture does not show answering. */
export interface StandIn {
  readonly address: string
  readonly facts: PeerFacts
  /** the asker's identifier of the session, for the header; 0: not known */
  readonly session: bigint
}

export type Sender = 'client' | 'server'

export interface Speech {
  readonly port: number
  /** The messages of a datagram, as views. Throws DecodeError. */
  split(datagram: Uint8Array): readonly Uint8Array[]
  /** Throws DecodeError. */
  read(bytes: Uint8Array): Message
  /** with another header and other addresses inside */
  adapted(message: Message, changes: Changes): Uint8Array
  /** What the sender wants to be called in headers about the session; null: it does not say. */
  ownIdentifier(message: Message, from: Sender): bigint | null
  cause(message: Message): Cause | null
  /** Requests of this type make sessions. */
  makesSession(type: number): boolean
  /** Such a request asks whether a peer is there, every few seconds. */
  isPathCheck(type: number): boolean
  /** What a peer answers that the capture does not show answering; null: nothing. */
  standIn(request: Message, peer: StandIn): Uint8Array | null
  /** Before its first message about sessions a client makes itself known; null: it need not. */
  introduction(message: Message, from: string, facts: PeerFacts): Uint8Array | null
  /** Such a message makes its sender known. */
  isIntroduction(message: Message): boolean
  /** What the sender says of itself; null: nothing. */
  facts(message: Message, from: Sender): PeerFacts | null
}

/** As the protocol tells it; else its number alone. */
export const statedCause = (fields: Description['fields'], value: number): string => {
  const told = fields['cause']
  return typeof told === 'string' ? told : `${value}`
}

/** The type of a response is that of its request plus 1, in all of these protocols. */
export const requestTypeOf = (responseType: number): number => responseType - 1

/** Those of a datagram, with bytes of their own; none where it cannot be read. */
export function messagesOf(speech: Speech, payload: Uint8Array): readonly Message[] {
  try {
    return speech.split(payload).map((part) => speech.read(copyOf(part)))
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}
