// What outlives the engine, as records: whole, or what has changed since the last time. Each record says all of what it
// is about, so that the last one counts; what comes before a datagram leaves is to be written before it does.

import { Writer } from '../../wire/writer.ts'
import { putBytes, putList, putText } from './snapshot-bytes.ts'
import { putNodes } from './snapshot-nodes.ts'
import { putSession } from './snapshot-sessions.ts'
import type { Session } from './sessions.ts'
import type { N4State } from './state.ts'

/** The first byte of a record. */
export const recordKind = { numbers: 1, nodes: 2, pfds: 3, set: 4, session: 5, gone: 6, answer: 7 } as const

/** Nodes change seldom, and not always with an event: they are looked at this often. */
const lookMs = 1000
/** Sequence numbers are written when one has come so far; who starts again leaves out more than that. */
const numbersStride = 1 << 18

/** Each record is written here first. */
const scratch = new Writer()

const recordOf = (kind: number, put: (to: Writer) => void): Uint8Array => {
  put(scratch.clear().u8(kind))
  return scratch.done()
}

const sessionRecord = (state: N4State, session: Session): Uint8Array =>
  recordOf(recordKind.session, (to) => putSession(to, state, session))

export interface KeptAnswer {
  readonly key: string
  readonly digest: number
  readonly bytes: Uint8Array
}

const answerRecord = ({ bytes, digest, key }: KeptAnswer): Uint8Array =>
  recordOf(recordKind.answer, (to) => {
    putBytes(to, Buffer.from(key, 'latin1'))
    to.u32(digest >>> 0)
    putBytes(to, bytes)
  })

const setRecord = ([theirs, ours]: readonly [number, number]): Uint8Array =>
  recordOf(recordKind.set, (to) => to.uint(6, theirs).u16(ours))

const nodesRecord = (state: N4State): Uint8Array => recordOf(recordKind.nodes, (to) => putNodes(to, state))

const pfdsRecord = ({ pfds }: N4State): Uint8Array =>
  recordOf(recordKind.pfds, (to) => putList(to, pfds.requests(), putBytes))

const numbersRecord = ({ poolLoad, sent, sessions }: N4State): Uint8Array =>
  recordOf(recordKind.numbers, (to) => {
    to.u32(sessions.lastNumber).u32(poolLoad.sequence)
    putList(to, [...sent.sequences], (_, [address, sequence]) => {
      putText(to, address)
      to.u24(sequence)
    })
  })

/** Everything, a record at a time; what changes meanwhile may be in it or not. */
export function* allRecords(state: N4State): Generator<Uint8Array> {
  yield numbersRecord(state)
  yield nodesRecord(state)
  yield pfdsRecord(state)
  for (const set of state.sets) yield setRecord(set)
  let left = state.sessions.size
  for (const session of state.sessions) {
    if (session.state !== 'establishing') yield sessionRecord(state, session)
    // Those that have come since then are among the changes.
    if (--left <= 0) break
  }
  for (const answer of state.received.answered()) yield answerRecord(answer)
}

/** Says nothing, and takes nothing, unless somebody writes it down. */
export class Changes {
  readonly #isKept: boolean
  readonly #touched = new Set<Session>()
  #gone: number[] = []
  #answers: KeptAnswer[] = []
  #sets: (readonly [number, number])[] = []
  #pfds = false
  #nodes = true
  #nextLookMs = 0
  #knownNodes: Uint8Array = new Uint8Array()
  readonly #knownSequences = new Map<string, number>()

  constructor(isKept: boolean) {
    this.#isKept = isKept
  }

  touch(session: Session): void {
    if (this.#isKept) this.#touched.add(session)
  }

  gone({ number, state }: Session): void {
    if (this.#isKept && state !== 'establishing') this.#gone.push(number)
  }

  answered(answer: KeptAnswer): void {
    if (this.#isKept) this.#answers.push(answer)
  }

  setNamed(theirs: number, ours: number): void {
    if (this.#isKept) this.#sets.push([theirs, ours])
  }

  pfdsChanged(): void {
    this.#pfds = true
  }

  /** Something has happened that an operator wants to read about: then it is about a node. */
  nodesChanged(): void {
    this.#nodes = true
  }

  /** What has changed since the last call; empty: nothing. */
  take(state: N4State): readonly Uint8Array[] {
    const records: Uint8Array[] = []
    this.#takeNodes(state, records)
    if (this.#pfds) records.push(pfdsRecord(state))
    for (const set of this.#sets) records.push(setRecord(set))
    for (const session of this.#touched)
      if (!session.gone && session.state !== 'establishing') records.push(sessionRecord(state, session))
    for (const number of this.#gone) records.push(recordOf(recordKind.gone, (to) => to.u32(number)))
    for (const answer of this.#answers) records.push(answerRecord(answer))
    this.#pfds = false
    if (this.#sets.length > 0) this.#sets = []
    if (this.#gone.length > 0) this.#gone = []
    if (this.#answers.length > 0) this.#answers = []
    this.#touched.clear()
    return records
  }

  #takeNodes(state: N4State, records: Uint8Array[]): void {
    if (!this.#nodes && state.nowMs < this.#nextLookMs) return
    this.#nodes = false
    this.#nextLookMs = state.nowMs + lookMs
    const nodes = nodesRecord(state)
    if (Buffer.compare(nodes, this.#knownNodes) !== 0) records.push(nodes)
    this.#knownNodes = nodes
    let isFar = false
    for (const [address, sequence] of state.sent.sequences) {
      const known = this.#knownSequences.get(address)
      isFar ||= known === undefined || sequence < known || sequence - known >= numbersStride
    }
    if (!isFar) return
    for (const [address, sequence] of state.sent.sequences) this.#knownSequences.set(address, sequence)
    records.push(numbersRecord(state))
  }
}
