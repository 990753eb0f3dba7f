// Hints, as whoever reads signalling asks for them: which endpoint of a service a session lives on. What a datapath may
// refuse has a name, and nothing of a batch is done where one of it is refused.

import type { Traffic } from './datapath.ts'
import type { Service } from './model.ts'

export type SessionKind = 'teid' | 'ue-ip'

/** What a session is known by in one service. */
export interface SessionKey {
  /** the service's name */
  readonly service: string
  readonly kind: SessionKind
  /** `teid`: 4 bytes, as on the wire; `ue-ip`: the address, 4 or 16, of which a user of IPv6 has the first 8 */
  readonly key: Uint8Array
  /**
   * `ue-ip`: bits of the key that count, at least 1; left out: 32 of IPv4, 64 of IPv6. The longest prefix that an
   * address is in counts.
   */
  readonly prefixBits?: number
}

export interface HintChange extends SessionKey {
  /** `remove` is of the hint that names this endpoint: what has gone to another one since stays. */
  readonly action: 'install' | 'remove'
  /** address of an endpoint of the service, canonical text */
  readonly endpoint: string
  /** `install`: the TEID that the endpoint knows the tunnel by, where it is another one; null: nothing is rewritten */
  readonly identifier: number | null
  /** `install`: a hint that names another endpoint gives way; without this it is a conflict */
  readonly takesOver?: boolean
  /** `remove`: milliseconds that it is still obeyed, for what is on its way; until then anybody may replace it */
  readonly graceMs: number
  /** `remove`: its session lives on, so that the next hint under the key goes on counting where this one ended */
  readonly keepsCounts?: boolean
}

/** What has become of changes since the start. */
export interface HintCounts {
  readonly installed: number
  readonly removed: number
  /** the key was another endpoint's; these are refused */
  readonly conflicts: number
  /** of `refused`, by its reason; a conflict is one of them */
  readonly refused: Readonly<Record<string, number>>
}

export interface HintControl {
  /**
   * In order; all of them or none. The fast path sees them before this returns. Throws HintError for what cannot be.
   */
  apply(changes: readonly HintChange[]): void
  /** All of a service go at once, whoever has installed them; also those of an earlier process. */
  forget(service: string): void
  /** The same but for those of these keys, and those that leave already: their sessions are still there. */
  keepOnly(service: string, keys: Iterable<SessionKey>): void
  /**
   * The packets of the user that each has led to an endpoint, and their bytes without the tunnel; in the order of the
   * keys. A hint that gives way to another one of its session hands its counts on, but for packets of the same
   * microseconds. Null: there is none.
   */
  traffic(keys: readonly SessionKey[]): readonly (Traffic | null)[]
  /** Milliseconds since each has led a packet, in the order of the keys. Null: it has led none, or there is none. */
  idleMs(keys: readonly SessionKey[]): readonly (number | null)[]
  counts(): HintCounts
}

export type HintRefusal =
  | 'no such service'
  | 'not a session service'
  | 'no such endpoint'
  | 'bad key'
  | 'kind not served'
  | 'bad prefix'
  | 'identifier in mode dsr'
  | 'bad identifier'
  | 'conflict'
  | 'no room'

export class HintError extends Error {
  readonly reason: HintRefusal
  /** of the change that is refused, among those of the call */
  readonly index: number

  constructor(reason: HintRefusal, index: number, message: string) {
    super(`${reason}: ${message}`)
    this.name = 'HintError'
    this.reason = reason
    this.index = index
  }
}

/** What is wrong with a change whatever hints there are; null: nothing. */
export function wrongWith(change: HintChange, service: Service | undefined): HintRefusal | null {
  if (service === undefined) return 'no such service'
  if (service.select !== 'n3' && service.select !== 'n6') return 'not a session service'
  if (change.kind !== (service.select === 'n3' ? 'teid' : 'ue-ip')) return 'kind not served'
  if (change.kind === 'ue-ip') return wrongWithUser(change)
  if (change.key.length !== 4 || change.key.every((byte) => byte === 0)) return 'bad key'
  if (change.action === 'remove' || change.identifier === null) return null
  // The endpoint gets the packet as it came, and inside another one nothing is written.
  if (service.mode === 'dsr') return 'identifier in mode dsr'
  const { identifier } = change
  return Number.isInteger(identifier) && identifier > 0 && identifier <= 0xffff_ffff ? null : 'bad identifier'
}

function wrongWithUser({ action, identifier, key, prefixBits }: HintChange): HintRefusal | null {
  if ((key.length !== 4 && key.length !== 16) || key.every((byte) => byte === 0)) return 'bad key'
  const bits = prefixBits ?? 1
  if (!Number.isInteger(bits) || bits < 1 || bits > key.length * 8) return 'bad prefix'
  return action === 'install' && identifier !== null ? 'bad identifier' : null
}

/** Counts what is said of changes. */
export class HintCounter {
  #installed = 0
  #removed = 0
  readonly #refused = new Map<string, number>()

  done(changes: readonly HintChange[]): void {
    for (const { action } of changes)
      if (action === 'install') this.#installed++
      else this.#removed++
  }

  refused(reason: HintRefusal): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
  }

  read(): HintCounts {
    return {
      installed: this.#installed,
      removed: this.#removed,
      conflicts: this.#refused.get('conflict') ?? 0,
      refused: Object.fromEntries(this.#refused),
    }
  }
}
