// TCP segments and UDP datagrams as values: taken out of a packet, and put into one with other addresses. Checksums are
// verified and computed anew, since payload changes; that is why a wrong one is refused here and not passed on.

import { internetChecksum, onesComplementSum, pseudoHeaderSum } from '../../../wire/checksum.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { join, read16, read32, read8, write16, write32 } from '../../../wire/fields.ts'
import { ipv4Header, ipv6Header, protocols } from '../../../wire/ip-packet.ts'
import { isMappedIPv4 } from '../../../wire/ip.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'

export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const

export interface Segment {
  readonly sequence: number
  readonly acknowledgement: number
  /** all of the flag bits, reserved ones too, without the header's length */
  readonly flags: number
  readonly window: number
  readonly urgent: number
  /** a multiple of 4 bytes */
  readonly options: Uint8Array
  readonly payload: Uint8Array
}

export interface Socket {
  /** 16 bytes */
  readonly address: Uint8Array
  readonly port: number
}

/** The IP header around a segment, as far as it is kept. */
export interface Envelope {
  readonly hopLimit: number
  readonly trafficClass: number
  /** of an IPv4 header */
  readonly id: number
  readonly dontFragment: boolean
}

const tcpHeaderBytes = 20
const udpHeaderBytes = 8

/** The envelope of a packet that is passed on. */
export function passedOn({ bytes, dontFragment, family, hopLimit, trafficClass }: IpPacket): Envelope {
  if (hopLimit <= 1) throw new DecodeError('ttl', 8)
  return { hopLimit: hopLimit - 1, trafficClass, id: family === 4 ? read16(bytes, 4) : 0, dontFragment }
}

/** The envelope of a packet of our own. */
export const ownEnvelope: Envelope = { hopLimit: 64, trafficClass: 0, id: 0, dontFragment: true }

function transportOf(packet: IpPacket, protocol: number): Uint8Array {
  if (packet.fragment !== null) throw new DecodeError('fragment', 0)
  if (packet.protocol !== protocol) throw new DecodeError('protocol', 9)
  return packet.bytes.subarray(packet.payload)
}

export function readTcp(packet: IpPacket): Segment {
  const bytes = transportOf(packet, protocols.tcp)
  const headerBytes = (read8(bytes, 12) >> 4) * 4
  if (headerBytes < tcpHeaderBytes) throw new DecodeError('length lies', packet.payload + 12)
  if (headerBytes > bytes.length) throw new DecodeError('truncated', packet.bytes.length)
  verify(packet, bytes, 16)
  return {
    sequence: read32(bytes, 4),
    acknowledgement: read32(bytes, 8),
    flags: read16(bytes, 12) & 0xfff,
    window: read16(bytes, 14),
    urgent: read16(bytes, 18),
    options: bytes.subarray(tcpHeaderBytes, headerBytes),
    payload: bytes.subarray(headerBytes),
  }
}

export interface Datagram {
  readonly payload: Uint8Array
  /** false: the sender has computed no checksum, as it may in IPv4 */
  readonly checksummed: boolean
}

export function readUdp(packet: IpPacket): Datagram {
  const all = transportOf(packet, protocols.udp)
  const length = read16(all, 4)
  if (length < udpHeaderBytes) throw new DecodeError('length lies', packet.payload + 4)
  if (length > all.length) throw new DecodeError('truncated', packet.bytes.length)
  const bytes = all.subarray(0, length)
  const checksummed = read16(bytes, 6) !== 0
  if (checksummed) verify(packet, bytes, 6)
  else if (packet.family === 6) throw new DecodeError('bad checksum', packet.payload + 6)
  return { payload: bytes.subarray(udpHeaderBytes), checksummed }
}

/** What comes from this machine may still wait for its checksum, with only the addresses' part of it in the field. */
function verify({ destination, payload, protocol, source }: IpPacket, transport: Uint8Array, checksumAt: number): void {
  const pseudo = pseudoHeaderSum(source, destination, protocol, transport.length)
  if (internetChecksum(transport, pseudo) === 0 || read16(transport, checksumAt) === onesComplementSum(noBytes, pseudo))
    return
  throw new DecodeError('bad checksum', payload + checksumAt)
}

const noBytes = new Uint8Array()

export function writeTcp(segment: Segment, from: Socket, to: Socket, envelope: Envelope): Uint8Array {
  const { acknowledgement, flags, options, payload, sequence, urgent, window } = segment
  const header = new Uint8Array(tcpHeaderBytes)
  write16(header, 0, from.port)
  write16(header, 2, to.port)
  write32(header, 4, sequence)
  write32(header, 8, acknowledgement)
  write16(header, 12, (((tcpHeaderBytes + options.length) / 4) << 12) | flags)
  write16(header, 14, window)
  write16(header, 18, urgent)
  return enclose(join(header, options, payload), 16, protocols.tcp, from, to, envelope)
}

export function writeUdp({ checksummed, payload }: Datagram, from: Socket, to: Socket, envelope: Envelope): Uint8Array {
  const header = new Uint8Array(udpHeaderBytes)
  write16(header, 0, from.port)
  write16(header, 2, to.port)
  write16(header, 4, udpHeaderBytes + payload.length)
  const needed = checksummed || !isMappedIPv4(from.address)
  return enclose(join(header, payload), needed ? 6 : null, protocols.udp, from, to, envelope)
}

function enclose(
  transport: Uint8Array,
  checksumAt: number | null,
  protocol: number,
  from: Socket,
  to: Socket,
  envelope: Envelope,
): Uint8Array {
  if (checksumAt !== null) {
    const sum = internetChecksum(transport, pseudoHeaderSum(from.address, to.address, protocol, transport.length))
    write16(transport, checksumAt, protocol === protocols.udp && sum === 0 ? 0xffff : sum)
  }
  const addresses = { source: from.address, destination: to.address, protocol, payloadBytes: transport.length }
  const header = isMappedIPv4(from.address)
    ? ipv4Header({ ...envelope, ...addresses })
    : ipv6Header({ ...addresses, trafficClass: envelope.trafficClass, hopLimit: envelope.hopLimit })
  return join(header, transport)
}
