// IP headers of both families, IPv6 with its extension headers.

import { internetChecksum } from '../../wire/checksum.ts'
import { be16, be32, concat, padded, viewOf, wrong } from './bytes.ts'
import { headerAddress, type Family, type Socket } from './socket.ts'

export const ipv4HeaderBytes = 20
export const ipv6HeaderBytes = 40

export const protocols = { icmp: 1, tcp: 6, udp: 17, sctp: 132 } as const
/** The number of ICMP in IPv6 headers. */
export const icmpv6 = 58

export const extensionNumbers = { 'hop-by-hop': 0, routing: 43, fragment: 44, destination: 60 } as const

/** An IPv6 extension header, as often and in the order as a test likes. */
export type Extension =
  | { readonly kind: 'hop-by-hop' | 'destination'; readonly options?: Uint8Array }
  | { readonly kind: 'routing'; readonly type: number; readonly segmentsLeft: number; readonly data?: Uint8Array }
  | {
      readonly kind: 'fragment'
      readonly identification?: number
      /** in units of 8 bytes */
      readonly offset?: number
      readonly more?: boolean
    }

export interface Network {
  /** hop limit, in IPv6 */
  readonly ttl?: number
  /** traffic class, in IPv6 */
  readonly tos?: number
  /** IPv4 */
  readonly identification?: number
  readonly dontFragment?: boolean
  readonly moreFragments?: boolean
  /** in units of 8 bytes */
  readonly fragmentOffset?: number
  /** a multiple of 4 bytes, at most 40 */
  readonly ipOptions?: Uint8Array
  /** IPv6 */
  readonly flowLabel?: number
  readonly extensions?: readonly Extension[]
  /** Lies: what the fields say instead of the truth. */
  readonly version?: number
  readonly headerWords?: number
  /** IPv4: of the packet; IPv6: the payload's, of which the extension headers are a part */
  readonly totalLength?: number
  readonly nextHeader?: number
  /** added to the right checksum, so not 0 and not 0xffff */
  readonly ipChecksumError?: number
}

export interface IpFields {
  readonly from: Socket
  readonly to: Socket
  readonly protocol: number
  readonly payloadBytes: number
}

export function buildIpHeader(packet: Network, family: Family, parts: IpFields): Uint8Array {
  return family === 4 ? buildIpv4(packet, parts) : buildIpv6(packet, parts)
}

function buildIpv4(packet: Network, { from, to, protocol, payloadBytes }: IpFields): Uint8Array {
  const options = packet.ipOptions ?? new Uint8Array()
  const bytes = concat(new Uint8Array(ipv4HeaderBytes), options)
  const view = viewOf(bytes)
  view.setUint8(0, ((packet.version ?? 4) << 4) | (packet.headerWords ?? bytes.length / 4))
  view.setUint8(1, packet.tos ?? 0)
  view.setUint16(2, packet.totalLength ?? bytes.length + payloadBytes)
  view.setUint16(4, packet.identification ?? 0x1234)
  const flags = (packet.dontFragment === true ? 0x4000 : 0) | (packet.moreFragments === true ? 0x2000 : 0)
  view.setUint16(6, flags | (packet.fragmentOffset ?? 0))
  view.setUint8(8, packet.ttl ?? 64)
  view.setUint8(9, packet.nextHeader ?? protocol)
  bytes.set(headerAddress(from), 12)
  bytes.set(headerAddress(to), 16)
  view.setUint16(10, wrong(internetChecksum(bytes), packet.ipChecksumError))
  return bytes
}

function buildIpv6(packet: Network, { from, to, protocol, payloadBytes }: IpFields): Uint8Array {
  const list = packet.extensions ?? []
  const extensions = concat(
    ...list.map((extension, i) => buildExtension(extension, numberOf(list[i + 1]) ?? packet.nextHeader ?? protocol)),
  )
  const bytes = concat(new Uint8Array(ipv6HeaderBytes), extensions)
  const view = viewOf(bytes)
  const first = ((packet.version ?? 6) * 2 ** 28 + ((packet.tos ?? 0) << 20) + (packet.flowLabel ?? 0)) >>> 0
  view.setUint32(0, first)
  view.setUint16(4, packet.totalLength ?? extensions.length + payloadBytes)
  view.setUint8(6, numberOf(list[0]) ?? packet.nextHeader ?? protocol)
  view.setUint8(7, packet.ttl ?? 64)
  bytes.set(headerAddress(from), 8)
  bytes.set(headerAddress(to), 24)
  return bytes
}

function numberOf(extension: Extension | undefined): number | undefined {
  return extension === undefined ? undefined : extensionNumbers[extension.kind]
}

function buildExtension(extension: Extension, next: number): Uint8Array {
  switch (extension.kind) {
    case 'fragment': {
      const offset = (extension.offset ?? 0) << 3
      return concat(
        Uint8Array.of(next, 0),
        be16(offset | (extension.more === true ? 1 : 0)),
        be32(extension.identification ?? 0x12345678),
      )
    }
    case 'routing': {
      const body = concat(Uint8Array.of(extension.type, extension.segmentsLeft), extension.data ?? new Uint8Array(4))
      return lengthened(next, body)
    }
    case 'hop-by-hop':
    case 'destination':
      // A PadN option of four bytes where the test names none.
      return lengthened(next, extension.options ?? Uint8Array.of(1, 4, 0, 0, 0, 0))
    default:
      return extension satisfies never
  }
}

function lengthened(next: number, body: Uint8Array): Uint8Array {
  const bytes = padded(concat(Uint8Array.of(next, 0), body), 8)
  bytes[1] = bytes.length / 8 - 1
  return bytes
}
