// The help text of the configuration file, made from its schema.

import { fileSchema, requiredFields, schemaNode } from './schema.ts'
import type { SchemaNode } from './schema.ts'

interface Row {
  readonly name: string
  readonly kind: string
  readonly description: string
}

const width = 100

const formatNames: Readonly<Record<string, string>> = {
  ip: 'IP address',
  ipv4: 'IPv4 address',
  ipv6: 'IPv6 address',
}

const valuesOf = (node: SchemaNode): string => {
  if (node.const !== undefined) return String(node.const)
  if (node.enum !== undefined) return node.enum.join(' | ')
  if (node.anyOf !== undefined) return node.anyOf.map(valuesOf).join(' | ')
  if (node.type === 'integer') return `${node.minimum ?? ''}..${node.maximum ?? ''}`
  const format = formatNames[node.format ?? '']
  return format ?? { string: 'text', boolean: 'true | false', array: 'list', object: 'mapping' }[node.type ?? 'object']
}

const kindOf = (node: SchemaNode, required: boolean): string => {
  const values = valuesOf(node)
  if (required) return `${values}, required`
  return node.default === undefined || typeof node.default === 'object' ? values : `${values}, default ${node.default}`
}

const rowsOf = (node: SchemaNode, prefix: string): readonly Row[] => {
  const required = new Set(requiredFields(node))
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]): readonly Row[] => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const below = inner.type === 'array' ? rowsOf(inner.items ?? {}, `${path}[]`) : rowsOf(inner, path)
    return [{ name: path, kind: kindOf(inner, required.has(name)), description: inner.description ?? '' }, ...below]
  })
}

const wrap = (text: string, indent: string): string => {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > width && line !== indent) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** Every field with its values, its default and what it means. */
export const configHelp = (): string =>
  rowsOf(schemaNode(fileSchema), '')
    .map((row) => `${row.name}  (${row.kind})\n${wrap(row.description, '    ')}\n`)
    .join('\n')
