// Fast path and slow path together, as the daemon has them, in the thread of a lab host: real programs on its devices,
// real services. Needs `root` and `bpf`.

import { native } from '../../../native/load.ts'
import { ExpiryProgram } from '../../datapath/expiry-program.ts'
import { Expiry } from '../../datapath/expiry.ts'
import { load, mapMemory } from '../../datapath/maps.ts'
import { Services } from '../../datapath/services.ts'
import { stepsPerWalk, timeoutTicks, writeSettings } from '../../datapath/settings.ts'
import { openAlg } from '../../datapath/slow-path/alg/open.ts'
import { SlowPath } from '../../datapath/slow-path/slow-path.ts'
import { Status } from '../../datapath/status.ts'
import { objects, smallSizes } from '../datapath/small-maps.ts'
import type { SlowPathStatus } from '../../lb/datapath.ts'
import type { FlowStatus, Verdicts } from '../../lb/datapath.ts'
import type { Service } from '../../lb/model.ts'

const timeouts = { synSent: 30, synReceived: 30, established: 300, closing: 30, unreplied: 30, replied: 60, drain: 60 }
const portRange = { first: 20_000, last: 29_999 }
const stepMs = 100
const graceMs = 1000

export interface BothPaths {
  status(): SlowPathStatus
  verdicts(): Verdicts['tc']
  flows(): readonly FlowStatus[]
  close(): void
}

export interface BothPathsOptions {
  readonly devices: readonly string[]
  readonly services: readonly Service[]
  /** source of packets in mode `onearm` to any endpoint */
  readonly egress: string
}

export function openBothPaths({ devices, egress, services: wanted }: BothPathsOptions): BothPaths {
  const ticksPerSecond = native.ticksPerSecond()
  const loaded = load({
    objects,
    sizes: { ...smallSizes, services: 64, endpoints: 64, portBlocks: 64 },
    ticksPerSecond,
    pins: null,
  })
  const memory = mapMemory(loaded.fds)
  writeSettings(memory.settings, {
    timeouts,
    portRange,
    events: false,
    ticksPerSecond,
    flowsAdmitted: 0,
    seidsAdmitted: 0,
    encapsulation: { source4: null, source6: null, guePort: 0 },
  })
  const services = new Services({
    loaded,
    memory,
    seed: 1,
    portRange,
    previousPortRange: portRange,
    now: () => performance.now(),
    defer: (release) => release(),
    egress: () => egress,
    drainMs: 0,
  })
  services.apply(wanted.map((service) => ({ kind: 'add', service })))
  const program = new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest })
  const expiry = new Expiry({
    flowsFd: loaded.fds.flows,
    program,
    expireKeys: memory.expireKeys,
    timeoutTicks: (state, service) => timeoutTicks(memory.settings, memory.serviceIdle, state, service),
    dropEndpoints: () => new Set(),
    stepsPerWalk: stepsPerWalk({ ...timeouts, replied: 1 }, stepMs),
  })
  const alg = openAlg({ fd: loaded.fds.services, services, limit: 16, now: () => performance.now() })
  const slowPath = SlowPath.open({
    fds: loaded.fds,
    settings: memory.settings,
    ticks: () => program.run(0, false).now,
    ticksPerSecond,
    hints: services.hints,
    freeFlow: (client) => {
      memory.expireKeys.set(client, 0)
      program.run(1, true)
    },
    tcProgram: loaded.programs.tc,
    handlers: (lookups) => [alg.handler(lookups)],
    expect: (expectation) => alg.expectations.expect(expectation),
    now: () => performance.now(),
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error },
  })
  const links = devices.map((device) => native.linkTcx(loaded.programs.tc, native.interfaceIndex(device), 'ingress'))
  const timer = setInterval(() => {
    expiry.step()
    alg.expectations.step()
    services.collect(graceMs)
  }, stepMs)
  const status = new Status(loaded.fds, services)
  return {
    status: () => slowPath.status(),
    verdicts: () => Object.fromEntries(Object.entries(status.verdicts().tc).filter(([, count]) => count > 0n)),
    flows: () => status.flows(100, expiry.now(), ticksPerSecond),
    close: () => {
      clearInterval(timer)
      slowPath.close()
      for (const link of links) native.fdClose(link)
      loaded.close()
    },
  }
}
