// Values that elements of GTP-U and version 1 of GTP-C have (TS 29.060, 7.7).

import { showAddresses } from '../element-values.ts'
import { hexNumber } from '../session-keys.ts'
import type { ElementValue } from '../element-values.ts'
import type { Places } from '../session-keys.ts'

export const teid: ElementValue = {
  leastBytes: 4,
  show(bytes, start) {
    return hexNumber(bytes, start, 4)
  },
}

const places = (start: number, ipv4: boolean, ipv6: boolean): Places => ({
  ipv4: ipv4 ? start : -1,
  ipv6: ipv6 ? start + (ipv4 ? 4 : 0) : -1,
  identifier: -1,
  end: start + (ipv4 ? 4 : 0) + (ipv6 ? 16 : 0),
})

/** A GSN address (7.7.32): its length says of which family; one of another length is kept and not understood. */
export const gsnPlaces = (start: number, end: number): Places => places(start, end - start === 4, end - start === 16)

export const gsnAddress: ElementValue = {
  show(bytes, start, end) {
    const { ipv4, ipv6 } = showAddresses(bytes, gsnPlaces(start, end))
    return ipv4 ?? ipv6 ?? ''
  },
}

const pdpTypes = { ipv4: 0x21, ipv6: 0x57, both: 0x8d } as const

/** An end user address (7.7.27): organization, type, and an address if one is known already. */
export function endUserPlaces(bytes: Uint8Array, start: number, end: number): Places {
  const type = end - start < 2 ? null : bytes[start + 1]
  const left = end - start - 2
  const ipv4 = (type === pdpTypes.ipv4 && left >= 4) || (type === pdpTypes.both && (left === 4 || left >= 20))
  const ipv6 = (type === pdpTypes.ipv6 && left >= 16) || (type === pdpTypes.both && left >= 16)
  return places(start + 2, ipv4, ipv6)
}

export const endUserAddress: ElementValue = {
  leastBytes: 2,
  show(bytes, start, end) {
    const names = { [pdpTypes.ipv4]: 'IPv4', [pdpTypes.ipv6]: 'IPv6', [pdpTypes.both]: 'IPv4v6' }
    const type = bytes[start + 1]!
    return {
      organization: bytes[start]! & 15,
      type: names[type as keyof typeof names] ?? `${type}`,
      ...showAddresses(bytes, endUserPlaces(bytes, start, end)),
    }
  },
}

/** Types of extension headers, one a byte (TS 29.281, 8.5). */
export const extensionHeaderTypeList: ElementValue = {
  show: (bytes, start, end) => [...bytes.subarray(start, end)],
}
