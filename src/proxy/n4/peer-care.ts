// Small things that are known of peers or done to them on the way of a message.

import { takeReport } from './load.ts'
import type { Place, VirtualAddresses } from './model.ts'
import { pfcpPort } from './peers.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'

/** For what a UPF says of its load in any session message. */
export const loadTaker =
  (state: N4State, upf: UpfPeer) =>
  (type: number, value: Uint8Array): void => {
    if (!takeReport(upf.reports, type, value, state.nowMs)) return state.counters.add('load-report-stale')
    state.poolLoad.update(state.upfs.values(), state.nowMs)
  }

/** It has not answered: whether it lives is asked at the next tick. */
export function suspectUpf(state: N4State, { heartbeats }: UpfPeer): void {
  heartbeats.nextMs = Math.min(heartbeats.nextMs, state.nowMs)
}

/** Of the addresses of an F-SEID the one that our own socket can reach. */
export function smfAddressOf({ identity }: N4State, addresses: VirtualAddresses | null): string | null {
  if (addresses === null) return null
  const { ipv4, ipv6 } = addresses
  if (ipv4 !== null && identity.address.ipv4 !== null) return ipv4
  return identity.address.ipv6 === null ? null : ipv6
}

/** Where requests about a session go: to its SMF, or while that is lost to whom its set has named instead. */
export function placeOfSmf(state: N4State, { smf, smfAddress }: Session): Place {
  if (smf.state === 'up') return { address: smfAddress, port: pfcpPort }
  const [alternative] = smf.alternatives
  if (alternative !== undefined) return { address: alternative, port: pfcpPort }
  return otherOfSet(state, smf)?.place ?? { address: smfAddress, port: pfcpPort }
}

/** Another SMF that may act for this one; null: there is none. */
export function otherOfSet({ smfs }: N4State, { nodeId, setId }: Smf): Smf | null {
  if (setId === null) return null
  for (const other of smfs.values()) {
    if (other.setId === setId && other.nodeId !== nodeId && other.state === 'up') return other
  }
  return null
}

export const mayAct = (sender: Smf, owner: Smf): boolean =>
  sender === owner || (sender.setId !== null && sender.setId === owner.setId)
