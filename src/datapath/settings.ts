// What the configuration says of flows, as the programs want it: in ticks, by number of the state.

import { addressBytes } from '../wire/ip.ts'
import { flowState, flowStateCount, limits, settingsOffsets } from './layout.gen.ts'
import type { PortRange } from './ports.ts'

const noAddress = new Uint8Array(16)

/** How long a closed flow is kept without a packet: a side may repeat what the other has not heard. */
const closedSeconds = 0.5
/** An idle flow is found not later than this after its time-out. */
const longestWalkMs = 10_000

/** Seconds a flow of each state may be idle. */
export interface FlowTimeouts {
  readonly synSent: number
  readonly synReceived: number
  readonly established: number
  readonly closing: number
  readonly unreplied: number
  readonly replied: number
  /** of flows whose endpoint was removed, whatever their state */
  readonly drain: number
}

/** What stands around packets that go to endpoints of mode `dsr`. */
export interface EncapsulationSettings {
  /** outer source of IPv4, whose last 16 bits vary with the flow; null: none */
  readonly source4: string | null
  readonly source6: string | null
  /** UDP port of GUE */
  readonly guePort: number
}

export interface Settings {
  readonly timeouts: FlowTimeouts
  readonly portRange: PortRange
  readonly events: boolean
  readonly ticksPerSecond: number
  /** new flows are refused when this many live; 0: no such limit */
  readonly flowsAdmitted: number
  /** a service learns no more SEIDs when it has so many; 0: no such limit */
  readonly seidsAdmitted: number
  readonly encapsulation: EncapsulationSettings
}

const secondsByState = (timeouts: FlowTimeouts): Readonly<Record<number, number>> => ({
  [flowState.syn_sent]: timeouts.synSent,
  [flowState.syn_received]: timeouts.synReceived,
  [flowState.established]: timeouts.established,
  [flowState.closing]: timeouts.closing,
  [flowState.closed]: closedSeconds,
  [flowState.unreplied]: timeouts.unreplied,
  [flowState.replied]: timeouts.replied,
})

/** States in which a service's own idle time-out counts. */
const idleStates: ReadonlySet<number> = new Set([flowState.established, flowState.replied])

/** Ticks a flow may be idle: by its service, where that has a time of its own, else by its state. */
export const timeoutTicks = (settings: DataView, serviceIdle: Uint32Array, state: number, service: number): number =>
  (idleStates.has(state) ? serviceIdle[2 * service] : 0) ||
  settings.getUint32(settingsOffsets.timeouts + state * 4, true)

/** Flows that new ones may take of a table that keeps some percent of it for those that live. */
export const admittedFlows = (flows: number, reservePercent: number): number =>
  reservePercent === 0 ? 0 : Math.max(1, Math.floor((flows * (100 - reservePercent)) / 100))

/** SEIDs that may be learnt for one service: the rest of the hints is for others. */
export const admittedSeids = (hints: number): number => Math.max(1, Math.floor((hints * limits.seidPercent) / 100))

/** Leaves what belongs to others: the replay clock, the route generation, the features that services need. */
export const writeSettings = (memory: DataView, settings: Settings): void => {
  const { timeouts, portRange, events, ticksPerSecond, flowsAdmitted, seidsAdmitted, encapsulation } = settings
  const seconds = secondsByState(timeouts)
  for (let state = 0; state < flowStateCount; state++) {
    const ticks = Math.max(1, Math.round((seconds[state] ?? 0) * ticksPerSecond))
    memory.setUint32(settingsOffsets.timeouts + state * 4, ticks, true)
  }
  memory.setUint16(settingsOffsets.snatFirst, portRange.first, true)
  memory.setUint16(settingsOffsets.snatLast, portRange.last, true)
  memory.setUint32(settingsOffsets.events, events ? 1 : 0, true)
  memory.setUint32(settingsOffsets.flowsAdmitted, flowsAdmitted, true)
  memory.setUint32(settingsOffsets.seidsAdmitted, seidsAdmitted, true)
  memory.setUint16(settingsOffsets.guePort, encapsulation.guePort)
  const { encapSource4, encapSource6 } = settingsOffsets
  for (const [offset, source] of [
    [encapSource4, encapsulation.source4],
    [encapSource6, encapsulation.source6],
  ] as const) {
    const bytes = new Uint8Array(memory.buffer, memory.byteOffset + offset, 16)
    bytes.set(source === null ? noAddress : addressBytes(source))
  }
}

/** From now on each flow asks for its next hop anew. */
export const nextRouteGeneration = (memory: DataView): void => {
  const generation = memory.getUint32(settingsOffsets.routeGeneration, true)
  memory.setUint32(settingsOffsets.routeGeneration, (generation + 1) >>> 0, true)
}

export const readPortRange = (memory: DataView): PortRange => ({
  first: memory.getUint16(settingsOffsets.snatFirst, true),
  last: memory.getUint16(settingsOffsets.snatLast, true),
})

/** How many steps a walk over the table of flows may take, so that the shortest time-out is kept well enough. */
export const stepsPerWalk = (timeouts: FlowTimeouts, stepMs: number): number => {
  const { synSent, synReceived, established, closing, unreplied, replied, drain } = timeouts
  const shortestMs = 1000 * Math.min(synSent, synReceived, established, closing, unreplied, replied, drain)
  return Math.ceil(Math.min(shortestMs / 2, longestWalkMs) / stepMs)
}
