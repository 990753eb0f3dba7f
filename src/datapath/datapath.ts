// The datapath that drives eBPF: loads the programs, keeps the maps in step with the model, and does what the kernel
// cannot do alone: frees idle flows, follows the network around.

import { existsSync, rmSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { detachAll } from './attach.ts'
import { Exhaustion } from './exhaustion.ts'
import { Expiry } from './expiry.ts'
import { ExpiryProgram } from './expiry-program.ts'
import { FlowEvents } from './flow-events.ts'
import { load, mapMemory, pinnedNames } from './maps.ts'
import { Services } from './services.ts'
import { SessionHints } from './session-hints.ts'
import { UserSessions } from './user-sessions.ts'
import { openSlowPath } from './slow-path/open.ts'
import { admittedFlows, admittedSeids, readPortRange, stepsPerWalk, timeoutTicks, writeSettings } from './settings.ts'
import { Status } from './status.ts'
import { Surroundings } from './surroundings.ts'
import type { InterfaceRequest } from './attach.ts'
import type { Loaded, Memory } from './maps.ts'
import type { PortRange } from './ports.ts'
import type { EncapsulationSettings, FlowTimeouts } from './settings.ts'
import type { Sizes } from './sizes.ts'
import type { OpenedSlowPath } from './slow-path/open.ts'
import { serviceKey } from '../lb/model.ts'
import { UserSessionOwners } from '../lb/user-session-owners.ts'
import { changesOf, isProxied } from '../lb/proxied.ts'
import type { Change, Service, ServiceKey } from '../lb/model.ts'
import type { Datapath, FlowStatus, InterfaceStatus, ServiceStatus, SlowPathStatus, Verdicts } from '../lb/datapath.ts'
import type { HintControl } from '../lb/hints.ts'
import type { Log } from '../lb/log.ts'

/** How long a packet may still use what was replaced: far more than it takes to pass the pipeline. */
const graceMs = 1000
/** Between two steps of expiry. */
const stepMs = 250

export interface DatapathOptions {
  readonly instance: string
  /** directory of the BPF objects */
  readonly objects: string
  /** under bpffs */
  readonly pins: string
  readonly interfaces: readonly InterfaceRequest[]
  readonly sizes: Sizes & {
    /** percent of the flows that new ones may not take; none where it is left out */
    readonly flowsReserve?: number
  }
  /** nothing where it is left out: no service may be of mode `dsr` but with `l2` */
  readonly encapsulation?: EncapsulationSettings
  readonly timeouts: FlowTimeouts
  readonly portRange: PortRange
  readonly seed: number
  readonly events: boolean
  /** drop what is pinned and start anew */
  readonly fresh: boolean
  readonly log: Log
  /** milliseconds */
  readonly now: () => number
}

/** Takes every program off its device and forgets all maps; flows are lost. False when there was nothing. */
export const unload = (pins: string, log: Log): boolean => {
  const found = existsSync(pins)
  detachAll({ pins: join(pins, 'links'), log })
  for (const name of pinnedNames) rmSync(join(pins, name), { force: true })
  for (const directory of [join(pins, 'links'), pins]) if (existsSync(directory)) rmdirSync(directory)
  return found
}

const noEncapsulation: EncapsulationSettings = { source4: null, source6: null, guePort: 0 }

export class BpfDatapath implements Datapath {
  readonly #options: DatapathOptions
  readonly #loaded: Loaded
  readonly #services: Services
  readonly #status: Status
  readonly #expiry: Expiry
  readonly #exhaustion: Exhaustion
  readonly #events: FlowEvents | null
  readonly hints: HintControl
  /** with uplink classifiers; none of an earlier process are kept */
  readonly userSessions: UserSessionOwners
  readonly #proxied = new Map<ServiceKey, Service>()
  readonly #slowPath: OpenedSlowPath
  readonly #ticksPerSecond: number
  readonly #deferred: { readonly at: number; readonly release: () => void }[] = []
  #surroundings: Surroundings | null = null
  #timer: NodeJS.Timeout | null = null

  private constructor(options: DatapathOptions, loaded: Loaded, memory: Memory) {
    const { encapsulation = noEncapsulation, events, log, now, portRange, seed, sizes, timeouts } = options
    this.#options = options
    this.#loaded = loaded
    this.#ticksPerSecond = native.ticksPerSecond()
    const previousPortRange = readPortRange(memory.settings)
    writeSettings(memory.settings, {
      timeouts,
      portRange,
      events,
      ticksPerSecond: this.#ticksPerSecond,
      flowsAdmitted: admittedFlows(sizes.flows, sizes.flowsReserve ?? 0),
      seidsAdmitted: admittedSeids(loaded.sizes.hints),
      encapsulation,
    })
    this.#services = new Services({
      loaded,
      memory,
      seed,
      portRange,
      previousPortRange,
      now,
      defer: (release) => this.#deferred.push({ at: now() + graceMs, release }),
      egress: (address) => this.#surroundings?.egress(address) ?? null,
      drainMs: timeouts.drain * 1000,
    })
    this.hints = new SessionHints({
      hints: this.#services.hints,
      placed: () => this.#services.placed(),
      addressOf: (endpoint) => this.#services.endpoints.read(endpoint).address,
    })
    this.userSessions = new UserSessionOwners(
      new UserSessions({ fds: loaded.fds, needed: (any) => this.#services.needUplinks(any) }),
    )
    this.#status = new Status(loaded.fds, this.#services)
    this.#exhaustion = new Exhaustion({ verdicts: () => this.#status.verdicts(), log, now })
    const program = new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest })
    this.#slowPath = openSlowPath({ loaded, memory, services: this.#services, program, now, log })
    this.#expiry = new Expiry({
      flowsFd: loaded.fds.flows,
      program,
      expireKeys: memory.expireKeys,
      timeoutTicks: (state, service) => timeoutTicks(memory.settings, memory.serviceIdle, state, service),
      dropEndpoints: () =>
        this.#services.endpoints.retiredBefore(now() - timeouts.drain * 1000).union(this.#services.toFlush()),
      stepsPerWalk: stepsPerWalk(timeouts, stepMs),
    })
    this.#events = events ? new FlowEvents(loaded.fds.events, log) : null
  }

  /** Loads or adopts, attaches, and starts the clockwork. When it throws, only pins that were there before are left. */
  static async open(options: DatapathOptions): Promise<BpfDatapath> {
    const { fresh, instance, interfaces, log, objects, pins, sizes } = options
    if (fresh) unload(pins, log)
    const loaded = load({ objects, sizes, ticksPerSecond: native.ticksPerSecond(), pins })
    let datapath: BpfDatapath | null = null
    try {
      const memory = mapMemory(loaded.fds)
      const opened = new BpfDatapath(options, loaded, memory)
      datapath = opened
      opened.#surroundings = await Surroundings.open({
        instance,
        interfaces,
        programs: loaded.programs,
        pins,
        devicesFd: loaded.fds.devices,
        localAddressesFd: loaded.fds.local_addresses,
        settings: memory.settings,
        log,
        services: () => [...opened.#services.list(), ...opened.#proxied.values()],
        onEgress: () => opened.#services.refreshEgress(),
      })
      opened.#timer = setInterval(() => opened.#step(), stepMs)
      return opened
    } catch (error) {
      await datapath?.close()
      if (!datapath) loaded.close()
      if (!loaded.adopted) unload(pins, log)
      throw error
    }
  }

  async apply(all: readonly Change[]): Promise<void> {
    const changes = changesOf(all, (service) => !isProxied(service))
    const wanted = changes.flatMap((change) =>
      change.kind === 'remove' ? [] : [change.kind === 'add' ? change.service : change.to],
    )
    await this.#surroundings?.learnEgress(wanted)
    this.#services.apply(changes)
    this.#keepProxied(changesOf(all, isProxied))
    await this.#surroundings?.announce()
    await this.#expiry.flushEndpoints(this.#services.toFlush())
    this.#surroundings?.followSoon()
  }

  /** With those that are proxied, whose packets are not counted here. */
  services(): readonly ServiceStatus[] {
    const counters = { packets: 0n, bytes: 0n, flows: 0n }
    const proxied = [...this.#proxied.values()].map((service): ServiceStatus => ({
      service,
      counters,
      endpoints: service.endpoints.map(({ address, port }) => ({ address, port, counters, activeFlows: 0 })),
    }))
    return [...this.#status.services(), ...proxied]
  }

  /** Of them only the VIP matters here: it is announced. */
  #keepProxied(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'remove') this.#proxied.delete(serviceKey(change.service))
      else {
        const service = change.kind === 'add' ? change.service : change.to
        this.#proxied.set(serviceKey(service), service)
      }
    }
  }

  flows(limit: number): readonly FlowStatus[] {
    return this.#status.flows(limit, this.#expiry.now(), this.#ticksPerSecond)
  }

  verdicts(): Verdicts {
    return this.#status.verdicts()
  }

  slowPath(): SlowPathStatus {
    return this.#slowPath.status()
  }

  interfaces(): readonly InterfaceStatus[] {
    return this.#surroundings?.interfaces() ?? []
  }

  /** Lets go of everything but the pins: traffic flows on. */
  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    this.#events?.close()
    this.#slowPath.close()
    await this.#surroundings?.close()
    this.#loaded.close()
  }

  /** After a start that failed: takes back what this start has brought, and nothing that was there before. */
  async abandon(): Promise<void> {
    const { log, pins } = this.#options
    if (!this.#loaded.adopted) await this.#surroundings?.withdraw()
    await this.close()
    if (!this.#loaded.adopted) unload(pins, log)
  }

  #step(): void {
    try {
      this.#expiry.step()
      this.#slowPath.step()
      this.#exhaustion.step()
      this.#events?.drain()
      const now = this.#options.now()
      while (this.#deferred[0] && this.#deferred[0].at <= now) this.#deferred.shift()!.release()
      this.#services.collect(graceMs)
    } catch (error) {
      this.#options.log.error({ error: String(error) }, 'idle flows could not be freed; trying again')
    }
  }
}
