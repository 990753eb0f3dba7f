// What is said of sessions that are there (TS 29.244, 7.5.4 to 7.5.9): modifications and deletions of SMFs, reports of
// UPFs. Each goes to the other side with its SEID, and the answer comes back the same way.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { followBreakout } from './breakouts.ts'
import { isBeyond, modificationRefusal, readSessionRequest, setTexts } from './claims.ts'
import { cause, element, isAccepted } from './elements.ts'
import { refuseRule } from './establishment.ts'
import { noSeid } from './messages.ts'
import { loadTaker, mayAct, placeOfSmf, smfAddressOf, suspectUpf } from './peer-care.ts'
import { pfcpPort } from './peers.ts'
import { loseUpf } from './pool.ts'
import { answerTowardsUpf, towardsSmf, towardsUpf } from './rewriting.ts'
import { giveBack, learnAddress, learnTunnel, reserve, settle } from './rules.ts'
import { readAddresses } from './values.ts'
import { valueOf } from './spans.ts'
import { nothing } from './state.ts'
import { keepChange, kept } from './stored.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { SessionRequest } from './claims.ts'
import type { Place } from './model.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Reservation } from './rules.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Exchange } from './transactions.ts'

/** Of an SMF, about the session whose SEID of ours stands in the header of `bytes`. */
export function onSessionRequest(state: N4State, exchange: Exchange, message: PfcpMessage, bytes: Uint8Array): void {
  const session = message.seid === null ? null : state.sessions.find(bytes, 4)
  const sender = state.smfAt.get(exchange.from.address)
  if (session === null || session.state === 'establishing') return unknownSession(state, exchange, 'unknown-seid')
  if (sender === undefined || !mayAct(sender, session.smf)) return unknownSession(state, exchange, 'wrong-node')
  const isDeletion = exchange.type === messageTypes.sessionDeletionRequest
  if (session.state === 'lost') {
    state.sessions.remove(session, state.steering, state.nowMs)
    return state.respondCause(exchange, session.smfSeid, isDeletion ? cause.accepted : cause.contextNotFound)
  }
  if (session.state === 'restoring') {
    // Comes again, and meets the session where it is then.
    state.counters.add('session-restoring')
    return state.received.drop(exchange)
  }
  if (state.sent.isFull) return state.respondCause(exchange, session.smfSeid, cause.congestion)
  if (isDeletion) return onDeletion(state, exchange, session, message)
  return onModification(state, exchange, session, sender, message)
}

/** The sender is told with SEID 0, since we know none of it. */
function unknownSession(state: N4State, exchange: Exchange, why: string): void {
  state.counters.add(why)
  state.respondCause(exchange, noSeid, cause.contextNotFound)
}

function onModification(state: N4State, exchange: Exchange, session: Session, sender: Smf, message: PfcpMessage): void {
  const body = kept(message.body)
  const request = readSessionRequest(body, state.limits)
  const refusal = modificationRefusal(request)
  if (refusal !== null) return state.respondCause(exchange, session.smfSeid, refusal.cause, refusal.offending)
  if (isBeyond(session, request, state.limits)) return state.respondCause(exchange, session.smfSeid, cause.noResources)
  const reservation = reserve(state, session, request)
  if (typeof reservation === 'number') return refuseRule(state, exchange, session.smfSeid, reservation)
  const { identity } = state
  const elements = towardsUpf(body, { identity, upf: session.upf, seid: null, chosen: null })
  if (elements === null) {
    giveBack(state, reservation)
    return state.respondCause(exchange, session.smfSeid, cause.systemFailure)
  }
  const change: Modification = { exchange, session, sender, request, body, reservation, upf: session.upf }
  exchange.relayed = state.request(session.upf.place, {
    type: messageTypes.sessionModificationRequest,
    seid: session.upfSeid,
    priority: exchange.priority,
    body: elements,
    awaited: {
      answered: (response) => modified(state, change, response),
      failed: () => {
        giveBack(state, reservation)
        unanswered(state, exchange, change)
      },
    },
  })
}

/** A UPF has not answered about a session. */
function unanswered(state: N4State, exchange: Exchange, { session, upf }: Asked): void {
  state.counters.add('session-request-unanswered')
  suspectUpf(state, upf)
  state.respondCause(exchange, session.smfSeid, cause.systemFailure)
}

/** It has lost the association, and its sessions. The request comes again, and meets what has become of this one. */
function upfWithoutUs(state: N4State, exchange: Exchange, upf: UpfPeer): void {
  state.counters.add('upf-without-association')
  if (upf.state === 'up') loseUpf(state, upf, 'association')
  state.received.drop(exchange)
}

/** A session may be at another UPF when the answer comes. */
interface Asked {
  readonly session: Session
  /** which had the session when it was asked */
  readonly upf: UpfPeer
}

interface Modification extends Asked {
  readonly exchange: Exchange
  readonly sender: Smf
  readonly request: SessionRequest
  readonly body: Uint8Array
  readonly reservation: Reservation
}

function modified(state: N4State, change: Modification, response: PfcpMessage): void {
  const { exchange, reservation, request, session, upf } = change
  const value = valueOf(response.body, element.cause)?.[0] ?? 0
  if (value === cause.noAssociation) {
    giveBack(state, reservation)
    return upfWithoutUs(state, exchange, upf)
  }
  const isHere = !session.gone && session.state === 'up' && session.upf === upf
  const accepted = isAccepted(value) && isHere
  const oldSeid = session.smfSeid
  const elements = towardsSmf(
    response.body,
    {
      identity: state.identity,
      seid: session.seid,
      tunnel: (rule, located) => (accepted ? learnTunnel(state, reservation, rule, located) : null),
      address: (rule, range) => accepted && learnAddress(state, reservation, rule, range),
      load: loadTaker(state, upf),
      set: (set) => ofSet(state, session, set),
    },
    state.poolLoad.elementsFor(session.smf.features),
  )
  if (!accepted || elements === null) giveBack(state, reservation)
  else {
    settle(state, reservation, request.removed)
    if (request.smfSeid !== null) moveToSmf(state, session, change)
    if (!keepChange(session, change.body, state.limits.storedBytes)) state.counters.add('session-too-long-to-restore')
    followBreakout(state, session, change.body)
  }
  if (value === cause.contextNotFound && isHere) forgetSession(state, session)
  if (!isHere && !session.gone) return state.received.drop(exchange)
  if (elements === null) return state.respondCause(exchange, oldSeid, cause.systemFailure)
  state.respond(exchange, session.smfSeid, elements)
}

/** What a UPF says without choosing anything. */
const plainTowardsSmf = (state: N4State, session: Session, body: Uint8Array): Uint8Array | null =>
  towardsSmf(
    body,
    {
      identity: state.identity,
      seid: session.seid,
      tunnel: () => null,
      address: nothing,
      load: loadTaker(state, session.upf),
      set: (set) => ofSet(state, session, set),
    },
    state.poolLoad.elementsFor(session.smf.features),
  )

function ofSet(state: N4State, session: Session, set: Uint8Array): Uint8Array {
  const ours = state.sets.ofUpf(session.upf, set)
  for (const text of setTexts(element.fqCsid, ours, 0, ours.length)) {
    if (session.sets.includes(text) || session.sets.length >= mostSetsOfSession) continue
    session.sets = [...session.sets, text]
    state.changes.touch(session)
  }
  return ours
}

const mostSetsOfSession = 32

/** Its UPF does not know it. */
function forgetSession(state: N4State, session: Session): void {
  state.counters.add('session-unknown-to-upf')
  state.sessions.remove(session, state.steering, state.nowMs)
}

/** A changed CP F-SEID: perhaps of another SMF of the set (5.22). */
function moveToSmf(state: N4State, session: Session, { request, sender }: Modification): void {
  session.smfSeid = request.smfSeid?.slice() ?? session.smfSeid
  session.smfAddress = smfAddressOf(state, request.smfAddresses) ?? session.smfAddress
  session.smf.sessions.delete(session)
  session.smf = sender
  sender.sessions.add(session)
  state.counters.add('session-f-seid-changed')
}

function onDeletion(state: N4State, exchange: Exchange, session: Session, { body }: PfcpMessage): void {
  const { upf } = session
  exchange.relayed = state.request(upf.place, {
    type: messageTypes.sessionDeletionRequest,
    seid: session.upfSeid,
    priority: exchange.priority,
    body: kept(body),
    awaited: {
      answered: (response) => deleted(state, exchange, { session, upf }, response),
      failed: () => unanswered(state, exchange, { session, upf }),
    },
  })
}

function deleted(state: N4State, exchange: Exchange, { session, upf }: Asked, { body }: PfcpMessage): void {
  const value = valueOf(body, element.cause)?.[0] ?? 0
  if (value === cause.noAssociation) return upfWithoutUs(state, exchange, upf)
  // It has moved meanwhile: the request comes again, and meets it where it is.
  if (session.upf !== upf && !session.gone) return state.received.drop(exchange)
  const elements = plainTowardsSmf(state, session, body)
  if (isAccepted(value)) state.counters.add('sessions-deleted')
  if (isAccepted(value)) state.sessions.remove(session, state.steering, state.nowMs)
  else if (value === cause.contextNotFound) forgetSession(state, session)
  if (elements === null) return state.respondCause(exchange, session.smfSeid, cause.systemFailure)
  state.respond(exchange, session.smfSeid, elements)
}

/** Session Report Request of a UPF, for the SMF that has the session (7.5.8). */
export function onReport(state: N4State, exchange: Exchange, message: PfcpMessage, bytes: Uint8Array): void {
  const session = message.seid === null ? null : state.sessions.find(bytes, 4)
  if (session === null) return unknownSession(state, exchange, 'unknown-seid')
  if (session.upf !== state.upfs.get(exchange.from.address)) return unknownSession(state, exchange, 'wrong-node')
  const upfSeid = session.upfSeid ?? noSeid
  if (valueOf(message.body, element.reportType) === null)
    return state.respondCause(exchange, upfSeid, cause.mandatoryMissing, element.reportType)
  if (state.sent.isFull) return state.respondCause(exchange, upfSeid, cause.congestion)
  const elements = plainTowardsSmf(state, session, message.body)
  if (elements === null) return state.respondCause(exchange, upfSeid, cause.systemFailure)
  sendReport(state, { exchange, session, elements: kept(elements), redirections: 0 }, placeOfSmf(state, session))
}

interface Report {
  readonly exchange: Exchange
  readonly session: Session
  readonly elements: Uint8Array
  readonly redirections: number
}

const mostRedirections = 1

function sendReport(state: N4State, report: Report, to: Place): void {
  const { elements, exchange, session } = report
  exchange.relayed = state.request(to, {
    type: messageTypes.sessionReportRequest,
    seid: session.smfSeid,
    priority: exchange.priority,
    body: elements,
    awaited: {
      answered: (response) => reported(state, report, response),
      failed: () => {
        state.counters.add('report-unanswered')
        state.respondCause(exchange, session.upfSeid ?? noSeid, cause.systemFailure)
      },
    },
  })
}

function reported(state: N4State, report: Report, { body }: PfcpMessage): void {
  const { exchange, redirections, session } = report
  const value = valueOf(body, element.cause)?.[0] ?? 0
  const alternative = valueOf(body, element.alternativeSmfAddress)
  if (value === cause.redirection && alternative !== null && redirections < mostRedirections && !session.gone) {
    const address = smfAddressOf(state, readAddresses(alternative, 1))
    if (address !== null) {
      session.smfAddress = address
      state.changes.touch(session)
      state.counters.add('report-redirected')
      return sendReport(state, { ...report, redirections: redirections + 1 }, { address, port: pfcpPort })
    }
  }
  const fSeid = valueOf(body, element.fSeid)
  if (fSeid !== null) {
    state.changes.touch(session)
    session.smfSeid = fSeid.slice(1, 9)
    session.smfAddress = smfAddressOf(state, readAddresses(fSeid, 9)) ?? session.smfAddress
    state.counters.add('session-f-seid-changed')
  }
  const upfSeid = session.upfSeid ?? noSeid
  const elements = answerTowardsUpf(body)
  if (elements === null) state.respondCause(exchange, upfSeid, cause.systemFailure)
  else state.respond(exchange, upfSeid, elements)
  // The UPF deletes it when it hears that nobody knows it.
  if (value === cause.contextNotFound && !session.gone) {
    state.counters.add('session-unknown-to-smf')
    state.sessions.remove(session, state.steering, state.nowMs)
  }
}
