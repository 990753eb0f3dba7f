// Paths to the gateways (TS 29.274, 7.1; TS 29.060, 7.2): echo requests of ours, the answers to those of others, and
// what becomes of the pool when it is configured anew.

import { losePath, noteGatewayRestart, noteClientRestart } from './cleaning.ts'
import { echoRequestType } from './dialect.ts'
import { makePath, sessionsOf } from './pool.ts'
import type { Place } from '../n4/model.ts'
import type { Dialect, Message } from './dialect.ts'
import type { GtpcGateway } from './model.ts'
import type { Gateway, Path } from './pool.ts'
import type { GtpcState } from './state.ts'

/** Answered here, whoever asks: with the restart counter that both sides know. Answers are not kept. */
export function onEcho(state: GtpcState, dialect: Dialect, from: Place, message: Message): void {
  if (message.sequence === null) return state.counters.add('sequence-missing')
  state.send(from, dialect.echoResponse(message.sequence))
  const { recovery } = dialect.read(message, 'client', -1)
  const path = state.gateways.get(from.address)?.paths.get(dialect.version)
  if (path !== undefined) noteGatewayRestart(state, path, recovery, false)
  noteClientRestart(state, dialect.version, from.address, recovery)
}

export function tickPaths(state: GtpcState): void {
  for (const gateway of state.gateways.values()) {
    if (gateway.drainUntilMs !== null && (gateway.drainUntilMs <= state.nowMs || sessionsOf(gateway) === 0))
      removeGateway(state, gateway)
    else
      for (const path of gateway.paths.values())
        if (!path.isAsked && path.nextEchoMs <= state.nowMs) tickPath(state, path)
  }
}

function tickPath(state: GtpcState, path: Path): void {
  if (asksEcho(state)) ask(state, path)
  else raise(state, path)
}

const asksEcho = ({ timers }: GtpcState): boolean => timers.echoMs > 0

function raise(state: GtpcState, path: Path): void {
  if (path.state === 'up') return
  path.state = 'up'
  state.event({ kind: 'gateway-up', gateway: path.gateway.config.name, version: path.version })
}

/** A request that was passed on has its answer. */
export function onHeard(state: GtpcState, path: Path): void {
  path.heardMs = state.nowMs
  if (!asksEcho(state)) raise(state, path)
}

/**
 * A creation has no answer. Where there are no echo requests that tell, its gateway gets no new users for a while:
 * having the fewest sessions it would get all of them.
 */
export function onUnanswered(state: GtpcState, path: Path, askedMs: number): void {
  if (asksEcho(state) || path.state !== 'up' || path.heardMs > askedMs) return
  const { gateway, version } = path
  path.state = 'down'
  path.nextEchoMs = state.nowMs + state.timers.exchangeMs
  state.event({ kind: 'gateway-down', gateway: gateway.config.name, version, reason: 'unanswered', sessions: 0 })
}

function ask(state: GtpcState, path: Path): void {
  const { gateway, version } = path
  const dialect = state.dialects.get(version)
  if (dialect === undefined) return
  path.isAsked = true
  const isStill = (): boolean =>
    state.gateways.get(gateway.config.address) === gateway && gateway.paths.get(version) === path
  const awaited = {
    answered(response: Message): void {
      path.isAsked = false
      path.nextEchoMs = state.nowMs + state.timers.echoMs
      if (!isStill()) return
      noteGatewayRestart(state, path, dialect.read(response, 'gateway', -1).recovery, true)
      raise(state, path)
    },
    failed(): void {
      path.isAsked = false
      path.nextEchoMs = state.nowMs + state.timers.joinMs
      if (path.state !== 'up' || !isStill()) return
      path.state = 'down'
      losePath(state, path, 'echo')
    },
  }
  state.request(dialect, gateway.config.address, echoRequestType, awaited, (sequence) => dialect.echoRequest(sequence))
}

function removeGateway(state: GtpcState, gateway: Gateway): void {
  const { address, name } = gateway.config
  state.gateways.delete(address)
  state.event({ kind: 'gateway-removed', gateway: name, sessions: sessionsOf(gateway) })
  for (const path of gateway.paths.values()) losePath(state, path, null)
  state.relays.forget(address)
}

/** The pool is to be this. What is missing is drained, what is new joins with the next tick. */
export function configurePool(state: GtpcState, pool: readonly GtpcGateway[]): void {
  const wanted = new Set(pool.map(({ address }) => address))
  for (const gateway of state.gateways.values()) {
    if (wanted.has(gateway.config.address) || gateway.drainUntilMs !== null) continue
    gateway.drainUntilMs = state.nowMs + state.timers.drainMs
    state.event({ kind: 'gateway-draining', gateway: gateway.config.name })
  }
  for (const config of pool) configureGateway(state, config)
}

function configureGateway(state: GtpcState, config: GtpcGateway): void {
  let gateway = state.gateways.get(config.address)
  if (gateway === undefined) {
    if (state.gateways.size >= state.limits.gateways) return state.counters.add('too-many-gateways')
    gateway = { config, paths: new Map(), drainUntilMs: null, load: null }
    state.gateways.set(config.address, gateway)
  }
  if (config.drained && !gateway.config.drained) state.event({ kind: 'gateway-draining', gateway: config.name })
  gateway.config = config
  gateway.drainUntilMs = null
  for (const version of state.dialects.keys()) {
    const isWanted = config.versions.length === 0 || config.versions.includes(version)
    const path = gateway.paths.get(version)
    if (isWanted && path === undefined) gateway.paths.set(version, makePath(gateway, version))
    if (isWanted || path === undefined) continue
    gateway.paths.delete(version)
    losePath(state, path, null)
  }
}
