// A datapath whose services of mode `proxy` have somebody to speak with: brings the proxies in step with the services
// after the datapath itself, so that a VIP is there before it is listened at.

import { ConflictError, UnavailableError } from '../lb/errors.ts'
import { serviceKey } from '../lb/model.ts'
import { isProxied } from '../lb/proxied.ts'
import { N4Runner, n4SettingsOf } from './n4-runner.ts'
import type { Datapath, FlowStatus, InterfaceStatus, ServiceStatus, SlowPathStatus, Verdicts } from '../lb/datapath.ts'
import type { HintControl } from '../lb/hints.ts'
import type { Log } from '../lb/log.ts'
import type { Change, Service, ServiceKey } from '../lb/model.ts'
import type { N4Control, N4ServiceSession, N4ServiceStatus } from '../lb/n4-status.ts'
import type { Surroundings } from '../sockets/surroundings.ts'

export interface ProxyingOptions {
  readonly surroundings: Surroundings
  readonly log: Log
}

interface Running {
  readonly service: Service
  /** the VIPs that it tells its peers of */
  readonly tunnels: Service
  readonly runner: N4Runner
}

/** Seconds from 1900, where NTP begins, to 1970. */
const ntpEpoch = 2_208_988_800

export class ProxyingDatapath implements Datapath, N4Control {
  readonly #inner: Datapath
  readonly #options: ProxyingOptions
  #running: ReadonlyMap<ServiceKey, Running> = new Map()
  #lastRecovery = 0

  constructor(inner: Datapath, options: ProxyingOptions) {
    this.#inner = inner
    this.#options = options
  }

  /**
   * Throws ConflictError, before it changes anything, where `n4.tunnels` names no service that takes GTP-U, and
   * UnavailableError where a VIP cannot be listened at.
   */
  async apply(changes: readonly Change[]): Promise<void> {
    const wanted = servicesAfter(
      this.#inner.services().map(({ service }) => service),
      changes,
    )
    const tunnels = tunnelsOf(wanted)
    await this.#inner.apply(changes)
    this.#follow(wanted, tunnels)
  }

  services(): readonly ServiceStatus[] {
    return this.#inner.services()
  }

  flows(limit: number): readonly FlowStatus[] {
    return this.#inner.flows(limit)
  }

  verdicts(): Verdicts {
    return this.#inner.verdicts()
  }

  slowPath(): SlowPathStatus {
    return this.#inner.slowPath()
  }

  interfaces(): readonly InterfaceStatus[] {
    return this.#inner.interfaces()
  }

  get hints(): HintControl {
    return this.#inner.hints
  }

  n4(): readonly N4ServiceStatus[] {
    return [...this.#running.values()].map(({ runner, service }) => ({
      service: service.name,
      status: runner.status(),
    }))
  }

  n4Sessions(limit: number): readonly N4ServiceSession[] {
    const found: N4ServiceSession[] = []
    for (const { runner, service } of this.#running.values())
      for (const session of runner.sessions(limit - found.length)) found.push({ service: service.name, ...session })
    return found
  }

  /** Peers notice by their heartbeats. */
  close(): void {
    for (const { runner } of this.#running.values()) runner.close()
    this.#running = new Map()
  }

  #follow(wanted: ReadonlyMap<ServiceKey, Service>, tunnels: ReadonlyMap<ServiceKey, Service>): void {
    const before = this.#running
    const after = new Map<ServiceKey, Running>()
    // First those that go, so that their sockets are free.
    for (const [key, running] of before) {
      const service = wanted.get(key)
      if (service !== undefined && goesOn(running, service, tunnels.get(key))) after.set(key, running)
      else running.runner.close()
    }
    this.#running = after
    for (const [key, vip] of tunnels) {
      const service = wanted.get(key)!
      const running = after.get(key)
      if (running === undefined) {
        after.set(key, this.#start(service, vip))
        continue
      }
      const { runner, service: known, tunnels: knownVip } = running
      runner.steerAgain(newAddresses(knownVip, vip))
      if (known !== service) runner.configure(service)
      after.set(key, { service, tunnels: vip, runner })
    }
  }

  #start(service: Service, tunnels: Service): Running {
    const { log, surroundings } = this.#options
    const { hints } = this.#inner
    // Sessions of before are lost, and their peers will say so; their tunnels would stand in the way of new ones.
    hints.forget(tunnels.name)
    const recoveryTimeStamp = this.#nextRecovery()
    try {
      const runner = new N4Runner({ service, tunnels, recoveryTimeStamp, surroundings, hints, log })
      return { service, tunnels, runner }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      throw new UnavailableError(`service ${service.name} cannot be listened at: ${error.message}`)
    }
  }

  /** Sessions are kept in memory: with them a new one begins, and peers must be told so (TS 29.244, 6.2.2). */
  #nextRecovery(): number {
    this.#lastRecovery = Math.max(this.#lastRecovery + 1, this.#options.surroundings.wallSeconds() + ntpEpoch)
    return this.#lastRecovery % 2 ** 32
  }
}

/** As they are once the changes have been made. */
function servicesAfter(services: readonly Service[], changes: readonly Change[]): ReadonlyMap<ServiceKey, Service> {
  const after = new Map(services.map((service) => [serviceKey(service), service]))
  for (const change of changes) {
    if (change.kind === 'remove') after.delete(serviceKey(change.service))
    else if (change.kind === 'add') after.set(serviceKey(change.service), change.service)
    else after.set(serviceKey(change.to), change.to)
  }
  return after
}

/** Of each proxied service the one that takes its tunnels. Throws ConflictError where there is none. */
function tunnelsOf(services: ReadonlyMap<ServiceKey, Service>): ReadonlyMap<ServiceKey, Service> {
  const byName = new Map([...services.values()].map((service) => [service.name, service]))
  const found = new Map<ServiceKey, Service>()
  for (const [key, service] of services) {
    if (!isProxied(service)) continue
    const { tunnels: name } = n4SettingsOf(service)
    const tunnels = byName.get(name)
    if (tunnels?.select !== 'n3')
      throw new ConflictError(
        `service ${service.name}: n4.tunnels is ${name}, which is ` +
          `${tunnels === undefined ? 'no service' : 'a service without select n3'}: ` +
          'name the service that takes GTP-U for the same UPFs',
      )
    const other = [...found].find(([, one]) => one === tunnels)
    if (other !== undefined)
      throw new ConflictError(
        `service ${service.name}: n4.tunnels is ${name}, which is that of service ` +
          `${services.get(other[0])?.name} already: ` +
          'TEIDs would mean two things; make a service with select n3 for each',
      )
    found.set(key, tunnels)
  }
  return found
}

const addressesOf = ({ endpoints }: Service): ReadonlySet<string> => new Set(endpoints.map(({ address }) => address))

const newAddresses = (before: Service, after: Service): ReadonlySet<string> =>
  addressesOf(after).difference(addressesOf(before))

/** Only endpoints may have changed: what peers were told stays true. */
const goesOn = ({ service, tunnels }: Running, next: Service, nextTunnels: Service | undefined): boolean =>
  isProxied(next) &&
  nextTunnels?.address === tunnels.address &&
  nextTunnels.name === tunnels.name &&
  JSON.stringify(n4SettingsOf(service)) === JSON.stringify(n4SettingsOf(next))
