// SDF filters (TS 29.244, 8.2.5) as far as they say which places a user speaks with: a flow description is an
// IPFilterRule (RFC 6733, 4.3.1), of which `permit out ip from PLACE to assigned` names a place and nothing more.

import { read16, read32 } from '../../wire/fields.ts'
import { canonicalPrefix, parsePrefix, prefixContains } from '../../wire/ip.ts'
import type { Prefix } from '../../wire/ip.ts'

export interface Flow {
  /** canonical text of the places that it names; null: all, or a text that is not understood */
  readonly place: string | null
  /** It asks for nothing else: no protocol, no ports, no mark. */
  readonly isPlain: boolean
}

export interface SdfFilter {
  /** null: it is the flow that another filter with the same id has */
  readonly flow: Flow | null
  readonly id: number | null
}

const flag = { description: 1, trafficClass: 2, securityParameter: 4, flowLabel: 8, id: 16 }

/** What is longer than its value says, or is no text, is a filter that is not understood. */
export function readSdfFilter(value: Uint8Array): SdfFilter {
  const flags = value[0] ?? 0
  const id = (flags & flag.id) !== 0 && value.length >= 6 ? read32(value, value.length - 4) : null
  if ((flags & flag.description) === 0) {
    const hasMore = (flags & (flag.trafficClass | flag.securityParameter | flag.flowLabel)) !== 0
    return { flow: hasMore || id === null ? { place: null, isPlain: false } : null, id }
  }
  const end = value.length < 4 ? 4 : 4 + read16(value, 2)
  if (end > value.length) return { flow: { place: null, isPlain: false }, id }
  const text = Buffer.from(value.buffer, value.byteOffset + 4, end - 4).toString('latin1')
  const flow = readFlow(text)
  const hasMore = (flags & (flag.trafficClass | flag.securityParameter | flag.flowLabel)) !== 0
  return { flow: hasMore ? { ...flow, isPlain: false } : flow, id }
}

/** Whom it is for: the user. An address may be that of a host behind it. */
const usersOf = new Set(['assigned', 'any'])

function readFlow(text: string): Flow {
  const words = text.trim().toLowerCase().split(/ +/)
  const [action, direction, protocol, from] = words
  const to = words.indexOf('to')
  // RFC 6733 knows more, which TS 29.212, 5.4.2 has not: inverted addresses, options, `deny`.
  if (direction !== 'out' || from !== 'from' || to < 5) return { place: null, isPlain: false }
  const place = canonicalPrefix(words[4] ?? '') ?? null
  const rest = words.slice(to + 1)
  const isToUser = rest.length === 1 && usersOf.has(rest[0]!)
  return { place, isPlain: action === 'permit' && protocol === 'ip' && place !== null && to === 5 && isToUser }
}

/** Whether a packet may be of both; a place that is not known may be any. */
export function mayMeet(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return true
  const [one, other] = [prefixOf(a), prefixOf(b)]
  return one.bits <= other.bits ? prefixContains(one, other.bytes) : prefixContains(other, one.bytes)
}

/** Whether all of `inner` is in `outer`. */
export function isWithin(inner: string, outer: string): boolean {
  const [small, large] = [prefixOf(inner), prefixOf(outer)]
  return large.bits <= small.bits && prefixContains(large, small.bytes)
}

/** Everything: no place that could be local. */
export const isEverywhere = (place: string): boolean => {
  const { bits } = prefixOf(place)
  return place.includes(':') ? bits === 0 : bits === 96
}

function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new TypeError(`not a canonical prefix: ${text}`)
  return prefix
}
