// What an engine left behind, taken up by the next one: records in the order in which they were written, of which the
// last about a thing counts.

import { Reader } from '../../wire/reader.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { followBreakout } from './breakouts.ts'
import { loseSessions } from './failure.ts'
import { recordKind } from './snapshot-changes.ts'
import { readBytes, readList, readText } from './snapshot-bytes.ts'
import { readNodes } from './snapshot-nodes.ts'
import { readSession, sessionNumber } from './snapshot-sessions.ts'
import { mergeChanges } from './stored.ts'
import type { KeptAnswer } from './snapshot-changes.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'

/** Of the layout of records; another one is not read. */
export const snapshotVersion = 2

/** Requests that have been sent since their numbers were written are fewer than this. */
const sequenceLeap = 1 << 20
const lastSequence = 0xff_ffff
/** The same of sequence numbers of load reports. */
const loadLeap = 1 << 10

export class Snapshot {
  #numbers: Uint8Array | null = null
  #nodes: Uint8Array | null = null
  #pfds: Uint8Array | null = null
  readonly #sets = new Map<number, number>()
  readonly #sessions = new Map<number, Uint8Array>()
  readonly #answers = new Map<string, KeptAnswer>()
  /** the number of the newest session, also of one that has gone */
  #newest = 0

  /** Sessions that were there in the end. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Views of the record are kept. Throws DecodeError for what is none. */
  add(record: Uint8Array): void {
    const from = new Reader(record)
    const kind = from.u8()
    const body = record.subarray(1)
    switch (kind) {
      case recordKind.numbers:
        this.#numbers = body
        return
      case recordKind.nodes:
        this.#nodes = body
        return
      case recordKind.pfds:
        this.#pfds = body
        return
      case recordKind.set:
        this.#sets.set(from.uint(6), from.u16())
        return from.finish()
      case recordKind.session: {
        // The SEID, which has the number in it.
        from.take(8)
        const number = sessionNumber(body)
        // Again at the end: of what it shares with others the last one to speak knows best.
        this.#sessions.delete(number)
        this.#sessions.set(number, body)
        return this.#seen(number)
      }
      case recordKind.gone: {
        const number = from.u32()
        this.#sessions.delete(number)
        this.#seen(number)
        return from.finish()
      }
      case recordKind.answer: {
        const key = Buffer.from(readBytes(from)).toString('latin1')
        const answer = { key, digest: from.u32() | 0, bytes: readBytes(from) }
        // Again at the end: the oldest are forgotten first.
        this.#answers.delete(answer.key)
        this.#answers.set(answer.key, answer)
        return from.finish()
      }
      default:
        throw new DecodeError('a record of no known kind', 0)
    }
  }

  /** Numbers go round. */
  #seen(number: number): void {
    if (((number - this.#newest) | 0) > 0) this.#newest = number
  }

  /** Makes an engine's state, which is empty, what the records say. Throws DecodeError where they say nothing whole. */
  restore(state: N4State): void {
    if (this.#nodes === null) throw new DecodeError('no nodes are named', 0)
    this.#restoreNumbers(state)
    const nodes = new Reader(this.#nodes)
    readNodes(nodes, state)
    nodes.finish()
    if (this.#pfds !== null) for (const body of readAll(this.#pfds, readBytes)) state.pfds.take(body)
    for (const [theirs, ours] of this.#sets) state.sets.takeBack(theirs, ours)
    const upfAt = new Map([...state.upfs.values()].map((upf) => [upf.index, upf]))
    const sessions: Session[] = []
    for (const [number, body] of this.#sessions) {
      const session = readSession(new Reader(body), state, upfAt)
      if (session === null) state.counters.add('kept-session-of-no-node')
      else sessions.push(session)
      this.#sessions.delete(number)
    }
    sessions.sort((a, b) => a.createdMs - b.createdMs || a.number - b.number)
    for (const session of sessions) state.sessions.takeBack(session)
    for (const answer of this.#answers.values())
      if (!state.received.takeBack(answer, state.nowMs)) state.counters.add('answers-forgotten')
    this.#answers.clear()
  }

  #restoreNumbers(state: N4State): void {
    state.sessions.skipTo(this.#newest, state.limits.pending)
    if (this.#numbers === null) return
    const from = new Reader(this.#numbers)
    const last = from.u32()
    this.#seen(last)
    state.sessions.skipTo(this.#newest, state.limits.pending)
    state.poolLoad.skipTo(from.u32() + loadLeap)
    for (const [address, sequence] of readList(from, () => [readText(from), from.u24()] as const))
      state.sent.skipTo(address, ((sequence + sequenceLeap) % lastSequence) + 1)
    from.finish()
  }
}

const readAll = <Item>(body: Uint8Array, read: (from: Reader) => Item): readonly Item[] => {
  const from = new Reader(body)
  const items = readList(from, read)
  from.finish()
  return items
}

/** What was under way is begun again. The pool is what it is to be. */
export function goOn(state: N4State): void {
  for (const session of state.sessions) {
    if (session.state === 'restoring') state.restorations.add({ session, old: null })
    else if (session.state === 'lost' && state.options.onLoss !== 'refuse') state.notices.add({ session, old: null })
    else if (session.state === 'up' && session.upf.state === 'up') breakOutAgain(state, session)
  }
  // Of many changes some may have been kept and others not; that the UPF was lost is said first.
  for (const upf of state.upfs.values()) {
    const isLost = upf.state !== 'up' && upf.sessions.values().some((session) => session.state === 'up')
    if (isLost) loseSessions(state, upf, 'heartbeat')
  }
}

/** The fast path has forgotten it. */
function breakOutAgain(state: N4State, session: Session): void {
  if (state.options.localNetworkInstances.length === 0) return
  const stored = mergeChanges(session)
  if (stored !== null) followBreakout(state, session, stored)
}
