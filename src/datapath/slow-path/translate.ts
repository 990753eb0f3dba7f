// What the fast path does to a packet of a flow, in user space: addresses, ports, one hop less, and between the
// families RFC 7915. Checksums are updated by differences, so that one that was wrong stays wrong.

import { native } from '../../../native/load.ts'
import { internetChecksum, onesComplementSum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, join, read16, read32, read8, write16 } from '../../wire/fields.ts'
import { isMappedIPv4 } from '../../wire/ip.ts'
import {
  hasSourceRoute,
  ipv4Header,
  ipv4HeaderBytes,
  ipv6Header,
  ipv6HeaderBytes,
  protocols,
  wireAddress,
} from '../../wire/ip-packet.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

/** What the packet gets: of a flow, those fields of its entry. */
export interface Rewrite {
  /** 16 bytes each */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
}

export interface TranslateOptions {
  /** routers that the packet passes here: 0 for what an ICMP error quotes */
  readonly hops?: 0 | 1
  /** The end may be missing, and nobody will deliver it: checksums are updated where they are there. */
  readonly quoted?: boolean
}

/** IPv6 packets of this length and less, once they are IPv4, may be fragmented on their way (RFC 7915 5.1). */
const mayBeFragmentedBytes = 1260

export function familyOf(rewrite: Pick<Rewrite, 'destination'>): 4 | 6 {
  return isMappedIPv4(rewrite.destination) ? 4 : 6
}

/** The same protocol in the other family: only ICMP has two numbers. */
function protocolIn(family: 4 | 6, protocol: number): number {
  if (protocol === protocols.icmp || protocol === protocols.icmpv6)
    return family === 4 ? protocols.icmp : protocols.icmpv6
  return protocol
}

export function translatePacket(packet: IpPacket, to: Rewrite, options: TranslateOptions = {}): Uint8Array {
  const hopLimit = packet.hopLimit - (options.hops ?? 1)
  if (hopLimit <= 0 && options.hops !== 0) throw new DecodeError('hop limit', 0)
  const family = familyOf(to)
  const transport = copyOf(packet.bytes, packet.payload)
  if (packet.fragment === null || packet.fragment.offset === 0)
    rewriteTransport(packet, transport, to, options.quoted === true)
  const header = family === packet.family ? sameHeader(packet, to, hopLimit) : otherHeader(packet, to, hopLimit)
  return join(header, transport)
}

function sameHeader(packet: IpPacket, to: Rewrite, hopLimit: number): Uint8Array {
  const header = copyOf(packet.bytes, 0, packet.payload)
  if (packet.family === 4) {
    header[8] = hopLimit
    header.set(wireAddress(to.source, 4), 12)
    header.set(wireAddress(to.destination, 4), 16)
    write16(header, 10, 0)
    write16(header, 10, internetChecksum(header))
  } else {
    if (hasSourceRoute(packet)) throw new DecodeError('source route', ipv6HeaderBytes)
    header[7] = hopLimit
    header.set(to.source, 8)
    header.set(to.destination, 24)
  }
  return header
}

function otherHeader(packet: IpPacket, to: Rewrite, hopLimit: number): Uint8Array {
  if (hasSourceRoute(packet)) throw new DecodeError('source route', ipv4HeaderBytes)
  const { fragment, trafficClass } = packet
  // An extension header between the fragment header and the transport counts in the offsets of all later fragments.
  if (packet.fragmentHeader >= 0 && packet.payload !== packet.fragmentHeader + 8)
    throw new DecodeError('extension header in a fragment', packet.payload)
  const payloadBytes = packet.totalBytes - packet.payload
  const common = { source: to.source, destination: to.destination, trafficClass, hopLimit, payloadBytes }
  if (packet.family === 4) return ipv6Header({ ...common, protocol: protocolIn(6, packet.protocol), fragment })
  return ipv4Header({
    ...common,
    protocol: protocolIn(4, packet.protocol),
    id: fragment === null ? 0 : fragment.id & 0xffff,
    dontFragment: fragment === null && ipv4HeaderBytes + payloadBytes > mayBeFragmentedBytes,
    ...(fragment === null ? {} : { more: fragment.more, offset: fragment.offset }),
  })
}

function rewriteTransport(packet: IpPacket, transport: Uint8Array, to: Rewrite, quoted: boolean): void {
  switch (packet.protocol) {
    case protocols.tcp:
      rewritePorts(transport, to)
      return updateChecksum(packet, transport, to, 16, quoted ? 8 : 20)
    case protocols.udp:
      rewritePorts(transport, to)
      if (read16(transport, 6) === 0) return udpWithoutChecksum(packet, transport, to, quoted)
      updateChecksum(packet, transport, to, 6, 8)
      // Zero would say that there is none; all ones is the same number.
      if (read16(transport, 6) === 0) write16(transport, 6, 0xffff)
      return
    case protocols.sctp:
      return rewriteSctp(packet, transport, to, quoted)
    case protocols.icmp:
    case protocols.icmpv6:
      return rewriteEcho(packet, transport, to)
    default:
      throw new DecodeError('protocol without ports', packet.payload)
  }
}

/** `needed`: bytes of the header that must be there. A quotation may end before the checksum. */
function updateChecksum(packet: IpPacket, transport: Uint8Array, to: Rewrite, at: number, needed: number): void {
  if (transport.length < needed) throw new DecodeError('truncated', packet.bytes.length)
  if (transport.length < at + 2) return
  const oldSum = addressSum(packet.source, packet.destination) + onesComplementSum(portsOf(packet))
  const newSum = addressSum(to.source, to.destination) + onesComplementSum(transport.subarray(0, 4))
  write16(transport, at, changedChecksum(read16(transport, at), oldSum, newSum))
}

const portsOf = (packet: IpPacket): Uint8Array => packet.bytes.subarray(packet.payload, packet.payload + 4)

function rewritePorts(transport: Uint8Array, to: Rewrite): void {
  write16(transport, 0, to.sourcePort)
  write16(transport, 2, to.destinationPort)
}

/** An IPv4 address stands behind ::ffff:, which adds nothing in ones' complement. */
function addressSum(source: Uint8Array, destination: Uint8Array): number {
  return onesComplementSum(destination, onesComplementSum(source))
}

/** RFC 1624: the checksum after one sum of fields has become another. */
export function changedChecksum(checksum: number, oldSum: number, newSum: number): number {
  let sum = (~checksum & 0xffff) + 2 * 0xffff - (oldSum % 0xffff) + (newSum % 0xffff)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** IPv6 needs one (RFC 7915 4.5); it can be computed of a whole datagram only. */
function udpWithoutChecksum(packet: IpPacket, transport: Uint8Array, to: Rewrite, quoted: boolean): void {
  if (familyOf(to) === packet.family || quoted) return
  if (packet.fragment !== null) throw new DecodeError('fragment without a checksum', packet.payload)
  const pseudo = pseudoHeaderSum(to.source, to.destination, protocols.udp, transport.length)
  write16(transport, 6, internetChecksum(transport, pseudo) || 0xffff)
}

/** A CRC is linear: what the new ports change in it is the same whether it was right or wrong. */
function rewriteSctp(packet: IpPacket, transport: Uint8Array, to: Rewrite, quoted: boolean): void {
  if (transport.length < (quoted ? 8 : 12)) throw new DecodeError('truncated', packet.bytes.length)
  const before = copyOf(transport)
  rewritePorts(transport, to)
  const unchanged = read32(before, 0) === read32(transport, 0)
  if (unchanged || (quoted && packet.bytes.length < packet.totalBytes)) return
  if (packet.fragment !== null) throw new DecodeError('fragment with a CRC', packet.payload)
  const found = new DataView(transport.buffer, transport.byteOffset)
  const change = (native.crc32c(before) ^ native.crc32c(transport)) >>> 0
  found.setUint32(8, (found.getUint32(8, true) ^ change) >>> 0, true)
}

const echoTypes = { request4: 8, reply4: 0, request6: 128, reply6: 129 } as const

function rewriteEcho(packet: IpPacket, transport: Uint8Array, to: Rewrite): void {
  if (transport.length < 8) throw new DecodeError('truncated', packet.bytes.length)
  const type = read8(transport, 0)
  const [request, reply] =
    packet.family === 4 ? [echoTypes.request4, echoTypes.reply4] : [echoTypes.request6, echoTypes.reply6]
  if ((type !== request && type !== reply) || read8(transport, 1) !== 0)
    throw new DecodeError('ICMP that is no echo', packet.payload)
  const family = familyOf(to)
  const isReply = type === reply
  if (family !== packet.family && packet.fragment !== null)
    throw new DecodeError('fragment of ICMP between the families', packet.payload)
  const bytes = packet.totalBytes - packet.payload
  const oldSum = echoSum(packet.family, packet.source, packet.destination, transport, bytes)
  if (family === 4) transport[0] = isReply ? echoTypes.reply4 : echoTypes.request4
  else transport[0] = isReply ? echoTypes.reply6 : echoTypes.request6
  write16(transport, 4, isReply ? to.destinationPort : to.sourcePort)
  const newSum = echoSum(family, to.source, to.destination, transport, bytes)
  write16(transport, 2, changedChecksum(read16(transport, 2), oldSum, newSum))
}

/** What of an echo may change; ICMPv6 checksums its addresses as well. */
function echoSum(
  family: 4 | 6,
  source: Uint8Array,
  destination: Uint8Array,
  transport: Uint8Array,
  bytes: number,
): number {
  const header = read16(transport, 0) + read16(transport, 4)
  return family === 4 ? header : header + pseudoHeaderSum(source, destination, protocols.icmpv6, bytes)
}
