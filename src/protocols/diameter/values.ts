// The kinds of values that AVPs have (RFC 6733, 4.2 and 4.3) as far as GTP and PFCP do not have them too.

import { DecodeError } from '../../wire/decode-error.ts'
import { read16, read32 } from '../../wire/fields.ts'
import { hexText, named, plainTextOf } from '../element-values.ts'
import { addressText } from '../session-keys.ts'
import type { ElementValue } from '../element-values.ts'
import type { FieldValue } from '../protocol.ts'
import type { Places } from '../session-keys.ts'

export const u32: ElementValue = { leastBytes: 4, show: (bytes, start) => read32(bytes, start) }

export const i32: ElementValue = { leastBytes: 4, show: (bytes, start) => read32(bytes, start) | 0 }

const read64 = (bytes: Uint8Array, at: number): bigint =>
  (BigInt(read32(bytes, at)) << 32n) | BigInt(read32(bytes, at + 4))

const plainNumber = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export const u64: ElementValue = { leastBytes: 8, show: (bytes, start) => plainNumber(read64(bytes, start)) }

export const i64: ElementValue = {
  leastBytes: 8,
  show: (bytes, start) => plainNumber(BigInt.asIntN(64, read64(bytes, start))),
}

/** Four bytes that stand for a word: `1 INITIAL_REQUEST`. */
export const enumerated = (words: Readonly<Record<number, string>>): ElementValue => ({
  leastBytes: 4,
  show: (bytes, start) => named(words, read32(bytes, start)),
})

/** A DiameterIdentity: the name of a node or of a realm. It may be translated wherever it stands. */
export const identity: ElementValue = { show: plainTextOf }

export const ipv4: ElementValue = { leastBytes: 4, show: (bytes, start) => addressText(bytes, start, 4) }
export const ipv6: ElementValue = { leastBytes: 16, show: (bytes, start) => addressText(bytes, start, 16) }

const families = { ipv4: 1, ipv6: 2, e164: 8 } as const
const familyBytes = 2

/** Addresses of other families than IP are telephone numbers and the like. */
function showAddress(bytes: Uint8Array, start: number, end: number): FieldValue {
  const family = read16(bytes, start)
  const at = start + familyBytes
  if (family === families.ipv4 && end === at + 4) return addressText(bytes, at, 4)
  if (family === families.ipv6 && end === at + 16) return addressText(bytes, at, 16)
  if (family === families.e164) return plainTextOf(bytes, at, end)
  return hexText(bytes, start, end)
}

export const address: ElementValue = { leastBytes: familyBytes, show: showAddress }

/** Where a Host-IP-Address has its address: the only one that is translated. */
export interface LocatedValue extends ElementValue {
  places(bytes: Uint8Array, start: number, end: number): Places
}

export const hostAddress: LocatedValue = {
  leastBytes: familyBytes,
  show: showAddress,
  places(bytes, start, end) {
    if (start + familyBytes > end) throw new DecodeError('truncated', end)
    const family = read16(bytes, start)
    const at = start + familyBytes
    const isIpv4 = family === families.ipv4
    const isIpv6 = family === families.ipv6
    if ((isIpv4 && end !== at + 4) || (isIpv6 && end !== at + 16)) throw new DecodeError('length lies', start)
    return { ipv4: isIpv4 ? at : -1, ipv6: isIpv6 ? at : -1, identifier: -1, end }
  },
}

/** As RADIUS has it (RFC 3162, 2.3): a reserved byte, the length in bits, as many bytes as it takes. */
export const ipv6Prefix: ElementValue = {
  leastBytes: 2,
  show(bytes, start, end) {
    if (end > start + 18) throw new DecodeError('length lies', start)
    const prefix = new Uint8Array(16)
    prefix.set(bytes.subarray(start + 2, end))
    return `${addressText(prefix, 0, 16)}/${bytes[start + 1]!}`
  },
}

/** What an answer says was wrong in a request: an AVP, which need not be one that can be read (RFC 6733, 7.5). */
export const failedAvp: ElementValue = { show: hexText }
