// What a message of Diameter means to a balancer: its session, and what it proves about where a session lives.

import { read32 } from '../../wire/fields.ts'
import { plainTextOf } from '../element-values.ts'
import { KeyList } from '../session-keys.ts'
import { commands } from './commands.ts'
import { isSuccess, unknownSession } from './result-codes.ts'
import { codes, findAvp, findNumber, forEachBaseAvp } from './walk.ts'
import type { Learned, SessionKey, Side } from '../protocol.ts'
import type { DiameterMessage } from './codec.ts'

/** Applications in which the User-Name is the IMSI: S6a, S13, SLg, S7a, S6c, S6t. */
const nameIsImsi = new Set([16777251, 16777252, 16777255, 16777308, 16777312, 16777345])
const endUserImsi = 1

/** The session, and the subscriber: its IMSI, and its IPv4 address where it has one. */
export function sessions({ application, body }: DiameterMessage): readonly SessionKey[] {
  const list = new KeyList()
  forEachBaseAvp(body, 0, body.length, (code, start, end) => {
    if (code === codes.sessionId && end > start) list.add('session-id', plainTextOf(body, start, end))
    else if (code === codes.userName && nameIsImsi.has(application)) addImsi(list, body, start, end)
    else if (code === codes.framedIpAddress && end === start + 4) addUeAddress(list, body, start)
    else if (code === codes.subscriptionId) addSubscriber(list, body, start, end)
  })
  return list.keys
}

const fewestDigits = 6
const mostDigits = 15

/** What is not made of digits is another kind of name. */
function addImsi(list: KeyList, body: Uint8Array, start: number, end: number): void {
  if (end - start < fewestDigits || end - start > mostDigits) return
  for (let at = start; at < end; at++) if (body[at]! < 0x30 || body[at]! > 0x39) return
  list.add('imsi', plainTextOf(body, start, end))
}

/** The last two addresses stand for `the user chooses` and `the network chooses` (RFC 2865, 5.8). */
const firstWish = 0xffff_fffe

function addUeAddress(list: KeyList, body: Uint8Array, start: number): void {
  if (read32(body, start) < firstWish)
    list.addUeAddresses(body, { ipv4: start, ipv6: -1, identifier: -1, end: start + 4 })
}

function addSubscriber(list: KeyList, body: Uint8Array, start: number, end: number): void {
  let isImsi = false
  let dataStart = end
  let dataEnd = end
  forEachBaseAvp(body, start, end, (code, from, to) => {
    if (code === codes.subscriptionIdType && to === from + 4) isImsi = read32(body, from) === endUserImsi
    if (code !== codes.subscriptionIdData) return
    dataStart = from
    dataEnd = to
  })
  if (isImsi) addImsi(list, body, dataStart, dataEnd)
}

function sessionOf({ body }: DiameterMessage): SessionKey | null {
  const value = findAvp(body, codes.sessionId)
  if (value === null || value.length === 0) return null
  return { kind: 'session-id', value: plainTextOf(value, 0, value.length) }
}

const noStateMaintained = 1
const ccRequestTypes = { termination: 3, event: 4 } as const
const accountingRecordTypes = { event: 1, stop: 4 } as const

/**
 * Whoever answers for a session with success has it, and so has an endpoint that asks about one of its own accord. It
 * is gone once its end has been answered, and where the endpoint does not know it. What keeps no state is no session.
 */
export function learn(message: DiameterMessage, from: Side): readonly Learned[] {
  if (from === 'client') return []
  const key = sessionOf(message)
  const { body, command, request } = message
  if (key === null || findNumber(body, codes.authSessionState) === noStateMaintained) return []
  if (request) return [{ action: 'add', key, at: null }]
  const result = findNumber(body, codes.resultCode)
  if (result === unknownSession) return [{ action: 'remove', key, at: null }]
  if (!isSuccess(result)) return []
  switch (command) {
    case commands.sessionTermination:
      return [{ action: 'remove', key, at: null }]
    case commands.creditControl:
      return ofRecord(key, findNumber(body, codes.ccRequestType), ccRequestTypes.termination, ccRequestTypes.event)
    case commands.accounting: {
      const record = findNumber(body, codes.accountingRecordType)
      return ofRecord(key, record, accountingRecordTypes.stop, accountingRecordTypes.event)
    }
    default:
      return [{ action: 'add', key, at: null }]
  }
}

/** An event is over with its answer and leaves nothing behind. */
function ofRecord(key: SessionKey, type: number, last: number, event: number): readonly Learned[] {
  if (type === event) return []
  return [{ action: type === last ? 'remove' : 'add', key, at: null }]
}
