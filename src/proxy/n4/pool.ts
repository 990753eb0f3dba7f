// The UPFs: associating with them, what they say of themselves, their loss, and draining (TS 29.244, 6.2.6 to 6.2.8).

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { cause, element, isAccepted, ownCpFeatures } from './elements.ts'
import { loseSessions } from './failure.ts'
import { commonFeatures, hasFeatures, shownFeatures } from './features.ts'
import { forgetReports } from './load.ts'
import { body as join, elementBytes, elementOf } from './messages.ts'
import { makeUpf } from './peers.ts'
import { valueOf, valuesOf } from './spans.ts'
import { nothing } from './state.ts'
import { kept } from './stored.ts'
import { timerMs } from './timer-value.ts'
import { read32 } from '../../wire/fields.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Upf, UpfLoss } from './model.ts'
import type { UpfPeer } from './peers.ts'
import type { N4State } from './state.ts'
import type { Exchange } from './transactions.ts'

/** A refused UPF is asked again after so many times the usual interval. */
const refusedFactor = 10

export function configurePool(state: N4State, pool: readonly Upf[]): void {
  const wanted = new Map(pool.slice(0, state.limits.upfs).map((upf) => [upf.address, upf]))
  for (const config of pool.slice(state.limits.upfs)) beyondLimit(state, config)
  for (const peer of state.upfs.values()) {
    const config = wanted.get(peer.config.address)
    wanted.delete(peer.config.address)
    if (config === undefined) {
      if (!peer.removed) drainUpf(state, peer, state.timers.drainMs, true)
      continue
    }
    peer.config = config
    if (!peer.removed) continue
    peer.removed = false
    peer.drainUntilMs = null
  }
  for (const config of wanted.values()) {
    if (state.upfs.size >= state.limits.upfs) {
      beyondLimit(state, config)
      continue
    }
    const used = new Set([...state.upfs.values()].map(({ index }) => index))
    let index = 0
    while (used.has(index)) index++
    // The next tick asks it for an association.
    state.upfs.set(config.address, makeUpf(index, config))
  }
}

function beyondLimit(state: N4State, { name }: Upf): void {
  state.counters.add('upf-beyond-limit')
  state.event({ kind: 'upf-refused', upf: name, reason: `more than ${state.limits.upfs} UPFs` })
}

function associationBody(state: N4State, value: number | null): Uint8Array {
  const { nodeIdElement, recoveryElement } = state.identity
  return join(
    nodeIdElement,
    value === null ? null : elementOf(element.cause, value),
    recoveryElement,
    elementOf(element.cpFunctionFeatures, ownCpFeatures),
  )
}

/** Asks a UPF for an association, which ends all sessions that it may still have. */
function associate(state: N4State, upf: UpfPeer): void {
  upf.state = 'associating'
  const later = (): void => {
    if (upf.state !== 'associating') return
    upf.state = 'down'
    upf.nextAttemptMs = state.nowMs + state.timers.associateMs
  }
  state.request(upf.place, {
    type: messageTypes.associationSetupRequest,
    body: associationBody(state, null),
    awaited: {
      answered({ body }) {
        if (upf.state !== 'associating') return
        if (isAccepted(valueOf(body, element.cause)?.[0] ?? 0)) return joined(state, upf, body)
        state.counters.add('association-refused-by-upf')
        later()
      },
      failed: later,
    },
  })
}

/** Refuses, by name, a UPF without a time stamp. */
function joined(state: N4State, upf: UpfPeer, body: Uint8Array): void {
  const recovery = valueOf(body, element.recoveryTimeStamp)
  if (recovery === null || recovery.length < 4) return refuseUpf(state, upf, 'no Recovery Time Stamp')
  upf.recovery = read32(recovery, 0)
  readDescription(upf, body)
  forgetReports(upf.reports)
  if (!agrees(state, upf)) return refuseUpf(state, upf, 'it lacks functions that SMFs count on')
  upf.state = 'up'
  // What it has lost does not go by its state any more.
  for (const session of upf.sessions) state.changes.touch(session)
  upf.heartbeats.nextMs = state.nowMs + state.timers.heartbeatMs
  if (upf.isPathUp) state.event({ kind: 'upf-up', upf: upf.config.name })
  for (const pfds of state.pfds.requests()) {
    state.request(upf.place, {
      type: messageTypes.pfdManagementRequest,
      body: pfds,
      awaited: { answered: nothing, failed: nothing },
    })
  }
}

function readDescription(upf: UpfPeer, body: Uint8Array): void {
  const features = valueOf(body, element.upFunctionFeatures)
  const resources = valuesOf(body, element.userPlaneIpResource)
  const pools = valuesOf(body, element.poolInformation)
  upf.features = kept(features ?? new Uint8Array())
  upf.resources = resources.slice(0, mostDescriptions).map(kept)
  upf.pools = pools.slice(0, mostDescriptions).map(kept)
}

const mostDescriptions = 64

function refuseUpf(state: N4State, upf: UpfPeer, reason: string): void {
  upf.state = 'refused'
  upf.nextAttemptMs = state.nowMs + state.timers.associateMs * refusedFactor
  state.counters.add('upf-refused')
  state.event({ kind: 'upf-refused', upf: upf.config.name, reason })
}

/** Whether it can do what SMFs have been promised; with `narrow` they are told to expect less. */
function agrees(state: N4State, upf: UpfPeer): boolean {
  const { promised } = state
  if (promised === null || hasFeatures(upf.features, promised)) return true
  if (state.options.onFewerFeatures === 'refuse') return false
  const narrowed = commonFeatures([promised, upf.features])!
  state.promised = narrowed
  state.event({ kind: 'features-narrowed', upf: upf.config.name })
  const elements = join(state.identity.nodeIdElement, elementBytes(element.upFunctionFeatures, shownFeatures(narrowed)))
  for (const smf of state.smfs.values()) {
    state.request(smf.place, {
      type: messageTypes.associationUpdateRequest,
      body: elements,
      awaited: { answered: nothing, failed: nothing },
    })
  }
  return true
}

/** Association Setup Request of a UPF: it has begun anew. */
export function onUpfSetup(state: N4State, exchange: Exchange, upf: UpfPeer, { body }: PfcpMessage): void {
  if (valueOf(body, element.nodeId) === null)
    return state.respondCause(exchange, null, cause.mandatoryMissing, element.nodeId)
  if (valueOf(body, element.recoveryTimeStamp) === null)
    return state.respondCause(exchange, null, cause.mandatoryMissing, element.recoveryTimeStamp)
  if (upf.state === 'up') loseUpf(state, upf, 'association')
  upf.state = 'associating'
  // The answer first: what follows it are requests that need the association.
  state.respond(exchange, null, associationBody(state, cause.accepted))
  joined(state, upf, body)
}

/** Association Update Request of a UPF: what it is able to has changed, or it wants to be released. */
export function onUpfUpdate(state: N4State, exchange: Exchange, upf: UpfPeer, { body }: PfcpMessage): void {
  if (upf.state !== 'up') return state.respondCause(exchange, null, cause.noAssociation)
  if (valueOf(body, element.nodeId) === null)
    return state.respondCause(exchange, null, cause.mandatoryMissing, element.nodeId)
  state.respond(
    exchange,
    null,
    join(state.causeBody(exchange.type, cause.accepted, null), elementOf(element.cpFunctionFeatures, ownCpFeatures)),
  )
  const wantsRelease = ((valueOf(body, element.releaseRequest)?.[0] ?? 0) & 1) !== 0
  if (wantsRelease) {
    const period = valueOf(body, element.gracefulReleasePeriod)?.[0]
    return drainUpf(state, upf, period === undefined ? 0 : timerMs(period), false)
  }
  if (valueOf(body, element.upFunctionFeatures) === null) return
  readDescription(upf, body)
  if (agrees(state, upf)) return
  loseUpf(state, upf, 'association')
  refuseUpf(state, upf, 'it lacks functions that SMFs count on')
}

export function onUpfRelease(state: N4State, exchange: Exchange, upf: UpfPeer): void {
  loseUpf(state, upf, 'association')
  state.respondCause(exchange, null, cause.accepted)
}

/** It has lost its sessions, or does not answer. It is asked for an association again at once. */
export function loseUpf(state: N4State, upf: UpfPeer, reason: UpfLoss): void {
  const wasUp = upf.state === 'up'
  upf.state = 'down'
  upf.nextAttemptMs = state.nowMs
  if (wasUp) state.event({ kind: 'upf-down', upf: upf.config.name, reason, sessions: upf.sessions.size })
  loseSessions(state, upf, reason)
  state.poolLoad.update(state.upfs.values(), state.nowMs)
}

/** Whether its user plane answers has been found out. It stays associated, and is told to delete what has left it. */
export function setPath(state: N4State, upf: UpfPeer, isUp: boolean): void {
  if (upf.isPathUp === isUp) return
  upf.isPathUp = isUp
  if (upf.state === 'up') {
    const { name } = upf.config
    if (isUp) state.event({ kind: 'upf-up', upf: name })
    else state.event({ kind: 'upf-down', upf: name, reason: 'user-plane', sessions: upf.sessions.size })
    if (!isUp) loseSessions(state, upf, 'user-plane')
  }
  state.poolLoad.update(state.upfs.values(), state.nowMs)
}

/** It gets no new sessions; after `graceMs` those that are left are moved or reported, then it is released. */
function drainUpf(state: N4State, upf: UpfPeer, graceMs: number, removed: boolean): void {
  upf.removed ||= removed
  upf.drainUntilMs = Math.min(upf.drainUntilMs ?? Infinity, state.nowMs + graceMs)
  state.event({ kind: 'upf-draining', upf: upf.config.name, graceMs })
}

export function tickPool(state: N4State): void {
  for (const upf of state.upfs.values()) {
    if (upf.drainUntilMs !== null) {
      tickDrain(state, upf, upf.drainUntilMs)
      continue
    }
    if ((upf.state === 'down' || upf.state === 'refused') && upf.nextAttemptMs <= state.nowMs) associate(state, upf)
  }
}

function tickDrain(state: N4State, upf: UpfPeer, untilMs: number): void {
  if (upf.sessions.size > 0) {
    if (untilMs > state.nowMs) return
    loseSessions(state, upf, 'drained')
    return
  }
  if (upf.state === 'up') {
    state.request(upf.place, {
      type: messageTypes.associationReleaseRequest,
      body: state.identity.nodeIdElement,
      awaited: { answered: nothing, failed: nothing },
    })
    state.event({ kind: 'upf-released', upf: upf.config.name })
  }
  upf.state = 'down'
  // Its index stands for it in tunnels, and goes to another UPF only when none of them is left.
  if (upf.removed && upf.leading > 0) return
  upf.drainUntilMs = null
  upf.nextAttemptMs = Infinity
  if (upf.removed) state.upfs.delete(upf.config.address)
}
