// Tables in kubectl's manner: upper-case headers, columns aligned, no borders, nothing after the last cell.

import { stripVTControlCharacters } from 'node:util'

const gap = '   '

/** Names and numbers here are ASCII; colours take no room. */
const widthOf = (cell: string): number => stripVTControlCharacters(cell).length

export const table = (
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly headers: boolean } = { headers: true },
): string => {
  const lines = options.headers ? [headers.map((header) => header.toUpperCase()), ...rows] : rows
  const widths = headers.map((_, column) => Math.max(0, ...lines.map((line) => widthOf(line[column] ?? ''))))
  return lines
    .map((line) => {
      const cells = widths.map((width, column) => {
        const cell = line[column] ?? ''
        return cell + ' '.repeat(width - widthOf(cell))
      })
      return `${cells.join(gap).trimEnd()}\n`
    })
    .join('')
}
