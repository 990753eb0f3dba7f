// Commands that change many things at once, or one thing precisely, and show what changed: apply, orders for an
// endpoint, reload.

import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import type { Changes } from '../../api/schemas.ts'
import type { Service } from '../../lb/model.ts'
import { parsePlace } from '../arguments.ts'
import { connect } from '../context.ts'
import type { GlobalOptions } from '../context.ts'
import { usage } from '../errors.ts'
import type { Io } from '../io.ts'
import { printData } from '../output.ts'

const printChanges = async (io: Io, answer: Changes, options: GlobalOptions): Promise<void> => {
  if (await printData(io, answer, options.output)) return
  for (const line of answer.changes.flatMap((change) => change.description)) io.out(`${line}\n`)
  const count = answer.changes.length
  const counted = `${count} ${count === 1 ? 'service' : 'services'}`
  if (count === 0) io.say('nothing to change')
  else io.say(answer.dryRun ? `${counted} would change (dry run)` : `${counted} changed`)
}

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

const toInput = ({ owner: _, ...service }: Service) => service

/** The body of the request that a file stands for. */
export const bodyOf = async (text: string, name: string): Promise<object> => {
  const lbAttr = loxilbEntries(text)
  if (lbAttr !== undefined) return { lbAttr }
  const { parseServices } = await import('../../config/parse.ts')
  return { services: parseServices(text, name).map(toInput) }
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
  const body = await bodyOf(await readInput(options.filename), name)
  const client = await connect(io, options)
  await printChanges(io, (await client.post(`/sluice/v1/services${query(options)}`, body)) as Changes, options)
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
