// Taking a datagram apart and putting it together: IPv4 by RFC 791, IPv6 by RFC 8200 4.5. Overlapping parts are refused
// in both families (RFC 5722): they only serve to hide something.

import { internetChecksum } from './checksum.ts'
import { DecodeError } from './decode-error.ts'
import { copyOf, join, read8, write16 } from './fields.ts'
import { fragmentHeaderBytes, ipv6HeaderBytes, parseIp, writeFragmentHeader } from './ip-packet.ts'
import type { Fragment, IpPacket } from './ip-packet.ts'

const longestPacket = 65535
/** of an IPv6 fragment header */
const fragmentProtocol = 44

/** A packet that is one part of a datagram. */
export type Part = IpPacket & { readonly fragment: Fragment }

export const isPart = (packet: IpPacket): packet is Part => packet.fragment !== null

/** What a fragment carries of its datagram: in IPv6 that starts right behind the fragment header. */
export function partOf(part: Part): Uint8Array {
  const start = part.fragmentHeader < 0 ? part.payload : part.fragmentHeader + fragmentHeaderBytes
  return part.bytes.subarray(start)
}

/** A part that cannot be one: empty, of a length that no later one can follow, or beyond the longest datagram. */
export function checkPart(part: Part): void {
  const { length } = partOf(part)
  if (length === 0 || (part.fragment.more && length % 8 !== 0)) throw new DecodeError('fragment length lies', 0)
  if (part.fragment.offset + length > longestPacket) throw new DecodeError('datagram too long', 0)
}

/** Of parts of one datagram, in any order; the first `from` bytes are elsewhere already. */
export function coverage(parts: readonly Part[], from = 0): 'incomplete' | 'complete' | 'overlap' {
  let [end, gap, last] = [from, false, false]
  for (const part of inOrder(parts)) {
    const { offset, more } = part.fragment
    if (last || offset < end) return 'overlap'
    gap ||= offset > end
    end = offset + partOf(part).length
    last = !more
  }
  return gap || !last ? 'incomplete' : 'complete'
}

const inOrder = (parts: readonly Part[]): readonly Part[] =>
  parts.toSorted((a, b) => a.fragment.offset - b.fragment.offset)

/** The datagram; its parts must be complete. */
export function reassemble(parts: readonly Part[]): IpPacket {
  const sorted = inOrder(parts)
  const first = sorted[0]!
  const header = copyOf(first.bytes, 0, first.unfragmentable)
  const bytes = join(header, ...sorted.map(partOf))
  if (bytes.length > longestPacket) throw new DecodeError('datagram too long', 0)
  if (first.family === 4) {
    write16(bytes, 2, bytes.length)
    write16(bytes, 6, 0)
    writeHeaderChecksum(bytes, first.payload)
  } else {
    write16(bytes, 4, bytes.length - ipv6HeaderBytes)
    bytes[first.nextHeaderField] = read8(first.bytes, first.fragmentHeader)
  }
  return parseIp(bytes)
}

/** Packets of at most `mtu` bytes; the one packet as it is when it fits. A part is split into smaller ones. */
export function splitPacket(packet: IpPacket, mtu: number, id: number): readonly Uint8Array[] {
  if (packet.totalBytes <= mtu) return [packet.bytes]
  const room = (mtu - packet.unfragmentable - (packet.family === 6 ? fragmentHeaderBytes : 0)) & ~7
  if (room < 8) throw new DecodeError('no room for a fragment', 0)
  const content = isPart(packet) ? partOf(packet) : packet.bytes.subarray(packet.unfragmentable)
  const before = packet.fragment ?? { id, offset: 0, more: false }
  const parts: Uint8Array[] = []
  for (let at = 0; at < content.length; at += room) {
    const piece = content.subarray(at, at + room)
    const fragment = { id: before.id, offset: before.offset + at, more: before.more || at + room < content.length }
    parts.push(packet.family === 4 ? part4(packet, piece, fragment) : part6(packet, piece, fragment))
  }
  return parts
}

function part4(packet: IpPacket, piece: Uint8Array, { id, offset, more }: Fragment): Uint8Array {
  const bytes = join(packet.bytes.subarray(0, packet.payload), piece)
  write16(bytes, 2, bytes.length)
  write16(bytes, 4, id & 0xffff)
  write16(bytes, 6, (more ? 0x2000 : 0) | (offset >> 3))
  writeHeaderChecksum(bytes, packet.payload)
  return bytes
}

function part6(packet: IpPacket, piece: Uint8Array, fragment: Fragment): Uint8Array {
  const header = copyOf(packet.bytes, 0, packet.unfragmentable)
  const extension = new Uint8Array(fragmentHeaderBytes)
  const next = packet.fragmentHeader < 0 ? packet.nextHeaderField : packet.fragmentHeader
  writeFragmentHeader(extension, 0, read8(packet.bytes, next), fragment)
  header[packet.nextHeaderField] = fragmentProtocol
  const bytes = join(header, extension, piece)
  write16(bytes, 4, bytes.length - ipv6HeaderBytes)
  return bytes
}

function writeHeaderChecksum(bytes: Uint8Array, headerBytes: number): void {
  write16(bytes, 10, 0)
  write16(bytes, 10, internetChecksum(bytes.subarray(0, headerBytes)))
}
