// Several parts of the appliance install sessions with uplink classifiers: the configuration file, the API, signalling.
// Each sees and changes only what is its own; a user or a tunnel of another is refused by name.

import { addressBytes, canonicalAddress, formatAddress } from '../wire/ip.ts'
import { UserSessionError } from './user-sessions.ts'
import type { TunnelEnd, UserSession, UserSessionControl, UserSessionCounts } from './user-sessions.ts'

/** An N4 service owns what its PFCP sessions say; its name follows. */
export type UserSessionOwner = 'file' | 'api' | `n4 ${string}`

export interface OwnedUserSession {
  readonly owner: UserSessionOwner
  readonly session: UserSession
}

/** Canonical text by which a user is known: of IPv6 the prefix of 64 bits, written as an address. */
export function userOf(ueAddress: string): string {
  if (!ueAddress.includes(':')) return ueAddress
  const bytes = Uint8Array.from(addressBytes(ueAddress))
  return formatAddress(bytes.fill(0, 8))
}

export const tunnelText = ({ address, teid }: TunnelEnd): string => `${address} TEID ${teid}`

const ownerTitle = (owner: UserSessionOwner): string => {
  if (owner === 'file') return 'the configuration file'
  return owner === 'api' ? 'the API' : `the N4 service ${owner.slice('n4 '.length)}`
}

export class UserSessionOwners {
  readonly #control: UserSessionControl
  readonly #users = new Map<string, OwnedUserSession>()
  readonly #tunnels = new Map<string, OwnedUserSession>()

  constructor(control: UserSessionControl) {
    this.#control = control
  }

  /** What one owner may do: it sees only its own. `install` also throws for the reason `other owner`. */
  as(owner: UserSessionOwner): UserSessionControl {
    const isIts = (ueAddress: string): boolean => this.find(ueAddress)?.owner === owner
    return {
      install: (session) => this.#install(owner, session),
      remove: (ueAddress) => isIts(ueAddress) && this.#remove(ueAddress),
      counts: (ueAddress) => (isIts(ueAddress) ? this.counts(ueAddress) : null),
      list: () => this.list().flatMap((one) => (one.owner === owner ? [one.session] : [])),
    }
  }

  /** Everything of an owner goes. */
  forget(owner: UserSessionOwner): void {
    for (const one of this.list()) if (one.owner === owner) this.#remove(one.session.ueAddresses[0]!)
  }

  /** Of all owners. */
  list(): readonly OwnedUserSession[] {
    return [...new Set(this.#users.values())]
  }

  /** Whoever owns it; null: there is none. */
  counts(ueAddress: string): UserSessionCounts | null {
    return this.#control.counts(ueAddress)
  }

  /** Throws UserSessionError where another owner has the user or the tunnel. */
  check(owner: UserSessionOwner, { ueAddresses, uplink }: UserSession): void {
    for (const address of ueAddresses) {
      const found = this.find(address)
      if (found !== undefined && found.owner !== owner)
        throw new UserSessionError('other owner', `user ${address} has a session of ${ownerTitle(found.owner)}`)
    }
    const found = this.#tunnels.get(tunnelText(uplink))
    if (found !== undefined && found.owner !== owner)
      throw new UserSessionError(
        'other owner',
        `tunnel ${tunnelText(uplink)} is that of user ${found.session.ueAddresses.join(', ')}, ` +
          `a session of ${ownerTitle(found.owner)}`,
      )
  }

  /** Whoever owns it. */
  find(ueAddress: string): OwnedUserSession | undefined {
    return canonicalAddress(ueAddress) === undefined ? undefined : this.#users.get(userOf(ueAddress))
  }

  #install(owner: UserSessionOwner, session: UserSession): void {
    this.check(owner, session)
    this.#control.install(session)
    for (const address of session.ueAddresses) {
      const replaced = this.find(address)
      if (replaced !== undefined) this.#forget(replaced)
    }
    const owned = { owner, session }
    for (const address of session.ueAddresses) this.#users.set(userOf(address), owned)
    this.#tunnels.set(tunnelText(session.uplink), owned)
  }

  #remove(ueAddress: string): boolean {
    const found = this.find(ueAddress)
    if (found !== undefined) this.#forget(found)
    return this.#control.remove(ueAddress)
  }

  #forget({ session }: OwnedUserSession): void {
    for (const address of session.ueAddresses) this.#users.delete(userOf(address))
    this.#tunnels.delete(tunnelText(session.uplink))
  }
}
