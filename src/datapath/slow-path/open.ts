// The slow path of a running datapath: with the protocols that services ask for, over the maps that it has.

import { connectionIds } from '../../protocols/quic-lb/index.ts'
import { endpointKey, serviceKey } from '../../lb/model.ts'
import { openAlg } from './alg/open.ts'
import { gtpuServices } from './gtpu-services.ts'
import { gtpuErrorHandler } from './handlers/gtpu-error.ts'
import { gtpuMissHandler } from './handlers/gtpu-miss.ts'
import { quicHandler } from './handlers/quic.ts'
import { slowPathLimits } from './limits.ts'
import { SlowPath } from './slow-path.ts'
import type { SlowPathParts } from './slow-path.ts'
import type { ConnectionIds } from '../../protocols/quic-lb/index.ts'
import type { SlowPathStatus } from '../../lb/datapath.ts'
import type { Log } from '../../lb/log.ts'
import type { Service } from '../../lb/model.ts'
import type { ExpiryProgram } from '../expiry-program.ts'
import type { Loaded, Memory } from '../maps.ts'
import type { Services } from '../services.ts'
import type { QuicService } from './handlers/quic.ts'

export interface OpenSlowPathOptions {
  readonly loaded: Loaded
  readonly memory: Memory
  readonly services: Services
  readonly program: ExpiryProgram
  /** milliseconds that never go back */
  readonly now: () => number
  /** chance, where it is not to be the machine's: a whole number from 0 to below `count` */
  readonly random?: (count: number) => number
  readonly log: Log
}

export interface OpenedSlowPath {
  status(): SlowPathStatus
  /** A few times a second: takes away what was expected and did not come. */
  step(): void
  close(): void
}

/** Where the connection ids of a service lead; made anew when the service has changed. */
class QuicServices {
  readonly #services: Services
  readonly #made = new Map<number, { readonly service: Service; readonly ids: ConnectionIds }>()

  constructor(services: Services) {
    this.#services = services
  }

  of(id: number): QuicService | null {
    const service = this.#services.serviceOf(id)
    if (!service?.quic) {
      this.#made.delete(id)
      return null
    }
    const before = this.#made.get(id)
    const ids = before?.service === service ? before.ids : connectionIds(service.quic)
    this.#made.set(id, { service, ids })
    return { ids, endpoint: (serverId) => this.#endpoint(service, serverId) }
  }

  #endpoint(service: Service, serverId: string): number | null {
    const endpoint = service.endpoints.find((one) => one.serverId?.toLowerCase() === serverId)
    const placed = this.#services.placed().get(serviceKey(service))
    return endpoint === undefined ? null : (placed?.endpoints.get(endpointKey(endpoint)) ?? null)
  }
}

/** What a slow path with these protocols is made of, and what is to be done for it a few times a second. */
export const slowPathParts = (
  options: OpenSlowPathOptions,
): { readonly parts: SlowPathParts; readonly step: () => void } => {
  const { loaded, log, memory, now, program, random, services } = options
  const alg = openAlg({
    fd: loaded.fds.services,
    services,
    // Each takes a service and an endpoint: those of the configuration come first.
    limit: Math.min(
      slowPathLimits.expectations,
      Math.floor(loaded.sizes.services / 4),
      Math.floor(loaded.sizes.endpoints / 4),
    ),
    now,
    ...(random === undefined ? {} : { random }),
    refused: (reason) => log.debug({ reason }, 'a connection that was announced is not let through'),
  })
  const quic = new QuicServices(services)
  const parts: SlowPathParts = {
    fds: loaded.fds,
    settings: memory.settings,
    hints: services.hints,
    freeFlow: (client) => {
      memory.expireKeys.set(client, 0)
      program.run(1, true)
    },
    tcProgram: loaded.programs.tc,
    handlers: ({ change, makeFlow, ...lookups }) => [
      alg.handler(lookups),
      quicHandler({ limits: slowPathLimits.quic, lookups, change, makeFlow, service: (id) => quic.of(id) }, now()),
      gtpuMissHandler(slowPathLimits.gtpuMisses, now()),
      gtpuErrorHandler({ limits: slowPathLimits.gtpuErrors, lookups, ...gtpuServices(services) }, now()),
    ],
    expect: (expectation) => alg.expectations.expect(expectation),
    now,
    ...(random === undefined ? {} : { random }),
    log,
  }
  return { parts, step: () => alg.expectations.step() }
}

export const openSlowPath = (options: OpenSlowPathOptions): OpenedSlowPath => {
  const { loaded, program } = options
  const { parts, step } = slowPathParts(options)
  const slowPath = SlowPath.open({
    ...parts,
    ticks: () => program.run(0, false).now,
    ticksPerSecond: loaded.ticksPerSecond,
  })
  return { status: () => slowPath.status(), step, close: () => slowPath.close() }
}
