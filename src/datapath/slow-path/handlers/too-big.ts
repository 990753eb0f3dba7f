// `too_big`: a packet longer than the next link takes. Its sender is told (RFC 1191, RFC 4443 3.2), from the address it
// was sent to; what may be fragmented on its way is.

import { DecodeError } from '../../../wire/decode-error.ts'
import { buildIcmpError, isIcmpError } from '../../../wire/icmp-error.ts'
import { classify, formatAddress } from '../../../wire/ip.ts'
import { isPart, partOf } from '../../../wire/fragments.ts'
import { ipv6MinimumMtu, parseIp } from '../../../wire/ip-packet.ts'
import { fragmentState } from '../../layout.gen.ts'
import { fragmentKey } from '../fragment-key.ts'
import { drop, send } from '../handler.ts'
import { deliver, growthOf } from '../deliver.ts'
import { actionOf } from '../flow-action.ts'
import { RateLimit } from '../rate-limit.ts'
import type { Answer, Handler, Lookups, MapChange, PuntedPacket } from '../handler.ts'
import type { Encapsulation } from '../deliver.ts'
import type { RateLimits } from '../rate-limit.ts'
import type { Flow, FlowKey } from '../../layout.gen.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'

const icmpHopLimit = 64
const ipv4MinimumMtu = 68

export interface TooBigOptions {
  readonly limits: RateLimits
  readonly lookups: Lookups
  /** Lets the fast path make the flow of a packet that is the first of one; the lookup then finds it. */
  readonly makeFlow?: (first: PuntedPacket) => void
  readonly nowMs: number
}

export const tooBigHandler = ({ limits, lookups, makeFlow, nowMs }: TooBigOptions): Handler => {
  const rate = new RateLimit(limits, nowMs)
  /** What the fast path has told us may be a flow that it has not made, since its packet could not leave. */
  const madeFlow = (punted: PuntedPacket): Flow | null => {
    const { key } = punted.punt
    const flow = lookups.flow(key)
    if (flow !== null || makeFlow === undefined) return flow
    makeFlow(punted)
    return lookups.flow(key)
  }
  return {
    reason: 'too_big',
    handle: (punted) => {
      const packet = parseIp(punted.packet, { cut: punted.cut })
      if (punted.punt.mtu === 0) return drop('next link not known')
      if (mayBeSplit(packet, punted.flow)) return split(packet, punted, madeFlow(punted), lookups.encapsulation())
      const reason = silent(packet, punted)
      if (reason !== null) return drop(reason)
      if (!rate.take(formatAddress(packet.source), punted.nowMs)) return drop('rate limit')
      return send(tell(packet, mtuForSender(packet, punted)))
    },
  }
}

/** IPv4 without DF; and IPv6 that is as short as may be, where an IPv4 link is shorter still (RFC 7915 5.1). */
function mayBeSplit(packet: IpPacket, flow: Flow | null): boolean {
  if (flow === null) return false
  // Which tunnel is a user's does not stand in the flow.
  if (packet.family === 4) return !packet.dontFragment && !['l2', 'encap_gtpu'].includes(actionOf(flow))
  return actionOf(flow) === 'nat64' && packet.totalBytes <= ipv6MinimumMtu
}

function split(packet: IpPacket, { cut, punt }: PuntedPacket, flow: Flow | null, encapsulation: Encapsulation): Answer {
  if (cut) return drop('too long')
  if (flow === null) return drop('no flow')
  // Any number will do that the endpoint does not get twice in a short time from us.
  const id = punt.sequence & 0xffff
  const packets = deliver(packet, { key: punt.key, flow, mtu: punt.mtu, id, encapsulation })
  return { kind: 'send', changes: taught(packet, punt.key, flow.endpoint), packets }
}

/** The fast path follows what we have done with a first fragment. */
function taught(packet: IpPacket, key: FlowKey, endpoint: number): readonly MapChange[] {
  if (!isPart(packet) || packet.fragment.offset > 0) return []
  const { destinationPort, sourcePort } = key
  const ends = partOf(packet).length
  const fragment = { sourcePort, destinationPort, ends, state: fragmentState.known, verdict: 0, endpoint }
  return [{ kind: 'fragment', key: fragmentKey(packet, key.zone), fragment }]
}

/** Whom nobody may tell (RFC 1122 3.2.2, RFC 4443 2.4 e); null: the sender may be told. */
function silent(packet: IpPacket, { frame }: PuntedPacket): string | null {
  if (packet.fragment !== null && packet.fragment.offset > 0) return 'about a later fragment'
  if (isIcmpError(packet)) return 'about an ICMP error'
  if (((frame[0] ?? 0) & 1) === 1) return 'about multicast'
  if (!isOneHost(packet.source)) return 'to nobody'
  return isOneHost(packet.destination) ? null : 'about multicast'
}

const isOneHost = (address: Uint8Array): boolean => ['unicast', 'link-local'].includes(classify(address))

/** What the sender may send so that it fits once we have translated or wrapped it. */
function mtuForSender(packet: IpPacket, { flow, punt }: PuntedPacket): number {
  const mtu = punt.mtu - (flow === null ? 0 : growthOf(packet.family, flow))
  if (mtu < ipv4MinimumMtu) throw new DecodeError('next link too short', 0)
  return packet.family === 6 ? Math.max(ipv6MinimumMtu, mtu) : Math.min(0xffff, mtu)
}

function tell(packet: IpPacket, mtu: number): Uint8Array {
  const [type, code] = packet.family === 4 ? [3, 4] : [2, 0]
  return buildIcmpError({
    family: packet.family,
    source: packet.destination,
    destination: packet.source,
    hopLimit: icmpHopLimit,
    error: { type, code, rest: mtu, quoted: packet.bytes },
  })
}
