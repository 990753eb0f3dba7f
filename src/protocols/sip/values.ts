// Values of headers that routing needs (RFC 3261, 20 and 25.1). What is not of the grammar is null, and stays as it is.

import { chars, isText, quotedEnd, skipGap, tokenEnd, trim } from './text.ts'
import type { Span } from './text.ts'

export interface Parameter {
  readonly name: Span
  /** null: a name alone, such as `lr` or the `rport` of a request */
  readonly value: Span | null
}

export interface Via {
  /** `UDP` */
  readonly transport: Span
  /** an IPv6 address with its brackets */
  readonly host: Span
  readonly port: Span | null
  readonly parameters: readonly Parameter[]
}

export interface Address {
  /** display name, with its quotes */
  readonly name: Span | null
  readonly uri: Span
  /** of the header; those of a URI in angle brackets are in the URI */
  readonly parameters: readonly Parameter[]
}

/** The items between commas, without blanks around them. Commas in quotes and angle brackets separate nothing. */
export function itemsOf(bytes: Uint8Array, { end, start }: Span): readonly Span[] {
  const items: Span[] = []
  const quotes = new Quotes(bytes, end)
  let first = start
  for (let at = start; at <= end;) {
    if (at === end || bytes[at] === chars.comma) {
      const item = trim(bytes, first, at)
      if (item.start < item.end) items.push(item)
      first = at + 1
    }
    at = at < end && bytes[at] === chars.less ? closing(bytes, at, end) : quotes.next(at)
  }
  return items
}

/** Behind an address in angle brackets; where they do not close, the end. */
function closing(bytes: Uint8Array, at: number, end: number): number {
  const close = find(bytes, at, end, chars.greater)
  return close < 0 ? end : close + 1
}

/** Goes over a value in steps. A quote that nothing closes is a character like others, and so are those behind it. */
class Quotes {
  readonly #bytes: Uint8Array
  readonly #end: number
  #areClosed = true

  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes
    this.#end = end
  }

  /** Behind the character at `at`, or behind the quoted string that begins there. */
  next(at: number): number {
    if (!this.#areClosed || this.#bytes[at] !== chars.quote || at >= this.#end) return at + 1
    const after = quotedEnd(this.#bytes, at, this.#end)
    this.#areClosed = after !== null
    return after ?? at + 1
  }
}

const find = (bytes: Uint8Array, start: number, end: number, byte: number): number => {
  for (let at = start; at < end; at++) if (bytes[at] === byte) return at
  return -1
}

/** `SIP/2.0/UDP host:port;branch=...`, with blanks almost anywhere. */
export function readVia(bytes: Uint8Array, { end, start }: Span): Via | null {
  const version = slash(bytes, tokenEnd(bytes, start, end), end)
  if (version === null) return null
  const transportStart = slash(bytes, tokenEnd(bytes, version, end), end)
  if (transportStart === null) return null
  const transportEnd = tokenEnd(bytes, transportStart, end)
  const hostStart = skipGap(bytes, transportEnd, end)
  const host = { start: hostStart, end: hostEnd(bytes, hostStart, end) }
  if (transportStart === transportEnd || hostStart === transportEnd || host.start === host.end) return null
  let at = skipGap(bytes, host.end, end)
  let port: Span | null = null
  if (bytes[at] === chars.colon && at < end) {
    const portStart = skipGap(bytes, at + 1, end)
    port = { start: portStart, end: tokenEnd(bytes, portStart, end) }
    at = skipGap(bytes, port.end, end)
  }
  const parameters = readParameters(bytes, at, end)
  return parameters && { transport: { start: transportStart, end: transportEnd }, host, port, parameters }
}

/** Behind a slash with blanks around it. */
function slash(bytes: Uint8Array, start: number, end: number): number | null {
  const at = skipGap(bytes, start, end)
  return at < end && bytes[at] === chars.slash ? skipGap(bytes, at + 1, end) : null
}

/** The end of a host name or address. */
function hostEnd(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === chars.leftBracket) return find(bytes, start, end, chars.rightBracket) + 1 || start
  let at = start
  while (at < end && !endsHost(bytes[at]!)) at++
  return at
}

const endsHost = (byte: number): boolean =>
  byte <= chars.space ||
  byte === chars.colon ||
  byte === chars.semicolon ||
  byte === chars.question ||
  byte === chars.comma ||
  byte === chars.greater

/** From a semicolon on, up to the end. Some senders have semicolons with nothing between them. */
function readParameters(bytes: Uint8Array, start: number, end: number): readonly Parameter[] | null {
  const parameters: Parameter[] = []
  for (let at = start; at < end;) {
    if (bytes[at] !== chars.semicolon) return null
    const first = skipGap(bytes, at + 1, end)
    const nameEnd = tokenEnd(bytes, first, end)
    at = skipGap(bytes, nameEnd, end)
    if (nameEnd === first) continue
    let value: Span | null = null
    if (at < end && bytes[at] === chars.equals) {
      value = parameterValue(bytes, skipGap(bytes, at + 1, end), end)
      at = skipGap(bytes, value.end, end)
    }
    parameters.push({ name: { start: first, end: nameEnd }, value })
  }
  return parameters
}

function parameterValue(bytes: Uint8Array, start: number, end: number): Span {
  if (start < end && bytes[start] === chars.quote) return { start, end: quotedEnd(bytes, start, end) ?? end }
  let at = start
  while (at < end && bytes[at] !== chars.semicolon && bytes[at]! > chars.space) at++
  return { start, end: at }
}

/**
 * `"Name" <uri>;parameters` or `uri;parameters`: without angle brackets all parameters are the header's (20.10).
 */
export function readAddress(bytes: Uint8Array, { end, start }: Span): Address | null {
  const quotes = new Quotes(bytes, end)
  let at = start
  while (at < end && bytes[at] !== chars.less && bytes[at] !== chars.semicolon) at = quotes.next(at)
  if (at === end || bytes[at] === chars.semicolon) {
    const uri = trim(bytes, start, at)
    const parameters = readParameters(bytes, at, end)
    return parameters && uri.start < uri.end ? { name: null, uri, parameters } : null
  }
  const close = find(bytes, at, end, chars.greater)
  if (close < 0) return null
  const name = trim(bytes, start, at)
  const parameters = readParameters(bytes, skipGap(bytes, close + 1, end), end)
  if (parameters === null) return null
  return { name: name.start < name.end ? name : null, uri: trim(bytes, at + 1, close), parameters }
}

/** Hosts that a SIP or SIPS URI has: its own, and the one of its `maddr`. Other URIs have none that are ours. */
export function hostsOfUri(bytes: Uint8Array, uri: Span): readonly Span[] {
  const schemeEnd = find(bytes, uri.start, uri.end, chars.colon)
  if (schemeEnd < 0) return []
  if (!isText(bytes, uri.start, schemeEnd, 'sip') && !isText(bytes, uri.start, schemeEnd, 'sips')) return []
  // What stands behind the host has no `@` that is not escaped.
  const start = Math.max(schemeEnd, find(bytes, schemeEnd, uri.end, chars.at)) + 1
  const host = { start, end: hostEnd(bytes, start, uri.end) }
  if (host.start === host.end) return []
  const other = maddrOf(bytes, host.end, uri.end)
  return other === null ? [host] : [host, other]
}

/** Of the parameters that begin somewhere behind `start`, where a port may stand. */
function maddrOf(bytes: Uint8Array, start: number, end: number): Span | null {
  const question = find(bytes, start, end, chars.question)
  const stop = question < 0 ? end : question
  for (let at = find(bytes, start, stop, chars.semicolon); at >= 0; at = find(bytes, at + 1, stop, chars.semicolon)) {
    const nameEnd = tokenEnd(bytes, at + 1, stop)
    if (bytes[nameEnd] !== chars.equals || !isText(bytes, at + 1, nameEnd, 'maddr')) continue
    return { start: nameEnd + 1, end: hostEnd(bytes, nameEnd + 1, stop) }
  }
  return null
}

/** The first one of that name, which is in lower case. */
export function parameterOf(bytes: Uint8Array, parameters: readonly Parameter[], name: string): Parameter | null {
  for (const parameter of parameters)
    if (isText(bytes, parameter.name.start, parameter.name.end, name)) return parameter
  return null
}
