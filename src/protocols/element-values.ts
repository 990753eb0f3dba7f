// What information elements are worth: the kinds of values that the element tables of GTP and PFCP are made of. A value
// is read where it stands; nothing here keeps bytes.

import { DecodeError } from '../wire/decode-error.ts'
import { copyOf, read16, read32 } from '../wire/fields.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { addressText } from './session-keys.ts'
import type { AddressMap, FieldValue } from './protocol.ts'
import type { Places } from './session-keys.ts'

export interface ElementValue {
  /** An element with fewer is not shown. */
  readonly leastBytes?: number
  /** Plain data for people. Throws DecodeError where even more than `leastBytes` are too few. */
  show(bytes: Uint8Array, start: number, end: number): FieldValue
  /** Only what is read for routing and translation has it: a message in which it throws is refused. */
  readonly places?: (bytes: Uint8Array, start: number, end: number) => Places
}

export function needBytes(start: number, end: number, count: number): void {
  if (start + count > end) throw new DecodeError('truncated', end)
}

export const plainTextOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')

export const hexText = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('hex')

/** Bytes whose meaning nobody asks for. */
export const opaque: ElementValue = { show: hexText }

export const plainText: ElementValue = { show: plainTextOf }

/** 1 to 6 bytes; what comes behind them is of a later release. */
export function unsigned(count: number): ElementValue {
  return {
    leastBytes: count,
    show(bytes, start) {
      let value = 0
      for (let at = start; at < start + count; at++) value = value * 256 + bytes[at]!
      return value
    },
  }
}

/** A byte, or the bits of one, that stands for a word: `1 Core`; the number alone where it has no word. */
export function choice(words: Readonly<Record<number, string>>, mask = 0xff): ElementValue {
  return { leastBytes: 1, show: (bytes, start) => named(words, bytes[start]! & mask) }
}

export const named = (words: Readonly<Record<number, string>>, value: number): string =>
  words[value] === undefined ? `${value}` : `${value} ${words[value]}`

/** The names of the bits that are set: one text for each byte, from the lowest bit on; `-` has no name. */
export function bits(...octets: readonly string[]): ElementValue {
  const names = octets.map((octet) => octet.split(' '))
  return {
    show(bytes, start, end) {
      const set: string[] = []
      for (let at = start; at < end; at++) {
        for (let bit = 0; bit < 8; bit++) {
          if ((bytes[at]! & (1 << bit)) === 0) continue
          const name = names[at - start]?.[bit] ?? '-'
          set.push(name === '-' ? `octet ${at - start + 1} bit ${bit + 1}` : name)
        }
      }
      return set
    },
  }
}

/** Labels as in DNS (RFC 1035, 3.1, without the last zero); some senders write the plain name instead. */
export const domainName: ElementValue = { show: (bytes, start, end) => nameText(bytes, start, end) }

export function nameText(bytes: Uint8Array, start: number, end: number): string {
  const labels: string[] = []
  let at = start
  while (at < end && bytes[at] !== 0) {
    const next = at + 1 + bytes[at]!
    if (next > end) return plainTextOf(bytes, start, end)
    labels.push(plainTextOf(bytes, at + 1, next))
    at = next
  }
  return labels.join('.')
}

const longestLabel = 63

/** The bytes of a name; null for one that labels cannot hold. */
export function nameBytes(name: string): Uint8Array | null {
  const labels = name.split('.').map((label) => Buffer.from(label, 'utf8'))
  if (labels.some(({ length }) => length === 0 || length > longestLabel)) return null
  return Buffer.concat(labels.flatMap((label) => [Uint8Array.of(label.length), label]))
}

const digitOf = '0123456789*#abc'

/** Decimal digits, two a byte, the lower half first (TS 29.002, TBCD-STRING); 15 fills the last byte up. */
export function digitText(bytes: Uint8Array, start: number, end: number): string {
  let digits = ''
  for (let at = start; at < end; at++) {
    digits += digitOf[bytes[at]! & 15] ?? ''
    digits += digitOf[bytes[at]! >> 4] ?? ''
  }
  return digits
}

export const digits: ElementValue = { show: digitText }

/** The codes of a country and a network, three bytes (TS 24.008, 10.5.1.3): `001-01`. */
export const network: ElementValue = {
  leastBytes: 3,
  show(bytes, start) {
    const nibble = (index: number): string => digitOf[(bytes[start + (index >> 1)]! >> ((index & 1) * 4)) & 15] ?? ''
    return `${nibble(0)}${nibble(1)}${nibble(2)}-${nibble(4)}${nibble(5)}${nibble(3)}`
  },
}

/** Seconds from 1900 to 1970. */
const ntpEpoch = 2_208_988_800

/** Seconds of NTP (RFC 5905); those whose highest bit is off count from 2036. */
export const ntpTime: ElementValue = {
  leastBytes: 4,
  show(bytes, start) {
    const seconds = read32(bytes, start)
    const era = seconds < 2 ** 31 ? 2 ** 32 : 0
    return new Date((seconds + era - ntpEpoch) * 1000).toISOString().replace('.000Z', 'Z')
  },
}

const timerUnits = ['2 s', '1 min', '10 min', '1 h', '10 h', '1 min', '1 min', 'infinite']

/** A number of units (TS 29.244, 8.2.36; TS 29.274, 8.87): `3 x 10 min`. */
export const timer: ElementValue = {
  leastBytes: 1,
  show(bytes, start) {
    const unit = timerUnits[bytes[start]! >> 5]!
    return unit === 'infinite' ? unit : `${bytes[start]! & 0x1f} x ${unit}`
  },
}

/** Places of addresses that follow one another, each there if it is said to be. */
export function addressPlaces(at: number, end: number, hasIpv4: boolean, hasIpv6: boolean, identifier = -1): Places {
  const ipv4 = hasIpv4 ? at : -1
  const afterIpv4 = hasIpv4 ? at + 4 : at
  const ipv6 = hasIpv6 ? afterIpv4 : -1
  const afterIpv6 = hasIpv6 ? afterIpv4 + 16 : afterIpv4
  if (afterIpv6 > end) throw new DecodeError('truncated', end)
  return { ipv4, ipv6, identifier, end: afterIpv6 }
}

/** The addresses as text, as fields `ipv4` and `ipv6`. */
export function showAddresses(bytes: Uint8Array, { ipv4, ipv6 }: Places): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {}
  if (ipv4 >= 0) fields['ipv4'] = addressText(bytes, ipv4, 4)
  if (ipv6 >= 0) fields['ipv6'] = addressText(bytes, ipv6, 16)
  return fields
}

/**
 * A node that PDN connections or sessions belong to (TS 29.244, 8.2.45; TS 29.274, 8.62): the upper half of the first
 * byte says what its address is, the lower one how many identifiers of 2 bytes follow.
 */
export const fqCsid: ElementValue = {
  places(bytes, start, end) {
    needBytes(start, end, 1)
    const type = bytes[start]! >> 4
    return addressPlaces(start + 1, end, type === 0, type === 1)
  },
  show(bytes, start, end) {
    const places = fqCsid.places!(bytes, start, end)
    const type = bytes[start]! >> 4
    let at = places.end
    const fields = showAddresses(bytes, places)
    if (type > 1) {
      needBytes(at, end, 4)
      fields['node'] = hexText(bytes, at, at + 4)
      at += 4
    }
    const count = bytes[start]! & 15
    needBytes(at, end, count * 2)
    return { ...fields, csids: Array.from({ length: count }, (_, i) => read16(bytes, at + i * 2)) }
  },
}

/** Bytes that are copied when the first of them changes. */
export class Patch {
  readonly #original: Uint8Array
  #changed: Uint8Array | null = null

  constructor(original: Uint8Array) {
    this.#original = original
  }

  /** the very bytes that were given, if nothing has changed */
  get bytes(): Uint8Array {
    return this.#changed ?? this.#original
  }

  /** Other addresses, and where the map has one, another identifier: at the same places, of the same length. */
  translate({ identifier, ipv4, ipv6 }: Places, names: AddressMap, kind: 'teid' | 'seid' | null): void {
    const bytes = this.#original
    const four = ipv4 < 0 ? null : bytes.subarray(ipv4, ipv4 + 4)
    const six = ipv6 < 0 ? null : bytes.subarray(ipv6, ipv6 + 16)
    const address = four ?? six
    if (address !== null && identifier >= 0) this.#translateIdentifier(identifier, address, names, kind)
    if (four !== null) this.#put(ipv4, sameLength(names.address(four), four))
    if (six !== null) this.#put(ipv6, sameLength(names.address(six), six))
  }

  #translateIdentifier(at: number, address: Uint8Array, names: AddressMap, kind: 'teid' | 'seid' | null): void {
    const bytes = this.#original
    if (kind === 'teid' && names.teid !== undefined)
      this.#put(at, new Writer().u32(names.teid(address, read32(bytes, at))).done())
    if (kind === 'seid' && names.seid !== undefined)
      this.#put(at, new Writer().u64(names.seid(address, new Reader(bytes, at).u64())).done())
  }

  #put(at: number, value: Uint8Array): void {
    for (let i = 0; i < value.length; i++) {
      if (value[i] === this.#original[at + i]) continue
      this.#changed ??= copyOf(this.#original)
      this.#changed.set(value, at)
      return
    }
  }
}

function sameLength(other: Uint8Array, address: Uint8Array): Uint8Array {
  if (other.length === address.length) return other
  throw new RangeError(`${other.length} bytes in the place of ${address.length}`)
}
