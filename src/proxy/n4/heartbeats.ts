// Heartbeats (TS 29.244, 6.2.2): answered here, whoever asks, and sent to each associated peer. A peer whose time stamp
// is another one has lost its sessions.

import { messageTypes } from '../../protocols/pfcp/index.ts'
import { read32 } from '../../wire/fields.ts'
import { dropSessions } from './failure.ts'
import { element } from './elements.ts'
import { message } from './messages.ts'
import { forgetSmf } from './associations.ts'
import { otherOfSet } from './peer-care.ts'
import { loseUpf } from './pool.ts'
import { valueOf } from './spans.ts'
import { nothing } from './state.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Place } from './model.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { N4State } from './state.ts'

/** Answers are not kept: a second one is the same. */
export function onHeartbeat(state: N4State, from: Place, { body, sequence }: PfcpMessage): void {
  const type = messageTypes.heartbeatResponse
  state.send(from, message({ type, seid: null, sequence, priority: null }, state.identity.recoveryElement))
  const peer = state.upfs.get(from.address) ?? state.smfAt.get(from.address)
  if (peer === undefined) state.counters.add('heartbeat-of-stranger')
  else if (isNewer(state, peer, body)) ask(state, peer)
}

/**
 * Whether it says that the peer has restarted. An older time stamp is that of a message that was overtaken (TS 23.007,
 * 19A).
 */
function isNewer(state: N4State, peer: Smf | UpfPeer, body: Uint8Array): boolean {
  const value = valueOf(body, element.recoveryTimeStamp)
  if (value === null || value.length < 4 || peer.recovery === null || peer.state === 'down') return false
  const recovery = read32(value, 0)
  if (recovery < peer.recovery) state.counters.add('time-stamp-stale')
  return recovery > peer.recovery
}

/**
 * Anybody can send a request with any address as its source, and there are SMFs that put the time of day into theirs.
 * So what a request says is believed when the answer to one of ours says it too.
 */
function ask(state: N4State, peer: Smf | UpfPeer): void {
  state.counters.add('time-stamp-asked')
  peer.heartbeats.nextMs = state.nowMs
  beat(state, peer)
}

function restarted(state: N4State, peer: Smf | UpfPeer): void {
  if (peer.kind === 'upf') {
    if (peer.state === 'up') loseUpf(state, peer, 'time-stamp')
    return
  }
  state.event({ kind: 'smf-restarted', smf: peer.nodeId, sessions: peer.sessions.size })
  dropSessions(state, [...peer.sessions], nothing)
  forgetSmf(state, peer)
}

export function tickHeartbeats(state: N4State): void {
  for (const upf of state.upfs.values()) if (upf.state === 'up') beat(state, upf)
  for (const smf of state.smfs.values()) {
    beat(state, smf)
    if (smf.state === 'lost' && smf.lostAtMs + state.timers.smfLostMs <= state.nowMs) giveUpSmf(state, smf)
  }
}

function beat(state: N4State, peer: Smf | UpfPeer): void {
  const { heartbeats, place } = peer
  if (heartbeats.pending || heartbeats.nextMs > state.nowMs) return
  heartbeats.pending = true
  const next = (): void => {
    heartbeats.pending = false
    heartbeats.nextMs = state.nowMs + state.timers.heartbeatMs
  }
  state.request(place, {
    type: messageTypes.heartbeatRequest,
    body: state.identity.recoveryElement,
    awaited: {
      answered({ body }) {
        next()
        if (peer.kind === 'smf' && peer.state === 'lost') {
          peer.state = 'up'
          state.event({ kind: 'smf-up', smf: peer.nodeId })
        }
        if (isNewer(state, peer, body)) restarted(state, peer)
      },
      failed() {
        next()
        if (peer.kind === 'upf') {
          if (peer.state === 'up') loseUpf(state, peer, 'heartbeat')
        } else loseSmf(state, peer)
      },
    },
  })
}

/** Its sessions stay for a while: it may come back, or another one of its set takes over. */
function loseSmf(state: N4State, smf: Smf): void {
  if (smf.state === 'lost' || state.smfs.get(smf.nodeId) !== smf) return
  smf.state = 'lost'
  smf.lostAtMs = state.nowMs
  state.event({ kind: 'smf-lost', smf: smf.nodeId, sessions: smf.sessions.size })
}

function giveUpSmf(state: N4State, smf: Smf): void {
  const heir = otherOfSet(state, smf)
  if (heir !== null && smf.sessions.size > 0) {
    for (const session of smf.sessions) {
      session.smf = heir
      state.changes.touch(session)
      heir.sessions.add(session)
    }
    state.counters.add('sessions-inherited', smf.sessions.size)
    smf.sessions.clear()
  }
  dropSessions(state, [...smf.sessions], nothing)
  forgetSmf(state, smf)
}
