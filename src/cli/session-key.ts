// A session key as people type it: `KIND=VALUE` or `VALUE`, a number in any way of writing it, an address likewise.

import { sessionKinds } from '../protocols/protocol.ts'
import type { SessionKey, SessionKind } from '../protocols/protocol.ts'
import { canonicalAddress } from '../wire/ip.ts'
import { usage } from './errors.ts'

/** digits of the numbers that keys have */
const widths = [6, 8, 10, 16]
const longestNumber = 1n << 64n

/** Whether a key is the one that was typed. The SEID or TEID alone is that of any address. */
export function keyMatcher(text: string): (key: SessionKey) => boolean {
  if (text === '') throw usage('--session: which one? KIND=VALUE, or VALUE')
  const equals = text.indexOf('=')
  const kind = sessionKinds.find((known) => known === text.slice(0, Math.max(0, equals)))
  if (kind === undefined && /^[a-z-]+=/.test(text) && !text.includes('@') && !text.includes(';'))
    throw usage(`--session: "${text.slice(0, equals)}" is none of ${sessionKinds.join(', ')}`)
  const value = kind === undefined ? text : text.slice(equals + 1)
  const values = new Set(spellings(value, kind))
  return (key) => {
    if (kind !== undefined && key.kind !== kind) return false
    if (values.has(key.value)) return true
    const slash = key.kind === 'seid' || key.kind === 'teid' ? key.value.indexOf('/') : -1
    return slash >= 0 && values.has(key.value.slice(slash + 1))
  }
}

/** As keys are written. */
function spellings(value: string, kind: SessionKind | undefined): readonly string[] {
  const slash = value.lastIndexOf('/')
  const address = slash < 0 ? undefined : canonicalAddress(unbracketed(value.slice(0, slash)))
  if (address !== undefined) return [value, ...numbers(value.slice(slash + 1)).map((number) => `${address}/${number}`)]
  const whole = canonicalAddress(unbracketed(value))
  if (whole !== undefined) return [whole]
  // Ten digits may be an IMSI, or somebody's Call-ID.
  const isNumber = value.startsWith('0x') || (kind !== undefined && kind !== 'imsi')
  return isNumber ? [value, ...numbers(value)] : [value]
}

const unbracketed = (address: string): string => address.replace(/^\[(.*)\]$/, '$1')

function numbers(text: string): readonly string[] {
  if (!/^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(text)) return []
  const number = BigInt(text)
  if (number >= longestNumber) return []
  const digits = number.toString(16)
  return widths.filter((width) => width >= digits.length).map((width) => `0x${digits.padStart(width, '0')}`)
}
