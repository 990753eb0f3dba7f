// Paths to the backends (TS 29.274, 7.1; TS 29.060, 7.2): echo requests of ours, the answers to those of others, and
// what becomes of the pool when it is configured anew.

import { losePath, noteBackendRestart, noteClientRestart } from './cleaning.ts'
import { echoRequestType } from './dialect.ts'
import { makePath, sessionsOf } from './pool.ts'
import type { Place } from '../n4/model.ts'
import type { Dialect, Message } from './dialect.ts'
import type { GtpcBackend } from './model.ts'
import type { Backend, Path } from './pool.ts'
import type { GtpcState } from './state.ts'

/** Answered here, whoever asks: with the restart counter that both sides know. Answers are not kept. */
export function onEcho(state: GtpcState, dialect: Dialect, from: Place, message: Message): void {
  if (message.sequence === null) return state.counters.add('sequence-missing')
  state.send(from, dialect.echoResponse(message.sequence))
  const { recovery } = dialect.read(message, 'client', -1)
  const path = state.backends.get(from.address)?.paths.get(dialect.version)
  if (path !== undefined) noteBackendRestart(state, path, recovery, false)
  noteClientRestart(state, dialect.version, from.address, recovery)
}

export function tickPaths(state: GtpcState): void {
  for (const backend of state.backends.values()) {
    if (backend.drainUntilMs !== null && (backend.drainUntilMs <= state.nowMs || sessionsOf(backend) === 0))
      removeBackend(state, backend)
    else
      for (const path of backend.paths.values()) if (!path.isAsked && path.nextEchoMs <= state.nowMs) ask(state, path)
  }
}

function ask(state: GtpcState, path: Path): void {
  const { backend, version } = path
  const dialect = state.dialects.get(version)
  if (dialect === undefined) return
  path.isAsked = true
  const isStill = (): boolean =>
    state.backends.get(backend.config.address) === backend && backend.paths.get(version) === path
  const awaited = {
    answered(response: Message): void {
      path.isAsked = false
      path.nextEchoMs = state.nowMs + state.timers.echoMs
      if (!isStill()) return
      noteBackendRestart(state, path, dialect.read(response, 'backend', -1).recovery, true)
      if (path.state === 'up') return
      path.state = 'up'
      state.event({ kind: 'backend-up', backend: backend.config.name, version })
    },
    failed(): void {
      path.isAsked = false
      path.nextEchoMs = state.nowMs + state.timers.joinMs
      if (path.state !== 'up' || !isStill()) return
      path.state = 'down'
      losePath(state, path, 'echo')
    },
  }
  state.request(dialect, backend.config.address, echoRequestType, awaited, (sequence) => dialect.echoRequest(sequence))
}

function removeBackend(state: GtpcState, backend: Backend): void {
  const { address, name } = backend.config
  state.backends.delete(address)
  state.event({ kind: 'backend-removed', backend: name, sessions: sessionsOf(backend) })
  for (const path of backend.paths.values()) losePath(state, path, null)
  state.relays.forget(address)
}

/** The pool is to be this. What is missing is drained, what is new joins with the next tick. */
export function configurePool(state: GtpcState, pool: readonly GtpcBackend[]): void {
  const wanted = new Set(pool.map(({ address }) => address))
  for (const backend of state.backends.values()) {
    if (wanted.has(backend.config.address) || backend.drainUntilMs !== null) continue
    backend.drainUntilMs = state.nowMs + state.timers.drainMs
    state.event({ kind: 'backend-draining', backend: backend.config.name })
  }
  for (const config of pool) configureBackend(state, config)
}

function configureBackend(state: GtpcState, config: GtpcBackend): void {
  let backend = state.backends.get(config.address)
  if (backend === undefined) {
    if (state.backends.size >= state.limits.backends) return state.counters.add('too-many-backends')
    backend = { config, paths: new Map(), drainUntilMs: null, load: null }
    state.backends.set(config.address, backend)
  }
  if (config.drained && !backend.config.drained) state.event({ kind: 'backend-draining', backend: config.name })
  backend.config = config
  backend.drainUntilMs = null
  for (const version of state.dialects.keys()) {
    const isWanted = config.versions.length === 0 || config.versions.includes(version)
    const path = backend.paths.get(version)
    if (isWanted && path === undefined) backend.paths.set(version, makePath(backend, version))
    if (isWanted || path === undefined) continue
    backend.paths.delete(version)
    losePath(state, path, null)
  }
}
