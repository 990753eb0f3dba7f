// Values of PFCP that have a structure of their own (TS 29.244, 8.2): where their parts stand, and what they mean.

import { DecodeError } from '../../wire/decode-error.ts'
import { read16, read32 } from '../../wire/fields.ts'
import {
  addressPlaces,
  digitText,
  hexText,
  named,
  nameText,
  needBytes,
  plainTextOf,
  showAddresses,
  unsigned,
} from '../element-values.ts'
import { hexNumber } from '../session-keys.ts'
import type { ElementValue } from '../element-values.ts'
import type { FieldValue } from '../protocol.ts'
import type { Places } from '../session-keys.ts'

/** A value whose places are read for routing and translation. */
interface LocatedValue extends ElementValue {
  readonly places: (bytes: Uint8Array, start: number, end: number) => Places
}

const has = (flags: number, bit: number): boolean => (flags & bit) !== 0

/** Of an F-TEID (8.2.3): flags V4, V6, CH (choose one) and CHID (the same for equal identifiers). */
export const fTeid: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const flags = bytes[start]!
    if (!has(flags, 4)) {
      needBytes(start, end, 5)
      return addressPlaces(start + 5, end, has(flags, 1), has(flags, 2), start + 1)
    }
    const length = has(flags, 8) ? 2 : 1
    needBytes(start, end, length)
    return { ipv4: -1, ipv6: -1, identifier: -1, end: start + length }
  },
  show(bytes, start, end) {
    const places = fTeid.places(bytes, start, end)
    const flags = bytes[start]!
    if (!has(flags, 4)) return { teid: hexNumber(bytes, start + 1, 4), ...showAddresses(bytes, places) }
    return {
      choose: [...(has(flags, 1) ? ['V4'] : []), ...(has(flags, 2) ? ['V6'] : [])],
      ...(has(flags, 8) ? { chooseId: bytes[start + 1]! } : {}),
    }
  },
}

/** Of an F-SEID (8.2.37); V6 is its lowest flag, V4 the next. */
export const fSeid: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 9)
    return addressPlaces(start + 9, end, has(bytes[start]!, 2), has(bytes[start]!, 1), start + 1)
  },
  show(bytes, start, end) {
    return { seid: hexNumber(bytes, start + 1, 8), ...showAddresses(bytes, fSeid.places(bytes, start, end)) }
  },
}

export const nodeIdTypes = { ipv4: 0, ipv6: 1, name: 2 } as const

/** Of a Node ID (8.2.38). A type of a later release is kept. */
export const nodeId: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const type = bytes[start]! & 15
    return addressPlaces(start + 1, end, type === nodeIdTypes.ipv4, type === nodeIdTypes.ipv6)
  },
  show(bytes, start, end) {
    const { ipv4, ipv6 } = showAddresses(bytes, nodeId.places(bytes, start, end))
    if ((bytes[start]! & 15) === nodeIdTypes.name) return nameText(bytes, start + 1, end)
    return ipv4 ?? ipv6 ?? hexText(bytes, start, end)
  },
}

/** Of a UE IP Address (8.2.62). */
export const ueIpAddress: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const flags = bytes[start]!
    const places = addressPlaces(start + 1, end, has(flags, 2), has(flags, 1))
    const after = places.end + (has(flags, 8) ? 1 : 0) + (has(flags, 0x40) ? 1 : 0)
    if (after > end) throw new DecodeError('truncated', end)
    return places
  },
  show(bytes, start, end) {
    const places = ueIpAddress.places(bytes, start, end)
    const flags = bytes[start]!
    const choose = [...(has(flags, 0x10) ? ['V4'] : []), ...(has(flags, 0x20) ? ['V6'] : [])]
    return {
      ...showAddresses(bytes, places),
      ...(choose.length === 0 ? {} : { choose }),
      direction: has(flags, 4) ? 'destination' : 'source',
      ...(has(flags, 8) ? { delegatedBits: bytes[places.end]! } : {}),
      ...(has(flags, 0x40) ? { prefixLength: bytes[places.end + (has(flags, 8) ? 1 : 0)]! } : {}),
    }
  },
}

const headers = ['GTP-U/UDP/IPv4', 'GTP-U/UDP/IPv6', 'UDP/IPv4', 'UDP/IPv6', 'IPv4', 'IPv6', 'C-TAG', 'S-TAG']
const headerIndications = ['N19', 'N6', 'low layer SSM and C-TEID']
const gtpu = 0x0300
const udp = 0x0c00
const tags = 0xc000

/** Of an Outer Header Creation (8.2.56): two bytes of flags say what follows. */
export const outerHeaderCreation: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 2)
    const flags = read16(bytes, start)
    const teid = has(flags, gtpu) || has(flags, 4)
    const at = start + (teid ? 6 : 2)
    needBytes(start, end, at - start)
    const places = addressPlaces(at, end, has(flags, 0x1500), has(flags, 0x2a00), has(flags, gtpu) ? start + 2 : -1)
    const after = places.end + (has(flags, udp) ? 2 : 0) + (has(flags, 0x4000) ? 3 : 0) + (has(flags, 0x8000) ? 3 : 0)
    if (after > end) throw new DecodeError('truncated', end)
    return places
  },
  show(bytes, start, end) {
    const places = outerHeaderCreation.places(bytes, start, end)
    const flags = read16(bytes, start)
    const teid = has(flags, gtpu) || has(flags, 4)
    return {
      headers: headers.filter((_, bit) => has(flags, 0x100 << bit)),
      ...(has(flags, 7) ? { indications: headerIndications.filter((_, bit) => has(flags, 1 << bit)) } : {}),
      ...(teid ? { teid: hexNumber(bytes, start + 2, 4) } : {}),
      ...showAddresses(bytes, places),
      ...(has(flags, udp) ? { port: read16(bytes, places.end) } : {}),
      ...(has(flags, tags) ? { tags: hexText(bytes, places.end + (has(flags, udp) ? 2 : 0), end) } : {}),
    }
  },
}

/** Of what has flags V6 and V4 and then addresses: Alternative SMF IP Address (8.2.124), CP PFCP Entity IP Address. */
export const nodeAddresses: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    return addressPlaces(start + 1, end, has(bytes[start]!, 2), has(bytes[start]!, 1))
  },
  show: (bytes, start, end) => showAddresses(bytes, nodeAddresses.places(bytes, start, end)),
}

/** Of a User Plane IP Resource Information (8.2.82), which releases before 16.3 have. */
export const userPlaneIpResource: LocatedValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const flags = bytes[start]!
    const at = start + (has(flags, 0x1c) ? 2 : 1)
    needBytes(start, end, at - start)
    const places = addressPlaces(at, end, has(flags, 1), has(flags, 2))
    if (has(flags, 0x40)) needBytes(places.end, end, 1)
    return places
  },
  show(bytes, start, end) {
    const places = userPlaneIpResource.places(bytes, start, end)
    const flags = bytes[start]!
    const rangeBits = (flags & 0x1c) >> 2
    const instanceEnd = has(flags, 0x40) ? end - 1 : end
    return {
      ...(rangeBits === 0 ? {} : { teidRange: `${bytes[start + 1]!}/${rangeBits}` }),
      ...showAddresses(bytes, places),
      ...(has(flags, 0x20) ? { networkInstance: nameText(bytes, places.end, instanceEnd) } : {}),
      ...(has(flags, 0x40) ? { sourceInterface: bytes[end - 1]! & 15 } : {}),
    }
  },
}

/** Texts behind a length of one byte or two, as far as flags say that they are there. */
function texts(
  bytes: Uint8Array,
  from: number,
  end: number,
  parts: readonly (readonly [string, boolean, (at: number, end: number) => string])[],
  lengthBytes: 1 | 2,
): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {}
  let at = from
  for (const [name, isThere, read] of parts) {
    if (!isThere) continue
    needBytes(at, end, lengthBytes)
    const length = lengthBytes === 1 ? bytes[at]! : read16(bytes, at)
    at += lengthBytes
    needBytes(at, end, length)
    fields[name] = read(at, at + length)
    at += length
  }
  return fields
}

/** Of a User ID (8.2.101). */
export const userId: ElementValue = {
  leastBytes: 1,
  show(bytes, start, end) {
    const flags = bytes[start]!
    const number = (at: number, to: number): string => digitText(bytes, at, to)
    const text = (at: number, to: number): string => plainTextOf(bytes, at, to)
    const parts = [
      ['imsi', has(flags, 1), number],
      ['imei', has(flags, 2), number],
      ['msisdn', has(flags, 4), number],
      ['nai', has(flags, 8), text],
      ['supi', has(flags, 16), text],
      ['gpsi', has(flags, 32), text],
      ['pei', has(flags, 64), text],
    ] as const
    return texts(bytes, start + 1, end, parts, 1)
  },
}

/** Of a Remote GTP-U Peer (8.2.70). */
export const remotePeer: LocatedValue = {
  places: nodeAddresses.places,
  show(bytes, start, end) {
    const places = nodeAddresses.places(bytes, start, end)
    const parts = [
      ['destinationInterface', has(bytes[start]!, 4), (at: number, to: number) => hexText(bytes, at, to)],
      ['networkInstance', has(bytes[start]!, 8), (at: number, to: number) => nameText(bytes, at, to)],
    ] as const
    return { ...showAddresses(bytes, places), ...texts(bytes, places.end, end, parts, 2) }
  },
}

/** Of an SDF Filter (8.2.5): what people ask for, which is its flow description. */
export const sdfFilter: ElementValue = {
  leastBytes: 2,
  show(bytes, start, end) {
    const flags = bytes[start]!
    const part = ['flow', has(flags, 1), (at: number, to: number) => plainTextOf(bytes, at, to)] as const
    const fields = texts(bytes, start + 2, end, [part], 2)
    if (!has(flags, 16)) return fields
    needBytes(start + 2, end, 4)
    return { ...fields, filterId: read32(bytes, end - 4) }
  },
}

/** Of a UE IP Address Pool Identity (8.2.118). */
export const poolIdentity: ElementValue = {
  show: (bytes, start, end) =>
    texts(bytes, start, end, [['pool', true, (at, to) => plainTextOf(bytes, at, to)]], 2)['pool']!,
}

/** Of an SMF Set ID (8.2.123): a spare byte, then a name. */
export const smfSetId: ElementValue = {
  leastBytes: 1,
  show(bytes, start, end) {
    return nameText(bytes, start + 1, end)
  },
}

/** Of an S-NSSAI (8.2.178): `1-000001`. */
export const sNssai: ElementValue = {
  leastBytes: 4,
  show(bytes, start) {
    return `${bytes[start]!}-${hexText(bytes, start + 1, start + 4)}`
  },
}

/** Of an MBR or a GBR (8.2.8): kilobits a second. */
export const bitRates: ElementValue = {
  leastBytes: 10,
  show: (bytes, start, end) => ({
    uplinkKbps: unsigned(5).show(bytes, start, end),
    downlinkKbps: unsigned(5).show(bytes, start + 5, end),
  }),
}

const gates = { 0: 'open', 1: 'closed' }

/** Of a Gate Status (8.2.7). */
export const gateStatus: ElementValue = {
  leastBytes: 1,
  show(bytes, start) {
    return { downlink: named(gates, bytes[start]! & 3), uplink: named(gates, (bytes[start]! >> 2) & 3) }
  },
}

/** Of a Forwarding Policy (8.2.23). */
export const forwardingPolicy: ElementValue = {
  show: (bytes, start, end) =>
    texts(bytes, start, end, [['policy', true, (at, to) => plainTextOf(bytes, at, to)]], 1)['policy']!,
}
