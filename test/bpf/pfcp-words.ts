// The words of cases about PFCP that is not terminated: SMFs, a service, two UPFs, and sessions that are made.

import { buildHashTable, hashChoice } from '../../src/lb/selection/hash.ts'
import { clientDigest, sessionDigest } from '../../src/lb/selection/flow-hash.ts'
import { be16, be32, concat } from '../../src/testing/packets/bytes.ts'
import { familyOf, parseSocket, type Family, type Socket } from '../../src/testing/packets/socket.ts'
import { addressBytes } from '../../src/wire/ip.ts'
import { hosts, service, udp, type PacketStep } from './case.ts'
import { at, upf1, upf2 } from './n3-words.ts'
import { ends, forwards } from './steps.ts'
import type { Service } from '../../src/lb/model.ts'
import type { Verdict } from '../../src/datapath/layout.gen.ts'

export const port = 8805
/** of the test bed */
export const ticksPerSecond = 128

interface Message {
  readonly type: number
  /** undefined: about nodes */
  readonly seid?: bigint
  readonly sequence?: number
  readonly elements?: readonly Uint8Array[]
}

const be64 = (value: bigint): Uint8Array => concat(be32(Number(value >> 32n)), be32(Number(value & 0xffff_ffffn)))
export const element = (type: number, value: Uint8Array): Uint8Array => concat(be16(type), be16(value.length), value)

export function pfcp({ elements = [], seid, sequence = 1, type }: Message): Uint8Array {
  const body = concat(...elements)
  const about = seid === undefined ? new Uint8Array() : be64(seid)
  const rest = concat(about, be32(sequence * 256), body)
  return concat(Uint8Array.of(seid === undefined ? 0x20 : 0x21, type), be16(rest.length), rest)
}

export const nodeId = element(60, Uint8Array.of(0, 10, 0, 2, 10))
export const cause = (value: number): Uint8Array => element(19, Uint8Array.of(value))
export const fSeid = (seid: bigint): Uint8Array =>
  element(57, concat(Uint8Array.of(2), be64(seid), Uint8Array.of(10, 0, 2, 10)))

export const establish = (sequence: number): Uint8Array => pfcp({ type: 50, seid: 0n, sequence, elements: [nodeId] })
export const established = (sequence: number, ...elements: readonly Uint8Array[]): Uint8Array =>
  pfcp({ type: 51, seid: 0x26n, sequence, elements })
export const modify = (seid: bigint): Uint8Array => pfcp({ type: 52, seid, sequence: 9 })
export const erase = (seid: bigint): Uint8Array => pfcp({ type: 54, seid, sequence: 10 })

export const endpoints = (family: Family): readonly [Socket, Socket] => [at(upf1[family], port), at(upf2[family], port)]
export const [first, second] = endpoints(4)
export const smf = at(hosts[4].client, port)
export const other = at(hosts[4].farClient, port)
export const vip = at(hosts[4].vip, port)

export const n4 = (more: Partial<Parameters<typeof service>[0]> = {}, family: Family = 4): Service =>
  service({
    protocol: 'udp',
    port,
    select: 'hint',
    miss: 'drop',
    vip: hosts[family].vip,
    endpoints: endpoints(family),
    ...more,
  })

const vipFor = (peer: Socket): Socket => at(hosts[familyOf(parseSocket(peer).address)].vip, port)

export const up = (payload: Uint8Array, to: Socket, from = smf): PacketStep =>
  forwards(udp(from, vipFor(from), { payload }), from, to)
export const down = (payload: Uint8Array, from: Socket, to = smf): PacketStep =>
  forwards(udp(from, to, { payload }), vipFor(to), to)
export const lost = (payload: Uint8Array): PacketStep => ends(udp(smf, vip, { payload }), 'drop_no_hint')

/** Sequence numbers with which a request for a session of this client goes to this endpoint. */
function sequencesOf(endpoint: Socket, client: Socket, count: number): readonly number[] {
  const { address } = parseSocket(client)
  const family = familyOf(address)
  const table = buildHashTable(n4({}, family).endpoints, 0)
  const wanted = endpoints(family).indexOf(endpoint)
  const found: number[] = []
  for (let sequence = 1; found.length < count && sequence < 255; sequence++) {
    const digest = clientDigest(addressBytes(address)) + sessionDigest(Uint8Array.of(sequence + 1))
    if (hashChoice(table, 0, digest) === wanted) found.push(sequence)
  }
  return found
}

/** One of the requests for sessions that a client has under way with an endpoint. */
export interface Request {
  readonly client?: Socket
  /** which one */
  readonly number?: number
}

export const sequenceTo = (endpoint: Socket, { client = smf, number = 0 }: Request = {}): number =>
  sequencesOf(endpoint, client, number + 1)[number] ?? 0

/** A client asks an endpoint for a session ... */
export const asks = (endpoint: Socket, request: Request = {}): PacketStep =>
  up(establish(sequenceTo(endpoint, request)), endpoint, request.client)

export const giving = (seid: bigint, sequence: number): Uint8Array =>
  established(sequence, nodeId, cause(1), fSeid(seid))

/** ... which gives it, */
export const gives = (seid: bigint, endpoint: Socket, request: Request = {}): PacketStep =>
  down(giving(seid, sequenceTo(endpoint, request)), endpoint, request.client)

/** or whose answer is dropped; both together. */
export const givesInVain = (seid: bigint, endpoint: Socket, verdict: Verdict, request: Request = {}): PacketStep =>
  ends(udp(endpoint, request.client ?? smf, { payload: giving(seid, sequenceTo(endpoint, request)) }), verdict)

export const makes = (seid: bigint, endpoint: Socket, request: Request = {}): readonly PacketStep[] => [
  asks(endpoint, request),
  gives(seid, endpoint, request),
]
