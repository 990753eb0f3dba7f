// The kinds of values that stand in the headers (TS 29.500, Annex D), as text and as data.

import { DecodeError } from '../../wire/decode-error.ts'
import { integer } from './grammar.ts'
import { characters } from './text.ts'
import type { Grammar } from './grammar.ts'
import type { CharacterClass, TextReader } from './text.ts'

/** Text that stands as it is. */
export const textOf = (part: CharacterClass): Grammar<string> => ({
  read: (reader) => reader.take(part),
  write: (value) => value,
})

/** Text in which `%` and two digits stand for a byte of UTF-8 that has no place in it (5.2.3.1). */
function percentEncoded(part: CharacterClass): Grammar<string> {
  const isPlain = (character: string): boolean => character !== '%' && part[character.charCodeAt(0)] === true
  return {
    read(reader) {
      const start = reader.at
      return percentDecoded(reader.take(part), start)
    },
    write: (value) =>
      Array.from(value, (character) => (isPlain(character) ? character : percentEncode(character))).join(''),
  }
}

function percentDecoded(text: string, start: number): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (!(error instanceof URIError)) throw error
    throw new DecodeError('malformed percent-encoding', start)
  }
}

/** encodeURIComponent leaves parentheses as they are. Throws URIError for half a surrogate pair. */
const percentEncode = (character: string): string =>
  encodeURIComponent(character).replace(/[()]/, (each) => `%${each.charCodeAt(0).toString(16)}`)

export const token = percentEncoded(characters.token)
const identity = percentEncoded(characters.identity)

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** An NF instance identifier, in small letters (RFC 9562, 4). */
export const uuid: Grammar<string> = {
  read(reader) {
    const start = reader.at
    const text = reader.take(characters.base64url).toLowerCase()
    if (uuidPattern.test(text)) return text
    throw reader.fail('malformed UUID', start)
  },
  write: (value) => value,
}

export interface Network {
  readonly mcc: string
  /** two or three digits */
  readonly mnc: string
  /** of a non-public network: eleven hexadecimal digits; null: there is none */
  readonly nid: string | null
}

export const network: Grammar<Network> = {
  read(reader) {
    const mcc = sized(reader, characters.digit, 3, 3)
    reader.literal('-')
    const mnc = sized(reader, characters.digit, 2, 3)
    const nid = reader.has('-') ? sized(reader, characters.hexDigit, 11, 11) : null
    return { mcc, mnc, nid }
  },
  write: ({ mcc, mnc, nid }) => `${mcc}-${mnc}${nid === null ? '' : `-${nid}`}`,
}

function sized(reader: TextReader, part: CharacterClass, least: number, most: number): string {
  const start = reader.at
  const text = reader.take(part)
  if (text.length < least && reader.at === reader.text.length) throw reader.unexpected()
  if (text.length < least || text.length > most) throw reader.fail('wrong number of characters', start)
  return text
}

export interface Proxy {
  readonly type: 'SCP' | 'SEPP'
  readonly fqdn: string
}

const shortestFqdn = 4

/** `SCP-scp1.example.org` */
export const proxy: Grammar<Proxy> = {
  read(reader) {
    const start = reader.at
    const type = reader.has('SCP-') ? 'SCP' : reader.has('SEPP-') ? 'SEPP' : null
    if (type === null) throw reader.fail('unknown word', start)
    return { type, fqdn: sized(reader, characters.host, shortestFqdn, Infinity) }
  },
  write: ({ fqdn, type }) => `${type}-${fqdn}`,
}

export interface Correlation {
  /** `imsi`, `suci`, `msisdn`, `imei` and so on, in the letters that it came in */
  readonly type: string
  readonly value: string
}

/** `imsi-345012123123123` */
export const correlation: Grammar<Correlation> = {
  read(reader) {
    const type = reader.take(characters.type)
    reader.literal('-')
    return { type, value: identity.read(reader) }
  },
  write: ({ type, value }) => `${type}-${identity.write(value)}`,
}

export interface Purpose {
  /** `ROAMING`, `SMS_INTERCONNECT` and so on */
  readonly purpose: string
  readonly information: string
}

/** Of messages between networks: `ROAMING: information` */
export const purpose: Grammar<Purpose> = {
  read(reader) {
    const purpose = token.read(reader)
    reader.space()
    reader.literal(':')
    reader.space()
    return { purpose, information: token.read(reader) }
  },
  write: (value) => `${token.write(value.purpose)}: ${token.write(value.information)}`,
}

const mostVersions = 100
const versionNumber = integer(1, 9_999)

/** Major versions of an API: `(1 2)` */
export const versions: Grammar<readonly number[]> = {
  read(reader) {
    const all: number[] = []
    reader.literal('(')
    for (;;) {
      const before = reader.at
      reader.space()
      if (reader.has(')')) return all
      if (all.length > 0 && reader.at === before) throw reader.unexpected()
      if (all.length === mostVersions) throw reader.fail('too many elements')
      all.push(versionNumber.read(reader))
    }
  },
  write: (all) => `(${all.join(' ')})`,
}

/** Hexadecimal digits, also none (TS 29.571, SupportedFeatures). */
export const features: Grammar<string> = {
  read: (reader) => reader.run(characters.hexDigit),
  write: (value) => value,
}

export interface Encoding {
  /** `gzip`, `identity`, `*` */
  readonly coding: string
  /** from 0 to 1 in steps of a thousandth; null: not said, which is 1 */
  readonly weight: number | null
}

const weightPattern = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** `gzip;q=0.5` (RFC 9110, 12.5.3) */
export const encoding: Grammar<Encoding> = {
  read(reader) {
    const coding = reader.take(characters.token)
    const end = reader.at
    reader.space()
    if (!reader.has(';')) {
      reader.rewind(end)
      return { coding, weight: null }
    }
    reader.space()
    reader.literal('q=')
    const start = reader.at
    const text = reader.take(characters.weight)
    if (!weightPattern.test(text)) throw reader.fail('number out of range', start)
    return { coding, weight: Number(text) }
  },
  write: ({ coding, weight }) => (weight === null ? coding : `${coding};q=${weight}`),
}

/** What is sent as a query parameter (TS 29.510, 6.2.3.2.3.1): text, or JSON, as it stands. */
export const discoveryValue: Grammar<string> = {
  read(reader) {
    const start = reader.at
    let end = start
    while (reader.run(characters.visible) !== '') {
      end = reader.at
      reader.space()
    }
    if (end === start) throw reader.unexpected()
    const text = reader.text.slice(start, end)
    if (/^[[{]/.test(text)) checkJson(text, start)
    return text
  },
  write: (value) => value,
}

function checkJson(text: string, start: number): void {
  try {
    JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new DecodeError('malformed JSON', start)
  }
}
