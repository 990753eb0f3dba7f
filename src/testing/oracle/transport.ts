// The transport part of a packet under a translation: ports or identifier, type of ICMP, MSS, and the checksum. A
// checksum that was wrong before is wrong afterwards by the same error: the receiver has to notice.

import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { concat, viewOf, wrong } from '../packets/bytes.ts'
import { icmpv6, protocols } from '../packets/ip.ts'
import { read16, write16, type IpParts } from '../packets/parts.ts'
import { sctpCrc, writeSctpCrc } from '../packets/sctp.ts'
import { headerAddress, parseSocket, type Family, type Socket } from '../packets/socket.ts'
import { echoTypes } from '../packets/transport.ts'

/** A transport header with payload, and what of the IP header counts for its checksum. */
export interface Transport {
  readonly family: Family
  readonly protocol: number
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly bytes: Uint8Array
  /** bytes that there would be, had nobody cut the packet off; inside of ICMP errors */
  readonly wholeLength?: number
}

export interface NewEnds {
  readonly from: Socket
  readonly to: Socket
  /** the largest segment that a SYN may offer; null: what it offers is left alone */
  readonly largestSegment: number | null
}

const checksumOffsets: Readonly<Record<number, number>> = {
  [protocols.tcp]: 16,
  [protocols.udp]: 6,
  [protocols.icmp]: 2,
}

export function transportOf({ family, header, protocol, payload }: Omit<IpParts, 'link'>): Transport {
  const [sourceAt, length] = family === 4 ? [12, 4] : [8, 16]
  return {
    family,
    protocol,
    source: header.subarray(sourceAt, sourceAt + length),
    destination: header.subarray(sourceAt + length, sourceAt + 2 * length),
    bytes: payload,
  }
}

export function translateTransport(transport: Transport, family: Family, ends: NewEnds): Uint8Array {
  const { protocol } = transport
  if (protocol === protocols.sctp) return translateSctp(transport, ends)
  const error = transportError(transport)
  const bytes = transport.bytes.slice()
  if (protocol === protocols.icmp) translateEcho(bytes, transport.family, family, ends)
  else writePorts(bytes, ends)
  if (protocol === protocols.tcp && ends.largestSegment !== null) clampSegment(bytes, ends.largestSegment)
  // IPv6 knows no UDP without a checksum.
  const staysMissing = error === null && (family === 4 || transport.family === 6)
  if (staysMissing || bytes.length < (checksumOffsets[protocol] ?? 0) + 2) return bytes
  const after = {
    ...transport,
    family,
    bytes,
    source: headerAddress(ends.from),
    destination: headerAddress(ends.to),
  }
  write16(bytes, checksumOffsets[protocol] ?? 0, checksumOf(after, error ?? 0))
  return bytes
}

/**
 * How far the checksum is from the right one, in ones' complement; 0 when it is right, null when the sender has
 * computed none.
 */
export function transportError(transport: Transport): number | null {
  const found = read16(transport.bytes, checksumOffsets[transport.protocol] ?? 0)
  if (transport.protocol === protocols.udp && found === 0) return null
  return (found - rightChecksum(transport) + 0xffff) % 0xffff
}

/** The checksum that such a packet must carry; with an error, the one that is wrong by it. */
export function checksumOf(transport: Transport, error: number): number {
  const checksum = wrong(rightChecksum(transport), error)
  return transport.protocol === protocols.udp ? checksum || 0xffff : checksum
}

/** Makes it right in place, unless there is none. */
export function writeChecksum(transport: Transport): void {
  if (transportError(transport) === null) return
  write16(transport.bytes, checksumOffsets[transport.protocol] ?? 0, checksumOf(transport, 0))
}

function rightChecksum({ family, protocol, source, destination, bytes, wholeLength }: Transport): number {
  const copy = bytes.slice()
  write16(copy, checksumOffsets[protocol] ?? 0, 0)
  if (protocol === protocols.icmp && family === 4) return internetChecksum(copy)
  const number = protocol === protocols.icmp ? icmpv6 : protocol
  const checksum = internetChecksum(copy, pseudoHeaderSum(source, destination, number, wholeLength ?? copy.length))
  return protocol === protocols.udp && checksum === 0 ? 0xffff : checksum
}

function writePorts(bytes: Uint8Array, { from, to }: NewEnds): void {
  write16(bytes, 0, parseSocket(from).port)
  write16(bytes, 2, parseSocket(to).port)
}

function translateEcho(bytes: Uint8Array, before: Family, after: Family, { from, to }: NewEnds): void {
  const isRequest = bytes[0] === echoTypes[before].request
  bytes[0] = isRequest ? echoTypes[after].request : echoTypes[after].reply
  write16(bytes, 4, parseSocket(isRequest ? from : to).port)
}

/** There is no pseudo header: addresses do not count. */
function translateSctp({ bytes, wholeLength }: Transport, ends: NewEnds): Uint8Array {
  // What was cut off does not matter for the difference, only how long it was.
  const missing = new Uint8Array(Math.max(0, (wholeLength ?? bytes.length) - bytes.length))
  const before = concat(bytes, missing)
  const after = before.slice()
  writePorts(after, ends)
  if (bytes.length >= 12) writeSctpCrc(after, viewOf(before).getUint32(8, true) ^ sctpCrc(before))
  return after.subarray(0, bytes.length)
}

/** The MSS option of a SYN. */
function clampSegment(bytes: Uint8Array, largest: number): void {
  if (((bytes[13] ?? 0) & 0x02) === 0) return
  const end = ((bytes[12] ?? 0) >> 4) * 4
  let at = 20
  while (at < end && bytes[at] !== 0) {
    if (bytes[at] === 1) {
      at++
      continue
    }
    const length = bytes[at + 1] ?? 0
    if (length < 2) return
    if (bytes[at] === 2 && length === 4 && at + 4 <= end)
      write16(bytes, at + 2, Math.min(read16(bytes, at + 2), largest))
    at += length
  }
}
