// loxilb's clients are written in Go, whose JSON knows no case in keys and writes `null` for an empty list. fold()
// makes such a body what the schema says: keys in the schema's spelling, unknown keys and nulls left out.

import type { TSchema } from 'typebox'

interface Shape {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where two keys differ in case only, the later one counts, as in Go. */
export const fold = (value: unknown, schema: TSchema): unknown => {
  const { properties, items }: Shape = schema
  if (Array.isArray(value) && items !== undefined) return value.map((item) => fold(item, items))
  if (!isObject(value) || properties === undefined) return value
  const spelling = new Map(Object.keys(properties).map((key) => [key.toLowerCase(), key]))
  const out: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) {
    const known = spelling.get(key.toLowerCase())
    const partSchema = known === undefined ? undefined : properties[known]
    if (known === undefined || partSchema === undefined || part === null) continue
    out[known] = fold(part, partSchema)
  }
  return out
}
