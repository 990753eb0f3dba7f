// IP headers under a translation: within a family the old header with new addresses, between the families a new one by
// RFC 7915.

import { internetChecksum } from '../../wire/checksum.ts'
import { concat, viewOf, wrong } from '../packets/bytes.ts'
import { extensionNumbers, icmpv6, ipv4HeaderBytes, ipv6HeaderBytes, protocols } from '../packets/ip.ts'
import { read16, write16, type IpParts } from '../packets/parts.ts'
import { headerAddress, type Family, type Socket } from '../packets/socket.ts'

/** RFC 7915 5.1: shorter IPv4 packets may be fragmented on their way, longer ones not. */
const longestFragmentable = 1260

export interface NewHeader {
  readonly from: Socket
  readonly to: Socket
  /** taken off the TTL */
  readonly hops: number
  /** of the packet that the header is for, behind the header */
  readonly payloadBytes: number
  /** what a translator may choose for itself: IPv4's identification, where no fragment header says one */
  readonly identification: number
}

export function translateHeader(parts: Omit<IpParts, 'link'>, family: Family, wanted: NewHeader): Uint8Array {
  if (parts.family === family) return readdress(parts.header, family, wanted)
  return family === 4 ? toIpv4(parts, wanted) : toIpv6(parts, wanted)
}

function readdress(before: Uint8Array, family: Family, { from, to, hops }: NewHeader): Uint8Array {
  const error = family === 4 ? headerError(before) : 0
  const header = before.slice()
  const [ttlAt, addressesAt] = family === 4 ? [8, 12] : [7, 8]
  header[ttlAt] = (header[ttlAt] ?? 0) - hops
  header.set(concat(headerAddress(from), headerAddress(to)), addressesAt)
  if (family === 4) writeHeaderChecksum(header, error)
  return header
}

/** What is wrong inside of an ICMP error stays wrong; elsewhere nothing may be. */
function headerError(header: Uint8Array): number {
  const copy = header.slice()
  writeHeaderChecksum(copy)
  return (read16(header, 10) - read16(copy, 10) + 0xffff) % 0xffff
}

/** Options of IPv4 and extension headers of IPv6, other than that of a fragment, have no counterpart. */
function toIpv4({ header: before, protocol, fragment }: Omit<IpParts, 'link'>, wanted: NewHeader): Uint8Array {
  const header = new Uint8Array(ipv4HeaderBytes)
  const view = viewOf(header)
  const length = header.length + wanted.payloadBytes
  view.setUint8(0, 0x45)
  view.setUint8(1, (read16(before, 0) >> 4) & 0xff)
  view.setUint16(2, length)
  view.setUint16(4, fragment === null ? wanted.identification : fragment.identification & 0xffff)
  if (fragment === null) view.setUint16(6, length > longestFragmentable ? 0x4000 : 0)
  else view.setUint16(6, (fragment.more ? 0x2000 : 0) | (fragment.offset / 8))
  view.setUint8(8, (before[7] ?? 0) - wanted.hops)
  view.setUint8(9, protocol)
  header.set(concat(headerAddress(wanted.from), headerAddress(wanted.to)), 12)
  writeHeaderChecksum(header)
  return header
}

function toIpv6({ header: before, protocol, fragment }: Omit<IpParts, 'link'>, wanted: NewHeader): Uint8Array {
  const next = protocol === protocols.icmp ? icmpv6 : protocol
  const header = new Uint8Array(ipv6HeaderBytes + (fragment === null ? 0 : 8))
  const view = viewOf(header)
  view.setUint32(0, 0x60000000 + ((before[1] ?? 0) << 20))
  view.setUint16(4, header.length - ipv6HeaderBytes + wanted.payloadBytes)
  view.setUint8(6, fragment === null ? next : extensionNumbers.fragment)
  view.setUint8(7, (before[8] ?? 0) - wanted.hops)
  header.set(concat(headerAddress(wanted.from), headerAddress(wanted.to)), 8)
  if (fragment === null) return header
  view.setUint8(40, next)
  view.setUint16(42, fragment.offset | (fragment.more ? 1 : 0))
  view.setUint32(44, fragment.identification)
  return header
}

export function writeHeaderChecksum(header: Uint8Array, error = 0): void {
  write16(header, 10, 0)
  write16(header, 10, wrong(internetChecksum(header), error))
}
