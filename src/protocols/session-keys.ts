// Session keys as text: how the protocols of GTP and PFCP write tunnel and session endpoints, so that the same tunnel
// has the same key whichever of them tells of it.

import { formatAddress } from '../wire/ip.ts'
import type { SessionKey, SessionKind } from './protocol.ts'

/** Where the parts of a value stand that say where something lives: offsets; -1: there is none. */
export interface Places {
  readonly ipv4: number
  readonly ipv6: number
  /** of a TEID or a SEID */
  readonly identifier: number
  /** what the value has besides begins here */
  readonly end: number
}

const digits = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
const high = (byte: number | undefined): number => digits[byte! >> 4]!
const low = (byte: number | undefined): number => digits[byte! & 15]!

/** Eight digits of the four bytes at `at`. One call for all of them: several times as fast as joining their texts. */
const hex32 = (bytes: Uint8Array, at: number): string =>
  String.fromCharCode(
    high(bytes[at]),
    low(bytes[at]),
    high(bytes[at + 1]),
    low(bytes[at + 1]),
    high(bytes[at + 2]),
    low(bytes[at + 2]),
    high(bytes[at + 3]),
    low(bytes[at + 3]),
  )

/** `0x0000abcd`, or as many digits as 8 bytes have. */
export const hexNumber = (bytes: Uint8Array, at: number, count: 4 | 8): string =>
  count === 4 ? `0x${hex32(bytes, at)}` : `0x${hex32(bytes, at)}${hex32(bytes, at + 4)}`

const scratch = new Uint8Array(8)
const scratchView = new DataView(scratch.buffer)

export function seidText(seid: bigint): string {
  scratchView.setBigUint64(0, seid)
  return hexNumber(scratch, 0, 8)
}

export function teidText(teid: number): string {
  scratchView.setUint32(0, teid)
  return hexNumber(scratch, 0, 4)
}

const decimals = Array.from({ length: 256 }, (_, byte) => `${byte}`)
const dotted = decimals.map((text) => `${text}.`)

/** Canonical text of the 4 or 16 bytes of an address. */
export function addressText(bytes: Uint8Array, at: number, count: 4 | 16): string {
  if (count === 16) return formatAddress(bytes, at)
  return dotted[bytes[at]!]! + dotted[bytes[at + 1]!]! + dotted[bytes[at + 2]!]! + decimals[bytes[at + 3]!]!
}

/** Nothing lives at the unspecified address, though some senders write it where they have none. */
function isUnspecified(bytes: Uint8Array, at: number, count: 4 | 16): boolean {
  for (let i = at; i < at + count; i++) if (bytes[i] !== 0) return false
  return true
}

/** From that many keys on a set tells which ones are there already. */
const fewKeys = 16

/** Keys in the order of a message, each once. */
export class KeyList {
  readonly keys: SessionKey[] = []
  #seen: Set<string> | null = null

  /** Of an empty value there is no key: an element may be there without one. */
  add(kind: SessionKind, value: string): void {
    if (value === '' || this.#has(kind, value)) return
    this.keys.push({ kind, value })
    this.#seen?.add(`${kind} ${value}`)
  }

  /** `address/number` for each address of an endpoint. */
  addEndpoint(kind: 'teid' | 'seid', bytes: Uint8Array, { identifier, ipv4, ipv6 }: Places): void {
    if (identifier < 0) return
    const number = hexNumber(bytes, identifier, kind === 'teid' ? 4 : 8)
    if (ipv4 >= 0 && !isUnspecified(bytes, ipv4, 4)) this.add(kind, `${addressText(bytes, ipv4, 4)}/${number}`)
    if (ipv6 >= 0 && !isUnspecified(bytes, ipv6, 16)) this.add(kind, `${addressText(bytes, ipv6, 16)}/${number}`)
  }

  addUeAddresses(bytes: Uint8Array, { ipv4, ipv6 }: Places): void {
    if (ipv4 >= 0 && !isUnspecified(bytes, ipv4, 4)) this.add('ue-ip', addressText(bytes, ipv4, 4))
    if (ipv6 >= 0 && !isUnspecified(bytes, ipv6, 16)) this.add('ue-ip', addressText(bytes, ipv6, 16))
  }

  #has(kind: SessionKind, value: string): boolean {
    if (this.keys.length < fewKeys) {
      for (const key of this.keys) if (key.value === value && key.kind === kind) return true
      return false
    }
    this.#seen ??= new Set(this.keys.map((key) => `${key.kind} ${key.value}`))
    return this.#seen.has(`${kind} ${value}`)
  }
}
