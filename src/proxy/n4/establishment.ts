// Session Establishment (TS 29.244, 7.5.2 and 7.5.3): a UPF is chosen, and another one if it does not answer or has no
// room. What the session holds is installed before the SMF hears that it is there.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { followBreakout, keepsRequests } from './breakouts.ts'
import { establishmentRefusal, readSessionRequest } from './claims.ts'
import { cause, element, isAccepted } from './elements.ts'
import { loadTaker, smfAddressOf, suspectUpf } from './peer-care.ts'
import { body as join, elementBytes, noSeid } from './messages.ts'
import { isServing } from './peers.ts'
import { loseUpf } from './pool.ts'
import { giveBack, learnAddress, learnTunnel, reserve, settle } from './rules.ts'
import { selectUpf } from './selection.ts'
import { trafficEndpointRule } from './sessions.ts'
import { setTexts } from './claims.ts'
import { valueOf } from './spans.ts'
import { kept } from './stored.ts'
import { towardsSmf, towardsUpf } from './rewriting.ts'
import { nothing } from './state.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { SessionRequest } from './claims.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Reservation } from './rules.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Exchange } from './transactions.ts'

/** A session that is to be made, over all attempts. */
interface Wish {
  readonly exchange: Exchange
  readonly smf: Smf
  /** views of `body` */
  readonly request: SessionRequest
  /** bytes of its own */
  readonly body: Uint8Array
  readonly tried: UpfPeer[]
}

export function onEstablishment(state: N4State, exchange: Exchange, message: PfcpMessage): void {
  const body = kept(message.body)
  const request = readSessionRequest(body, state.limits)
  const seid = request.smfSeid ?? noSeid
  const refusal = establishmentRefusal(request)
  if (refusal !== null) return state.respondCause(exchange, seid, refusal.cause, refusal.offending)
  const smf = state.smfs.get(request.nodeId ?? '')
  if (smf === undefined || state.smfAt.get(exchange.from.address) !== smf)
    return state.respondCause(exchange, seid, cause.noAssociation)
  if (state.sessions.size >= state.limits.sessions) return state.respondCause(exchange, seid, cause.noResources)
  if (state.sent.isFull) return state.respondCause(exchange, seid, cause.congestion)
  if (request.alternatives.length > 0) smf.alternatives = request.alternatives
  attempt(state, { exchange, smf, request, body, tried: [] }, cause.noResources)
}

/** Asks the next UPF; where there is none, `otherwise` is the answer. */
function attempt(state: N4State, wish: Wish, otherwise: number): void {
  const { body, exchange, request, smf, tried } = wish
  // Given up while a UPF was asked: nobody waits for the session any more.
  if (state.smfs.get(smf.nodeId) !== smf) return state.received.drop(exchange)
  const seid = request.smfSeid ?? noSeid
  const upf =
    tried.length < state.limits.attempts
      ? selectUpf(request, {
          upfs: state.upfs.values(),
          policy: state.options.select,
          steering: state.steering,
          without: tried,
          nowMs: state.nowMs,
        })
      : null
  if (upf === null) return state.respondCause(exchange, seid, otherwise)
  tried.push(upf)
  const session = state.sessions.add(upf, smf, {
    dnn: request.dnn === '' ? (request.networkInstances[0] ?? '') : request.dnn,
    nowMs: state.nowMs,
    smfAddress: smfAddressOf(state, request.smfAddresses) ?? exchange.from.address,
    smfSeid: seid.slice(),
  })
  session.sets = request.sets
  const reservation = reserve(state, session, request)
  if (typeof reservation === 'number') {
    state.sessions.remove(session, state.steering, state.nowMs)
    return refuseRule(state, exchange, seid, reservation)
  }
  const elements = towardsUpf(body, { identity: state.identity, upf, seid: session.seid, chosen: null })
  if (elements === null) {
    undo(state, reservation)
    return state.respondCause(exchange, seid, cause.systemFailure)
  }
  exchange.relayed = state.request(upf.place, {
    type: messageTypes.sessionEstablishmentRequest,
    seid: noSeid,
    priority: exchange.priority,
    body: elements,
    awaited: {
      answered: (response) => answered(state, wish, reservation, response),
      failed: (sequence) => failed(state, wish, reservation, sequence),
    },
  })
}

function undo(state: N4State, reservation: Reservation): void {
  giveBack(state, reservation)
  state.sessions.remove(reservation.session, state.steering, state.nowMs)
}

const pdrRuleId = 0

/** Rule creation failure, with the PDR (8.2.80); a Traffic Endpoint has no place there. */
export function refuseRule(state: N4State, exchange: Exchange, seid: Uint8Array, rule: number): void {
  state.counters.add(`refused-${cause.ruleFailure}`)
  const isPdr = rule < trafficEndpointRule(0)
  const failedRule = isPdr ? elementBytes(element.failedRuleId, Uint8Array.of(pdrRuleId, rule >> 8, rule & 0xff)) : null
  state.respond(exchange, seid, join(state.causeBody(exchange.type, cause.ruleFailure, null), failedRule))
}

/** Causes that another UPF may not have. */
const passing = new Set<number>([cause.congestion, cause.noResources, cause.systemFailure])

function answered(state: N4State, wish: Wish, reservation: Reservation, { body }: PfcpMessage): void {
  const { exchange } = wish
  const { session } = reservation
  const value = valueOf(body, element.cause)?.[0] ?? 0
  const fSeid = valueOf(body, element.fSeid)
  if (!isAccepted(value)) {
    const isWanted = !session.gone
    undo(state, reservation)
    state.counters.add('refused-by-upf')
    if (value === cause.noAssociation && session.upf.state === 'up') loseUpf(state, session.upf, 'association')
    if (!isWanted) return state.received.drop(exchange)
    // The association of the SMF is with us, and is in order.
    if (value === cause.noAssociation) return attempt(state, wish, cause.systemFailure)
    if (passing.has(value) && wish.tried.length < state.limits.attempts) {
      state.counters.add('establishment-elsewhere')
      return attempt(state, wish, value)
    }
    return answerSmf(state, wish, reservation, body)
  }
  if (fSeid === null) {
    state.counters.add('answer-without-f-seid')
    undo(state, reservation)
    return state.respondCause(exchange, session.smfSeid, cause.systemFailure)
  }
  const upfSeid = fSeid.slice(1, 9)
  // Its SMF has restarted meanwhile, or the UPF was given up: nobody wants the session any more.
  if (session.gone || !isServing(session.upf)) {
    undo(state, reservation)
    state.deletions.add({ upf: session.upf, upfSeid, done: nothing })
    state.deletions.pump()
    state.received.drop(exchange)
    return
  }
  session.upfSeid = upfSeid
  session.state = 'up'
  if (keepsRequests(state)) keepRequest(state, session, wish.body)
  state.counters.add('sessions-established')
  answerSmf(state, wish, reservation, body)
}

function keepRequest(state: N4State, session: Session, body: Uint8Array): void {
  if (body.length <= state.limits.storedBytes) session.stored = body
  else state.counters.add('session-too-long-to-restore')
}

/** The answer of the UPF, with what it has chosen learnt if the session is there. */
function answerSmf(state: N4State, wish: Wish, reservation: Reservation, body: Uint8Array): void {
  const { exchange } = wish
  const { session } = reservation
  const isUp = session.state === 'up'
  const elements = towardsSmf(
    body,
    {
      identity: state.identity,
      seid: session.seid,
      tunnel: (rule, located) => (isUp ? learnTunnel(state, reservation, rule, located) : null),
      address: (rule, range) => isUp && learnAddress(state, reservation, rule, range),
      load: loadTaker(state, session.upf),
      set: (value) => {
        const ours = state.sets.ofUpf(session.upf, value)
        session.sets = [...session.sets, ...setTexts(element.fqCsid, ours, 0, ours.length)]
        return ours
      },
    },
    state.poolLoad.elementsFor(session.smf.features),
  )
  if (!isUp) {
    if (elements === null) return state.respondCause(exchange, session.smfSeid, cause.systemFailure)
    return state.respond(exchange, session.smfSeid, elements)
  }
  if (elements === null) {
    const { upf, upfSeid } = session
    undo(state, reservation)
    state.deletions.add({ upf, upfSeid: upfSeid ?? noSeid, done: nothing })
    state.deletions.pump()
    return state.respondCause(exchange, session.smfSeid, cause.systemFailure)
  }
  settle(state, reservation, [])
  if (isUp) followBreakout(state, session, wish.body)
  state.respond(exchange, session.smfSeid, elements)
}

function failed(state: N4State, wish: Wish, reservation: Reservation, sequence: number): void {
  const { session } = reservation
  const isWanted = !session.gone
  state.counters.add('establishment-unanswered')
  undo(state, reservation)
  state.abandon(session.upf.place, sequence)
  suspectUpf(state, session.upf)
  if (!isWanted) return state.received.drop(wish.exchange)
  attempt(state, wish, cause.systemFailure)
}

/** An answer that came after it was given up: what the UPF has made is deleted. */
export function onLateEstablishment(state: N4State, upf: UpfPeer, { body }: PfcpMessage): void {
  const value = valueOf(body, element.cause)?.[0] ?? 0
  const fSeid = valueOf(body, element.fSeid)
  state.counters.add('late-answer')
  if (!isAccepted(value) || fSeid === null) return
  state.deletions.add({ upf, upfSeid: fSeid.slice(1, 9), done: nothing })
  state.deletions.pump()
}
