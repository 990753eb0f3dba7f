// Commands that change many things at once, or one thing precisely, and show what changed: apply, drain, undrain,
// reload.

import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import type { Changes } from '../../api/schemas.ts'
import type { Service } from '../../lb/model.ts'
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
  const query = options.dryRun === true ? '?dryRun=true' : ''
  await printChanges(io, (await client.post(`/sluice/v1/services${query}`, body)) as Changes, options)
}

export const drain = async (
  io: Io,
  verb: 'drain' | 'undrain',
  service: string,
  endpoint: string,
  options: GlobalOptions,
): Promise<void> => {
  const client = await connect(io, options)
  const path = `/sluice/v1/services/${encodeURIComponent(service)}/endpoints/${encodeURIComponent(endpoint)}/${verb}`
  await printChanges(io, (await client.post(path)) as Changes, options)
}

export const reload = async (io: Io, options: GlobalOptions): Promise<void> => {
  const client = await connect(io, options)
  await printChanges(io, (await client.post('/sluice/v1/reload')) as Changes, options)
}
