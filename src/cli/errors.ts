// How a command fails: a sentence for people and an exit code for scripts.

import { errorCodes } from '../lb/errors.ts'

/** 1 failure, 2 usage or input, 3 not found, 4 conflict, 5 server unreachable. */
export class CliError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

export const usage = (message: string): CliError => new CliError(message, 2)

export const unreachable = (message: string, cause?: unknown): CliError =>
  new CliError(message, errorCodes.unavailable.exitCode, { cause })

/** What a status of the API means for whoever typed the command. */
export const exitCodeOf = (status: number): number => {
  if (status === 422 || status === 415) return errorCodes.invalid.exitCode
  // The server answered, so it is not unreachable.
  if (status === errorCodes.unavailable.status) return 1
  return Object.values(errorCodes).find((meaning) => meaning.status === status)?.exitCode ?? 1
}
