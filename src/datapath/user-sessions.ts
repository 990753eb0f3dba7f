// Sessions with uplink classifiers in the kernel. A session has the number of a set of classifiers; with others it gets
// another number, so that no packet sees half of a set.

import { native } from '../../native/load.ts'
import { keyTag } from '../lb/selection/flow-hash.ts'
import { tunnelText, userOf } from '../lb/user-session-owners.ts'
import { UserSessionError } from '../lb/user-sessions.ts'
import { addressBytes, canonicalAddress, parsePrefix } from '../wire/ip.ts'
import { ClassifierSets, isFull } from './classifier-sets.ts'
import {
  downlinkSize,
  limits,
  readDownlink,
  readUplink,
  sourceKeySize,
  uplinkKeySize,
  uplinkSize,
  writeDownlink,
  writeUplink,
  writeUplinkKey,
} from './layout.gen.ts'
import { mapKeys } from './map-keys.ts'
import type { UserSession, UserSessionControl, UserSessionCounts, UserSessionRefusal } from '../lb/user-sessions.ts'

export interface UserSessionMaps {
  readonly uplinks: number
  readonly downlinks: number
  readonly classifiers: number
}

export interface UserSessionsOptions {
  readonly fds: UserSessionMaps
  /** there is a first one now, or none any more: packets are looked at for them, or not */
  readonly needed: (any: boolean) => void
}

interface Prepared {
  readonly session: UserSession
  /** keys of map `downlinks` */
  readonly users: readonly Uint8Array[]
  readonly tunnel: Uint8Array
}

interface Kept extends Prepared {
  /** of its set of classifiers */
  readonly set: number
}

const addressSize = 16
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const isV6 = (address: string): boolean => address.includes(':')
const isTeid = (teid: number): boolean => Number.isInteger(teid) && teid > 0 && teid <= 0xffff_ffff
const nothing = { packets: 0n, bytes: 0n }

const refuse = (condition: boolean, reason: UserSessionRefusal, what: string | number): void => {
  if (condition) throw new UserSessionError(reason, String(what))
}

const bytesOf = (address: string): Uint8Array => {
  refuse(canonicalAddress(address) === undefined, 'bad address', address)
  return addressBytes(address)
}

const userKey = (address: string): Uint8Array => {
  refuse(canonicalAddress(address) === undefined, 'bad address', address)
  return addressBytes(userOf(address))
}

const userKeys = (addresses: readonly string[]): readonly Uint8Array[] => {
  const families = new Set(addresses.map(isV6))
  const isOne = addresses.length > 0 && families.size === addresses.length
  refuse(!isOne, 'bad address', `${addresses.join(', ')}: a user has one of IPv4, one of IPv6, or both`)
  return addresses.map(userKey)
}

const tunnelKey = ({ address, teid }: UserSession['uplink']): Uint8Array => {
  refuse(!isTeid(teid), 'bad teid', teid)
  const key = new Uint8Array(uplinkKeySize)
  writeUplinkKey(view(key), 0, { address: bytesOf(address), teid })
  return key
}

function prepare(session: UserSession): Prepared {
  const { classifiers, downlink, ueAddresses, uplink } = session
  const users = userKeys(ueAddresses)
  const families = new Set(ueAddresses.map(isV6))
  refuse(!isTeid(downlink.teid), 'bad teid', downlink.teid)
  bytesOf(downlink.address)
  refuse(isV6(uplink.address) !== isV6(downlink.address), 'bad address', `${downlink.address} is of another family`)
  for (const { prefix, qfi } of classifiers) {
    refuse(!Number.isInteger(qfi) || qfi < 0 || qfi > 63, 'bad qfi', qfi)
    refuse(!families.has(isV6(prefix)), 'bad prefix', `${prefix} is not of the family of ${ueAddresses.join(', ')}`)
    refuse(parsePrefix(prefix) === undefined, 'bad prefix', prefix)
  }
  return { session, users, tunnel: tunnelKey(uplink) }
}

export class UserSessions implements UserSessionControl {
  readonly #options: UserSessionsOptions
  /** by each of their users, as hexadecimal digits */
  readonly #kept = new Map<string, Kept>()
  /** whose each tunnel is, by key */
  readonly #tunnels = new Map<string, Kept>()
  readonly #sets: ClassifierSets

  /** What an earlier process left is nobody's: it is taken away. */
  constructor(options: UserSessionsOptions) {
    this.#options = options
    const { classifiers, downlinks, uplinks } = options.fds
    const sizes = [
      [uplinks, uplinkKeySize],
      [downlinks, addressSize],
      [classifiers, sourceKeySize],
    ] as const
    for (const [fd, size] of sizes) for (const key of mapKeys(fd, size)) native.mapDelete(fd, key)
    this.#sets = new ClassifierSets(classifiers)
  }

  install(session: UserSession): void {
    const prepared = prepare(session)
    const replaced = this.#having(prepared.users)
    const owner = this.#tunnels.get(hex(prepared.tunnel))
    refuse(owner !== undefined && !replaced.has(owner), 'tunnel in use', tunnelText(session.uplink))
    this.#checkRoom(prepared)
    const kept = { ...prepared, set: this.#sets.hold(session.classifiers) }
    this.#write(kept)
    const wasNeeded = this.#tunnels.size > 0
    for (const before of replaced) this.#forget(before, kept)
    for (const user of kept.users) this.#kept.set(hex(user), kept)
    this.#tunnels.set(hex(kept.tunnel), kept)
    if (!wasNeeded) this.#options.needed(true)
  }

  remove(ueAddress: string): boolean {
    const kept = this.#kept.get(hex(userKey(ueAddress)))
    if (kept === undefined) return false
    this.#forget(kept, null)
    if (this.#tunnels.size === 0) this.#options.needed(false)
    return true
  }

  counts(ueAddress: string): UserSessionCounts | null {
    const kept = this.#kept.get(hex(userKey(ueAddress)))
    if (kept === undefined) return null
    const back = kept.users.map((user) => this.#readDownlink(user))
    return {
      uplink: this.#readUplink(kept.tunnel),
      downlink: {
        packets: back.reduce((sum, { packets }) => sum + packets, 0n),
        bytes: back.reduce((sum, { bytes }) => sum + bytes, 0n),
      },
    }
  }

  list(): readonly UserSession[] {
    return [...new Set(this.#kept.values())].map(({ session }) => session)
  }

  #having(users: readonly Uint8Array[]): ReadonlySet<Kept> {
    return new Set(users.map((user) => this.#kept.get(hex(user))).filter((kept) => kept !== undefined))
  }

  #readUplink(tunnel: Uint8Array): UserSessionCounts['uplink'] {
    const bytes = new Uint8Array(uplinkSize)
    native.mapLookup(this.#options.fds.uplinks, tunnel, bytes)
    const read = readUplink(view(bytes), 0)
    return { packets: read.packets, bytes: read.bytes }
  }

  #readDownlink(user: Uint8Array): UserSessionCounts['downlink'] {
    const bytes = new Uint8Array(downlinkSize)
    native.mapLookup(this.#options.fds.downlinks, user, bytes)
    const read = readDownlink(view(bytes), 0)
    return { packets: read.packets, bytes: read.bytes }
  }

  /** What is replaced is there for a moment beside what replaces it, but for its users. */
  #checkRoom({ users }: Prepared): void {
    const added = users.filter((user) => !this.#kept.has(hex(user))).length
    refuse(this.#kept.size + added > limits.uplinks, 'no room', `${limits.uplinks} addresses of users`)
  }

  /** The set is there already. Packets of these very moments may go uncounted. */
  #write(kept: Kept): void {
    const { fds } = this.#options
    const { downlink, ueAddresses, uplink } = kept.session
    const before = this.#tunnels.get(hex(kept.tunnel))
    const up = new Uint8Array(uplinkSize)
    const v4 = ueAddresses.find((address) => !isV6(address))
    const v6 = ueAddresses.find(isV6)
    writeUplink(view(up), 0, {
      tag: keyTag(kept.tunnel),
      userV4: v4 === undefined ? 0 : view(bytesOf(v4)).getUint32(12),
      userV6: v6 === undefined ? new Uint8Array(8) : bytesOf(v6).subarray(0, 8),
      places: kept.set,
      ...(before === undefined ? nothing : this.#readUplink(kept.tunnel)),
    })
    const ends = { access: bytesOf(downlink.address), core: bytesOf(uplink.address), teid: downlink.teid }
    const undo: (() => void)[] = []
    try {
      for (const user of kept.users) {
        const old = new Uint8Array(downlinkSize)
        const isThere = native.mapLookup(fds.downlinks, user, old)
        const isSame = before !== undefined && this.#kept.get(hex(user)) === before
        const { packets, bytes } = isSame ? readDownlink(view(old), 0) : nothing
        const down = new Uint8Array(downlinkSize)
        writeDownlink(view(down), 0, { ...ends, tag: keyTag(user), places: kept.set, packets, bytes })
        native.mapUpdate(fds.downlinks, user, down)
        undo.push(() => (isThere ? native.mapUpdate(fds.downlinks, user, old) : native.mapDelete(fds.downlinks, user)))
      }
      native.mapUpdate(fds.uplinks, kept.tunnel, up)
    } catch (error) {
      for (const step of undo) step()
      this.#sets.release(kept.set)
      if (isFull(error)) throw new UserSessionError('no room', ueAddresses.join(', '))
      throw error
    }
  }

  /** All of it that `next`, which replaces it, does not have too. */
  #forget(kept: Kept, next: Kept | null): void {
    const { fds } = this.#options
    if (next === null || hex(next.tunnel) !== hex(kept.tunnel)) {
      native.mapDelete(fds.uplinks, kept.tunnel)
      this.#tunnels.delete(hex(kept.tunnel))
    }
    const stay = new Set(next?.users.map(hex))
    for (const user of kept.users) {
      if (!stay.has(hex(user))) native.mapDelete(fds.downlinks, user)
      this.#kept.delete(hex(user))
    }
    this.#sets.release(kept.set)
  }
}
