// The rules of a session and what they hold. Tunnels and addresses that a request names are reserved before it is sent
// on; those that the UPF has chosen are learnt from its answer; when it has accepted, the new ones replace the old.

import { releaseRule, removeRule } from './sessions.ts'
import { addressesOf } from './claims.ts'
import type { Claim, SessionRequest } from './claims.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { Tunnel, UeRoute } from './steering.ts'
import type { Located, UeRange } from './values.ts'

interface Held {
  readonly tunnels: Tunnel[]
  readonly routes: UeRoute[]
  /** the last tunnel is the UPF's choice */
  learnt: boolean
}

/** What a request would change. */
export interface Reservation {
  readonly session: Session
  readonly claims: readonly Claim[]
  readonly treatments: SessionRequest['treatments']
  readonly held: Map<number, Held>
  /** Neither accepted nor refused. */
  isOpen: boolean
}

function heldOf({ held }: Reservation, rule: number): Held {
  const known = held.get(rule)
  if (known !== undefined) return known
  const made = { tunnels: [], routes: [], learnt: false }
  held.set(rule, made)
  return made
}

/** Or the rule whose tunnel or address is another session's; nothing is reserved then. */
export function reserve(state: N4State, session: Session, request: SessionRequest): Reservation | number {
  const { claims, treatments } = request
  const reservation: Reservation = { session, claims, treatments, held: new Map(), isOpen: true }
  // At once: several requests may be under way.
  session.rulesToCome += claims.length
  session.treatments += treatments.create
  for (const claim of claims) {
    const held = heldOf(reservation, claim.rule)
    const tunnel = reserveTunnel(state, session, claim.given)
    if (tunnel === 'conflict' || !holdRoutes(state, session, claim.ranges, held.routes)) {
      if (tunnel !== null && tunnel !== 'conflict') held.tunnels.push(tunnel)
      giveBack(state, reservation)
      return claim.rule
    }
    if (tunnel !== null) held.tunnels.push(tunnel)
  }
  return reservation
}

/** Null: it is not at an address of ours. */
function reserveTunnel(state: N4State, session: Session, given: Located | null): Tunnel | 'conflict' | null {
  if (given === null || !addressesOf(given).some((address) => state.identity.isOurs(address))) return null
  return state.steering.reserve(given, session.upf, session) ?? 'conflict'
}

function holdRoutes(state: N4State, session: Session, ranges: readonly UeRange[], routes: UeRoute[]): boolean {
  for (const range of ranges) {
    const route = state.steering.hold(range, session.upf)
    if (route === null) return false
    routes.push(route)
  }
  return true
}

/** The request was refused. */
export function giveBack(state: N4State, reservation: Reservation): void {
  const { held, treatments } = reservation
  close(reservation, treatments.create)
  for (const rule of held.values()) releaseRule(rule, state.steering, state.nowMs)
  held.clear()
}

/** So many of the rules that say what becomes of packets are not there: they did not come, or they are gone. */
function close(reservation: Reservation, treatments: number): void {
  const { claims, session } = reservation
  if (!reservation.isOpen) return
  reservation.isOpen = false
  session.rulesToCome -= claims.length
  session.treatments = Math.max(0, session.treatments - treatments)
}

export function learnTunnel(state: N4State, reservation: Reservation, rule: number, located: Located): Tunnel | null {
  const { session } = reservation
  if (rule < 0) {
    state.counters.add('answer-without-rule-id')
    return null
  }
  const tunnel = state.steering.learn(located, session.upf, session)
  if (tunnel === null) return null
  const held = heldOf(reservation, rule)
  if (held.tunnels.includes(tunnel)) {
    // The UPF repeats what the request has named.
    tunnel.holders--
    return tunnel
  }
  held.tunnels.push(tunnel)
  held.learnt = true
  return tunnel
}

export function learnAddress(state: N4State, reservation: Reservation, rule: number, range: UeRange): void {
  if (rule < 0) return state.counters.add('answer-without-rule-id')
  const held = heldOf(reservation, rule)
  if (held.routes.some((route) => route.range.text === range.text)) return
  const route = state.steering.hold(range, reservation.session.upf)
  if (route !== null) held.routes.push(route)
}

/** The request was accepted: what it says holds from now on, and hints go out. */
export function settle(state: N4State, reservation: Reservation, removed: readonly number[]): void {
  shareChosen(reservation)
  const { claims, held, session, treatments } = reservation
  state.changes.touch(session)
  close(reservation, treatments.remove)
  for (const [id, rule] of held) {
    const claim = claims.find((other) => other.rule === id)
    replaceRule(state, session, id, rule, claim)
  }
  held.clear()
  for (const claim of claims) sideTunnels(session, claim)
  for (const id of removed) removeRule(session, id, state.steering, state.nowMs)
}

/** What a PDR says of the direction holds for the tunnel that it names, which may be a Traffic Endpoint's. */
function sideTunnels({ rules }: Session, { endpoint, fromCore, rule }: Claim): void {
  if (fromCore !== null) for (const tunnel of rules.get(endpoint ?? rule)?.tunnels ?? []) tunnel.fromCore = fromCore
}

/** Rules of equal CHOOSE IDs have one F-TEID, also where the UPF tells it for one of them only (8.2.3). */
function shareChosen({ claims, held }: Reservation): void {
  if (!claims.some(({ chooseId }) => chooseId !== null)) return
  const chosen = new Map<number, Tunnel>()
  for (const { chooseId, rule } of claims) {
    const its = held.get(rule)
    const tunnel = its?.learnt === true ? its.tunnels.at(-1) : undefined
    if (chooseId !== null && tunnel !== undefined) chosen.set(chooseId, tunnel)
  }
  for (const { chooseId, rule } of claims) {
    const its = held.get(rule)
    const tunnel = chooseId === null ? undefined : chosen.get(chooseId)
    if (its === undefined || tunnel === undefined || its.learnt) continue
    tunnel.holders++
    its.tunnels.push(tunnel)
    its.learnt = true
  }
}

/** Each once, however often requests name it. */
function withMore(tunnels: readonly Tunnel[], more: readonly Tunnel[]): readonly Tunnel[] {
  const added = more.filter((tunnel) => !tunnels.includes(tunnel))
  for (const tunnel of more) if (tunnels.includes(tunnel)) tunnel.holders--
  return [...tunnels, ...added]
}

function replaceRule(state: N4State, session: Session, id: number, held: Held, claim: Claim | undefined): void {
  const { steering } = state
  const old = session.rules.get(id)
  const detectsAnew = claim !== undefined && claim.detects
  const keepsTunnels = old !== undefined && !held.learnt && (!detectsAnew || claim.chooses)
  const keepsRoutes = old !== undefined && !detectsAnew && held.routes.length === 0
  const tunnels = keepsTunnels ? withMore(old.tunnels, held.tunnels) : held.tunnels
  const routes = keepsRoutes ? old.routes : held.routes
  session.rules.set(id, { tunnels, routes })
  for (const tunnel of tunnels) steering.activate(tunnel)
  for (const route of routes) steering.activateRoute(route)
  if (old === undefined) return
  releaseRule(
    { tunnels: keepsTunnels ? [] : old.tunnels, routes: keepsRoutes ? [] : old.routes },
    steering,
    state.nowMs,
  )
}
