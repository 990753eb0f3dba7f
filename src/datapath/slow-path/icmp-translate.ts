// ICMP errors across the families (RFC 7915 4.2, 4.3, 5.2, 5.3). An error says what became of a packet that we have
// sent; it goes to whoever sent the packet to us, and quotes what he sent.
//
// The flow is the entry of the direction in which the error comes, found by the addresses of the packet inside turned
// round. So what it writes is turned round once more for the packet inside. The router that complains has no address in
// the other family; it speaks as the address that the packet was sent to.

import { DecodeError } from '../../wire/decode-error.ts'
import { buildIcmpError, decodeIcmpError, isIcmpError, mtuOf } from '../../wire/icmp-error.ts'
import { fragmentHeaderBytes, ipv4HeaderBytes, ipv6HeaderBytes, ipv6MinimumMtu, parseIp } from '../../wire/ip-packet.ts'
import { icmp4to6, icmp6to4, plateauBelow, translatePointer } from './icmp-tables.ts'
import { familyOf, translatePacket } from './translate.ts'
import type { ErrorMeaning } from './icmp-tables.ts'
import type { Rewrite } from './translate.ts'
import type { IcmpError } from '../../wire/icmp-error.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

/** Every IPv4 link takes this much. */
const ipv4MinimumMtu = 68

export function translateIcmpError(packet: IpPacket, flow: Rewrite): Uint8Array {
  const error = decodeIcmpError(packet)
  const quoted = parseIp(error.quoted, { cut: true })
  if (quoted.family !== packet.family) throw new DecodeError('quotes another family', packet.payload)
  if (isIcmpError(quoted)) throw new DecodeError('about an ICMP error', packet.payload)
  if (packet.hopLimit <= 1) throw new DecodeError('hop limit', 0)
  const family = familyOf(flow)
  const meaning = family === packet.family ? null : meaningOf(error, packet)
  const inner: Rewrite = {
    source: flow.destination,
    destination: flow.source,
    sourcePort: flow.destinationPort,
    destinationPort: flow.sourcePort,
  }
  return buildIcmpError({
    family,
    source: flow.source,
    destination: flow.destination,
    hopLimit: packet.hopLimit - 1,
    trafficClass: packet.trafficClass,
    error: {
      type: meaning?.type ?? error.type,
      code: meaning?.code ?? error.code,
      rest: meaning === null ? error.rest : restOf(meaning, error, quoted),
      quoted: translatePacket(quoted, inner, { hops: 0, quoted: true }),
    },
  })
}

function meaningOf({ type, code }: IcmpError, packet: IpPacket): ErrorMeaning {
  const meaning = (packet.family === 4 ? icmp4to6 : icmp6to4)[`${type}/${code}`]
  if (meaning === undefined) throw new DecodeError('no like in the other family', packet.payload)
  return meaning
}

function restOf(meaning: ErrorMeaning, error: IcmpError, quoted: IpPacket): number {
  switch (meaning.rest) {
    case 'nothing':
      return 0
    case 'mtu':
      return quoted.family === 4 ? mtuFor6(mtuOf(error), quoted) : mtuFor4(error.rest, quoted)
    case 'pointer': {
      if (meaning.pointer !== undefined) return meaning.pointer
      const pointer = translatePointer(quoted.family === 4 ? error.rest >>> 24 : error.rest, quoted.family)
      if (pointer === null) throw new DecodeError('no like in the other family', 4)
      return quoted.family === 4 ? pointer : pointer * 0x1000000
    }
    default:
      return meaning.rest satisfies never
  }
}

/** How much longer a packet is as IPv6. */
const growth = (quoted: IpPacket): number =>
  ipv6HeaderBytes - ipv4HeaderBytes + (quoted.fragment === null ? 0 : fragmentHeaderBytes)

function mtuFor6(mtu: number, quoted: IpPacket): number {
  const known = mtu === 0 ? plateauBelow(quoted.totalBytes, ipv6MinimumMtu) : mtu
  return Math.max(ipv6MinimumMtu, known + growth(quoted))
}

function mtuFor4(mtu: number, quoted: IpPacket): number {
  return Math.min(0xffff, Math.max(ipv4MinimumMtu, mtu - growth(quoted)))
}
