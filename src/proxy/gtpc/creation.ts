// Create Session and Create PDP Context: the only requests of which the proxy decides where they go. A UE that has a
// session already stays with its gateway; a retransmission meets the answer, or the gateway, that it met first.

import { abolishAll, noteGatewayRestart, noteClientRestart } from './cleaning.ts'
import { onUnanswered } from './paths.ts'
import { select } from './pool.ts'
import { forward, sendBack } from './relaying.ts'
import type { Dialect, End, Facts, Message } from './dialect.ts'
import type { Path } from './pool.ts'
import type { Asked } from './relaying.ts'
import type { Relay } from './relays.ts'
import type { GtpcState } from './state.ts'
import type { Tunnel } from './tunnels.ts'

/** With TEID 0 in its header. */
export function onCreation(state: GtpcState, asked: Asked): void {
  const { dialect, exchange, message } = asked
  const { causes, version } = dialect
  const facts = dialect.read(message, 'client', -1)
  const { control } = facts
  if (control === null || control.teid === null)
    return state.refuse(dialect, exchange, control?.teid ?? 0, causes.missing)
  const end = { address: control.address, teid: control.teid }
  if (!state.isNode(end.address)) return state.refuse(dialect, exchange, end.teid, causes.incorrect)
  noteClientRestart(state, version, end.address, facts.recovery)
  const tunnel = tunnelFor(state, dialect, facts, end)
  if (tunnel === null) return state.refuse(dialect, exchange, end.teid, causes.noResources)
  tunnel.client.restart[version] ??= facts.recovery
  const target = { address: tunnel.path.gateway.config.address, teid: 0 }
  tunnel.creating++
  if (forward(state, asked, { tunnel, to: 'gateway', target, replyTeid: end.teid, facts, sequence: null })) return
  state.counters.add('too-many-requests')
  state.received[version].drop(exchange)
  finish(state, tunnel)
}

/** null: no gateway can have it, or a limit is reached, which is counted. */
function tunnelFor(state: GtpcState, { version }: Dialect, facts: Facts, end: End): Tunnel | null {
  const existing = state.tunnels.ofClientEnd(version, end)
  if (existing !== null) {
    if (existing.user === facts.user && existing.interface === facts.interface) return existing
    // The client has forgotten what it had there.
    state.counters.add('client-teids-reused')
    abolishAll(state, [existing])
  }
  const none = (reason: string): null => {
    state.counters.add(reason)
    return null
  }
  if (facts.user !== null && state.tunnels.countOfUser(facts.user) >= state.limits.perUser)
    return none('too-many-sessions-of-user')
  const path = pathFor(state, version, facts.user)
  if (path === null) return none('no-gateway')
  if (state.tunnels.size >= state.limits.sessions) return none('too-many-sessions')
  const client = state.clients.getOrAdd(end.address)
  if (client === null) return none('too-many-clients')
  const { apn, interface: kind, sets, user } = facts
  const tunnel = state.tunnels.add({ version, path, user, apn, interface: kind, client, clientEnd: end }, state.nowMs)
  if (tunnel === null) {
    state.forgetIfIdle(client)
    return none('teids-exhausted')
  }
  state.tunnels.nameClientSets(tunnel, sets)
  return tunnel
}

/** Where the UE is already, in whichever version; else by policy. */
function pathFor(state: GtpcState, version: Path['version'], user: string | null): Path | null {
  if (user !== null) {
    for (const { path } of state.tunnels.ofUser(user).toReversed()) {
      const its = path.gateway.paths.get(version)
      if (its?.state === 'up') return its
    }
  }
  return select(state.gateways.values(), version, user, state.options)
}

function finish(state: GtpcState, tunnel: Tunnel): void {
  tunnel.creating--
  state.removeContexts(tunnel, [])
}

/** It was not answered in time. Whoever asks again begins anew, and a late answer is undone. */
export function onCreationExpired(state: GtpcState, { tunnel, untilMs }: Relay): void {
  onUnanswered(state, tunnel.path, untilMs - state.timers.exchangeMs)
  finish(state, tunnel)
}

export function onCreated(state: GtpcState, dialect: Dialect, relay: Relay, message: Message): void {
  const { facts: asked, replyTeid, tunnel } = relay
  const facts = dialect.read(message, 'gateway', tunnel.interface)
  noteGatewayRestart(state, tunnel.path, facts.recovery, false)
  if (tunnel.isGone) {
    state.received[dialect.version].drop(relay.exchange)
    return undo(state, dialect, relay, facts)
  }
  tunnel.path.gateway.load = facts.load ?? tunnel.path.gateway.load
  if (facts.cause !== null && dialect.isAccepted(facts.cause)) {
    const { control } = facts
    if (control !== null && control.teid !== null) tunnel.gatewayEnd = { address: control.address, teid: control.teid }
    if (tunnel.gatewayEnd === null) state.counters.add('accepted-without-end')
    else settle(state, tunnel, asked, facts)
  }
  sendBack(state, dialect, relay, message, replyTeid)
  if (facts.cause !== null && dialect.isUnknown(facts.cause)) {
    state.counters.add('contexts-not-found')
    tunnel.contexts.clear()
  }
  finish(state, tunnel)
}

function settle(state: GtpcState, tunnel: Tunnel, asked: Facts, { sets }: Facts): void {
  const context = asked.context ?? 0
  const primary = asked.linked === null ? context : (tunnel.contexts.get(asked.linked) ?? asked.linked)
  tunnel.contexts.set(context, primary)
  if (sets.length > 0) state.tunnels.nameGatewaySets(tunnel, sets)
  if (tunnel.user === null) return
  // A UE has a context once on one kind of interface: the new one takes the place of the old one (TS 29.274, 7.2.1).
  for (const other of state.tunnels.ofUser(tunnel.user)) {
    const isSame = other.version === tunnel.version && other.interface === tunnel.interface
    if (other === tunnel || !isSame || !other.contexts.has(context)) continue
    state.counters.add('contexts-replaced')
    if (other.path === tunnel.path) state.removeContexts(other, [context])
    else abolishAll(state, [other])
  }
}

/** A session that was created after all, and nobody waits for it: it must not stay at the gateway. */
export function onCreatedLate(state: GtpcState, dialect: Dialect, relay: Relay, message: Message): void {
  undo(state, dialect, relay, dialect.read(message, 'gateway', relay.tunnel.interface))
}

function undo(state: GtpcState, dialect: Dialect, { facts: asked, tunnel }: Relay, facts: Facts): void {
  const { cause, control } = facts
  state.counters.add('late-answers')
  if (cause === null || !dialect.isAccepted(cause) || control === null || control.teid === null) return
  const context = asked.context ?? 0
  // Asked for again, it may be the same one.
  const inUse = (one: Tunnel): boolean => one.path === tunnel.path && (one.creating > 0 || one.contexts.has(context))
  if (tunnel.user !== null && state.tunnels.ofUser(tunnel.user).some(inUse)) return
  const at = { address: control.address, teid: control.teid }
  state.delete({ version: dialect.version, at, context, fromClient: tunnel.interface })
  state.pumpDeletions()
}
