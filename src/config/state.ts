// The state directory's `api.json`: the services and sessions that the API made and the drain orders of operators.
// Written whole and atomically: a crash leaves the old file or the new one.

import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigErrors } from './errors.ts'
import { checkServiceInputs, checkSessionInputs } from './parse.ts'
import { toService, toServiceInput } from './sections/services.ts'
import { toSession, toSessionInput } from './sections/sessions.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Service } from '../lb/model.ts'
import type { NamedUserSession } from '../lb/user-session-registry.ts'
import type { Override } from './ownership.ts'

const version = 1

export interface ApiState {
  readonly services: readonly Service[]
  readonly overrides: readonly Override[]
  readonly sessions: readonly NamedUserSession[]
}

/** A state that is on the disk under another name: `commit` makes it the state, `discard` forgets it. */
export interface PreparedState {
  commit(): Promise<void>
  /** Makes a commit outlast a power cut. */
  sync(): Promise<void>
  discard(): Promise<void>
}

const stateFile = (directory: string): string => join(directory, 'api.json')

const write = async (file: string, flags: string, work: (handle: FileHandle) => Promise<void>): Promise<void> => {
  const handle = await open(file, flags, 0o600)
  try {
    await work(handle)
  } finally {
    await handle.close()
  }
}

/** What stands there does not change, so its text is made once: thousands are written for each one that is added. */
const textOnce = <One extends object>(write: (one: One) => string): ((one: One) => string) => {
  const texts = new WeakMap<One, string>()
  return (one) => {
    const text = texts.get(one) ?? write(one)
    texts.set(one, text)
    return text
  }
}

const serviceText = textOnce((service: Service) =>
  JSON.stringify({ service: toServiceInput(service), annotations: service.annotations }),
)
const sessionText = textOnce((session: NamedUserSession) => JSON.stringify(toSessionInput(session)))

/** One service or session a line, so that people can read it and find differences. */
export const stateText = ({ services, overrides, sessions }: ApiState): string =>
  `{"version":${version},"services":[\n${services.map(serviceText).join(',\n')}\n],` +
  `"sessions":[\n${sessions.map(sessionText).join(',\n')}\n],` +
  `"overrides":${JSON.stringify(overrides)}}\n`

/** Writes the text beside the state; whatever a full disk can refuse is refused here. */
export const prepareState = async (directory: string, text: string): Promise<PreparedState> => {
  const file = stateFile(directory)
  const temporary = `${file}.tmp`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await write(temporary, 'w', async (handle) => {
      await handle.writeFile(text)
      await handle.sync()
    })
  } catch (cause) {
    throw new Error(`nothing was changed, because the state cannot be written to ${temporary}: ${String(cause)}`, {
      cause,
    })
  }
  return {
    commit: () => rename(temporary, file),
    sync: () => write(directory, 'r', (handle) => handle.sync()),
    discard: () => unlink(temporary),
  }
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isAnnotations = (value: unknown): value is Service['annotations'] =>
  isMapping(value) && Object.values(value).every((one) => ['string', 'number', 'boolean'].includes(typeof one))

const isOrder = (value: unknown): boolean => value === undefined || typeof value === 'boolean'

const isOverride = (value: unknown): value is Override =>
  isMapping(value) &&
  typeof value['service'] === 'string' &&
  typeof value['endpoint'] === 'string' &&
  isOrder(value['drained']) &&
  isOrder(value['blocked'])

class Unreadable extends Error {}

const decode = (text: string, file: string): ApiState => {
  const refuse = (why: string): never => {
    throw new Unreadable(why)
  }
  const state: unknown = JSON.parse(text)
  if (!isMapping(state)) return refuse('it holds no object')
  if (state['version'] !== version) {
    return refuse(`it has version ${JSON.stringify(state['version'])}, and this program reads version ${version}`)
  }
  // Earlier builds wrote no sessions.
  const { services, overrides, sessions = [] } = state
  if (!Array.isArray(services) || !services.every((one) => isMapping(one) && isAnnotations(one['annotations']))) {
    return refuse('its list of services is broken')
  }
  if (!Array.isArray(overrides) || !overrides.every(isOverride)) return refuse('its list of overrides is broken')
  const stored = services as readonly { readonly service: unknown; readonly annotations: Service['annotations'] }[]
  const inputs = checkServiceInputs(
    stored.map((one) => one.service),
    file,
  )
  return {
    services: inputs.map((input, index) => toService(input, 'api', stored[index]?.annotations)),
    overrides,
    sessions: checkSessionInputs(sessions, file).map((input) => toSession(input, 'api')),
  }
}

/** The stored state; none yet is an empty one. Throws ConfigErrors that name the file and say what to do. */
export const readState = async (directory: string): Promise<ApiState> => {
  const file = stateFile(directory)
  try {
    return decode(await readFile(file, 'utf8'), file)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if ('code' in error && error.code === 'ENOENT') return { services: [], overrides: [], sessions: [] }
    const why =
      error instanceof ConfigErrors
        ? error.errors.map((one) => `${one.path}: ${one.message}`).join('; ')
        : error.message
    const message =
      `the services and sessions that the API made cannot be read: ${why}. ` +
      'Restore the file from a backup, or move it away and start again: then only what the configuration file says ' +
      'is there, and the API has to make its own anew'
    const errors = new ConfigErrors([{ path: '', line: null, column: null, message }], file)
    errors.cause = error
    throw errors
  }
}
