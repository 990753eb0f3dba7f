// The messages of a capture: frame by frame, through link layer, IP, UDP, TCP and SCTP, to the protocols that Sluice
// reads. What cannot be read is a message with an error where its protocol is known, else it is counted.

import { protocolOverIp, protocolOverSctp, protocolOverTcp, protocolOverUdp } from '../protocols/index.ts'
import { splitDatagram } from '../protocols/index.ts'
import type { AnyProtocol } from '../protocols/index.ts'
import type { ProtocolName } from '../protocols/protocol.ts'
import { DecodeError } from '../wire/decode-error.ts'
import { protocols as transports } from '../wire/ip-packet.ts'
import { dataChunks } from './data-chunks.ts'
import { DatagramParts } from './datagram-parts.ts'
import { readDatagram } from './datagram.ts'
import type { Datagram } from './datagram.ts'
import type { CapturedFrame } from './frame.ts'
import { linkName, packetOffset, unknownLink } from './links.ts'
import { lasting, Message, PacketPlace } from './message.ts'
import type { Place } from './message.ts'
import { TcpStreams } from './tcp-streams.ts'
import type { StreamMessage } from './tcp-streams.ts'
import { UserMessages } from './user-messages.ts'

export interface MessagesOptions {
  /** only of these; null: of all */
  readonly only: ReadonlySet<ProtocolName> | null
}

const headerBytes = { udp: 8, tcp: 20, sctp: 12 } as const
const cutReason = 'cut when it was captured'

/** One direction of a TCP connection. */
interface Direction {
  readonly protocol: AnyProtocol
  readonly place: Place
  frame(bytes: Uint8Array): number | null
}

export class Messages {
  /** frames of link types that are not read, by name */
  readonly skipped = new Map<string, number>()
  /** what could not be read and belongs to no message, by reason */
  readonly troubles = new Map<string, number>()
  readonly #only: ReadonlySet<ProtocolName> | null
  readonly #datagrams: DatagramParts
  readonly #streams: TcpStreams<Direction>
  readonly #userMessages: UserMessages
  #frame: Pick<CapturedFrame, 'number' | 'time'> = { number: 0, time: null }
  #isCut = false
  #found: Message[] = []

  constructor({ only }: MessagesOptions) {
    this.#only = only
    const count = (reason: string): void => add(this.troubles, reason)
    this.#datagrams = new DatagramParts(count)
    this.#streams = new TcpStreams(count)
    this.#userMessages = new UserMessages(count)
  }

  /** Those that this frame makes whole; valid as long as its bytes are. */
  read(frame: CapturedFrame): readonly Message[] {
    this.#found = []
    this.#frame = frame
    this.#isCut = frame.wireBytes > frame.bytes.length
    const at = packetOffset(frame.linkType, frame.bytes)
    if (at === unknownLink) add(this.skipped, linkName(frame.linkType))
    if (at < 0) return this.#found
    try {
      const bytes = at === 0 ? frame.bytes : frame.bytes.subarray(at)
      const datagram = readDatagram(bytes)
      const whole = datagram.isFragment ? this.#datagrams.add(bytes, frame.time) : bytes
      if (whole !== null) this.#transport(datagram.isFragment ? readDatagram(whole) : datagram)
    } catch (error) {
      this.#trouble('IP', error)
    }
    return this.#found
  }

  /** There are no more frames: what waited for missing ones. */
  finish(): readonly Message[] {
    this.#found = []
    this.#datagrams.finish()
    this.#userMessages.finish()
    this.#streamMessages(this.#streams.finish())
    return this.#found
  }

  #transport(datagram: Datagram): void {
    switch (datagram.protocol) {
      case transports.udp:
        return this.#udp(datagram)
      case transports.tcp:
        return this.#tcp(datagram)
      case transports.sctp:
        return this.#sctp(datagram, protocolOverIp(transports.sctp), datagram.payload, datagram.end)
      default:
    }
  }

  #udp(datagram: Datagram): void {
    const { bytes, end, payload } = datagram
    if (end - payload < headerBytes.udp) return this.#trouble('UDP', new DecodeError('truncated', end))
    const place = new PacketPlace(datagram, read16(bytes, payload), read16(bytes, payload + 2))
    const content = payload + headerBytes.udp
    const first = content < end ? bytes[content]! : 0
    const protocol = protocolOverUdp(place.sourcePort, place.destinationPort, first)
    if (protocol === null) return
    const length = read16(bytes, payload + 4)
    // Zero stands for what an IP packet of more than 64 KiB has left.
    const stop = length === 0 ? end : Math.min(end, payload + length)
    if (stop < content) return this.#trouble('UDP', new DecodeError('length lies', payload + 4))
    if (protocol.name === 'sctp') return this.#sctp(datagram, protocol, content, stop)
    // Some peers keep their path open by datagrams without content.
    if (stop > content && this.#wants(protocol))
      this.#datagram(protocol, place, bytes.subarray(content, stop), datagram)
  }

  #datagram(protocol: AnyProtocol, place: Place, content: Uint8Array, { missing }: Datagram): void {
    if (missing > 0) return this.#push(protocol, place, content, this.#missing(content))
    if (protocol.name !== 'pfcp' && protocol.name !== 'gtpv2') return this.#decode(protocol, place, content)
    let parts: readonly Uint8Array[]
    try {
      parts = splitDatagram(protocol, content)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#push(protocol, place, content, error)
    }
    for (const part of parts) this.#decode(protocol, place, part)
  }

  #tcp(datagram: Datagram): void {
    const { bytes, end, family, payload } = datagram
    if (end - payload < headerBytes.tcp) return this.#trouble('TCP', new DecodeError('truncated', end))
    const place = new PacketPlace(datagram, read16(bytes, payload), read16(bytes, payload + 2))
    const protocol = protocolOverTcp(place.sourcePort, place.destinationPort)
    if (protocol?.frame === undefined || !this.#wants(protocol)) return
    const content = payload + (bytes[payload + 12]! >> 4) * 4
    if (content < payload + headerBytes.tcp) return this.#trouble('TCP', new DecodeError('length lies', payload + 12))
    if (content > end) return this.#trouble('TCP', new DecodeError('truncated', end))
    const addresses = family === 4 ? latin1(bytes, 12, 20) : latin1(bytes, 8, 40)
    const segment = {
      sequence: read16(bytes, payload + 4) * 2 ** 16 + read16(bytes, payload + 6),
      flags: bytes[payload + 13]!,
      payload: bytes.subarray(content, end),
    }
    // What a connection keeps outlives this packet.
    const made = (): Direction => ({ protocol, place: lasting(place), frame: (stream) => protocol.frame!(stream) })
    this.#streamMessages(this.#streams.add(addresses + latin1(bytes, payload, payload + 4), segment, made))
  }

  #streamMessages(found: readonly StreamMessage<Direction>[]): void {
    for (const { bytes, error, owner } of found) {
      if (error === null) this.#decode(owner.protocol, owner.place, bytes)
      else this.#push(owner.protocol, owner.place, bytes, error)
    }
  }

  #sctp(datagram: Datagram, sctp: AnyProtocol | null, start: number, end: number): void {
    if (sctp === null) return
    const bytes = datagram.bytes.subarray(start, end)
    if (bytes.length < headerBytes.sctp) return this.#trouble('SCTP', new DecodeError('truncated', end))
    const tag = read16(bytes, 4) * 2 ** 16 + read16(bytes, 6)
    const place = new PacketPlace(datagram, read16(bytes, 0), read16(bytes, 2), tag)
    if (this.#wants(sctp)) {
      if (datagram.missing > 0) this.#push(sctp, place, bytes, this.#missing(bytes))
      else this.#decode(sctp, place, bytes)
    }
    const key = latin1(bytes, 0, 8)
    for (const chunk of dataChunks(bytes)) {
      const message = this.#userMessages.add(key, chunk)
      if (message === null) continue
      const protocol = protocolOverSctp(message.ppid)
      if (protocol !== null && this.#wants(protocol)) this.#decode(protocol, place, message.bytes)
    }
  }

  #decode(protocol: AnyProtocol, place: Place, bytes: Uint8Array): void {
    let content: unknown
    try {
      content = protocol.decode(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#push(protocol, place, bytes, error)
    }
    this.#found.push(new Message(this.#frame, { protocol, place, bytes }, content, null))
  }

  #push(protocol: AnyProtocol, place: Place, bytes: Uint8Array, error: DecodeError): void {
    this.#found.push(new Message(this.#frame, { protocol, place, bytes }, null, error))
  }

  #missing(bytes: Uint8Array): DecodeError {
    return new DecodeError(this.#isCut ? cutReason : 'truncated', bytes.length)
  }

  #trouble(layer: string, error: unknown): void {
    if (!(error instanceof DecodeError)) throw error
    add(this.troubles, error.reason === 'truncated' && this.#isCut ? cutReason : `${layer}: ${error.reason}`)
  }

  #wants({ name }: AnyProtocol): boolean {
    return this.#only === null || this.#only.has(name)
  }
}

const add = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
const read16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
