// What the datapath needs of the kernel's network: its devices, where packets to an address leave, neighbours that stay
// resolved, VIPs on the link, and word of every change. Everything is about the network namespace that the calling
// thread is in when it opens this.

import type { Log } from '../../lb/log.ts'
import { defaultInstance } from '../../lb/paths.ts'
import { readAddresses } from './addresses.ts'
import { Announcer } from './announcer.ts'
import { Changes } from './changes.ts'
import { driverOf, readLinks } from './links.ts'
import { NeighbourKeeper, readNeighbours } from './neighbours.ts'
import { NeighbourTable } from './neighbour-table.ts'
import { families, NetlinkSocket } from './netlink-socket.ts'
import { readEgress, readPaths, type Egress } from './routes.ts'
import { XdpFeatures } from './xdp-features.ts'

/** Routing daemons change many routes at a time; they are looked at when it has been quiet for so long. */
const defaultSettleMs = 200

export interface Device {
  readonly name: string
  readonly ifindex: number
  /** 6 bytes; zero for a device without Ethernet addresses */
  readonly mac: Uint8Array
  readonly up: boolean
  readonly mtu: number
  readonly driver: string
  /**
   * Takes frames from an XDP redirect. This changes at run time: a physical device may need an XDP program of its own,
   * and a veth follows its peer, which must have GRO or an XDP program (else frames are dropped without a trace). The
   * kernel announces the change where it can say it at all (6.3 and newer): `onRoutesChanged` and `onSettled` follow.
   */
  readonly xdpTransmit: boolean
}

export interface NetworkOptions {
  readonly log: Log
  /** Called at once, and often: something may have changed where packets go. */
  readonly onRoutesChanged: () => void
  /** Called when it has become quiet after changes: time to read devices, egress and neighbours again. */
  readonly onSettled: () => void
  readonly settleMs?: number
  /** devices whose links hear of announced VIPs */
  readonly interfaces?: readonly string[]
  /** Tells the VIPs of several daemons on one host apart. */
  readonly instance?: string
}

export class Network {
  readonly #log: Log
  readonly #socket: NetlinkSocket
  readonly #features: XdpFeatures
  readonly #neighbours = new NeighbourTable()
  readonly #keeper: NeighbourKeeper
  readonly #announcer: Announcer
  readonly #changes: Changes
  #closed = false

  private constructor(options: NetworkOptions, socket: NetlinkSocket, features: XdpFeatures) {
    const { log, onRoutesChanged, onSettled, settleMs, interfaces, instance } = options
    this.#log = log
    this.#socket = socket
    this.#features = features
    this.#keeper = new NeighbourKeeper(socket, log)
    this.#announcer = new Announcer({
      socket,
      log,
      interfaces: interfaces ?? [],
      instance: instance ?? defaultInstance,
    })
    this.#changes = Changes.open({
      neighbours: this.#neighbours,
      netdev: features.family,
      settleMs: settleMs ?? defaultSettleMs,
      onChange: onRoutesChanged,
      onSettled: () => {
        this.#settled()
        onSettled()
      },
      onLost: (reason) => log.warn({ reason }, `announcements of the kernel were lost (${reason}): all is read again`),
    })
  }

  static async open(options: NetworkOptions): Promise<Network> {
    const socket = NetlinkSocket.open(families.route)
    let features: XdpFeatures | undefined
    try {
      features = await XdpFeatures.open()
      const network = new Network(options, socket, features)
      // Listening comes first, so that no change falls between.
      network.#neighbours.learn(await readNeighbours(socket))
      return network
    } catch (error) {
      features?.close()
      socket.close()
      throw error
    }
  }

  async devices(): Promise<readonly Device[]> {
    const transmits = await this.#features.read()
    const links = await readLinks(this.#socket)
    return links.map(({ name, ifindex, mac, up, mtu }) => {
      const driver = driverOf(name)
      return { name, ifindex, mac, up, mtu, driver, xdpTransmit: transmits(ifindex, driver) }
    })
  }

  /** Null for an address without a route. */
  egress(addresses: readonly string[]): Promise<ReadonlyMap<string, Egress | null>> {
    return readEgress(this.#socket, addresses)
  }

  /** All addresses of this host, those that we gave it included. */
  async localAddresses(): Promise<readonly string[]> {
    return (await readAddresses(this.#socket)).map(({ address }) => address)
  }

  /**
   * The next hops of these endpoints stay resolved from now on, and only these. Call it again when routes have changed.
   */
  async keepNeighbours(addresses: readonly string[]): Promise<void> {
    const resolving = new Set((await readLinks(this.#socket)).filter((link) => link.resolves).map((l) => l.ifindex))
    const paths = await readPaths(this.#socket, addresses)
    await this.#keeper.keep(paths.filter(({ ifindex }) => resolving.has(ifindex)))
  }

  /** Gives the host a VIP, unless it has it already, and tells the links. Many at once cost one look at the tables. */
  announce(vips: string | readonly string[]): Promise<void> {
    return this.#announcer.announce(typeof vips === 'string' ? [vips] : vips)
  }

  /** Takes a VIP back that this instance gave, an earlier daemon of its name included. Others are left alone. */
  withdraw(vips: string | readonly string[]): Promise<void> {
    return this.#announcer.withdraw(typeof vips === 'string' ? [vips] : vips)
  }

  /** The VIPs that `withdraw` would take back, whoever asked for them: what a killed daemon left is among them. */
  announced(): Promise<readonly string[]> {
    return this.#announcer.announced()
  }

  /** Other devices than before hear of announced VIPs. */
  setInterfaces(interfaces: readonly string[]): Promise<void> {
    return this.#announcer.setInterfaces(interfaces)
  }

  /** VIPs stay announced and neighbours managed: traffic goes on without us. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#changes.close()
    this.#announcer.close()
    this.#features.close()
    this.#socket.close()
  }

  #settled(): void {
    this.#putRight().catch((error: unknown) => {
      // The next change tries again.
      if (!this.#closed) this.#log.warn({ error }, `the network could not be read again: ${String(error)}`)
    })
  }

  async #putRight(): Promise<void> {
    if (this.#neighbours.incomplete) this.#neighbours.learn(await readNeighbours(this.#socket))
    await this.#announcer.refresh()
  }
}
