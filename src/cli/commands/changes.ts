// How commands show what changed.

import type { Changes, UserSessionChanges } from '../../api/schemas.ts'
import type { GlobalOptions } from '../context.ts'
import type { Io } from '../io.ts'
import { printData } from '../output.ts'

const counted = (count: number, what: string): readonly string[] =>
  count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'}`]

const sum = (io: Io, parts: readonly string[], dryRun: boolean): void => {
  if (parts.length === 0) io.say('nothing to change')
  else io.say(`${parts.join(', ')} ${dryRun ? 'would change (dry run)' : 'changed'}`)
}

export const printChanges = async (io: Io, answer: Changes, options: GlobalOptions): Promise<void> => {
  if (await printData(io, answer, options.output)) return
  const { changes, dryRun, sessions = [] } = answer
  for (const line of [...changes, ...sessions].flatMap(({ description }) => description)) io.out(`${line}\n`)
  sum(io, [...counted(changes.length, 'service'), ...counted(sessions.length, 'session')], dryRun)
}

export const printSessionChanges = async (
  io: Io,
  answer: UserSessionChanges,
  options: GlobalOptions,
): Promise<void> => {
  if (await printData(io, answer, options.output)) return
  for (const line of answer.sessions.flatMap(({ description }) => description)) io.out(`${line}\n`)
  sum(io, counted(answer.sessions.length, 'session'), answer.dryRun)
}
