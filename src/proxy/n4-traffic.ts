// What was counted of the packets of N4 sessions: by the hints that lead them, and where a user's local traffic leaves
// its tunnel.

import { sumOf } from '../lb/datapath.ts'
import { number32 } from './n4/messages.ts'
import type { Traffic } from '../lb/datapath.ts'
import type { HintControl, SessionKey } from '../lb/hints.ts'
import type { N4Session, N4Traffic } from '../lb/n4-status.ts'
import type { UserSessionOwners } from '../lb/user-session-owners.ts'
import type { DescribedSession } from './n4/describe.ts'
import type { N4Hints } from './n4-hints.ts'

export interface N4CountersOptions {
  readonly hints: Pick<HintControl, 'traffic'>
  readonly keys: Pick<N4Hints, 'keyOf'>
  readonly userSessions: Pick<UserSessionOwners, 'counts' | 'find'>
}

interface Keys {
  readonly uplink: readonly SessionKey[]
  readonly downlink: readonly SessionKey[]
}

export class N4Counters {
  readonly #options: N4CountersOptions

  constructor(options: N4CountersOptions) {
    this.#options = options
  }

  /** All of them are looked up together. */
  of(sessions: readonly DescribedSession[]): readonly N4Session[] {
    const keys = sessions.map((session) => this.#keysOf(session))
    const found = this.#options.hints.traffic(keys.flatMap(({ downlink, uplink }) => [...uplink, ...downlink]))
    let at = 0
    const take = (count: number): readonly Traffic[] =>
      found.slice(at, (at += count)).flatMap((one) => (one === null ? [] : [one]))
    return sessions.map(({ keys: _, ...session }, index) => {
      const { downlink, uplink } = keys[index]!
      const local = this.#localOf(session.ueAddresses)
      const counted = { uplink: take(uplink.length), downlink: take(downlink.length) }
      return {
        ...session,
        uplink: totalOf(uplink, counted.uplink, local?.uplink),
        downlink: totalOf(downlink, counted.downlink, local?.downlink),
      }
    })
  }

  #keysOf({ keys: { down, up, users } }: DescribedSession): Keys {
    const of = (kind: SessionKey['kind'], key: Uint8Array, bits: number | null): readonly SessionKey[] => {
      const found = this.#options.keys.keyOf({ kind, key, prefixBits: bits })
      return found === null ? [] : [found]
    }
    return {
      uplink: up.flatMap((teid) => of('teid', number32(teid), null)),
      downlink: [
        ...down.flatMap((teid) => of('teid', number32(teid), null)),
        ...users.flatMap(({ bits, key }) => of('ue-ip', key, bits)),
      ],
    }
  }

  /** A session of both families counts once. */
  #localOf(ueAddresses: readonly string[]): { readonly [Way in keyof N4Traffic]: Traffic } | null {
    const { userSessions } = this.#options
    const addresses = ueAddresses.map((text) => text.slice(0, text.indexOf('/')))
    const its = new Set(addresses.flatMap((address) => userSessions.find(address) ?? []))
    const counts = [...its].flatMap(({ session }) => userSessions.counts(session.ueAddresses[0]!) ?? [])
    if (counts.length === 0) return null
    return {
      uplink: sumOf(counts.map(({ uplink }) => uplink)),
      downlink: sumOf(counts.map(({ downlink }) => downlink)),
    }
  }
}

/** Null: nobody would count. */
function totalOf(keys: readonly SessionKey[], counted: readonly Traffic[], local: Traffic | undefined): Traffic | null {
  if (keys.length === 0 && local === undefined) return null
  return sumOf(local === undefined ? counted : [...counted, local])
}
