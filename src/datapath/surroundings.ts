// The machine around the datapath: the devices its programs sit on, the way to endpoints, the VIPs on the link. Changes
// of the network are followed one at a time, however many come.

import { join } from 'node:path'
import { native } from '../../native/load.ts'
import { attach, AttachError } from './attach.ts'
import { egressEndpoints, vipsOf } from './entries.ts'
import { ForwardingCheck } from './forwarding.ts'
import { nextRouteGeneration } from './settings.ts'
import { deviceFlags, deviceSize, limits, writeDevice } from './layout.gen.ts'
import { LocalAddresses } from './local-addresses.ts'
import { Network } from './network/index.ts'
import { hasVips } from './reach.ts'
import type { InterfaceRequest } from './attach.ts'
import type { Programs } from './maps.ts'
import type { InterfaceStatus } from '../lb/datapath.ts'
import type { Log } from '../lb/log.ts'
import { isEverywhere, type Service } from '../lb/model.ts'

/** Devices are looked at again this often, should the kernel's word of a change have been missed. */
const periodMs = 10_000

export interface SurroundingsOptions {
  readonly instance: string
  readonly interfaces: readonly InterfaceRequest[]
  readonly programs: Programs
  /** under bpffs */
  readonly pins: string
  /** map devices */
  readonly devicesFd: number
  /** map local_addresses */
  readonly localAddressesFd: number
  /** map settings */
  readonly settings: DataView
  readonly log: Log
  /** what is balanced now */
  readonly services: () => readonly Service[]
  /** addresses of ours towards endpoints may have changed */
  readonly onEgress: () => void
}

/** What comes with a change of services may wait for the next one: thousands may come in a row. */
const followAfterMs = 100

const unspecified: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
const idBytes = (id: number): Uint8Array => new Uint8Array(Uint32Array.of(id).buffer)

const endpointAddresses = (services: readonly Service[]): readonly string[] => [
  ...new Set(services.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))).difference(unspecified),
]

export class Surroundings {
  readonly #options: SurroundingsOptions
  readonly #network: Network
  #timer: NodeJS.Timeout | null = null
  #interfaces: readonly InterfaceStatus[] = []
  #devices: ReadonlySet<number> = new Set()
  #withoutMac: ReadonlySet<string> = new Set()
  #egress: ReadonlyMap<string, string> = new Map()
  #announced: ReadonlySet<string> = new Set()
  readonly #localAddresses: LocalAddresses
  readonly #forwarding: ForwardingCheck
  #soon: NodeJS.Timeout | null = null
  #following: Promise<void> | null = null
  #changed = false
  #closed = false

  private constructor(options: SurroundingsOptions, network: Network) {
    this.#options = options
    this.#network = network
    this.#localAddresses = new LocalAddresses(options.localAddressesFd)
    this.#forwarding = new ForwardingCheck(options.log)
  }

  /** Attaches the programs. */
  static async open(options: SurroundingsOptions): Promise<Surroundings> {
    const { instance, interfaces, log, settings } = options
    let follow = (): void => {}
    const network = await Network.open({
      log,
      instance,
      interfaces: interfaces.map(({ name }) => name),
      onRoutesChanged: () => nextRouteGeneration(settings),
      onSettled: () => follow(),
    })
    const surroundings = new Surroundings(options, network)
    try {
      await surroundings.#readDevices()
      surroundings.#attach()
    } catch (error) {
      await surroundings.close()
      throw error
    }
    follow = () => surroundings.follow()
    surroundings.#timer = setInterval(follow, periodMs)
    return surroundings
  }

  interfaces(): readonly InterfaceStatus[] {
    return this.#interfaces
  }

  /** The address the kernel would use towards an endpoint, as far as it was learned. */
  egress(address: string): string | null {
    return this.#egress.get(address) ?? null
  }

  /** Learns the way to the endpoints of services that need an address of ours. */
  async learnEgress(services: readonly Service[]): Promise<void> {
    const addresses = [...new Set(services.flatMap(egressEndpoints).map(({ address }) => address))]
    if (addresses.length === 0) return
    const found = await this.#network.egress(addresses)
    const egress = new Map(this.#egress)
    for (const [address, way] of found) {
      // The kernel says "unspecified" where it has no address to use there.
      if (way && !unspecified.has(way.source)) egress.set(address, way.source)
      else egress.delete(address)
    }
    this.#egress = egress
  }

  /** Brings what is announced, and what counts as an address of this host, in step with the services. */
  async announce(): Promise<void> {
    const services = this.#options.services()
    await this.#keepLocalAddresses(services)
    const local = services.filter((service) => service.announce === 'local' && hasVips(service))
    const wanted = new Set(local.flatMap(vipsOf))
    // What a daemon before us announced is found in the kernel, not in our memory.
    const stale = (await this.#network.announced()).filter((address) => !wanted.has(address))
    if (stale.length > 0) await this.#network.withdraw(stale)
    const added = [...wanted].filter((address) => !this.#announced.has(address))
    if (added.length > 0) await this.#network.announce(added)
    this.#announced = wanted
  }

  /** Looks at everything again after a moment, in which others may ask for the same. */
  followSoon(): void {
    if (this.#closed) return
    this.#soon ??= setTimeout(() => {
      this.#soon = null
      this.follow()
    }, followAfterMs)
  }

  /** Looks at everything again; calls that come meanwhile are one. */
  follow(): void {
    this.#changed = true
    this.#following ??= this.#followAll().finally(() => (this.#following = null))
  }

  /** VIPs stay announced, programs attached. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer) clearInterval(this.#timer)
    if (this.#soon) clearTimeout(this.#soon)
    await this.#following
    await this.#network.close()
  }

  /** Takes every VIP back. */
  async withdraw(): Promise<void> {
    await this.#network.withdraw(await this.#network.announced())
  }

  async #followAll(): Promise<void> {
    while (this.#changed && !this.#closed) {
      this.#changed = false
      try {
        await this.#readDevices()
        this.#attachAgain()
        await this.#followServices()
      } catch (error) {
        if (this.#closed) return
        this.#options.log.warn({ error: String(error) }, 'a change of the network could not be followed; the next may')
      }
    }
  }

  async #followServices(): Promise<void> {
    const { interfaces, onEgress, services } = this.#options
    const now = services()
    this.#forwarding.check(
      interfaces.map(({ name }) => name),
      now,
    )
    await this.learnEgress(now)
    onEgress()
    await this.#keepLocalAddresses(now)
    await this.#network.keepNeighbours(endpointAddresses(now))
  }

  async #keepLocalAddresses(services: readonly Service[]): Promise<void> {
    this.#localAddresses.keep(services.some(isEverywhere) ? await this.#network.localAddresses() : [])
  }

  #attach(): void {
    const { interfaces, log, pins, programs } = this.#options
    const flat = interfaces.find(({ name }) => this.#withoutMac.has(name))
    if (flat)
      throw new AttachError(
        `${flat.name} has no Ethernet header; name the devices that have one, or a bridge in front of it`,
      )
    this.#interfaces = attach({ pins: join(pins, 'links'), programs, log }, interfaces)
  }

  /** A device that was taken away and made again has another ifindex, and no program. */
  #attachAgain(): void {
    const renewed = this.#interfaces.filter(({ name, ifindex }) => {
      const now = native.interfaceIndex(name)
      return now !== 0 && now !== ifindex
    })
    if (renewed.length === 0) return
    const names = renewed.map(({ name }) => name).join(', ')
    this.#options.log.warn({ interfaces: names }, `made again while we ran: ${names}; the programs are attached again`)
    this.#attach()
  }

  /** Tells the programs each device's address and whether it takes frames from XDP. */
  async #readDevices(): Promise<void> {
    const { devicesFd } = this.#options
    const devices = (await this.#network.devices()).filter(({ ifindex }) => ifindex < limits.devices)
    const present = new Set(devices.map(({ ifindex }) => ifindex))
    const value = new Uint8Array(deviceSize)
    for (const ifindex of this.#devices.difference(present)) native.mapUpdate(devicesFd, idBytes(ifindex), value)
    this.#devices = present
    this.#withoutMac = new Set(devices.filter(({ mac }) => mac.every((byte) => byte === 0)).map(({ name }) => name))
    for (const { ifindex, mac, xdpTransmit } of devices) {
      const known = mac.some((byte) => byte !== 0) ? deviceFlags.known : 0
      writeDevice(new DataView(value.buffer), 0, { flags: known | (xdpTransmit ? deviceFlags.xdpTransmit : 0), mac })
      native.mapUpdate(devicesFd, idBytes(ifindex), value)
    }
  }
}
