// `-o`: the same data as a table for people, or as JSON or YAML for programs.

import { toJson } from '../api/json.ts'
import type { Io } from './io.ts'
import { table } from './table.ts'

export const formats = ['table', 'wide', 'json', 'yaml'] as const
export type Format = (typeof formats)[number]

export interface View {
  readonly headers: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** what to say when there are no rows */
  readonly empty: string
}

export interface OutputOptions {
  readonly output: Format
  /** commander's name for --no-headers */
  readonly headers: boolean
}

/** True when `data` was printed for a program. */
export const printData = async (io: Io, data: unknown, output: Format): Promise<boolean> => {
  if (output === 'json') {
    io.out(`${toJson(data, 2)}\n`)
    return true
  }
  if (output === 'yaml') {
    const { stringify } = await import('yaml')
    io.out(stringify(data))
    return true
  }
  return false
}

export const printTable = (io: Io, view: View, options: OutputOptions): void => {
  if (view.rows.length === 0) io.say(view.empty)
  else io.out(table(view.headers, view.rows, options))
}
