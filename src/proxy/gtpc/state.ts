// What all parts of the proxy share: its tables, and the effects that gather while a datagram is handled.

import { addressBytes, classify } from '../../wire/ip.ts'
import { Backlog } from '../n4/backlog.ts'
import { ReceivedRequests, SentRequests } from '../n4/transactions.ts'
import { ClientTable } from './clients.ts'
import { identityOf } from './dialect.ts'
import { defaultLimits, defaultTimers, gtpcPort } from './model.ts'
import { Relays } from './relays.ts'
import { TunnelTable } from './tunnels.ts'
import { makeV1 } from './v1.ts'
import { makeV2 } from './v2.ts'
import type { GtpVersion } from '../../lb/model.ts'
import type { Outgoing, Place } from '../n4/model.ts'
import type { Exchange } from '../n4/transactions.ts'
import type { Client } from './clients.ts'
import type { Dialect, End, Message } from './dialect.ts'
import type { Effects, GtpcEvent, GtpcLimits, GtpcOptions, GtpcTimers } from './model.ts'
import type { Gateway } from './pool.ts'
import type { Tunnel } from './tunnels.ts'

/** What becomes of a request of ours: exactly one of the two is called, once. */
export interface Awaited {
  answered(response: Message): void
  failed(): void
}

/** A context that its client has lost, or never had. */
export interface Deletion {
  readonly version: GtpVersion
  readonly at: End
  readonly context: number
  readonly fromClient: number
}

const noNodes = new Set(['unspecified', 'multicast', 'broadcast'])

/** A number for each reason that anything was dropped, refused or done. */
class Counters {
  readonly #numbers = new Map<string, number>()

  add(name: string, by = 1): void {
    this.#numbers.set(name, (this.#numbers.get(name) ?? 0) + by)
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#numbers].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
}

export class GtpcState {
  readonly options: GtpcOptions
  readonly timers: GtpcTimers
  readonly limits: GtpcLimits
  /** those that are served */
  readonly dialects: ReadonlyMap<GtpVersion, Dialect>
  /** by address */
  readonly gateways = new Map<string, Gateway>()
  readonly clients: ClientTable
  readonly tunnels: TunnelTable
  readonly relays: Relays
  readonly sent: Readonly<Record<GtpVersion, SentRequests<Awaited>>>
  readonly received: Readonly<Record<GtpVersion, ReceivedRequests>>
  readonly counters = new Counters()
  nowMs = 0
  readonly #deletions: Backlog<Deletion>
  /** that are waiting or under way */
  #deleting = 0
  #send: Outgoing[] = []
  #events: GtpcEvent[] = []

  constructor(options: GtpcOptions, startDeletion: (state: GtpcState, deletion: Deletion, done: () => void) => void) {
    this.options = options
    this.timers = { ...defaultTimers, ...options.timers }
    this.limits = { ...defaultLimits, ...options.limits }
    const identity = identityOf(options.address, options.restartCounter & 0xff)
    const served = options.versions.map((version) => (version === 1 ? makeV1(identity) : makeV2(identity)))
    this.dialects = new Map(served.map((dialect) => [dialect.version, dialect]))
    const { answers, atOnce, clients, pending, retransmissions } = this.limits
    const { answersMs, retransmitMs } = this.timers
    const sent = { retransmitMs, retransmissions, limit: pending }
    this.sent = { 1: new SentRequests(sent), 2: new SentRequests(sent) }
    const received = { answersMs, answers, open: pending }
    this.received = { 1: new ReceivedRequests(received), 2: new ReceivedRequests(received) }
    this.clients = new ClientTable(clients)
    this.tunnels = new TunnelTable(options.random)
    this.relays = new Relays(pending, options.random)
    this.#deletions = new Backlog(atOnce, (deletion, done) =>
      startDeletion(this, deletion, () => {
        this.#deleting--
        done()
      }),
    )
  }

  event(event: GtpcEvent): void {
    this.#events.push(event)
  }

  send(to: Place, bytes: Uint8Array): void {
    this.#send.push({ to, bytes })
  }

  /** A request of ours, which is sent again until it is answered. */
  request(
    dialect: Dialect,
    address: string,
    type: number,
    awaited: Awaited,
    build: (sequence: number) => Uint8Array,
  ): void {
    const sequence = this.relays.nextSequence(dialect.version, address, dialect.lastSequence, false)
    if (sequence === null) {
      this.counters.add('sequences-exhausted')
      return awaited.failed()
    }
    const outgoing = { to: { address, port: gtpcPort }, bytes: build(sequence) }
    this.#send.push(outgoing)
    this.sent[dialect.version].add(outgoing, type, sequence, awaited, this.nowMs)
  }

  /** The answer to a request that was passed on, or one of our own. */
  respond(version: GtpVersion, exchange: Exchange, bytes: Uint8Array): void {
    this.received[version].answer(exchange, bytes, this.nowMs)
    this.send(exchange.from, bytes)
  }

  /** An answer of our own, of which only the cause is said. */
  refuse(dialect: Dialect, exchange: Exchange, teid: number, cause: number): void {
    this.counters.add(`v${dialect.version}-refused-${cause}`)
    this.respond(dialect.version, exchange, dialect.answer(exchange.type + 1, teid, exchange.sequence, cause))
  }

  /** A node can be there: it is of a family that is spoken, and neither the proxy itself nor nobody. */
  isNode(address: string): boolean {
    const { ipv4, ipv6 } = this.options.address
    if ((address.includes(':') ? ipv6 : ipv4) === null) return false
    return address !== ipv4 && address !== ipv6 && !noNodes.has(classify(addressBytes(address)))
  }

  /** A gateway is to delete a context; in its turn. */
  delete(deletion: Deletion): void {
    if (this.#deleting >= this.limits.sessions) return this.counters.add('deletions-dropped')
    this.#deleting++
    this.#deletions.add(deletion)
  }

  pumpDeletions(): void {
    this.#deletions.pump()
  }

  /** The tunnel is no more, for neither side. */
  removeTunnel(tunnel: Tunnel): void {
    if (tunnel.isGone) return
    this.tunnels.remove(tunnel)
    this.forgetIfIdle(tunnel.client)
  }

  forgetIfIdle(client: Client): void {
    if (this.clients.forgetIfIdle(client) && !this.gateways.has(client.address)) this.relays.forget(client.address)
  }

  /** Contexts of a tunnel are no more; with the last of them goes the tunnel. */
  removeContexts(tunnel: Tunnel, contexts: readonly number[]): void {
    for (const context of contexts) tunnel.contexts.delete(context)
    if (tunnel.contexts.size === 0 && tunnel.creating === 0) this.removeTunnel(tunnel)
  }

  takeSend(): readonly Outgoing[] {
    const sent = this.#send
    this.#send = []
    return sent
  }

  takeEffects(): Effects {
    const effects = { send: this.#send, events: this.#events }
    this.#send = []
    this.#events = []
    return effects
  }
}
