// An ICMP error about a packet (RFC 792, RFC 4443), of either family.
//
//      0       1       2               4                       8
//     | type  | code  |   checksum    | MTU, pointer, nothing  | the packet, as much as fits ...

import { internetChecksum, pseudoHeaderSum } from './checksum.ts'
import { DecodeError } from './decode-error.ts'
import { join, read32, read8, write16, write32 } from './fields.ts'
import { ipv4Header, ipv6Header, ipv6MinimumMtu, protocols } from './ip-packet.ts'
import type { IpPacket } from './ip-packet.ts'

const icmpHeaderBytes = 8
/** An IPv4 error is no longer than this (RFC 1812 4.3.2.3), an IPv6 one than the shortest MTU (RFC 4443 2.4). */
const longestError4 = 576

export interface IcmpError {
  readonly type: number
  readonly code: number
  /** the second word: an IPv4 MTU is its lower half, an IPv4 pointer its first byte */
  readonly rest: number
  /** the packet it is about, or its beginning, without extensions (RFC 4884) */
  readonly quoted: Uint8Array
}

const errorTypes4 = new Set([3, 4, 5, 11, 12])

/** Types below 128 are errors in IPv6. */
function isErrorType(family: 4 | 6, type: number): boolean {
  return family === 4 ? errorTypes4.has(type) : type < 128
}

/** Whether a packet is an ICMP error; false for what is too short to tell. */
export function isIcmpError(packet: IpPacket): boolean {
  const protocol = packet.family === 4 ? protocols.icmp : protocols.icmpv6
  const type = packet.bytes[packet.payload]
  return packet.protocol === protocol && type !== undefined && isErrorType(packet.family, type)
}

export function decodeIcmpError(packet: IpPacket): IcmpError {
  if (packet.fragment !== null) throw new DecodeError('fragment of an ICMP error', packet.payload)
  const bytes = packet.bytes.subarray(packet.payload)
  const type = read8(bytes, 0)
  if (!isIcmpError(packet)) throw new DecodeError('no ICMP error', packet.payload)
  const pseudo =
    packet.family === 4 ? 0 : pseudoHeaderSum(packet.source, packet.destination, protocols.icmpv6, bytes.length)
  const rest = read32(bytes, 4)
  if (internetChecksum(bytes, pseudo) !== 0) throw new DecodeError('checksum', packet.payload)
  return { type, code: read8(bytes, 1), rest, quoted: quotation(packet.family, type, bytes) }
}

/** RFC 4884: a length says where extensions begin; it counts words of 4 bytes in IPv4, of 8 in IPv6. */
function quotation(family: 4 | 6, type: number, bytes: Uint8Array): Uint8Array {
  const quoted = bytes.subarray(icmpHeaderBytes)
  const extensible = family === 4 ? type === 3 || type === 11 || type === 12 : type === 1 || type === 3
  const length = extensible ? read8(bytes, family === 4 ? 5 : 4) * (family === 4 ? 4 : 8) : 0
  if (length > quoted.length) throw new DecodeError('length lies', 4)
  return length === 0 ? quoted : quoted.subarray(0, length)
}

export interface NewIcmpError {
  readonly family: 4 | 6
  /** 16 bytes each */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly hopLimit: number
  readonly trafficClass?: number
  readonly error: IcmpError
}

/** The whole packet, the quotation cut to what an error may carry. */
export function buildIcmpError({
  family,
  source,
  destination,
  hopLimit,
  trafficClass,
  error,
}: NewIcmpError): Uint8Array {
  const headerBytes = (family === 4 ? 20 : 40) + icmpHeaderBytes
  const room = (family === 4 ? longestError4 : ipv6MinimumMtu) - headerBytes
  const icmp = join(new Uint8Array(icmpHeaderBytes), error.quoted.subarray(0, room))
  icmp[0] = error.type
  icmp[1] = error.code
  write32(icmp, 4, error.rest)
  const common = { source, destination, hopLimit, trafficClass: trafficClass ?? 0, payloadBytes: icmp.length }
  if (family === 4) {
    write16(icmp, 2, internetChecksum(icmp))
    return join(ipv4Header({ ...common, protocol: protocols.icmp, id: 0, dontFragment: false }), icmp)
  }
  write16(icmp, 2, internetChecksum(icmp, pseudoHeaderSum(source, destination, protocols.icmpv6, icmp.length)))
  return join(ipv6Header({ ...common, protocol: protocols.icmpv6 }), icmp)
}

/** Of an IPv4 error `fragmentation needed`: 0 where the router does not say. */
export const mtuOf = (error: IcmpError): number => error.rest & 0xffff
