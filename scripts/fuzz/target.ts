// What can be fuzzed, and how its options are read.

import { parseArgs } from 'node:util'

export interface Target {
  /** its options */
  readonly usage: string
  /** Gives the exit code: 0 when nothing was found, 1 when something was, and has been said. */
  readonly run: (args: readonly string[]) => number | Promise<number>
}

/** The options are not understood. */
export class UsageError extends Error {}

/** Options of the form `--name value`; null where they are not given. */
export function readOptions<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): Readonly<Record<Name, string | null>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    const { values } = parseArgs({ args: [...args], options })
    return Object.fromEntries(names.map((name) => [name, values[name] ?? null])) as Record<Name, string | null>
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

export function readCount(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${text} is no count`)
  return Number(text)
}
