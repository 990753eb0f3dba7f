// The HTTP application: routes, checks and error bodies, without any listener.

import fastifySwagger from '@fastify/swagger'
import fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Datapath } from '../lb/datapath.ts'
import type { GtpcControl } from '../lb/gtpc-status.ts'
import type { Log } from '../lb/log.ts'
import type { Change } from '../lb/model.ts'
import type { N4Control } from '../lb/n4-status.ts'
import type { Registry } from '../lb/registry.ts'
import type { UserSessionChange } from '../lb/user-session-registry.ts'
import { failure, failureOf } from './errors.ts'
import { toJson } from './json.ts'
import { gtpcRoutes } from './gtpc.ts'
import { loxilbRoutes } from './loxilb.ts'
import { loxilbSessionRoutes } from './loxilb-sessions.ts'
import { n4Routes } from './n4.ts'
import { nativeRoutes } from './native.ts'
import { namedSchemas } from './schemas.ts'
import { userSessionRoutes } from './user-sessions.ts'
import { compileValidator } from './validate.ts'

export interface AppOptions {
  readonly instance: string
  readonly version: string
  readonly registry: Registry
  readonly datapath: Datapath & N4Control & GtpcControl
  /** Changes in words, a line for each thing that is different. */
  readonly describe: (changes: readonly Change[]) => readonly string[]
  readonly describeSessions: (changes: readonly UserSessionChange[]) => readonly string[]
  readonly log: Log
}

/** A service with thousands of endpoints fits; nobody sends more. */
const bodyLimitBytes = 8 * 1024 * 1024

export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    // Names of services stand in paths and hold up to 128 characters, each of them escaped perhaps.
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    // An address or name with a bad escape is an unknown path like any other.
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const { status, body } = failure(404, `not found: ${error.message}`)
      void reply.code(status).send(body)
    },
  })
  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(() => (value: unknown) => toJson(value))
  app.setReplySerializer((value) => toJson(value))
  readJsonOnly(app)
  for (const [name, schema] of Object.entries(namedSchemas)) app.addSchema({ ...schema, $id: name })
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = failureOf(error)
    if (status >= 500) options.log.error({ err: error, method: request.method, url: request.url }, 'a request failed')
    return reply.status(status).send(body)
  })
  app.setNotFoundHandler((request, reply) => {
    const { status, body } = failure(404, `not found: ${request.method} ${request.url} is not served by this build`)
    return reply.status(status).send(body)
  })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice', version: options.version, description: 'Control of one sluice instance.' },
      tags: [
        { name: 'loxilb', description: 'Paths and bodies that clients of loxilb know' },
        { name: 'sluice', description: 'What they do not know' },
      ],
    },
    refResolver: {
      buildLocalReference: ({ $id }, _baseUri, _fragment, index) => (typeof $id === 'string' ? $id : `schema-${index}`),
    },
  })
  await app.register(loxilbRoutes, { ...options, prefix: '/netlox/v1' })
  await app.register(loxilbSessionRoutes, { ...options, prefix: '/netlox/v1' })
  await app.register(nativeRoutes, { ...options, prefix: '/sluice/v1' })
  await app.register(n4Routes, { ...options, prefix: '/sluice/v1' })
  await app.register(userSessionRoutes, { ...options, prefix: '/sluice/v1' })
  await app.register(gtpcRoutes, { ...options, prefix: '/sluice/v1' })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.ready()
  return app
}

/**
 * JSON is the only body. An empty one is none at all, and so is any of a DELETE: some clients send the whole service
 * along, or a header without a body.
 */
const readJsonOnly = (app: FastifyInstance): void => {
  const fail = (statusCode: number, message: string, cause?: unknown): Error =>
    Object.assign(new Error(message, { cause }), { statusCode })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (request.method === 'DELETE' || text.trim() === '') return done(null)
    try {
      done(null, JSON.parse(text))
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      done(fail(400, `parse error: the body is not JSON: ${reason}`, cause))
    }
  })
  app.addContentTypeParser('*', (request, payload, done) => {
    payload.resume()
    if (request.method === 'DELETE') done(null)
    else done(fail(415, 'send Content-Type: application/json'))
  })
}
