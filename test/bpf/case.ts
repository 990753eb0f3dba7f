// What a BPF case is, and the services and packets that cases are made of. A case says what is configured, which frames
// come in, and what becomes of each; it runs under both hooks. The words for its steps are in steps.ts.

import { endpointDefaults, makeService, type Change, type Endpoint, type Service } from '../../src/lb/model.ts'
import {
  parseSocket,
  type IcmpErrorPacket,
  type IcmpPacket,
  type Packet,
  type TcpPacket,
  type UdpPacket,
} from '../../src/testing/packets.ts'
import { socketOf, familyOf, type Family, type Socket } from '../../src/testing/packets/socket.ts'
import { echoTypes } from '../../src/testing/packets/transport.ts'
import type { Hook, PuntReason, Verdict } from '../../src/datapath/layout.gen.ts'
import type { ExecutionContext } from 'ava'
import type { Bed, HintOptions, RunOptions, Setup } from './bed.ts'

export interface Case {
  readonly name: string
  readonly setup: Setup
  /** both, if not given */
  readonly hooks?: readonly Hook[]
  /** flows that the table has room for: a bed of its own */
  readonly flows?: number
  /** hints that there is room for: a bed of its own */
  readonly hints?: number
  readonly steps: readonly Step[]
}

/**
 * What a forwarded packet looks like; MAC addresses and device follow from the test network. In a socket the port
 * `?name` is any port that the programs may give out: where it appears first it is found out, and from then on the name
 * means that port.
 */
export type Becomes =
  | {
      readonly kind: 'nat'
      readonly from: Socket
      readonly to: Socket
      /** another one, where something in it is rewritten */
      readonly payload?: Uint8Array
    }
  /** another packet in its place: an answer */
  | { readonly kind: 'answer'; readonly packet: Packet }
  /** direct return: the packet as it is, to this address */
  | {
      readonly kind: 'l2' | 'ip' | 'gue'
      readonly to: Socket
      /** of an answer to a user: whom it is from by then */
      readonly from?: Socket
    }
  /** an ICMP error: its own addresses, and the sockets of the packet inside */
  | {
      readonly kind: 'error'
      readonly from: string
      readonly to: string
      readonly insideFrom: Socket
      readonly insideTo: Socket
    }

/** An ICMP error about a packet, whose sockets may have names for ports. */
export interface ErrorAbout extends Partial<Omit<IcmpErrorPacket, 'kind' | 'inside'>> {
  readonly kind: 'error-about'
  readonly from: string
  readonly to: string
  readonly type: number
  readonly code: number
  readonly about: Packet
  /** bytes of the packet that the error has, at most */
  readonly most?: number
}

/** One fragment of the packet that the step names: all have this many bytes of payload, and which one this is. */
export interface Part {
  readonly sizes: readonly number[]
  readonly index: number
  readonly identification?: number
}

export interface PacketStep extends RunOptions {
  readonly kind: 'packet'
  readonly packet: Packet | ErrorAbout | Uint8Array
  readonly part?: Part
  readonly becomes?: Becomes
  readonly verdict: Verdict | Readonly<Record<Hook, Verdict>>
  /** with verdict `punt`: what for */
  readonly reason?: PuntReason
  /** The next hop's MAC address is for the kernel to find: it does not matter what the frame says. */
  readonly ignoreMac?: boolean
}

export type Step =
  | PacketStep
  | { readonly kind: 'wait'; readonly ticks: number }
  | { readonly kind: 'expire'; readonly which: 'all' | 'queue'; readonly freed: number }
  | { readonly kind: 'change'; readonly changes: readonly Change[] }
  | { readonly kind: 'hint'; readonly hint: HintOptions }
  /** state of each flow, seen from its client: `FROM -> TO` */
  | { readonly kind: 'flows'; readonly states: Readonly<Record<string, string>> }
  | { readonly kind: 'check'; readonly check: (t: ExecutionContext, bed: Bed, hook: Hook) => Promise<void> }

export const vip = '192.0.2.1'
export const client = '10.0.1.2'
export const server = '10.0.2.10'
export const vip6 = '2001:db8::1'
export const client6 = 'fd00:0:0:1::2'
export const server6 = 'fd00:0:0:2::10'

/** The same things in either family. */
export const hosts = {
  4: { vip, client, server, farClient: '198.51.100.7', egress: '10.0.2.1' },
  6: { vip: vip6, client: client6, server: server6, farClient: '2001:db8:c::7', egress: 'fd00:0:0:2::1' },
} as const satisfies Record<Family, unknown>

// ---- services ------------------------------------------------------------------------------------------------------

export interface ServiceOptions extends Partial<Omit<Service, 'address' | 'endpoints'>> {
  readonly vip?: string
  /** sockets, with weight 1; or more said */
  readonly endpoints?: readonly (Socket | Partial<Endpoint>)[]
}

/** TCP port 80 of the VIP, DNAT to one endpoint, chosen by hash, unless said otherwise. */
export function service(options: ServiceOptions = {}): Service {
  const { vip: address = vip, endpoints, protocol = 'tcp', port = protocol === 'icmp' ? 0 : 80, ...given } = options
  const home = hosts[familyOf(address)].server
  const wanted = endpoints ?? [protocol === 'icmp' ? home : socketOf(home, given.mode === 'dsr' ? port : 8080)]
  return makeService({
    select: 'hash',
    announce: 'routed',
    ...given,
    address,
    port,
    protocol,
    encapsulation: given.encapsulation ?? undefined,
    endpoints: wanted.map((endpoint) => ({
      ...endpointDefaults,
      ...parseSocket(home),
      ...(typeof endpoint === 'string' ? parseSocket(endpoint) : endpoint),
    })),
  })
}

/** A change of the service's endpoints. */
export function updateEndpoints(from: Service, change: (endpoint: Endpoint, index: number) => Endpoint): Change {
  return { kind: 'update', from, to: { ...from, endpoints: from.endpoints.map(change) } }
}

export function drain(from: Service, drained: number): Change {
  return updateEndpoints(from, (endpoint, index) => (index === drained ? { ...endpoint, drained: true } : endpoint))
}

export function block(from: Service, blocked: number): Change {
  return updateEndpoints(from, (endpoint, index) => (index === blocked ? { ...endpoint, blocked: true } : endpoint))
}

// ---- packets -------------------------------------------------------------------------------------------------------

export function tcp(from: Socket, to: Socket, flags: string, more: Partial<TcpPacket> = {}): TcpPacket {
  return { kind: 'tcp', from, to, flags, ...more }
}

export function udp(from: Socket, to: Socket, more: Partial<UdpPacket> = {}): UdpPacket {
  return { kind: 'udp', from, to, payload: bytes(11), ...more }
}

/** The identifier stands as the port of whoever asks. */
export function echoRequest(from: Socket, to: Socket, more: Partial<IcmpPacket> = {}): IcmpPacket {
  return { kind: 'icmp', type: echoTypes[familyOf(from)].request, from, to, payload: bytes(56), ...more }
}

export function echoReply(from: Socket, to: Socket, more: Partial<IcmpPacket> = {}): IcmpPacket {
  return { kind: 'icmp', type: echoTypes[familyOf(from)].reply, from, to, payload: bytes(56), ...more }
}

/** Payload without structure. */
export function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 151 + 17) & 0xff)
}

/** Throws, so that a case ends at its first surprise and the step is named. */
export function expect(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what}: found ${a}, expected ${b}`)
}
