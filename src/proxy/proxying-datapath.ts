// A datapath whose services of mode `proxy` have somebody to speak with: brings the proxies in step with the services
// after the datapath itself, so that a VIP is there before it is listened at.

import assert from 'node:assert/strict'
import { serviceKey } from '../lb/model.ts'
import { GtpcRunner, gtpcSettingsOf } from './gtpc-runner.ts'
import { N4Memory } from './n4-memory.ts'
import { N4Runner, n4SettingsOf, nodeIdOf } from './n4-runner.ts'
import { RestartCounters } from './restart-counters.ts'
import { Runners } from './runners.ts'
import { SteeredServices } from './steered-services.ts'
import type { Datapath, FlowStatus, InterfaceStatus, ServiceStatus, SlowPathStatus, Verdicts } from '../lb/datapath.ts'
import type { GtpcControl, GtpcServiceSession, GtpcServiceStatus } from '../lb/gtpc-status.ts'
import type { HintControl } from '../lb/hints.ts'
import type { Log } from '../lb/log.ts'
import type { Change, Service, ServiceKey } from '../lb/model.ts'
import type { N4Control, N4ServiceSession, N4ServiceStatus } from '../lb/n4-status.ts'
import type { UserSessionOwner, UserSessionOwners } from '../lb/user-session-owners.ts'
import type { Surroundings } from '../sockets/surroundings.ts'
import type { Steered } from './n4-hints.ts'

export interface ProxyingOptions {
  /** what must outlast the process; null: nothing can */
  readonly stateDirectory: string | null
  readonly surroundings: Surroundings
  readonly log: Log
}

/** `tunnels` has the VIPs that it tells its peers of. */
interface N4Wanted extends Steered {
  readonly service: Service
}

interface GtpcWanted {
  readonly service: Service
}

export class ProxyingDatapath implements Datapath, N4Control, GtpcControl {
  readonly #inner: Datapath
  readonly #options: ProxyingOptions
  readonly #n4 = new Runners<N4Wanted, N4Runner>({
    start: (wanted) => this.#startN4(wanted),
    goesOn: n4GoesOn,
    configure: (runner, _, next) => runner.follow(next.service, next),
  })
  readonly #gtpc = new Runners<GtpcWanted, GtpcRunner>({
    start: (wanted) => this.#startGtpc(wanted),
    goesOn: gtpcGoesOn,
    configure(runner, known, next) {
      if (known.service !== next.service) runner.configure(next.service)
    },
  })
  readonly #restartCounters: RestartCounters
  readonly #memory: N4Memory
  readonly #steered: SteeredServices

  constructor(inner: Datapath, options: ProxyingOptions) {
    const { log, stateDirectory: directory, surroundings } = options
    this.#inner = inner
    this.#options = options
    this.#memory = new N4Memory({ directory, surroundings, log })
    this.#restartCounters = new RestartCounters({ directory, surroundings, log })
    this.#steered = new SteeredServices(inner.hints)
  }

  /** Throws UnavailableError where a VIP cannot be listened at. Services that are named by others must be there. */
  async apply(changes: readonly Change[]): Promise<void> {
    const wanted = servicesAfter(
      this.#inner.services().map(({ service }) => service),
      changes,
    )
    const n4 = n4Wanted(wanted)
    await this.#inner.apply(changes)
    const steered = [...n4.values()].flatMap(({ tunnels, users }) => [tunnels, ...users])
    this.#steered.expect(steered)
    this.#n4.follow(n4)
    this.#steered.forgetOthers(steered, wanted)
    // What is local for its sessions is so by nobody's word any more.
    for (const service of n4Gone(changes)) this.#inner.userSessions.forget(ownerOf(service))
    this.#memory.keepOnly(Array.from(n4.values(), ({ service }) => service.address))
    this.#gtpc.follow(gtpcWanted(wanted))
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

  get userSessions(): UserSessionOwners {
    return this.#inner.userSessions
  }

  n4(): readonly N4ServiceStatus[] {
    return this.#n4.statuses((runner) => runner.status())
  }

  n4Sessions(limit: number): Promise<readonly N4ServiceSession[]> {
    return this.#n4.sessionsInTurns(limit, (runner, most) => runner.sessions(most))
  }

  gtpc(): readonly GtpcServiceStatus[] {
    return this.#gtpc.statuses((runner) => runner.status())
  }

  gtpcSessions(limit: number, imsi: string | null): readonly GtpcServiceSession[] {
    return this.#gtpc.sessions(limit, (runner, most) => runner.sessions(most, imsi))
  }

  /** Before the end: requests that are under way are answered, others wait for whoever comes after. */
  async quiet(): Promise<void> {
    await Promise.all(this.#n4.runners().map((runner) => runner.quiet()))
  }

  /** Peers notice by their heartbeats and echo requests; those of N4 only if nobody comes after. */
  close(): void {
    this.#n4.close()
    this.#gtpc.close()
  }

  #startGtpc({ service }: GtpcWanted): GtpcRunner {
    const { log, surroundings } = this.#options
    const restartCounter = this.#restartCounters.next(service.address)
    return new GtpcRunner({ service, restartCounter, surroundings, log })
  }

  #startN4({ service, tunnels, users }: N4Wanted): N4Runner {
    const { log, surroundings } = this.#options
    const { hints, userSessions } = this.#inner
    const owner = ownerOf(service)
    userSessions.forget(owner)
    const told = { address: service.address, nodeId: nodeIdOf(service), tunnels: tunnels.address }
    return this.#memory.start(
      told,
      (start) =>
        new N4Runner({
          service,
          tunnels,
          users,
          userSessions,
          owner,
          start,
          surroundings,
          hints,
          log,
        }),
    )
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

const gtpcWanted = (services: ReadonlyMap<ServiceKey, Service>): ReadonlyMap<ServiceKey, GtpcWanted> =>
  new Map([...services].filter(([, { select }]) => select === 'gtpc').map(([key, service]) => [key, { service }]))

/** Only endpoints may have changed: what peers were told stays true. */
const gtpcGoesOn = (known: GtpcWanted, next: GtpcWanted): boolean =>
  JSON.stringify(gtpcSettingsOf(known.service)) === JSON.stringify(gtpcSettingsOf(next.service))

/** Services of `select: n4`, each with those that it names: that these are there is the configuration's to see to. */
function n4Wanted(services: ReadonlyMap<ServiceKey, Service>): ReadonlyMap<ServiceKey, N4Wanted> {
  const byName = new Map([...services.values()].map((service) => [service.name, service]))
  const named = (name: string): Service => {
    const found = byName.get(name)
    assert(found !== undefined, `there is no service ${name}`)
    return found
  }
  return new Map(
    [...services].flatMap(([key, service]): readonly (readonly [ServiceKey, N4Wanted])[] => {
      if (service.select !== 'n4') return []
      const { tunnels, users } = n4SettingsOf(service)
      return [[key, { service, tunnels: named(tunnels), users: users.map(named) }]]
    }),
  )
}

const ownerOf = ({ name }: Service): UserSessionOwner => `n4 ${name}`

/** Those that are removed, or are something else from now on, or have another name. */
const n4Gone = (changes: readonly Change[]): readonly Service[] =>
  changes.flatMap((change) => {
    if (change.kind === 'add') return []
    const [before, after] = change.kind === 'remove' ? [change.service, null] : [change.from, change.to]
    if (before.select !== 'n4') return []
    return after?.select === 'n4' && after.name === before.name ? [] : [before]
  })

/** What peers were told, what sessions are owned by, and what is found in rules; a runner takes over all the rest. */
const lasting = (service: Service): string =>
  JSON.stringify([service.name, nodeIdOf(service), n4SettingsOf(service).localNetworkInstances])

/** Otherwise another engine takes up the sessions, or, where peers were told what is not true any more, begins anew. */
const n4GoesOn = (known: N4Wanted, next: N4Wanted): boolean =>
  next.tunnels.address === known.tunnels.address &&
  next.tunnels.name === known.tunnels.name &&
  lasting(known.service) === lasting(next.service)
