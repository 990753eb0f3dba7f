// Lines of a message (RFC 3261, 7 and 25.1). Framing is strict: what one reader takes for the end of a line and another
// does not lets two of them find different messages in the same bytes.

import { DecodeError } from '../../wire/decode-error.ts'
import { chars, decimalOf, isBlank, isText, tokenEnd, trim } from './text.ts'
import type { Span } from './text.ts'

export type StartLine =
  | {
      readonly kind: 'request'
      readonly methodEnd: number
      readonly uriEnd: number
      /** offset of the first header */
      readonly next: number
    }
  | { readonly kind: 'response'; readonly status: number; readonly next: number }

export interface HeaderSection {
  /** offset of the body */
  readonly body: number
  /** -1: there is no Content-Length */
  readonly length: number
  /** value of the first Call-ID; null: there is none */
  readonly callId: Span | null
}

/** of a Content-Length; more are not meant */
const mostLengthDigits = 9

const version = 'sip/2.0'
const protocol = 'sip/'

const lineEndError = (at: number): DecodeError => new DecodeError('line end is not CR LF', at)
const startLineError = (at: number): DecodeError => new DecodeError('malformed start line', at)

/** Offset of the next line end from `at` on. Neither of its two bytes may stand alone. */
function findLineEnd(bytes: Uint8Array, at: number): number {
  const { length } = bytes
  for (let next = at; next < length; next++) {
    const byte = bytes[next]!
    if (byte > chars.carriageReturn || (byte !== chars.carriageReturn && byte !== chars.lineFeed)) continue
    if (byte === chars.carriageReturn && next + 1 === length) break
    if (byte === chars.lineFeed || bytes[next + 1] !== chars.lineFeed) throw lineEndError(next)
    return next
  }
  throw new DecodeError('truncated', length)
}

/** One space between two elements, and no more (7.1, 7.2). */
export function readStartLine(bytes: Uint8Array, start: number): StartLine {
  const end = findLineEnd(bytes, start)
  if (isText(bytes, start, start + protocol.length, protocol)) return readStatusLine(bytes, start, end)
  const methodEnd = tokenEnd(bytes, start, end)
  if (methodEnd === start || bytes[methodEnd] !== chars.space) throw startLineError(methodEnd)
  let uriEnd = methodEnd + 1
  while (uriEnd < end && bytes[uriEnd]! > chars.space) uriEnd++
  if (uriEnd === methodEnd + 1 || bytes[uriEnd] !== chars.space) throw startLineError(uriEnd)
  checkVersion(bytes, uriEnd + 1, end)
  return { kind: 'request', methodEnd, uriEnd, next: end + 2 }
}

/** The reason may be empty; some leave out the space before it too. */
function readStatusLine(bytes: Uint8Array, start: number, end: number): StartLine {
  let at = start + protocol.length
  while (at < end && bytes[at] !== chars.space) at++
  checkVersion(bytes, start, at)
  const stop = at + 4
  const status = stop <= end ? decimalOf(bytes, { start: at + 1, end: stop }) : null
  if (status === null || status < 100 || status > 699) throw startLineError(at)
  if (stop < end && bytes[stop] !== chars.space) throw startLineError(stop)
  return { kind: 'response', status, next: end + 2 }
}

function checkVersion(bytes: Uint8Array, start: number, end: number): void {
  if (isText(bytes, start, end, version)) return
  const isOther = isText(bytes, start, start + protocol.length, protocol)
  for (let at = start; at < end; at++) if (!isOther || bytes[at]! <= chars.space) throw startLineError(at)
  throw isOther ? new DecodeError('unknown version', start) : startLineError(start)
}

/** Throws DecodeError where no message can begin so; the line need not be whole. */
export function checkBeginning(bytes: Uint8Array): void {
  const end = tokenEnd(bytes, 0, bytes.length)
  if (end === bytes.length) return
  if (bytes[end] !== chars.space && !isText(bytes, 0, end + 1, protocol)) throw startLineError(end)
  if (bytes.includes(chars.lineFeed, end)) readStartLine(bytes, 0)
}

export function readHeaders(bytes: Uint8Array, start: number): HeaderSection {
  let callId: Span | null = null
  let length = -1
  let at = start
  while (bytes[at] !== chars.carriageReturn) {
    const nameEnd = tokenEnd(bytes, at, bytes.length)
    const value = valueStart(bytes, at, nameEnd)
    const next = nextHeader(bytes, value)
    const count = nameEnd - at
    if (count === 1 || count === 7) {
      if (callId === null && isText(bytes, at, nameEnd, count === 1 ? 'i' : 'call-id'))
        callId = trim(bytes, value, next)
    }
    if (count === 1 || count === 14) {
      if (isText(bytes, at, nameEnd, count === 1 ? 'l' : 'content-length'))
        length = readLength(bytes, trim(bytes, value, next), length)
    }
    at = next
  }
  return { body: findLineEnd(bytes, at) + 2, length, callId }
}

/** Behind the colon, before which there may be blanks. */
export function valueStart(bytes: Uint8Array, nameStart: number, nameEnd: number): number {
  let at = nameEnd
  while (isBlank(bytes[at])) at++
  if (at === bytes.length) throw new DecodeError('truncated', at)
  if (nameEnd === nameStart || bytes[at] !== chars.colon) throw new DecodeError('malformed header', at)
  return at + 1
}

/** Where the line begins that does not go on with the value at `at`. */
export function nextHeader(bytes: Uint8Array, at: number): number {
  let next = findLineEnd(bytes, at) + 2
  while (isBlank(bytes[next])) next = findLineEnd(bytes, next) + 2
  if (next === bytes.length) throw new DecodeError('truncated', next)
  return next
}

/** Two that differ let two readers find different messages too. */
function readLength(bytes: Uint8Array, value: Span, before: number): number {
  const length = value.end - value.start > mostLengthDigits ? null : decimalOf(bytes, value)
  if (length !== null && (before < 0 || before === length)) return length
  throw new DecodeError('length lies', value.start, ['Content-Length'])
}

/** How many of the first bytes are line ends and nothing else: a ping has two, a pong one. */
export function frameLineEnds(bytes: Uint8Array): number | null {
  const { carriageReturn, lineFeed } = chars
  if (bytes.length === 1) return null
  if (bytes[1] !== lineFeed) throw lineEndError(0)
  if (bytes[2] !== carriageReturn) return 2
  if (bytes.length === 3) return null
  return bytes[3] === lineFeed ? 4 : 2
}
