// A session whose UPF has died is established again on another one from what is kept of it, with its TEIDs at the VIP:
// neither the gNB nor the SMF notices more than a pause. A UPF that refuses or does not answer is followed by another.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { followBreakout } from './breakouts.ts'
import { readSessionRequest } from './claims.ts'
import { element, isAccepted } from './elements.ts'
import { noSeid } from './messages.ts'
import { loadTaker, suspectUpf } from './peer-care.ts'
import { isServing, userPlaneOf } from './peers.ts'
import { ruleIn, towardsUpf } from './rewriting.ts'
import { selectUpf } from './selection.ts'
import { silence } from './sessions.ts'
import { seeElements, valueOf } from './spans.ts'
import { nothing } from './state.ts'
import { mergeChanges } from './stored.ts'
import { readFTeid, ueRanges } from './values.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { SessionRequest } from './claims.ts'
import type { UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { Loss, N4State } from './state.ts'
import type { UeRange } from './values.ts'

/** Over all UPFs that are asked. */
interface Move extends Loss {
  /** the request that would establish it again */
  readonly stored: Uint8Array
  /** views of it */
  readonly request: SessionRequest
  /** UPFs that it is not to go to: the one that had it, and those that were asked */
  readonly tried: UpfPeer[]
  readonly done: () => void
}

export function startRestoration(state: N4State, loss: Loss, done: () => void): void {
  const { session } = loss
  const stored = session.gone ? null : mergeChanges(session)
  if (stored === null) return giveUp(state, loss, done)
  const request = readSessionRequest(stored, state.limits)
  askNext(state, { ...loss, stored, request, tried: [session.upf], done })
}

function giveUp(state: N4State, { old, session }: Loss, done: () => void): void {
  state.counters.add('sessions-not-restored')
  if (old !== null) state.deletions.add({ ...old, done: nothing })
  if (!session.gone) {
    state.changes.touch(session)
    silence(session, state.steering)
    session.state = 'lost'
    state.notices.add({ session, old: null })
  }
  state.pump()
  done()
}

function askNext(state: N4State, move: Move): void {
  const { done, request, session, stored, tried } = move
  const { identity, limits, nowMs, options, steering } = state
  const upf =
    session.gone || tried.length > limits.moves
      ? null
      : selectUpf(request, { upfs: state.upfs.values(), policy: options.select, steering, without: tried, nowMs })
  if (upf === null) return giveUp(state, move, done)
  const chosen = (rule: number): readonly UeRange[] => chosenRanges(session, request, rule)
  const elements = towardsUpf(stored, { identity, upf, seid: session.seid, chosen })
  if (elements === null) return giveUp(state, move, done)
  if (tried.length > 1) state.counters.add('restoration-elsewhere')
  tried.push(upf)
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
      answered: (response) => answered(state, move, upf, response),
      failed(sequence) {
        state.abandon(upf.place, sequence)
        suspectUpf(state, upf)
        askNext(state, move)
      },
    },
  })
}

/** What the user plane has chosen for a rule, and not the control plane. */
function chosenRanges({ rules }: Session, { claims }: SessionRequest, rule: number): readonly UeRange[] {
  const named = new Set(claims.find((claim) => claim.rule === rule)?.ranges.map(({ text }) => text))
  const ranges = rules.get(rule)?.routes.map(({ range }) => range) ?? []
  return ranges.filter(({ text }) => !named.has(text))
}

function answered(state: N4State, move: Move, upf: UpfPeer, { body }: PfcpMessage): void {
  const { done, old, session } = move
  const fSeid = valueOf(body, element.fSeid)
  if (!isAccepted(valueOf(body, element.cause)?.[0] ?? 0) || fSeid === null) {
    state.counters.add('refused-by-upf')
    // It may have restarted.
    suspectUpf(state, upf)
    return askNext(state, move)
  }
  const upfSeid = fSeid.slice(1, 9)
  if (session.gone || !isServing(upf)) {
    state.deletions.add({ upf, upfSeid, done: nothing })
    state.deletions.pump()
    return askNext(state, move)
  }
  restored(state, move, upf, upfSeid, body)
  if (old !== null) state.deletions.add({ ...old, done: nothing })
  state.deletions.pump()
  done()
}

/** The tunnels keep their TEIDs at the VIP, and lead to those of the new UPF. */
function restored(
  state: N4State,
  { request, session }: Move,
  upf: UpfPeer,
  upfSeid: Uint8Array,
  body: Uint8Array,
): void {
  state.changes.touch(session)
  session.upfSeid = upfSeid
  session.state = 'up'
  moveChosen(state, session, upf, body)
  for (const { given, rule } of request.claims) {
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
}

function moveChosen(state: N4State, session: Session, upf: UpfPeer, body: Uint8Array): void {
  const load = loadTaker(state, upf)
  let rule = -1
  seeElements(body, (type, bytes, start, end, depth) => {
    if (depth === 0) {
      if (type === element.loadControl || type === element.overloadControl) load(type, bytes.subarray(start, end))
      if (type !== element.createdPdr && type !== element.createdTrafficEndpoint) return false
      // Its number may stand behind what it says.
      rule = ruleIn(bytes, start, end)
      return true
    }
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
