// The N4 proxy: one UPF to every SMF, one control plane to every UPF (TS 29.244). Sans-IO: datagrams and time go in,
// effects come out. Whatever a datagram holds, nothing is thrown.

import { messageTypes, pfcp, splitPfcp } from '../../protocols/pfcp/index.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { onAssociation } from './associations.ts'
import { describe } from './describe.ts'
import { cause } from './elements.ts'
import { onEstablishment, onLateEstablishment } from './establishment.ts'
import { starts } from './failure.ts'
import { onHeartbeat, tickHeartbeats } from './heartbeats.ts'
import { message as build, noSeid } from './messages.ts'
import { onNodeReport, onPfdManagement, onSetDeletion, onSetModification } from './node-messages.ts'
import { configurePool, setPath, tickPool } from './pool.ts'
import { onReport, onSessionRequest } from './session-messages.ts'
import { typeAround } from './spans.ts'
import { goOn } from './snapshot.ts'
import { allRecords } from './snapshot-changes.ts'
import { N4State } from './state.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { N4Peer, N4Status } from '../../lb/n4-status.ts'
import type { DescribedSession } from './describe.ts'
import type { UpfPeer } from './peers.ts'
import type { Effects, HintChange, N4Options, N4Settings, Place, Upf } from './model.ts'
import type { Session } from './sessions.ts'
import type { Exchange } from './transactions.ts'

type Handler = (state: N4State, exchange: Exchange, message: PfcpMessage, bytes: Uint8Array) => void

const handlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [messageTypes.pfdManagementRequest, onPfdManagement],
  [messageTypes.associationSetupRequest, onAssociation],
  [messageTypes.associationUpdateRequest, onAssociation],
  [messageTypes.associationReleaseRequest, onAssociation],
  [messageTypes.nodeReportRequest, onNodeReport],
  [messageTypes.sessionSetDeletionRequest, onSetDeletion],
  [messageTypes.sessionSetModificationRequest, onSetModification],
  [messageTypes.sessionEstablishmentRequest, onEstablishment],
  [messageTypes.sessionModificationRequest, onSessionRequest],
  [messageTypes.sessionDeletionRequest, onSessionRequest],
  [messageTypes.sessionReportRequest, onReport],
])

/** Requests whose header must have a SEID, and the others, which must not. */
const firstSessionType = messageTypes.sessionEstablishmentRequest

export class N4Proxy {
  readonly #state: N4State

  /** Throws RangeError for a Node ID that is none, and DecodeError for a snapshot that is not whole. */
  constructor(options: N4Options) {
    this.#state = new N4State(options, starts)
    const snapshot = options.keeping?.snapshot ?? null
    snapshot?.restore(this.#state)
    configurePool(this.#state, options.upfs)
    if (snapshot !== null) goOn(this.#state)
  }

  /** One datagram; it may hold several messages. What is kept of its bytes is copied; `from` itself is kept. */
  receive(from: Place, datagram: Uint8Array, nowMs: number): Effects {
    const state = this.#state
    state.nowMs = nowMs
    let messages: readonly Uint8Array[]
    try {
      messages = splitPfcp(datagram)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#unreadable(from, datagram, error)
      return state.takeEffects()
    }
    for (const bytes of messages) this.#message(from, bytes)
    return state.takeEffects()
  }

  #message(from: Place, bytes: Uint8Array): void {
    const state = this.#state
    let message: PfcpMessage
    try {
      message = pfcp.decode(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#malformed(from, bytes, error)
    }
    const { seid, type } = message
    if (type === messageTypes.heartbeatRequest) return onHeartbeat(state, from, message)
    const handler = handlers.get(type)
    if (handler === undefined) return this.#response(from, message)
    if ((seid !== null) !== type >= firstSessionType) return state.counters.add('seid-misplaced')
    const exchange = this.#arrive(from, message, bytes)
    if (exchange === null) return undefined
    return handler(state, exchange, message, bytes)
  }

  /** The exchange that a request begins; null: it is a retransmission, and has been dealt with. */
  #arrive(from: Place, message: PfcpMessage, bytes: Uint8Array): Exchange | null {
    const state = this.#state
    const arrival = state.received.arrive(from, message, bytes)
    switch (arrival.kind) {
      case 'new':
        if (!state.isLeaving) return arrival.exchange
        // It comes again, and meets whoever is there then.
        state.counters.add('request-while-leaving')
        state.received.drop(arrival.exchange)
        return null
      case 'answered':
        state.counters.add('answered-again')
        state.send(from, arrival.bytes)
        return null
      case 'pending': {
        state.counters.add('retransmissions')
        const { relayed } = arrival.exchange
        if (relayed !== null) state.send(relayed.to, relayed.bytes)
        return null
      }
      case 'reused':
        state.counters.add('sequence-reused')
        return null
      case 'full':
        state.counters.add('too-many-requests')
        return null
    }
  }

  #response(from: Place, message: PfcpMessage): void {
    const state = this.#state
    const { sequence, type } = message
    const awaited = state.sent.take(from, sequence, type)
    if (awaited !== null) return awaited.answered(message)
    const key = `${from.address}/${sequence}`
    const upf = state.upfs.get(from.address)
    if (type === messageTypes.sessionEstablishmentResponse && upf !== undefined && state.abandoned.delete(key))
      return onLateEstablishment(state, upf, message)
    return state.counters.add(isResponse(type) ? 'response-unexpected' : 'type-unknown')
  }

  /** The structure of a datagram is wrong; of another version we say that we do not know it (7.4.4.7). */
  #unreadable(from: Place, datagram: Uint8Array, { reason }: DecodeError): void {
    const state = this.#state
    state.counters.add(`malformed: ${reason}`)
    if (reason !== 'unknown version' || datagram.length < nodeHeaderBytes) return
    // One that came back as an answer would be answered for ever.
    if (datagram[1] === messageTypes.versionNotSupportedResponse) return
    const at = (datagram[0]! & 1) === 0 || datagram.length < sessionHeaderBytes ? 4 : 12
    const sequence = (datagram[at]! << 16) | (datagram[at + 1]! << 8) | datagram[at + 2]!
    const type = messageTypes.versionNotSupportedResponse
    state.send(from, build({ type, seid: null, sequence, priority: null }, new Uint8Array()))
  }

  /** An element is wrong: a request is refused with its type (7.6). */
  #malformed(from: Place, bytes: Uint8Array, { offset, reason }: DecodeError): void {
    const state = this.#state
    state.counters.add(`malformed: ${reason}`)
    const type = bytes[1]!
    const isSession = (bytes[0]! & 1) !== 0
    const header = isSession ? sessionHeaderBytes : nodeHeaderBytes
    if (!handlers.has(type) || bytes.length < header || isSession !== type >= firstSessionType) return
    const sequence = (bytes[header - 4]! << 16) | (bytes[header - 3]! << 8) | bytes[header - 2]!
    const priority = (bytes[0]! & 2) === 0 ? null : bytes[header - 1]! >> 4
    const session = isSession ? state.sessions.find(bytes, 4) : null
    const seid = session === null ? noSeid : this.#seidOfOther(session, from)
    const body = state.causeBody(type, cause.invalidLength, typeAround(bytes, header, offset))
    // Not a transaction: the same bytes again meet the same refusal.
    state.send(from, build({ type: type + 1, seid: isSession ? seid : null, sequence, priority }, body))
  }

  #seidOfOther({ smf, smfSeid, upf, upfSeid }: Session, { address }: Place): Uint8Array {
    if (smf.addresses.has(address)) return smfSeid
    return upf.config.address === address ? (upfSeid ?? noSeid) : noSeid
  }

  /** Heartbeats, retransmissions, failures, time limits: to be called about ten times a second. */
  tick(nowMs: number): Effects {
    const state = this.#state
    state.nowMs = nowMs
    const { again, failed } = state.sent.due(nowMs)
    for (const { bytes, to } of again) state.send(to, bytes)
    if (again.length > 0) state.counters.add('sent-again', again.length)
    for (const { context, sequence } of failed) context.failed(sequence)
    state.received.expire(nowMs)
    state.steering.expire(nowMs)
    for (const [key, untilMs] of state.abandoned) if (untilMs <= nowMs) state.abandoned.delete(key)
    tickPool(state)
    tickHeartbeats(state)
    state.poolLoad.update(state.upfs.values(), nowMs)
    state.deletions.pump()
    state.restorations.pump()
    state.notices.pump()
    return state.takeEffects()
  }

  /** The pool is to be this. What is missing is drained, what is new joins with the next tick. */
  configure(pool: readonly Upf[], nowMs: number): Effects {
    this.#state.nowMs = nowMs
    configurePool(this.#state, pool)
    return this.#state.takeEffects()
  }

  /** Somebody has asked the user plane of a UPF, by its PFCP address. */
  tellPath(address: string, answers: boolean, nowMs: number): Effects {
    this.#state.nowMs = nowMs
    const upf = this.#state.upfs.get(address)
    if (upf !== undefined) setPath(this.#state, upf, answers)
    return this.#state.takeEffects()
  }

  /** Settings that peers have not been told of are to be these. */
  adjust(settings: N4Settings): void {
    this.#state.configure(settings)
  }

  /** All that the fast path is to know now, as if it were new. */
  installed(): Iterable<HintChange> {
    return this.#state.steering.installed()
  }

  /** From now on no request is begun; what is under way goes on. */
  leave(): void {
    this.#state.isLeaving = true
  }

  /** Requests of others that are not answered yet. */
  get underWay(): number {
    return this.#state.received.open
  }

  /** All that an engine to come needs, as records for its `Snapshot`. */
  save(): Generator<Uint8Array> {
    return allRecords(this.#state)
  }

  /** Records of what has changed since the last call: to be written before the effects of these changes leave. */
  takeChanges(): readonly Uint8Array[] {
    return this.#state.changes.take(this.#state)
  }

  /** The fast path can lead tunnels to these user-plane addresses only now. */
  steerAgain(addresses: ReadonlySet<string>): Effects {
    this.#state.steering.tellAgain(addresses)
    return this.#state.takeEffects()
  }

  /** The same of addresses of users. */
  steerUsersAgain(): Effects {
    this.#state.steering.tellUsersAgain()
    return this.#state.takeEffects()
  }

  status(): N4Status {
    const { counters, sent, sessions, smfs, steering, upfs } = this.#state
    const smfPeers = [...smfs.values()].map((smf): N4Peer => ({
      name: smf.nodeId,
      address: smf.place.address,
      state: smf.state,
      sessions: smf.sessions.size,
      load: null,
    }))
    const upfPeers = [...upfs.values()].map((upf): N4Peer => ({
      name: upf.config.name,
      address: upf.config.address,
      state: shownState(upf),
      sessions: upf.sessions.size,
      load: upf.reports.load,
    }))
    return {
      smfs: smfPeers,
      upfs: upfPeers,
      sessions: sessions.size,
      tunnels: steering.tunnels,
      ueAddresses: steering.routes,
      pending: sent.size,
      counters: counters.all(),
    }
  }

  /** At most so many, the oldest first. */
  sessions(limit: number): readonly DescribedSession[] {
    return this.eachSession().take(limit).toArray()
  }

  /** Each as it is when it is asked for; they may come and go meanwhile. */
  *eachSession(): Generator<DescribedSession, void> {
    for (const session of this.#state.sessions) yield describe(session, this.#state.nowMs)
  }
}

const nodeHeaderBytes = 8
const sessionHeaderBytes = 16

const responses = new Set<number>(
  Object.entries(messageTypes).flatMap(([name, type]) => (name.endsWith('Response') ? [type] : [])),
)
const isResponse = (type: number): boolean => responses.has(type)

function shownState({ drainUntilMs, isPathUp, state }: UpfPeer): string {
  if (state !== 'up') return state
  if (!isPathUp) return 'no-user-plane'
  return drainUntilMs === null ? state : 'draining'
}
