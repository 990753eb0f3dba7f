// Bytes as characters: what SIP's grammar is made of (RFC 3261, 25.1).

import { plainTextOf } from '../element-values.ts'

/** A part of a message: offsets. */
export interface Span {
  readonly start: number
  readonly end: number
}

export const chars = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  slash: 0x2f,
  zero: 0x30,
  colon: 0x3a,
  semicolon: 0x3b,
  less: 0x3c,
  equals: 0x3d,
  greater: 0x3e,
  question: 0x3f,
  at: 0x40,
  leftBracket: 0x5b,
  backslash: 0x5c,
  rightBracket: 0x5d,
} as const

const tokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"

/** 1 for each byte that a token may have: methods, names of headers and parameters. */
const tokens = Uint8Array.from({ length: 256 }, (_, byte) =>
  tokenCharacters.includes(String.fromCharCode(byte)) ? 1 : 0,
)

export const isToken = (byte: number): boolean => tokens[byte] === 1

/** Where the token ends that begins at `at`. */
export function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && tokens[bytes[next]!] === 1) next++
  return next
}

export const isBlank = (byte: number | undefined): boolean => byte === chars.space || byte === chars.tab

/** Spaces, tabs and the line ends of folded values. */
const isGap = (byte: number): boolean =>
  byte === chars.space || byte === chars.tab || byte === chars.carriageReturn || byte === chars.lineFeed

export function skipGap(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end && isGap(bytes[next]!)) next++
  return next
}

export function trim(bytes: Uint8Array, start: number, end: number): Span {
  const first = skipGap(bytes, start, end)
  let last = end
  while (last > first && isGap(bytes[last - 1]!)) last--
  return { start: first, end: last }
}

/** `text` is in lower case; what stands in the message need not be. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]!
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (lower !== text.charCodeAt(i)) return false
  }
  return true
}

/** What each byte is, so that different bytes are different texts. */
export const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')

const folds = /\r\n[ \t]+/g

/** Parts of a message as text for people: folded values in one line. */
export class Texts {
  readonly #bytes: Uint8Array
  readonly #start: number
  /** null: it is not all ASCII */
  readonly #ascii: string | null

  /** of the bytes from `start` to `end` */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    // One text from which parts are cut: several times as fast as a text for each.
    const text = latin1(bytes, start, end)
    this.#ascii = /[\x80-\xff]/.test(text) ? null : text
  }

  of({ end, start }: Span): string {
    const text = this.#ascii?.slice(start - this.#start, end - this.#start) ?? plainTextOf(this.#bytes, start, end)
    return text.includes('\r') ? text.replaceAll(folds, ' ') : text
  }
}

/** The number that the bytes are in decimal; null: they are none, or it is too large to be exact. */
export function decimalOf(bytes: Uint8Array, { end, start }: Span): number | null {
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - chars.zero
    if (digit < 0 || digit > 9) return null
    value = value * 10 + digit
  }
  return end > start && Number.isSafeInteger(value) ? value : null
}

/** Where a quoted string ends, its closing quote included; null: it does not (`at` is that of the opening quote). */
export function quotedEnd(bytes: Uint8Array, at: number, end: number): number | null {
  for (let next = at + 1; next < end; next++) {
    if (bytes[next] === chars.backslash) next++
    else if (bytes[next] === chars.quote) return next + 1
  }
  return null
}
