// Sessions with uplink classifiers in the kernel. A session has a number of its own, by which its classifiers are
// found; what replaces a session gets a new one, so that no packet sees half of it.

import { isNativeError, native } from '../../native/load.ts'
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
  readonly user: Uint8Array
  readonly tunnel: Uint8Array
  readonly classifiers: readonly { readonly key: Uint8Array; readonly qfi: number }[]
}

const addressSize = 16
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const isTeid = (teid: number): boolean => Number.isInteger(teid) && teid > 0 && teid <= 0xffff_ffff

const refuse = (condition: boolean, reason: UserSessionRefusal, what: string | number): void => {
  if (condition) throw new UserSessionError(reason, String(what))
}

const bytesOf = (address: string): Uint8Array => {
  refuse(canonicalAddress(address) === undefined, 'bad address', address)
  return addressBytes(address)
}

/** Of IPv6 a user has the first 8 bytes. */
const userOf = (address: string): Uint8Array => {
  const bytes = Uint8Array.from(bytesOf(address))
  if (address.includes(':')) bytes.fill(0, 8)
  return bytes
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
  readonly #kept = new Map<string, Kept>()
  /** whose each tunnel is, by key */
  readonly #tunnels = new Map<string, string>()
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
    const name = hex(kept.user)
    const before = this.#kept.get(name)
    const owner = this.#tunnels.get(hex(kept.tunnel))
    refuse(owner !== undefined && owner !== name, 'tunnel in use', `${session.uplink.address} ${session.uplink.teid}`)
    const added = kept.classifiers.length
    refuse(before === undefined && this.#kept.size >= limits.uplinks, 'no room', `${limits.uplinks} sessions`)
    refuse(this.#classifiers + added > limits.classifiers, 'no room', `${limits.classifiers} classifiers`)
    this.#write(kept)
    if (before !== undefined) this.#forget(before, hex(before.tunnel) !== hex(kept.tunnel), false)
    if (this.#kept.size === 0) this.#options.needed(true)
    this.#kept.set(name, kept)
    this.#tunnels.set(hex(kept.tunnel), name)
    this.#classifiers += added
    this.#numbers.add(kept.number)
  }

  remove(ueAddress: string): boolean {
    const name = hex(userOf(ueAddress))
    const kept = this.#kept.get(name)
    if (kept === undefined) return false
    this.#forget(kept, true, true)
    this.#kept.delete(name)
    if (this.#kept.size === 0) this.#options.needed(false)
    return true
  }

  counts(ueAddress: string): UserSessionCounts | null {
    const kept = this.#kept.get(hex(userOf(ueAddress)))
    if (kept === undefined) return null
    const [up, down] = [new Uint8Array(uplinkSize), new Uint8Array(downlinkSize)]
    native.mapLookup(this.#options.fds.uplinks, kept.tunnel, up)
    native.mapLookup(this.#options.fds.downlinks, kept.user, down)
    const { packets, bytes } = readUplink(view(up), 0)
    const back = readDownlink(view(down), 0)
    return { uplink: { packets, bytes }, downlink: { packets: back.packets, bytes: back.bytes } }
  }

  list(): readonly UserSession[] {
    return [...this.#kept.values()].map(({ session }) => session)
  }

  #prepare(session: UserSession): Kept {
    const { classifiers, downlink, ueAddress, uplink } = session
    const isV6 = (address: string): boolean => address.includes(':')
    refuse(!isTeid(downlink.teid), 'bad teid', downlink.teid)
    bytesOf(downlink.address)
    refuse(isV6(uplink.address) !== isV6(downlink.address), 'bad address', `${downlink.address} is of another family`)
    const number = this.#nextNumber()
    const keys = classifiers.map(({ prefix, qfi }) => {
      refuse(!Number.isInteger(qfi) || qfi < 0 || qfi > 63, 'bad qfi', qfi)
      refuse(isV6(prefix) !== isV6(ueAddress), 'bad prefix', `${prefix} is not of the family of ${ueAddress}`)
      return { key: classifierKey(number, prefix), qfi }
    })
    return { session, number, user: userOf(ueAddress), tunnel: tunnelKey(uplink), classifiers: keys }
  }

  /** Numbers come round after all others have been used; a session that lives so long keeps its own. */
  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0
    while (this.#lastNumber === 0 || this.#numbers.has(this.#lastNumber))
    return this.#lastNumber
  }

  /** First what is found by the new number, then what has it. */
  #write(kept: Kept): void {
    const { fds } = this.#options
    const { downlink, uplink } = kept.session
    const value = { session: kept.number, packets: 0n, bytes: 0n }
    const [up, down] = [new Uint8Array(uplinkSize), new Uint8Array(downlinkSize)]
    writeUplink(view(up), 0, { user: kept.user, ...value })
    const access = addressBytes(downlink.address)
    writeDownlink(view(down), 0, { access, core: addressBytes(uplink.address), teid: downlink.teid, ...value })
    try {
      for (const { key, qfi } of kept.classifiers) native.mapUpdate(fds.classifiers, key, Uint8Array.of(qfi))
      native.mapUpdate(fds.downlinks, kept.user, down)
      native.mapUpdate(fds.uplinks, kept.tunnel, up)
    } catch (error) {
      for (const { key } of kept.classifiers) native.mapDelete(fds.classifiers, key)
      if (isFull(error)) throw new UserSessionError('no room', kept.session.ueAddress)
      throw error
    }
  }

  #forget(kept: Kept, tunnelToo: boolean, userToo: boolean): void {
    const { fds } = this.#options
    if (tunnelToo) {
      native.mapDelete(fds.uplinks, kept.tunnel)
      this.#tunnels.delete(hex(kept.tunnel))
    }
    if (userToo) native.mapDelete(fds.downlinks, kept.user)
    for (const { key } of kept.classifiers) native.mapDelete(fds.classifiers, key)
    this.#numbers.delete(kept.number)
    this.#classifiers -= kept.classifiers.length
  }
}
