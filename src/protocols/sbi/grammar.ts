// What the grammars of headers are put together from. A grammar reads a value and writes it; what it writes is
// canonical: one space behind each `;` and `,`, parameters in the order of the specification or, where that leaves them
// free, in the order of the value.

import { DecodeError, inElement } from '../../wire/decode-error.ts'
import { characters } from './text.ts'
import type { TextReader } from './text.ts'

export interface Grammar<Value> {
  /** Leaves the reader behind the value. Throws DecodeError. */
  read(reader: TextReader): Value
  /** Several fields with this value are one list. */
  readonly isRepeatable?: boolean
  /** What has no place in a header comes out as something that cannot be read, or is read as something else. */
  write(value: Value): string
}

export type ValueOf<G> = G extends Grammar<infer Value> ? Value : never

/** No header of the specification comes near these. */
export const mostElements = 100
const mostParameters = 100

/**
 * Values with a separator between them. In a list with commas those without a character do not count, and several
 * fields of one name are one list (RFC 9110, 5.3 and 5.6.1).
 */
export function list<Value>(
  element: Grammar<Value>,
  separator: ',' | ';' | '&' = ',',
  least: 0 | 1 = 1,
): Grammar<readonly Value[]> {
  const between = separator === '&' ? ' & ' : `${separator} `
  return {
    isRepeatable: separator === ',',
    read(reader) {
      const values: Value[] = []
      do {
        reader.space()
        if (separator === ',' && startsNothing(reader)) continue
        if (values.length === mostElements) throw reader.fail('too many elements')
        values.push(inElement(`element ${values.length + 1}`, () => element.read(reader)))
        reader.space()
      } while (reader.has(separator))
      if (values.length < least) throw reader.unexpected()
      return values
    },
    write: (values) => values.map((value) => element.write(value)).join(between),
  }
}

/** At a comma, at the end, or at the quote that ends the list. */
const startsNothing = ({ at, text }: TextReader): boolean => at === text.length || text[at] === ',' || text[at] === '"'

export function quoted<Value>(inner: Grammar<Value>): Grammar<Value> {
  return {
    read(reader) {
      reader.literal('"')
      const value = inner.read(reader)
      reader.literal('"')
      return value
    },
    write: (value) => `"${inner.write(value)}"`,
  }
}

/** Behind a text that is always the same. */
export function behind<Value>(prefix: string, grammar: Grammar<Value>): Grammar<Value> {
  return {
    read(reader) {
      reader.literal(prefix.trimEnd())
      reader.space()
      return grammar.read(reader)
    },
    write: (value) => prefix + grammar.write(value),
  }
}

/** One of some words; which they are is told whatever the case of their letters. */
export function word<Word extends string>(...words: readonly Word[]): Grammar<Word> {
  const byName = new Map(words.map((name) => [name.toLowerCase(), name]))
  return {
    read(reader) {
      const start = reader.at
      const found = byName.get(reader.take(characters.token).toLowerCase())
      if (found === undefined) throw reader.fail('unknown word', start)
      return found
    },
    write: (value) => value,
  }
}

const truth = word('true', 'false')

export const flag: Grammar<boolean> = {
  read: (reader) => truth.read(reader) === 'true',
  write: (value) => `${value}`,
}

const mostDigits = 10

/** A decimal number from `least` to `most`, with its unit behind it. */
export function integer(least: number, most: number, unit = ''): Grammar<number> {
  return {
    read(reader) {
      const start = reader.at
      const digits = reader.take(characters.digit)
      const value = Number(digits)
      if (digits.length > mostDigits || value < least || value > most) throw reader.fail('number out of range', start)
      if (unit !== '') reader.literal(unit)
      return value
    },
    write: (value) => `${value}${unit}`,
  }
}

export interface Parameter<Value, Times extends 'one' | 'maybe' | 'many' = 'one' | 'maybe' | 'many'> {
  readonly grammar: Grammar<Value>
  readonly times: Times
}

export const one = <Value>(grammar: Grammar<Value>): Parameter<Value, 'one'> => ({ grammar, times: 'one' })
export const maybe = <Value>(grammar: Grammar<Value>): Parameter<Value, 'maybe'> => ({ grammar, times: 'maybe' })
export const many = <Value>(grammar: Grammar<Value>): Parameter<Value, 'many'> => ({ grammar, times: 'many' })

export type ParameterTable = Readonly<Record<string, Parameter<unknown>>>

type NamesOf<P extends ParameterTable, Times> = { [K in keyof P]: P[K]['times'] extends Times ? K : never }[keyof P]

/** By the names of the specification; those that are not in it are in `others`, which is missing if there are none. */
export type RecordOf<P extends ParameterTable> = {
  readonly [K in NamesOf<P, 'one'>]: ValueOf<P[K]['grammar']>
} & {
  readonly [K in NamesOf<P, 'maybe'>]?: ValueOf<P[K]['grammar']>
} & {
  readonly [K in NamesOf<P, 'many'>]?: readonly ValueOf<P[K]['grammar']>[]
} & {
  readonly others?: readonly OtherParameter[]
}

/** A parameter of a later release, or of a vendor: its value as it stands. */
export interface OtherParameter {
  readonly name: string
  readonly text: string
}

export interface RecordRules {
  /** `name=value`, or `Name: value` */
  readonly separator?: '=' | ':'
  /** Parameters that stand in any order among one another. */
  readonly anyOrder?: readonly (readonly string[])[]
  /** Exactly one of these must be there. */
  readonly oneOf?: readonly string[]
  /** At least one of these must be there. */
  readonly someOf?: readonly string[]
}

/** Parameters with a `;` between them. They are read in any order, and written in that of the table. */
export function record<P extends ParameterTable>(parameters: P, rules: RecordRules = {}): Grammar<RecordOf<P>> {
  const { anyOrder = [], oneOf = [], separator = '=', someOf = [] } = rules
  const names = Object.keys(parameters)
  const byName = new Map(names.map((name) => [name.toLowerCase(), name]))
  const places = new Map(names.map((name, place) => [name, place]))
  for (const group of anyOrder) for (const name of group) places.set(name, places.get(group[0]!)!)
  const required = names.filter((name) => parameters[name]!.times === 'one')
  const assign = separator === ':' ? ': ' : '='

  const check = (value: Readonly<Record<string, unknown>>, reader: TextReader): void => {
    const has = (name: string): boolean => Object.hasOwn(value, name)
    const missing = (names: readonly string[]): DecodeError =>
      new DecodeError('missing parameter', reader.at, [names.join(' or ')])
    for (const name of required) if (!has(name)) throw missing([name])
    if (someOf.length > 0 && !someOf.some(has)) throw missing(someOf)
    if (oneOf.length > 0 && !oneOf.some(has)) throw missing(oneOf)
    const found = oneOf.filter(has)
    if (found.length > 1) throw new DecodeError('parameters exclude each other', reader.at, [found.join(' and ')])
  }

  return {
    read(reader) {
      const value: Record<string, unknown> = {}
      const others: OtherParameter[] = []
      let count = 0
      do {
        reader.space()
        const start = reader.at
        const text = reader.take(characters.token)
        if (count++ === mostParameters) throw reader.fail('too many parameters', start)
        reader.space()
        reader.literal(separator)
        reader.space()
        const name = byName.get(text.toLowerCase())
        if (name === undefined) {
          others.push({ name: text, text: inElement(text, () => unreadText(reader)) })
        } else {
          const { grammar, times } = parameters[name]!
          const before = value[name]
          if (before !== undefined && times !== 'many') throw new DecodeError('repeated parameter', start, [name])
          const read = inElement(name, () => grammar.read(reader))
          value[name] = times === 'many' ? [...((before as readonly unknown[] | undefined) ?? []), read] : read
        }
        reader.space()
      } while (reader.has(';'))
      if (others.length > 0) value['others'] = others
      check(value, reader)
      return value as RecordOf<P>
    },
    write(record) {
      const { others = [], ...value } = record as Readonly<Record<string, unknown>> & RecordOf<P>
      const known = Object.keys(value).toSorted((a, b) => (places.get(a) ?? -1) - (places.get(b) ?? -1))
      const texts = known.flatMap((name) => {
        const { grammar, times } = parameters[name]!
        const values = times === 'many' ? (value[name] as readonly unknown[]) : [value[name]]
        return values.map((each) => `${name}${assign}${grammar.write(each)}`)
      })
      return [...texts, ...others.map(({ name, text }) => `${name}${assign}${text}`)].join('; ')
    },
  }
}

/** Up to the next parameter or element; what is quoted is part of it. */
function unreadText(reader: TextReader): string {
  const start = reader.at
  for (;;) {
    const before = reader.at
    reader.run(characters.unread)
    if (reader.text[reader.at] === '"') reader.quotedString()
    if (reader.at === before) break
  }
  const text = reader.text.slice(start, reader.at).trimEnd()
  if (text === '') throw reader.unexpected()
  return text
}

type Fields = Readonly<Record<string, Grammar<unknown>>>

export type SequenceOf<Head extends Fields, Tail extends Fields> = {
  readonly [K in keyof Head]: ValueOf<Head[K]>
} & {
  readonly [K in keyof Tail]?: ValueOf<Tail[K]>
}

/** Values in a fixed order with a `;` between them; those of the tail may be missing. */
export function sequence<Head extends Fields, Tail extends Fields>(
  head: Head,
  tail: Tail,
): Grammar<SequenceOf<Head, Tail>> {
  const needed = Object.keys(head).length
  const fields = Object.entries({ ...head, ...tail })
  return {
    read(reader) {
      const value: Record<string, unknown> = {}
      for (const [i, [name, grammar]] of fields.entries()) {
        if (i > 0) {
          reader.space()
          if (i < needed) reader.literal(';')
          else if (!reader.has(';')) break
          reader.space()
        }
        value[name] = inElement(name, () => grammar.read(reader))
      }
      return value as SequenceOf<Head, Tail>
    },
    write: (value) =>
      fields
        .filter(([name]) => Object.hasOwn(value, name))
        .map(([name, grammar]) => grammar.write((value as Readonly<Record<string, unknown>>)[name]))
        .join('; '),
  }
}
