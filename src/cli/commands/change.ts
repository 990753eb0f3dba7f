// Commands that change many things at once, or one thing precisely, and show what changed: apply, orders for an
// endpoint, reload.

import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import type { Changes, UserSessionChanges } from '../../api/schemas.ts'
import { parsePlace } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { printChanges } from './changes.ts'

export interface ApplyOptions extends GlobalOptions {
  readonly filename: string
  readonly dryRun?: true
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const field = (value: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.entries(value).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]

/** loxilb's JSON: its list of rules, or one rule; undefined for anything else. */
const loxilbEntries = (text: string): readonly unknown[] | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not JSON, so it is meant as YAML, whose parser says what is wrong with it.
    return undefined
  }
  if (!isObject(value)) return undefined
  const list = field(value, 'lbAttr')
  if (Array.isArray(list)) return list as readonly unknown[]
  return field(value, 'serviceArguments') === undefined ? undefined : [value]
}

const toInput = <One extends { readonly owner: unknown }>({ owner: _, ...rest }: One) => rest

/** The requests that a file stands for. */
export const bodiesOf = async (
  text: string,
  name: string,
): Promise<{ readonly services: object; readonly sessions: readonly object[] }> => {
  const lbAttr = loxilbEntries(text)
  if (lbAttr !== undefined) return { services: { lbAttr }, sessions: [] }
  const { parseApplied } = await import('../../config/parse.ts')
  const { services, sessions } = parseApplied(text, name)
  return { services: { services: services.map(toInput) }, sessions: sessions.map(toInput) }
}

/** Why a file cannot be read, in words. */
const unreadable = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && error.code === 'ENOENT' ? 'there is no such file' : error.message
}

const readInput = async (name: string): Promise<string> => {
  if (name === '-') return readStream(process.stdin)
  try {
    return await readFile(name, 'utf8')
  } catch (error) {
    throw usage(`cannot read ${name}: ${unreadable(error)}`)
  }
}

export const apply = async (io: Io, options: ApplyOptions): Promise<void> => {
  const name = options.filename === '-' ? 'stdin' : options.filename
  const { services, sessions } = await bodiesOf(await readInput(options.filename), name)
  const client = await connect(io, options)
  const answer = (await client.post(`/sluice/v1/services${query(options)}`, services)) as Changes
  if (sessions.length === 0) return printChanges(io, answer, options)
  const of = (await client.post(`/sluice/v1/user-sessions${query(options)}`, { sessions })) as UserSessionChanges
  await printChanges(io, { ...answer, sessions: of.sessions }, options)
}

const endpointsPath = (service: string): string => `/sluice/v1/services/${encodeURIComponent(service)}/endpoints`

export const order = async (
  io: Io,
  verb: 'drain' | 'undrain' | 'block' | 'unblock',
  service: string,
  endpoint: string,
  options: GlobalOptions,
): Promise<void> => {
  const client = await connect(io, options)
  const path = `${endpointsPath(service)}/${encodeURIComponent(endpoint)}/${verb}`
  await printChanges(io, (await client.post(path)) as Changes, options)
}

export interface DetachOptions extends GlobalOptions {
  readonly dryRun?: true
}

export interface AttachOptions extends DetachOptions {
  readonly weight?: number
  readonly priority?: number
  readonly serverId?: string
}

const query = ({ dryRun }: DetachOptions): string => (dryRun === true ? '?dryRun=true' : '')

export const attach = async (io: Io, service: string, endpoint: string, options: AttachOptions): Promise<void> => {
  const { weight, priority, serverId } = options
  const endpoints = [{ ...parsePlace(endpoint), weight, priority, serverId }]
  const client = await connect(io, options)
  const answer = await client.post(`${endpointsPath(service)}${query(options)}`, { endpoints })
  await printChanges(io, answer as Changes, options)
}

export const detach = async (io: Io, service: string, endpoint: string, options: DetachOptions): Promise<void> => {
  const client = await connect(io, options)
  const path = `${endpointsPath(service)}/${encodeURIComponent(endpoint)}${query(options)}`
  await printChanges(io, (await client.remove(path)) as Changes, options)
}

export const reload = async (io: Io, options: GlobalOptions): Promise<void> => {
  const client = await connect(io, options)
  await printChanges(io, (await client.post('/sluice/v1/reload')) as Changes, options)
}
