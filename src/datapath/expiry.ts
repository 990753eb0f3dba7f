// Frees flows that have been idle too long. Closed ones wait in a queue that the kernel's expiry program empties; the others
// are found by walking the table in slices, and freed by the same program, which looks again at the moment of deletion.

import { FlowReader } from './flow-reader.ts'
import { flowFlags, flowKeySize, flowOffsets, flowSize, limits } from './layout.gen.ts'
import type { ExpiryProgram } from './expiry-program.ts'

export interface ExpiryOptions {
  readonly flowsFd: number
  readonly program: ExpiryProgram
  readonly expireKeys: Uint8Array
  /** ticks a flow of each state may be idle, by number of the state */
  readonly timeoutTicks: (state: number) => number
  /** ids of endpoints whose flows go now, whatever their age */
  readonly dropEndpoints: () => ReadonlySet<number>
  /** A walk over the whole table takes this many steps, also when the table is empty. */
  readonly stepsPerWalk: number
}

const isReverse = (reader: FlowReader, index: number): boolean =>
  (reader.values.getUint8(index * flowSize + flowOffsets.flags) & flowFlags.reverse) !== 0

export class Expiry {
  readonly #options: ExpiryOptions
  readonly #reader: FlowReader
  /** steps since the walk began */
  #steps = 0
  #entriesSeen = 0
  #entriesLastWalk = 0
  /** The walk has come to the end of the table before its time, and waits for the next to begin. */
  #walked = false
  #expired = 0

  constructor(options: ExpiryOptions) {
    this.#options = options
    this.#reader = new FlowReader(options.flowsFd)
  }

  /** flows freed so far */
  get expired(): number {
    return this.#expired
  }

  /** Frees closed flows and walks one slice of the table; to be called a few times a second. */
  step(): void {
    const { stepsPerWalk } = this.#options
    let now = this.#run(0, false)
    const begins = this.#steps === 0
    this.#steps = (this.#steps + 1) % stepsPerWalk
    if (this.#walked && !begins) return
    this.#walked = false
    const slice = this.#entriesLastWalk / stepsPerWalk
    for (let seen = 0; !this.#walked && seen <= slice;) {
      const { count, done } = this.#reader.next()
      now = this.#expireBatch(count, now)
      seen += count
      this.#entriesSeen += count
      this.#walked = done
    }
    if (!this.#walked) return
    this.#entriesLastWalk = this.#entriesSeen
    this.#entriesSeen = 0
  }

  /** The kernel's time in ticks. */
  now(): number {
    return this.#run(0, false)
  }

  /** Frees every flow. */
  flush(): void {
    const reader = new FlowReader(this.#options.flowsFd)
    for (let done = false; !done;) {
      const batch = reader.next()
      let keys = 0
      for (let index = 0; index < batch.count; index++) {
        if (isReverse(reader, index)) continue
        this.#options.expireKeys.set(reader.key(index), keys++ * flowKeySize)
      }
      this.#run(keys, true)
      done = batch.done
    }
  }

  #expireBatch(count: number, now: number): number {
    const { expireKeys, timeoutTicks, dropEndpoints } = this.#options
    const values = this.#reader.values
    const drop = dropEndpoints()
    let idle = 0
    let dropped = 0
    let at = now
    for (let index = 0; index < count; index++) {
      const offset = index * flowSize
      const ticks = (now - values.getUint32(offset + flowOffsets.seen, true)) | 0
      // Of an endpoint's side the program only asks whether it has lost its client's.
      const leaving =
        drop.size > 0 &&
        !isReverse(this.#reader, index) &&
        drop.has(values.getUint32(offset + flowOffsets.endpoint, true))
      if (!leaving && ticks < timeoutTicks(values.getUint8(offset + flowOffsets.state))) continue
      // Those that go whatever their age are collected from the end of the same memory.
      const place = leaving ? limits.expireBatch - ++dropped : idle++
      expireKeys.set(this.#reader.key(index), place * flowKeySize)
    }
    if (idle > 0) at = this.#run(idle, false)
    if (dropped > 0) {
      expireKeys.copyWithin(0, (limits.expireBatch - dropped) * flowKeySize, limits.expireBatch * flowKeySize)
      at = this.#run(dropped, true)
    }
    return at
  }

  /** Runs the program over the first `count` keys; returns the kernel's time in ticks. */
  #run(count: number, force: boolean): number {
    const { expired, now } = this.#options.program.run(count, force)
    this.#expired += expired
    return now
  }
}
