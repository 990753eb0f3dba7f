// A network without sockets for the tests of the GTP-C proxy: MMEs, SGSNs and gateways that exchange bytes, and a clock
// that the test moves.

import { GtpcProxy } from './gtpc-proxy.ts'
import { causeOf, causeV2, fTeid, fTeidIn, gsn, ie, parse, teidV1, tv, tv32, v1, v2, valueV2 } from './test-elements.ts'
import type { Place } from '../n4/model.ts'
import type { Effects, GtpcGateway, GtpcEvent, GtpcOptions } from './model.ts'
import type { Parsed } from './test-elements.ts'

export const vip = '192.0.2.1'
const port = 2123
const stepMs = 100

interface Node {
  readonly address: string
  dead: boolean
  /** messages that come in are lost, so many of them */
  lose: number
  readonly got: Parsed[]
  answer(message: Parsed): readonly Uint8Array[]
}

/** A gateway: SGW-C, PGW-C or GGSN. */
export class SimGateway implements Node {
  readonly address: string
  dead = false
  lose = 0
  readonly got: Parsed[] = []
  restart = 7
  nextTeid: number
  kind: 'sgw' | 'pgw' = 'sgw'
  /** of its answers; null: accepted */
  cause: number | null = null
  /** It does not answer creations until it is asked to. */
  waits = false
  /** its own TEID to that which it was told */
  readonly sessions = new Map<number, number>()
  /** behind the other elements of answers to creations, and in a datagram with them */
  extra: readonly Uint8Array[] = []
  piggyback: ((teid: number) => Uint8Array) | null = null

  constructor(address: string) {
    this.address = address
    this.nextTeid = 0xa0 + Number(address.slice(-1)) * 0x1000
  }

  answer(message: Parsed): readonly Uint8Array[] {
    const { sequence, type, version } = message
    if (type === 1)
      return [version === 1 ? v1(2, 0, sequence, tv(14, this.restart)) : v2(2, null, sequence, ie(3, 0, this.restart))]
    if (version === 1 ? type === 16 && message.teid === 0 : type === 32 && message.teid === 0)
      return this.waits ? [] : this.created(message)
    const isRequest = version === 1 ? type % 2 === 0 && type !== 2 : requestTypes.has(type)
    if (!isRequest) return []
    const known = this.sessions.get(message.teid ?? 0)
    const cause = known === undefined ? (version === 1 ? 192 : 64) : (this.cause ?? (version === 1 ? 128 : 16))
    if (type === (version === 1 ? 20 : 36) && known !== undefined) this.sessions.delete(message.teid ?? 0)
    return [(version === 1 ? v1 : v2)(type + 1, known ?? 0, sequence, version === 1 ? tv(1, cause) : causeV2(cause))]
  }

  created(message: Parsed): readonly Uint8Array[] {
    const { sequence, version } = message
    const other = version === 1 ? teidV1(message) : (fTeidIn(message)?.teid ?? null)
    if (other === null) return []
    if (this.cause !== null)
      return [version === 1 ? v1(17, other, sequence, tv(1, this.cause)) : v2(33, other, sequence, causeV2(this.cause))]
    const own = this.nextTeid++
    this.sessions.set(own, other)
    if (version === 1)
      return [
        v1(
          17,
          other,
          sequence,
          tv(1, 128),
          tv(14, this.restart),
          tv32(16, own + 0x100),
          tv32(17, own),
          gsn(this.address),
          gsn(this.address),
        ),
      ]
    const control = this.kind === 'sgw' ? fTeid(0, 11, own, this.address) : fTeid(1, 7, own, this.address)
    const far = this.kind === 'sgw' ? [fTeid(1, 7, 0xfa, '10.9.9.9')] : []
    const user = ie(93, 0, ie(73, 0, 5), causeV2(16), fTeid(0, 1, own + 0x100, this.address))
    const answer = v2(33, other, sequence, causeV2(16), ie(3, 0, this.restart), control, ...far, user, ...this.extra)
    if (this.piggyback === null) return [answer]
    answer[0] = answer[0]! | 0x10
    const second = this.piggyback(other)
    const both = new Uint8Array(answer.length + second.length)
    both.set(answer)
    both.set(second, answer.length)
    return [both]
  }
}

const requestTypes = new Set([32, 34, 36, 38, 101, 162, 166, 170, 200, 211])

/** An MME, an SGW or an SGSN. */
export class SimClient implements Node {
  readonly address: string
  readonly #bed: Bed
  dead = false
  lose = 0
  readonly got: Parsed[] = []
  /** of its answers to requests */
  cause: number | null = null
  sequence = 0
  nextTeid = 0x500

  constructor(bed: Bed, address: string) {
    this.#bed = bed
    this.address = address
  }

  answer({ body, sequence, type, version }: Parsed): readonly Uint8Array[] {
    if (type === 1) return []
    const isRequest = version === 1 ? [20, 22, 27].includes(type) : [95, 97, 99, 101, 176].includes(type)
    if (!isRequest || body.length > 60_000) return []
    const teid = this.replyTeid
    return version === 1
      ? [v1(type + 1, teid, sequence, tv(1, this.cause ?? 128))]
      : [v2(type + 1, teid, sequence, causeV2(this.cause ?? 16))]
  }

  /** of the header of its answers to requests */
  replyTeid = 0

  /** The answer; null: none has come yet. */
  send(bytes: Uint8Array, from: Place = { address: this.address, port }): Parsed | null {
    const before = this.got.length
    const { sequence, type } = parse(bytes)
    this.#bed.deliver(from, bytes)
    return this.got.slice(before).find((one) => one.sequence === sequence && one.type === type + 1) ?? null
  }

  ask(type: number, teid: number, ...elements: readonly Uint8Array[]): Parsed | null {
    return this.send(v2(type, teid, ++this.sequence, ...elements))
  }

  askV1(type: number, teid: number, ...elements: readonly Uint8Array[]): Parsed | null {
    return this.send(v1(type, teid, ++this.sequence, ...elements))
  }

  /** A session of an MME; the TEIDs that it has and was given. */
  create(
    imsi: Uint8Array,
    ebi = 5,
    ...more: readonly Uint8Array[]
  ): { response: Parsed | null; own: number; given: number } {
    const own = this.nextTeid++
    const response = this.ask(32, 0, imsi, fTeid(0, 10, own, this.address), ie(93, 0, ie(73, 0, ebi)), ...more)
    return { response, own, given: response === null ? 0 : (fTeidIn(response)?.teid ?? 0) }
  }
}

export const gatewayOf = (name: string, address: string, more: Partial<GtpcGateway> = {}): GtpcGateway => ({
  name,
  address,
  weight: 1,
  drained: false,
  versions: [],
  ...more,
})

export class Bed {
  readonly proxy: GtpcProxy
  nowMs = 1_000_000
  readonly events: GtpcEvent[] = []
  /** every datagram of the proxy */
  readonly sent: { readonly to: Place; readonly bytes: Uint8Array }[] = []
  readonly #nodes = new Map<string, Node>()

  constructor(gateways: readonly GtpcGateway[], options: Partial<GtpcOptions> = {}) {
    let seed = 1
    this.proxy = new GtpcProxy({
      address: { ipv4: vip, ipv6: null },
      gateways,
      versions: [1, 2],
      select: 'least-sessions',
      restartCounter: 42,
      random: () => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff,
      ...options,
    })
    for (const { address } of gateways) this.#nodes.set(address, new SimGateway(address))
  }

  gateway(address: string): SimGateway {
    const node = this.#nodes.get(address)
    if (node instanceof SimGateway) return node
    const made = new SimGateway(address)
    this.#nodes.set(address, made)
    return made
  }

  client(address: string): SimClient {
    const made = new SimClient(this, address)
    this.#nodes.set(address, made)
    return made
  }

  advance(ms: number): void {
    for (let past = 0; past < ms; past += stepMs) {
      this.nowMs += stepMs
      this.#carryOut(this.proxy.tick(this.nowMs))
    }
  }

  configure(gateways: readonly GtpcGateway[]): void {
    for (const { address } of gateways) this.gateway(address)
    this.#carryOut(this.proxy.configure(gateways, this.nowMs))
    this.advance(stepMs)
  }

  deliver(from: Place, datagram: Uint8Array): void {
    this.#carryOut(this.proxy.receive(from, datagram, this.nowMs))
  }

  /** A message of a gateway; the answer that it gets. */
  fromGateway(gateway: SimGateway, bytes: Uint8Array): Parsed | null {
    const before = gateway.got.length
    const { sequence, type } = parse(bytes)
    this.deliver({ address: gateway.address, port }, bytes)
    return gateway.got.slice(before).find((one) => one.sequence === sequence && one.type === type + 1) ?? null
  }

  #carryOut(first: Effects): void {
    const waiting: Effects[] = [first]
    for (const { events, send } of waiting) {
      this.events.push(...events)
      for (const { bytes, to } of send) {
        this.sent.push({ to, bytes })
        const node = this.#nodes.get(to.address)
        if (node === undefined || node.dead || node.lose-- > 0) continue
        node.lose = 0
        const message = parse(bytes)
        node.got.push(message)
        for (const answer of node.answer(message))
          waiting.push(this.proxy.receive({ address: node.address, port }, answer, this.nowMs))
      }
    }
  }

  count(name: string): number {
    return this.proxy.status().counters[name] ?? 0
  }
}

/** With all paths up. */
export function startedBed(gateways: readonly GtpcGateway[], options: Partial<GtpcOptions> = {}): Bed {
  const bed = new Bed(gateways, options)
  bed.advance(stepMs)
  return bed
}

/** Of a type, the last one. */
export const lastOf = (got: readonly Parsed[], type: number): Parsed => {
  const found = got.findLast((one) => one.type === type)
  if (found === undefined) throw new Error(`no message of type ${type}`)
  return found
}

export const recoveryIn = (message: Parsed): number | null => valueV2(message, 3)?.[0] ?? null
export const causeIn = (message: Parsed | null): number | null => (message === null ? null : causeOf(message))
