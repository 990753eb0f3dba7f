// Version 2 of GTP-C as the proxy needs it (TS 29.274): which messages it passes on, what it reads in them, and the
// elements that it must not let through as they are.

import { digitText, hexText, nameText } from '../../protocols/element-values.ts'
import { gtpv2, spansOfGtpv2 } from '../../protocols/gtp/index.ts'
import { addressText } from '../../protocols/session-keys.ts'
import { join, read32, write32 } from '../../wire/fields.ts'
import { edited } from './dialect.ts'
import type { Gtpv2Message } from '../../protocols/gtp/index.ts'
import type { Dialect, Edit, Facts, Identity, Message, Onward, Role, Side } from './dialect.ts'

const element = {
  imsi: 1,
  cause: 2,
  recovery: 3,
  apn: 71,
  ebi: 73,
  mei: 75,
  indication: 77,
  fTeid: 87,
  bearerContext: 93,
  fqCsid: 132,
  overloadControl: 180,
  loadControl: 181,
  metric: 182,
} as const

const deleteSessionRequest = 36
const elementHeader = 4

/** Messages between MMEs, and those of MBMS and SRVCC, are not for a pool of gateways. */
const requests: readonly (readonly [number, Role])[] = [
  [32, 'create'],
  [34, 'request'],
  [deleteSessionRequest, 'delete'],
  [38, 'request'],
  [40, 'request'],
  [64, 'command'],
  [66, 'command'],
  [68, 'command'],
  [95, 'request'],
  [97, 'request'],
  [99, 'delete'],
  [101, 'node'],
  [103, 'request'],
  [160, 'request'],
  [162, 'request'],
  [164, 'request'],
  [166, 'request'],
  [168, 'request'],
  [170, 'request'],
  [176, 'notification'],
  [200, 'request'],
  [211, 'request'],
]
const roles = new Map<number, Role>([
  ...requests,
  ...requests.map(([type]): [number, Role] => [type + 1, 'response']),
  [70, 'notice'],
  [71, 'notice'],
  [72, 'notice'],
  [73, 'notice'],
])

/** Interfaces of F-TEIDs for control (8.22), as far as gateways and their clients have them. */
const s11Mme = 10
const s4Sgsn = 17
const controlInterfaces = new Set([6, 7, s11Mme, 11, s4Sgsn, 30, 32, 35, 36])

/**
 * Instances of the sender's own F-TEID for control. A client has 0, in Bearer Resource Commands 2; its instance 1 is of
 * a PGW further on. A gateway has 0 if it is an SGW and 1 if it is a PGW.
 */
const ownInstances: Readonly<Record<Side, readonly number[]>> = { client: [0], gateway: [0, 1] }
const bearerResourceCommand = 68
const ownInBearerResourceCommand: readonly number[] = [0, 2]

interface Span {
  readonly start: number
  readonly end: number
}

function ownControl({ body, type: message }: Gtpv2Message, from: Side): Span | null {
  const instances = message === bearerResourceCommand ? ownInBearerResourceCommand : ownInstances[from]
  let best: Span | null = null
  let bestRank = Infinity
  for (const { end, instance, start, type } of spansOfGtpv2(body, 0, body.length)) {
    if (type !== element.fTeid || !controlInterfaces.has(body[start]! & 0x3f)) continue
    const rank = instances.indexOf(instance)
    if (rank < 0 || rank >= bestRank) continue
    best = { start, end }
    bestRank = rank
  }
  return best
}

/** The first element of a type, of instance 0, within a group; null: there is none, or it is empty. */
function inGroup(body: Uint8Array, { end, start }: Span, wanted: number): number | null {
  for (const one of spansOfGtpv2(body, start, end))
    if (one.type === wanted && one.instance === 0 && one.end > one.start) return body[one.start]!
  return null
}

/** An SGW's own load is instance 2, its overload 1; a PGW's are 0 and 1, and 0 (tables 7.2.2-1 and 7.2.8-1). */
function isOfGateway(type: number, instance: number, isSgw: boolean): boolean {
  if (type === element.loadControl) return isSgw ? instance === 2 : instance < 2
  return type === element.overloadControl && (isSgw ? instance === 1 : instance === 0)
}

/** Sets that one session is in; one message of it may name a few more, and what is beyond is not found by its set. */
const mostSets = 16

/** The node of an FQ-CSID with each of its identifiers (8.62). */
function setsIn(body: Uint8Array, { end, start }: Span): readonly string[] {
  if (end === start) return []
  const at = start + 1 + (body[start]! >> 4 === 1 ? 16 : 4)
  const count = body[start]! & 15
  const node = hexText(body, start + 1, Math.min(at, end))
  return Array.from({ length: count }, (_, i) => at + i * 2)
    .filter((from) => from + 2 <= end)
    .map((from) => `${body[start]! >> 4}-${node}-${hexText(body, from, from + 2)}`)
}

export interface SetElement {
  readonly sets: readonly string[]
  readonly bytes: Uint8Array
}

/** FQ-CSIDs of a message about sets. */
export const setElements = (message: Message): readonly SetElement[] => {
  const { body } = message.raw as Gtpv2Message
  return [...spansOfGtpv2(body, 0, body.length)]
    .filter(({ type }) => type === element.fqCsid)
    .map((span) => ({ sets: setsIn(body, span), bytes: body.slice(span.start - elementHeader, span.end) }))
}

export const deleteSetRequest = 101

/** Asks for the deletion of all that belongs to FQ-CSIDs, which are elements as they stand. */
export const setDeletion = (sequence: number, elements: Uint8Array): Uint8Array =>
  gtpv2.encode({ ...plain(deleteSetRequest, 0, sequence), body: elements })

/** The FQ-CSID of sets of one node, as an element; instance 1 is an SGW's, 2 a PGW's (table 7.2.31-1). */
export function setElement(set: string, isSgw: boolean): Uint8Array {
  const [kind = '0', node = '', id = ''] = set.split('-')
  const value = Buffer.from(`${kind}1${node}${id}`, 'hex')
  return join(Uint8Array.of(element.fqCsid, 0, value.length, isSgw ? 1 : 2), value)
}

/** Of the interface that a client has: whether it is an MME or SGSN, so that what answers it is an SGW. */
export const isMme = (clientInterface: number): boolean => clientInterface === s11Mme || clientInterface === s4Sgsn

const plain = (type: number, teid: number | null, sequence: number): Gtpv2Message => ({
  type,
  teid,
  sequence,
  priority: null,
  piggybacks: false,
  spare: 0,
  body: new Uint8Array(),
})

export function makeV2({ ipv4, ipv6, restartCounter }: Identity): Dialect {
  const recovery = Uint8Array.of(element.recovery, 0, 1, 0, restartCounter)

  /** An element of the kind of interface that the sender has; of its families those that we have. */
  function standInFor(first: number, teid: number): Uint8Array {
    const both = [(first & 0x80) !== 0 ? ipv4 : null, (first & 0x40) !== 0 ? ipv6 : null]
    const [four, six] = both.every((address) => address === null) ? [ipv4, ipv6] : both
    const flags = (four ? 0x80 : 0) | (six ? 0x40 : 0)
    const head = Uint8Array.of(flags | (first & 0x3f), 0, 0, 0, 0)
    write32(head, 1, teid)
    return join(head, four ?? new Uint8Array(), six ?? new Uint8Array())
  }

  function controlOf(body: Uint8Array, { start }: Span): Facts['control'] {
    const flags = body[start]!
    const four = (flags & 0x80) === 0 ? null : start + 5
    const six = (flags & 0x40) === 0 ? null : start + (four === null ? 5 : 9)
    const teid = read32(body, start + 1)
    if (four !== null && (ipv4 !== null || six === null)) return { address: addressText(body, four, 4), teid }
    return six === null ? null : { address: addressText(body, six, 16), teid }
  }

  function edits(message: Gtpv2Message, { clientInterface, from, standIn }: Onward): readonly Edit[] {
    const { body } = message
    const control = ownControl(message, from)
    const isSgw = isMme(clientInterface)
    const found: Edit[] = []
    let hasRecovery = false
    for (const { end, instance, start, type } of spansOfGtpv2(body, 0, body.length)) {
      const head = start - elementHeader
      if (type === element.recovery) {
        found.push({ start: head, end, by: hasRecovery ? new Uint8Array() : recovery })
        hasRecovery = true
      } else if (start === control?.start && standIn !== null) {
        const value = standInFor(body[start]!, standIn)
        found.push({ start: head + 1, end, by: join(Uint8Array.of(0, value.length, instance), value) })
      } else if (from === 'gateway' && isOfGateway(type, instance, isSgw))
        found.push({ start: head, end, by: new Uint8Array() })
    }
    return found
  }

  return {
    version: 2,
    lastSequence: 0x7f_ffff,
    deletionType: deleteSessionRequest,
    causes: {
      accepted: 16,
      notFound: 64,
      missing: 70,
      incorrect: 69,
      noResources: 73,
      malformed: 67,
      unknownUser: 64,
    },
    roleOf: (type) => roles.get(type) ?? null,
    decode(bytes) {
      const raw = gtpv2.decode(bytes)
      const { priority, sequence, teid, type } = raw
      return { type, teid, sequence, priority, raw }
    },
    read: (message, from, clientInterface) => read(message.raw as Gtpv2Message, from, clientInterface, controlOf),
    isAccepted: (cause) => cause >= 16 && cause < 64,
    isUnknown: (cause) => cause === 64,
    forward({ raw }, onward) {
      const message = raw as Gtpv2Message
      const body = edited(message.body, edits(message, onward))
      return gtpv2.encode({ ...message, teid: onward.teid, sequence: onward.sequence, piggybacks: false, body })
    },
    answer: (type, teid, sequence, cause) =>
      gtpv2.encode({ ...plain(type, teid, sequence), body: Uint8Array.of(element.cause, 0, 2, 0, cause, 0) }),
    echoRequest: (sequence) => gtpv2.encode({ ...plain(1, null, sequence), body: recovery }),
    echoResponse: (sequence) => gtpv2.encode({ ...plain(2, null, sequence), body: recovery }),
    versionNotSupported: (sequence) => gtpv2.encode(plain(3, null, sequence)),
    deletion(teid, sequence, context, fromClient) {
      const ebi = Uint8Array.of(element.ebi, 0, 1, 0, context)
      // Operation Indication: an SGW is to tell the PGW (8.12).
      const indication = isMme(fromClient) ? Uint8Array.of(element.indication, 0, 2, 0, 8, 0) : new Uint8Array()
      return gtpv2.encode({ ...plain(deleteSessionRequest, teid, sequence), body: join(ebi, indication) })
    },
  }
}

function read(
  message: Gtpv2Message,
  from: Side,
  clientInterface: number,
  controlOf: (body: Uint8Array, span: Span) => Facts['control'],
): Facts {
  const { body } = message
  const control = ownControl(message, from)
  const kind = from === 'client' && control !== null ? body[control.start]! & 0x3f : clientInterface
  const isSgw = from === 'gateway' && isMme(kind)
  // Of FQ-CSIDs an MME's is instance 0 and an SGW's 1 in requests; in answers a PGW's is 0 (tables 7.2.1-1, 7.2.2-1).
  const ownSets = isSgw || (from === 'client' && !isMme(kind)) ? 1 : 0
  let imsi: string | null = null
  let mei: string | null = null
  let cause: number | null = null
  let recovery: number | null = null
  let ebi: number | null = null
  let bearer: number | null = null
  let load: number | null = null
  let apn: string | null = null
  const sets: string[] = []
  for (const { end, instance, start, type } of spansOfGtpv2(body, 0, body.length)) {
    const isFirst = instance === 0 && end > start
    if (type === element.imsi && isFirst) imsi = digitText(body, start, end)
    else if (type === element.mei && isFirst) mei = digitText(body, start, end)
    else if (type === element.cause && isFirst) cause = body[start]!
    else if (type === element.recovery && isFirst) recovery = body[start]!
    else if (type === element.apn && isFirst) apn = nameText(body, start, end)
    else if (type === element.ebi && isFirst) ebi = body[start]! & 15
    else if (type === element.bearerContext && instance === 0) bearer ??= inGroup(body, { start, end }, element.ebi)
    else if (type === element.loadControl && from === 'gateway' && instance === (isSgw ? 2 : 0))
      load = inGroup(body, { start, end }, element.metric)
    else if (type === element.fqCsid && instance === ownSets && sets.length < mostSets)
      sets.push(...setsIn(body, { start, end }))
  }
  return {
    user: imsi || (mei ? `imei-${mei}` : null),
    control: control === null ? null : controlOf(body, control),
    interface: kind,
    cause,
    recovery,
    context: ebi ?? (bearer === null ? null : bearer & 15),
    linked: null,
    withSecondary: true,
    sets,
    load,
    apn,
  }
}
