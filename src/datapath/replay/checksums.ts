// Checksums of a frame as its sender's device would have filled them in. A capture on the sender itself has not seen
// that.

import { native } from '../../../native/load.ts'
import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { read16, write16 } from '../../wire/fields.ts'
import { parseIp, protocols } from '../../wire/ip-packet.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

/** Where the checksum stands in the transport header. */
const fields: Readonly<Record<number, number>> = {
  [protocols.icmp]: 2,
  [protocols.tcp]: 16,
  [protocols.udp]: 6,
  [protocols.icmpv6]: 2,
  [protocols.sctp]: 8,
}

const ipv4Field = 10

/** Changes the bytes in place, from the IP header on. What is no whole packet stays as it is. */
export function rewriteChecksums(bytes: Uint8Array): void {
  const packet = parsed(bytes)
  if (packet === null) return
  const { family, fragment, payload } = packet
  if (family === 4) {
    write16(packet.bytes, ipv4Field, 0)
    write16(packet.bytes, ipv4Field, internetChecksum(packet.bytes.subarray(0, payload)))
  }
  if (fragment === null) rewriteTransport(packet)
}

const parsed = (bytes: Uint8Array): IpPacket | null => {
  try {
    return parseIp(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}

function rewriteTransport({ bytes, destination, payload, protocol, source }: IpPacket): void {
  const transport = bytes.subarray(payload)
  const at = fields[protocol]
  if (at === undefined || transport.length < at + (protocol === protocols.sctp ? 4 : 2)) return
  if (protocol === protocols.sctp) {
    const view = new DataView(transport.buffer, transport.byteOffset)
    view.setUint32(at, 0)
    view.setUint32(at, native.crc32c(transport), true)
    return
  }
  // Zero says that there is none.
  if (protocol === protocols.udp && read16(transport, at) === 0) return
  write16(transport, at, 0)
  const pseudo = protocol === protocols.icmp ? 0 : pseudoHeaderSum(source, destination, protocol, transport.length)
  const sum = internetChecksum(transport, pseudo)
  write16(transport, at, protocol === protocols.udp && sum === 0 ? 0xffff : sum)
}
