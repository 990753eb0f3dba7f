// Sessions with uplink classifiers: whose traffic to which places leaves its tunnel here. Whoever knows sessions (the
// configuration, the API, signalling) installs them; a datapath performs it. Who may change which: user-session-owners.

/** What the fast path has room for: LIMIT_UPLINKS and LIMIT_CLASSIFIERS of bpf/shared/limits.h; a test compares. */
export const userSessionLimits = {
  /** UE addresses of all sessions */
  addresses: 65_536,
  /** of all sessions */
  classifiers: 262_144,
} as const

export interface UserSession {
  /** canonical text: one of IPv4, one of IPv6 (any of the user's 64 bits), or both, which share the tunnel */
  readonly ueAddresses: readonly string[]
  /** how G-PDUs of the user come in: outer destination, TEID */
  readonly uplink: TunnelEnd
  /** where what goes back is sent: the access network's address and TEID; the outer source is `uplink.address` */
  readonly downlink: TunnelEnd
  /** places that are local for it; none: all of its traffic goes on */
  readonly classifiers: readonly Classifier[]
}

/** One end of a tunnel (F-TEID). */
export interface TunnelEnd {
  /** canonical text */
  readonly address: string
  /** 1 to 2^32 - 1 */
  readonly teid: number
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
   * Replaces the sessions that have one of its addresses. Counts go on where the user and the uplink tunnel stay. In
   * the fast path before this returns. Throws UserSessionError, and then nothing has changed.
   */
  install(session: UserSession): void
  /** The session that has this address, with all of its addresses. False: there is none. */
  remove(ueAddress: string): boolean
  /** Null: there is none. */
  counts(ueAddress: string): UserSessionCounts | null
  list(): readonly UserSession[]
}

export type UserSessionRefusal =
  'bad address' | 'bad teid' | 'bad qfi' | 'bad prefix' | 'tunnel in use' | 'other owner' | 'no room'

export class UserSessionError extends Error {
  readonly reason: UserSessionRefusal

  constructor(reason: UserSessionRefusal, message: string) {
    super(`${reason}: ${message}`)
    this.name = 'UserSessionError'
    this.reason = reason
  }
}
