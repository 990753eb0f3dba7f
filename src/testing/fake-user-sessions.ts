// Sessions with uplink classifiers without a kernel: keeps what it is told, and counts what a test says.

import { tunnelText, userOf } from '../lb/user-session-owners.ts'
import { UserSessionError } from '../lb/user-sessions.ts'
import type { UserSession, UserSessionControl, UserSessionCounts } from '../lb/user-sessions.ts'

const none = { packets: 0n, bytes: 0n }

export class FakeUserSessions implements UserSessionControl {
  /** every call that changed something: `install 10.60.0.1`, `remove 10.60.0.1` */
  readonly calls: string[] = []
  /** set by the test, by address of a user */
  readonly counted = new Map<string, UserSessionCounts>()
  readonly #sessions = new Map<string, UserSession>()
  readonly #failures = new Set<string>()

  /** The next call of install for this address throws. */
  failAt(ueAddress: string): void {
    this.#failures.add(ueAddress)
  }

  install(session: UserSession): void {
    const { ueAddresses, uplink } = session
    const failing = ueAddresses.find((address) => this.#failures.delete(address))
    if (failing !== undefined) throw new UserSessionError('no room', failing)
    const users = ueAddresses.map(userOf)
    const other = this.list().find((one) => tunnelText(one.uplink) === tunnelText(uplink))
    const isReplaced = other?.ueAddresses.some((address) => users.includes(userOf(address))) === true
    if (other !== undefined && !isReplaced) throw new UserSessionError('tunnel in use', tunnelText(uplink))
    for (const address of ueAddresses) this.#forget(address)
    for (const user of users) this.#sessions.set(user, session)
    this.calls.push(`install ${ueAddresses.join(' ')}`)
  }

  remove(ueAddress: string): boolean {
    const found = this.#forget(ueAddress)
    if (found) this.calls.push(`remove ${ueAddress}`)
    return found
  }

  counts(ueAddress: string): UserSessionCounts | null {
    if (!this.#sessions.has(userOf(ueAddress))) return null
    return this.counted.get(ueAddress) ?? { uplink: none, downlink: none }
  }

  list(): readonly UserSession[] {
    return [...new Set(this.#sessions.values())]
  }

  #forget(ueAddress: string): boolean {
    const found = this.#sessions.get(userOf(ueAddress))
    for (const address of found?.ueAddresses ?? []) this.#sessions.delete(userOf(address))
    return found !== undefined
  }
}
