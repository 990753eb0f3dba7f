// A network without a kernel for simulated peers: datagrams arrive in the order they were sent, and time goes on only
// when the test says so.

import { setImmediate as turn } from 'node:timers/promises'
import type { Place, Receive, SocketCounts, Surroundings } from '../sockets/surroundings.ts'

/** A datagram as it was sent. */
export interface Sent {
  readonly from: Place
  readonly to: Place
  readonly bytes: Uint8Array
}

interface Timer {
  readonly periodMs: number
  dueMs: number
  readonly call: () => void
}

const keyOf = ({ address, port }: Place): string => `${address} ${port}`

export class SimNetwork {
  readonly sent: Sent[] = []
  readonly #sockets = new Map<string, Receive>()
  readonly #timers = new Set<Timer>()
  #delivered = 0
  #nowMs = 0
  /** What a datagram becomes on its way; null: it is lost. */
  change: (datagram: Sent) => Sent | null = (datagram) => datagram

  readonly surroundings: Surroundings = {
    open: (place, _longestBytes, receive) => {
      const key = keyOf(place)
      if (this.#sockets.has(key)) throw new Error(`${key} is taken`)
      this.#sockets.set(key, receive)
      const counts: SocketCounts = { sent: 0, received: 0, unsent: 0, refused: 0, cut: 0 }
      return {
        send: (bytes, to) => void this.sent.push({ from: place, to, bytes: bytes.slice() }),
        counts: () => counts,
        close: () => void this.#sockets.delete(key),
      }
    },
    nowMs: () => this.#nowMs,
    wallSeconds: () => 1_700_000_000 + Math.floor(this.#nowMs / 1000),
    random: Math.random,
    every: (periodMs, call) => {
      const timer = { periodMs, dueMs: this.#nowMs + periodMs, call }
      this.#timers.add(timer)
      return () => void this.#timers.delete(timer)
    },
  }

  /** Sends as if from somewhere else. */
  inject(from: Place, to: Place, bytes: Uint8Array): void {
    this.sent.push({ from, to, bytes })
  }

  /** Delivers what is on its way, and what that brings about. */
  async settle(): Promise<void> {
    do {
      while (this.#delivered < this.sent.length) {
        const datagram = this.change(this.sent[this.#delivered++]!)
        if (datagram === null) continue
        const { bytes, from, to } = datagram
        this.#sockets.get(keyOf(to))?.(bytes.slice(), from)
      }
      await turn()
    } while (this.#delivered < this.sent.length)
  }

  async pass(ms: number): Promise<void> {
    await this.settle()
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs;) {
      this.#nowMs++
      for (const timer of this.#timers) {
        if (timer.dueMs > this.#nowMs) continue
        timer.dueMs += timer.periodMs
        timer.call()
      }
      await this.settle()
    }
  }

  /** Until the work is done, but not longer than so many milliseconds. */
  async until<T>(work: Promise<T>, mostMs = 20_000): Promise<T> {
    const state = { isDone: false }
    void work.finally(() => (state.isDone = true)).catch(() => undefined)
    await this.settle()
    for (let ms = 0; ms < mostMs && !state.isDone; ms++) await this.pass(1)
    if (!state.isDone) throw new Error(`not done within ${mostMs} ms`)
    return work
  }
}
