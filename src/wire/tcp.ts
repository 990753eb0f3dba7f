// TCP segments without payload (RFC 9293 3.1), as whole IP packets; and what of a segment is read here.

import { internetChecksum, pseudoHeaderSum } from './checksum.ts'
import { DecodeError } from './decode-error.ts'
import { join, read16, read32, read8, write16, write32 } from './fields.ts'
import { ipv4Header, ipv6Header, protocols } from './ip-packet.ts'
import { isMappedIPv4 } from './ip.ts'
import type { IpPacket } from './ip-packet.ts'

const tcpHeaderBytes = 20

export const tcpFlags = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const

export interface TcpHeader {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly sequence: number
  readonly acknowledgement: number
  readonly flags: number
}

export function decodeTcp(packet: IpPacket): TcpHeader {
  const { bytes, payload } = packet
  if (packet.protocol !== protocols.tcp) throw new DecodeError('not TCP', payload)
  if (packet.fragment !== null && packet.fragment.offset > 0) throw new DecodeError('later fragment', payload)
  if (bytes.length < payload + tcpHeaderBytes) throw new DecodeError('truncated', bytes.length)
  return {
    sourcePort: read16(bytes, payload),
    destinationPort: read16(bytes, payload + 2),
    sequence: read32(bytes, payload + 4),
    acknowledgement: read32(bytes, payload + 8),
    flags: read8(bytes, payload + 13),
  }
}

export interface NewSegment extends TcpHeader {
  /** 16 bytes each, of one family */
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

const hopLimit = 64

export function buildSegment(segment: NewSegment): Uint8Array {
  const { source, destination } = segment
  const tcp = new Uint8Array(tcpHeaderBytes)
  write16(tcp, 0, segment.sourcePort)
  write16(tcp, 2, segment.destinationPort)
  write32(tcp, 4, segment.sequence)
  write32(tcp, 8, segment.acknowledgement)
  tcp[12] = (tcpHeaderBytes / 4) << 4
  tcp[13] = segment.flags
  write16(tcp, 16, internetChecksum(tcp, pseudoHeaderSum(source, destination, protocols.tcp, tcp.length)))
  const common = { source, destination, protocol: protocols.tcp, trafficClass: 0, hopLimit, payloadBytes: tcp.length }
  const header = isMappedIPv4(destination) ? ipv4Header({ ...common, id: 0, dontFragment: true }) : ipv6Header(common)
  return join(header, tcp)
}
