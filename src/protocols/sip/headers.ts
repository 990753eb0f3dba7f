// The headers of a message, one after the other.

import { compactNames } from './header-names.ts'
import { nextHeader, valueStart } from './lines.ts'
import { isText, isToken, latin1, tokenEnd, trim } from './text.ts'
import type { SipRequest, SipResponse } from './message.ts'
import type { Span } from './text.ts'

export interface Header {
  /** in lower case, and in full where the message has the compact form */
  readonly name: string
  /** without the blanks around it */
  readonly value: Span
}

export function* headersOf({ body, bytes, headers }: SipRequest | SipResponse): Generator<Header> {
  // One text from which names are cut: several times as fast as a text for each.
  const text = latin1(bytes, headers, body)
  for (let at = headers; at < body - 2;) {
    const nameEnd = tokenEnd(bytes, at, body)
    const start = valueStart(bytes, at, nameEnd)
    const next = nextHeader(bytes, start)
    const name = text.slice(at - headers, nameEnd - headers).toLowerCase()
    yield { name: compactNames.get(name) ?? name, value: trim(bytes, start, next) }
    at = next
  }
}

/** The method of the transaction: that of the request, which the CSeq of a response repeats. Empty: it has no CSeq. */
export function methodOf(message: SipRequest | SipResponse): string {
  const { bytes } = message
  if (message.kind === 'request') return latin1(bytes, message.start, message.methodEnd)
  const value = findHeader(message, 'cseq')
  if (value === null) return ''
  let start = value.end
  while (start > value.start && isToken(bytes[start - 1]!)) start--
  return start === value.start ? '' : latin1(bytes, start, value.end)
}

/** Value of the first header of that name, which has no compact form. */
function findHeader({ body, bytes, headers }: SipRequest | SipResponse, name: string): Span | null {
  for (let at = headers; at < body - 2;) {
    const nameEnd = tokenEnd(bytes, at, body)
    const start = valueStart(bytes, at, nameEnd)
    const next = nextHeader(bytes, start)
    if (isText(bytes, at, nameEnd, name)) return trim(bytes, start, next)
    at = next
  }
  return null
}
