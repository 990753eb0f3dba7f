// A control connection as the fast path punts it, packet by packet: lines in, whole packets out.

import { buildPacket } from '../packets.ts'
import { addressBytes } from '../../wire/ip.ts'
import { puntedPacket, sidesOf } from '../slow-path/punts.ts'
import { algHandler } from '../../datapath/slow-path/alg/index.ts'
import type { Expectation, PortRequest } from '../../datapath/expectations.ts'
import type { Answer, Handler } from '../../datapath/slow-path/handler.ts'
import type { Sides, TestFlow } from '../slow-path/punts.ts'
import type { Alg } from '../../lb/model.ts'
import type { Side } from '../../protocols/ftp/index.ts'
import type { ExecutionContext } from 'ava'
import type { TcpPacket } from '../packets.ts'

type Part = Partial<Omit<TcpPacket, 'from' | 'kind' | 'to'>> & { readonly line?: string }

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

export class Wire {
  readonly flow: TestFlow
  readonly #sides: Sides
  readonly handler: Handler
  readonly refused: string[] = []
  readonly requests: PortRequest[] = []
  /** what the fast path still knows */
  known = true
  nowMs = 0

  constructor(
    flow: TestFlow,
    options: { readonly alg?: Alg | null; readonly port?: number | null; readonly connections?: number } = {},
  ) {
    const { alg = 'ftp', port = 4660, connections } = options
    this.flow = flow
    this.#sides = sidesOf(flow)
    this.handler = algHandler({
      algOf: (service) => (service === 1 ? alg : null),
      reserve: (request) => {
        this.requests.push(request)
        return port
      },
      lookups: { flow: () => (this.known ? this.#sides.client : null) },
      refused: (reason) => this.refused.push(reason),
      ...(connections === undefined ? {} : { connections }),
    })
  }

  /** A segment of one side comes in. */
  say(from: Side, part: Part, sides = this.#sides): Answer {
    const { client, endpoint, source, vip } = this.flow
    const [key, flow] = from === 'client' ? [sides.clientKey, sides.client] : [sides.endpointKey, sides.endpoint]
    const { line = '', ...rest } = part
    const ways = from === 'client' ? { from: client, to: vip } : { from: endpoint, to: source }
    const packet = puntedPacket(
      'alg',
      { kind: 'tcp', flags: 'A', ...rest, ...ways, payload: bytes(line) },
      { key, flow },
    )
    return this.handler.handle({ ...packet, nowMs: this.nowMs }) as Answer
  }

  /** Both SYNs; the client's first byte is 101, the server's 501. */
  open(): this {
    this.say('client', { flags: 'S', sequence: 100 })
    this.say('server', { flags: 'SA', sequence: 500, acknowledgement: 101 })
    return this
  }

  /** The packet that leaves for a side. */
  packet(to: Side, part: Part): Uint8Array {
    const { client, endpoint, source, vip } = this.flow
    const ways = to === 'server' ? { from: source, to: endpoint } : { from: vip, to: client }
    const { line = '', ...rest } = part
    return new Uint8Array(buildPacket({ kind: 'tcp', flags: 'A', ttl: 63, ...rest, ...ways, payload: bytes(line) }))
  }
}

const socket = (text: string): { readonly address: Uint8Array; readonly port: number } => {
  const at = text.lastIndexOf(':')
  return { address: addressBytes(text.slice(0, at).replaceAll(/[[\]]/g, '')), port: Number(text.slice(at + 1)) }
}

interface SaidExpectation {
  readonly at: string
  readonly from: string
  readonly to: string
  /** null: its own */
  readonly as: string | null
}

export const packets = (answer: Answer): readonly Uint8Array[] =>
  answer.kind === 'send' ? answer.packets.map((packet) => new Uint8Array(packet)) : []

export const expectations = (answer: Answer): readonly Expectation[] =>
  answer.kind === 'keep'
    ? []
    : (answer.changes ?? []).flatMap((each) => (each.kind === 'expect' ? each.expectation : []))

/** That an answer lets this in, and nothing else. */
export function expects(t: ExecutionContext, answer: Answer, said: SaidExpectation, protocol = 6): void {
  const [found, ...more] = expectations(answer)
  t.like(found, {
    ...socket(said.at),
    from: addressBytes(said.from),
    to: socket(said.to),
    source: said.as === null ? null : addressBytes(said.as),
    protocol,
    service: 1,
  })
  t.deepEqual(more, [])
}
