// Makes VIPs ours on the link: their address on lo, and frames that tell everybody. The addresses stay when the daemon
// ends, so that traffic goes on; they are marked in the kernel (owner.ts), so that the next daemon knows them.
//
// IPv4 answers ARP requests on every device for any address of the host. IPv6 answers only for addresses of the device
// that asks, so there the VIP is on the attached devices too. It is on lo in any case: the kernel takes IPv6 addresses
// away from a device that is switched off.

import type { Socket } from '../../../native/index.d.ts'
import { native } from '../../../native/load.ts'
import type { Log } from '../../lb/log.ts'
import { addAddress, readAddresses, removeAddress, type Address } from './addresses.ts'
import { announcementFrames } from './announce-frames.ts'
import { AF_INET6, familyOf } from './family.ts'
import { readLinks, type Link } from './links.ts'
import type { KernelError } from './netlink.ts'
import type { NetlinkSocket } from './netlink-socket.ts'
import { instanceNumber, ourProtocol } from './owner.ts'

const AF_PACKET = 17
const SOCK_RAW = 3
const loopbackIndex = 1 // in every network namespace
/** A frame may be lost, and a switch may still be learning that a link is up. */
const announcementRepeats = 3
const announcementGapMs = 1_000
/** The addon sends no more in one call. */
const framesPerCall = 1_024

export interface AnnouncerOptions {
  readonly socket: NetlinkSocket
  readonly log: Log
  /** devices whose links are told */
  readonly interfaces: readonly string[]
  readonly instance: string
}

/** `others`: somebody else gave the address to this host, so it is neither announced nor taken back by us. */
type Holder = 'unknown' | 'us' | 'others'

export class Announcer {
  readonly #socket: NetlinkSocket
  readonly #frames: Socket
  readonly #log: Log
  readonly #metric: number
  #interfaces: readonly string[]
  /** those asked for, and whose address each turned out to be */
  readonly #vips = new Map<string, Holder>()
  /** the interfaces as they were last seen */
  #links: readonly Link[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor({ socket, log, interfaces, instance }: AnnouncerOptions) {
    this.#socket = socket
    this.#log = log
    this.#interfaces = interfaces
    this.#metric = instanceNumber(instance)
    // Protocol 0: sends, and receives nothing.
    this.#frames = native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: 0 })
  }

  announce(vips: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const added = vips.filter((vip) => !this.#vips.has(vip))
      for (const vip of added) this.#vips.set(vip, 'unknown')
      try {
        await this.#look(added)
      } catch (error) {
        for (const vip of added) this.#vips.delete(vip)
        throw error
      }
    })
  }

  withdraw(vips: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const vip of vips) this.#vips.delete(vip)
      const gone = new Set(vips)
      const ours = (await readAddresses(this.#socket)).filter(
        (address) => gone.has(address.address) && this.#isOurs(address),
      )
      for (const answer of await this.#socket.requestAll(ours.map(removeAddress)))
        if (answer.kind === 'refused' && !isGone(answer.error)) throw answer.error
    })
  }

  /** VIPs that this instance has given to the host, an earlier daemon of its name included. */
  async announced(): Promise<readonly string[]> {
    const ours = (await readAddresses(this.#socket)).filter((address) => this.#isOurs(address))
    return [...new Set(ours.map(({ address }) => address))]
  }

  setInterfaces(interfaces: readonly string[]): Promise<void> {
    this.#interfaces = interfaces
    return this.refresh()
  }

  /** Puts right what changed: an address that went, a link that came up or has another MAC address. */
  refresh(): Promise<void> {
    return this.#inTurn(() => (this.#vips.size === 0 ? Promise.resolve() : this.#look([])))
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    native.socketClose(this.#frames)
  }

  /** Gives all VIPs to the host that it lacks, and announces what is `added` or has changed. */
  async #look(added: readonly string[]): Promise<void> {
    const [addresses, allLinks] = [await readAddresses(this.#socket), await readLinks(this.#socket)]
    const before = new Map(this.#links.map((link) => [link.ifindex, link]))
    this.#links = allLinks.filter(({ name, resolves }) => resolves && this.#interfaces.includes(name))
    const holders = Map.groupBy(addresses, ({ address }) => address)
    const missing = [...this.#vips.keys()].flatMap((vip) => this.#missing(vip, holders.get(vip) ?? []))
    await this.#add(missing)

    const news = new Set([...added, ...missing.map(({ address }) => address)])
    if (news.size > 0) this.#tell(news, null, announcementRepeats)
    const changed = this.#links.filter((link) => !isSame(link, before.get(link.ifindex)))
    const known = [...this.#vips.keys()].filter((vip) => !news.has(vip))
    if (changed.length > 0 && known.length > 0)
      this.#tell(new Set(known), new Set(changed.map(({ ifindex }) => ifindex)), announcementRepeats)
  }

  /** Addresses that the host still needs for a VIP. */
  #missing(vip: string, holders: readonly Address[]): readonly Omit<Address, 'protocol'>[] {
    const other = holders.find((address) => !this.#isOurs(address))
    if (other !== undefined) {
      if (this.#vips.get(vip) !== 'others')
        this.#log.info({ vip, ifindex: other.ifindex }, `${vip} was given to this host by others: it is left to them`)
      this.#vips.set(vip, 'others')
      return []
    }
    this.#vips.set(vip, 'us')
    const devices = familyOf(vip) === AF_INET6 ? [loopbackIndex, ...this.#links.filter(isUp)] : [loopbackIndex]
    return devices
      .map((device) => (typeof device === 'number' ? device : device.ifindex))
      .filter((ifindex) => !holders.some((holder) => holder.ifindex === ifindex))
      .map((ifindex) => ({ address: vip, ifindex, metric: this.#metric }))
  }

  async #add(missing: readonly Omit<Address, 'protocol'>[]): Promise<void> {
    const answers = await this.#socket.requestAll(missing.map(addAddress))
    answers.forEach((answer, index) => {
      const { address: vip, ifindex } = missing[index] ?? { address: '', ifindex: 0 }
      // EEXIST: given to the host by others since we looked. The next look finds out.
      if (answer.kind === 'done' || answer.error.code === 'EEXIST') return
      if (ifindex === loopbackIndex) throw answer.error
      this.#log.warn(
        { vip, ifindex, code: answer.error.code },
        `${answer.error.message}: nobody on that link is answered who asks for ${vip}`,
      )
    })
  }

  /** `only`: some of the interfaces; null: all of them. */
  #tell(vips: ReadonlySet<string>, only: ReadonlySet<number> | null, times: number): void {
    const messages: { readonly data: Uint8Array; readonly address: Uint8Array }[] = []
    for (const link of this.#links) {
      if (!link.up || !(only?.has(link.ifindex) ?? true)) continue
      // What has been withdrawn meanwhile is not announced again.
      for (const vip of vips)
        if (this.#vips.get(vip) === 'us')
          for (const data of announcementFrames(vip, link.mac))
            messages.push({ data, address: packetAddress(data, link.ifindex) })
    }
    for (let at = 0; at < messages.length; at += framesPerCall) this.#send(messages.slice(at, at + framesPerCall))
    if (times <= 1) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#tell(vips, only, times - 1)
    }, announcementGapMs)
    timer.unref()
    this.#timers.add(timer)
  }

  #send(messages: readonly { readonly data: Uint8Array; readonly address: Uint8Array }[]): void {
    try {
      native.socketSend(this.#frames, messages)
    } catch (error) {
      // A link that has just gone down. It is told when it is up again.
      this.#log.debug({ error }, 'an announcement could not be sent')
    }
  }

  #isOurs({ protocol, metric }: Address): boolean {
    return protocol === ourProtocol && metric === this.#metric
  }

  /** What looks at the kernel's tables and then changes them goes one after the other. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

const isUp = ({ up }: Link): boolean => up

const isSame = (link: Link, before: Link | undefined): boolean =>
  before !== undefined && link.up === before.up && Buffer.compare(link.mac, before.mac) === 0

const isGone = ({ code }: KernelError): boolean => code === 'EADDRNOTAVAIL' || code === 'ENODEV'

/** struct sockaddr_ll: family u16, protocol u16 (network order), ifindex i32; the rest is not read when sending. */
function packetAddress(frame: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(20)
  const data = new DataView(bytes.buffer)
  data.setUint16(0, AF_PACKET, true)
  bytes.set(frame.subarray(12, 14), 2)
  data.setInt32(4, ifindex, true)
  return bytes
}
