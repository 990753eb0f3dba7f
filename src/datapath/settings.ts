// What the configuration says of flows, as the programs want it: in ticks, by number of the state.

import { flowState, flowStateCount, settingsOffsets } from './layout.gen.ts'
import type { PortRange } from './ports.ts'

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

export interface Settings {
  readonly timeouts: FlowTimeouts
  readonly portRange: PortRange
  readonly events: boolean
  readonly ticksPerSecond: number
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

/** Leaves what belongs to others: the replay clock, the route generation. */
export const writeSettings = (memory: DataView, { timeouts, portRange, events, ticksPerSecond }: Settings): void => {
  const seconds = secondsByState(timeouts)
  for (let state = 0; state < flowStateCount; state++) {
    const ticks = Math.max(1, Math.round((seconds[state] ?? 0) * ticksPerSecond))
    memory.setUint32(settingsOffsets.timeouts + state * 4, ticks, true)
  }
  memory.setUint16(settingsOffsets.snatFirst, portRange.first, true)
  memory.setUint16(settingsOffsets.snatLast, portRange.last, true)
  memory.setUint32(settingsOffsets.events, events ? 1 : 0, true)
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
