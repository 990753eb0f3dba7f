// What libFuzzer starts from: conversations with the services of bpf/host/tables.h, as inputs of bpf/host/fuzz.c. The
// services stand there, row by row; what is sent to them stands here.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildFrame, buildPacket, type Packet } from '../../src/testing/packets.ts'
import { concat } from '../../src/testing/packets/bytes.ts'
import { fragmentFrame } from '../../src/testing/packets/fragments.ts'
import { gtpu, gtpuTypes } from '../../src/testing/packets/gtpu.ts'
import { quicLong, quicShort } from '../../src/testing/packets/quic.ts'
import { chunks } from '../../src/testing/packets/sctp.ts'
import { socketOf, type Socket } from '../../src/testing/packets/socket.ts'
import { echoTypes } from '../../src/testing/packets/transport.ts'

type Family = 4 | 6

const stepFlags = { partial: 1, gso: 4, expire: 16, inPieces: 32 } as const
const minute = 192 + 13
/** bytes behind the link header that can be read directly, where not all can */
const readable = 90
const payload = Uint8Array.from({ length: 64 }, (_, i) => i)

interface Step {
  readonly frame: Uint8Array
  readonly flags?: number
  readonly time?: number
  readonly route?: number
}

function stepBytes({ frame, flags = 0, time = 1, route = 0 }: Step): Uint8Array {
  return concat(Uint8Array.of(flags, time, route, readable, frame.length & 0xff, frame.length >> 8), frame)
}

const clientOf = (family: Family, port = 5000): Socket => socketOf(family === 4 ? '10.0.1.2' : 'fd01::2', port)
const vipOf = (family: Family, row: number, port: number): Socket =>
  socketOf(family === 4 ? `192.0.2.${row}` : `2001:db8::${row.toString(16)}`, port)
const endpointOf = (family: Family, port: number): Socket => socketOf(family === 4 ? '10.0.2.10' : 'fd00::a', port)

/** Answers to a client whose packets get an address of ours come to one of these: the programs choose. */
function answersTo(behind: Family, kept: boolean, ports: readonly number[]): readonly { from: Socket; to: Socket }[] {
  const egress = behind === 4 ? '10.0.2.1' : 'fd00::1'
  const receivers = kept ? [clientOf(behind)] : ports.map((port) => socketOf(egress, port))
  return [10, 11].flatMap((host) => {
    const from = socketOf(behind === 4 ? `10.0.2.${host}` : `fd00::${host.toString(16)}`, 8080)
    return receivers.map((to) => ({ from, to }))
  })
}

/** The first port that is given out, of either word of the bitmap; SCTP keeps its own. */
const givenPorts = [32_768, 32_832]

/** Of bpf/host/tables.h: family, the endpoints' family, number, whether packets keep their source. */
type Row = readonly [Family, Family, number, boolean]
const tcpRows: readonly Row[] = [
  [4, 4, 1, true],
  [4, 4, 6, true],
  [4, 6, 9, false],
  [4, 4, 18, true],
  [6, 6, 20, true],
  [6, 4, 24, false],
  [6, 6, 30, true],
]
const udpRows: readonly (readonly [Family, number])[] = [
  [4, 2],
  [4, 7],
  [4, 8],
  [4, 10],
  [4, 19],
  [4, 31],
  [6, 21],
  [6, 25],
  [6, 29],
]
const echoRows: readonly (readonly [Family, number])[] = [
  [4, 3],
  [4, 11],
  [6, 22],
  [6, 26],
]
const sctpRows: readonly Row[] = [
  [4, 4, 4, true],
  [4, 4, 5, false],
  [4, 6, 12, false],
  [6, 6, 23, false],
  [6, 4, 27, false],
]

const mss = Uint8Array.of(2, 4, 5, 0xb4)

/** An error of a router behind us about what an endpoint was sent. */
function errorAbout(behind: Family, about: Packet): Step {
  const { from, to } = about
  const [type, code] = behind === 4 ? [3, 4] : [2, 0]
  return {
    frame: buildFrame({ kind: 'icmp-error', from: to, to: from, type, code, word: 1280, inside: buildPacket(about) }),
  }
}

function tcpTalk(family: Family, behind: Family, row: number, kept: boolean): readonly Step[] {
  const [from, to] = [clientOf(family), vipOf(family, row, 80)]
  const backs = answersTo(behind, kept, givenPorts)
  const say = (flags: string, more: object = {}): Step => ({
    frame: buildFrame({ kind: 'tcp', from, to, flags, ...more }),
  })
  const answer = (flags: string): readonly Step[] =>
    backs.map((back) => ({ frame: buildFrame({ kind: 'tcp', ...back, flags, tcpOptions: mss }) }))
  return [
    say('S', { tcpOptions: mss }),
    ...answer('SA'),
    say('A'),
    ...backs.map((back) => errorAbout(behind, { kind: 'tcp', from: back.to, to: back.from, flags: 'A' })),
    { ...say('PA', { payload }), flags: stepFlags.gso },
    { ...say('PA', { payload, vlan: [{ id: 5 }] }), flags: stepFlags.inPieces },
    say('FA'),
    ...answer('FA'),
    say('A'),
    { ...say('S'), time: minute, flags: stepFlags.expire },
  ]
}

function udpTalk(family: Family, row: number): readonly Step[] {
  const about: Packet = { kind: 'udp', from: clientOf(family), to: vipOf(family, row, 80), payload }
  const whole = buildFrame({ ...about, payload: new Uint8Array(200) })
  const extensions = [{ kind: 'hop-by-hop' }, { kind: 'destination' }] as const
  return [
    { frame: buildFrame(about) },
    { frame: buildFrame({ ...about, noChecksum: family === 4, ipOptions: Uint8Array.of(1, 1, 1, 1), extensions }) },
    ...fragmentFrame(whole, [104, 104]).map((frame) => ({ frame })),
    ...fragmentFrame(whole, [104, 104], 77)
      .toReversed()
      .map((frame) => ({ frame })),
    { frame: buildFrame({ ...about, payload: new Uint8Array(900) }), route: 64 },
  ]
}

function echoTalk(family: Family, row: number): readonly Step[] {
  const { request } = echoTypes[family]
  return [
    { frame: buildFrame({ kind: 'icmp', type: request, from: clientOf(family), to: vipOf(family, row, 0), payload }) },
  ]
}

function sctpTalk(family: Family, behind: Family, row: number, kept: boolean): readonly Step[] {
  const forth = { kind: 'sctp', from: clientOf(family), to: vipOf(family, row, 80) } as const
  const backs = answersTo(behind, kept, [5000])
  const say = (packet: Packet): Step => ({ frame: buildFrame(packet) })
  const answer = (list: readonly Uint8Array[]): readonly Step[] =>
    backs.map((back) => say({ kind: 'sctp', ...back, tag: 0x1111, chunks: list }))
  return [
    say({ ...forth, tag: 0, chunks: [chunks.init(0x1111)] }),
    ...answer([chunks.initAck(0x2222)]),
    say({ ...forth, tag: 0x2222, chunks: [chunks.cookieEcho(), chunks.data(payload)] }),
    ...answer([chunks.cookieAck(), chunks.sack()]),
    say({ ...forth, from: clientOf(family, 5000).replace('2', '3'), tag: 0x2222, chunks: [chunks.heartbeat()] }),
    say({ ...forth, tag: 0x2222, chunks: [chunks.shutdown()] }),
    ...answer([chunks.shutdownAck()]),
    say({ ...forth, tag: 0x2222, chunks: [chunks.shutdownComplete()] }),
  ]
}

function sessionTalk(): readonly Step[] {
  const say = (row: number, port: number, message: Uint8Array, family: Family = 4): Step => ({
    frame: buildFrame({ kind: 'udp', from: clientOf(family, port), to: vipOf(family, row, port), payload: message }),
  })
  const tunnel = gtpu({ type: gtpuTypes.gPdu, teid: 0x1001, payload })
  const pfcp = Uint8Array.of(0x21, 50, 0, 12, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0, 1, 0)
  const asked = Uint8Array.of(0x21, 50, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0)
  const seid = [0, 0, 0, 0, 0, 0, 0x10, 2] as const
  const elements = [0, 19, 0, 1, 1, 0, 57, 0, 13, 2, ...seid, 10, 0, 2, 10] as const
  const given = Uint8Array.of(0x21, 51, 0, 34, ...seid, 0, 0, 2, 0, ...elements)
  const modify = Uint8Array.of(0x21, 52, 0, 12, ...seid, 0, 0, 3, 0)
  /** Of both endpoints, of which one was asked. */
  const answer = (host: number): Step => ({
    frame: buildFrame({ kind: 'udp', from: `10.0.2.${host}:8805`, to: clientOf(4, 8805), payload: given }),
  })
  const id = Uint8Array.of(0x20, 1, 2, 3, 4, 5, 6, 7)
  return [
    say(13, 2152, tunnel),
    say(28, 2152, tunnel, 6),
    say(13, 2152, gtpu({ type: gtpuTypes.echoRequest, teid: 0, sequence: 1 })),
    { frame: buildFrame({ kind: 'udp', from: endpointOf(4, 2152), to: clientOf(4, 2152), payload: tunnel }) },
    say(14, 8805, pfcp),
    say(14, 8805, asked),
    answer(10),
    answer(11),
    say(14, 8805, modify),
    say(15, 443, quicShort(id)),
    say(15, 443, quicLong({ destination: id, type: 2 })),
    say(16, 443, quicShort(id)),
    { frame: buildFrame({ kind: 'tcp', from: clientOf(4), to: vipOf(4, 17, 21), flags: 'S' }) },
  ]
}

/** Writes one file a conversation. */
export function writeSeeds(folder: string): void {
  const talks = [
    ...tcpRows.map((row) => tcpTalk(...row)),
    ...udpRows.map((row) => udpTalk(...row)),
    ...echoRows.map((row) => echoTalk(...row)),
    ...sctpRows.map((row) => sctpTalk(...row)),
    sessionTalk(),
  ]
  mkdirSync(folder, { recursive: true })
  for (const [i, talk] of talks.entries()) writeFileSync(join(folder, `seed-${i}`), concat(...talk.map(stepBytes)))
}
