// The headers of a message, each alone or all of a list. What is written is read again first, so that no value can
// bring another header, parameter or element with it.

import { isDeepStrictEqual } from 'node:util'
import { DecodeError, inElement } from '../../wire/decode-error.ts'
import { mostElements } from './grammar.ts'
import { sbiHeaders } from './headers.ts'
import { TextReader } from './text.ts'
import { discoveryValue } from './values.ts'
import type { Grammar, ValueOf } from './grammar.ts'

/** As HTTP has them, its pseudo-headers and the headers of others among them. */
export type HeaderField = readonly [name: string, value: string]

/** What stands behind `3gpp-Sbi-`. */
export type SbiHeaderName = keyof typeof sbiHeaders

export type SbiValues = { readonly [Name in SbiHeaderName]: ValueOf<(typeof sbiHeaders)[Name]> }

/** Those that a message has. */
export type SbiHeaders = Partial<SbiValues> & {
  /** `3gpp-Sbi-Discovery-snssais` is `snssais`: what NRF is asked for, by the name of the query parameter */
  readonly Discovery?: ReadonlyMap<string, string>
}

const prefix = '3gpp-Sbi-'
const discoveryPrefix = '3gpp-Sbi-Discovery-'

/** Longer than any token that a proxy can pass on. */
const longestValue = 64 * 1024

const names = Object.keys(sbiHeaders) as readonly SbiHeaderName[]
const byName = new Map(names.map((name) => [`${prefix}${name}`.toLowerCase(), name]))

const grammarOf = (name: SbiHeaderName): Grammar<unknown> => sbiHeaders[name]

/** Throws DecodeError; its path begins with the header, and its offset is a byte of the value. */
export function parseSbiHeader<Name extends SbiHeaderName>(name: Name, text: string): SbiValues[Name] {
  return parse(`${prefix}${name}`, grammarOf(name), text) as SbiValues[Name]
}

function parse<Value>(name: string, grammar: Grammar<Value>, text: string): Value {
  return inElement(name, () => {
    if (text.length > longestValue) throw new DecodeError('value too long', longestValue)
    const reader = new TextReader(text)
    reader.space()
    const value = grammar.read(reader)
    reader.finish()
    return value
  })
}

/** Throws RangeError for a value that its grammar has no form for. */
export function formatSbiHeader<Name extends SbiHeaderName>(name: Name, value: SbiValues[Name]): string {
  return format<unknown>(`${prefix}${name}`, grammarOf(name), value)
}

function format<Value>(name: string, grammar: Grammar<Value>, value: Value): string {
  try {
    const text = grammar.write(value)
    if (isDeepStrictEqual(parse(name, grammar, text), value)) return text
  } catch (error) {
    const isOfValue = error instanceof DecodeError || error instanceof URIError
    if (!isOfValue) throw error
    throw new RangeError(`${name}: the value has no form: ${error.message}`, { cause: error })
  }
  throw new RangeError(`${name}: the value would be read as another one`)
}

/**
 * All headers of the table that a message has, and what it asks NRF for. Other headers are passed over: they belong to
 * others, or to a later release. Throws DecodeError for the first that cannot be read or stands twice.
 */
export function readSbiHeaders(fields: readonly HeaderField[]): SbiHeaders {
  const headers = new Map<SbiHeaderName, unknown>()
  const discovery = new Map<string, string>()
  for (const [field, text] of fields) {
    const lower = field.toLowerCase()
    if (lower.startsWith(discoveryPrefix.toLowerCase())) {
      const parameter = lower.slice(discoveryPrefix.length)
      if (discovery.has(parameter)) throw repeated(`${discoveryPrefix}${parameter}`)
      discovery.set(parameter, parse(`${discoveryPrefix}${parameter}`, discoveryValue, text))
      continue
    }
    const name = byName.get(lower)
    if (name === undefined) continue
    const value: unknown = parseSbiHeader(name, text)
    headers.set(name, headers.has(name) ? joined(name, headers.get(name), value) : value)
  }
  const all = Object.fromEntries(headers) as Partial<SbiValues>
  return discovery.size === 0 ? all : { ...all, Discovery: discovery }
}

function joined(name: SbiHeaderName, before: unknown, value: unknown): readonly unknown[] {
  if (grammarOf(name).isRepeatable !== true) throw repeated(`${prefix}${name}`)
  const elements = [...(before as readonly unknown[]), ...(value as readonly unknown[])]
  if (elements.length > mostElements) throw new DecodeError('too many elements', 0, [`${prefix}${name}`])
  return elements
}

const repeated = (name: string): DecodeError => new DecodeError('repeated header', 0, [name])

/** One field for each, in the order of the table. Throws RangeError as `formatSbiHeader` does. */
export function writeSbiHeaders(headers: SbiHeaders): readonly HeaderField[] {
  const fields: HeaderField[] = []
  for (const name of names) {
    const value = headers[name]
    if (value !== undefined) fields.push([`${prefix}${name}`, format(`${prefix}${name}`, grammarOf(name), value)])
  }
  for (const [parameter, text] of headers.Discovery ?? []) {
    const name = `${discoveryPrefix}${parameter}`
    if (!/^[a-z0-9-]+$/.test(parameter)) throw new RangeError(`${name}: no name of a parameter`)
    fields.push([name, format(name, discoveryValue, text)])
  }
  return fields
}
