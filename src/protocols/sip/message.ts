// A message of SIP (RFC 3261, 7): the bytes that it is, and where its parts stand in them.
//
//     INVITE sip:bob@example.com SIP/2.0 CRLF      or      SIP/2.0 180 Ringing CRLF
//     Via: SIP/2.0/UDP host;branch=z9hG4bK1,  CRLF         name, colon, value
//      SIP/2.0/TCP other;branch=z9hG4bK2  CRLF             a line that begins with a blank goes on with the value
//     CRLF
//     body: Content-Length bytes; in a datagram without that header, all that are left
//
// Lines are found, and the two headers are read that matter to everyone. Other values are read by those who want them.

import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, join } from '../../wire/fields.ts'
import { keepaliveForm } from './keepalive.ts'
import { checkBeginning, frameLineEnds, readHeaders, readStartLine } from './lines.ts'
import { chars } from './text.ts'
import type { KeepaliveForm } from './keepalive.ts'
import type { Span } from './text.ts'

/** Numbers are offsets. */
interface Parts {
  readonly bytes: Uint8Array
  /** of the start line; empty lines may come before it (7.5) */
  readonly start: number
  /** of the first header */
  readonly headers: number
  readonly body: number
  /** A datagram may have more bytes behind its body, which mean nothing (18.3). */
  readonly bodyEnd: number
  /** value of the first Call-ID; null: there is none */
  readonly callId: Span | null
}

export interface SipRequest extends Parts {
  readonly kind: 'request'
  /** The method stands from `start` to here. */
  readonly methodEnd: number
  /** The Request-URI stands from behind the method and a space to here. */
  readonly uriEnd: number
}

export interface SipResponse extends Parts {
  readonly kind: 'response'
  /** 100 to 699 */
  readonly status: number
}

export interface SipKeepalive {
  readonly kind: 'keepalive'
  readonly bytes: Uint8Array
  readonly form: KeepaliveForm
}

export type SipMessage = SipRequest | SipResponse | SipKeepalive

/** bytes of a message; a datagram has no room for as many */
const longestMessage = 256 * 1024
/** bytes of the start line and all headers */
const longestHeaders = 64 * 1024

export function decode(bytes: Uint8Array): SipMessage {
  if (bytes.length > longestMessage) throw new DecodeError('message too long', longestMessage)
  const form = keepaliveForm(bytes)
  if (form !== null) return { kind: 'keepalive', bytes, form }
  const start = skipEmptyLines(bytes)
  const line = readStartLine(bytes, start)
  const headers = line.next
  const { body, callId, length } = readHeaders(bytes, headers)
  if (body - start > longestHeaders) throw new DecodeError('message too long', start + longestHeaders)
  const bodyEnd = length < 0 ? bytes.length : body + length
  if (bodyEnd > bytes.length) throw new DecodeError('truncated', bytes.length)
  if (line.kind === 'response')
    return { kind: 'response', bytes, start, headers, body, bodyEnd, callId, status: line.status }
  const { methodEnd, uriEnd } = line
  return { kind: 'request', bytes, start, headers, body, bodyEnd, callId, methodEnd, uriEnd }
}

export const encode = ({ bytes }: SipMessage): Uint8Array => copyOf(bytes)

function skipEmptyLines(bytes: Uint8Array): number {
  let at = 0
  while (bytes[at] === chars.carriageReturn && bytes[at + 1] === chars.lineFeed) at += 2
  return at
}

const headersEnd = Buffer.from('\r\n\r\n')

/**
 * Over a stream a message must have a Content-Length (18.3). Line ends between messages are keepalives: messages of
 * their own, of four bytes (a ping) or two (a pong; RFC 5626, 3.5.1).
 */
export function frame(bytes: Uint8Array): number | null {
  if (bytes.length === 0) return null
  if (bytes[0] === chars.carriageReturn) return frameLineEnds(bytes)
  const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(headersEnd)
  const headerBytes = found < 0 ? bytes.length : found + headersEnd.length
  if (headerBytes > longestHeaders) throw new DecodeError('message too long', longestHeaders)
  if (found < 0) {
    checkBeginning(bytes)
    return null
  }
  const { body, length } = readHeaders(bytes, readStartLine(bytes, 0).next)
  if (length < 0) throw new DecodeError('no Content-Length', body)
  if (body + length > longestMessage) throw new DecodeError('message too long', body)
  return body + length
}

/** What stands in the place of some bytes. */
export interface Edit extends Span {
  readonly text: string
}

/**
 * The same message with other text in some places, which are in order and apart; all other bytes stay. Throws
 * RangeError where no message is left.
 */
export function splice(message: SipMessage, edits: readonly Edit[]): SipMessage {
  if (edits.length === 0) return message
  const { bytes } = message
  const parts: Uint8Array[] = []
  let at = 0
  for (const { end, start, text } of edits) {
    parts.push(bytes.subarray(at, start), Buffer.from(text, 'utf8'))
    at = end
  }
  try {
    return decode(join(...parts, bytes.subarray(at)))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new RangeError('no message is left after the change', { cause: error })
  }
}
