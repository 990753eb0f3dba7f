// Walks over the AVPs of a message as they stand on the wire (RFC 6733, 4.1):
//
//   | code 4 | flags 1: V M P, reserved 5 | length 3 | vendor 4 if V | value | padding to a multiple of 4 |
//
// The length counts header and value. What the padding is made of is the sender's business.

import { DecodeError } from '../../wire/decode-error.ts'
import { read32 } from '../../wire/fields.ts'
import { tgppAvps } from './avps-3gpp.ts'
import { baseAvps } from './avps-base.ts'
import { hostAddress } from './values.ts'
import type { ElementType } from '../element-table.ts'

const headerBytes = 8
const vendorHeaderBytes = 12
const vendorFlag = 0x80
const lengthAt = 5

/** Groups within groups; the applications need six. */
const deepestGroup = 10

const tgpp = 10415

/** Undefined: the table does not have it. A vendor of 0 is none. */
export function typeOf(code: number, vendor: number): ElementType | undefined {
  if (vendor === 0) return baseAvps[code]
  return vendor === tgpp ? tgppAvps[code] : undefined
}

export const isGroup = (code: number, vendor: number): boolean => typeOf(code, vendor)?.value === null

export interface AvpSpan {
  readonly code: number
  /** 0: none */
  readonly vendor: number
  /** V, M, P and the reserved bits as they stand */
  readonly flags: number
  /** where its header begins */
  readonly at: number
  /** where its value begins and ends */
  readonly start: number
  readonly end: number
  /** behind its padding */
  readonly next: number
}

/** Sees each AVP that is no group. */
type Visit = (code: number, vendor: number, bytes: Uint8Array, start: number, end: number) => void

/** Throws DecodeError with the path of AVPs to what is wrong, be it in the structure or found by `visit`. */
export function walk(bytes: Uint8Array, start: number, end: number, visit: Visit, depth = 0): void {
  for (let at = start; at < end;) {
    if (at + headerBytes > end) throw new DecodeError('truncated', end)
    const code = wide(bytes, at)
    const hasVendor = (bytes[at + 4]! & vendorFlag) !== 0
    const from = at + (hasVendor ? vendorHeaderBytes : headerBytes)
    if (from > end) throw new DecodeError('truncated', end)
    const vendor = hasVendor ? wide(bytes, at + headerBytes) : 0
    const to = at + ((bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!)
    const next = to + padding(to - at)
    try {
      if (to < from || to > end) throw new DecodeError('length lies', at + lengthAt)
      if (next > end) throw new DecodeError('truncated', end)
      if (!isGroup(code, vendor)) visit(code, vendor, bytes, from, to)
      else if (depth === deepestGroup) throw new DecodeError('nested too deep', at)
      else walk(bytes, from, to, visit, depth + 1)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError(error.reason, error.offset, [label(code, vendor, bytes, start, at), ...error.path])
    }
    at = next
  }
}

const wide = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

export const padding = (length: number): number => -length & 3

/** Base AVPs that are read for routing and translation. */
export const codes = {
  userName: 1,
  framedIpAddress: 8,
  hostIpAddress: 257,
  sessionId: 263,
  originHost: 264,
  resultCode: 268,
  authSessionState: 277,
  originRealm: 296,
  ccRequestType: 416,
  subscriptionId: 443,
  subscriptionIdData: 444,
  subscriptionIdType: 450,
  accountingRecordType: 480,
} as const

/** What an AVP must have right: one that translation reads. */
export const checkAvp: Visit = (code, vendor, bytes, start, end) => {
  if (code === codes.hostIpAddress && vendor === 0) hostAddress.places(bytes, start, end)
}

const avpName = (code: number, vendor: number): string =>
  typeOf(code, vendor)?.name ?? (vendor === 0 ? `AVP ${code}` : `AVP ${vendor}/${code}`)

/** `Session-Id`; `Subscription-Id 2` where several may stand. */
function label(code: number, vendor: number, bytes: Uint8Array, start: number, at: number): string {
  const name = avpName(code, vendor)
  if (typeOf(code, vendor)?.many !== true) return name
  let count = 1
  for (const span of spans(bytes, start, at)) if (span.code === code && span.vendor === vendor) count++
  return `${name} ${count}`
}

/** The AVPs of one level, which have been checked. */
export function* spans(bytes: Uint8Array, start: number, end: number): Generator<AvpSpan> {
  for (let at = start; at < end;) {
    const flags = bytes[at + 4]!
    const hasVendor = (flags & vendorFlag) !== 0
    const to = at + ((bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!)
    const next = to + padding(to - at)
    yield {
      code: wide(bytes, at),
      vendor: hasVendor ? wide(bytes, at + headerBytes) : 0,
      flags,
      at,
      start: at + (hasVendor ? vendorHeaderBytes : headerBytes),
      end: to,
      next,
    }
    at = next
  }
}

/** Each AVP of one level that has no vendor: its code, and where its value begins and ends. */
export function forEachBaseAvp(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (code: number, start: number, end: number) => void,
): void {
  for (let at = start; at < end;) {
    const to = at + ((bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!)
    const hasVendor = (bytes[at + 4]! & vendorFlag) !== 0
    if (!hasVendor) visit(wide(bytes, at), at + headerBytes, to)
    else if (wide(bytes, at + headerBytes) === 0) visit(wide(bytes, at), at + vendorHeaderBytes, to)
    at = to + padding(to - at)
  }
}

/** The value of the first base AVP with this code at the top of a message. */
export function findAvp(body: Uint8Array, code: number): Uint8Array | null {
  for (let at = 0; at < body.length;) {
    const to = at + ((body[at + 5]! << 16) | (body[at + 6]! << 8) | body[at + 7]!)
    const hasVendor = (body[at + 4]! & vendorFlag) !== 0
    if (wide(body, at) === code && (!hasVendor || wide(body, at + headerBytes) === 0))
      return body.subarray(at + (hasVendor ? vendorHeaderBytes : headerBytes), to)
    at = to + padding(to - at)
  }
  return null
}

/** Of an AVP of four bytes at the top of a message; -1: it has none. */
export function findNumber(body: Uint8Array, code: number): number {
  const value = findAvp(body, code)
  return value === null || value.length < 4 ? -1 : read32(value, 0)
}
