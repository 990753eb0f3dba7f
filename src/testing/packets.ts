// Frames for tests: Ethernet with or without tags, IPv4 or IPv6 and what is inside, with right lengths and checksums
// unless a knob says otherwise. The family is that of the addresses.

import { concat } from './packets/bytes.ts'
import { buildIpHeader, icmpv6, protocols, type Network } from './packets/ip.ts'
import { buildLink, etherTypes, type Link } from './packets/link.ts'
import { buildSctp, type Sctp } from './packets/sctp.ts'
import { familyOf, type Family } from './packets/socket.ts'
import {
  buildIcmp,
  buildIcmpError,
  buildTcp,
  buildUdp,
  type Icmp,
  type IcmpError,
  type Tcp,
  type Udp,
} from './packets/transport.ts'

export { concat } from './packets/bytes.ts'
export { ipv4HeaderBytes, protocols } from './packets/ip.ts'
export { ethernetBytes, macBytes } from './packets/link.ts'
export { parseSocket } from './packets/socket.ts'
export type { Socket } from './packets/socket.ts'

/** What every packet may have besides its kind. */
export interface Common extends Network, Link {
  readonly payload?: Uint8Array
  /** Bytes behind the IP packet, as Ethernet adds them to short frames. */
  readonly trailer?: Uint8Array
  /** added to the right transport checksum, so not 0 and not 0xffff */
  readonly checksumError?: number
}

export type TcpPacket = Common & Tcp
export type UdpPacket = Common & Udp
export type IcmpPacket = Common & Icmp
export type IcmpErrorPacket = Common & IcmpError
export type SctpPacket = Common & Sctp

/** Any IP protocol, its header a part of the payload. */
export interface OtherPacket extends Common {
  readonly kind: 'other'
  readonly from: string
  readonly to: string
  readonly protocol: number
}

export type Packet = TcpPacket | UdpPacket | IcmpPacket | IcmpErrorPacket | SctpPacket | OtherPacket

export function buildFrame(packet: Packet): Uint8Array {
  const type = familyOf(packet.from) === 4 ? etherTypes.ipv4 : etherTypes.ipv6
  return concat(buildLink(packet, type), buildPacket(packet), packet.trailer ?? new Uint8Array())
}

/** The IP packet alone, as it stands in an ICMP error or a tunnel. */
export function buildPacket(packet: Packet): Uint8Array {
  const { from, to } = packet
  const family = familyOf(from)
  const transport = buildTransport(packet, family)
  const header = buildIpHeader(packet, family, {
    from,
    to,
    protocol: protocolOf(packet, family),
    payloadBytes: transport.length,
  })
  return concat(header, transport)
}

function protocolOf(packet: Packet, family: Family): number {
  switch (packet.kind) {
    case 'other':
      return packet.protocol
    case 'icmp':
    case 'icmp-error':
      return family === 4 ? protocols.icmp : icmpv6
    case 'tcp':
    case 'udp':
    case 'sctp':
      return protocols[packet.kind]
    default:
      return packet satisfies never
  }
}

function buildTransport(packet: Packet, family: Family): Uint8Array {
  switch (packet.kind) {
    case 'tcp':
      return buildTcp(packet)
    case 'udp':
      return buildUdp(packet)
    case 'icmp':
      return buildIcmp(packet, family)
    case 'icmp-error':
      return buildIcmpError(packet, family)
    case 'sctp':
      return buildSctp(packet)
    case 'other':
      return packet.payload ?? new Uint8Array()
    default:
      return packet satisfies never
  }
}
