// A small HTTP client for the API, over the unix socket or TCP. One request a connection: a command ends when it is
// done.

import { request as httpRequest } from 'node:http'
import { fromJson, toJson } from '../api/json.ts'
import type {
  ConntrackEntry,
  EndPointGetEntry,
  LoadbalanceEntry,
  Gtpc,
  GtpcSessions,
  N4,
  N4Sessions,
  ServiceOutput,
  SessionEntry,
  SessionUlClEntry,
  Status,
  UserSessions,
  Verdicts,
} from '../api/schemas.ts'
import { CliError, exitCodeOf, unreachable } from './errors.ts'
import { showTarget, startHint } from './target.ts'
import type { Target } from './target.ts'

/** The largest answer there is: 65,536 flows as JSON are about 40 MB. */
const answerLimitBytes = 256 * 1024 * 1024

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

type Method = 'GET' | 'POST' | 'DELETE'

const whyUnreachable = (code: string): string => {
  switch (code) {
    case 'ENOENT':
      return 'there is no such socket'
    case 'ECONNREFUSED':
      return 'nobody listens there'
    case 'EACCES':
    case 'EPERM':
      return 'no permission: try it as root'
    default:
      return code
  }
}

/** One request and its whole answer, whatever its status. */
const send = (target: Target, method: Method, path: string, body: unknown, timeoutMs: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : toJson(body)
    const where = target.kind === 'unix' ? { socketPath: target.path } : { host: target.host, port: target.port }
    const request = httpRequest({
      ...where,
      method,
      path,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json',
        // Also without a body: on TCP the server takes nothing else for a POST.
        ...(method === 'POST' && { 'content-type': 'application/json' }),
        ...(payload !== undefined && { 'content-length': Buffer.byteLength(payload) }),
      },
    })
    const fail = (error: Error): void => {
      const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
      const reason =
        error.name === 'AbortError' || error.name === 'TimeoutError'
          ? `no answer within ${timeoutMs / 1000} s`
          : whyUnreachable(code)
      reject(unreachable(`cannot reach the daemon at ${showTarget(target)}: ${reason}; ${startHint}`, error))
    }
    request.once('error', fail)
    request.once('response', (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size > answerLimitBytes) request.destroy(new Error(`the answer is larger than ${answerLimitBytes} bytes`))
        else parts.push(part)
      })
      response.once('error', fail)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(parts).toString('utf8'),
        }),
      )
    })
    request.end(payload)
  })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** The server's reason, each of its errors on a line of its own. */
const reasonOf = (body: unknown, status: number): string => {
  if (!isObject(body)) return `the server answered with status ${status}`
  const errors = Array.isArray(body['errors']) ? (body['errors'] as readonly unknown[]).filter(isObject) : []
  const lines = errors.map(({ path, message }) =>
    [path, message].filter((part) => typeof part === 'string' && part !== '').join(': '),
  )
  if (lines.length > 0) return lines.join('\n')
  const { result, message } = body
  if (typeof result === 'string' && result !== '') return result
  return typeof message === 'string' ? message : `the server answered with status ${status}`
}

/** What can be read, and what the server answers. */
export interface Readable {
  readonly '/netlox/v1/config/loadbalancer/all': { readonly lbAttr: readonly LoadbalanceEntry[] }
  readonly '/netlox/v1/config/conntrack/all': { readonly ctAttr: readonly ConntrackEntry[] }
  readonly '/netlox/v1/config/endpoint/all': { readonly Attr: readonly EndPointGetEntry[] }
  readonly '/netlox/v1/config/session/all': { readonly sessionAttr: readonly SessionEntry[] }
  readonly '/netlox/v1/config/sessionulcl/all': { readonly ulclAttr: readonly SessionUlClEntry[] }
  readonly '/netlox/v1/version': { readonly version: string; readonly buildInfo: string }
  readonly '/sluice/v1/status': Status
  readonly '/sluice/v1/verdicts': Verdicts
  readonly '/sluice/v1/services': { readonly services: readonly ServiceOutput[] }
  readonly '/sluice/v1/n4': { readonly n4: readonly N4[] }
  readonly '/sluice/v1/sessions': N4Sessions
  readonly '/sluice/v1/user-sessions': UserSessions
  readonly '/sluice/v1/gtpc': { readonly gtpc: readonly Gtpc[] }
  readonly '/sluice/v1/gtpc/sessions': GtpcSessions
}

export interface Client {
  get<Path extends keyof Readable>(
    path: Path,
    query?: Readonly<Record<string, number | string>>,
  ): Promise<{ readonly body: Readable[Path]; readonly headers: Answer['headers'] }>
  post(path: string, body?: unknown): Promise<unknown>
  remove(path: string): Promise<unknown>
}

export const connectTo = (target: Target, timeoutMs: number): Client => {
  const ask = async (method: Method, path: string, body?: unknown) => {
    const answer = await send(target, method, path, body, timeoutMs)
    let parsed: unknown
    try {
      parsed = fromJson(answer.text)
    } catch (cause) {
      throw new CliError(`${showTarget(target)} is not a sluice daemon: its answer is not JSON`, 1, { cause })
    }
    if (answer.status >= 400) throw new CliError(reasonOf(parsed, answer.status), exitCodeOf(answer.status))
    return { body: parsed, headers: answer.headers }
  }
  return {
    get: async (path, query = {}) => {
      const search = Object.entries(query).map(([name, value]) => `${name}=${value}`)
      const { body, headers } = await ask('GET', search.length === 0 ? path : `${path}?${search.join('&')}`)
      return { body: body as Readable[typeof path], headers }
    },
    post: async (path, body) => (await ask('POST', path, body)).body,
    remove: async (path) => (await ask('DELETE', path)).body,
  }
}
