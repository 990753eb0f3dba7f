// Whole conversations, one for each protocol: who says what, and what state the flow has after it. Cases give them
// addresses and say what becomes of each line.

import { chunks } from '../../src/testing/packets/sctp.ts'
import { bytes, echoReply, echoRequest, tcp, udp } from './case.ts'
import type { Transport } from '../../src/lb/model.ts'
import type { FlowState } from '../../src/datapath/layout.gen.ts'
import type { Packet, SctpPacket } from '../../src/testing/packets.ts'
import type { Socket } from '../../src/testing/packets/socket.ts'

export interface Line {
  readonly by: 'client' | 'endpoint'
  readonly packet: (from: Socket, to: Socket) => Packet
  readonly state: FlowState
}

/** The verification tags of the association in `talks.sctp`: what each side chose for what it receives. */
export const tags = { client: 0xc11e4701, endpoint: 0x5e42e402 } as const

export function sctp(from: Socket, to: Socket, tag: number, ...list: readonly Uint8Array[]): SctpPacket {
  return { kind: 'sctp', from, to, tag, chunks: list }
}

const line = (by: Line['by'], state: FlowState, packet: Line['packet']): Line => ({ by, state, packet })

type More = Partial<Packet>

const tcpLine = (by: Line['by'], state: FlowState, flags: string, more: More = {}): Line =>
  line(by, state, (from, to) => tcp(from, to, flags, more as Parameters<typeof tcp>[3]))

/** What a client sends carries the tag that the endpoint chose. */
const sctpLine = (by: Line['by'], state: FlowState, ...list: readonly Uint8Array[]): Line =>
  line(by, state, (from, to) => sctp(from, to, by === 'client' ? tags.endpoint : tags.client, ...list))

/** MSS 1460, SACK permitted, timestamps, no-operation, window scale. */
const synOptions = Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7)

const tcpTalk: readonly Line[] = [
  tcpLine('client', 'syn_sent', 'S', { tcpOptions: synOptions, tos: 0x28, ttl: 255 }),
  tcpLine('endpoint', 'syn_received', 'SA', { tcpOptions: synOptions, ttl: 128 }),
  tcpLine('client', 'established', 'A', { tos: 0x28 }),
  tcpLine('client', 'established', 'PA', { payload: bytes(100), ttl: 2 }),
  tcpLine('endpoint', 'established', 'A', { dontFragment: true }),
  tcpLine('endpoint', 'established', 'PA', { payload: bytes(1001), dontFragment: true }),
  tcpLine('client', 'established', 'A'),
  tcpLine('client', 'closing', 'FA'),
  tcpLine('endpoint', 'closing', 'FA', { payload: bytes(1) }),
  tcpLine('client', 'closed', 'A'),
]

const udpTalk: readonly Line[] = [
  line('client', 'unreplied', (from, to) => udp(from, to, { payload: bytes(0), tos: 0xb8 })),
  line('endpoint', 'replied', (from, to) => udp(from, to, { payload: bytes(999) })),
  line('client', 'replied', (from, to) => udp(from, to, { payload: bytes(1400), ttl: 2 })),
]

const icmpTalk: readonly Line[] = [
  line('client', 'unreplied', (from, to) => echoRequest(from, to, { tos: 0x10 })),
  line('endpoint', 'replied', (from, to) => echoReply(from, to, { sequence: 1 })),
  line('client', 'replied', (from, to) => echoRequest(from, to, { sequence: 2, payload: bytes(1201) })),
  line('endpoint', 'replied', (from, to) => echoReply(from, to, { sequence: 2, payload: bytes(1201) })),
]

const sctpTalk: readonly Line[] = [
  line('client', 'syn_sent', (from, to) => sctp(from, to, 0, chunks.init(tags.client))),
  sctpLine('endpoint', 'syn_received', chunks.initAck(tags.endpoint)),
  sctpLine('client', 'syn_received', chunks.cookieEcho(), chunks.data(bytes(30))),
  sctpLine('endpoint', 'established', chunks.cookieAck(), chunks.sack()),
  sctpLine('client', 'established', chunks.data(bytes(1201), 2)),
  sctpLine('endpoint', 'established', chunks.sack(2), chunks.data(bytes(77))),
  sctpLine('client', 'established', chunks.sack(), chunks.heartbeat()),
  sctpLine('endpoint', 'established', chunks.heartbeatAck()),
  sctpLine('client', 'closing', chunks.shutdown()),
  sctpLine('endpoint', 'closing', chunks.shutdownAck()),
  sctpLine('client', 'closed', chunks.shutdownComplete()),
]

export const talks: Readonly<Record<Transport, readonly Line[]>> = {
  tcp: tcpTalk,
  udp: udpTalk,
  icmp: icmpTalk,
  sctp: sctpTalk,
}
