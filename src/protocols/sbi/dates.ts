// Dates in headers: milliseconds since 1970.

import { characters } from './text.ts'
import type { Grammar } from './grammar.ts'
import type { TextReader } from './text.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const weekday = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const clock = String.raw`(\d\d):(\d\d)`
const mailDate = new RegExp(
  String.raw`^(?:${weekday}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) ${clock}(?::(\d\d))? (?:GMT|UTC?|([+-])(\d\d)(\d\d))$`,
)
const internetDate = new RegExp(
  String.raw`^(\d{4})-(\d\d)-(\d\d)T${clock}:(\d\d)(?:\.\d{1,9})?(?:Z|([+-])(\d\d):(\d\d))$`,
  'i',
)
const preciseDate = new RegExp(String.raw`^${weekday}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) ${clock}:(\d\d)\.(\d{3}) GMT$`)

/** Longer than any date. */
const longestDate = 40

/**
 * A date of RFC 5322, 3.3, without its comments; milliseconds since 1970, of whole seconds. The date of RFC 3339 that
 * some send is read too, and its fraction dropped. The day of the week is not compared with the date: examples of the
 * specification have a wrong one. Written as `Tue, 04 Feb 2020 08:49:37 GMT`.
 */
export const date: Grammar<number> = {
  read(reader) {
    const start = reader.at
    const text = dateText(reader)
    const mail = mailDate.exec(text)
    if (mail !== null) {
      const [, day, month, year, hour, minute, second, sign, hours, minutes] = mail
      return timeOf(reader, start, [year, months.indexOf(month!) + 1, day, hour, minute, second], sign, hours, minutes)
    }
    const internet = internetDate.exec(text)
    if (internet === null) throw reader.fail('malformed date', start)
    const [, year, month, day, hour, minute, second, sign, hours, minutes] = internet
    return timeOf(reader, start, [year, month, day, hour, minute, second], sign, hours, minutes)
  },
  write: (value) => new Date(value).toUTCString(),
}

/** A date with milliseconds, which is since 1970 too: `Sun, 04 Aug 2019 08:49:37.845 GMT`. */
export const preciseTime: Grammar<number> = {
  read(reader) {
    const start = reader.at
    const found = preciseDate.exec(dateText(reader))
    if (found === null) throw reader.fail('malformed date', start)
    const [, day, month, year, hour, minute, second, millisecond] = found
    const whole = timeOf(reader, start, [year, months.indexOf(month!) + 1, day, hour, minute, second])
    return whole + Number(millisecond)
  },
  write(value) {
    const time = new Date(value)
    return time.toUTCString().replace(' GMT', `.${`${time.getUTCMilliseconds()}`.padStart(3, '0')} GMT`)
  },
}

function dateText(reader: TextReader): string {
  const text = reader.run(characters.date)
  if (text === '') throw reader.unexpected()
  return text.length > longestDate ? '' : text.trimEnd()
}

/** Later years have five digits. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59)

type Part = string | number | undefined

function timeOf(
  reader: TextReader,
  start: number,
  [year, month, day, hour, minute, second = 0]: readonly Part[],
  sign = '+',
  hours = '0',
  minutes = '0',
): number {
  const parts = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const
  const time = new Date(Date.UTC(...parts))
  // A day or an hour that does not exist would be another one.
  const isDate =
    time.getUTCFullYear() === parts[0] &&
    time.getUTCMonth() === parts[1] &&
    time.getUTCDate() === parts[2] &&
    time.getUTCHours() === parts[3] &&
    time.getUTCMinutes() === parts[4] &&
    time.getUTCSeconds() === parts[5]
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  const value = time.getTime() - (sign === '-' ? -offset : offset)
  if (!isDate || value < 0 || value > latest) throw reader.fail('malformed date', start)
  return value
}
