// Frees flows that have been idle too long. Closed ones wait in a queue that the kernel's expiry program empties; the others
// are found by walking the table in slices, and freed by the same program, which looks again at the moment of deletion.

import { native } from '../../native/load.ts'
import { FlowReader } from './flow-reader.ts'
import {
  expireRequestSize,
  flowFlags,
  flowKeySize,
  flowOffsets,
  flowSize,
  limits,
  readExpireRequest,
  writeExpireRequest,
} from './layout.gen.ts'

export interface ExpiryOptions {
  readonly flowsFd: number
  readonly expireProgram: number
  readonly expireKeys: Uint8Array
  /** ticks a flow of each state may be idle, by number of the state */
  readonly timeoutTicks: (state: number) => number
  /** ids of endpoints whose flows go now, whatever their age */
  readonly dropEndpoints: () => ReadonlySet<number>
}

/** A walk over the whole table takes about this many steps. */
const stepsPerWalk = 40

export class Expiry {
  readonly #options: ExpiryOptions
  readonly #reader: FlowReader
  /** the program writes its answer into it */
  readonly #request = new Uint8Array(expireRequestSize)
  #entriesSeen = 0
  #entriesLastWalk = 0
  #expired = 0

  constructor(options: ExpiryOptions) {
    this.#options = options
    this.#reader = new FlowReader(options.flowsFd)
  }

  /** flows freed so far */
  get expired(): number {
    return this.#expired
  }

  /** Entries of the table at the last whole walk, two for each flow. */
  get entries(): number {
    return this.#entriesLastWalk
  }

  /** Frees closed flows and walks one slice of the table; to be called a few times a second. */
  step(): void {
    let now = this.#run(0, false)
    const slice = this.#entriesLastWalk / stepsPerWalk
    for (let seen = 0; ;) {
      const { count, done } = this.#reader.next()
      now = this.#expireBatch(count, now)
      seen += count
      this.#entriesSeen += count
      if (done) {
        this.#entriesLastWalk = this.#entriesSeen
        this.#entriesSeen = 0
        return
      }
      if (seen >= slice) return
    }
  }

  /** The kernel's time in ticks. */
  now(): number {
    return this.#run(0, false)
  }

  /** Frees every flow. */
  flush(): void {
    for (let done = false; !done;) {
      const batch = this.#reader.next()
      let keys = 0
      for (let index = 0; index < batch.count; index++) {
        if (this.#isReverse(index)) continue
        this.#options.expireKeys.set(this.#reader.key(index), keys++ * flowKeySize)
      }
      this.#run(keys, true)
      done = batch.done
    }
  }

  #isReverse(index: number): boolean {
    return (this.#reader.values.getUint8(index * flowSize + flowOffsets.flags) & flowFlags.reverse) !== 0
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
      if (this.#isReverse(index)) continue
      const ticks = (now - values.getUint32(offset + flowOffsets.seen, true)) | 0
      const leaving = drop.size > 0 && drop.has(values.getUint32(offset + flowOffsets.endpoint, true))
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
    writeExpireRequest(new DataView(this.#request.buffer), 0, { count, force: force ? 1 : 0, expired: 0, now: 0 })
    native.testRun(this.#options.expireProgram, { context: this.#request })
    const answer = readExpireRequest(new DataView(this.#request.buffer), 0)
    this.#expired += answer.expired
    return answer.now
  }
}
