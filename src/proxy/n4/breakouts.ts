// Local traffic of sessions: what an SMF has a UPF send to a local network by destination (uplink classifier, TS
// 23.501, 5.6.4) leaves its tunnel in the fast path, which is told the user, the tunnel both ways and the places. The
// UPF has all rules too, and does what the fast path leaves to it: filters that are more than a prefix, and rules that
// others come before.

import { element } from './elements.ts'
import { isEverywhere, mayMeet } from './flow-descriptions.ts'
import { readPacketRules } from './session-rules.ts'
import { mergeChanges } from './stored.ts'
import { seeElements } from './spans.ts'
import { wayBack } from './ways-back.ts'
import { nameText } from '../../protocols/element-values.ts'
import type { Classifier, UserSession } from '../../lb/user-sessions.ts'
import type { Flow } from './flow-descriptions.ts'
import type { PacketRule } from './session-rules.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'
import type { UeRange } from './values.ts'
import type { BackRules, NoWayBack } from './ways-back.ts'

/** Of a session that has had rules about a local network. */
export interface Breakout {
  /** what the fast path has been told; null: nothing */
  installed: UserSession | null
  /** rules that were left to the UPF, with the reason, so that each is counted once */
  left: ReadonlySet<string>
}

/** What a session's rules come to. */
interface Found {
  readonly session: UserSession | null
  readonly left: ReadonlySet<string>
}

/** Why a rule about a local network stays with the UPF; counters by these names. */
type Reason =
  | 'not a prefix'
  | 'shadowed'
  | 'one of several QoS flows'
  | 'another tunnel'
  | 'no tunnel here'
  | 'no address'
  | 'no QFI'
  | NoWayBack

/** Requests are kept so that rules can be read again when a change of them comes. */
export const keepsRequests = ({ options }: N4State): boolean =>
  options.onLoss === 'restore' || options.localNetworkInstances.length > 0

/** `change` is the request that has been accepted. */
export function followBreakout(state: N4State, session: Session, change: Uint8Array): void {
  const { localNetworkInstances: local } = state.options
  if (local.length === 0 || (session.breakout === null && !namesLocal(change, local))) return
  session.breakout ??= { installed: null, left: new Set() }
  const { breakout } = session
  const body = mergeChanges(session)
  const { left, session: wanted } = body === null ? nothingFound : find(state, session, body)
  if (body === null) state.counters.add('local: session too long')
  for (const rule of left)
    if (!breakout.left.has(rule)) state.counters.add(`local: ${rule.slice(rule.indexOf(' ') + 1)}`)
  breakout.left = left
  state.steering.breakOut(breakout, wanted)
}

const nothingFound: Found = { session: null, left: new Set() }

function namesLocal(body: Uint8Array, local: readonly string[]): boolean {
  let found = false
  seeElements(body, (type, bytes, start, end, depth) => {
    if (depth === 0) return type === element.createFar || type === element.updateFar
    if (type === element.networkInstance) found ||= local.includes(nameText(bytes, start, end))
    return type === element.forwardingParameters || type === element.updateForwardingParameters
  })
  return found
}

function find(state: N4State, session: Session, body: Uint8Array): Found {
  const rules = readPacketRules(body).toSorted((a, b) => a.precedence - b.precedence)
  const uplink = rules.filter(({ fromAccess }) => fromAccess)
  const { localNetworkInstances: local, n3 } = state.options
  const { flows } = flowsById(rules)
  const vip = n3.ipv4 ?? n3.ipv6 ?? ''
  const ueAddresses = addressesOf(session, rules)
  const back: BackRules = {
    rules,
    flows,
    usersOf: ({ place, ranges }) => [
      ...ranges.map(({ text }) => text),
      ...(session.rules.get(place)?.routes ?? []).map(({ range }) => range.text),
    ],
    ueAddresses,
    tunnelsAreIpv6: vip.includes(':'),
  }
  const left = new Set<string>()
  const leave = ({ id }: PacketRule, reason: Reason): void => void left.add(`${id} ${reason}`)
  let whole: Omit<UserSession, 'classifiers'> | null = null
  const classifiers = new Map<string, number>()
  for (const rule of uplink) {
    if (!isLocal(rule, local)) continue
    const reason = refusalOf(rule, uplink)
    if (reason !== null) {
      leave(rule, reason)
      continue
    }
    const places = flows(rule).flatMap((flow) => (isPlace(flow) ? [flow.place] : []))
    if (places.length < rule.filters.length) leave(rule, 'not a prefix')
    for (const place of places) {
      const before = uplink.find((other) => other !== rule && comesBefore(other, rule, place, flows, local))
      if (before !== undefined) {
        leave(rule, 'shadowed')
        continue
      }
      const made = wayOf({ session, rule, place, back, vip })
      if (typeof made === 'string') leave(rule, made)
      else if (whole !== null && !isSameWay(whole, made.session)) leave(rule, 'another tunnel')
      else {
        whole ??= made.session
        // Of rules about the same place the one that comes first counts.
        if (!classifiers.has(place)) classifiers.set(place, made.qfi)
      }
    }
  }
  const list = [...classifiers].map(([prefix, qfi]): Classifier => ({ prefix, qfi }))
  return { session: whole === null ? null : { ...whole, classifiers: list }, left }
}

/** Filters with an id alone are those that another rule describes (5.2.1A.2A). */
function flowsById(rules: readonly PacketRule[]): { readonly flows: (rule: PacketRule) => readonly Flow[] } {
  const described = new Map(
    rules.flatMap(({ filters }) =>
      filters.flatMap(({ flow, id }) => (flow !== null && id !== null ? [[id, flow]] : [])),
    ),
  )
  const unknown: Flow = { place: null, isPlain: false }
  return { flows: ({ filters }) => filters.map(({ flow, id }) => flow ?? described.get(id ?? -1) ?? unknown) }
}

const isPlace = (flow: Flow): flow is Flow & { readonly place: string } =>
  flow.isPlain && flow.place !== null && !isEverywhere(flow.place)

/** Its packets go to a local network. */
const isLocal = ({ far }: PacketRule, local: readonly string[]): boolean =>
  far !== null && far.forwards && !far.toAccess && local.includes(far.networkInstance ?? '')

/** What is wrong with all of a rule; null: nothing. */
function refusalOf(rule: PacketRule, uplink: readonly PacketRule[]): Reason | null {
  const { asksMore, far, filters, flows, qers } = rule
  if (far === null || !far.isPlain || far.hasOuterHeader) return 'no plain forwarding'
  if (asksMore || filters.length === 0) return 'not a prefix'
  // A condition that all rules have is none.
  if (uplink.some((other) => other.flows.join() !== flows.join())) return 'one of several QoS flows'
  return qers.every(({ isUplinkOpen }) => isUplinkOpen) ? null : 'gate closed'
}

/** Whether packets to a place may meet another rule first, and go elsewhere by it. */
function comesBefore(
  other: PacketRule,
  rule: PacketRule,
  place: string,
  flows: (rule: PacketRule) => readonly Flow[],
  local: readonly string[],
): boolean {
  if (other.precedence > rule.precedence) return false
  const goesTheSameWay = isLocal(other, local) && other.far?.isPlain === true && !other.far.hasOuterHeader
  if (goesTheSameWay && other.qers.every(({ isUplinkOpen }) => isUplinkOpen)) return false
  const its = flows(other)
  return other.filters.length === 0 || its.some((flow) => mayMeet(flow.place, place))
}

interface Place {
  readonly session: Session
  readonly rule: PacketRule
  readonly place: string
  readonly back: BackRules
  /** where gNBs send G-PDUs */
  readonly vip: string
}

type Way = { readonly session: Omit<UserSession, 'classifiers'>; readonly qfi: number }

/** How packets from the user to a place come in, and those from there go back. */
function wayOf({ back, place, rule, session, vip }: Place): Way | Reason {
  const { ueAddresses } = back
  const teid = session.rules.get(rule.place)?.tunnels.at(-1)?.teid
  if (teid === undefined) return 'no tunnel here'
  if (!ueAddresses.some((address) => address.includes(':') === place.includes(':'))) return 'no address'
  const way = wayBack({ place, networkInstance: rule.far?.networkInstance ?? null }, back)
  if (typeof way === 'string') return way
  const qfi = way.qfi ?? rule.qers.find((qer) => qer.qfi !== null)?.qfi ?? rule.flows[0] ?? null
  if (qfi === null) return 'no QFI'
  const downlink = { address: way.address, teid: way.teid }
  return { session: { ueAddresses, uplink: { address: vip, teid }, downlink }, qfi }
}

/** One of each family: of IPv6 a user has 64 bits. Those that the user plane has chosen stand in its answer. */
function addressesOf(session: Session, rules: readonly PacketRule[]): readonly string[] {
  const all = rules.flatMap(({ framed, place, ranges }) => {
    const held = (session.rules.get(place)?.routes ?? []).map(({ range }) => range)
    return [...ranges, ...held.filter(({ text }) => !framed.has(text))]
  })
  const ofUser = [
    all.find(({ bits, key }) => key.length === 4 && bits === null),
    all.find(({ bits, key }) => key.length === 16 && bits === 64),
  ]
  return ofUser.flatMap((range) => (range === undefined ? [] : [addressIn(range)]))
}

const addressIn = ({ text }: UeRange): string => text.slice(0, text.indexOf('/'))

type Ends = Pick<UserSession, 'ueAddresses' | 'uplink' | 'downlink'>

const isSameWay = (a: Ends, b: Ends): boolean =>
  a.uplink.teid === b.uplink.teid && a.downlink.teid === b.downlink.teid && a.downlink.address === b.downlink.address
