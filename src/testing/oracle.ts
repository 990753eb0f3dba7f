// What a translated frame must look like, said in the plainest way: write the new fields, then compute the checksums
// from nothing. The fast path never does that, it updates checksums by differences, so the two share no thought.
//
// A transport checksum that was wrong before must be wrong afterwards, by the same error: the receiver has to notice.

import assert from 'node:assert/strict'
import { internetChecksum, pseudoHeaderSum } from '../wire/checksum.ts'
import { ethernetBytes, ipv4Bytes, macBytes, parseSocket, protocols } from './packets.ts'

/** What changes; the TTL always does. Sockets are `address:port`; for ICMP echo the identifier stands as the port. */
export interface Translation {
  readonly from: string
  readonly to: string
  readonly ethernetSource: string
  readonly ethernetDestination: string
}

const checksumOffsets: Readonly<Record<number, number>> = {
  [protocols.tcp]: 16,
  [protocols.udp]: 6,
  [protocols.icmp]: 2,
}

/** The frame after a translation. It must be one that can be translated: whole, IPv4, TCP, UDP or ICMP echo. */
export function translateFrame(frame: Uint8Array, translation: Translation): Uint8Array {
  const errorBefore = checksumError(frame)
  const out = frame.slice()
  const { header, transport, protocol } = partsOf(out)
  out.set(macBytes(translation.ethernetDestination), 0)
  out.set(macBytes(translation.ethernetSource), 6)

  const from = parseSocket(translation.from)
  const to = parseSocket(translation.to)
  header.set(ipv4Bytes(from.address), 12)
  header.set(ipv4Bytes(to.address), 16)
  header[8] = (header[8] ?? 0) - 1
  write16(header, 10, 0)
  write16(header, 10, internetChecksum(header))

  if (protocol === protocols.icmp) {
    write16(transport, 4, transport[0] === 8 ? from.port : to.port)
  } else {
    write16(transport, 0, from.port)
    write16(transport, 2, to.port)
  }
  if (errorBefore !== null) writeTransportChecksum(out, errorBefore)
  return out
}

/**
 * How far the transport checksum is from the right one, in ones' complement; 0 when it is right, null when the sender
 * has computed none.
 */
export function checksumError(frame: Uint8Array): number | null {
  const { transport, protocol } = partsOf(frame)
  const found = read16(transport, checksumOffsets[protocol] ?? 0)
  if (protocol === protocols.udp && found === 0) return null
  const error = found - rightChecksum(frame)
  return (error + 0xffff) % 0xffff
}

/** Whether the IPv4 header checksum is right. */
export function ipChecksumIsRight(frame: Uint8Array): boolean {
  return internetChecksum(partsOf(frame).header) === 0
}

function writeTransportChecksum(frame: Uint8Array, error: number): void {
  const { transport, protocol } = partsOf(frame)
  const sum = rightChecksum(frame) + error
  write16(transport, checksumOffsets[protocol] ?? 0, sum > 0xffff ? sum - 0xffff : sum)
}

function rightChecksum(frame: Uint8Array): number {
  const { header, transport, protocol } = partsOf(frame)
  const copy = transport.slice()
  write16(copy, checksumOffsets[protocol] ?? 0, 0)
  if (protocol === protocols.icmp) return internetChecksum(copy)
  const pseudo = pseudoHeaderSum(header.subarray(12, 16), header.subarray(16, 20), protocol, copy.length)
  const checksum = internetChecksum(copy, pseudo)
  return protocol === protocols.udp && checksum === 0 ? 0xffff : checksum
}

/** Views into the frame; what the IP header does not count, such as Ethernet padding, is in none of them. */
function partsOf(frame: Uint8Array): {
  readonly header: Uint8Array
  readonly transport: Uint8Array
  readonly protocol: number
} {
  const start = frame[ethernetBytes]
  assert(start !== undefined && start >> 4 === 4, 'the oracle translates IPv4 only')
  const headerEnd = ethernetBytes + (start & 15) * 4
  const end = ethernetBytes + read16(frame, ethernetBytes + 2)
  assert(headerEnd <= end && end <= frame.length, 'the oracle translates whole packets only')
  const header = frame.subarray(ethernetBytes, headerEnd)
  return { header, transport: frame.subarray(headerEnd, end), protocol: header[9] ?? 0 }
}

function read16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >> 8
  bytes[offset + 1] = value & 0xff
}
