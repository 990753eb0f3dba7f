// Reads the value of a header from its first character to its last. Values are text of single bytes, as HTTP has them,
// so that the offset of an error is a byte of the value. Character classes are those of RFC 9110, 5.6, and RFC 3986, 2.

import { DecodeError } from '../../wire/decode-error.ts'

/** By character code; what is not ASCII is in none. */
export type CharacterClass = readonly boolean[]

const ascii = 128

const classOf = (characters: string): CharacterClass =>
  Array.from({ length: ascii }, (_, code) => characters.includes(String.fromCharCode(code)))

const digits = '0123456789'
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i))
const without = (characters: string, others: string): string =>
  Array.from(characters, (character) => (others.includes(character) ? '' : character)).join('')

const tokenCharacters = `${letters}${digits}!#$%&'*+-.^_\`|~`
const uriCharacters = `${letters}${digits}-._~%:/?#[]@!$&'()*+=`

export const characters = {
  digit: classOf(digits),
  hexDigit: classOf(`${digits}abcdefABCDEF`),
  /** tchar */
  token: classOf(tokenCharacters),
  /** of a value in which a hyphen ends the type before it */
  type: classOf(without(tokenCharacters, '-')),
  /** tchar and `@` */
  identity: classOf(`${tokenCharacters}@`),
  /** of names that specifications give: events, services */
  name: classOf(`${letters}${digits}-_`),
  host: classOf(`${letters}${digits}-.`),
  /** of token68 (RFC 9110, 11.2), which ends in as many `=` as it needs */
  base64: classOf(`${letters}${digits}-._~+/`),
  equals: classOf('='),
  base64url: classOf(`${letters}${digits}-_`),
  /** NQCHAR (RFC 6749, Appendix A) */
  scope: classOf(without(visible, '"\\')),
  /** Everything in a URI but `;` and `,`, which part parameters and elements. */
  uri: classOf(uriCharacters),
  quotedUri: classOf(`${uriCharacters};,`),
  /** reg-name, without the `;` and `,` that part parameters and elements */
  registeredName: classOf(`${letters}${digits}-._~%!$&'()*+=`),
  ipv6: classOf('0123456789abcdefABCDEF:.'),
  /** pchar and `/` */
  path: classOf(`${letters}${digits}-._~%!$&'()*+,;=:@/`),
  date: classOf(`${letters}${digits} ,:.+-`),
  weight: classOf(`${digits}.`),
  visible: classOf(visible),
  /** what stands in values of parameters that are not in the tables */
  unread: classOf(without(` \t${visible}`, '";,')),
} as const

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09

export class TextReader {
  readonly text: string
  #at = 0

  constructor(text: string) {
    this.text = text
  }

  /** of the next character */
  get at(): number {
    return this.#at
  }

  /** Skips spaces and tabs. */
  space(): void {
    while (isSpace(this.text.charCodeAt(this.#at))) this.#at++
  }

  /** Whether that is next; if so, it is read. Letters of both cases are the same (RFC 5234, 2.3). */
  has(literal: string): boolean {
    const end = this.#at + literal.length
    if (this.text.slice(this.#at, end).toLowerCase() !== literal.toLowerCase()) return false
    this.#at = end
    return true
  }

  /** What must be next. */
  literal(literal: string): void {
    if (this.has(literal)) return
    let same = 0
    while (this.text[this.#at + same]?.toLowerCase() === literal[same]!.toLowerCase()) same++
    this.#at += same
    throw this.unexpected()
  }

  /** As many characters of a class as there are, at least one. */
  take(part: CharacterClass): string {
    const text = this.run(part)
    if (text === '') throw this.unexpected()
    return text
  }

  /** As many as there are, or none. */
  run(part: CharacterClass): string {
    const start = this.#at
    while (part[this.text.charCodeAt(this.#at)] === true) this.#at++
    return this.text.slice(start, this.#at)
  }

  /** Goes back to a character that was read. */
  rewind(at: number): void {
    this.#at = at
  }

  /** A quoted string (RFC 9110, 5.6.4) as it stands, quotes and all. */
  quotedString(): string {
    const start = this.#at
    this.literal('"')
    for (;;) {
      const code = this.text.charCodeAt(this.#at)
      if (Number.isNaN(code) || (code < 0x20 && !isSpace(code)) || code === 0x7f) throw this.unexpected()
      this.#at++
      if (code === 0x22) return this.text.slice(start, this.#at)
      if (code === 0x5c) {
        if (this.#at === this.text.length) throw this.unexpected()
        this.#at++
      }
    }
  }

  /** Nothing may be left but space. */
  finish(): void {
    this.space()
    if (this.#at < this.text.length) throw this.fail('bytes left over')
  }

  /** To be thrown: the next character is not one that may be there, or is missing. */
  unexpected(): DecodeError {
    return this.fail(this.#at < this.text.length ? 'unexpected character' : 'truncated')
  }

  /** To be thrown: about the next character, or the one that `offset` names. */
  fail(reason: string, offset = this.#at): DecodeError {
    return new DecodeError(reason, offset)
  }
}
