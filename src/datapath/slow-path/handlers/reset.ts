// `reset`: a TCP connection was idle too long, and both sides are told. A RST counts only with the very number that the
// receiver expects next, and nobody here knows it. So each side is first sent an ACK with a number it cannot expect; it
// answers with the numbers that it does (RFC 9293 3.10.7.4, RFC 5961 5). Meanwhile the flow stays in the table, and
// sends all its packets here.
//
// A side that has forgotten the connection answers with a RST by itself.

import { randomInt } from 'node:crypto'
import { parseIp } from '../../../wire/ip-packet.ts'
import { buildSegment, decodeTcp, tcpFlags } from '../../../wire/tcp.ts'
import { flowFlags } from '../../layout.gen.ts'
import { isTranslated } from '../flow-action.ts'
import { flowKeyName, partnerKey } from '../flow-pair.ts'
import { drop } from '../handler.ts'
import type { Answer, Handler, Lookups, MapChange, PuntedPacket, Settled } from '../handler.ts'
import type { Flow, FlowKey, Punt } from '../../layout.gen.ts'

const tcpProtocol = 6

export interface ResetLimits {
  /** connections at one time */
  readonly connections: number
  /** how often a side is asked, and how long it has to answer */
  readonly tries: number
  readonly tryMs: number
}

interface Side {
  /** how its packets come in */
  readonly key: FlowKey
  done: boolean
}

interface Connection {
  readonly punt: Punt
  readonly client: Side
  readonly endpoint: Side
  readonly names: readonly [string, string]
  tries: number
  askedMs: number
}

export class Resets {
  readonly #limits: ResetLimits
  readonly #lookups: Lookups
  readonly #random: () => number
  /** by the key of each side */
  readonly #connections = new Map<string, Connection>()

  constructor(limits: ResetLimits, lookups: Lookups, random: () => number = () => randomInt(0x1_0000_0000)) {
    this.#limits = limits
    this.#lookups = lookups
    this.#random = random
  }

  get connections(): number {
    return this.#connections.size / 2
  }

  /** Of expired flows. */
  readonly expired: Handler = {
    reason: 'reset',
    handle: (punted) => this.#begin(punted),
    due: (nowMs) => this.#due(nowMs),
  }

  /** Of what their sides answer; goes before other handlers of `alg`. */
  readonly answers: Handler = {
    reason: 'alg',
    wants: ({ punt }) => this.#connections.has(flowKeyName(punt.key)),
    handle: (punted) => this.#answer(punted),
  }

  #begin({ flow, nowMs, punt }: PuntedPacket): Answer {
    if (flow === null || punt.key.protocol !== tcpProtocol) return drop('no flow')
    if (!isTranslated(flow)) return drop('reset: direct return')
    const isReverse = (flow.flags & flowFlags.reverse) !== 0
    const other = partnerKey(punt.key, flow)
    const [client, endpoint] = isReverse ? [other, punt.key] : [punt.key, other]
    const names = [flowKeyName(client), flowKeyName(endpoint)] as const
    if (names.some((name) => this.#connections.has(name))) return drop('reset: going on')
    if (this.connections >= this.#limits.connections)
      return { ...drop('reset: connections'), changes: [forget(client)] }
    const connection: Connection = {
      punt,
      client: { key: client, done: false },
      endpoint: { key: endpoint, done: false },
      names,
      tries: 1,
      askedMs: nowMs,
    }
    for (const name of names) this.#connections.set(name, connection)
    return { kind: 'send', changes: this.#keep(connection, flow), packets: this.#ask(connection) }
  }

  /** The flow must be there until the end, whatever the fast path has done with it. */
  #keep({ client, endpoint }: Connection, flow: Flow): readonly MapChange[] {
    if (this.#lookups.flow(client.key) !== null) return []
    const { service, endpoint: endpointId } = flow
    const { source: destination, destination: source, sourcePort, destinationPort } = endpoint.key
    const translation = { source, destination, sourcePort: destinationPort, destinationPort: sourcePort }
    const kept = { service, endpoint: endpointId, ...translation, state: 'closing', punt: true } as const
    return [{ kind: 'flow', client: client.key, flow: kept }]
  }

  /** Asks the sides that have not answered. */
  #ask({ client, endpoint }: Connection): readonly Uint8Array[] {
    return [client, endpoint]
      .filter(({ done }) => !done)
      .map(({ key }) =>
        // Numbers out of nowhere: one try in many may be one that is expected, and the next is not.
        segment(key, tcpFlags.ack, this.#random(), this.#random()),
      )
  }

  #answer({ packet, punt }: PuntedPacket): Answer {
    const connection = this.#connections.get(flowKeyName(punt.key))
    if (connection === undefined) return drop('no flow')
    const side = flowKeyName(connection.client.key) === flowKeyName(punt.key) ? connection.client : connection.endpoint
    const { acknowledgement, flags } = decodeTcp(parseIp(packet))
    if ((flags & tcpFlags.rst) !== 0) return this.#done(connection, side, [])
    // A new connection over the same ports: the client sends again, and finds no flow.
    if ((flags & tcpFlags.ack) === 0) return { ...drop('reset: new connection'), changes: [this.#end(connection)] }
    return this.#done(connection, side, [segment(side.key, tcpFlags.rst, acknowledgement, 0)])
  }

  #done(connection: Connection, side: Side, packets: readonly Uint8Array[]): Answer {
    side.done = true
    const over = connection.client.done && connection.endpoint.done
    return { kind: 'send', changes: over ? [this.#end(connection)] : [], packets }
  }

  #end(connection: Connection): MapChange {
    for (const name of connection.names) this.#connections.delete(name)
    return forget(connection.client.key)
  }

  #due(nowMs: number): readonly Settled[] {
    const settled: Settled[] = []
    for (const connection of new Set(this.#connections.values())) {
      if (nowMs - connection.askedMs < this.#limits.tryMs) continue
      if (connection.tries >= this.#limits.tries) {
        settled.push({
          packets: [],
          answer: { kind: 'drop', reason: 'reset: no answer', changes: [this.#end(connection)] },
        })
        continue
      }
      connection.tries++
      connection.askedMs = nowMs
      settled.push({ packets: [], answer: { kind: 'send', packets: this.#ask(connection) } })
    }
    return settled
  }
}

const forget = (client: FlowKey): MapChange => ({ kind: 'forget-flow', client })

/** To the side whose packets come in with this key. */
const segment = (key: FlowKey, flags: number, sequence: number, acknowledgement: number): Uint8Array =>
  buildSegment({
    source: key.destination,
    destination: key.source,
    sourcePort: key.destinationPort,
    destinationPort: key.sourcePort,
    sequence,
    acknowledgement,
    flags,
  })
