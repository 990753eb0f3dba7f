// A frame taken apart the plain way: link, IP header, what it carries, and what Ethernet has added behind.

import assert from 'node:assert/strict'
import { ethernetBytes, etherTypes } from './link.ts'
import { extensionNumbers, icmpv6, ipv6HeaderBytes, protocols } from './ip.ts'
import type { Family } from './socket.ts'

/** All arrays are views into the frame. */
export interface IpParts {
  /** MAC addresses, tags, type of what follows */
  readonly link: Uint8Array
  readonly family: Family
  /** with options, or extension headers */
  readonly header: Uint8Array
  readonly payload: Uint8Array
  readonly trailer: Uint8Array
  /** of the payload; ICMP is 1 in both families */
  readonly protocol: number
  /** IPv6: where in the header the number stands that says what the payload is */
  readonly extensionEnd: number
  readonly fragment: Fragment | null
}

export interface Fragment {
  readonly identification: number
  /** bytes */
  readonly offset: number
  readonly more: boolean
  /** where the fragment header starts in the IP header; IPv4 has none */
  readonly headerAt: number
}

export function ipPartsOf(frame: Uint8Array): IpParts {
  let linkEnd = ethernetBytes
  let type = read16(frame, 12)
  while (type === etherTypes.vlan || type === etherTypes.serviceVlan) {
    type = read16(frame, linkEnd + 2)
    linkEnd += 4
  }
  assert(type === etherTypes.ipv4 || type === etherTypes.ipv6, `type 0x${type.toString(16)} is not IP`)
  const parts = packetPartsOf(frame.subarray(linkEnd))
  return { ...parts, link: frame.subarray(0, linkEnd) }
}

/** The same for a packet without a link in front. */
export function packetPartsOf(packet: Uint8Array): Omit<IpParts, 'link'> {
  return (packet[0] ?? 0) >> 4 === 4 ? ipv4PartsOf(packet) : ipv6PartsOf(packet)
}

function ipv4PartsOf(packet: Uint8Array): Omit<IpParts, 'link'> {
  const headerEnd = ((packet[0] ?? 0) & 15) * 4
  const end = read16(packet, 2)
  assert(headerEnd >= 20 && headerEnd <= end && end <= packet.length, 'only whole packets can be taken apart')
  const flags = read16(packet, 6)
  const fragment = {
    identification: read16(packet, 4),
    offset: (flags & 0x1fff) * 8,
    more: (flags & 0x2000) !== 0,
    headerAt: 0,
  }
  return {
    family: 4,
    header: packet.subarray(0, headerEnd),
    payload: packet.subarray(headerEnd, end),
    trailer: packet.subarray(end),
    protocol: packet[9] ?? 0,
    extensionEnd: 9,
    fragment: fragment.more || fragment.offset > 0 ? fragment : null,
  }
}

function ipv6PartsOf(packet: Uint8Array): Omit<IpParts, 'link'> {
  assert((packet[0] ?? 0) >> 4 === 6, 'neither IPv4 nor IPv6')
  const end = ipv6HeaderBytes + read16(packet, 4)
  assert(packet.length >= end, 'only whole packets can be taken apart')
  const numbers: readonly number[] = Object.values(extensionNumbers)
  let nextAt = 6
  let headerEnd = ipv6HeaderBytes
  let fragment: Fragment | null = null
  while (numbers.includes(packet[nextAt] ?? 0) && !(fragment && fragment.offset > 0)) {
    if (packet[nextAt] === extensionNumbers.fragment) {
      const word = read16(packet, headerEnd + 2)
      const identification = read16(packet, headerEnd + 4) * 0x10000 + read16(packet, headerEnd + 6)
      fragment = { identification, offset: word & 0xfff8, more: (word & 1) !== 0, headerAt: headerEnd }
      nextAt = headerEnd
      headerEnd += 8
    } else {
      nextAt = headerEnd
      headerEnd += ((packet[headerEnd + 1] ?? 0) + 1) * 8
    }
  }
  assert(headerEnd <= end, 'extension headers go beyond the packet')
  const protocol = packet[nextAt] ?? 0
  return {
    family: 6,
    header: packet.subarray(0, headerEnd),
    payload: packet.subarray(headerEnd, end),
    trailer: packet.subarray(end),
    protocol: protocol === icmpv6 ? protocols.icmp : protocol,
    extensionEnd: nextAt,
    fragment,
  }
}

export function read16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
}

export function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8
  bytes[offset + 1] = value & 0xff
}
