// Types that NGAP and S1AP have in common.

import { formatAddress } from '../../wire/ip.ts'
import type { SessionKind } from '../protocol.ts'
import { bitString, integer, octetNumber, text } from './scalars.ts'
import { visited } from './structures.ts'
import type { BitString, Type } from './type.ts'

const plmnDigits = (value: number): string => {
  const hex = value.toString(16).padStart(6, '0')
  const [mcc2, mcc1, mnc3, mcc3, mnc2, mnc1] = hex
  return `${mcc1}${mcc2}${mcc3}-${mnc1}${mnc2}${mnc3 === 'f' ? '' : mnc3}`
}

/** A PLMN identity (TS 38.413, 9.3.3.5) as the number that its three bytes are; shown as `001-01`. */
export const plmnIdentity: Type<number> = octetNumber(3, plmnDigits)

const mapped = (ipv4: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ipv4)

/** The addresses of a transport layer address: IPv4, IPv6, or both (TS 38.414, 5.1 and TS 36.414, 5.3); else none. */
export function addressesOf({ bytes, length }: BitString): readonly string[] {
  if (length === 32) return [formatAddress(mapped(bytes))]
  if (length === 128) return [formatAddress(bytes)]
  if (length !== 160) return []
  return [formatAddress(mapped(bytes.subarray(0, 4))), formatAddress(bytes.subarray(4))]
}

export const transportLayerAddress: Type<BitString> = bitString(1, 160, {
  extensible: true,
  show: (address) => {
    const addresses = addressesOf(address)
    return addresses.length === 0 ? Buffer.from(address.bytes).toString('hex') : addresses.join(' ')
  },
})

/** A name of a node. */
export const nodeName: Type<string> = text(1, 150)

/** A number by which one side of the interface knows a UE. */
export const ueId = (kind: SessionKind, most: number): Type<number> =>
  visited(integer(0, most), (id, visitor) => visitor.ue?.(kind, id) ?? id)

/** An identity that is more than a number; `valueOf` is the text of its session key. */
export const identity = <T>(kind: SessionKind, type: Type<T>, valueOf: (value: T) => string): Type<T> =>
  visited(type, (value, visitor) => {
    visitor.identity?.(kind, valueOf(value))
    return value
  })
