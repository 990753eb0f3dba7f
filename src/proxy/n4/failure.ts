// What becomes of sessions when a node fails. Those of a lost UPF are reported to their SMFs as deleted, or established
// again on another UPF, or refused when they are asked for; those of a lost SMF are deleted at their UPFs.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { mostAwaited } from './activity.ts'
import { deletedByUserPlane, element, reportTypeUpRequest } from './elements.ts'
import { body as join, elementOf } from './messages.ts'
import { placeOfSmf } from './peer-care.ts'
import { startRestoration } from './restoration.ts'
import { silence } from './sessions.ts'
import { nothing } from './state.ts'
import type { UpfLoss } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { Deletion, Loss, N4Starts, N4State } from './state.ts'

/** Sessions are still at the UPF, which hears that they are to be deleted. */
const hasStill = new Set<UpfLoss>(['drained', 'user-plane'])
/** It was not heard for a while: packets may yet go through until a session is restored. */
const mayStillServe = new Set<UpfLoss>(['heartbeat', 'user-plane'])

/** All sessions of a UPF are lost to it. */
export function loseSessions(state: N4State, upf: UpfPeer, reason: UpfLoss): void {
  const isRestored = state.options.onLoss === 'restore'
  for (const session of isRestored ? mostAwaited(state, upf.sessions) : upf.sessions) {
    if (session.state === 'lost' && state.options.onLoss === 'refuse' && reason === 'drained')
      state.sessions.remove(session, state.steering, state.nowMs)
    // Those that are being made or moved end when their request does.
    if (session.state !== 'up') continue
    // That their UPF is down says the same of them all, and is kept before the first of them moves.
    if (reason !== 'heartbeat' || !isRestored || session.stored === null) state.changes.touch(session)
    const { upfSeid } = session
    const old = hasStill.has(reason) && upfSeid !== null ? { upf, upfSeid } : null
    // A UPF that has restarted would answer packets with error indications, and end at the gNB what can be restored.
    if (!mayStillServe.has(reason) || !isRestored) silence(session, state.steering)
    lose(state, session, old, reason === 'drained')
  }
  state.pump()
}

function lose(state: N4State, session: Session, old: Loss['old'], isLeaving: boolean): void {
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
  if (onLoss !== 'refuse' || isLeaving) state.notices.add({ session, old: null })
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

export const starts: N4Starts = { deletion: startDeletion, restoration: startRestoration, notice: startNotice }
