// From the text of a configuration file to a Config, or to all of its mistakes at once.

import { readFile, stat } from 'node:fs/promises'
import { readYaml } from './document.ts'
import { ConfigErrors, formatPath } from './errors.ts'
import { findWrongReferences } from './references.ts'
import { fileSchema, schemaNode, sections } from './schema.ts'
import { nameOf } from './sections/service-checks.ts'
import { validate } from './validate.ts'
import type { Service } from '../lb/model.ts'
import type { ConfigError, Path, Report } from './errors.ts'
import type { Config, ConfigFile, SchemaNode } from './schema.ts'
import type { Loose, Section } from './section.ts'
import type { ServiceInput } from './sections/services.ts'
import type { SessionInput } from './sections/sessions.ts'
import type { NamedUserSession } from '../lb/user-session-registry.ts'
import type { TSchema } from 'typebox'

const maxFileBytes = 64 * 1024 * 1024

/** Checks that need more than one section. */
const checkTogether = (file: Loose<ConfigFile>, report: Report): void => {
  const services = file.services ?? []
  const limits = file.limits ?? {}
  const sum = (count: (service: Loose<ServiceInput>) => number): number =>
    services.reduce((total, service) => total + (service === undefined ? 0 : count(service)), 0)
  const check = (limit: 'services' | 'endpoints' | 'sources', count: number, what: string): void => {
    const most = limits[limit]
    if (most !== undefined && count > most) {
      report(['services'], `${what} are more than limits.${limit} (${most}): raise the limit`)
    }
  }
  const places = sum(({ vips = [] }) => 1 + vips.length)
  check(
    'services',
    places,
    places === services.length ? `${places} services` : `${services.length} services with ${places} VIPs`,
  )
  const endpoints = sum((service) => service.endpoints?.length ?? 0)
  check('endpoints', endpoints, `their ${endpoints} endpoints`)
  const sources = sum((service) => (service.allowedSources?.length ?? 0) + (service.users?.length ?? 0))
  check('sources', sources, `their ${sources} allowedSources`)
}

/** The file must stand on its own: whatever the API has made may be gone when it is read again. */
const checkReferences = ({ services = [] }: Loose<ConfigFile>, report: Report): void => {
  const known = services.map((service) => service && { ...service, name: nameOf(service) })
  for (const { item, message, path } of findWrongReferences(known)) report(['services', item, ...path], message)
}

const entries = Object.entries(sections) as readonly [keyof typeof sections, Section<TSchema, unknown>][]

type Check = (file: Loose<ConfigFile>, report: Report) => void

/** All mistakes of a plain value that stands for a file. */
const check = (schema: SchemaNode, value: unknown, others: readonly Check[], report: Report): Loose<ConfigFile> => {
  const file = (validate(schema, value, [], report) ?? {}) as Loose<ConfigFile>
  for (const [name, section] of entries) {
    if (file[name] === undefined) continue
    section.check(file[name], (path, message) => report([name, ...path], message))
  }
  for (const other of others) other(file, report)
  return file
}

const inOrder = (a: ConfigError, b: ConfigError): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)

/** A text that is right, with its defaults; throws ConfigErrors with every mistake of one that is not. */
const read = (
  text: string,
  file: string | null,
  schema: SchemaNode,
  ...others: readonly Check[]
): Loose<ConfigFile> => {
  const document = readYaml(text)
  const errors = [...document.errors]
  if (document.usable && document.value === null) {
    errors.push(document.errorAt([], 'the file is empty: a configuration starts with `version: 1`'))
  } else if (document.usable) {
    const report: Report = (path, message) => errors.push(document.errorAt(path, message))
    const checked = check(schema, document.value, [checkTogether, ...others], report)
    if (errors.length === 0) return checked
  }
  throw new ConfigErrors(errors.toSorted(inOrder), file)
}

/** The configuration of a daemon. Throws ConfigErrors with every mistake of the text. */
export const parse = (text: string, file: string | null = null): Config => {
  const whole = read(text, file, schemaNode(fileSchema), checkReferences) as ConfigFile
  const resolved = entries.map(([name, section]) => [name, section.resolve(whole[name] as never)])
  return { version: 1, ...Object.fromEntries(resolved) } as Config
}

const withoutInterfaces: SchemaNode = { ...schemaNode(fileSchema), required: ['version'] }

/** What of a text is for a daemon that runs already: it need not say on which interfaces. */
export const parseApplied = (
  text: string,
  file: string | null = null,
): { readonly services: readonly Service[]; readonly sessions: readonly NamedUserSession[] } => {
  const { services = [], sessions: users = [] } = read(text, file, withoutInterfaces) as Partial<ConfigFile>
  return { services: sections.services.resolve(services), sessions: sections.sessions.resolve(users) }
}

const placeless = (path: Path, message: string): ConfigError => ({
  path: formatPath(path),
  line: null,
  column: null,
  message,
})

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'it is a directory',
}

/** Reads and parses a file. What cannot be read is a mistake of the same form. */
export const readConfig = async (file: string): Promise<Config> => parse(await readText(file), file)

const readText = async (file: string): Promise<string> => {
  const refuse = (message: string, options?: ErrorOptions): never => {
    throw Object.assign(new ConfigErrors([placeless([], message)], file), options)
  }
  let bytes: Uint8Array
  try {
    const { size } = await stat(file)
    if (size > maxFileBytes) return refuse(`the file has ${size} bytes, more than the ${maxFileBytes} that are read`)
    bytes = await readFile(file)
  } catch (error) {
    if (error instanceof ConfigErrors || !(error instanceof Error)) throw error
    const code = 'code' in error ? String(error.code) : ''
    return refuse(`cannot read the file: ${reasons[code] ?? error.message}`, { cause: error })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    return refuse('the file is not UTF-8 text: save it as UTF-8', { cause: error })
  }
}

const checkInputs = (name: 'services' | 'sessions', inputs: unknown, file: string | null): unknown => {
  const errors: ConfigError[] = []
  const report: Report = (path, message) => errors.push(placeless([name, ...path], message))
  const section: Section<TSchema, unknown> = sections[name]
  const checked = validate(schemaNode(section.schema), inputs, [], report) ?? []
  section.check(checked, report)
  if (errors.length > 0) throw new ConfigErrors(errors, file)
  return checked
}

/**
 * Holds services that came from elsewhere than the file against the schema and the checks of the section `services`.
 * Throws ConfigErrors without lines, and returns what passed.
 */
export const checkServiceInputs = (inputs: unknown, file: string | null = null): readonly ServiceInput[] =>
  checkInputs('services', inputs, file) as readonly ServiceInput[]

/** The same for sessions. */
export const checkSessionInputs = (inputs: unknown, file: string | null = null): readonly SessionInput[] =>
  checkInputs('sessions', inputs, file) as readonly SessionInput[]
