// Where Sluice and tshark do not agree, and why: the tables of fixtures/oracle-exceptions.md. A difference is explained
// by a row whose patterns match it; `*` stands for anything.

import { readFileSync } from 'node:fs'

export interface Difference {
  readonly file: string
  readonly frame: number
  readonly protocol: string
  readonly field: string
  readonly ours: string
  readonly tshark: string
}

export interface Exception {
  /** of the page */
  readonly line: number
  readonly file: string
  readonly protocol: string
  readonly field: string
  readonly ours: string
  readonly tshark: string
  readonly reason: string
}

const columns = ['file', 'protocol', 'field', 'ours', 'tshark', 'reason'] as const
const plain = (cell: string): string => cell.trim().replace(/^`(?<inside>.*)`$/, '$<inside>')

/** Throws for a row that has another number of cells, or no reason. */
export function readExceptions(path: URL): readonly Exception[] {
  const rows: Exception[] = []
  let inTable = false
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (!line.startsWith('|')) {
      inTable = false
      continue
    }
    const cells = line
      .replaceAll(/^\||\|$/g, '')
      .split('|')
      .map(plain)
    if (!inTable) {
      inTable = columns.every((name, at) => cells[at] === name)
      continue
    }
    if (cells.every((cell) => /^:?-+$/.test(cell))) continue
    const [file = '', protocol = '', field = '', ours = '', tshark = '', reason = ''] = cells
    if (cells.length !== columns.length || reason === '')
      throw new Error(`${path.pathname}:${index + 1}: not a row of ${columns.join(', ')}`)
    rows.push({ line: index + 1, file, protocol, field, ours, tshark, reason })
  }
  return rows
}

const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`))
      .join('.*')}$`,
    's',
  ).test(text)

const compared = ['file', 'protocol', 'field', 'ours', 'tshark'] as const

/** Undefined: nothing explains it. */
export const explanationOf = (difference: Difference, exceptions: readonly Exception[]): Exception | undefined =>
  exceptions.find((exception) => compared.every((column) => matches(exception[column], difference[column])))

export const isAbout = (exception: Exception, file: string): boolean => matches(exception.file, file)
