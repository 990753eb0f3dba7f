// Requests about nodes that concern several others (TS 29.244, 7.4.3, 7.4.5, 7.4.6): each goes to whom it concerns, and
// is answered when all of these have answered.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { senderOf } from './associations.ts'
import { addressesOf, setTexts } from './claims.ts'
import { cause, element, isAccepted } from './elements.ts'
import { dropSessions } from './failure.ts'
import { silence } from './sessions.ts'
import { body as join, elementBytes } from './messages.ts'
import { mayAct, smfAddressOf } from './peer-care.ts'
import { rewrite, seeElements, valueOf, valuesOf } from './spans.ts'
import { nothing } from './state.ts'
import { kept } from './stored.ts'
import { readAddresses } from './values.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Place } from './model.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Exchange } from './transactions.ts'

interface FanOut {
  readonly type: number
  readonly to: readonly Place[]
  readonly body: Uint8Array
  /** One of them has accepted. */
  readonly accepted?: (place: Place) => void
  /** with the first cause that was no acceptance, or `accepted` */
  readonly done: (value: number) => void
}

function fanOut(state: N4State, { accepted = nothing, body, done, to, type }: FanOut): void {
  let left = to.length
  let worst: number = cause.accepted
  if (left === 0) return done(worst)
  for (const place of to) {
    const one = (value: number): void => {
      if (isAccepted(value)) accepted(place)
      else if (isAccepted(worst)) worst = value
      if (--left === 0) done(worst)
    }
    state.request(place, {
      type,
      body,
      awaited: {
        answered: (response) => one(valueOf(response.body, element.cause)?.[0] ?? cause.systemFailure),
        failed: () => one(cause.systemFailure),
      },
    })
  }
}

/** PFD Management: all UPFs have it, or it is refused. It names no node. */
export function onPfdManagement(state: N4State, exchange: Exchange, message: PfcpMessage): void {
  if (!state.smfAt.has(exchange.from.address)) return state.respondCause(exchange, null, cause.noAssociation)
  const body = kept(message.body)
  if (!state.pfds.hasRoom(body)) return state.respondCause(exchange, null, cause.noResources)
  const elements = withOwnNodeId(state, body)
  if (elements === null) return state.respondCause(exchange, null, cause.systemFailure)
  fanOut(state, {
    type: messageTypes.pfdManagementRequest,
    to: [...state.upfs.values()].filter((upf) => upf.state === 'up').map(({ place }) => place),
    body: elements,
    done(value) {
      if (isAccepted(value)) {
        state.pfds.take(body)
        state.changes.pfdsChanged()
      }
      state.respondCause(exchange, null, value)
    },
  })
}

const withOwnNodeId = (state: N4State, body: Uint8Array): Uint8Array | null =>
  rewrite(body, (type, _bytes, _start, _end, depth) =>
    depth === 0 && type === element.nodeId ? state.identity.nodeId : 'keep',
  )

/** Of the FQ-CSIDs and groups that a message names. */
function namedSets(body: Uint8Array): ReadonlySet<string> {
  const texts = new Set<string>()
  seeElements(body, (type, bytes, start, end, depth) => {
    if (type === element.fqCsid || type === element.groupId)
      for (const text of setTexts(type, bytes, start, end)) texts.add(text)
    return depth === 0 && type === element.sessionChange
  })
  return texts
}

const inAny = ({ sets }: Session, names: ReadonlySet<string>): boolean => sets.some((text) => names.has(text))

/**
 * Session Set Deletion Request of an SMF: UPFs that have such sessions are asked, and what one has deleted is gone,
 * whatever becomes of the others. CSIDs of ours are none that a UPF knows: sessions that only these name, and those
 * that are on no UPF now, are deleted one by one.
 */
export function onSetDeletion(state: N4State, exchange: Exchange, message: PfcpMessage): void {
  const upf = state.upfs.get(exchange.from.address)
  if (upf !== undefined) return onSetDeletionOfUpf(state, exchange, upf, message)
  const smf = senderOf(state, exchange, message.body)
  if (smf === null) return
  const rewritten = withoutOurSets(state, message.body)
  if (rewritten === null) return state.respondCause(exchange, null, cause.systemFailure)
  const elements = kept(rewritten)
  const [all, known] = [namedSets(message.body), namedSets(elements)]
  const asked = new Map<Place, Session[]>()
  const alone: Session[] = []
  for (const session of smf.sessions) {
    if (!inAny(session, all)) continue
    const { state: its, upf: peer } = session
    const isAsked = its === 'up' && peer.state === 'up' && inAny(session, known)
    if (isAsked && !asked.has(peer.place)) asked.set(peer.place, [])
    const those = isAsked ? asked.get(peer.place)! : alone
    those.push(session)
  }
  fanOut(state, {
    type: messageTypes.sessionSetDeletionRequest,
    to: [...asked.keys()],
    body: elements,
    accepted: (place) => removeAt(state, place, asked.get(place) ?? []),
    done: (value) => dropSessions(state, alone, () => state.respondCause(exchange, null, value)),
  })
}

/** Their UPF has deleted them; those that have moved to another one meanwhile are deleted there. */
function removeAt(state: N4State, place: Place, sessions: readonly Session[]): void {
  const isThere = ({ upf }: Session): boolean => upf.place === place
  for (const session of sessions) if (isThere(session)) state.sessions.remove(session, state.steering, state.nowMs)
  const moved = sessions.filter((session) => !session.gone && !isThere(session))
  if (moved.length > 0) dropSessions(state, moved, nothing)
}

const withoutOurSets = (state: N4State, body: Uint8Array): Uint8Array | null =>
  rewrite(body, (type, bytes, start, end, depth) => {
    if (depth > 0) return 'keep'
    if (type === element.nodeId) return state.identity.nodeId
    return type === element.fqCsid && state.sets.isOurs(bytes.subarray(start, end)) ? 'drop' : 'keep'
  })

/** Of a UPF, whose sessions of these sets are gone: each SMF that has some hears of it, with CSIDs of ours. */
function onSetDeletionOfUpf(state: N4State, exchange: Exchange, upf: UpfPeer, { body }: PfcpMessage): void {
  if (upf.state !== 'up') return state.respondCause(exchange, null, cause.noAssociation)
  const values = valuesOf(body, element.fqCsid).map((value) => state.sets.ofUpf(upf, value))
  const names = new Set(values.flatMap((value) => setTexts(element.fqCsid, value, 0, value.length)))
  const concerned = [...upf.sessions].filter((session) => inAny(session, names))
  for (const session of concerned) {
    silence(session, state.steering)
    state.changes.touch(session)
  }
  const smfs = new Set(concerned.map((session) => session.smf))
  fanOut(state, {
    type: messageTypes.sessionSetDeletionRequest,
    to: [...smfs].map(({ place }) => place),
    body: join(state.identity.nodeIdElement, ...values.map((value) => elementBytes(element.fqCsid, value))),
    done() {
      for (const session of concerned) state.sessions.remove(session, state.steering, state.nowMs)
      state.respondCause(exchange, null, cause.accepted)
    },
  })
}

/**
 * Session Set Modification Request (7.4.7): requests about these sessions go to another SMF of the set. UPFs know the
 * proxy alone, so that nothing changes for them, and they are not asked.
 */
export function onSetModification(state: N4State, exchange: Exchange, { body }: PfcpMessage): void {
  const smf = senderOf(state, exchange, body)
  if (smf === null) return
  const changes = valuesOf(body, element.sessionChange)
  if (changes.length === 0) return state.respondCause(exchange, null, cause.mandatoryMissing, element.sessionChange)
  for (const change of changes) {
    const alternative = valueOf(change, element.alternativeSmfAddress)
    const address = alternative === null ? null : smfAddressOf(state, readAddresses(alternative, 1))
    if (address === null)
      return state.respondCause(exchange, null, cause.mandatoryMissing, element.alternativeSmfAddress)
    const names = namedSets(change)
    const from = new Set(valuesOf(change, element.cpAddress).flatMap((value) => addressesOf(readAddresses(value, 1))))
    if (names.size === 0 && from.size === 0)
      return state.respondCause(exchange, null, cause.conditionalMissing, element.fqCsid)
    redirect(state, smf, address, (session) => inAny(session, names) || from.has(session.smfAddress))
  }
  state.respondCause(exchange, null, cause.accepted)
}

/** Only sessions of the sender, and of the set that it is of. */
function redirect(state: N4State, sender: Smf, address: string, isMeant: (session: Session) => boolean): void {
  const heir = state.smfAt.get(address)
  for (const session of state.sessions) {
    if (!isMeant(session)) continue
    if (!mayAct(sender, session.smf)) {
      state.counters.add('wrong-node')
      continue
    }
    session.smfAddress = address
    state.changes.touch(session)
    state.counters.add('session-redirected')
    if (heir === undefined || heir === session.smf) continue
    session.smf.sessions.delete(session)
    session.smf = heir
    heir.sessions.add(session)
  }
}

/** Node Report Request of a UPF, such as a path that failed: for each SMF that has sessions there. */
export function onNodeReport(state: N4State, exchange: Exchange, { body }: PfcpMessage): void {
  const upf = state.upfs.get(exchange.from.address)
  if (upf === undefined || upf.state !== 'up') return state.respondCause(exchange, null, cause.noAssociation)
  if (valueOf(body, element.nodeReportType) === null)
    return state.respondCause(exchange, null, cause.mandatoryMissing, element.nodeReportType)
  const elements = withOwnNodeId(state, body)
  if (elements === null) return state.respondCause(exchange, null, cause.systemFailure)
  const smfs = new Set([...upf.sessions].map((session) => session.smf))
  fanOut(state, {
    type: messageTypes.nodeReportRequest,
    to: [...smfs].map(({ place }) => place),
    body: elements,
    done: nothing,
  })
  // The UPF has told us; that an SMF does not listen is not its business.
  state.respondCause(exchange, null, cause.accepted)
}
