// Sessions with uplink classifiers in the kernel. A session has a number of its own, by which its classifiers are
// found; what replaces a session gets a new one, so that no packet sees half of it.

import { isNativeError, native } from '../../native/load.ts'
import { tunnelText, userOf } from '../lb/user-session-owners.ts'
import { UserSessionError } from '../lb/user-sessions.ts'
import { addressBytes, canonicalAddress, parsePrefix } from '../wire/ip.ts'
import {
  downlinkSize,
  limits,
  readDownlink,
  readUplink,
  sourceKeySize,
  uplinkKeySize,
  uplinkSize,
  writeDownlink,
  writeSourceKey,
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

interface Kept {
  readonly session: UserSession
  readonly number: number
  /** keys of map `downlinks` */
  readonly users: readonly Uint8Array[]
  readonly tunnel: Uint8Array
  readonly classifiers: readonly { readonly key: Uint8Array; readonly qfi: number }[]
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

const classifierKey = (session: number, text: string): Uint8Array => {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new UserSessionError('bad prefix', text)
  const key = new Uint8Array(sourceKeySize)
  writeSourceKey(view(key), 0, { prefixBits: 32 + prefix.bits, service: session, address: prefix.bytes })
  return key
}

/** The map says that it is full, or that the kernel has no memory. */
const isFull = (error: unknown): boolean =>
  isNativeError(error) && ['E2BIG', 'ENOSPC', 'ENOMEM'].includes(error.code ?? '')

export class UserSessions implements UserSessionControl {
  readonly #options: UserSessionsOptions
  /** by each of their users, as hexadecimal digits */
  readonly #kept = new Map<string, Kept>()
  /** whose each tunnel is, by key */
  readonly #tunnels = new Map<string, Kept>()
  readonly #numbers = new Set<number>()
  #lastNumber = 0
  #classifiers = 0

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
  }

  install(session: UserSession): void {
    const kept = this.#prepare(session)
    const replaced = this.#having(kept.users)
    const owner = this.#tunnels.get(hex(kept.tunnel))
    refuse(owner !== undefined && !replaced.has(owner), 'tunnel in use', tunnelText(session.uplink))
    this.#checkRoom(kept)
    this.#write(kept)
    const wasNeeded = this.#numbers.size > 0
    for (const before of replaced) this.#forget(before, kept)
    for (const user of kept.users) this.#kept.set(hex(user), kept)
    this.#tunnels.set(hex(kept.tunnel), kept)
    this.#classifiers += kept.classifiers.length
    this.#numbers.add(kept.number)
    if (!wasNeeded) this.#options.needed(true)
  }

  remove(ueAddress: string): boolean {
    const kept = this.#kept.get(hex(userKey(ueAddress)))
    if (kept === undefined) return false
    this.#forget(kept, null)
    if (this.#numbers.size === 0) this.#options.needed(false)
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

  #prepare(session: UserSession): Kept {
    const { classifiers, downlink, ueAddresses, uplink } = session
    const users = userKeys(ueAddresses)
    const families = new Set(ueAddresses.map(isV6))
    refuse(!isTeid(downlink.teid), 'bad teid', downlink.teid)
    bytesOf(downlink.address)
    refuse(isV6(uplink.address) !== isV6(downlink.address), 'bad address', `${downlink.address} is of another family`)
    const number = this.#nextNumber()
    const keys = classifiers.map(({ prefix, qfi }) => {
      refuse(!Number.isInteger(qfi) || qfi < 0 || qfi > 63, 'bad qfi', qfi)
      refuse(!families.has(isV6(prefix)), 'bad prefix', `${prefix} is not of the family of ${ueAddresses.join(', ')}`)
      return { key: classifierKey(number, prefix), qfi }
    })
    return { session, number, users, tunnel: tunnelKey(uplink), classifiers: keys }
  }

  /** Numbers come round after all others have been used; a session that lives so long keeps its own. */
  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0
    while (this.#lastNumber === 0 || this.#numbers.has(this.#lastNumber))
    return this.#lastNumber
  }

  /** What is replaced is there for a moment beside what replaces it, but for its users. */
  #checkRoom(kept: Kept): void {
    const added = kept.users.filter((user) => !this.#kept.has(hex(user))).length
    refuse(this.#kept.size + added > limits.uplinks, 'no room', `${limits.uplinks} addresses of users`)
    const classifiers = this.#classifiers + kept.classifiers.length
    refuse(classifiers > limits.classifiers, 'no room', `${limits.classifiers} classifiers`)
  }

  /** First what is found by the new number, then what has it. Packets of these very moments may go uncounted. */
  #write(kept: Kept): void {
    const { fds } = this.#options
    const { downlink, ueAddresses, uplink } = kept.session
    const before = this.#tunnels.get(hex(kept.tunnel))
    const up = new Uint8Array(uplinkSize)
    const v4 = ueAddresses.find((address) => !isV6(address))
    const v6 = ueAddresses.find(isV6)
    writeUplink(view(up), 0, {
      userV4: v4 === undefined ? 0 : view(bytesOf(v4)).getUint32(12),
      userV6: v6 === undefined ? new Uint8Array(8) : bytesOf(v6).subarray(0, 8),
      session: kept.number,
      ...(before === undefined ? nothing : this.#readUplink(kept.tunnel)),
    })
    const ends = { access: bytesOf(downlink.address), core: bytesOf(uplink.address), teid: downlink.teid }
    const undo: (() => void)[] = []
    try {
      for (const { key, qfi } of kept.classifiers) native.mapUpdate(fds.classifiers, key, Uint8Array.of(qfi))
      for (const user of kept.users) {
        const old = new Uint8Array(downlinkSize)
        const isThere = native.mapLookup(fds.downlinks, user, old)
        const isSame = before !== undefined && this.#kept.get(hex(user)) === before
        const { packets, bytes } = isSame ? readDownlink(view(old), 0) : nothing
        const down = new Uint8Array(downlinkSize)
        writeDownlink(view(down), 0, { ...ends, session: kept.number, packets, bytes })
        native.mapUpdate(fds.downlinks, user, down)
        undo.push(() => (isThere ? native.mapUpdate(fds.downlinks, user, old) : native.mapDelete(fds.downlinks, user)))
      }
      native.mapUpdate(fds.uplinks, kept.tunnel, up)
    } catch (error) {
      for (const step of undo) step()
      for (const { key } of kept.classifiers) native.mapDelete(fds.classifiers, key)
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
    for (const { key } of kept.classifiers) native.mapDelete(fds.classifiers, key)
    this.#numbers.delete(kept.number)
    this.#classifiers -= kept.classifiers.length
  }
}
