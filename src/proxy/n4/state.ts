// What all parts of the proxy share: its tables, and the effects that gather while a datagram is handled.

import { Backlog } from './backlog.ts'
import { cause, element } from './elements.ts'
import { makeIdentity } from './identity.ts'
import { PoolLoad } from './load.ts'
import { body, elementBytes, elementOf, message } from './messages.ts'
import { defaultLimits, defaultTimers } from './model.ts'
import { PfdStore } from './pfd.ts'
import { SessionTable } from './sessions.ts'
import { Sets } from './sets.ts'
import { Changes } from './snapshot-changes.ts'
import { Steering } from './steering.ts'
import { ReceivedRequests, SentRequests } from './transactions.ts'
import type { PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Identity } from './identity.ts'
import type {
  BreakoutChange,
  Effects,
  HintChange,
  N4Event,
  N4Limits,
  N4Options,
  N4Settings,
  N4Timers,
  Outgoing,
  Place,
} from './model.ts'
import type { Smf, UpfPeer } from './peers.ts'
import type { Session } from './sessions.ts'
import type { Exchange } from './transactions.ts'

/** What becomes of a request of ours: exactly one of the two is called, once. */
export interface Awaited {
  answered(response: PfcpMessage): void
  failed(sequence: number): void
}

export interface Deletion {
  readonly upf: UpfPeer
  /** 8 bytes */
  readonly upfSeid: Uint8Array
  readonly done: () => void
}

/** A session that its UPF has lost, or is to give away. */
export interface Loss {
  readonly session: Session
  /** where it still is; null: nowhere */
  readonly old: { readonly upf: UpfPeer; readonly upfSeid: Uint8Array } | null
}

/** A number for each reason that anything was dropped, refused or done. */
class Counters {
  readonly #numbers = new Map<string, number>()

  add(name: string, by = 1): void {
    this.#numbers.set(name, (this.#numbers.get(name) ?? 0) + by)
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#numbers].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
}

export class N4State {
  options: N4Options
  timers: N4Timers
  limits: N4Limits
  /** for an engine to come */
  readonly changes: Changes
  /** milliseconds since 1970 when `nowMs` is 0 */
  readonly epochMs: number
  readonly identity: Identity
  /** by Node ID, and by each of their addresses */
  readonly smfs = new Map<string, Smf>()
  readonly smfAt = new Map<string, Smf>()
  /** by address */
  readonly upfs = new Map<string, UpfPeer>()
  readonly sessions: SessionTable
  readonly steering: Steering
  readonly sent: SentRequests<Awaited>
  readonly received: ReceivedRequests
  readonly counters = new Counters()
  readonly pfds: PfdStore
  readonly sets: Sets
  readonly poolLoad: PoolLoad
  /** UP Function Features that SMFs count on; null: nobody does */
  promised: Uint8Array | null = null
  /** Establishments that were given up, whose late answers are to be undone: until when. */
  readonly abandoned = new Map<string, number>()
  readonly deletions: Backlog<Deletion>
  readonly restorations: Backlog<Loss>
  readonly notices: Backlog<Loss>
  nowMs = 0
  /** No request is begun any more. */
  isLeaving = false
  #hints: HintChange[] = []
  #breakouts: BreakoutChange[] = []
  #send: Outgoing[] = []
  #events: N4Event[] = []

  constructor(options: N4Options, start: N4Starts) {
    this.options = options
    this.timers = { ...defaultTimers, ...options.timers }
    this.limits = { ...defaultLimits, ...options.limits }
    const { keeping } = options
    this.changes = new Changes(keeping !== undefined)
    this.epochMs = keeping === undefined ? 0 : keeping.wallMs - keeping.nowMs
    this.nowMs = keeping?.nowMs ?? 0
    this.identity = makeIdentity(options)
    this.sessions = new SessionTable(options.recoveryTimeStamp, this.changes)
    this.steering = new Steering({
      random: options.random,
      graceMs: this.timers.graceMs,
      hint: (change) => this.#hints.push(change),
      breakout: (change) => this.#breakouts.push(change),
      count: (name) => this.counters.add(name),
    })
    const { answers, atOnce, pending, retransmissions } = this.limits
    const { answersMs, retransmitMs } = this.timers
    this.sent = new SentRequests({ retransmitMs, retransmissions, limit: pending })
    this.received = new ReceivedRequests({ answersMs, answers, open: pending })
    this.pfds = new PfdStore(this.limits.pfdBytes)
    this.sets = new Sets(
      options.address,
      (theirs, ours) => this.changes.setNamed(theirs, ours),
      () => this.counters.add('csid-beyond-limit'),
    )
    this.poolLoad = new PoolLoad(options.hotPercent)
    this.deletions = new Backlog(atOnce, (deletion, done) => start.deletion(this, deletion, done))
    this.restorations = new Backlog(atOnce, (loss, done) => start.restoration(this, loss, done))
    this.notices = new Backlog(atOnce, (loss, done) => start.notice(this, loss, done))
  }

  /** To be called when sessions were added to what is to be done. */
  pump(): void {
    this.restorations.pump()
    this.notices.pump()
    this.deletions.pump()
  }

  configure({ hotPercent, limits, onFewerFeatures, onLoss, select, timers }: N4Settings): void {
    this.options = { ...this.options, select, onLoss, onFewerFeatures, hotPercent }
    this.timers = { ...this.timers, ...timers }
    this.limits = { ...this.limits, ...limits }
    this.sent.configure({ ...this.timers, ...this.limits })
    this.poolLoad.configure(hotPercent)
  }

  /** The answer may still come, and would be of a session that nobody waits for. */
  abandon(to: Place, sequence: number): void {
    if (this.abandoned.size >= mostAbandoned) return this.counters.add('late-answers-not-awaited')
    this.abandoned.set(`${to.address}/${sequence}`, this.nowMs + this.timers.answersMs)
  }

  event(event: N4Event): void {
    this.#events.push(event)
    this.changes.nodesChanged()
  }

  send(to: Place, bytes: Uint8Array): Outgoing {
    const outgoing = { to, bytes }
    this.#send.push(outgoing)
    return outgoing
  }

  /** Is sent again until it is answered. */
  request(to: Place, { awaited, body: elements, priority = null, seid = null, type }: Request): Outgoing {
    const sequence = this.sent.nextSequence(to.address)
    const outgoing = this.send(to, message({ type, seid, sequence, priority }, elements))
    this.sent.add(outgoing, type, sequence, awaited, this.nowMs)
    return outgoing
  }

  /** Answers with these elements. `seid`: of the asker; null: a message about nodes. */
  respond(exchange: Exchange, seid: Uint8Array | null, elements: Uint8Array): void {
    const { from, priority, sequence, type } = exchange
    const bytes = message({ type: type + 1, seid, sequence, priority }, elements)
    if (!this.received.answer(exchange, bytes, this.nowMs)) this.counters.add('answers-forgotten')
    this.changes.answered({ key: exchange.key, digest: exchange.digest, bytes })
    this.send(from, bytes)
  }

  /** Answers that it was done, or why it was not. */
  respondCause(exchange: Exchange, seid: Uint8Array | null, value: number, offending: number | null = null): void {
    if (value !== cause.accepted) this.counters.add(`refused-${value}`)
    this.respond(exchange, seid, this.causeBody(exchange.type, value, offending))
  }

  /** A refusal of a session message has no Node ID but for the one that would have made the session. */
  causeBody(type: number, value: number, offending: number | null): Uint8Array {
    return body(
      namesNode(type) ? this.identity.nodeIdElement : null,
      elementOf(element.cause, value),
      offending === null ? null : elementBytes(element.offendingIe, Uint8Array.of(offending >> 8, offending & 0xff)),
    )
  }

  takeEffects(): Effects {
    const effects = { hints: this.#hints, breakouts: this.#breakouts, send: this.#send, events: this.#events }
    this.#hints = []
    this.#breakouts = []
    this.#send = []
    this.#events = []
    return effects
  }
}

/** How many late answers are waited for. */
const mostAbandoned = 4096
const pfdManagementRequest = 3
const establishmentRequest = 50

const namesNode = (type: number): boolean =>
  type === establishmentRequest || (type < establishmentRequest && type !== pfdManagementRequest)

export interface Request {
  readonly type: number
  /** of the receiver; null: a message about nodes */
  readonly seid?: Uint8Array | null
  readonly priority?: number | null
  readonly body: Uint8Array
  readonly awaited: Awaited
}

/** How the work of the backlogs begins; each calls `done` once. */
export interface N4Starts {
  deletion(state: N4State, deletion: Deletion, done: () => void): void
  restoration(state: N4State, loss: Loss, done: () => void): void
  notice(state: N4State, loss: Loss, done: () => void): void
}

export const nothing = (): void => undefined
