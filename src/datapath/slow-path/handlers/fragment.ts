// `fragment`: fragments that came in another order than they were sent. The fast path sends on a first one, and those
// that follow it without a gap; its entry of the datagram says how far it has come. The rest waits here until nothing
// is missing between, and follows. If the first one is here as well, the datagram is put together, translated as one
// packet, and taken apart again.

import { checkPart, coverage, isPart, partOf, reassemble } from '../../../wire/fragments.ts'
import { headerIsRight, ipv6MinimumMtu, parseIp, protocols } from '../../../wire/ip-packet.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { read16, read8 } from '../../../wire/fields.ts'
import { fragmentState, verdict } from '../../layout.gen.ts'
import { deliver, growthOf } from '../deliver.ts'
import { actionOf } from '../flow-action.ts'
import { fragmentKey, protocolName } from '../fragment-key.ts'
import { drop } from '../handler.ts'
import { HeldDatagrams } from './held-datagrams.ts'
import type { FragmentLimits, HeldDatagram } from './held-datagrams.ts'
import type { Answer, Handler, Lookups, MapChange, PuntedPacket, Settled } from '../handler.ts'
import type { Flow, FlowKey, Fragment, FragmentKey } from '../../layout.gen.ts'
import type { Delivery } from '../deliver.ts'
import type { Part } from '../../../wire/fragments.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'

export interface FragmentOptions {
  readonly limits: FragmentLimits
  readonly lookups: Lookups
  /** Lets the fast path make the flow of a datagram that has none, of its first fragment; the lookup then finds it. */
  readonly makeFlow?: (first: PuntedPacket) => void
  /** For datagrams that have no flow, since their first fragment went by a session key. */
  readonly fastPath?: {
    /** at once */
    readonly change: (changes: readonly MapChange[]) => void
    /** The fragment as it would leave; null: it would not. */
    readonly forward: (punted: PuntedPacket) => Uint8Array | null
  }
}

type Ports = Pick<FlowKey, 'sourcePort' | 'destinationPort'>

/** Between two looks at the entries of all datagrams that wait: nobody tells us of a first fragment. */
const pollMs = 5
/** An IPv6 header with a fragment header is so much longer than an IPv4 header. */
const growthOfFragment = 28
const ipv4MinimumMtu = 68

export class FragmentHandler implements Handler {
  readonly reason = 'fragment'
  readonly #options: FragmentOptions
  readonly #held: HeldDatagrams
  #settled: Settled[] = []
  #polledMs = 0

  constructor(options: FragmentOptions) {
    this.#options = options
    this.#held = new HeldDatagrams(options.limits)
  }

  get waiting(): { readonly datagrams: number; readonly bytes: number } {
    return { datagrams: this.#held.datagrams, bytes: this.#held.bytes }
  }

  handle(punted: PuntedPacket): Answer {
    if (punted.cut) return drop('too long')
    const part = parseIp(punted.packet)
    if (!isPart(part)) return drop('no fragment')
    if (!headerIsRight(part)) return drop('checksum')
    checkPart(part)
    const key = fragmentKey(part, punted.punt.key.zone)
    if (this.#held.repeats(key, part)) return drop('fragments: repeated')
    const added = this.#held.add(key, { part, punted })
    if ('refused' in added) return { ...drop(added.refused), changes: [dropped(key, 'drop_fragment')] }
    this.#look(added)
    return { kind: 'keep' }
  }

  /** Something waits: `due` wants to be asked soon. */
  hurries(): boolean {
    return this.#held.datagrams > 0
  }

  due(nowMs: number): readonly Settled[] {
    if (nowMs - this.#polledMs >= pollMs) {
      this.#polledMs = nowMs
      for (const datagram of this.#held)
        if (nowMs - datagram.sinceMs < this.#options.limits.waitMs) this.#look(datagram)
        else this.#drop(datagram, 'fragments: time', 'drop_fragment')
    }
    const settled = this.#settled
    this.#settled = []
    return settled
  }

  /** Whether the datagram can go now. */
  #look(datagram: HeldDatagram): void {
    const parts = datagram.parts.map(({ part }) => part)
    const entry = this.#options.lookups.fragment(datagram.key)
    if (entry?.state === fragmentState.drop) return this.#settle(datagram, drop('fragments: first one dropped'))
    if (entry?.state === fragmentState.pass)
      return this.#settle(datagram, { kind: 'send', packets: parts.map(({ bytes }) => bytes) })
    const isFirstHere = parts.some((part) => part.fragment.offset === 0)
    const sent = isFirstHere ? 0 : (entry?.ends ?? 0)
    const found = coverage(parts, sent)
    if (found === 'overlap') return this.#drop(datagram, 'fragments: overlap', 'drop_fragment_overlap')
    if (found === 'incomplete') return
    this.#try(datagram, () => (sent > 0 && entry !== null ? this.#follow(datagram, entry) : this.#finish(datagram)))
  }

  /** The first one has passed: these go the same way. */
  #follow(datagram: HeldDatagram, entry: Fragment): Answer {
    const parts = datagram.parts.map(({ part }) => part)
    const key = flowKey(parts[0]!, datagram.key.zone, entry)
    const flow = this.#options.lookups.flow(key)
    if (flow === null) return this.#followSession(datagram, entry) ?? this.#refusal(datagram, 'no flow', 'drop_no_flow')
    const delivery = this.#delivery(parts, key, flow)
    const packets = parts.flatMap((part) => deliver(part, delivery))
    return { kind: 'send', changes: [known(datagram, entry)], packets }
  }

  /** One after the other, as if they came now; null: they go nowhere. */
  #followSession({ key, parts }: HeldDatagram, { seen: _, ...entry }: Fragment): Answer | null {
    const { fastPath } = this.#options
    if (fastPath === undefined) return null
    fastPath.change([{ kind: 'fragment', key, fragment: { ...entry, state: fragmentState.known } }])
    const packets: Uint8Array[] = []
    for (const { punted } of parts.toSorted((a, b) => a.part.fragment.offset - b.part.fragment.offset)) {
      const packet = fastPath.forward(punted)
      if (packet === null) return null
      packets.push(packet)
    }
    return { kind: 'send', packets }
  }

  /** The datagram is whole, and all of it is here. */
  #finish(datagram: HeldDatagram): Answer {
    const parts = datagram.parts.map(({ part }) => part)
    const whole = reassemble(parts)
    const first = datagram.parts.find(({ part }) => part.fragment.offset === 0)!
    const ports = portsOf(whole)
    const key = flowKey(whole, datagram.key.zone, ports)
    const flow = this.#flow(key, first.punted)
    if (flow === null) return this.#refusal(datagram, 'no flow', 'drop_no_flow')
    const packets = deliver(whole, this.#delivery(parts, key, flow))
    return { kind: 'send', changes: [known(datagram, ports)], packets }
  }

  #delivery(parts: readonly Part[], key: FlowKey, flow: Flow): Delivery {
    const encapsulation = this.#options.lookups.encapsulation()
    return { key, flow, mtu: mtuLike(parts, flow), id: parts[0]!.fragment.id, encapsulation }
  }

  #flow(key: FlowKey, first: PuntedPacket): Flow | null {
    const flow = this.#options.lookups.flow(key)
    if (flow !== null || this.#options.makeFlow === undefined) return flow
    this.#options.makeFlow(first)
    return this.#options.lookups.flow(key)
  }

  #refusal({ key }: HeldDatagram, reason: string, name: keyof typeof verdict): Answer {
    return { ...drop(reason), changes: [dropped(key, name)] }
  }

  #try(datagram: HeldDatagram, answer: () => Answer): void {
    try {
      this.#settle(datagram, answer())
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#drop(datagram, error.reason, 'drop_fragment')
    }
  }

  #drop(datagram: HeldDatagram, reason: string, name: keyof typeof verdict): void {
    this.#settle(datagram, this.#refusal(datagram, reason, name))
  }

  #settle(datagram: HeldDatagram, answer: Answer): void {
    this.#held.remove(datagram)
    if (answer.kind === 'keep') return
    this.#settled.push({ packets: datagram.parts.map(({ punted }) => punted), answer })
  }
}

function flowKey(packet: IpPacket, zone: number, { sourcePort, destinationPort }: Ports): FlowKey {
  const { source, destination } = packet
  return { source, destination, sourcePort, destinationPort, zone, protocol: protocolName(packet.protocol) }
}

function portsOf({ bytes, family, payload, protocol }: IpPacket): Ports {
  if (protocolName(protocol) !== protocols.icmp)
    return { sourcePort: read16(bytes, payload), destinationPort: read16(bytes, payload + 2) }
  const isReply = read8(bytes, payload) === (family === 4 ? 0 : 129)
  const id = read16(bytes, payload + 4)
  return isReply ? { sourcePort: 0, destinationPort: id } : { sourcePort: id, destinationPort: 0 }
}

function known({ key, parts }: HeldDatagram, ports: Ports): MapChange {
  const ends = Math.max(...parts.map(({ part }) => part.fragment.offset + partOf(part).length))
  return { kind: 'fragment', key, fragment: { ...ports, ends, state: fragmentState.known, verdict: 0, endpoint: 0 } }
}

function dropped(key: FragmentKey, name: keyof typeof verdict): MapChange {
  const state = fragmentState.drop
  const fragment = { sourcePort: 0, destinationPort: 0, ends: 0, state, verdict: verdict[name], endpoint: 0 }
  return { kind: 'fragment', key, fragment }
}

/** They leave as long as they came. Nobody tells an IPv4 sender what an IPv6 link takes, so those fit every link. */
function mtuLike(parts: readonly Part[], flow: Flow): number {
  const longest = Math.max(...parts.map((part) => part.totalBytes))
  const action = actionOf(flow)
  if (action === 'nat46') return ipv6MinimumMtu
  if (action === 'nat64') return Math.max(ipv4MinimumMtu, longest - growthOfFragment)
  return longest + growthOf(parts[0]!.family, flow)
}
