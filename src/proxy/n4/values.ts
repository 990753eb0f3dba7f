// Values that the proxy reads and writes for every session: F-TEIDs, F-SEIDs, Node IDs, addresses of UEs. The codec has
// checked that what their flags announce is there (TS 29.244, 8.2).

import { nameText } from '../../protocols/element-values.ts'
import { addressText } from '../../protocols/session-keys.ts'
import { read16, read32 } from '../../wire/fields.ts'
import { addressBytes, canonicalPrefix, formatAddress, isMappedIPv4 } from '../../wire/ip.ts'
import type { VirtualAddresses } from './model.ts'

/** Addresses that an element names, as text. */
export interface Located extends VirtualAddresses {
  readonly identifier: number
}

/** The 4 or 16 bytes of an address on the wire. */
export function wireBytes(address: string): Uint8Array {
  const bytes = addressBytes(address)
  return isMappedIPv4(bytes) ? bytes.slice(12) : bytes
}

/** Canonical text of a Node ID; null: no node has it. */
export function nodeIdText(value: Uint8Array): string | null {
  const type = value[0]! & 15
  if (type === 0 && value.length >= 5) return addressText(value, 1, 4)
  if (type === 1 && value.length >= 17) return formatAddress(value, 1)
  const name = type === 2 ? nameText(value, 1, value.length).toLowerCase() : ''
  return name === '' ? null : name
}

/** With the flags V4 (1) and V6 (2) that an F-TEID begins with. */
export function readFTeid(bytes: Uint8Array, start: number): Located {
  const flags = bytes[start]!
  const ipv6At = start + ((flags & 1) === 0 ? 5 : 9)
  return {
    identifier: read32(bytes, start + 1),
    ipv4: (flags & 1) === 0 ? null : addressText(bytes, start + 5, 4),
    ipv6: (flags & 2) === 0 ? null : formatAddress(bytes, ipv6At),
  }
}

/** Addresses behind flags V6 (1) and V4 (2), which F-SEIDs and addresses of nodes have. */
export function readAddresses(value: Uint8Array, at: number): VirtualAddresses {
  const flags = value[0]!
  const hasIpv4 = (flags & 2) !== 0
  return {
    ipv4: hasIpv4 ? addressText(value, at, 4) : null,
    ipv6: (flags & 1) === 0 ? null : formatAddress(value, hasIpv4 ? at + 4 : at),
  }
}

export function fTeidValue(teid: number, { ipv4, ipv6 }: VirtualAddresses): Uint8Array {
  const value = new Uint8Array(5 + (ipv4 === null ? 0 : 4) + (ipv6 === null ? 0 : 16))
  value[0] = (ipv4 === null ? 0 : 1) | (ipv6 === null ? 0 : 2)
  value[1] = teid >>> 24
  value[2] = teid >>> 16
  value[3] = teid >>> 8
  value[4] = teid
  if (ipv4 !== null) value.set(wireBytes(ipv4), 5)
  if (ipv6 !== null) value.set(wireBytes(ipv6), value.length - 16)
  return value
}

/** The tunnel that an Outer Header Creation puts packets into: GTP-U over UDP. */
export interface OuterTunnel extends VirtualAddresses {
  readonly teid: number
}

const gtpuOverV4 = 0x0100
const gtpuOverV6 = 0x0200

/** Null: it puts nothing around, or something else (8.2.56). */
export function readOuterTunnel(value: Uint8Array): OuterTunnel | null {
  const flags = read16(value, 0)
  if ((flags & (gtpuOverV4 | gtpuOverV6)) === 0) return null
  const ipv6At = (flags & gtpuOverV4) === 0 ? 6 : 10
  return {
    teid: read32(value, 2),
    ipv4: (flags & gtpuOverV4) === 0 ? null : addressText(value, 6, 4),
    ipv6: (flags & gtpuOverV6) === 0 ? null : formatAddress(value, ipv6At),
  }
}

/** Addresses of UEs that packets are steered by: one of them, or a prefix. */
export interface UeRange {
  /** `10.45.0.1/32` */
  readonly text: string
  /** 4 or 16 bytes, host bits zero */
  readonly key: Uint8Array
  /** null: all */
  readonly bits: number | null
}

/** Sessions of IPv6 have a prefix of this length, unless they say otherwise (TS 29.244, 8.2.62). */
const usualPrefixBits = 64

/** Those of a UE IP Address: flags V6 1, V4 2, S/D 4, IPv6D 8, CHV4 16, CHV6 32, IP6PL 64. */
export function ueRanges(bytes: Uint8Array, start: number): readonly UeRange[] {
  const flags = bytes[start]!
  const found: UeRange[] = []
  let at = start + 1
  if ((flags & 2) !== 0) {
    if (!isZero(bytes, at, 4)) found.push(rangeOf(bytes.slice(at, at + 4), 32))
    at += 4
  }
  if ((flags & 1) === 0) return found
  const address = at
  at += 16
  let bits = usualPrefixBits
  if ((flags & 8) !== 0) bits = usualPrefixBits - bytes[at++]!
  if ((flags & 0x40) !== 0) bits = bytes[at]!
  if (bits > 0 && bits <= 128 && !isZero(bytes, address, 16))
    found.push(rangeOf(bytes.slice(address, address + 16), bits))
  return found
}

const isZero = (bytes: Uint8Array, at: number, count: number): boolean => {
  for (let i = at; i < at + count; i++) if (bytes[i] !== 0) return false
  return true
}

/** Of bytes of its own, whose host bits it makes zero. */
export function rangeOf(key: Uint8Array, bits: number): UeRange {
  if (key.length === 4 && bits === 32) return { text: `${addressText(key, 0, 4)}/32`, key, bits: null }
  for (let i = 0; i < key.length; i++) key[i]! &= 0xff << (8 - Math.max(0, Math.min(8, bits - i * 8)))
  const text = key.length === 4 ? addressText(key, 0, 4) : formatAddress(key)
  return { text: `${text}/${bits}`, key, bits: bits === key.length * 8 ? null : bits }
}

/** A Framed-Route or Framed-IPv6-Route (RFC 2865, 5.22): the prefix that it begins with; null: it has none. */
export function framedRange(bytes: Uint8Array, start: number, end: number): UeRange | null {
  const words = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    .toString('latin1')
    .trim()
    .split(' ')
  const prefix = canonicalPrefix(words[0] ?? '')
  if (prefix === undefined) return null
  const [address, bits] = prefix.split('/') as [string, string]
  return Number(bits) === 0 ? null : rangeOf(Uint8Array.from(wireBytes(address)), Number(bits))
}

/** A UE IP Address in which the user plane was to choose, with what it has chosen, for it to keep. */
export function withAddresses(value: Uint8Array, ranges: readonly UeRange[]): Uint8Array {
  const ipv4 = ranges.find(({ key }) => key.length === 4)
  const ipv6 = ranges.find(({ key }) => key.length === 16)
  const flags = (value[0]! & 4) | (ipv6 === undefined ? 0 : 1) | (ipv4 === undefined ? 0 : 2)
  const addresses = [...(ipv4?.key ?? []), ...(ipv6?.key ?? [])]
  const bits = ipv6 === undefined ? usualPrefixBits : (ipv6.bits ?? 128)
  if (bits === usualPrefixBits) return Uint8Array.of(flags, ...addresses)
  // In the words in which it was asked for: bits that are delegated, or the length of the prefix.
  return (value[0]! & 8) !== 0 && bits < usualPrefixBits
    ? Uint8Array.of(flags | 8, ...addresses, usualPrefixBits - bits)
    : Uint8Array.of(flags | 0x40, ...addresses, bits)
}
