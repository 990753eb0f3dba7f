// Log lines for people: time, level, sentence, then the fields as name=value.

import type { Writable } from 'node:stream'

const levels: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }
const hidden = new Set(['level', 'time', 'pid', 'hostname', 'msg'])

const field = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/** One line of text for one line of JSON. */
export const textLine = (line: string): string => {
  const record = JSON.parse(line) as Readonly<Record<string, unknown>>
  const time = new Date(Number(record['time'])).toISOString()
  const level = levels[Number(record['level'])] ?? String(record['level'])
  const fields = Object.entries(record)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => ` ${name}=${field(value)}`)
  return `${time} ${level.padEnd(5)} ${String(record['msg'])}${fields.join('')}\n`
}

/** A destination for pino. */
export const textLines = (output: Writable): { write: (line: string) => void } => ({
  write: (line) => void output.write(textLine(line)),
})
