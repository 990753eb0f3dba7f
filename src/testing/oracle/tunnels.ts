// What direct server return makes of a packet: other MAC addresses, or the packet inside another one.

import { be16, concat, viewOf } from '../packets/bytes.ts'
import { ipv4HeaderBytes, ipv6HeaderBytes, protocols } from '../packets/ip.ts'
import { etherTypes, macBytes } from '../packets/link.ts'
import { ipPartsOf, read16 } from '../packets/parts.ts'
import { familyOf, headerAddress, type Socket } from '../packets/socket.ts'
import { writeHeaderChecksum } from './families.ts'

/** Outer sources differ in so many last bytes, for receivers that spread load by them. */
const freeBytes = 2
const ipInIp = { 4: 4, 6: 41 } as const

export interface Tunnel {
  readonly kind: 'l2' | 'ip' | 'gue'
  /** outer addresses; of the source the last 16 bits are free */
  readonly source: Socket
  readonly destination: Socket
  readonly guePort: number
  readonly ethernetSource: string
  readonly ethernetDestination: string
  /** taken off the inner TTL */
  readonly hops: number
}

/** The frame that goes to the endpoint. What the sender may choose is taken from `found`, the frame that it sent. */
export function tunnelFrame(frame: Uint8Array, tunnel: Tunnel, found: Uint8Array): Uint8Array {
  const { link, family, header, payload, trailer } = ipPartsOf(frame)
  const macs = concat(macBytes(tunnel.ethernetDestination), macBytes(tunnel.ethernetSource))
  const inner = concat(lessHops(header, family, tunnel.hops), payload)
  if (tunnel.kind === 'l2') return concat(macs, link.subarray(12), inner, trailer)
  const outerFamily = familyOf(tunnel.destination)
  const type = outerFamily === 4 ? etherTypes.ipv4 : etherTypes.ipv6
  const tos = (read16(header, 0) >> (family === 4 ? 0 : 4)) & 0xff
  const chosen = choicesOf(found.subarray(link.length), outerFamily)
  const source = concat(headerAddress(tunnel.source).slice(0, -freeBytes), chosen.sourceEnd)
  const destination = headerAddress(tunnel.destination)
  const addresses = { source, destination }
  const body = tunnel.kind === 'ip' ? inner : gueDatagram(inner, ipInIp[family], chosen.sourcePort, tunnel.guePort)
  const protocol = tunnel.kind === 'ip' ? ipInIp[family] : protocols.udp
  const outer =
    outerFamily === 4
      ? outerIpv4(tos, protocol, body.length, chosen.identification, addresses)
      : outerIpv6(tos, protocol, body.length, chosen.flowLabel, addresses)
  return concat(macs, link.subarray(12, -2), be16(type), outer, body, trailer)
}

interface Addresses {
  readonly source: Uint8Array
  readonly destination: Uint8Array
}

interface Choices {
  readonly sourceEnd: Uint8Array
  readonly sourcePort: number
  readonly identification: number
  readonly flowLabel: number
}

function choicesOf(packet: Uint8Array, family: 4 | 6): Choices {
  const sourceLast = family === 4 ? 16 : 24
  return {
    sourceEnd: packet.slice(sourceLast - freeBytes, sourceLast),
    sourcePort: read16(packet, family === 4 ? ipv4HeaderBytes : ipv6HeaderBytes),
    identification: read16(packet, 4),
    flowLabel: ((packet[1] ?? 0) & 15) * 0x10000 + read16(packet, 2),
  }
}

function lessHops(before: Uint8Array, family: 4 | 6, hops: number): Uint8Array {
  const header = before.slice()
  const at = family === 4 ? 8 : 7
  header[at] = (header[at] ?? 0) - hops
  if (family === 4 && hops > 0) writeHeaderChecksum(header)
  return header
}

function outerIpv4(
  tos: number,
  protocol: number,
  length: number,
  identification: number,
  addresses: Addresses,
): Uint8Array {
  const header = new Uint8Array(ipv4HeaderBytes)
  const view = viewOf(header)
  view.setUint8(0, 0x45)
  view.setUint8(1, tos)
  view.setUint16(2, header.length + length)
  view.setUint16(4, identification)
  view.setUint16(6, 0x4000)
  view.setUint8(8, 64)
  view.setUint8(9, protocol)
  header.set(concat(addresses.source, addresses.destination), 12)
  writeHeaderChecksum(header)
  return header
}

function outerIpv6(tos: number, protocol: number, length: number, flowLabel: number, addresses: Addresses): Uint8Array {
  const header = new Uint8Array(ipv6HeaderBytes)
  const view = viewOf(header)
  view.setUint32(0, 0x60000000 + (tos << 20) + flowLabel)
  view.setUint16(4, length)
  view.setUint8(6, protocol)
  view.setUint8(7, 64)
  header.set(concat(addresses.source, addresses.destination), 8)
  return header
}

/** GUE variant 0: no optional field, so four bytes. The packet inside has checksums of its own (RFC 6935). */
function gueDatagram(inner: Uint8Array, innerProtocol: number, sourcePort: number, port: number): Uint8Array {
  const gue = Uint8Array.of(0, innerProtocol, 0, 0)
  return concat(be16(sourcePort, port, 8 + gue.length + inner.length, 0), gue, inner)
}
