// The GTP-C proxy: one gateway to every MME, SGSN and SGW, one client to every gateway of the pool. Sans-IO: datagrams
// and time go in, effects come out. Whatever a datagram holds, nothing is thrown.

import { splitGtpv2 } from '../../protocols/gtp/index.ts'
import { teidText } from '../../protocols/session-keys.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { startDeletion } from './cleaning.ts'
import { onCreated, onCreatedLate, onCreation, onCreationExpired } from './creation.ts'
import { echoRequestType, versionNotSupportedType } from './dialect.ts'
import { configurePool, onEcho, onHeard, tickPaths } from './paths.ts'
import { onAnswer, onNotice, onRequest } from './relaying.ts'
import { onSetDeletion } from './sets.ts'
import { GtpcState } from './state.ts'
import type { GtpcGateway as GatewayStatus, GtpcSession, GtpcStatus } from '../../lb/gtpc-status.ts'
import type { Outgoing, Place } from '../n4/model.ts'
import type { Dialect, Message, Role } from './dialect.ts'
import type { Effects, GtpcGateway, GtpcOptions } from './model.ts'
import type { Gateway } from './pool.ts'
import type { Tunnel } from './tunnels.ts'

export class GtpcProxy {
  readonly #state: GtpcState

  constructor(options: GtpcOptions) {
    this.#state = new GtpcState(options, startDeletion)
    configurePool(this.#state, options.gateways)
  }

  /** One datagram. What is kept of its bytes is copied; `from` itself is kept. */
  receive(from: Place, datagram: Uint8Array, nowMs: number): Effects {
    const state = this.#state
    state.nowMs = nowMs
    const version = (datagram[0] ?? 0) >> 5
    const dialect = version === 1 || version === 2 ? state.dialects.get(version) : undefined
    if (dialect === undefined) this.#otherVersion(from, datagram)
    else if (version === 1) this.#message(dialect, from, datagram)
    else this.#datagram(dialect, from, datagram)
    return state.takeEffects()
  }

  /** One message, or two of which the second is piggybacked. */
  #datagram(dialect: Dialect, from: Place, datagram: Uint8Array): void {
    const state = this.#state
    let messages: readonly Uint8Array[]
    try {
      messages = splitGtpv2(datagram)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#malformed(dialect, from, datagram, error)
    }
    const sent = messages.map((bytes) => {
      this.#message(dialect, from, bytes)
      return state.takeSend()
    })
    for (const { bytes, to } of piggybacked(dialect, sent) ?? sent.flat()) state.send(to, bytes)
  }

  #message(dialect: Dialect, from: Place, bytes: Uint8Array): void {
    const state = this.#state
    let message: Message
    try {
      message = dialect.decode(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#malformed(dialect, from, bytes, error)
    }
    const { sequence, type } = message
    if (type === echoRequestType) return onEcho(state, dialect, from, message)
    if (type === versionNotSupportedType) return state.counters.add('version-not-supported-by-peer')
    if (sequence === null) return state.counters.add('sequence-missing')
    const role = type === echoRequestType + 1 ? 'response' : dialect.roleOf(type)
    if (role === 'response') return this.#response(dialect, from, message, sequence)
    if (role === null) return state.counters.add('type-unknown')
    if (message.teid === null) return state.counters.add('teid-missing')
    if (role === 'notice') return onNotice(state, dialect, from, message)
    return this.#request({ dialect, from, message, role, sequence }, bytes)
  }

  #request({ dialect, from, message, role, sequence }: Request, bytes: Uint8Array): void {
    const state = this.#state
    const { priority, type } = message
    const arrival = state.received[dialect.version].arrive(from, { type, sequence, priority }, bytes)
    switch (arrival.kind) {
      case 'answered':
        state.counters.add('answered-again')
        return state.send(from, arrival.bytes)
      case 'pending': {
        state.counters.add('retransmissions')
        const { relayed } = arrival.exchange
        return relayed === null ? undefined : state.send(relayed.to, relayed.bytes)
      }
      case 'reused':
        return state.counters.add('sequence-reused')
      case 'full':
        return state.counters.add('too-many-requests')
      case 'new': {
        const asked = { dialect, from, message, role, exchange: arrival.exchange }
        if (role === 'node') return onSetDeletion(state, asked)
        return role === 'create' && message.teid === 0 ? onCreation(state, asked) : onRequest(state, asked)
      }
    }
  }

  #response(dialect: Dialect, from: Place, message: Message, sequence: number): void {
    const state = this.#state
    const { type } = message
    const { version } = dialect
    const relay = state.relays.take(version, from, sequence, type)
    if (relay?.to === 'gateway') onHeard(state, relay.tunnel.path)
    if (relay !== null)
      return relay.role === 'create'
        ? onCreated(state, dialect, relay, message)
        : onAnswer(state, dialect, relay, message)
    const awaited = state.sent[version].take(from, sequence, type)
    if (awaited !== null) return awaited.answered(message)
    const late = state.relays.takeAbandoned(version, from, sequence, type)
    if (late !== null) return onCreatedLate(state, dialect, late, message)
    return state.counters.add('response-unexpected')
  }

  /** Of a version that is not served: its sender is told which one is (TS 29.274, 7.7.2; TS 29.060, 11.1.1). */
  #otherVersion(from: Place, datagram: Uint8Array): void {
    const state = this.#state
    state.counters.add('malformed: unknown version')
    // Too short to be a message; or one that says the same, which would be answered for ever.
    if (datagram.length < shortHeader || datagram[1] === versionNotSupportedType) return
    // GTP', of charging, has version numbers of its own.
    const version = datagram[0]! >> 5
    if (version < 2 && (datagram[0]! & protocolType) === 0) return
    const dialect = state.dialects.get(2) ?? state.dialects.get(1)
    if (dialect === undefined) return
    const at = version === 0 ? 4 : version === 1 ? 8 : (datagram[0]! & teidFlag) === 0 ? 4 : 8
    const high = (datagram[at] ?? 0) * 0x100 + (datagram[at + 1] ?? 0)
    const sequence = version < 2 ? high : high * 0x100 + (datagram[at + 2] ?? 0)
    state.send(from, dialect.versionNotSupported(dialect.version === 1 ? sequence & 0xffff : sequence))
  }

  /** A request that cannot be read is refused; the same bytes again meet the same refusal. */
  #malformed(dialect: Dialect, from: Place, bytes: Uint8Array, { reason }: DecodeError): void {
    const state = this.#state
    state.counters.add(`malformed: ${reason}`)
    const role = bytes.length < longHeader ? null : dialect.roleOf(bytes[1]!)
    if (role === null || role === 'response' || role === 'notice') return
    const hasSequence = dialect.version === 1 ? (bytes[0]! & protocolType) !== 0 && (bytes[0]! & 2) !== 0 : true
    if (!hasSequence || (dialect.version === 2 && (bytes[0]! & teidFlag) === 0)) return
    const high = (bytes[8]! << 8) | bytes[9]!
    const sequence = dialect.version === 1 ? high : (high << 8) | bytes[10]!
    state.send(from, dialect.answer(bytes[1]! + 1, 0, sequence, dialect.causes.malformed))
  }

  /** Echo requests, retransmissions, time limits: to be called about ten times a second. */
  tick(nowMs: number): Effects {
    const state = this.#state
    state.nowMs = nowMs
    for (const sent of Object.values(state.sent)) {
      const { again, failed } = sent.due(nowMs)
      for (const { bytes, to } of again) state.send(to, bytes)
      if (again.length > 0) state.counters.add('sent-again', again.length)
      for (const { context } of failed) context.failed()
    }
    for (const relay of state.relays.expire(nowMs, state.timers.answersMs)) {
      state.counters.add('requests-unanswered')
      state.received[relay.version].drop(relay.exchange)
      if (relay.role === 'create') onCreationExpired(state, relay)
    }
    for (const received of Object.values(state.received)) received.expire(nowMs)
    tickPaths(state)
    state.pumpDeletions()
    return state.takeEffects()
  }

  /** The pool is to be this. What is missing is drained, what is new joins with the next tick. */
  configure(pool: readonly GtpcGateway[], nowMs: number): Effects {
    this.#state.nowMs = nowMs
    configurePool(this.#state, pool)
    return this.#state.takeEffects()
  }

  status(): GtpcStatus {
    const { gateways, clients, counters, options, relays, sent, tunnels } = this.#state
    return {
      restartCounter: options.restartCounter,
      clients: [...clients].map(({ address, tunnels: its }) => ({ address, sessions: its.size })),
      gateways: [...gateways.values()].map(describeGateway),
      sessions: tunnels.size,
      pending: relays.size + sent[1].size + sent[2].size,
      counters: counters.all(),
    }
  }

  /** At most so many, the oldest first; of one user, or (null) of all. */
  sessions(limit: number, imsi: string | null = null): readonly GtpcSession[] {
    const { nowMs, tunnels } = this.#state
    const found = imsi === null ? tunnels[Symbol.iterator]() : tunnels.ofUser(imsi).values()
    return Array.from(found.take(limit), (tunnel) => describe(tunnel, nowMs))
  }
}

interface Request {
  readonly dialect: Dialect
  readonly from: Place
  readonly message: Message
  readonly role: Role
  readonly sequence: number
}

const shortHeader = 8
const longHeader = 12
const protocolType = 0x10
const piggybackFlag = 0x10
const teidFlag = 8

/** What came as one datagram goes on as one, if it is an answer and a request to one place; null: it is not. */
function piggybacked(dialect: Dialect, sent: readonly (readonly Outgoing[])[]): readonly Outgoing[] | null {
  const [first, second] = sent
  const [answer, request] = [first?.[0], second?.[0]]
  if (answer === undefined || request === undefined || first?.length !== 1 || second?.length !== 1) return null
  if (answer.to.address !== request.to.address || answer.to.port !== request.to.port) return null
  const roles = [answer, request].map(({ bytes }) => dialect.roleOf(bytes[1]!))
  if (roles[0] !== 'response' || roles[1] === 'response' || roles[1] === null) return null
  const bytes = new Uint8Array(answer.bytes.length + request.bytes.length)
  bytes.set(answer.bytes)
  bytes.set(request.bytes, answer.bytes.length)
  bytes[0] = bytes[0]! | piggybackFlag
  return [{ to: answer.to, bytes }]
}

const describeGateway = ({ config, drainUntilMs, load, paths }: Gateway): GatewayStatus => ({
  name: config.name,
  address: config.address,
  paths: [...paths.values()].map(({ restart, state, tunnels, version }) => ({
    version,
    state,
    sessions: tunnels.size,
    restartCounter: restart,
  })),
  isDraining: config.drained || drainUntilMs !== null,
  load,
})

const describe = (tunnel: Tunnel, nowMs: number): GtpcSession => ({
  version: tunnel.version,
  imsi: tunnel.user,
  apn: tunnel.apn,
  client: tunnel.clientEnd.address,
  clientTeid: teidText(tunnel.clientEnd.teid),
  teidForClient: teidText(tunnel.teidForClient),
  gateway: tunnel.path.gateway.config.name,
  gatewayTeid: tunnel.gatewayEnd === null ? null : teidText(tunnel.gatewayEnd.teid),
  teidForGateway: teidText(tunnel.teidForGateway),
  state: tunnel.contexts.size === 0 ? 'creating' : 'up',
  contexts: [...tunnel.contexts.keys()].toSorted((a, b) => a - b),
  ageMs: nowMs - tunnel.createdMs,
})
