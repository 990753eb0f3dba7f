// Requests that go on to the other side of a tunnel, and their answers on the way back.

import { noteGatewayRestart, noteClientRestart, placeOf } from './cleaning.ts'
import { commandBit } from './relays.ts'
import { contextsNamed } from './tunnels.ts'
import type { Place } from '../n4/model.ts'
import type { Exchange } from '../n4/transactions.ts'
import type { Dialect, End, Facts, Message, Role } from './dialect.ts'
import type { Relay } from './relays.ts'
import type { GtpcState } from './state.ts'
import type { Tunnel } from './tunnels.ts'

/** A request that waits for our answer. */
export interface Asked {
  readonly dialect: Dialect
  readonly from: Place
  readonly exchange: Exchange
  readonly message: Message
  readonly role: Role
}

interface Way {
  readonly tunnel: Tunnel
  readonly to: 'client' | 'gateway'
  /** address to send to, and TEID of the header */
  readonly target: End
  readonly replyTeid: number
  readonly facts: Facts
  /** null: a new one */
  readonly sequence: number | null
}

/** False: there is no room for it, and nothing was sent. */
export function forward(state: GtpcState, asked: Asked, way: Way): boolean {
  const { dialect, exchange, message, role } = asked
  const { facts, replyTeid, target, to, tunnel } = way
  const { lastSequence, version } = dialect
  const isCommand = role === 'command'
  const last = isCommand ? commandBit - 1 : lastSequence
  const sequence = way.sequence ?? state.relays.nextSequence(version, target.address, last, isCommand)
  if (sequence === null) return false
  const bytes = dialect.forward(message, {
    from: to === 'gateway' ? 'client' : 'gateway',
    clientInterface: tunnel.interface,
    teid: target.teid,
    sequence,
    standIn: to === 'gateway' ? tunnel.teidForGateway : tunnel.teidForClient,
  })
  const outgoing = { to: placeOf(target.address), bytes }
  const untilMs = state.nowMs + state.timers.exchangeMs
  const relay = { version, exchange, role, tunnel, to, replyTeid, facts, outgoing, sequence, untilMs }
  if (!state.relays.add(relay)) return false
  exchange.relayed = outgoing
  state.send(outgoing.to, bytes)
  return true
}

/** By the TEID of the header; a request about a UE without one, by its IMSI. */
export function onRequest(state: GtpcState, asked: Asked): void {
  const { dialect, exchange, message } = asked
  const { causes } = dialect
  if (asked.role === 'notification' && message.teid === 0) return onNotification(state, asked)
  const route = state.tunnels.route(message.teid ?? 0)
  if (route === null || route.tunnel.version !== dialect.version)
    return state.refuse(dialect, exchange, senderTeid(asked), causes.notFound)
  const { to, tunnel } = route
  if (to === 'gateway') return toGateway(state, asked, tunnel)
  if (!isGatewayOf(tunnel, asked.from)) {
    state.counters.add('wrong-sender')
    return state.refuse(dialect, exchange, senderTeid(asked), causes.notFound)
  }
  toClient(state, asked, tunnel)
}

const senderTeid = ({ dialect, message }: Asked): number => dialect.read(message, 'client', -1).control?.teid ?? 0

/** What was given to a gateway is obeyed from nobody else: others can only guess it. */
const isGatewayOf = ({ gatewayEnd, path }: Tunnel, { address }: Place): boolean =>
  address === path.gateway.config.address || address === gatewayEnd?.address

function toGateway(state: GtpcState, asked: Asked, tunnel: Tunnel): void {
  const { dialect, exchange, from, message, role } = asked
  const { causes, version } = dialect
  const facts = dialect.read(message, 'client', tunnel.interface)
  noteClientRestart(state, version, facts.control?.address ?? from.address, facts.recovery)
  const end = newEnd(facts, tunnel.clientEnd)
  if (tunnel.isGone || tunnel.gatewayEnd === null) return state.refuse(dialect, exchange, end.teid, causes.notFound)
  if (!state.isNode(end.address)) return state.refuse(dialect, exchange, tunnel.clientEnd.teid, causes.incorrect)
  const way = { tunnel, to: 'gateway', target: tunnel.gatewayEnd, replyTeid: end.teid, facts, sequence: null } as const
  if (!forward(state, asked, way)) return overloaded(state, asked)
  if (role === 'create') tunnel.creating++
}

/** What a message says of its sender's end; where it says nothing, it is the one that was. */
const newEnd = ({ control }: Facts, known: End): End =>
  control === null ? known : { address: control.address, teid: control.teid ?? known.teid }

function toClient(state: GtpcState, asked: Asked, tunnel: Tunnel): void {
  const { dialect, exchange, from, message } = asked
  const facts = dialect.read(message, 'gateway', tunnel.interface)
  let sequence: number | null = null
  if (dialect.version === 2 && (exchange.sequence & commandBit) !== 0) {
    const command = state.relays.get(2, from, exchange.sequence)
    if (command?.role !== 'command' || command.tunnel !== tunnel) {
      state.counters.add('trigger-unexpected')
      return state.received[2].drop(exchange)
    }
    // The client knows by it what its command has triggered (7.6).
    sequence = command.exchange.sequence
  }
  if (tunnel.gatewayEnd !== null) tunnel.gatewayEnd = newEnd(facts, tunnel.gatewayEnd)
  const replyTeid = tunnel.gatewayEnd?.teid ?? 0
  const way = { tunnel, to: 'client', target: tunnel.clientEnd, replyTeid, facts, sequence } as const
  if (!forward(state, asked, way)) overloaded(state, asked)
}

/** Downlink data, or a PDU, for a UE whose session the gateway has no TEID for: its IMSI says where its client is. */
function onNotification(state: GtpcState, asked: Asked): void {
  const { dialect, exchange, from, message } = asked
  const facts = dialect.read(message, 'gateway', -1)
  const tunnel = state.tunnels
    .ofUser(facts.user ?? '')
    .findLast((one) => one.version === dialect.version && isGatewayOf(one, from))
  const replyTeid = facts.control?.teid ?? 0
  if (facts.user === null || tunnel === undefined)
    return state.refuse(dialect, exchange, replyTeid, dialect.causes.unknownUser)
  const target = { address: tunnel.clientEnd.address, teid: 0 }
  if (!forward(state, asked, { tunnel, to: 'client', target, replyTeid, facts, sequence: null }))
    overloaded(state, asked)
}

/** Not answered: when it comes again there may be room. */
function overloaded(state: GtpcState, { dialect, exchange }: Asked): void {
  state.counters.add('too-many-requests')
  state.received[dialect.version].drop(exchange)
}

/** Has no answer, and is not repeated. */
export function onNotice(state: GtpcState, dialect: Dialect, from: Place, message: Message): void {
  const route = state.tunnels.route(message.teid ?? 0)
  const target = route === null || route.to === 'client' ? route?.tunnel.clientEnd : route.tunnel.gatewayEnd
  if (route === null || !target || route.tunnel.version !== dialect.version)
    return state.counters.add('notice-unroutable')
  const { to, tunnel } = route
  if (to === 'client' && !isGatewayOf(tunnel, from)) return state.counters.add('wrong-sender')
  const sequence = state.relays.nextSequence(dialect.version, target.address, dialect.lastSequence, false)
  if (sequence === null) return state.counters.add('sequences-exhausted')
  const bytes = dialect.forward(message, {
    from: to === 'gateway' ? 'client' : 'gateway',
    clientInterface: tunnel.interface,
    teid: target.teid,
    sequence,
    standIn: to === 'gateway' ? tunnel.teidForGateway : tunnel.teidForClient,
  })
  state.send(placeOf(target.address), bytes)
}

/** To a request other than a creation. */
export function onAnswer(state: GtpcState, dialect: Dialect, relay: Relay, message: Message): void {
  const { exchange, facts: asked, replyTeid, to, tunnel } = relay
  const facts = dialect.read(message, to, tunnel.interface)
  if (to === 'gateway') {
    noteGatewayRestart(state, tunnel.path, facts.recovery, false)
    tunnel.path.gateway.load = facts.load ?? tunnel.path.gateway.load
  }
  const isAccepted = facts.cause !== null && dialect.isAccepted(facts.cause)
  if (isAccepted && !tunnel.isGone) learnEnds(state, relay, facts)
  sendBack(state, dialect, relay, message, replyTeid)
  if (tunnel.isGone || facts.cause === null) return
  const isDeletion = relay.role === 'delete' && (asked.context !== null || exchange.type === dialect.deletionType)
  const isUnknown = dialect.isUnknown(facts.cause)
  // With a TEID in its header, what is unknown is a bearer, and others may be left.
  if (isUnknown && (message.teid === 0 || tunnel.contexts.size <= 1)) {
    state.counters.add('contexts-not-found')
    return state.removeTunnel(tunnel)
  }
  if (isDeletion && (isAccepted || isUnknown))
    state.removeContexts(tunnel, contextsNamed(tunnel, asked.context, asked.withSecondary))
}

/** A client that has asked for another end of its own has it now, and so has a gateway that tells of one. */
function learnEnds(state: GtpcState, { facts: asked, to, tunnel }: Relay, answered: Facts): void {
  const said = to === 'gateway' ? asked : answered
  const end = newEnd(said, tunnel.clientEnd)
  if (to === 'gateway' && tunnel.gatewayEnd !== null) tunnel.gatewayEnd = newEnd(answered, tunnel.gatewayEnd)
  if (end.address === tunnel.clientEnd.address && end.teid === tunnel.clientEnd.teid) return
  const client = state.isNode(end.address) ? state.clients.getOrAdd(end.address) : null
  if (client === null) return state.counters.add('client-not-moved')
  const old = tunnel.client
  state.tunnels.move(tunnel, client, end)
  state.forgetIfIdle(old)
  state.counters.add('clients-moved')
}

export function sendBack(state: GtpcState, dialect: Dialect, relay: Relay, message: Message, teid: number): void {
  const { exchange, to, tunnel } = relay
  const bytes = dialect.forward(message, {
    from: to,
    clientInterface: tunnel.interface,
    teid,
    sequence: exchange.sequence,
    standIn: to === 'client' ? tunnel.teidForGateway : tunnel.teidForClient,
  })
  state.respond(dialect.version, exchange, bytes)
}
