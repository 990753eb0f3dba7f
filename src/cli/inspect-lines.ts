// A message of a capture as one line: for people, or as JSON.

import { toJson } from '../api/json.ts'
import { placedKeys } from '../captures/index.ts'
import type { CaptureTime, Message } from '../captures/index.ts'
import type { FieldValue, SessionKey } from '../protocols/protocol.ts'
import type { Io } from './io.ts'

/** of a value in a line for people */
const longestValue = 48
const mostFields = 10
const protocolWidth = 8
const placesWidth = 43

// ---- text that came from a network ----------------------------------------------------------------------------------

/** What a terminal may take for an order (category C), or that ends a line or turns text round. */
const dangerous = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const [space, quote, lastSign] = [0x20, 0x22, 0x7e] as const

/** Printable ASCII, as nearly all text is: several times as fast as asking an expression. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at)
    if (sign < space || sign > lastSign) return false
  }
  return true
}

function isWord(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at)
    if (sign <= space || sign > lastSign || sign === quote) return false
  }
  return text.length > 0
}

/** Safe to show. */
export const shown = (text: string): string =>
  isPlain(text) ? text : text.replaceAll(dangerous, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Safe to show, and one word. */
const word = (text: string): string => {
  if (isWord(text)) return text
  return `"${shown(text).replaceAll('"', '\\"')}"`
}

// ---- time -----------------------------------------------------------------------------------------------------------

/** Days do not change often. */
let lastSecond = NaN
let lastText = ''

/** `2026-01-02T03:04:05`, UTC; a year that JavaScript does not know is the number of seconds. */
function secondText(seconds: number): string {
  if (seconds === lastSecond) return lastText
  lastSecond = seconds
  const date = new Date(seconds * 1000)
  lastText = Number.isNaN(date.getTime()) ? `${seconds}` : date.toISOString().slice(0, -5)
  return lastText
}

const lineTime = (time: CaptureTime | null): string =>
  time === null
    ? '-'.padEnd(26)
    : `${secondText(time.seconds)}.${Math.floor(time.nanoseconds / 1000)
        .toString()
        .padStart(6, '0')}`

/** RFC 3339, with nanoseconds. */
export const timeText = (time: CaptureTime | null): string | null =>
  time === null ? null : `${secondText(time.seconds)}.${time.nanoseconds.toString().padStart(9, '0')}Z`

// ---- lines ----------------------------------------------------------------------------------------------------------

/** What says little, or is said elsewhere in the line. */
const unsaid = new Set([
  'seid',
  'teid',
  'sourcePort',
  'destinationPort',
  'verificationTag',
  'criticality',
  'amfUeNgapId',
  'ranUeNgapId',
  'mmeUeS1ApId',
  'eNbUeS1ApId',
  'imsi',
  'guami',
  'nasPdu',
  'sessionId',
  'callId',
])

const keysText = (keys: readonly SessionKey[]): string =>
  keys.map(({ kind, value }) => `${kind}=${word(value)}`).join(' ')

function fieldsText(fields: Readonly<Record<string, FieldValue>>): string {
  let text = ''
  let count = 0
  for (const name in fields) {
    const value = fields[name]!
    if (typeof value === 'object' || unsaid.has(name)) continue
    if (++count > mostFields) return `${text}…`
    const full = String(value)
    text += `${name}=${word(full.length > longestValue ? `${full.slice(0, longestValue)}…` : full)} `
  }
  return text
}

/** Time, who to whom, protocol, name, session keys, fields. All fields where `isWide`. */
export function messageLine(io: Io, message: Message, isWide: boolean): string {
  const { error, frame, place, protocol, time } = message
  const places = `${place.source} > ${place.destination}`.padEnd(placesWidth)
  const start = `${lineTime(time)}  ${places}  ${protocol.name.padEnd(protocolWidth)}`
  if (error !== null)
    return `${start}  ${io.style('out', 'red', 'malformed:')} ${shown(error.message)}  frame=${frame}\n`
  const { fields, name } = message.description
  const keys = placedKeys(message.keys, place)
  const told = isWide ? `${shown(toJson(fields))} ` : fieldsText(fields)
  return `${start}  ${shown(name)}  ${keys.length === 0 ? '-' : keysText(keys)}  ${told}frame=${frame}\n`
}

export function messageJson({ description, error, frame, keys, place, protocol, time }: Message): string {
  const start = { frame, time: timeText(time), protocol: protocol.name }
  const ends = { src: place.source, dst: place.destination }
  if (error !== null) {
    const { offset, path, reason } = error
    return `${JSON.stringify({ ...start, ...ends, error: { reason, offset, path } })}\n`
  }
  const { fields, name } = description
  return `${quickJson({ ...start, name, ...ends, keys: placedKeys(keys, place), fields })}\n`
}

/** Numbers of 64 bits are rare, and looking for them takes long. */
function quickJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return toJson(value)
  }
}
