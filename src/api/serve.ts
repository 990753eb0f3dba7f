// Opens the API: the instance's unix socket, and loopback TCP where it is wanted. Whoever reaches it may change
// everything, so nothing else is opened, and what a web page could send through a browser is refused on TCP.

import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'
import { UnavailableError } from '../lb/errors.ts'
import { buildApp } from './app.ts'
import type { AppOptions } from './app.ts'
import { failure } from './errors.ts'
import type { Failure } from './errors.ts'
import { listenOn, listenOnSocket } from './socket.ts'

export interface ServeOptions extends AppOptions {
  readonly socketPath: string
  /** loopback only; null for the unix socket alone */
  readonly listen: { readonly host: string; readonly port: number } | null
}

export interface RunningApi {
  /** The TCP port, useful when 0 was asked for; null without TCP. */
  readonly port: number | null
  /** Lets requests that are under way finish, for a short while. */
  close(): Promise<void>
}

/** How long close() waits for requests that are under way. */
const closeTimeoutMs = 2000
/** From the first byte of a request to its last. */
const requestTimeoutMs = 30_000

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))

const forbidden = (result: string): Failure => ({ status: 403, body: { code: 403, message: 'Forbidden', result } })

/** Why a request over TCP is refused; undefined when it is not. */
export const refusal = (
  request: Pick<IncomingMessage, 'headers' | 'method'>,
  listen: { readonly host: string; readonly port: number },
) => {
  const { host = '', origin, 'content-type': type = '' } = request.headers
  const names = new Set(['localhost', '127.0.0.1', '[::1]', isIPv6(listen.host) ? `[${listen.host}]` : listen.host])
  const own = [...names].map((name) => `${name}:${listen.port}`)
  if (!own.includes(host)) {
    return forbidden(`the Host header is "${host}": only ${own.join(', ')} are answered here`)
  }
  if (origin !== undefined && !own.includes(origin.replace(/^http:\/\//, ''))) {
    return forbidden(`requests of web pages (Origin ${origin}) are not answered`)
  }
  // A browser sends a POST of another type, or of none, without asking first.
  if (request.method === 'POST' && !/^application\/json\s*(;|$)/i.test(type)) {
    return failure(415, 'send Content-Type: application/json')
  }
  return undefined
}

const guardedServer = (handle: RequestListener, host: string): Server => {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    const refused = refusal(request, { host, port: portOf(server) })
    if (refused === undefined) {
      handle(request, response)
      return
    }
    request.resume()
    response.writeHead(refused.status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
    response.end(JSON.stringify(refused.body))
  })
  return server
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeTimeoutMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })

export const serve = async (options: ServeOptions): Promise<RunningApi> => {
  const { listen, socketPath, log } = options
  if (listen !== null && !isLoopback(listen.host)) {
    throw new RangeError(`the API listens on loopback only, not on ${listen.host}: use 127.0.0.1 or ::1`)
  }
  const app = await buildApp(options)
  const handle: RequestListener = (request, response) => app.routing(request, response)
  const local = createServer({ requestTimeout: requestTimeoutMs }, handle)
  const tcp: Server | null = listen === null ? null : guardedServer(handle, listen.host)
  const removeSocket = await listenOnSocket(local, socketPath)
  const close = async (): Promise<void> => {
    await removeSocket()
    await Promise.all([local, ...(tcp === null ? [] : [tcp])].map(closeServer))
    await app.close()
  }
  try {
    if (tcp !== null && listen !== null) await listenOn(tcp, { host: listen.host, port: listen.port })
  } catch (error) {
    await close()
    throw explained(error, listen)
  }
  log.info({ socket: socketPath, tcp: listen }, 'the API is open')
  return { port: tcp === null ? null : portOf(tcp), close }
}

const explained = (error: unknown, listen: ServeOptions['listen']): unknown => {
  if (!(error instanceof Error) || !('code' in error) || listen === null) return error
  if (error.code !== 'EADDRINUSE' && error.code !== 'EADDRNOTAVAIL') return error
  const reason = error.code === 'EADDRINUSE' ? 'another program listens there' : 'this machine has no such address'
  const message = `cannot open the API at ${listen.host} port ${listen.port}: ${reason}`
  return new UnavailableError(`${message}; choose another with \`api.listen\`, or \`off\` for the unix socket alone`)
}

const portOf = (server: Server | null): number => {
  const address = server?.address() ?? null
  return typeof address === 'object' && address !== null ? address.port : 0
}
