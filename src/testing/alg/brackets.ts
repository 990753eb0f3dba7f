// An editor of lines for tests, plain enough to say what it makes of a whole text.

import { longestLine } from '../../datapath/slow-path/alg/stream.ts'
import type { Editor } from '../../datapath/slow-path/alg/stream.ts'

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
export const bytes = (line: string): Uint8Array => new Uint8Array(Buffer.from(line, 'latin1'))

/** Lines that begin with a digit are said so many times in brackets. */
export const said = (line: string): string =>
  /^[0-9]/.test(line) ? `<${line.slice(1, -1).repeat(Number(line[0]))}>\n` : line
export const editor = (): Editor => ({
  line: (line) => (said(text(line)) === text(line) ? null : bytes(said(text(line)))),
  waits: (start) => /^[0-9]/.test(text(start)),
  done: false,
})
export const linesOf = (all: string): readonly string[] => all.match(/[^\n]*\n|[^\n]+$/g) ?? []
export const changed = (line: string): string => (line.endsWith('\n') && line.length <= longestLine ? said(line) : line)
export const expected = (all: string): string => linesOf(all).map(changed).join('')
