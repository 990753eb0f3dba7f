// What cases of ICMP errors are made of: a flow, and errors about its packets from either side.

import { type Mode, type Transport } from '../../src/lb/model.ts'
import { chunks } from '../../src/testing/packets/sctp.ts'
import { parseSocket, socketOf, type Family, type Socket } from '../../src/testing/packets/socket.ts'
import { bytes, echoReply, echoRequest, hosts, tcp, udp, type ErrorAbout, type Step } from './case.ts'
import { deviceAddress, hostAddress } from './network.ts'
import { sends } from './steps.ts'
import { sctp } from './talks.ts'
import type { Packet } from '../../src/testing/packets.ts'

export interface Kind {
  readonly type: number
  readonly code: number
  readonly word: number
}

/** Net, host and port unreachable, too big, time exceeded, parameter problem. */
export const kinds: Readonly<Record<Family, readonly Kind[]>> = {
  4: [
    { type: 3, code: 0, word: 0 },
    { type: 3, code: 1, word: 0 },
    { type: 3, code: 3, word: 0 },
    { type: 3, code: 4, word: 1400 },
    { type: 11, code: 0, word: 0 },
    { type: 12, code: 0, word: 0x14000000 },
  ],
  6: [
    { type: 1, code: 0, word: 0 },
    { type: 1, code: 3, word: 0 },
    { type: 1, code: 4, word: 0 },
    { type: 2, code: 0, word: 1280 },
    { type: 3, code: 0, word: 0 },
    { type: 4, code: 0, word: 6 },
  ],
}
export const tooBig = { 4: kinds[4][3]!, 6: kinds[6][3]! } as const

/** A router beside the clients (network 1) or the endpoints (network 2). */
export const router = (family: Family, network: 1 | 2): string => hostAddress(family, network, 77)

export function error(kind: Kind, from: string, to: Socket, about: Packet, more: Partial<ErrorAbout> = {}): ErrorAbout {
  return { kind: 'error-about', from, to: parseSocket(to).address, ...kind, about, ...more }
}

export interface Scene {
  readonly client: Socket
  readonly vip: Socket
  readonly endpoint: Socket
  readonly seen: Socket
  readonly request: (from: Socket, to: Socket) => Packet
  readonly reply: (from: Socket, to: Socket) => Packet
}

const tag = 0x01020304

const packets: Readonly<Record<Transport, Pick<Scene, 'request' | 'reply'>>> = {
  tcp: {
    request: (from, to) => tcp(from, to, 'S', { tcpOptions: bytes(8) }),
    reply: (from, to) => tcp(from, to, 'SA'),
  },
  udp: { request: (from, to) => udp(from, to), reply: (from, to) => udp(from, to, { payload: bytes(300) }) },
  sctp: {
    request: (from, to) => sctp(from, to, 0, chunks.init(tag)),
    reply: (from, to) => sctp(from, to, tag, chunks.initAck(tag + 1)),
  },
  icmp: { request: (from, to) => echoRequest(from, to), reply: (from, to) => echoReply(from, to) },
}

/** Modes that balance. */
type Balancing = Exclude<Mode, 'masquerade' | 'proxy'>

export function sceneOf(family: Family, protocol: Transport, mode: Balancing): Scene {
  const { client, vip, server, egress } = hosts[family]
  const isEcho = protocol === 'icmp'
  const near = socketOf(client, isEcho ? 77 : 40_000)
  const seen = { dnat: near, dsr: near, fullnat: socketOf(vip, '?port'), onearm: socketOf(egress, '?port') }
  return {
    client: near,
    vip: socketOf(mode === 'hostonearm' ? deviceAddress('client', family) : vip, isEcho ? 0 : 80),
    endpoint: socketOf(server, isEcho ? 0 : 8080),
    seen: seen[mode === 'hostonearm' ? 'onearm' : mode],
    ...packets[protocol],
  }
}

export const address = (socket: Socket): string => parseSocket(socket.replace(/:\?.*$/, '')).address

/** A router or the endpoint itself cannot deliver what the client has sent. */
export function fromEndpointSide(kind: Kind, { client, vip, endpoint, seen, request }: Scene, from: string): Step {
  const self = from === address(endpoint)
  return sends(error(kind, from, address(seen), request(seen, endpoint)), {
    kind: 'error',
    from: self ? address(vip) : from,
    to: address(client),
    insideFrom: client,
    insideTo: vip,
  })
}

/** A router or the client itself cannot deliver what the endpoint has sent. */
export function fromClientSide(kind: Kind, { client, vip, endpoint, seen, reply }: Scene, from: string): Step {
  const self = from === address(client)
  return sends(error(kind, from, address(vip), reply(vip, client)), {
    kind: 'error',
    from: self ? address(seen) : from,
    to: address(endpoint),
    insideFrom: endpoint,
    insideTo: seen,
  })
}
