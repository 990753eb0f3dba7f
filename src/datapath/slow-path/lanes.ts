// Who is next. The packets of one flow form a lane and go in their order, one at a time; lanes of flows go before those
// of packets without one. Each reason has limits of its own.

import type { PuntReason } from '../layout.gen.ts'
import type { PuntedPacket } from './handler.ts'

export interface QueueLimits {
  /** packets that wait; of those without a flow only `withoutFlow` */
  readonly queued: number
  readonly withoutFlow: number
  /** packets that handlers work on at one time */
  readonly inHand: number
}

export interface Lane {
  /** the keys of its packets: both directions of a flow */
  readonly names: Set<string>
  readonly packets: PuntedPacket[]
  /** one of them has a flow */
  hasFlow: boolean
  /** a handler works on a packet of it */
  busy: boolean
}

export class Lanes {
  readonly #limits: (reason: PuntReason) => QueueLimits
  readonly #byName = new Map<string, Lane>()
  readonly #ready = { withFlow: new Set<Lane>(), withoutFlow: new Set<Lane>() }
  /** for a handler of this reason to be done */
  readonly #waiting = new Map<PuntReason, Set<Lane>>()
  readonly #queued = new Map<PuntReason, number>()
  readonly #inHand = new Map<PuntReason, number>()

  constructor(limits: (reason: PuntReason) => QueueLimits) {
    this.#limits = limits
  }

  /** Whether there is room; asked before a packet is copied. */
  admits(reason: PuntReason, hasFlow: boolean): boolean {
    const { queued, withoutFlow } = this.#limits(reason)
    return count(this.#queued, reason) < (hasFlow ? queued : withoutFlow)
  }

  /** `names`: the packet's key, and where it has a flow that of the other direction. */
  add(names: readonly string[], packet: PuntedPacket): void {
    const known = names.map((name) => this.#byName.get(name)).find((each) => each !== undefined)
    const lane = known ?? { names: new Set(), packets: [], hasFlow: false, busy: false }
    for (const name of names) {
      if (this.#byName.has(name)) continue
      this.#byName.set(name, lane)
      lane.names.add(name)
    }
    lane.packets.push(packet)
    change(this.#queued, packet.reason, 1)
    // What came before its flow was known goes with it: it must not be overtaken.
    if (packet.flow !== null && !lane.hasFlow) {
      lane.hasFlow = true
      this.#ready.withoutFlow.delete(lane)
    }
    if (!lane.busy && !this.#isWaiting(lane)) this.#setReady(lane)
  }

  /** The next packet, which is then in hand until `done`. */
  take(): { readonly lane: Lane; readonly packet: PuntedPacket } | null {
    for (const ready of [this.#ready.withFlow, this.#ready.withoutFlow]) {
      for (const lane of ready) {
        ready.delete(lane)
        const packet = lane.packets[0]!
        if (count(this.#inHand, packet.reason) >= this.#limits(packet.reason).inHand) {
          this.#wait(packet.reason, lane)
          continue
        }
        lane.packets.shift()
        lane.busy = true
        change(this.#queued, packet.reason, -1)
        change(this.#inHand, packet.reason, 1)
        return { lane, packet }
      }
    }
    return null
  }

  done(lane: Lane, { reason }: PuntedPacket): void {
    change(this.#inHand, reason, -1)
    lane.busy = false
    if (lane.packets.length > 0) this.#setReady(lane)
    else for (const name of lane.names) this.#byName.delete(name)
    const waiting = this.#waiting.get(reason)
    if (waiting === undefined) return
    this.#waiting.delete(reason)
    for (const each of waiting) this.#setReady(each)
  }

  /** Of a reason: queued or in hand. */
  count(reason: PuntReason): number {
    return count(this.#queued, reason) + count(this.#inHand, reason)
  }

  #setReady(lane: Lane): void {
    ;(lane.hasFlow ? this.#ready.withFlow : this.#ready.withoutFlow).add(lane)
  }

  #wait(reason: PuntReason, lane: Lane): void {
    const waiting = this.#waiting.get(reason)
    if (waiting === undefined) this.#waiting.set(reason, new Set([lane]))
    else waiting.add(lane)
  }

  #isWaiting(lane: Lane): boolean {
    return [...this.#waiting.values()].some((waiting) => waiting.has(lane))
  }
}

const count = (counts: ReadonlyMap<PuntReason, number>, reason: PuntReason): number => counts.get(reason) ?? 0

const change = (counts: Map<PuntReason, number>, reason: PuntReason, by: number): void => {
  counts.set(reason, count(counts, reason) + by)
}
