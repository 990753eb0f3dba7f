// Holds a plain value against a schema: reports every mistake with its path, fills in defaults, and returns what is
// left. It reads the part of JSON Schema that SchemaNode names, because a general validator says "must match pattern"
// where an operator needs to hear what to write; a test holds its verdicts against a general validator's.

import { isIPv4, isIPv6 } from 'node:net'
import { inspect } from 'node:util'
import { requiredFields } from './schema.ts'
import { didYouMean } from './suggest.ts'
import type { Path, Report } from './errors.ts'
import type { SchemaNode } from './schema.ts'

const maxShown = 60

const show = (value: unknown): string => {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = typeof value === 'string' ? JSON.stringify(value) : inspect(value)
  return text.length > maxShown ? `${text.slice(0, maxShown)}...` : text
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value with its defaults; undefined where it is wrong. */
export const validate = (node: SchemaNode, value: unknown, path: Path, report: Report): unknown => {
  const wrong = (expected: string, hint = ''): undefined => {
    const message =
      value === null
        ? `has no value: write ${expected}, or remove the line`
        : `must be ${expected}, not ${show(value)}${hint}`
    report(path, message)
    return undefined
  }
  if (node.const !== undefined) return value === node.const ? value : wrong(String(node.const))
  if (node.enum !== undefined) {
    if (typeof value !== 'string') return wrong(`one of ${node.enum.join(', ')}`)
    return node.enum.includes(value) ? value : wrong(`one of ${node.enum.join(', ')}`, didYouMean(value, node.enum))
  }
  if (node.anyOf !== undefined) return validateEither(node.anyOf, value, path, report)
  switch (node.type) {
    case 'object':
      return isMapping(value) ? validateObject(node, value, path, report) : wrong('a mapping of names to values')
    case 'array':
      return Array.isArray(value) ? validateArray(node, value, path, report) : wrong('a list')
    case 'string':
      return typeof value === 'string' ? validateString(node, value, path, report) : wrong('text')
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = node
      const fits = typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
      return fits ? value : wrong(`a whole number from ${minimum} to ${maximum}`)
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong('true or false')
    case undefined:
      break
  }
  throw new Error(`the schema of "${path.join('.')}" has no type`)
}

const typeOf = (value: unknown): string => (typeof value === 'number' ? 'integer' : typeof value)

/** What is written in one of several ways: each has a type of its own, and one of them is text that says them all. */
const validateEither = (ways: readonly SchemaNode[], value: unknown, path: Path, report: Report): unknown => {
  const way = ways.find((one) => one.type === typeOf(value))
  if (way !== undefined) return validate(way, value, path, report)
  const expected = ways.flatMap((one) => one.patternErrorMessage ?? []).join(' or ')
  report(path, value === null ? `has no value: it ${expected}, or remove the line` : `${expected}, not ${show(value)}`)
  return undefined
}

const validateObject = (
  node: SchemaNode,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report,
): Readonly<Record<string, unknown>> => {
  const properties = node.properties ?? {}
  const known = Object.keys(properties)
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(properties, name)) continue
    const hint = didYouMean(name, known) || `; known here: ${known.join(', ')}`
    report([...path, name], `there is no field "${name}"${hint}`)
  }
  const required = new Set(requiredFields(node))
  const result: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(properties)) {
    if (Object.hasOwn(value, name)) {
      result[name] = validate(inner, value[name], [...path, name], report)
    } else if (inner.default !== undefined) {
      result[name] = validate(inner, inner.default, [...path, name], report)
    } else if (required.has(name)) {
      const line = inner.const === undefined ? `${name}:` : `${name}: ${inner.const}`
      report([...path, name], `is missing: add \`${line}\`. ${inner.description ?? ''}`)
    }
  }
  return result
}

const validateArray = (node: SchemaNode, value: readonly unknown[], path: Path, report: Report): readonly unknown[] => {
  const { items = {}, minItems = 0, maxItems = Infinity } = node
  if (value.length < minItems) report(path, `needs at least ${minItems} item${minItems === 1 ? '' : 's'}`)
  if (value.length > maxItems) {
    report(path, `has ${value.length} items, more than the ${maxItems} that are possible`)
    return []
  }
  return value.map((item, index) => validate(items, item, [...path, index], report))
}

const validateString = (node: SchemaNode, value: string, path: Path, report: Report): string | undefined => {
  if (node.pattern !== undefined && !new RegExp(node.pattern, 'u').test(value)) {
    report(path, `${node.patternErrorMessage ?? `must match ${node.pattern}`}, not ${show(value)}`)
    return undefined
  }
  if (node.format === undefined) return value
  const format = formats.get(node.format)
  if (format === undefined) throw new Error(`the schema of "${path.join('.')}" has the unknown format ${node.format}`)
  if (format.accepts(value)) return value
  report(path, `must be ${format.like}, not ${show(value)}`)
  return undefined
}

const ipv4 = 'an IPv4 address like 192.0.2.1 (four numbers from 0 to 255, no leading zeros)'
const ipv6 = 'an IPv6 address like 2001:db8::1 (no brackets, no zone)'

/** A zone names a link of this machine; the address of a service or server has none. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%')

const formats: ReadonlyMap<string, { readonly accepts: (text: string) => boolean; readonly like: string }> = new Map([
  ['ipv4', { accepts: isIPv4, like: ipv4 }],
  ['ipv6', { accepts: isPlainIPv6, like: ipv6 }],
  ['ip', { accepts: (text) => isIPv4(text) || isPlainIPv6(text), like: `${ipv4} or ${ipv6}` }],
])
