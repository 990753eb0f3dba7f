// A message that was found in a capture. Texts are made when they are asked for.

import type { AnyProtocol } from '../protocols/index.ts'
import type { Description, SessionKey } from '../protocols/protocol.ts'
import { addressText } from '../protocols/session-keys.ts'
import type { DecodeError } from '../wire/decode-error.ts'
import type { Datagram } from './datagram.ts'
import type { CaptureTime } from './frame.ts'

/** From where to where something went. */
export interface Place {
  /** `192.0.2.1:2152`, `[2001:db8::1]:2152` */
  readonly source: string
  readonly destination: string
  readonly destinationAddress: string
  readonly sourcePort: number
  readonly destinationPort: number
  /** SCTP's; 0: it was not SCTP, or the packet begins an association */
  readonly verificationTag: number
}

/** Valid as long as the packet's bytes are. */
export class PacketPlace implements Place {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly verificationTag: number
  readonly #datagram: Datagram

  constructor(datagram: Datagram, sourcePort: number, destinationPort: number, verificationTag = 0) {
    this.#datagram = datagram
    this.sourcePort = sourcePort
    this.destinationPort = destinationPort
    this.verificationTag = verificationTag
  }

  get source(): string {
    return this.#withPort(this.#address(0), this.sourcePort)
  }

  get destination(): string {
    return this.#withPort(this.#address(1), this.destinationPort)
  }

  get destinationAddress(): string {
    return this.#address(1)
  }

  #address(index: 0 | 1): string {
    const { bytes, family } = this.#datagram
    return family === 4 ? addressText(bytes, 12 + index * 4, 4) : addressText(bytes, 8 + index * 16, 16)
  }

  #withPort(address: string, port: number): string {
    return this.#datagram.family === 4 ? `${address}:${port}` : `[${address}]:${port}`
  }
}

/** The same for as long as it is needed. */
export const lasting = (place: Place): Place => ({
  source: place.source,
  destination: place.destination,
  destinationAddress: place.destinationAddress,
  sourcePort: place.sourcePort,
  destinationPort: place.destinationPort,
  verificationTag: place.verificationTag,
})

const none: readonly never[] = []

/** Either `error` or a message, of which `description` and `keys` tell. */
export class Message {
  /** the one that made it whole */
  readonly frame: number
  readonly time: CaptureTime | null
  readonly protocol: AnyProtocol
  readonly place: Place
  readonly bytes: Uint8Array
  readonly error: DecodeError | null
  readonly #content: unknown

  constructor(
    when: { readonly number: number; readonly time: CaptureTime | null },
    found: { readonly protocol: AnyProtocol; readonly place: Place; readonly bytes: Uint8Array },
    content: unknown,
    error: DecodeError | null,
  ) {
    this.frame = when.number
    this.time = when.time
    this.protocol = found.protocol
    this.place = found.place
    this.bytes = found.bytes
    this.#content = content
    this.error = error
  }

  get description(): Description {
    return this.error === null ? this.protocol.describe(this.#content) : { name: 'malformed', fields: {} }
  }

  get name(): string {
    if (this.error !== null) return 'malformed'
    return this.protocol.nameOf?.(this.#content) ?? this.description.name
  }

  /** As the protocol tells them: a SEID or TEID of the header has no address, which `placedKeys` gives it. */
  get keys(): readonly SessionKey[] {
    return this.error === null ? this.protocol.sessions(this.#content) : []
  }

  /** Of sessions that end with this message. */
  get endedKeys(): readonly SessionKey[] {
    if (this.error !== null || this.protocol.learn === undefined) return none
    const learned = this.protocol.learn(this.#content, 'endpoint')
    return learned.length === 0 ? none : learned.filter(({ action }) => action === 'remove').map(({ key }) => key)
  }
}
