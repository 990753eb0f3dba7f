// From a punted packet to what its handler answers, and to the answer's deeds: maps first, then packets. Knows no clock
// and no socket: the daemon and `replay` run the same code.

import { DecodeError } from '../../wire/decode-error.ts'
import { flowKeyName, partnerKey } from './flow-pair.ts'
import { drop } from './handler.ts'
import { Lanes } from './lanes.ts'
import type { Answer, Handler, MapChange, PuntedPacket, Settled } from './handler.ts'
import type { Lane, QueueLimits } from './lanes.ts'
import type { PuntReason } from '../layout.gen.ts'
import type { Statistics } from './statistics.ts'
import type { Log } from '../../lb/log.ts'

/** A map did not take an answer's change; the packets of the answer are not sent. */
export class MapChangeError extends Error {
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MapChangeError'
    this.reason = reason
  }
}

/** Where packets leave. */
export interface PacketSink {
  /**
   * Whole IP packets, in this order; each is routed once. For those that were not sent it returns why, in few words.
   * `ifindex` is where the packet that is answered came in: a link-local address means nothing without it.
   */
  send(packets: readonly Uint8Array[], ifindex: number): readonly string[]
}

export interface DispatchLimits {
  readonly queues: Readonly<Record<PuntReason, QueueLimits>>
  /** how long a packet may wait for its turn, and then for its answer */
  readonly waitMs: number
  readonly answerMs: number
}

export interface DispatchOptions {
  readonly handlers: readonly Handler[]
  readonly limits: DispatchLimits
  readonly change: (changes: readonly MapChange[]) => void
  readonly sink: PacketSink
  readonly statistics: Statistics
  /** how old a packet is, from the time the fast path has written on it */
  readonly ageMs: (packet: PuntedPacket) => number
  readonly now: () => number
  /** there are packets that were held up by one that is answered now */
  readonly onReady: () => void
  readonly log: Log
}

interface InHand {
  readonly lane: Lane
  readonly packet: PuntedPacket
  readonly sinceMs: number
}

export class Dispatch {
  readonly #options: DispatchOptions
  readonly #handlers: ReadonlyMap<PuntReason, readonly Handler[]>
  readonly #lanes: Lanes
  /** with asynchronous handlers */
  readonly #inHand = new Set<InHand>()

  constructor(options: DispatchOptions) {
    this.#options = options
    this.#handlers = Map.groupBy(options.handlers, ({ reason }) => reason)
    this.#lanes = new Lanes((reason) => options.limits.queues[reason])
  }

  /** False when a packet must not even be copied: it is dropped by name. */
  admits(reason: PuntReason, hasFlow: boolean): boolean {
    const statistics = this.#options.statistics.of(reason)
    statistics.received++
    const refusal = !this.#handlers.has(reason)
      ? 'no handler'
      : this.#lanes.admits(reason, hasFlow)
        ? null
        : hasFlow
          ? 'queue full'
          : 'queue full for new flows'
    if (refusal !== null) statistics.dropped.add(refusal)
    return refusal === null
  }

  /** A packet that was admitted. */
  add(packet: PuntedPacket): void {
    this.#lanes.add(laneNames(packet), packet)
    this.#countWaiting(packet.reason)
  }

  /** Hands up to `most` packets to their handlers; true when there are more. */
  run(most: number): boolean {
    for (let count = 0; count < most; count++) {
      const next = this.#lanes.take()
      if (next === null) return false
      this.#handle(next.lane, next.packet)
    }
    return true
  }

  /** What handlers have to do without a new packet, and packets whose handler takes too long. */
  due(): void {
    const nowMs = this.#options.now()
    for (const each of this.#inHand)
      if (nowMs - each.sinceMs >= this.#options.limits.answerMs) this.#asynchronous(each, drop('no answer'))
    for (const handler of this.#options.handlers) this.#settle(handler, nowMs)
  }

  /** Answers that are still to come find nobody. */
  close(): void {
    this.#inHand.clear()
  }

  hurries(): boolean {
    return this.#options.handlers.some((handler) => handler.hurries?.() ?? false)
  }

  #handle(lane: Lane, packet: PuntedPacket): void {
    const nowMs = this.#options.now()
    if (nowMs - packet.nowMs >= this.#options.limits.waitMs) return this.#finish(lane, packet, drop('queue: time'))
    const handler = this.#handlers.get(packet.reason)?.find((each) => each.wants?.(packet) ?? true)
    if (handler === undefined) return this.#finish(lane, packet, drop('no handler'))
    let answer: Answer | Promise<Answer>
    try {
      answer = handler.handle(packet)
    } catch (error) {
      answer = this.#failure(error, packet)
    }
    if (!(answer instanceof Promise)) {
      this.#finish(lane, packet, answer)
      if (answer.kind === 'keep') this.#settle(handler, nowMs)
      return
    }
    const inHand = { lane, packet, sinceMs: nowMs }
    this.#inHand.add(inHand)
    answer.then(
      (result) => this.#asynchronous(inHand, result),
      (error: unknown) => this.#asynchronous(inHand, this.#failure(error, packet)),
    )
  }

  /** An answer that comes after its time would overtake, and is none any more. */
  #asynchronous(inHand: InHand, answer: Answer): void {
    if (!this.#inHand.delete(inHand)) return
    this.#finish(inHand.lane, inHand.packet, answer)
    this.#options.onReady()
  }

  #failure(error: unknown, { reason }: PuntedPacket): Answer {
    if (error instanceof DecodeError) return drop(error.reason)
    this.#options.log.error({ error: String(error), reason }, 'a handler of the slow path failed')
    return drop('handler failed')
  }

  #finish(lane: Lane, packet: PuntedPacket, answer: Answer): void {
    if (answer.kind !== 'keep') this.#perform(packet.reason, [packet], answer, packet.punt.ifindex)
    this.#lanes.done(lane, packet)
    this.#countWaiting(packet.reason)
  }

  #settle(handler: Handler, nowMs: number): void {
    try {
      for (const { answer, packets } of handler.due?.(nowMs) ?? [])
        this.#perform(handler.reason, packets, answer, packets[0]?.punt.ifindex ?? 0)
    } catch (error) {
      this.#options.log.error({ error: String(error), reason: handler.reason }, 'a handler of the slow path failed')
    }
  }

  #perform(reason: PuntReason, packets: readonly PuntedPacket[], answer: Settled['answer'], ifindex: number): void {
    const { sink, statistics } = this.#options
    const counts = statistics.of(reason)
    const failure = this.#change(answer.changes ?? [])
    for (const packet of packets) counts.took(Math.max(0, this.#options.ageMs(packet)))
    if (failure !== null || answer.kind === 'drop') {
      counts.dropped.add(answer.kind === 'drop' ? answer.reason : (failure ?? ''), Math.max(1, packets.length))
      return
    }
    counts.answered += packets.length
    if (answer.packets.length === 0) return
    const unsent = sink.send(answer.packets, ifindex)
    statistics.sent += answer.packets.length - unsent.length
    for (const name of unsent) statistics.unsent.add(name)
  }

  #change(changes: readonly MapChange[]): string | null {
    if (changes.length === 0) return null
    try {
      this.#options.change(changes)
      return null
    } catch (error) {
      if (!(error instanceof MapChangeError)) throw error
      return error.reason
    }
  }

  #countWaiting(reason: PuntReason): void {
    this.#options.statistics.of(reason).waiting = this.#lanes.count(reason)
  }
}

/** Both directions of a flow are one lane. */
function laneNames({ flow, punt }: PuntedPacket): readonly string[] {
  const own = flowKeyName(punt.key)
  return flow === null ? [own] : [own, flowKeyName(partnerKey(punt.key, flow))]
}
