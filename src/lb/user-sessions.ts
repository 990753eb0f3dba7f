// Sessions with uplink classifiers: whose traffic to which places leaves its tunnel here. Whoever knows sessions (the
// configuration, the API, signalling) installs them; a datapath performs it.

export interface UserSession {
  /** canonical text; of IPv6 any of the user's 64 bits */
  readonly ueAddress: string
  /** how G-PDUs of the user come in: outer destination, TEID */
  readonly uplink: { readonly address: string; readonly teid: number }
  /** where what goes back is sent: the access network's address and TEID; the outer source is `uplink.address` */
  readonly downlink: { readonly address: string; readonly teid: number }
  /** places that are local for it */
  readonly classifiers: readonly Classifier[]
}

export interface Classifier {
  /** canonical text, `10.0.0.0/8` */
  readonly prefix: string
  /** of what comes from there, 0 to 63 */
  readonly qfi: number
}

/** What eBPF has counted of a session: IP packets of the user, and their bytes. */
export interface UserSessionCounts {
  readonly uplink: { readonly packets: bigint; readonly bytes: bigint }
  readonly downlink: { readonly packets: bigint; readonly bytes: bigint }
}

export interface UserSessionControl {
  /**
   * Replaces the session that the user has. In the fast path before this returns. Throws UserSessionError, and then
   * nothing has changed.
   */
  install(session: UserSession): void
  /** False: the user has none. */
  remove(ueAddress: string): boolean
  /** Null: the user has none. */
  counts(ueAddress: string): UserSessionCounts | null
  list(): readonly UserSession[]
}

export type UserSessionRefusal = 'bad address' | 'bad teid' | 'bad qfi' | 'bad prefix' | 'tunnel in use' | 'no room'

export class UserSessionError extends Error {
  readonly reason: UserSessionRefusal

  constructor(reason: UserSessionRefusal, message: string) {
    super(`${reason}: ${message}`)
    this.name = 'UserSessionError'
    this.reason = reason
  }
}
