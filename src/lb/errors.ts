// The one table of stable error codes: what REST answers and what the command line exits with.

import { ResourceError } from './datapath.ts'

export interface ErrorMeaning {
  /** HTTP status of the REST API */
  readonly status: number
  /** exit code of the command line */
  readonly exitCode: number
}

export const errorCodes = {
  invalid: { status: 400, exitCode: 2 },
  resource: { status: 403, exitCode: 1 },
  not_found: { status: 404, exitCode: 3 },
  conflict: { status: 409, exitCode: 4 },
  internal: { status: 500, exitCode: 1 },
  unavailable: { status: 503, exitCode: 5 },
} as const satisfies Readonly<Record<string, ErrorMeaning>>

export type ErrorCode = keyof typeof errorCodes

/** What was named does not exist. */
export class NotFoundError extends Error {
  readonly code = 'not_found'
  constructor(message: string) {
    super(message)
    this.name = 'NotFoundError'
  }
}

/** The object exists and belongs to somebody else, or two objects cannot live together. */
export class ConflictError extends Error {
  readonly code = 'conflict'
  constructor(message: string) {
    super(message)
    this.name = 'ConflictError'
  }
}

/** Right now the daemon cannot do it; later it can. */
export class UnavailableError extends Error {
  readonly code = 'unavailable'
  constructor(message: string) {
    super(message)
    this.name = 'UnavailableError'
  }
}

/** The code of any error; what carries none of ours is `internal`. */
export const errorCode = (error: unknown): ErrorCode => {
  if (error instanceof ResourceError) return 'resource'
  if (!(error instanceof Error) || !('code' in error)) return 'internal'
  const { code } = error
  return typeof code === 'string' && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'internal'
}
