// What a BPF case is, and the words that cases are written with. A case says what is configured, which frames come in,
// and what becomes of each; it runs under both hooks.

import type { Hook, Verdict } from '../../src/datapath/layout.gen.ts'
import type { Change, Endpoint, Mode, Select, Service, Transport } from '../../src/lb/model.ts'
import { parseSocket, type IcmpPacket, type Packet, type TcpPacket, type UdpPacket } from '../../src/testing/packets.ts'
import type { ExecutionContext } from 'ava'
import type { Bed, RunOptions, Setup } from './bed.ts'

export interface Case {
  readonly name: string
  readonly setup: Setup
  /** both, if not given */
  readonly hooks?: readonly Hook[]
  /** flows that the table has room for: a bed of its own */
  readonly flows?: number
  readonly steps: readonly Step[]
}

/**
 * A frame and what becomes of it. `becomes` are the sockets after the translation, and mean that it is forwarded; MAC
 * addresses and device follow from the test network. In a socket the port `?name` is any port that the programs may
 * give out: where it appears first in `becomes` it is found out, and from then on the name means that port.
 */
export interface PacketStep extends RunOptions {
  readonly kind: 'packet'
  readonly packet: Packet | Uint8Array
  readonly becomes?: { readonly from: string; readonly to: string }
  readonly verdict: Verdict | Readonly<Record<Hook, Verdict>>
  /** The next hop's MAC address is for the kernel to find: it does not matter what the frame says. */
  readonly ignoreMac?: boolean
}

export type Step =
  | PacketStep
  | { readonly kind: 'wait'; readonly ticks: number }
  | { readonly kind: 'expire'; readonly which: 'all' | 'queue'; readonly freed: number }
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  /** state of each flow, seen from its client: `FROM -> TO` */
  | { readonly kind: 'flows'; readonly states: Readonly<Record<string, string>> }
  | { readonly kind: 'check'; readonly check: (t: ExecutionContext, bed: Bed, hook: Hook) => Promise<void> }

export const vip = '192.0.2.1'
export const client = '10.0.1.2'
export const server = '10.0.2.10'

// ---- services ------------------------------------------------------------------------------------------------------

export interface ServiceOptions {
  readonly protocol?: Transport
  readonly mode?: Mode
  readonly select?: Select
  readonly vip?: string
  readonly port?: number
  /** `address:port`, with weight 1; or more said */
  readonly endpoints?: readonly (string | Partial<Endpoint>)[]
}

/** TCP port 80 of the VIP, DNAT to one endpoint, unless said otherwise. */
export function service(options: ServiceOptions = {}): Service {
  const protocol = options.protocol ?? 'tcp'
  const port = options.port ?? (protocol === 'icmp' ? 0 : 80)
  const endpoints = options.endpoints ?? [protocol === 'icmp' ? server : `${server}:8080`]
  return {
    name: `${options.vip ?? vip}:${port}/${protocol}`,
    owner: 'file',
    address: options.vip ?? vip,
    port,
    protocol,
    mode: options.mode ?? 'dnat',
    select: options.select ?? 'hash',
    announce: 'routed',
    endpoints: endpoints.map((endpoint) => ({
      ...parseSocket(server),
      weight: 1,
      drained: false,
      ...(typeof endpoint === 'string' ? parseSocket(endpoint) : endpoint),
    })),
    annotations: {},
  }
}

/** A change of the service's endpoints: all of them drained, say. */
function update(from: Service, change: (endpoint: Endpoint, index: number) => Endpoint): Change {
  return { kind: 'update', from, to: { ...from, endpoints: from.endpoints.map(change) } }
}

export function drain(from: Service, drained: number): Change {
  return update(from, (endpoint, index) => (index === drained ? { ...endpoint, drained: true } : endpoint))
}

// ---- packets -------------------------------------------------------------------------------------------------------

export function tcp(from: string, to: string, flags: string, more: Partial<TcpPacket> = {}): TcpPacket {
  return { kind: 'tcp', from, to, flags, ...more }
}

export function udp(from: string, to: string, more: Partial<UdpPacket> = {}): UdpPacket {
  return { kind: 'udp', from, to, payload: bytes(11), ...more }
}

/** The identifier stands as the port of whoever asks. */
export function echoRequest(from: string, to: string, more: Partial<IcmpPacket> = {}): IcmpPacket {
  return { kind: 'icmp', type: 8, from, to, payload: bytes(56), ...more }
}

export function echoReply(from: string, to: string, more: Partial<IcmpPacket> = {}): IcmpPacket {
  return { kind: 'icmp', type: 0, from, to, payload: bytes(56), ...more }
}

/** Payload without structure. */
export function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 151 + 17) & 0xff)
}

// ---- steps ---------------------------------------------------------------------------------------------------------

type More = Partial<Omit<PacketStep, 'kind' | 'packet' | 'becomes' | 'verdict'>>

export function forwards(packet: Packet | Uint8Array, from: string, to: string, more: More = {}): PacketStep {
  return { kind: 'packet', packet, becomes: { from, to }, verdict: 'forward', ...more }
}

/** XDP cannot finish it and passes it on unchanged; TC forwards it. */
export function forwardsByTc(packet: Packet, xdp: Verdict, from: string, to: string, more: More = {}): PacketStep {
  return { ...forwards(packet, from, to, more), verdict: { xdp, tc: 'forward' } }
}

/** Passed or dropped: the frame stays as it is. */
export function ends(packet: Packet | Uint8Array, verdict: PacketStep['verdict'], more: More = {}): PacketStep {
  return { kind: 'packet', packet, verdict, ...more }
}

export function wait(ticks: number): Step {
  return { kind: 'wait', ticks }
}

export function expires(freed: number, which: 'all' | 'queue' = 'all'): Step {
  return { kind: 'expire', which, freed }
}

export function flowsAre(states: Readonly<Record<string, string>>): Step {
  return { kind: 'flows', states }
}

export function changes(...list: readonly Change[]): Step {
  return { kind: 'change', changes: list }
}

export function check(run: (t: ExecutionContext, bed: Bed, hook: Hook) => Promise<void>): Step {
  return { kind: 'check', check: run }
}

/** How a TCP connection in mode dnat is opened ... */
export function handshake(from: string, service: string, endpoint: string): readonly Step[] {
  return [
    forwards(tcp(from, service, 'S'), from, endpoint),
    forwards(tcp(endpoint, from, 'SA'), service, from),
    forwards(tcp(from, service, 'A'), from, endpoint),
  ]
}

/** ... and closed by both sides. */
export function closing(from: string, service: string, endpoint: string): readonly Step[] {
  return [
    forwards(tcp(from, service, 'FA'), from, endpoint),
    forwards(tcp(endpoint, from, 'FA'), service, from),
    forwards(tcp(from, service, 'A'), from, endpoint),
  ]
}

/** What the endpoints' own counts of flows that live now add up to. */
export function liveFlows(wanted: number): Step {
  return check(async (_t, bed) => {
    const live = Object.values(await bed.counts()).reduce((sum, { active }) => sum + (active ?? 0), 0)
    expect(live, wanted, 'live flows')
  })
}

/** Throws, so that a case ends at its first surprise and the step is named. */
export function expect(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what}: found ${a}, expected ${b}`)
}
