// The datapath that drives eBPF: loads the programs, keeps the maps in step with the model, and does what the kernel cannot
// do alone: frees idle flows, follows routes and devices, announces VIPs.

import { existsSync, rmSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { attach, detachAll } from './attach.ts'
import { Expiry } from './expiry.ts'
import { ExpiryProgram } from './expiry-program.ts'
import { FlowEvents } from './flow-events.ts'
import {
  deviceFlags,
  deviceSize,
  flowStateCount,
  flowState,
  limits,
  settingsOffsets,
  writeDevice,
} from './layout.gen.ts'
import { load, mapMemory, mapNames } from './maps.ts'
import { Network } from './network/index.ts'
import { Services } from './services.ts'
import { Status } from './status.ts'
import type { InterfaceRequest } from './attach.ts'
import type { Loaded, Memory, Sizes } from './maps.ts'
import type { PortRange } from './ports.ts'
import type { Change, Service } from '../lb/model.ts'
import type { Datapath, FlowStatus, InterfaceStatus, ServiceStatus, Verdicts } from '../lb/datapath.ts'
import type { Log } from '../lb/log.ts'

/** How long a packet may still use what was replaced: far more than it takes to pass the pipeline. */
const graceMs = 1000
/** Between two steps of expiry; a closed flow is freed after `closedMs` and this, at most. */
const stepMs = 250
const closedMs = 500
/** Devices are looked at again this often, because what a peer accepts changes without an event here. */
const devicesMs = 10_000

/** An idle flow is found not later than half its time-out after it, nor than 10 seconds. */
const stepsPerWalk = ({ synSent, synReceived, established, closing, unreplied, replied }: FlowTimeouts): number => {
  const shortestMs = 1000 * Math.min(synSent, synReceived, established, closing, unreplied, replied)
  return Math.ceil(Math.min(shortestMs / 2, 10_000) / stepMs)
}

const unspecified: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

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

export interface DatapathOptions {
  readonly instance: string
  /** directory of the BPF objects */
  readonly objects: string
  /** under bpffs */
  readonly pins: string
  readonly stateDirectory: string
  readonly interfaces: readonly InterfaceRequest[]
  readonly sizes: Sizes
  readonly timeouts: FlowTimeouts
  readonly portRange: PortRange
  readonly seed: number
  readonly events: boolean
  /** drop what is pinned and start anew */
  readonly fresh: boolean
  readonly log: Log
  /** milliseconds of a clock that nobody sets */
  readonly now: () => number
}

/** Takes every program off its device and forgets all maps; flows are lost. False when there was nothing. */
export const unload = (pins: string, log: Log): boolean => {
  const found = existsSync(pins)
  detachAll({ pins: join(pins, 'links'), log })
  for (const name of mapNames) rmSync(join(pins, name), { force: true })
  for (const directory of [join(pins, 'links'), pins]) if (existsSync(directory)) rmdirSync(directory)
  return found
}

export class BpfDatapath implements Datapath {
  readonly #options: DatapathOptions
  readonly #loaded: Loaded
  readonly #memory: Memory
  readonly #services: Services
  readonly #status: Status
  readonly #expiry: Expiry
  readonly #network: Network
  readonly #events: FlowEvents | null
  readonly #ticksPerSecond: number
  readonly #timers: NodeJS.Timeout[] = []
  readonly #deferred: { readonly at: number; readonly release: () => void }[] = []
  #interfaces: readonly InterfaceStatus[] = []
  #egress: ReadonlyMap<string, string> = new Map()
  #devices: ReadonlySet<number> = new Set()
  #closed = false
  #announced: ReadonlySet<string> = new Set()

  private constructor(options: DatapathOptions, loaded: Loaded, network: Network, settled: { call: () => void }) {
    const ticksPerSecond = native.ticksPerSecond()
    const memory = mapMemory(loaded.fds)
    this.#options = options
    this.#loaded = loaded
    this.#memory = memory
    this.#network = network
    this.#ticksPerSecond = ticksPerSecond
    const previousPortRange = {
      first: memory.settings.getUint16(settingsOffsets.snatFirst, true),
      last: memory.settings.getUint16(settingsOffsets.snatLast, true),
    }
    this.#writeSettings()
    this.#services = new Services({
      loaded,
      memory,
      seed: options.seed,
      portRange: options.portRange,
      previousPortRange,
      now: options.now,
      defer: (release) => this.#deferred.push({ at: options.now() + graceMs, release }),
      egress: (address) => this.#egress.get(address) ?? null,
    })
    this.#status = new Status(loaded.fds, this.#services)
    this.#expiry = new Expiry({
      flowsFd: loaded.fds.flows,
      program: new ExpiryProgram({ program: loaded.programs.expire, request: memory.expireRequest }),
      stepsPerWalk: stepsPerWalk(options.timeouts),
      expireKeys: memory.expireKeys,
      timeoutTicks: (state) => memory.settings.getUint32(settingsOffsets.timeouts + state * 4, true),
      dropEndpoints: () => this.#services.endpoints.retiredBefore(options.now() - options.timeouts.drain * 1000),
    })
    this.#events = options.events ? new FlowEvents(loaded.fds.events, options.log) : null
    settled.call = () => void this.#followNetwork()
  }

  /** Loads or adopts, attaches, and starts the clockwork. When it throws, pins are left that were there before. */
  static async open(options: DatapathOptions): Promise<BpfDatapath> {
    const { log, pins } = options
    if (options.fresh) unload(pins, log)
    const loaded = load({
      objects: options.objects,
      sizes: options.sizes,
      ticksPerSecond: native.ticksPerSecond(),
      pins,
    })
    const settled = { call: () => {} }
    let network: Network | null = null
    let datapath: BpfDatapath | null = null
    try {
      const { settings } = mapMemory(loaded.fds)
      network = await Network.open({
        log,
        interfaces: options.interfaces.map(({ name }) => name),
        instance: options.instance,
        onRoutesChanged: () => {
          const generation = settings.getUint32(settingsOffsets.routeGeneration, true)
          settings.setUint32(settingsOffsets.routeGeneration, (generation + 1) >>> 0, true)
        },
        onSettled: () => settled.call(),
      })
      datapath = new BpfDatapath(options, loaded, network, settled)
      await datapath.#start()
      return datapath
    } catch (error) {
      if (datapath) await datapath.close()
      else {
        await network?.close()
        loaded.close()
      }
      if (!loaded.adopted) unload(pins, log)
      throw error
    }
  }

  async apply(changes: readonly Change[]): Promise<void> {
    const wanted = changes.flatMap((change) =>
      change.kind === 'remove' ? [] : [change.kind === 'add' ? change.service : change.to],
    )
    await this.#learnEgress(wanted)
    this.#services.apply(changes)
    await this.#announce()
    await this.#network.keepNeighbours(this.#endpointAddresses())
  }

  services(): readonly ServiceStatus[] {
    return this.#status.services()
  }

  flows(limit: number): readonly FlowStatus[] {
    return this.#status.flows(limit, this.#expiry.now(), this.#ticksPerSecond)
  }

  verdicts(): Verdicts {
    return this.#status.verdicts()
  }

  interfaces(): readonly InterfaceStatus[] {
    return this.#interfaces
  }

  /** Lets go of everything but the pins: traffic flows on. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#events?.close()
    await this.#network.close()
    this.#loaded.close()
  }

  async #start(): Promise<void> {
    const { interfaces, log, pins } = this.#options
    await this.#readDevices()
    this.#interfaces = attach({ pins: join(pins, 'links'), programs: this.#loaded.programs, log }, interfaces)
    this.#timers.push(setInterval(() => this.#step(), stepMs))
    this.#timers.push(setInterval(() => void this.#followNetwork(), devicesMs))
  }

  #writeSettings(): void {
    const { settings } = this.#memory
    const { timeouts, portRange, events } = this.#options
    const seconds = { ...flowSecondsByState(timeouts) }
    for (let state = 0; state < flowStateCount; state++)
      settings.setUint32(
        settingsOffsets.timeouts + state * 4,
        Math.max(1, Math.round((seconds[state] ?? 0) * this.#ticksPerSecond)),
        true,
      )
    settings.setUint16(settingsOffsets.snatFirst, portRange.first, true)
    settings.setUint16(settingsOffsets.snatLast, portRange.last, true)
    settings.setUint32(settingsOffsets.events, events ? 1 : 0, true)
  }

  #step(): void {
    try {
      this.#expiry.step()
      this.#events?.drain()
      const now = this.#options.now()
      while (this.#deferred[0] && this.#deferred[0].at <= now) this.#deferred.shift()!.release()
      this.#services.collect(graceMs)
    } catch (error) {
      this.#options.log.error({ error: String(error) }, 'idle flows could not be freed; trying again')
    }
  }

  async #followNetwork(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#readDevices()
      await this.#learnEgress(this.#wantedServices())
      this.#services.refreshEgress()
      await this.#network.keepNeighbours(this.#endpointAddresses())
    } catch (error) {
      if (this.#closed) return
      this.#options.log.warn(
        { error: String(error) },
        'could not follow a change of the network; trying again at the next',
      )
    }
  }

  /** Tells the programs each device's address and whether it takes frames from XDP. */
  async #readDevices(): Promise<void> {
    const devices = (await this.#network.devices()).filter(({ ifindex }) => ifindex < limits.devices)
    const value = new Uint8Array(deviceSize)
    const gone = this.#devices.difference(new Set(devices.map(({ ifindex }) => ifindex)))
    for (const ifindex of gone)
      native.mapUpdate(this.#loaded.fds.devices, new Uint8Array(Uint32Array.of(ifindex).buffer), value)
    this.#devices = new Set(devices.map(({ ifindex }) => ifindex))
    for (const { ifindex, mac, xdpTransmit } of devices) {
      const known = mac.some((byte: number) => byte !== 0) ? deviceFlags.known : 0
      writeDevice(new DataView(value.buffer), 0, { flags: known | (xdpTransmit ? deviceFlags.xdpTransmit : 0), mac })
      native.mapUpdate(this.#loaded.fds.devices, new Uint8Array(Uint32Array.of(ifindex).buffer), value)
    }
  }

  async #learnEgress(services: readonly Service[]): Promise<void> {
    const addresses = services
      .filter(({ mode }) => mode === 'onearm')
      .flatMap(({ endpoints }) => endpoints.map(({ address }) => address))
    if (addresses.length === 0) return
    const found = await this.#network.egress([...new Set(addresses)])
    const egress = new Map(this.#egress)
    for (const [address, way] of found) {
      // The kernel says "unspecified" where it has no address to use there.
      if (way && !unspecified.has(way.source)) egress.set(address, way.source)
      else egress.delete(address)
    }
    this.#egress = egress
  }

  /** Brings what is announced in step with the services. */
  async #announce(): Promise<void> {
    const local = this.#wantedServices().filter(({ announce }) => announce === 'local')
    const wanted = new Set(local.map(({ address }) => address))
    // What a daemon before us announced is found in the kernel, not in our memory.
    const stale = (await this.#network.announced()).filter((address) => !wanted.has(address))
    if (stale.length > 0) await this.#network.withdraw(stale)
    const added = [...wanted].filter((address) => !this.#announced.has(address))
    if (added.length > 0) await this.#network.announce(added)
    this.#announced = wanted
  }

  #wantedServices(): readonly Service[] {
    return [...this.#services.placed().values()].flatMap(({ service }) => service ?? [])
  }

  #endpointAddresses(): readonly string[] {
    return [...new Set(this.#wantedServices().flatMap(({ endpoints }) => endpoints.map(({ address }) => address)))]
  }
}

const flowSecondsByState = (timeouts: FlowTimeouts): Readonly<Record<number, number>> => ({
  [flowState.syn_sent]: timeouts.synSent,
  [flowState.syn_received]: timeouts.synReceived,
  [flowState.established]: timeouts.established,
  [flowState.closing]: timeouts.closing,
  [flowState.closed]: closedMs / 1000,
  [flowState.unreplied]: timeouts.unreplied,
  [flowState.replied]: timeouts.replied,
})
