// IP addresses as text and as bytes. The byte form is always 16 bytes; an IPv4 address a.b.c.d stands as
// ::ffff:a.b.c.d, as in the fast path's maps. Text is strict: no octal, no short forms (`10.1`), no zones. What we
// print is canonical (RFC 5952), and an IPv4-mapped address is printed as the IPv4 address that it is.

import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'

const addressLength = 16

const dot = 0x2e
const colon = 0x3a

/** Writes the four bytes of text that isIPv4 accepts, starting at its character `from`. */
const writeIPv4 = (text: string, from: number, out: Uint8Array): void => {
  let value = 0
  let at = 12
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === dot) {
      out[at++] = value
      value = 0
    } else {
      value = value * 10 + code - 0x30
    }
  }
  out[at] = value
}

const hexDigit = (code: number): number => (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57)

/** Writes the sixteen bytes of text that isIPv6 accepts. */
const writeIPv6 = (text: string, out: Uint8Array): void => {
  let at = 0
  let gap = -1 // where `::` stands; the groups after it move to the end
  let start = 0
  while (start < text.length) {
    if (text.charCodeAt(start) === colon) {
      if (text.charCodeAt(start + 1) === colon) {
        gap = at
        start++
      }
      start++
      continue
    }
    let value = 0
    let end = start
    for (; end < text.length && text.charCodeAt(end) !== colon; end++) {
      if (text.charCodeAt(end) === dot) {
        // An IPv4 tail is always the last four bytes, and nothing after it moves.
        writeIPv4(text, start, out)
        if (gap >= 0) moveToEnd(out, gap, at, 12)
        return
      }
      value = value * 16 + hexDigit(text.charCodeAt(end))
    }
    out[at++] = value >> 8
    out[at++] = value & 0xff
    start = end
  }
  if (gap >= 0) moveToEnd(out, gap, at, addressLength)
}

const moveToEnd = (out: Uint8Array, from: number, to: number, end: number): void => {
  const count = to - from
  out.copyWithin(end - count, from, to)
  out.fill(0, from, end - count)
}

/** The 16 bytes of an address, or undefined when the text is not one. */
export const parseAddress = (text: string): Uint8Array | undefined => {
  const out = new Uint8Array(addressLength)
  if (isIPv4(text)) {
    out[10] = 0xff
    out[11] = 0xff
    writeIPv4(text, 0, out)
    return out
  }
  if (!isIPv6(text) || text.includes('%')) return undefined
  writeIPv6(text, out)
  return out
}

/** The 16 bytes of text that is known to be an address, for example because config/ has checked it. */
export const addressBytes = (text: string): Uint8Array => {
  const bytes = parseAddress(text)
  assert(bytes !== undefined, `not an IP address: ${text}`)
  return bytes
}

/** True when the 16 bytes at `offset` hold an IPv4 address. */
export const isMappedIPv4 = (bytes: Uint8Array, offset = 0): boolean => {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff
}

/** Canonical text of the 16 bytes at `offset`. */
export const formatAddress = (bytes: Uint8Array, offset = 0): string => {
  assert(offset + addressLength <= bytes.length, 'an address is 16 bytes')
  if (isMappedIPv4(bytes, offset)) {
    return `${bytes[offset + 12]}.${bytes[offset + 13]}.${bytes[offset + 14]}.${bytes[offset + 15]}`
  }
  const group = (index: number): number =>
    ((bytes[offset + index * 2] ?? 0) << 8) | (bytes[offset + index * 2 + 1] ?? 0)
  // RFC 5952: the longest run of two or more zero groups becomes `::`, the first one when two are equally long.
  let bestStart = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && group(i + length) === 0) length++
    if (length > bestLength) {
      bestStart = i
      bestLength = length
    }
    i += length
  }
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === bestStart) {
      text += '::'
      i += bestLength - 1
      continue
    }
    if (text !== '' && !text.endsWith(':')) text += ':'
    text += group(i).toString(16)
  }
  return text
}

/** Canonical form of an address text, or undefined when it is not one. */
export const canonicalAddress = (text: string): string | undefined => {
  if (isIPv4(text)) return text // the strict form has one spelling
  const bytes = parseAddress(text)
  return bytes === undefined ? undefined : formatAddress(bytes)
}

export type AddressKind = 'unspecified' | 'loopback' | 'multicast' | 'broadcast' | 'link-local' | 'reserved' | 'unicast'

/** What an address may be used for; `reserved` is 0.0.0.0/8 and 240.0.0.0/4, which nobody routes. */
export const classify = (bytes: Uint8Array, offset = 0): AddressKind => {
  const byte = (index: number): number => bytes[offset + index] ?? 0
  const zeroUpTo = (end: number): boolean => {
    for (let i = 0; i < end; i++) if (byte(i) !== 0) return false
    return true
  }
  if (isMappedIPv4(bytes, offset)) {
    const first = byte(12)
    const rest = (byte(13) << 16) | (byte(14) << 8) | byte(15)
    if (first === 0) return rest === 0 ? 'unspecified' : 'reserved'
    if (first === 127) return 'loopback'
    if (first === 169 && byte(13) === 254) return 'link-local'
    if (first === 255 && rest === 0xffffff) return 'broadcast'
    if (first >= 240) return 'reserved'
    return first >= 224 ? 'multicast' : 'unicast'
  }
  if (byte(0) === 0xff) return 'multicast'
  if (byte(0) === 0xfe && (byte(1) & 0xc0) === 0x80) return 'link-local'
  if (!zeroUpTo(15)) return 'unicast'
  if (byte(15) === 0) return 'unspecified'
  return byte(15) === 1 ? 'loopback' : 'unicast'
}

export interface Prefix {
  /** 16 bytes, the host part zero */
  readonly bytes: Uint8Array
  /** bits of the 16-byte form: an IPv4 /24 is 120 here */
  readonly bits: number
}

const maskHost = (bytes: Uint8Array, bits: number): Uint8Array =>
  bytes.map((byte, i) => {
    const kept = Math.max(0, Math.min(8, bits - i * 8))
    return byte & (0xff << (8 - kept))
  })

/** The prefix that an address with a length is in. */
const readPrefix = (text: string): { readonly prefix: Prefix; readonly exact: boolean } | undefined => {
  const slash = text.indexOf('/')
  const addressText = slash < 0 ? text : text.slice(0, slash)
  const lengthText = slash < 0 ? undefined : text.slice(slash + 1)
  const bytes = parseAddress(addressText)
  if (bytes === undefined) return undefined
  const offset = isIPv4(addressText) ? 96 : 0
  if (lengthText === undefined) return { prefix: { bytes, bits: 128 }, exact: true }
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined
  const bits = offset + Number(lengthText)
  if (bits > 128) return undefined
  const masked = maskHost(bytes, bits)
  return { prefix: { bytes: masked, bits }, exact: masked.every((byte, i) => byte === bytes[i]) }
}

/**
 * `10.0.0.0/8`, `2001:db8::/32`; an address alone is its host prefix. Undefined for anything else, also when host bits
 * are set.
 */
export const parsePrefix = (text: string): Prefix | undefined => {
  const read = readPrefix(text)
  return read?.exact === true ? read.prefix : undefined
}

/** Canonical form of a prefix text: host bits are cleared, an address alone is its host prefix. */
export const canonicalPrefix = (text: string): string | undefined => {
  const read = readPrefix(text)
  return read === undefined ? undefined : formatPrefix(read.prefix)
}

export const formatPrefix = (prefix: Prefix): string => {
  const ipv4 = isMappedIPv4(prefix.bytes) && prefix.bits >= 96
  return `${formatAddress(prefix.bytes)}/${ipv4 ? prefix.bits - 96 : prefix.bits}`
}

export const prefixContains = (prefix: Prefix, address: Uint8Array): boolean => {
  const whole = prefix.bits >> 3
  for (let i = 0; i < whole; i++) if (prefix.bytes[i] !== address[i]) return false
  const rest = prefix.bits & 7
  if (rest === 0) return true
  const mask = (0xff << (8 - rest)) & 0xff
  return ((prefix.bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask)
}

/** 4 or 16 bytes of text that is an address. */
export function shortAddressBytes(text: string): Uint8Array {
  const bytes = addressBytes(text)
  return isMappedIPv4(bytes) ? bytes.subarray(12) : bytes
}
