// An IP packet as a whole: IPv4 (RFC 791) with options, IPv6 (RFC 8200) with extension headers, fragments of both.
//
//     | IP header, options or extension headers | fragment header (IPv6) | transport ... |
//       0                                         fragmentHeader           payload

import { internetChecksum } from './checksum.ts'
import { DecodeError } from './decode-error.ts'
import { copyOf, read16, read32, read8, write16, write32 } from './fields.ts'

export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const

export const ipv4HeaderBytes = 20
export const ipv6HeaderBytes = 40
export const fragmentHeaderBytes = 8
/** every IPv6 link takes this much */
export const ipv6MinimumMtu = 1280

const extension = { hopByHop: 0, routing: 43, fragment: 44, destination: 60 } as const
const mostExtensionHeaders = 8

const dontFragmentBit = 0x4000
const moreFragmentsBit = 0x2000
const offsetBits = 0x1fff

export interface Fragment {
  readonly id: number
  /** bytes of the datagram's payload before this one's */
  readonly offset: number
  readonly more: boolean
}

export interface IpPacket {
  /** as long as its header says, unless it was cut */
  readonly bytes: Uint8Array
  readonly family: 4 | 6
  /** what the header says */
  readonly totalBytes: number
  /** the transport's, behind all extension headers */
  readonly protocol: number
  /** 16 bytes each */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly trafficClass: number
  readonly hopLimit: number
  /** always true for IPv6 */
  readonly dontFragment: boolean
  readonly fragment: Fragment | null
  /** IPv6: offset of the fragment header; -1: there is none */
  readonly fragmentHeader: number
  /** IPv6: where the number of the header stands that is behind those which each router reads */
  readonly nextHeaderField: number
  /** offset of what is behind those headers: where a fragment header is put */
  readonly unfragmentable: number
  /** offset of the transport header, or of a later fragment's part */
  readonly payload: number
}

/** `cut`: the end may be missing, as in the quotation of an ICMP error. All headers must be there all the same. */
export function parseIp(bytes: Uint8Array, options: { readonly cut?: boolean } = {}): IpPacket {
  const cut = options.cut === true
  const version = read8(bytes, 0) >> 4
  if (version === 4) return parseIpv4(bytes, cut)
  if (version === 6) return parseIpv6(bytes, cut)
  throw new DecodeError('not IP', 0)
}

function checkLength(bytes: Uint8Array, totalBytes: number, headerBytes: number, cut: boolean): Uint8Array {
  if (totalBytes < headerBytes) throw new DecodeError('length lies', 0)
  if (headerBytes > bytes.length || (totalBytes > bytes.length && !cut))
    throw new DecodeError('truncated', bytes.length)
  return bytes.subarray(0, Math.min(totalBytes, bytes.length))
}

function parseIpv4(bytes: Uint8Array, cut: boolean): IpPacket {
  const headerBytes = (read8(bytes, 0) & 15) * 4
  if (headerBytes < ipv4HeaderBytes) throw new DecodeError('length lies', 0)
  const totalBytes = read16(bytes, 2)
  const whole = checkLength(bytes, totalBytes, headerBytes, cut)
  const word = read16(bytes, 6)
  const offset = (word & offsetBits) * 8
  const more = (word & moreFragmentsBit) !== 0
  return {
    bytes: whole,
    family: 4,
    totalBytes,
    protocol: read8(bytes, 9),
    source: mapped(bytes.subarray(12, 16)),
    destination: mapped(bytes.subarray(16, 20)),
    trafficClass: read8(bytes, 1),
    hopLimit: read8(bytes, 8),
    dontFragment: (word & dontFragmentBit) !== 0,
    fragment: offset > 0 || more ? { id: read16(bytes, 4), offset, more } : null,
    fragmentHeader: -1,
    nextHeaderField: 9,
    unfragmentable: headerBytes,
    payload: headerBytes,
  }
}

function parseIpv6(bytes: Uint8Array, cut: boolean): IpPacket {
  const totalBytes = ipv6HeaderBytes + read16(bytes, 4)
  const whole = checkLength(bytes, totalBytes, ipv6HeaderBytes, cut)
  let [field, at, protocol] = [6, ipv6HeaderBytes, read8(bytes, 6)]
  let [nextHeaderField, unfragmentable, fragmentHeader] = [field, at, -1]
  let fragment: Fragment | null = null
  for (let count = 0; isExtension(protocol); count++) {
    if (count === mostExtensionHeaders) throw new DecodeError('too many extension headers', at)
    const length = protocol === extension.fragment ? fragmentHeaderBytes : (read8(whole, at + 1) + 1) * 8
    if (at + length > whole.length) throw new DecodeError('truncated', at)
    if (protocol === extension.fragment) {
      if (fragmentHeader >= 0) throw new DecodeError('two fragment headers', at)
      fragmentHeader = at
      ;[nextHeaderField, unfragmentable] = [field, at]
      const word = read16(whole, at + 2)
      fragment = { id: read32(whole, at + 4), offset: word & 0xfff8, more: (word & 1) !== 0 }
    }
    const next = read8(whole, at)
    // What stands before a routing header, and itself, is for each hop (RFC 8200 4.5).
    const perHop = fragmentHeader < 0 && (protocol === extension.hopByHop || protocol === extension.routing)
    field = at
    at += length
    if (perHop) [nextHeaderField, unfragmentable] = [field, at]
    protocol = next
    // What comes behind the header of a later fragment is no header.
    if (fragment !== null && fragment.offset > 0) break
  }
  return {
    bytes: whole,
    family: 6,
    totalBytes,
    protocol,
    source: copyOf(bytes, 8, 24),
    destination: copyOf(bytes, 24, 40),
    trafficClass: (read16(bytes, 0) >> 4) & 0xff,
    hopLimit: read8(bytes, 7),
    dontFragment: true,
    fragment,
    fragmentHeader,
    nextHeaderField,
    unfragmentable,
    payload: at,
  }
}

function isExtension(protocol: number): boolean {
  return (
    protocol === extension.hopByHop ||
    protocol === extension.routing ||
    protocol === extension.fragment ||
    protocol === extension.destination
  )
}

/** An IPv6 source route that is not at its end (RFC 7915 5.1.1), or an IPv4 one (4.1): neither can be translated. */
export function hasSourceRoute(packet: IpPacket): boolean {
  return packet.family === 4 ? hasSourceRouteOption(packet) : hasRoutingHeader(packet)
}

function hasSourceRouteOption({ bytes, payload }: IpPacket): boolean {
  for (let at = ipv4HeaderBytes; at < payload;) {
    const option = read8(bytes, at)
    if (option === 0) return false
    if (option === 1) {
      at++
      continue
    }
    if (at + 1 >= payload) return false
    const length = read8(bytes, at + 1)
    if (length < 2) return false
    const loose = option === 131
    const strict = option === 137
    if ((loose || strict) && at + 2 < payload && read8(bytes, at + 2) <= length) return true
    at += length
  }
  return false
}

function hasRoutingHeader({ bytes, payload }: IpPacket): boolean {
  let protocol = read8(bytes, 6)
  for (let at = ipv6HeaderBytes; at < payload;) {
    if (protocol === extension.routing && read8(bytes, at + 3) > 0) return true
    const length = protocol === extension.fragment ? fragmentHeaderBytes : (read8(bytes, at + 1) + 1) * 8
    protocol = read8(bytes, at)
    at += length
  }
  return false
}

/** Whether the IPv4 header checksum is right; IPv6 has none. */
export function headerIsRight(packet: IpPacket): boolean {
  return packet.family === 6 || internetChecksum(packet.bytes.subarray(0, packet.payload)) === 0
}

function mapped(v4: Uint8Array): Uint8Array {
  const address = new Uint8Array(16)
  address.fill(0xff, 10, 12)
  address.set(v4, 12)
  return address
}

/** The bytes of an address that stand in a packet of this family. */
export function wireAddress(address: Uint8Array, family: 4 | 6): Uint8Array {
  return family === 4 ? address.subarray(12) : address
}

export interface Ipv4Header {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly protocol: number
  readonly trafficClass: number
  readonly hopLimit: number
  readonly id: number
  readonly dontFragment: boolean
  readonly more?: boolean
  /** bytes */
  readonly offset?: number
  readonly payloadBytes: number
}

/** Addresses have 16 bytes. */
export function ipv4Header(header: Ipv4Header): Uint8Array {
  const bytes = new Uint8Array(ipv4HeaderBytes)
  bytes[0] = 0x45
  bytes[1] = header.trafficClass
  write16(bytes, 2, ipv4HeaderBytes + header.payloadBytes)
  write16(bytes, 4, header.id)
  const flags = (header.dontFragment ? dontFragmentBit : 0) | (header.more === true ? moreFragmentsBit : 0)
  write16(bytes, 6, flags | ((header.offset ?? 0) >> 3))
  bytes[8] = header.hopLimit
  bytes[9] = header.protocol
  bytes.set(wireAddress(header.source, 4), 12)
  bytes.set(wireAddress(header.destination, 4), 16)
  write16(bytes, 10, internetChecksum(bytes))
  return bytes
}

export interface Ipv6Header {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** the transport's */
  readonly protocol: number
  readonly trafficClass: number
  readonly hopLimit: number
  readonly fragment?: Fragment | null
  /** without the fragment header */
  readonly payloadBytes: number
}

/** With a fragment header where there is a fragment. */
export function ipv6Header(header: Ipv6Header): Uint8Array {
  const { fragment = null } = header
  const bytes = new Uint8Array(ipv6HeaderBytes + (fragment === null ? 0 : fragmentHeaderBytes))
  write32(bytes, 0, 0x60000000 + header.trafficClass * 0x100000)
  write16(bytes, 4, bytes.length - ipv6HeaderBytes + header.payloadBytes)
  bytes[6] = fragment === null ? header.protocol : extension.fragment
  bytes[7] = header.hopLimit
  bytes.set(header.source, 8)
  bytes.set(header.destination, 24)
  if (fragment !== null) writeFragmentHeader(bytes, ipv6HeaderBytes, header.protocol, fragment)
  return bytes
}

export function writeFragmentHeader(bytes: Uint8Array, at: number, nextHeader: number, fragment: Fragment): void {
  bytes[at] = nextHeader
  bytes[at + 1] = 0
  write16(bytes, at + 2, fragment.offset | (fragment.more ? 1 : 0))
  write32(bytes, at + 4, fragment.id)
}
