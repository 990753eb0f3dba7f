// What the fuzzer of protocols works on, one after the other.

import type { Draw } from '../../../test/bpf/random/draw.ts'

export interface Subject {
  readonly name: string
  readonly seeds: readonly Uint8Array[]
  /** Makes lengths right again that a change has made wrong, so that a reader looks further. */
  readonly mend?: (bytes: Uint8Array) => void
  /**
   * Throws what is wrong. What it returns tells inputs apart that are read in different ways: those that are read in a
   * new way are worth changing further. Begins with `!` where the input was refused.
   */
  readonly check: (bytes: Uint8Array, draw: Draw) => string
}

/** A rule does not hold. */
export class Broken extends Error {}

export function mustHold(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Broken(rule)
}
