// Runs the kernel's expiry program: it frees closed flows, and those of the keys it is given that are idle too long.

import { native } from '../../native/load.ts'
import { limits, readExpireRequest, writeExpireRequest } from './layout.gen.ts'

/** The shortest frame a test run takes; the program does not look at it. */
const emptyFrame = new Uint8Array(64)
/** Runs that only empty the queue of closed flows, at most; the rest waits for the next call. */
const maxRuns = 32

export interface ExpiryProgramOptions {
  readonly program: number
  /** map expire_request */
  readonly request: DataView
}

export interface Expired {
  readonly expired: number
  /** those of them that were found by their key; at least so many */
  readonly found: number
  /** the kernel's time in ticks */
  readonly now: number
}

export class ExpiryProgram {
  readonly #options: ExpiryProgramOptions

  constructor(options: ExpiryProgramOptions) {
    this.#options = options
  }

  /** Over the first `count` keys of map expire_keys; `force` frees those whatever their age. */
  run(count: number, force: boolean): Expired {
    const { program, request } = this.#options
    let expired = 0
    let found = 0
    for (let runs = 0, keys = count; ; keys = 0) {
      writeExpireRequest(request, 0, { count: keys, force: force ? 1 : 0, expired: 0, closed: 0, now: 0 })
      native.testRun(program, { data: emptyFrame })
      const answer = readExpireRequest(request, 0)
      expired += answer.expired
      found += Math.max(0, answer.expired - answer.closed)
      if (answer.closed < limits.closingBatch || ++runs === maxRuns) return { expired, found, now: answer.now }
    }
  }
}
