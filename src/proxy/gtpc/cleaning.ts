// What is done when a node has lost its sessions: a client's are deleted at their gateways, a gateway's are forgotten,
// and its clients are told by the sets that they belong to, if it has named any (TS 23.007, 16 and 17).

import { compareRestart } from './clients.ts'
import { gtpcPort } from './model.ts'
import { deleteSetRequest, isMme, setDeletion, setElement } from './v2.ts'
import type { GtpVersion } from '../../lb/model.ts'
import type { GatewayLoss } from './model.ts'
import type { Path } from './pool.ts'
import type { Deletion, GtpcState } from './state.ts'
import type { Tunnel } from './tunnels.ts'

export function startDeletion(state: GtpcState, deletion: Deletion, done: () => void): void {
  const { at, context, fromClient, version } = deletion
  const dialect = state.dialects.get(version)
  if (dialect === undefined) return done()
  state.counters.add('deletions')
  const awaited = {
    answered: done,
    failed(): void {
      state.counters.add('deletions-unanswered')
      done()
    },
  }
  state.request(dialect, at.address, dialect.deletionType, awaited, (sequence) =>
    dialect.deletion(at.teid, sequence, context, fromClient),
  )
}

/** Its gateway is asked to delete it, and it is forgotten. */
function abolish(state: GtpcState, tunnel: Tunnel): void {
  const { gatewayEnd, contexts, interface: fromClient, version } = tunnel
  state.removeTunnel(tunnel)
  if (gatewayEnd === null) return
  // One of each connection: what is secondary to it goes with it.
  const connections = new Map([...contexts].map(([context, primary]) => [primary, context]))
  for (const context of connections.values()) state.delete({ version, at: gatewayEnd, context, fromClient })
}

export function abolishAll(state: GtpcState, tunnels: readonly Tunnel[]): void {
  for (const tunnel of tunnels) abolish(state, tunnel)
  state.pumpDeletions()
}

/** A client has said its restart counter. */
export function noteClientRestart(state: GtpcState, version: GtpVersion, address: string, said: number | null): void {
  const client = state.clients.get(address)
  if (client === null || said === null) return
  const found = compareRestart(client.restart[version], said, false)
  if (found === 'stale') return state.counters.add('restart-counter-stale')
  client.restart[version] = said
  if (found === 'same') return
  const lost = [...client.tunnels].filter((tunnel) => tunnel.version === version)
  state.event({ kind: 'client-restarted', client: address, version, sessions: lost.length })
  state.counters.add('sessions-of-restarted-clients', lost.length)
  abolishAll(state, lost)
}

/** A gateway has said its restart counter. `isAnswer`: to an echo request of ours. */
export function noteGatewayRestart(state: GtpcState, path: Path, said: number | null, isAnswer: boolean): void {
  if (said === null) return
  const found = compareRestart(path.restart, said, isAnswer)
  if (found === 'stale') return state.counters.add('restart-counter-stale')
  path.restart = said
  if (found === 'same') return
  // One that is only being created is created by the node that has started anew.
  const lost = [...path.tunnels].filter(({ contexts, creating }) => creating === 0 || contexts.size > 0)
  loseTunnels(state, path, lost, 'restart-counter')
}

/** A path is no more; what it has not answered is to be sent to another one when it comes again. */
export function losePath(state: GtpcState, path: Path, reason: GatewayLoss | null): void {
  const untilMs = state.nowMs + state.timers.answersMs
  for (const { exchange, version } of state.relays.giveUp(path, untilMs)) state.received[version].drop(exchange)
  loseTunnels(state, path, [...path.tunnels], reason)
}

function loseTunnels(state: GtpcState, path: Path, lost: readonly Tunnel[], reason: GatewayLoss | null): void {
  const { gateway, version } = path
  if (reason !== null)
    state.event({ kind: 'gateway-down', gateway: gateway.config.name, version, reason, sessions: lost.length })
  state.counters.add('sessions-of-lost-gateways', lost.length)
  tellSets(state, lost)
  for (const tunnel of lost) state.removeTunnel(tunnel)
}

/** Without sets, a client hears that a session is no more when it asks for it. */
function tellSets(state: GtpcState, lost: readonly Tunnel[]): void {
  const told = new Set<string>()
  for (const { gatewaySets, client, interface: kind } of lost) {
    for (const set of gatewaySets) {
      const key = `${client.address} ${set}`
      if (told.has(key)) continue
      if (told.size >= state.limits.sets) return state.counters.add('sets-untold')
      told.add(key)
      requestSetDeletion(state, client.address, setElement(set, isMme(kind)))
    }
  }
}

export function requestSetDeletion(state: GtpcState, address: string, elements: Uint8Array): void {
  const dialect = state.dialects.get(2)
  if (dialect === undefined) return
  if (state.sent[2].isFull) return state.counters.add('sets-untold')
  state.counters.add('set-deletions')
  const awaited = {
    answered: (): void => undefined,
    failed: (): void => state.counters.add('set-deletions-unanswered'),
  }
  state.request(dialect, address, deleteSetRequest, awaited, (sequence) => setDeletion(sequence, elements))
}

/** Where requests to an address go. */
export const placeOf = (address: string): { readonly address: string; readonly port: number } => ({
  address,
  port: gtpcPort,
})
