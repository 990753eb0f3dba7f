// The sessions. Both sides know a session by one SEID of ours: 16 bits say for which UPF it was made, 16 in which
// generation of the proxy, 32 are its number.

import { hexNumber } from '../../protocols/session-keys.ts'
import { read32, write16, write32 } from '../../wire/fields.ts'
import type { Breakout } from './breakouts.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Changes } from './snapshot-changes.ts'
import type { Steering, Tunnel, UeRoute } from './steering.ts'

/** A rule that packets enter by: a PDR or a Traffic Endpoint. */
export interface Rule {
  /** held once each */
  readonly tunnels: readonly Tunnel[]
  readonly routes: readonly UeRoute[]
}

/** Traffic Endpoint IDs have a byte, PDR IDs two. */
export const trafficEndpointRule = (id: number): number => 0x1_0000 + id

export interface Session {
  readonly number: number
  /** 8 bytes */
  readonly seid: Uint8Array
  smf: Smf
  /** 8 bytes */
  smfSeid: Uint8Array
  /** where the SMF takes requests about it */
  smfAddress: string
  upf: UpfPeer
  /** 8 bytes; null: not established */
  upfSeid: Uint8Array | null
  state: 'establishing' | 'up' | 'restoring' | 'lost'
  /** It is in no table any more. */
  gone: boolean
  readonly rules: Map<number, Rule>
  /** of requests that are under way */
  rulesToCome: number
  /** how many it has of the rules that say what becomes of packets, with those to come */
  treatments: number
  readonly dnn: string
  readonly createdMs: number
  /** FQ-CSIDs and identities of groups that it belongs to */
  sets: readonly string[]
  /** the request that would establish it again, with the addresses that the SMF knows; null: it is not kept */
  stored: Uint8Array | null
  /** what has changed since, not merged yet */
  changes: Uint8Array[]
  /** what of it leaves its tunnel before it comes to the UPF; null: it has had no such rules */
  breakout: Breakout | null
}

const lastNumber = 0xffff_ffff

export class SessionTable {
  readonly #sessions = new Map<number, Session>()
  readonly #generation: number
  readonly #changes: Changes
  #next = 0

  constructor(generation: number, changes: Changes) {
    this.#generation = generation & 0xffff
    this.#changes = changes
  }

  /** of the newest session there has been */
  get lastNumber(): number {
    return this.#next
  }

  /** The next number is so much beyond this one. */
  skipTo(number: number, leap: number): void {
    this.#next = (number + leap) % lastNumber
  }

  get size(): number {
    return this.#sessions.size
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values()
  }

  add(
    upf: UpfPeer,
    smf: Smf,
    { dnn, nowMs, smfAddress, smfSeid }: { dnn: string; nowMs: number; smfAddress: string; smfSeid: Uint8Array },
  ): Session {
    do this.#next = this.#next === lastNumber ? 1 : this.#next + 1
    while (this.#sessions.has(this.#next))
    const seid = new Uint8Array(8)
    write16(seid, 0, upf.index)
    write16(seid, 2, this.#generation)
    write32(seid, 4, this.#next)
    const session: Session = {
      number: this.#next,
      seid,
      smf,
      smfSeid,
      smfAddress,
      upf,
      upfSeid: null,
      state: 'establishing',
      gone: false,
      rules: new Map(),
      rulesToCome: 0,
      treatments: 0,
      dnn,
      createdMs: nowMs,
      sets: [],
      stored: null,
      changes: [],
      breakout: null,
    }
    this.#sessions.set(this.#next, session)
    upf.sessions.add(session)
    smf.sessions.add(session)
    return session
  }

  /** One of an engine before this one. */
  takeBack(session: Session): void {
    this.#sessions.set(session.number, session)
    session.upf.sessions.add(session)
    session.smf.sessions.add(session)
  }

  /** By the 8 bytes of a SEID of ours that stand at `at`. */
  find(bytes: Uint8Array, at: number): Session | null {
    const session = this.#sessions.get(read32(bytes, at + 4))
    if (session === undefined) return null
    for (let i = 0; i < 4; i++) if (session.seid[i] !== bytes[at + i]) return null
    return session
  }

  /** With all that leads to it. */
  remove(session: Session, steering: Steering, nowMs: number): void {
    if (session.gone) return
    session.gone = true
    this.#changes.gone(session)
    this.#sessions.delete(session.number)
    session.upf.sessions.delete(session)
    session.smf.sessions.delete(session)
    if (session.breakout !== null) steering.breakOut(session.breakout, null)
    for (const id of session.rules.keys()) removeRule(session, id, steering, nowMs)
  }
}

export function removeRule({ rules }: Session, id: number, steering: Steering, nowMs: number): void {
  const rule = rules.get(id)
  if (rule === undefined) return
  rules.delete(id)
  releaseRule(rule, steering, nowMs)
}

export function releaseRule({ routes, tunnels }: Rule, steering: Steering, nowMs: number): void {
  for (const tunnel of tunnels) steering.release(tunnel, nowMs)
  for (const route of routes) steering.releaseRoute(route)
}

/** The UPF has lost it: nothing leads there any more. */
export function silence({ breakout, rules }: Session, steering: Steering): void {
  if (breakout !== null) steering.breakOut(breakout, null)
  for (const { routes, tunnels } of rules.values()) {
    for (const tunnel of tunnels) steering.silence(tunnel)
    for (const route of routes) steering.silenceRoute(route)
  }
}

export const seidTextOf = (seid: Uint8Array): string => hexNumber(seid, 0, 8)
