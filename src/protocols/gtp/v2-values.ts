// Values of version 2 of GTP-C that have a structure of their own (TS 29.274, 8).

import { DecodeError } from '../../wire/decode-error.ts'
import { addressPlaces, named, needBytes, showAddresses, unsigned } from '../element-values.ts'
import { hexNumber } from '../session-keys.ts'
import { causes, interfaces } from './v2-names.ts'
import type { ElementValue } from '../element-values.ts'

/** Of an F-TEID (8.22): flags V4 and V6, the kind of interface, then a TEID or GRE key. */
export const fTeid: ElementValue & Required<Pick<ElementValue, 'places'>> = {
  places(bytes, start, end) {
    needBytes(start, end, 5)
    return addressPlaces(start + 5, end, (bytes[start]! & 0x80) !== 0, (bytes[start]! & 0x40) !== 0, start + 1)
  },
  show(bytes, start, end) {
    const places = fTeid.places(bytes, start, end)
    const type = bytes[start]! & 0x3f
    const { [type]: known } = interfaces
    return {
      interface: known === undefined ? `${type}` : `${type} ${known[0]}`,
      teid: hexNumber(bytes, start + 1, 4),
      ...showAddresses(bytes, places),
    }
  },
}

const pdnTypes = { 1: 'IPv4', 2: 'IPv6', 3: 'IPv4v6', 4: 'Non-IP', 5: 'Ethernet' }

/** Of a PAA (8.14): an IPv6 address stands behind the length of its prefix, and before an IPv4 address. */
export const paa: ElementValue & Required<Pick<ElementValue, 'places'>> = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const type = bytes[start]! & 7
    const hasIpv6 = type === 2 || type === 3
    const ipv6 = hasIpv6 ? start + 2 : -1
    const afterIpv6 = hasIpv6 ? start + 18 : start + 1
    const hasIpv4 = type === 1 || type === 3
    const after = hasIpv4 ? afterIpv6 + 4 : afterIpv6
    if (after > end) throw new DecodeError('truncated', end)
    return { ipv4: hasIpv4 ? afterIpv6 : -1, ipv6, identifier: -1, end: after }
  },
  show(bytes, start, end) {
    const places = paa.places(bytes, start, end)
    return {
      type: named(pdnTypes, bytes[start]! & 7),
      ...showAddresses(bytes, places),
      ...(places.ipv6 < 0 ? {} : { prefixLength: bytes[start + 1]! }),
    }
  },
}

/** Of an IP Address (8.9): its length says of which family. */
export const ipAddress: ElementValue & Required<Pick<ElementValue, 'places'>> = {
  places: (_bytes, start, end) => addressPlaces(start, end, end - start === 4, end - start === 16),
  show(bytes, start, end) {
    const { ipv4, ipv6 } = showAddresses(bytes, ipAddress.places(bytes, start, end))
    return ipv4 ?? ipv6 ?? ''
  },
}

/** Of a Cause (8.4); one that refuses a message may name the element: type and instance. */
export const cause: ElementValue = {
  leastBytes: 2,
  show(bytes, start, end) {
    const name = named(causes, bytes[start]!)
    return end - start < 6 ? name : `${name}: element ${bytes[start + 2]!} instance ${bytes[start + 5]! & 15}`
  },
}

/** Of a Bearer QoS (8.15): class, priority, and rates in kilobits a second. */
export const bearerQos: ElementValue = {
  leastBytes: 22,
  show(bytes, start, end) {
    const rate = (index: number): number => unsigned(5).show(bytes, start + 2 + index * 5, end) as number
    return {
      qci: bytes[start + 1]!,
      priority: (bytes[start]! >> 2) & 15,
      mbrKbps: { uplink: rate(0), downlink: rate(1) },
      gbrKbps: { uplink: rate(2), downlink: rate(3) },
    }
  },
}
