// How what a local network sends to a user goes back. By the rules it would be up to the first one that it matches, in
// the order of precedence (TS 29.244, 5.2.1): only where all packets from a place get the same tunnel and QoS flow, as
// far as rules can tell, is that a way that the fast path can know.

import { isWithin, mayMeet } from './flow-descriptions.ts'
import type { Flow } from './flow-descriptions.ts'
import type { PacketRule } from './session-rules.ts'

/** Towards the gNB. */
export interface WayBack {
  readonly address: string
  readonly teid: number
  /** null: no rule of the way back names one */
  readonly qfi: number | null
}

export type NoWayBack = 'no way back' | 'no plain forwarding' | 'gate closed' | 'several ways back'

export interface Sender {
  /** prefix of a local network */
  readonly place: string
  /** that packets to it leave by */
  readonly networkInstance: string | null
}

export interface BackRules {
  /** of all sides, the one that comes first at the beginning */
  readonly rules: readonly PacketRule[]
  readonly flows: (rule: PacketRule) => readonly Flow[]
  /** prefixes that a rule is for: what it says, and what the UPF has chosen for it; none: all */
  readonly usersOf: (rule: PacketRule) => readonly string[]
  /** of the user, one of each family at most */
  readonly ueAddresses: readonly string[]
  /** between gNBs and us */
  readonly tunnelsAreIpv6: boolean
}

export function wayBack(sender: Sender, given: BackRules): WayBack | NoWayBack {
  const ways = rulesFor(sender, given).map((rule) => wayOf(rule, given.tunnelsAreIpv6))
  const [first = 'no way back'] = ways
  return ways.every((way) => isSame(way, first)) ? first : 'several ways back'
}

/** Those that say what becomes of packets from there: none of these packets comes as far as any other. */
function rulesFor({ networkInstance, place }: Sender, given: BackRules): readonly PacketRule[] {
  const fromNetwork = given.rules.filter((rule) => rule.fromNetwork)
  const isStrict = (rule: PacketRule): boolean =>
    !rule.inTunnel && (rule.networkInstance === null || rule.networkInstance === networkInstance)
  // An SMF may have none for the local network: then the others have its tunnel.
  const inOrder = [...fromNetwork.filter(isStrict), ...fromNetwork.filter((rule) => !isStrict(rule))]
  const found: PacketRule[] = []
  let last: PacketRule | null = null
  for (const rule of inOrder) {
    const isAsGood = last !== null && rule.precedence === last.precedence && isStrict(rule) === isStrict(last)
    if (last !== null && !isAsGood) break
    const matches = matchOf(rule, place, given)
    if (matches === 'none') continue
    found.push(rule)
    if (matches === 'all') last ??= rule
  }
  return found
}

/** How many of the packets from a place to the user. */
function matchOf(rule: PacketRule, place: string, { flows, ueAddresses, usersOf }: BackRules): 'all' | 'some' | 'none' {
  const address = ueAddresses.find((one) => one.includes(':') === place.includes(':'))
  const user = address === undefined ? null : `${address}/${address.includes(':') ? 64 : 32}`
  const users = usersOf(rule)
  const its = flows(rule)
  const isOfUser = users.length === 0 || users.some((prefix) => mayMeet(prefix, user))
  const isOfPlace = its.length === 0 || its.some((flow) => mayMeet(flow.place, place))
  if (!isOfUser || !isOfPlace) return 'none'
  const hasUser = users.length === 0 || users.some((prefix) => user !== null && isWithin(user, prefix))
  const hasPlace = its.length === 0 || its.some((flow) => hasAllOf(flow, place))
  return hasUser && hasPlace && !rule.asksMore && rule.flows.length === 0 ? 'all' : 'some'
}

const hasAllOf = (flow: Flow, place: string): boolean =>
  flow.isPlain && flow.place !== null && isWithin(place, flow.place)

function wayOf({ far, qers }: PacketRule, isIpv6: boolean): WayBack | NoWayBack {
  const end = far !== null && far.forwards && far.toAccess ? far.tunnel : null
  const address = end === null ? null : isIpv6 ? end.ipv6 : end.ipv4
  if (end === null || address === null || end.teid === 0) return 'no way back'
  if (far?.isPlain !== true) return 'no plain forwarding'
  if (!qers.every(({ isDownlinkOpen }) => isDownlinkOpen)) return 'gate closed'
  return { address, teid: end.teid, qfi: qers.find(({ qfi }) => qfi !== null)?.qfi ?? null }
}

const isSame = (a: WayBack | NoWayBack, b: WayBack | NoWayBack): boolean =>
  typeof a === 'string' || typeof b === 'string'
    ? a === b
    : a.address === b.address && a.teid === b.teid && a.qfi === b.qfi
