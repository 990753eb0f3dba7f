// Many things of one kind, begun at a rate and with so many under way, until all of them have ended.

import { Pace } from './pace.ts'

export interface JobOptions {
  /** Infinity: as fast as they end */
  readonly perSecond: number
  /** at most this many under way */
  readonly concurrency: number
}

/** Begins one, and calls `ended` when it has ended, which is not before this returns. */
type Begin = (ended: () => void) => void

interface Job {
  pump(): void
  /** Begins no more. */
  cancel(): void
}

export class Jobs {
  readonly #running = new Set<Job>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Resolves with how many have ended: fewer than `count` only after `cancel`. */
  run(count: number, { concurrency, perSecond }: JobOptions, begin: Begin): Promise<number> {
    const pace = new Pace(perSecond, this.#nowMs())
    return new Promise((resolve) => {
      let wanted = count
      let begun = 0
      let ended = 0
      const settle = (): void => {
        if (ended < wanted || ended < begun) return
        this.#running.delete(job)
        resolve(ended)
      }
      const job: Job = {
        pump: () => {
          const due = Math.min(pace.due(this.#nowMs()), concurrency - (begun - ended), wanted - begun)
          if (due <= 0) return
          pace.take(due)
          begun += due
          for (let i = 0; i < due; i++) begin(end)
        },
        cancel: () => {
          wanted = begun
          settle()
        },
      }
      const end = (): void => {
        ended++
        if (ended >= wanted) settle()
        else job.pump()
      }
      this.#running.add(job)
      job.pump()
      settle()
    })
  }

  /** To be called every few milliseconds. */
  tick(): void {
    for (const job of this.#running) job.pump()
  }

  cancel(): void {
    for (const job of this.#running) job.cancel()
  }
}
