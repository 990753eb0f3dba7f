// Frames for tests: Ethernet, IPv4 and what is inside, with right lengths and checksums unless a knob says otherwise.

import { internetChecksum, pseudoHeaderSum } from '../wire/checksum.ts'
import { addressBytes } from '../wire/ip.ts'

export const ethernetBytes = 14
export const ipv4HeaderBytes = 20

const echoReplyType = 0

export const protocols = { icmp: 1, tcp: 6, udp: 17, sctp: 132 } as const

const tcpFlagBits = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, A: 0x10, U: 0x20 } as const

/** An address with its port, as people write it: `10.0.0.1:80`. */
export type Socket = string

interface Network {
  /** MAC addresses as text */
  readonly ethernetSource?: string
  readonly ethernetDestination?: string
  readonly etherType?: number
  readonly ttl?: number
  readonly tos?: number
  readonly identification?: number
  readonly dontFragment?: boolean
  readonly moreFragments?: boolean
  /** in units of 8 bytes */
  readonly fragmentOffset?: number
  /** a multiple of 4 bytes, at most 40 */
  readonly ipOptions?: Uint8Array
  readonly payload?: Uint8Array
  /** Bytes behind the IP packet, as Ethernet adds them to short frames. */
  readonly trailer?: Uint8Array
  /** Lies: what the fields say instead of the truth. */
  readonly version?: number
  readonly headerWords?: number
  readonly totalLength?: number
  /** added to the right checksum, so not 0 and not 0xffff */
  readonly ipChecksumError?: number
  readonly checksumError?: number
}

export interface TcpPacket extends Network {
  readonly kind: 'tcp'
  readonly from: Socket
  readonly to: Socket
  /** Letters of F, S, R, P, A, U. */
  readonly flags: string
  readonly sequence?: number
  readonly acknowledgement?: number
  readonly window?: number
  /** a multiple of 4 bytes, at most 40 */
  readonly tcpOptions?: Uint8Array
  /** a lie about the header's length */
  readonly dataOffset?: number
}

export interface UdpPacket extends Network {
  readonly kind: 'udp'
  readonly from: Socket
  readonly to: Socket
  /** The sender has not computed a checksum. */
  readonly noChecksum?: boolean
  /** a lie about the length */
  readonly udpLength?: number
}

export interface IcmpPacket extends Network {
  readonly kind: 'icmp'
  /** addresses; a port behind that of the side that asked for the echo is the identifier */
  readonly from: Socket
  readonly to: Socket
  readonly type: number
  readonly code?: number
  readonly sequence?: number
}

/** Any IP protocol, its header a part of the payload. */
export interface OtherPacket extends Network {
  readonly kind: 'other'
  readonly from: string
  readonly to: string
  readonly protocol: number
}

export type Packet = TcpPacket | UdpPacket | IcmpPacket | OtherPacket

export function parseSocket(text: string): { readonly address: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return colon < 0 ? { address: text, port: 0 } : { address: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}

/** The four bytes of an IPv4 address. */
export function ipv4Bytes(address: string): Uint8Array {
  return addressBytes(address).subarray(12)
}

export function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16))
}

export function buildFrame(packet: Packet): Uint8Array {
  const source = ipv4Bytes(parseSocket(packet.from).address)
  const destination = ipv4Bytes(parseSocket(packet.to).address)
  const transport = buildTransport(packet, source, destination)
  const header = buildIpHeader(packet, protocolOf(packet), source, destination, transport.length)
  return concat(buildEthernet(packet), header, transport, packet.trailer ?? new Uint8Array())
}

function protocolOf(packet: Packet): number {
  return packet.kind === 'other' ? packet.protocol : protocols[packet.kind]
}

function buildEthernet(packet: Network): Uint8Array {
  const type = packet.etherType ?? 0x0800
  return concat(
    macBytes(packet.ethernetDestination ?? '02:00:00:00:00:01'),
    macBytes(packet.ethernetSource ?? '02:00:00:00:00:02'),
    Uint8Array.of(type >> 8, type & 0xff),
  )
}

function buildIpHeader(
  packet: Network,
  protocol: number,
  source: Uint8Array,
  destination: Uint8Array,
  payloadBytes: number,
): Uint8Array {
  const options = packet.ipOptions ?? new Uint8Array()
  const bytes = concat(new Uint8Array(ipv4HeaderBytes), options)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, ((packet.version ?? 4) << 4) | (packet.headerWords ?? bytes.length / 4))
  view.setUint8(1, packet.tos ?? 0)
  view.setUint16(2, packet.totalLength ?? bytes.length + payloadBytes)
  view.setUint16(4, packet.identification ?? 0x1234)
  const flags = (packet.dontFragment === true ? 0x4000 : 0) | (packet.moreFragments === true ? 0x2000 : 0)
  view.setUint16(6, flags | (packet.fragmentOffset ?? 0))
  view.setUint8(8, packet.ttl ?? 64)
  view.setUint8(9, protocol)
  bytes.set(source, 12)
  bytes.set(destination, 16)
  view.setUint16(10, wrong(internetChecksum(bytes), packet.ipChecksumError))
  return bytes
}

function buildTransport(packet: Packet, source: Uint8Array, destination: Uint8Array): Uint8Array {
  switch (packet.kind) {
    case 'tcp':
      return buildTcp(packet, source, destination)
    case 'udp':
      return buildUdp(packet, source, destination)
    case 'icmp':
      return buildIcmp(packet)
    case 'other':
      return packet.payload ?? new Uint8Array()
    default:
      return packet satisfies never
  }
}

function buildTcp(packet: TcpPacket, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const options = packet.tcpOptions ?? new Uint8Array()
  const bytes = concat(new Uint8Array(20), options, packet.payload ?? new Uint8Array())
  const view = new DataView(bytes.buffer)
  view.setUint16(0, parseSocket(packet.from).port)
  view.setUint16(2, parseSocket(packet.to).port)
  view.setUint32(4, packet.sequence ?? 1000)
  view.setUint32(8, packet.acknowledgement ?? 0)
  view.setUint8(12, (packet.dataOffset ?? 5 + options.length / 4) << 4)
  view.setUint8(13, flagByte(packet.flags))
  view.setUint16(14, packet.window ?? 0xffff)
  const pseudo = pseudoHeaderSum(source, destination, protocols.tcp, bytes.length)
  view.setUint16(16, wrong(internetChecksum(bytes, pseudo), packet.checksumError))
  return bytes
}

function flagByte(letters: string): number {
  return Array.from(letters).reduce((byte, letter) => byte | tcpFlagBits[letter as keyof typeof tcpFlagBits], 0)
}

function buildUdp(packet: UdpPacket, source: Uint8Array, destination: Uint8Array): Uint8Array {
  const bytes = concat(new Uint8Array(8), packet.payload ?? new Uint8Array())
  const view = new DataView(bytes.buffer)
  view.setUint16(0, parseSocket(packet.from).port)
  view.setUint16(2, parseSocket(packet.to).port)
  view.setUint16(4, packet.udpLength ?? bytes.length)
  if (packet.noChecksum === true) return bytes
  const pseudo = pseudoHeaderSum(source, destination, protocols.udp, bytes.length)
  // Zero would say that there is no checksum; all ones is the same number.
  view.setUint16(6, wrong(internetChecksum(bytes, pseudo) || 0xffff, packet.checksumError))
  return bytes
}

function buildIcmp(packet: IcmpPacket): Uint8Array {
  const bytes = concat(new Uint8Array(8), packet.payload ?? new Uint8Array())
  const view = new DataView(bytes.buffer)
  view.setUint8(0, packet.type)
  view.setUint8(1, packet.code ?? 0)
  view.setUint16(4, parseSocket(packet.type === echoReplyType ? packet.to : packet.from).port)
  view.setUint16(6, packet.sequence ?? 1)
  view.setUint16(2, wrong(internetChecksum(bytes), packet.checksumError))
  return bytes
}

/** Ones' complement: an error that is added survives translation as the same error. */
function wrong(checksum: number, error = 0): number {
  const sum = checksum + error
  return sum > 0xffff ? sum - 0xffff : sum
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
