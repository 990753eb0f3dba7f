// The registry of sections, and what follows from it: the schema of the whole file, the type of a configuration, the
// JSON Schema for editors. A new section is one file under sections/ and one line here.

import { Type } from 'typebox'
import { api } from './sections/api.ts'
import { encapsulation } from './sections/encapsulation.ts'
import { events } from './sections/events.ts'
import { interfaces } from './sections/interfaces.ts'
import { limits } from './sections/limits.ts'
import { log } from './sections/log.ts'
import { selection } from './sections/selection.ts'
import { services } from './sections/services.ts'
import { sessions } from './sections/sessions.ts'
import { snat } from './sections/snat.ts'
import { timeouts } from './sections/timeouts.ts'
import type { Static, TSchema } from 'typebox'

export const sections = {
  interfaces,
  services,
  sessions,
  limits,
  timeouts,
  snat,
  encapsulation,
  selection,
  api,
  log,
  events,
}

type Sections = typeof sections
export type SectionName = keyof Sections

/** A configuration with defaults filled in, addresses canonical, services as the model knows them. */
export type Config = { readonly version: 1 } & {
  readonly [Name in SectionName]: ReturnType<Sections[Name]['resolve']>
}

export const fileSchema = Type.Object(
  {
    version: Type.Literal(1, { description: 'Version of this format. Always 1.' }),
    interfaces: interfaces.schema,
    services: services.schema,
    sessions: sessions.schema,
    limits: limits.schema,
    timeouts: timeouts.schema,
    snat: snat.schema,
    encapsulation: encapsulation.schema,
    selection: selection.schema,
    api: api.schema,
    log: log.schema,
    events: events.schema,
  } satisfies Record<'version' | SectionName, TSchema>,
  { title: 'Sluice configuration', additionalProperties: false },
)

/** The file as it is written, after defaults were filled in. */
export type ConfigFile = Static<typeof fileSchema>

/** The part of JSON Schema that our schemas use; the validator and the help text read it. */
export interface SchemaNode {
  readonly description?: string
  /** absent where `const`, `enum` or `anyOf` says it all */
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly default?: string | number | boolean | object
  readonly const?: number
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly patternErrorMessage?: string
  readonly format?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly items?: SchemaNode
  /** ways to write a value, of different types */
  readonly anyOf?: readonly SchemaNode[]
  readonly minItems?: number
  readonly maxItems?: number
}

/** Any of our schemas as what it is in JSON. */
export const schemaNode = (schema: TSchema): SchemaNode => schema

/** What has a default may be left out of the file, though the program always finds it. */
export const requiredFields = (node: SchemaNode): readonly string[] =>
  (node.required ?? []).filter((name) => node.properties?.[name]?.default === undefined)

/** JSON Schema knows the formats of the two families, and none for both. */
const withKnownFormat = ({ format, ...node }: SchemaNode): SchemaNode => ({
  ...node,
  ...(format === 'ip' ? { anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] } : format !== undefined && { format }),
})

const forEditors = (node: SchemaNode): object => ({
  ...withKnownFormat(node),
  ...(node.required && { required: requiredFields(node) }),
  ...(node.properties && {
    properties: Object.fromEntries(Object.entries(node.properties).map(([name, inner]) => [name, forEditors(inner)])),
  }),
  ...(node.items && { items: forEditors(node.items) }),
})

/** JSON Schema (draft 2020-12) of the file, for `# yaml-language-server: $schema=`. */
export const jsonSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  ...forEditors(schemaNode(fileSchema)),
})
