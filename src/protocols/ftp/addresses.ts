// Where a data connection goes, as four forms of FTP say it, and those forms with another place in them.
//
//     PORT h1,h2,h3,h4,p1,p2            RFC 959    IPv4 only
//     EPRT |1|192.0.2.1|5282|           RFC 2428   any character may stand for |
//     227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)   RFC 959; parentheses and words are the server's own
//     229 Entering Extended Passive Mode (|||5282|)   RFC 2428; the address is the one of the control connection
//
// Lines are strings of single bytes (latin1) without their end of line, and short: the caller limits them.

import { formatAddress, isMappedIPv4, parseAddress } from '../../wire/ip.ts'

export type Form = 'PORT' | 'EPRT' | '227' | '229'

export interface Place {
  /** 16 bytes; null: 229 names none */
  readonly address: Uint8Array | null
  readonly port: number
}

/** Why a line is not obeyed. */
export type Refusal =
  | 'malformed address'
  | 'port out of range'
  | 'privileged port'
  | 'wrong address family'
  | 'foreign address'
  | 'nobody asked'

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: Refusal }

const refuse = (reason: Refusal): Read<never> => ({ ok: false, reason })

/** Ports below are those of servers; who names one for a data connection wants to reach something else. */
const firstUnprivilegedPort = 1024
const lastPort = 65535

const sixNumbers = /(?<![0-9,])([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9}),([0-9]{1,9})(?![0-9,])/
const onlySixNumbers = new RegExp(`^${sixNumbers.source}$`)

export function readPlace(form: Form, text: string): Read<Place> {
  switch (form) {
    case 'PORT':
      return readSix(onlySixNumbers.exec(text))
    case '227':
      return readSix(sixNumbers.exec(text))
    case 'EPRT':
      return readEprt(text)
    case '229':
      return read229(text)
    default:
      return form satisfies never
  }
}

function readSix(found: RegExpExecArray | null): Read<Place> {
  const numbers = found?.slice(1).map(Number)
  if (!numbers || numbers.some((number) => number > 255)) return refuse('malformed address')
  const address = parseAddress(numbers.slice(0, 4).join('.'))
  return placeOf(address, numbers[4]! * 256 + numbers[5]!)
}

function readEprt(text: string): Read<Place> {
  const delimiter = text[0] ?? ''
  if (delimiter < '!' || delimiter > '~' || !text.endsWith(delimiter)) return refuse('malformed address')
  const fields = text.split(delimiter)
  if (fields.length !== 5) return refuse('malformed address')
  const [, family = '', addressText = '', portText = ''] = fields
  if (family !== '1' && family !== '2') return refuse('wrong address family')
  const address = parseAddress(addressText)
  if (address && isMappedIPv4(address) !== (family === '1')) return refuse('wrong address family')
  return /^[0-9]{1,9}$/.test(portText) ? placeOf(address, Number(portText)) : refuse('malformed address')
}

const extendedReply = /\(([!-~])\1\1([0-9]{1,9})\1\)/

function read229(text: string): Read<Place> {
  const found = extendedReply.exec(text)
  return found ? placeOf(null, Number(found[2])) : refuse('malformed address')
}

function placeOf(address: Uint8Array | null | undefined, port: number): Read<Place> {
  if (address === undefined) return refuse('malformed address')
  if (port === 0 || port > lastPort) return refuse('port out of range')
  if (port < firstUnprivilegedPort) return refuse('privileged port')
  return { ok: true, value: { address, port } }
}

const sixOf = (address: Uint8Array, port: number): string => [...address.subarray(12), port >> 8, port & 255].join(',')

/** The argument of PORT or EPRT, or the whole reply. PORT and 227 have room for an IPv4 address only. */
export function writePlace(form: Form, address: Uint8Array, port: number): string {
  switch (form) {
    case 'PORT':
      return sixOf(address, port)
    case 'EPRT':
      return `|${isMappedIPv4(address) ? 1 : 2}|${formatAddress(address)}|${port}|`
    case '227':
      return `227 Entering Passive Mode (${sixOf(address, port)}).`
    case '229':
      return `229 Entering Extended Passive Mode (|||${port}|)`
    default:
      return form satisfies never
  }
}

/** A reply with another place in it and its words as they were. It must be one that can be read. */
export function replacePlace(form: '227' | '229', text: string, address: Uint8Array, port: number): string {
  return form === '227'
    ? text.replace(sixNumbers, sixOf(address, port))
    : text.replace(extendedReply, (_, delimiter: string) => `(${delimiter.repeat(3)}${port}${delimiter})`)
}
