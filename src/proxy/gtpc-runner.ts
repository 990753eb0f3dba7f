// The GTP-C proxy on a socket: a service of `select: gtpc` speaks both versions at its VIP, with MMEs, SGSNs and SGWs
// as well as with its gateways.

import { endpointKey } from '../lb/model.ts'
import { EngineLoop } from './engine-loop.ts'
import { GtpcProxy } from './gtpc/gtpc-proxy.ts'
import { gtpcPort } from './gtpc/model.ts'
import type { GtpcSession, GtpcStatus } from '../lb/gtpc-status.ts'
import type { Log } from '../lb/log.ts'
import type { Endpoint, GtpcSettings, Service } from '../lb/model.ts'
import type { Surroundings } from '../sockets/surroundings.ts'
import type { Effects, GtpcEvent, GtpcGateway } from './gtpc/model.ts'

export interface GtpcRunnerOptions {
  readonly service: Service
  /** 0 to 255; another one for each runner of the VIP */
  readonly restartCounter: number
  readonly surroundings: Surroundings
  readonly log: Log
}

/** Of a service of `select: gtpc`. */
export const gtpcSettingsOf = ({ gtpc, name }: Service): GtpcSettings => {
  if (gtpc === null) throw new Error(`service ${name} has no settings of GTP-C`)
  return gtpc
}

const toGateway = (endpoint: Endpoint): GtpcGateway => ({
  name: endpointKey(endpoint),
  address: endpoint.address,
  weight: Math.max(endpoint.weight, 1),
  drained: endpoint.drained || endpoint.blocked || endpoint.weight === 0,
  versions: endpoint.gtpVersions,
})

export class GtpcRunner {
  readonly #options: GtpcRunnerOptions
  readonly #proxy: GtpcProxy
  readonly #loop: EngineLoop<GtpcEvent, Effects>
  /** as it is called now */
  #name: string

  /** Throws what the kernel throws when the VIP cannot be listened at. */
  constructor(options: GtpcRunnerOptions) {
    const { restartCounter, service, surroundings } = options
    const { address } = service
    const { balance, drain, echo, n3, t3, versions, wait } = gtpcSettingsOf(service)
    this.#options = options
    this.#name = service.name
    this.#proxy = new GtpcProxy({
      address: address.includes(':') ? { ipv4: null, ipv6: address } : { ipv4: address, ipv6: null },
      gateways: service.endpoints.map(toGateway),
      versions,
      select: balance,
      restartCounter,
      random: () => surroundings.random(),
      timers: {
        retransmitMs: t3,
        joinMs: t3,
        echoMs: echo * 1000,
        exchangeMs: wait * 1000,
        answersMs: wait * 1000,
        drainMs: drain * 1000,
      },
      limits: { retransmissions: n3 },
    })
    this.#loop = new EngineLoop({
      engine: this.#proxy,
      surroundings,
      place: { address, port: gtpcPort },
      tell: (event) => this.#tell(event),
    })
  }

  /** Endpoints or the name have changed; what else a service has needs a new runner. */
  configure(service: Service): void {
    this.#name = service.name
    this.#loop.carryOut(this.#proxy.configure(service.endpoints.map(toGateway), this.#options.surroundings.nowMs()))
  }

  /** With what the socket has refused. */
  status(): GtpcStatus {
    const status = this.#proxy.status()
    return { ...status, counters: { ...status.counters, ...this.#loop.counters() } }
  }

  /** At most so many, the oldest first; of one user, or (null) of all. */
  sessions(limit: number, imsi: string | null): readonly GtpcSession[] {
    return this.#proxy.sessions(limit, imsi)
  }

  close(): void {
    this.#loop.close()
  }

  #tell({ kind, ...facts }: GtpcEvent): void {
    const { log } = this.#options
    const told = { service: this.#name, ...facts }
    if (kind === 'gateway-down' || kind === 'client-restarted') log.warn(told, `gtpc: ${kind}`)
    else log.info(told, `gtpc: ${kind}`)
  }
}
