// What proves who asks, and for what: tokens, and the scopes of access. None of them is verified here.

import { list } from './grammar.ts'
import { characters } from './text.ts'
import type { Grammar, OtherParameter } from './grammar.ts'

/** Three parts of base64url (RFC 7519), as they stand. */
export const jwt: Grammar<string> = {
  read(reader) {
    const part = (): string => reader.take(characters.base64url)
    const header = part()
    reader.literal('.')
    const claims = part()
    reader.literal('.')
    return `${header}.${claims}.${part()}`
  },
  write: (value) => value,
}

/** RFC 9110, 11.4 */
export interface Credentials {
  /** `Bearer` */
  readonly scheme: string
  /** null: there are parameters in its place, or nothing */
  readonly token: string | null
  /** values as they stand, with their quotes if they have any */
  readonly parameters: readonly OtherParameter[]
}

const authParameter: Grammar<OtherParameter> = {
  read(reader) {
    const name = reader.take(characters.token)
    reader.space()
    reader.literal('=')
    reader.space()
    const isQuoted = reader.text[reader.at] === '"'
    return { name, text: isQuoted ? reader.quotedString() : reader.take(characters.token) }
  },
  write: ({ name, text }) => `${name}=${text}`,
}

const authParameters = list(authParameter)

/** They are all that is left of a value. */
export const credentials: Grammar<Credentials> = {
  read(reader) {
    const scheme = reader.take(characters.token)
    const schemeEnd = reader.at
    reader.space()
    const start = reader.at
    if (start === reader.text.length) return { scheme, token: null, parameters: [] }
    if (start === schemeEnd) throw reader.unexpected()
    const token = reader.run(characters.base64)
    const filling = reader.run(characters.equals)
    reader.space()
    if (token !== '' && reader.at === reader.text.length) return { scheme, token: token + filling, parameters: [] }
    reader.rewind(start)
    return { scheme, token: null, parameters: authParameters.read(reader) }
  },
  write: ({ parameters, scheme, token }) =>
    [scheme, token ?? (parameters.length === 0 ? '' : authParameters.write(parameters))].join(' ').trimEnd(),
}

/** With one space between them (RFC 6749, 3.3). */
export const scopes: Grammar<readonly string[]> = {
  read(reader) {
    const all: string[] = []
    for (;;) {
      if (all.length === mostScopes) throw reader.fail('too many elements')
      all.push(reader.take(characters.scope))
      const end = reader.at
      if (!reader.has(' ')) return all
      // Space at the end belongs to none.
      if (characters.scope[reader.text.charCodeAt(reader.at)] === true) continue
      reader.rewind(end)
      return all
    }
  },
  write: (all) => all.join(' '),
}

const mostScopes = 100
