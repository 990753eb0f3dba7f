// What becomes of sessions when a node fails. Those of a lost UPF are reported to their SMFs as deleted, or established
// again on another UPF, or refused when they are asked for; those of a lost SMF are deleted at their UPFs.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { followBreakout } from './breakouts.ts'
import { readSessionRequest } from './claims.ts'
import { deletedByUserPlane, element, isAccepted, reportTypeUpRequest } from './elements.ts'
import { body as join, elementOf, noSeid } from './messages.ts'
import { loadTaker, placeOfSmf, suspectUpf } from './peer-care.ts'
import { userPlaneOf } from './peers.ts'
import { ruleOf, towardsUpf } from './rewriting.ts'
import { selectUpf } from './selection.ts'
import { silence } from './sessions.ts'
import { seeElements, valueOf } from './spans.ts'
import { nothing } from './state.ts'
import { mergeChanges } from './stored.ts'
import { readFTeid, ueRanges } from './values.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { SessionRequest } from './claims.ts'
import type { UpfLoss } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { Deletion, Loss, N4Starts, N4State } from './state.ts'

/** All sessions of a UPF are lost to it. A UPF that is drained still has them, and is told to delete them. */
export function loseSessions(state: N4State, upf: UpfPeer, reason: UpfLoss): void {
  for (const session of upf.sessions) {
    if (session.state === 'lost' && state.options.onLoss === 'refuse' && reason === 'drained')
      state.sessions.remove(session, state.steering, state.nowMs)
    // Those that are being made or moved end when their request does.
    if (session.state !== 'up') continue
    state.changes.touch(session)
    const { upfSeid } = session
    const old = reason === 'drained' && upfSeid !== null ? { upf, upfSeid } : null
    // A UPF that has restarted would answer packets with error indications, and end at the gNB what can be restored.
    if (reason !== 'heartbeat' || state.options.onLoss !== 'restore') silence(session, state.steering)
    lose(state, session, old)
  }
  pumpAll(state)
}

function lose(state: N4State, session: Session, old: Loss['old']): void {
  const { onLoss } = state.options
  state.counters.add('sessions-lost')
  if (onLoss === 'restore' && session.stored !== null) {
    session.state = 'restoring'
    state.restorations.add({ session, old })
    return
  }
  if (old !== null) state.deletions.add({ upf: old.upf, upfSeid: old.upfSeid, done: nothing })
  silence(session, state.steering)
  session.state = 'lost'
  if (onLoss !== 'refuse' || old !== null) state.notices.add({ session, old: null })
}

function pumpAll(state: N4State): void {
  state.restorations.pump()
  state.notices.pump()
  state.deletions.pump()
}

/** Sessions that nobody wants any more are deleted at their UPFs; `done` when all of these have answered or failed. */
export function dropSessions(state: N4State, sessions: readonly Session[], done: () => void): void {
  let left = 1
  const one = (): void => {
    if (--left === 0) done()
  }
  for (const session of sessions) {
    const { state: before, upf, upfSeid } = session
    state.sessions.remove(session, state.steering, state.nowMs)
    if (upfSeid === null || before !== 'up') continue
    left++
    state.deletions.add({ upf, upfSeid, done: one })
  }
  state.counters.add('sessions-dropped', sessions.length)
  state.deletions.pump()
  one()
}

function startDeletion(state: N4State, { done: whole, upf, upfSeid }: Deletion, done: () => void): void {
  const end = (): void => {
    whole()
    done()
  }
  if (upf.state !== 'up') return end()
  state.request(upf.place, {
    type: messageTypes.sessionDeletionRequest,
    seid: upfSeid,
    body: new Uint8Array(),
    awaited: { answered: end, failed: end },
  })
}

/** Tells the SMF that the user plane has deleted the session (7.5.8.1, PSDBU). */
function startNotice(state: N4State, { session }: Loss, done: () => void): void {
  if (session.gone) return done()
  const end = (): void => {
    state.sessions.remove(session, state.steering, state.nowMs)
    done()
  }
  state.request(placeOfSmf(state, session), {
    type: messageTypes.sessionReportRequest,
    seid: session.smfSeid,
    body: join(elementOf(element.reportType, reportTypeUpRequest), elementOf(element.reportFlags, deletedByUserPlane)),
    awaited: {
      answered() {
        state.counters.add('sessions-reported')
        end()
      },
      failed() {
        state.counters.add('report-unanswered')
        end()
      },
    },
  })
}

function startRestoration(state: N4State, loss: Loss, done: () => void): void {
  const { old, session } = loss
  const stored = session.gone ? null : mergeChanges(session)
  const giveUp = (): void => {
    state.counters.add('sessions-not-restored')
    if (old !== null) state.deletions.add({ ...old, done: nothing })
    if (!session.gone) {
      state.changes.touch(session)
      silence(session, state.steering)
      session.state = 'lost'
      state.notices.add({ session, old: null })
    }
    pumpAll(state)
    done()
  }
  if (stored === null) return giveUp()
  const request = readSessionRequest(stored, state.limits)
  const without = [session.upf]
  const { nowMs, options, steering } = state
  const upf = selectUpf(request, { upfs: state.upfs.values(), policy: options.select, steering, without, nowMs })
  if (upf === null) return giveUp()
  const elements = towardsUpf(stored, {
    identity: state.identity,
    upf,
    seid: session.seid,
    chosen: (rule) => session.rules.get(rule)?.routes.map(({ range }) => range) ?? [],
  })
  if (elements === null) return giveUp()
  state.changes.touch(session)
  session.upf.sessions.delete(session)
  session.upf = upf
  session.upfSeid = null
  upf.sessions.add(session)
  state.request(upf.place, {
    type: messageTypes.sessionEstablishmentRequest,
    seid: noSeid,
    body: elements,
    awaited: {
      answered(response) {
        if (!restored(state, session, upf, request, response)) return giveUp()
        if (old !== null) state.deletions.add({ ...old, done: nothing })
        state.deletions.pump()
        done()
      },
      failed(sequence) {
        state.abandon(upf.place, sequence)
        suspectUpf(state, upf)
        giveUp()
      },
    },
  })
}

/** The tunnels keep their TEIDs at the VIP, and lead to those of the new UPF. */
function restored(
  state: N4State,
  session: Session,
  upf: UpfPeer,
  { claims }: SessionRequest,
  { body }: PfcpMessage,
): boolean {
  const value = valueOf(body, element.cause)?.[0] ?? 0
  const fSeid = valueOf(body, element.fSeid)
  if (!isAccepted(value) || fSeid === null) return false
  const upfSeid = fSeid.slice(1, 9)
  if (session.gone || upf.state !== 'up') {
    state.deletions.add({ upf, upfSeid, done: nothing })
    state.deletions.pump()
    return session.gone
  }
  state.changes.touch(session)
  session.upfSeid = upfSeid
  session.state = 'up'
  moveChosen(state, session, upf, body)
  for (const { given, rule } of claims) {
    if (given === null) continue
    for (const tunnel of session.rules.get(rule)?.tunnels ?? []) {
      const addresses = {
        ipv4: given.ipv4 === null ? null : userPlaneOf(upf, false),
        ipv6: given.ipv6 === null ? null : userPlaneOf(upf, true),
      }
      if (tunnel.teid === given.identifier) state.steering.move(tunnel, upf, tunnel.teid, addresses)
    }
  }
  for (const { routes, tunnels } of session.rules.values()) {
    for (const route of routes) state.steering.moveRoute(route, upf)
    for (const tunnel of tunnels) {
      if (tunnel.upf === upf) continue
      state.counters.add('restored-without-tunnel')
      state.steering.strand(tunnel, upf)
    }
  }
  if (session.stored !== null) followBreakout(state, session, session.stored)
  state.counters.add('sessions-restored')
  return true
}

function moveChosen(state: N4State, session: Session, upf: UpfPeer, body: Uint8Array): void {
  const load = loadTaker(state, upf)
  let rule = -1
  seeElements(body, (type, bytes, start, end, depth) => {
    if (depth === 0) {
      rule = -1
      if (type === element.loadControl || type === element.overloadControl) load(type, bytes.subarray(start, end))
      return type === element.createdPdr || type === element.createdTrafficEndpoint
    }
    rule = ruleOf(type, bytes, start, end) ?? rule
    if (type === element.fTeid && (bytes[start]! & 4) === 0) {
      const { identifier, ipv4, ipv6 } = readFTeid(bytes, start)
      const tunnel = session.rules.get(rule)?.tunnels.at(-1)
      if (tunnel !== undefined && tunnel.upf !== upf) state.steering.move(tunnel, upf, identifier, { ipv4, ipv6 })
    }
    if (type === element.ueIpAddress && ueRanges(bytes, start).some(({ text }) => !hasRange(session, text)))
      state.counters.add('restored-address-changed')
    return false
  })
}

const hasRange = ({ rules }: Session, text: string): boolean => {
  for (const { routes } of rules.values()) if (routes.some(({ range }) => range.text === text)) return true
  return false
}

export const starts: N4Starts = { deletion: startDeletion, restoration: startRestoration, notice: startNotice }
