// The network of a replay: the proxies' sockets, and a clock that the capture moves. Nothing is sent; whoever plays the
// peers gets each datagram, and may have others delivered.

import { setImmediate as turn } from 'node:timers/promises'
import type { Place, Receive, SocketCounts, Surroundings } from '../../sockets/surroundings.ts'

export interface RecordedNetworkOptions {
  readonly random: () => number
  /** A proxy that listens at `from` has sent this; the bytes are the receiver's. */
  readonly onSend: (from: Place, to: Place, bytes: Uint8Array) => void
}

interface Timer {
  readonly periodMs: number
  dueMs: number
  readonly call: () => void
}

const keyOf = ({ address, port }: Place): string => `${address} ${port}`
const counts: SocketCounts = { sent: 0, received: 0, unsent: 0, refused: 0, cut: 0 }

/**
 * When nothing has come for so long, no request is under way any more, and the time until the next frame passes at
 * once.
 */
const settledMs = 60_000

export class RecordedNetwork {
  readonly #sockets = new Map<string, Receive>()
  readonly #timers = new Set<Timer>()
  readonly surroundings: Surroundings
  #nowMs = 0
  #wallSeconds = 0

  constructor({ onSend, random }: RecordedNetworkOptions) {
    this.surroundings = {
      open: (place, _longestBytes, receive) => {
        const key = keyOf(place)
        this.#sockets.set(key, receive)
        return {
          send: (bytes, to) => onSend(place, to, bytes.slice()),
          counts: () => counts,
          close: () => void this.#sockets.delete(key),
        }
      },
      nowMs: () => this.#nowMs,
      wallSeconds: () => this.#wallSeconds,
      random,
      every: (periodMs, call) => {
        const timer = { periodMs, dueMs: this.#nowMs + periodMs, call }
        this.#timers.add(timer)
        return () => void this.#timers.delete(timer)
      },
    }
  }

  get nowMs(): number {
    return this.#nowMs
  }

  startAt(ms: number, wallSeconds: number): void {
    this.#nowMs = ms
    this.#wallSeconds = wallSeconds
  }

  /** The moments at which timers are due until then, each with its timers called; at the end it is that late. */
  *timesUntil(toMs: number): Generator<void> {
    const quietFrom = this.#nowMs + settledMs
    for (;;) {
      const dueMs = Math.min(...[...this.#timers].map((timer) => timer.dueMs))
      if (dueMs > toMs) break
      this.#nowMs = dueMs
      for (const timer of this.#timers) {
        if (timer.dueMs > dueMs) continue
        const isSettled = dueMs >= quietFrom && toMs - dueMs > settledMs
        timer.dueMs = isSettled ? toMs - settledMs : dueMs + timer.periodMs
        timer.call()
      }
      yield
    }
    this.#nowMs = Math.max(this.#nowMs, toMs)
  }

  /** To a proxy, with all that it does about it done. False: nobody listens there. */
  async deliver(from: Place, to: Place, bytes: Uint8Array): Promise<boolean> {
    const receive = this.#sockets.get(keyOf(to))
    if (receive === undefined) return false
    receive(bytes, from)
    await turn()
    return true
  }
}
