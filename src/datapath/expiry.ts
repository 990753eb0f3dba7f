// Frees flows that have been idle too long. Closed ones wait in a queue that the kernel's expiry program empties; the
// others are found by walking the table in slices, and freed by the same program, which looks again at the moment of
// deletion.

import { FlowReader } from './flow-reader.ts'
import { flowFlags, flowKeySize, flowOffsets, flowSize, limits } from './layout.gen.ts'
import type { ExpiryProgram } from './expiry-program.ts'

export interface ExpiryOptions {
  readonly flowsFd: number
  readonly program: ExpiryProgram
  readonly expireKeys: Uint8Array
  /** ticks a flow of a service may be idle, by number of its state */
  readonly timeoutTicks: (state: number, service: number) => number
  /** ids of endpoints whose flows go now, whatever their age */
  readonly dropEndpoints: () => ReadonlySet<number>
  /** A walk over the whole table takes this many steps, also when the table is empty, and more while little ends. */
  readonly stepsPerWalk: number
}

const isReverse = (reader: FlowReader, index: number): boolean =>
  (reader.values.getUint8(index * flowSize + flowOffsets.flags) & flowFlags.reverse) !== 0

/** A client's entry whose endpoint is one of these. */
const isOf = (reader: FlowReader, index: number, endpoints: ReadonlySet<number>): boolean =>
  !isReverse(reader, index) && endpoints.has(reader.values.getUint32(index * flowSize + flowOffsets.endpoint, true))

/** Entries a step looks at, at least: the first walk does not know yet how many there are. */
const minSlice = 16_384
/**
 * To look at a million flows takes a good part of a second, most of it waiting for memory. After a walk that has freed
 * less than this share of the entries it saw, the next one may take more time.
 */
const fewOfWalk = 0.01
const slowWalk = 3
/** Batches that a flush reads before it lets others run. */
const batchesPerTurn = 16

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
  /** of them those that this walk has found */
  #found = 0
  /** what this walk takes */
  #stepsOfWalk: number
  #walks = 0

  constructor(options: ExpiryOptions) {
    this.#options = options
    this.#reader = new FlowReader(options.flowsFd)
    this.#stepsOfWalk = options.stepsPerWalk
  }

  /** flows freed so far */
  get expired(): number {
    return this.#expired
  }

  /** Walks that have come to the end of the table. */
  get walks(): number {
    return this.#walks
  }

  /** Frees closed flows and walks one slice of the table; to be called a few times a second. */
  step(): void {
    let now = this.#run(0, false)
    const drop = this.#options.dropEndpoints()
    if (drop.size > 0) this.#stepsOfWalk = this.#options.stepsPerWalk
    const begins = this.#steps === 0
    this.#steps = (this.#steps + 1) % this.#stepsOfWalk
    if (this.#walked && !begins) return
    if (begins) this.#found = 0
    this.#walked = false
    const slice = Math.max(minSlice, Math.max(this.#entriesLastWalk, this.#entriesSeen) / this.#stepsOfWalk)
    for (let seen = 0; !this.#walked && seen <= slice;) {
      const { count, done } = this.#reader.next()
      now = this.#expireBatch(this.#reader, count, now, drop)
      seen += count
      this.#entriesSeen += count
      this.#walked = done
    }
    if (this.#walked) {
      this.#walks++
      this.#entriesLastWalk = this.#entriesSeen
      this.#entriesSeen = 0
    }
    this.#setPace()
  }

  /** The kernel's time in ticks. */
  now(): number {
    return this.#run(0, false)
  }

  /** Looks at the whole table at once: for who has a clock that waits. */
  walk(): void {
    const reader = new FlowReader(this.#options.flowsFd)
    const now = this.#run(0, false)
    for (let done = false; !done;) {
      const batch = reader.next()
      this.#expireBatch(reader, batch.count, now, new Set())
      done = batch.done
    }
    this.#walks++
  }

  /** Frees every flow. */
  flush(): void {
    const reader = new FlowReader(this.#options.flowsFd)
    for (let done = false; !done;) {
      const batch = reader.next()
      this.#expireThose(reader, batch.count, true, (index) => !isReverse(reader, index))
      done = batch.done
    }
  }

  /** Frees the flows of some endpoints at once, and touches no others. Others may run meanwhile. */
  async flushEndpoints(ids: ReadonlySet<number>): Promise<void> {
    if (ids.size === 0) return
    const reader = new FlowReader(this.#options.flowsFd)
    for (let turn = 1, done = false; !done; turn++) {
      const batch = reader.next()
      this.#expireThose(reader, batch.count, true, (index) => isOf(reader, index, ids))
      done = batch.done
      if (turn % batchesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Slower where walks are long and find little; faster as soon as this one has found more. */
  #setPace(): void {
    const { stepsPerWalk } = this.#options
    const isLong = this.#entriesLastWalk > minSlice * stepsPerWalk
    const findsMore = this.#found >= fewOfWalk * this.#entriesLastWalk
    if (!isLong || findsMore) this.#stepsOfWalk = stepsPerWalk
    else if (this.#walked) this.#stepsOfWalk = slowWalk * stepsPerWalk
  }

  #expireBatch(reader: FlowReader, count: number, now: number, drop: ReadonlySet<number>): number {
    const { timeoutTicks } = this.#options
    const values = reader.values
    const isIdle = (index: number): boolean => {
      const at = index * flowSize
      const ticks = (now - values.getUint32(at + flowOffsets.seen, true)) | 0
      const service = values.getUint32(at + flowOffsets.service, true)
      return ticks >= timeoutTicks(values.getUint8(at + flowOffsets.state), service)
    }
    // Of an endpoint's side the program only asks whether it has lost its client's.
    const at = this.#expireThose(reader, count, false, isIdle) ?? now
    if (drop.size === 0) return at
    return this.#expireThose(reader, count, true, (index) => isOf(reader, index, drop)) ?? at
  }

  /** Hands those of the batch that are `wanted` to the program; the kernel's time, if it was asked. */
  #expireThose(reader: FlowReader, count: number, force: boolean, wanted: (index: number) => boolean): number | null {
    let keys = 0
    let now: number | null = null
    for (let index = 0; index < count; index++) {
      if (!wanted(index)) continue
      this.#options.expireKeys.set(reader.key(index), keys++ * flowKeySize)
      if (keys < limits.expireBatch) continue
      now = this.#run(keys, force)
      keys = 0
    }
    return keys > 0 ? this.#run(keys, force) : now
  }

  /** Runs the program over the first `count` keys; returns the kernel's time in ticks. */
  #run(count: number, force: boolean): number {
    const { expired, found, now } = this.#options.program.run(count, force)
    this.#expired += expired
    this.#found += found
    return now
  }
}
