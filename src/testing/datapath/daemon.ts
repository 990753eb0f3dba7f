// The whole datapath inside a lab host, started and stopped as the daemon does it, with a clock that the test moves.
// Lives in the host's thread.

import { BpfDatapath, unload } from '../../datapath/datapath.ts'
import { objects } from './small-maps.ts'
import type { DatapathOptions } from '../../datapath/datapath.ts'
import type { FlowStatus, InterfaceStatus, ServiceStatus } from '../../lb/datapath.ts'
import type { Log } from '../../lb/log.ts'
import type { Change } from '../../lb/model.ts'

export type StartOptions = Pick<DatapathOptions, 'instance' | 'pins' | 'interfaces'> & Partial<DatapathOptions>

export interface TestDaemon {
  start(options: StartOptions): Promise<void>
  stop(): Promise<void>
  unload(pins: string): boolean
  apply(changes: readonly Change[]): Promise<void>
  addMs(ms: number): void
  services(): readonly ServiceStatus[]
  flows(): readonly FlowStatus[]
  interfaces(): readonly InterfaceStatus[]
  /** What was logged as a warning or worse since the last call. */
  warnings(): readonly string[]
}

/** Seconds, long enough to be no part of a test; but the shortest says how often the whole table is looked at. */
const timeouts = {
  synSent: 1,
  synReceived: 60,
  established: 60,
  closing: 60,
  unreplied: 60,
  replied: 60,
  drain: 10,
}

export const makeDaemon = (): TestDaemon => {
  const warnings: string[] = []
  const ignore = (): void => undefined
  const warn = (_fields: object, message: string): void => void warnings.push(message)
  const log: Log = { debug: ignore, info: ignore, warn, error: warn }
  let running: BpfDatapath | null = null
  let now = 0
  const datapath = (): BpfDatapath => {
    if (running === null) throw new Error('no datapath runs')
    return running
  }
  return {
    async start(options) {
      running = await BpfDatapath.open({
        objects,
        sizes: { flows: 1024, services: 16, endpoints: 64, slotPages: 64 },
        timeouts,
        portRange: { first: 1024, last: 2047 },
        seed: 1,
        events: false,
        fresh: false,
        log,
        now: () => now,
        ...options,
      })
    },
    async stop() {
      const stopped = datapath()
      running = null
      await stopped.close()
    },
    unload: (pins) => unload(pins, log),
    apply: (changes) => datapath().apply(changes),
    addMs: (ms) => void (now += ms),
    services: () => datapath().services(),
    flows: () => datapath().flows(100),
    interfaces: () => datapath().interfaces(),
    warnings: () => warnings.splice(0),
  }
}
