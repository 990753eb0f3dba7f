// What the fast path does to a packet on its way to the flow's other side, as packets that may be sent: translated, or
// behind an outer header to an endpoint that answers clients itself (bpf/lib/encap.h), and in pieces where it must be.

import { keyDigest } from '../../lb/selection/flow-hash.ts'
import { internetChecksum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, join, read32, write16, write32 } from '../../wire/fields.ts'
import { splitPacket } from '../../wire/fragments.ts'
import { ipv4Header, ipv4HeaderBytes, ipv6Header, ipv6HeaderBytes, parseIp, protocols } from '../../wire/ip-packet.ts'
import { actionOf } from './flow-action.ts'
import { flowKeyBytes } from './flow-pair.ts'
import { familyOf, translatePacket } from './translate.ts'
import type { Flow, FlowKey } from '../layout.gen.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

/** Of map settings: what stands around packets to endpoints of mode `dsr`. */
export interface Encapsulation {
  /** 16 bytes each; the last 16 bits vary with the flow */
  readonly encapSource4: Uint8Array
  readonly encapSource6: Uint8Array
  readonly guePort: number
}

export interface Delivery {
  /** of the flow's direction */
  readonly key: FlowKey
  readonly flow: Flow
  /** bytes of IP packet as it leaves */
  readonly mtu: number
  /** identification of an IPv4 packet that is split */
  readonly id: number
  readonly encapsulation: Encapsulation
}

const ipInIp = { 4: 4, 6: 41 } as const
const udpBytes = 8
const gueBytes = 4
/** with a PDU session container */
const gtpuBytes = 16
const outerHopLimit = 64
const firstGuePort = 49_152

export function deliver(packet: IpPacket, { encapsulation, flow, id, key, mtu }: Delivery): readonly Uint8Array[] {
  const action = actionOf(flow)
  switch (action) {
    case 'nat':
    case 'nat64':
    case 'nat46':
      return splitPacket(parseIp(translatePacket(packet, flow)), mtu, id)
    case 'encap_ip':
    case 'encap_gue': {
      const room = mtu - growthOf(packet.family, flow)
      return splitPacket(parseIp(oneHopLess(packet)), room, id).map((inner) =>
        encapsulate(inner, packet, key, flow, encapsulation),
      )
    }
    case 'encap_gtpu':
      throw new DecodeError('the tunnel of a user', 0)
    case 'l2':
      throw new DecodeError('direct return by MAC address', 0)
    default:
      return action satisfies never
  }
}

const headerBytes = (family: 4 | 6): number => (family === 4 ? ipv4HeaderBytes : ipv6HeaderBytes)

/** How much longer a packet leaves than it came. */
export function growthOf(family: 4 | 6, flow: Flow): number {
  const action = actionOf(flow)
  switch (action) {
    case 'nat':
    case 'nat64':
    case 'nat46':
      return headerBytes(familyOf(flow)) - headerBytes(family)
    case 'l2':
      return 0
    case 'encap_ip':
      return headerBytes(familyOf(flow))
    case 'encap_gue':
      return headerBytes(familyOf(flow)) + udpBytes + gueBytes
    case 'encap_gtpu':
      return headerBytes(familyOf(flow)) + udpBytes + gtpuBytes
    default:
      return action satisfies never
  }
}

function oneHopLess(packet: IpPacket): Uint8Array {
  if (packet.hopLimit <= 1) throw new DecodeError('hop limit', 0)
  const bytes = copyOf(packet.bytes)
  if (packet.family === 6) {
    bytes[7] = packet.hopLimit - 1
    return bytes
  }
  bytes[8] = packet.hopLimit - 1
  write16(bytes, 10, 0)
  write16(bytes, 10, internetChecksum(bytes.subarray(0, packet.payload)))
  return bytes
}

function encapsulate(
  inner: Uint8Array,
  { family, trafficClass }: IpPacket,
  key: FlowKey,
  flow: Flow,
  { encapSource4, encapSource6, guePort }: Encapsulation,
): Uint8Array {
  const digest = keyDigest(flowKeyBytes(key))
  const isGue = actionOf(flow) === 'encap_gue'
  const body = isGue ? join(gueHeader(inner.length, family, digest, guePort), inner) : inner
  const outerFamily = familyOf(flow)
  const source = copyOf(outerFamily === 4 ? encapSource4 : encapSource6)
  write32(source, 12, (read32(source, 12) ^ Number((digest >> 32n) & 0xffffn)) >>> 0)
  const header = {
    source,
    destination: flow.destination,
    protocol: isGue ? protocols.udp : ipInIp[family],
    trafficClass,
    hopLimit: outerHopLimit,
    payloadBytes: body.length,
  }
  if (outerFamily === 4) return join(ipv4Header({ ...header, id: 0, dontFragment: true }), body)
  const outer = ipv6Header(header)
  write32(outer, 0, read32(outer, 0) + Number(digest >> 44n)) // the flow label
  return join(outer, body)
}

/** UDP and GUE of variant 0. The packet inside has checksums of its own (RFC 6935). */
function gueHeader(innerBytes: number, family: 4 | 6, digest: bigint, port: number): Uint8Array {
  const bytes = new Uint8Array(udpBytes + gueBytes)
  write16(bytes, 0, firstGuePort + Number((digest >> 40n) & 0x3fffn))
  write16(bytes, 2, port)
  write16(bytes, 4, bytes.length + innerBytes)
  bytes[9] = ipInIp[family]
  return bytes
}
