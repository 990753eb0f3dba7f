// TCP, UDP and ICMP with right lengths and checksums, unless a knob says otherwise.

import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { be32, concat, viewOf, wrong } from './bytes.ts'
import { icmpv6, protocols } from './ip.ts'
import { headerAddress, parseSocket, type Family, type Socket } from './socket.ts'

const tcpFlagBits = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, A: 0x10, U: 0x20 } as const

export const echoTypes = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const

export interface Tcp {
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

export interface Udp {
  readonly kind: 'udp'
  readonly from: Socket
  readonly to: Socket
  /** The sender has not computed a checksum. */
  readonly noChecksum?: boolean
  /** a lie about the length */
  readonly udpLength?: number
}

/** ICMP of the family of its addresses. */
export interface Icmp {
  readonly kind: 'icmp'
  /** addresses; a port behind that of the side that asked for the echo is the identifier */
  readonly from: Socket
  readonly to: Socket
  readonly type: number
  readonly code?: number
  readonly sequence?: number
}

/** An error about the packet inside it; the ports of the sockets do not count. */
export interface IcmpError {
  readonly kind: 'icmp-error'
  readonly from: Socket
  readonly to: Socket
  readonly type: number
  readonly code: number
  /** the second word: MTU or pointer, as it stands there */
  readonly word?: number
  /** the packet it is about, from its IP header on */
  readonly inside: Uint8Array
}

interface Content {
  readonly payload?: Uint8Array
  readonly checksumError?: number
}

function pseudoHeader({ from, to }: { from: Socket; to: Socket }, protocol: number, length: number): number {
  return pseudoHeaderSum(headerAddress(from), headerAddress(to), protocol, length)
}

export function buildTcp(packet: Tcp & Content): Uint8Array {
  const options = packet.tcpOptions ?? new Uint8Array()
  const bytes = concat(new Uint8Array(20), options, packet.payload ?? new Uint8Array())
  const view = viewOf(bytes)
  view.setUint16(0, parseSocket(packet.from).port)
  view.setUint16(2, parseSocket(packet.to).port)
  view.setUint32(4, packet.sequence ?? 1000)
  view.setUint32(8, packet.acknowledgement ?? 0)
  view.setUint8(12, (packet.dataOffset ?? 5 + options.length / 4) << 4)
  view.setUint8(13, flagByte(packet.flags))
  view.setUint16(14, packet.window ?? 0xffff)
  const pseudo = pseudoHeader(packet, protocols.tcp, bytes.length)
  view.setUint16(16, wrong(internetChecksum(bytes, pseudo), packet.checksumError))
  return bytes
}

function flagByte(letters: string): number {
  return Array.from(letters).reduce((byte, letter) => byte | tcpFlagBits[letter as keyof typeof tcpFlagBits], 0)
}

export function buildUdp(packet: Udp & Content): Uint8Array {
  const bytes = concat(new Uint8Array(8), packet.payload ?? new Uint8Array())
  const view = viewOf(bytes)
  view.setUint16(0, parseSocket(packet.from).port)
  view.setUint16(2, parseSocket(packet.to).port)
  view.setUint16(4, packet.udpLength ?? bytes.length)
  if (packet.noChecksum === true) return bytes
  const pseudo = pseudoHeader(packet, protocols.udp, bytes.length)
  // Zero would say that there is no checksum; all ones is the same number.
  view.setUint16(6, wrong(internetChecksum(bytes, pseudo) || 0xffff, packet.checksumError))
  return bytes
}

export function buildIcmp(packet: Icmp & Content, family: Family): Uint8Array {
  const bytes = concat(new Uint8Array(8), packet.payload ?? new Uint8Array())
  const view = viewOf(bytes)
  const isReply = packet.type === echoTypes[family].reply
  view.setUint16(4, parseSocket(isReply ? packet.to : packet.from).port)
  view.setUint16(6, packet.sequence ?? 1)
  return finishIcmp(bytes, packet, family)
}

export function buildIcmpError(packet: IcmpError & Content, family: Family): Uint8Array {
  return finishIcmp(concat(be32(0, packet.word ?? 0), packet.inside), packet, family)
}

function finishIcmp(bytes: Uint8Array, packet: (Icmp | IcmpError) & Content, family: Family): Uint8Array {
  const view = viewOf(bytes)
  view.setUint8(0, packet.type)
  view.setUint8(1, packet.code ?? 0)
  const pseudo = family === 6 ? pseudoHeader(packet, icmpv6, bytes.length) : 0
  view.setUint16(2, wrong(internetChecksum(bytes, pseudo), packet.checksumError))
  return bytes
}
