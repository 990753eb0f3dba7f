// GTP-C of both versions (TS 29.060, TS 29.274) as recorded peers speak it. Types carry their version, so that the same
// number of the other version is another type.

import { gtpv1c, gtpv2, splitGtpv2 } from '../../protocols/gtp/index.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { echoRequestType, versionNotSupportedType } from '../gtpc/dialect.ts'
import { gtpcPort } from '../gtpc/model.ts'
import { makeV1 } from '../gtpc/v1.ts'
import { makeV2 } from '../gtpc/v2.ts'
import { statedCause } from './speech.ts'
import type { Gtpv1Message, Gtpv2Message } from '../../protocols/gtp/index.ts'
import type { Dialect, Message as GtpcMessage } from '../gtpc/dialect.ts'
import type { Changes, Message, Sender, Speech, StandIn } from './speech.ts'

const versionBits = 8

const noAddress = { ipv4: null, ipv6: null }
const dialectOf = (version: number, restartCounter = 0): Dialect =>
  version === 1 ? makeV1({ ...noAddress, restartCounter }) : makeV2({ ...noAddress, restartCounter })
/** To read with: they say nothing of themselves. */
const readers = { 1: dialectOf(1), 2: dialectOf(2) } as const

const versionOf = (type: number): 1 | 2 => (type >> versionBits === 1 ? 1 : 2)
const plainType = (type: number): number => type & 0xff
const readerOf = ({ type }: Message): Dialect => readers[versionOf(type)]
const rawOf = ({ raw }: Message): GtpcMessage => raw as GtpcMessage

function roleOf(dialect: Dialect, type: number): Message['role'] {
  if (type === echoRequestType) return 'request'
  if (type === echoRequestType + 1) return 'response'
  if (type === versionNotSupportedType) return 'other'
  const role = dialect.roleOf(type)
  if (role === null || role === 'notice') return 'other'
  return role === 'response' ? 'response' : 'request'
}

function read(bytes: Uint8Array): Message {
  const version = (bytes[0] ?? 0) >> 5
  if (version !== 1 && version !== 2) throw new DecodeError('unknown version', 0)
  const dialect = readers[version]
  const raw = dialect.decode(bytes)
  const { sequence, teid, type } = raw
  const name =
    version === 1 ? gtpv1c.describe(raw.raw as Gtpv1Message).name : gtpv2.describe(raw.raw as Gtpv2Message).name
  return {
    type: (version << versionBits) | type,
    name,
    role: sequence === null ? 'other' : roleOf(dialect, type),
    sequence: sequence ?? 0,
    // A path has no TEID, though version 1 has a place for it.
    session: teid === null || type === echoRequestType || type === echoRequestType + 1 ? null : BigInt(teid),
    raw,
  }
}

function adapted(message: Message, { names, sequence, session }: Changes): Uint8Array {
  const { raw } = rawOf(message)
  if (versionOf(message.type) === 1) {
    const changed = gtpv1c.translate!(raw as Gtpv1Message, names)
    return gtpv1c.encode({ ...changed, sequence, teid: Number(session ?? 0n) })
  }
  const changed = gtpv2.translate!(raw as Gtpv2Message, names)
  const teid = session === null ? changed.teid : Number(session)
  // Piggybacked messages are given one by one.
  return gtpv2.encode({ ...changed, sequence, teid, piggybacks: false })
}

const gtpcSide = (from: Sender): 'client' | 'gateway' => (from === 'client' ? 'client' : 'gateway')

function standIn(request: Message, { facts, session }: StandIn): Uint8Array | null {
  const { sequence } = request
  const type = plainType(request.type)
  const dialect = dialectOf(versionOf(request.type), facts.recovery?.[0] ?? 0)
  if (type === echoRequestType) return dialect.echoResponse(sequence)
  const role = dialect.roleOf(type)
  if (role !== 'delete' && role !== 'node') return null
  return dialect.answer(type + 1, Number(session), sequence, dialect.causes.accepted)
}

export const gtpcSpeech: Speech = {
  port: gtpcPort,
  split: (datagram) => ((datagram[0] ?? 0) >> 5 === 2 ? splitGtpv2(datagram) : [datagram]),
  read,
  adapted,
  ownIdentifier(message, from) {
    const teid = readerOf(message).read(rawOf(message), gtpcSide(from), -1).control?.teid
    return teid === undefined || teid === null ? null : BigInt(teid)
  },
  cause(message) {
    const dialect = readerOf(message)
    const { cause } = dialect.read(rawOf(message), 'gateway', -1)
    if (cause === null) return null
    const { raw } = rawOf(message)
    const { fields } =
      versionOf(message.type) === 1 ? gtpv1c.describe(raw as Gtpv1Message) : gtpv2.describe(raw as Gtpv2Message)
    return { text: statedCause(fields, cause), isAccepted: dialect.isAccepted(cause) }
  },
  makesSession: (type) => readers[versionOf(type)].roleOf(plainType(type)) === 'create',
  isPathCheck: (type) => plainType(type) === echoRequestType,
  standIn,
  introduction: () => null,
  isIntroduction: () => false,
  facts(message, from) {
    const { recovery } = readerOf(message).read(rawOf(message), gtpcSide(from), -1)
    return recovery === null ? null : { recovery: Uint8Array.of(recovery), description: null }
  },
}
