// What a failed request is answered: loxilb's body `{ code, message, result }` everywhere, because its clients look at
// `result` and ours can too.

import type { FastifyError } from 'fastify'
import { errorCode, errorCodes } from '../lb/errors.ts'
import type { ErrorCode } from '../lb/errors.ts'
import type { ErrorBody } from './schemas.ts'
import { InvalidRequest } from './validate.ts'

/** The request was understood and cannot be served. */
export class Refused extends Error {
  readonly code = 'invalid'
  constructor(reason: string) {
    super(reason)
    this.name = 'Refused'
  }
}

/** loxilb's sentences, which its clients compare. */
const messages: Readonly<Record<number, string>> = {
  400: 'Malformed arguments for API call',
  403: 'Capacity insufficient',
  404: 'Resource not found',
  409: 'Resource conflict: Resource already exists OR dependency not found',
  415: 'Unsupported media type',
  503: 'Maintenance mode',
}

export interface Failure {
  readonly status: number
  readonly body: ErrorBody
}

export const failure = (status: number, result: string): Failure => ({
  status,
  body: { code: status, message: messages[status] ?? result, result },
})

const isList = (error: Error): error is Error & { readonly errors: NonNullable<ErrorBody['errors']> } =>
  'errors' in error && Array.isArray(error.errors)

const ofCode = (code: ErrorCode, error: Error): Failure => {
  const answer = failure(errorCodes[code].status, error.message)
  if (!isList(error)) return answer
  const errors = error.errors.map(({ path, line, message }) => ({ path, line, message }))
  return { ...answer, body: { ...answer.body, errors } }
}

/** Errors of fastify itself: a body that is no JSON, too long, of another type. */
const isFastifyError = (error: Error): error is FastifyError & { readonly statusCode: number } =>
  'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500

export const failureOf = (error: unknown): Failure => {
  if (error instanceof InvalidRequest) {
    return { status: 422, body: { code: error.check, message: error.message, result: error.message } }
  }
  if (!(error instanceof Error)) return failure(500, 'internal error')
  if (isFastifyError(error)) return failure(error.statusCode, error.message)
  const code = errorCode(error)
  // The text of an error that nobody foresaw is for the log, not for whoever called.
  return code === 'internal' ? failure(500, "internal error; the daemon's log has the details") : ofCode(code, error)
}
