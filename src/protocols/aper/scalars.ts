// Numbers and strings of aligned PER (X.691, 11 to 17 and 30). Whatever has more than one form is refused in all but
// the one that the standard demands, so that what has been read is written as it was.

import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import type { FieldValue } from '../protocol.ts'
import { readOctets, writeOctets } from './lengths.ts'
import { leaf } from './type.ts'
import type { BitString, Type } from './type.ts'

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bitsFor = (values: number): number => Math.ceil(Math.log2(values))
/** Bytes that the number needs. */
const bytesFor = (value: number): number => Math.max(1, Math.ceil(Math.log2(value + 1) / 8))

/** A number with known bounds (X.691, 11.5). */
export function readNumber(from: Reader, low: number, high: number): number {
  const values = high - low + 1
  if (values === 1) return low
  if (values < 0x100) {
    const value = low + from.bits(bitsFor(values))
    if (value > high) throw from.fail('value out of range')
    return value
  }
  if (values <= 0x1_0000) {
    from.align()
    const value = low + (values === 0x100 ? from.u8() : from.u16())
    if (value > high) throw from.fail('value out of range')
    return value
  }
  const count = readNumber(from, 1, bytesFor(high - low))
  from.align()
  const at = from.at
  if (count > 1 && from.peek() === 0) throw from.fail('number is not in its shortest form')
  const value = low + from.uint(count)
  if (value > high) throw from.fail('value out of range', at)
  return value
}

export function writeNumber(to: Writer, low: number, high: number, value: number): void {
  if (!Number.isInteger(value) || value < low || value > high)
    throw new RangeError(`${value} is not in ${low}..${high}`)
  const values = high - low + 1
  const offset = value - low
  if (values === 1) return
  if (values < 0x100) {
    to.bits(bitsFor(values), offset)
    return
  }
  if (values <= 0x1_0000) {
    to.align().uint(values === 0x100 ? 1 : 2, offset)
    return
  }
  const count = bytesFor(offset)
  writeNumber(to, 1, bytesFor(high - low), count)
  to.align().uint(count, offset)
}

/** The bit that says whether a value is one of a later release, which is not known here. */
export function readRoot(from: Reader, extensible: boolean): void {
  if (extensible && from.bits(1) === 1) throw from.fail('unknown extension')
}

export function writeRoot(to: Writer, extensible: boolean): void {
  if (extensible) to.bits(1, 0)
}

/** At most 2^48: numbers of JavaScript. */
export const integer = (low: number, high: number, { extensible = false } = {}): Type<number> =>
  leaf(
    (from) => {
      readRoot(from, extensible)
      return readNumber(from, low, high)
    },
    (to, value) => {
      writeRoot(to, extensible)
      writeNumber(to, low, high, value)
    },
    (value) => value,
  )

/** How many later values can be told apart: those that fit the short form (X.691, 11.6). */
const mostLater = 64

/**
 * Its values are the names; `later` are those behind the extension mark, undefined where there is none. A later value
 * without a name here is its number, counted from the first of all.
 */
export const enumerated = (names: readonly string[], later?: readonly string[]): Type<string | number> => {
  const all = [...names, ...(later ?? [])]
  const indexOf = (value: string | number): number => {
    const index = typeof value === 'number' ? value : all.indexOf(value)
    if (index < 0) throw new RangeError(`${value} is not one of ${all.join(', ')}`)
    return index
  }
  return leaf(
    (from) => {
      if (later === undefined || from.bits(1) === 0) return all[readNumber(from, 0, names.length - 1)]!
      if (from.bits(1) === 1) throw from.fail('unknown extension')
      const index = names.length + from.bits(6)
      return all[index] ?? index
    },
    (to, value) => {
      const index = indexOf(value)
      const beyond = index - names.length
      if (beyond >= 0 && (later === undefined || beyond >= mostLater)) throw new RangeError(`${value} has no room`)
      if (later !== undefined) to.bits(1, beyond >= 0 ? 1 : 0)
      if (beyond >= 0) to.bits(7, beyond)
      else writeNumber(to, 0, names.length - 1, index)
    },
    (value) => value,
  )
}

/** A bit string of one size up to 16, as a number. */
export const bits = (size: number): Type<number> =>
  leaf(
    (from) => from.bits(size),
    (to, value) => void to.bits(size, value),
    (value) => value,
  )

/** A bit string that is longer than 16 bits, or may be. */
export const bitString = (
  low: number,
  high: number,
  { extensible = false, show }: { extensible?: boolean; show?: (value: BitString) => FieldValue } = {},
): Type<BitString> =>
  leaf(
    (from) => {
      readRoot(from, extensible)
      const length = readNumber(from, low, high)
      from.align()
      const whole = from.take(length >> 3)
      const rest = length & 7
      if (rest === 0) return { length, bytes: whole }
      const bytes = new Uint8Array(whole.length + 1)
      bytes.set(whole)
      bytes[whole.length] = from.bits(rest) << (8 - rest)
      return { length, bytes }
    },
    (to, { bytes, length }) => {
      if (bytes.length !== (length + 7) >> 3) throw new RangeError(`${length} bits are not ${bytes.length} bytes`)
      writeRoot(to, extensible)
      writeNumber(to, low, high, length)
      to.align().put(bytes.subarray(0, length >> 3))
      const rest = length & 7
      if (rest !== 0) to.bits(rest, bytes[length >> 3]! >> (8 - rest))
    },
    show ?? (({ bytes, length }) => `${hexOf(bytes)}/${length}`),
  )

/** An octet string of one size, 1 to 6, as a number. */
export const octetNumber = (
  size: number,
  show: (value: number) => FieldValue = (value) => `0x${value.toString(16).padStart(size * 2, '0')}`,
): Type<number> =>
  leaf(
    (from) => {
      if (size <= 2) return from.bits(size * 8)
      from.align()
      return from.uint(size)
    },
    (to, value) => {
      if (size <= 2) to.bits(size * 8, value)
      else to.align().uint(size, value)
    },
    show,
  )

/** An octet string of one size above 2. */
export const octets = (size: number): Type<Uint8Array> =>
  leaf(
    (from) => {
      from.align()
      return from.take(size)
    },
    (to, value) => {
      if (value.length !== size) throw new RangeError(`${value.length} bytes are not ${size}`)
      to.align().put(value)
    },
    hexOf,
  )

/** An octet string with bounds. */
export const boundedOctets = (low: number, high: number): Type<Uint8Array> =>
  leaf(
    (from) => {
      const size = readNumber(from, low, high)
      from.align()
      return from.take(size)
    },
    (to, value) => {
      writeNumber(to, low, high, value.length)
      to.align().put(value)
    },
    hexOf,
  )

/** An octet string of any size. */
export const octetString: Type<Uint8Array> = leaf(readOctets, writeOctets, hexOf)

/** PrintableString or VisibleString, extensible in size: one byte a character. */
export const text = (low: number, high: number): Type<string> =>
  leaf(
    (from) => {
      readRoot(from, true)
      const length = readNumber(from, low, high)
      from.align()
      return Buffer.from(from.take(length)).toString('latin1')
    },
    (to, value) => {
      writeRoot(to, true)
      writeNumber(to, low, high, value.length)
      for (let at = 0; at < value.length; at++) {
        if (value.charCodeAt(at) > 0xff) throw new RangeError(`${value} has characters of more than a byte`)
      }
      to.align().put(Buffer.from(value, 'latin1'))
    },
    (value) => value,
  )
