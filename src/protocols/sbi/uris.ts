// URIs in headers (RFC 3986), which stand as they came, and API roots taken apart (TS 29.501, 4.4.1).

import { parseAddress } from '../../wire/ip.ts'
import { integer, word } from './grammar.ts'
import { characters } from './text.ts'
import type { Grammar } from './grammar.ts'
import type { CharacterClass, TextReader } from './text.ts'

const scheme = /^[a-z][a-z0-9+.-]*:./i
const brokenPercent = /%(?![0-9a-f]{2})/i

const uriOf = (part: CharacterClass): Grammar<string> => ({
  read(reader) {
    const start = reader.at
    const text = reader.take(part)
    if (!scheme.test(text)) throw reader.fail('malformed URI', start)
    checkPercents(text, start, reader)
    return text
  },
  write: (value) => value,
})

function checkPercents(text: string, start: number, reader: TextReader): void {
  const broken = text.search(brokenPercent)
  if (broken >= 0) throw reader.fail('malformed percent-encoding', start + broken)
}

/** A URI that ends at a `;` or `,`: one that has them must write them as `%3B` and `%2C`. */
export const bareUri = uriOf(characters.uri)
/** as it stands, within quotes */
export const uri = uriOf(characters.quotedUri)

/** A path from the root on (RFC 3986, path-absolute), as it stands. */
export const path: Grammar<string> = {
  read(reader) {
    const start = reader.at
    if (reader.text[start] !== '/') throw reader.unexpected()
    const text = reader.take(characters.path)
    if (text.startsWith('//')) throw reader.fail('malformed URI', start + 1)
    checkPercents(text, start, reader)
    return text
  },
  write: (value) => value,
}

export interface ApiRoot {
  readonly scheme: 'http' | 'https'
  /** as it stands, an IPv6 address in its brackets */
  readonly host: string
  /** null: that of the scheme */
  readonly port: number | null
  /** The deployment's own part of the path, from its `/` on; null: there is none. */
  readonly prefix: string | null
}

const schemes = word('https', 'http')
const portNumber = integer(1, 65_535)

export const apiRoot: Grammar<ApiRoot> = {
  read(reader) {
    const scheme = schemes.read(reader)
    reader.literal('://')
    const host = readHost(reader)
    const port = reader.has(':') ? portNumber.read(reader) : null
    const prefix = reader.text[reader.at] === '/' ? path.read(reader) : null
    return { scheme, host, port, prefix }
  },
  write: ({ host, port, prefix, scheme }) => `${scheme}://${host}${port === null ? '' : `:${port}`}${prefix ?? ''}`,
}

function readHost(reader: TextReader): string {
  const start = reader.at
  if (reader.has('[')) {
    const address = reader.take(characters.ipv6)
    reader.literal(']')
    if (!address.includes(':') || parseAddress(address) === undefined) throw reader.fail('malformed address', start)
    return `[${address}]`
  }
  const host = reader.take(characters.registeredName)
  checkPercents(host, start, reader)
  return host
}
