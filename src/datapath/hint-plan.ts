// What the hints of one batch of changes were, and will be once all of it is written. A hint that makes way for another
// one of its session hands its counts on: they are read again right before it goes.

import { sumOf } from '../lb/datapath.ts'
import type { Traffic } from '../lb/datapath.ts'
import type { Hints, KeyedWrittenHint, WrittenHint } from './hints.ts'
import type { Hint, HintKey } from './layout.gen.ts'

export interface Planned {
  readonly key: HintKey
  before: Hint | null
  /** With the counts that were kept for it; those of `before` are added when it is written. */
  now: WrittenHint | null
  /** What `before` has counted is of the session whose hint this is, or was. */
  counts: boolean
  /** of a hint that has gone, whose session has not; null: nothing */
  kept: Traffic | null
}

export const hintName = ({ service, kind, bytes, length }: HintKey): string =>
  `${service} ${kind} ${length} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')}`

export class HintPlan {
  readonly #hints: Hints
  readonly #kept: ReadonlyMap<string, Traffic>
  readonly #found = new Map<string, Hint | null>()
  readonly #planned = new Map<string, Planned>()

  /** `kept`: of hints that have gone, by name. */
  constructor(hints: Hints, kept: ReadonlyMap<string, Traffic>) {
    this.#hints = hints
    this.#kept = kept
  }

  /** Those that will be asked for, read together. */
  read(keys: readonly HintKey[]): readonly (Hint | null)[] {
    const found = this.#hints.findAll(keys)
    for (const [index, key] of keys.entries()) this.#found.set(hintName(key), found[index] ?? null)
    return found
  }

  at(key: HintKey): Planned {
    const name = hintName(key)
    const known = this.#planned.get(name)
    if (known !== undefined) return known
    const read = this.#found.get(name)
    const before = read === undefined ? this.#hints.find(key) : read
    const kept = this.#kept.get(name) ?? null
    const planned = { key, before, now: before, counts: before !== null && before.expires === 0, kept }
    this.#planned.set(name, planned)
    return planned
  }

  /** What goes makes room for what comes. Throws ResourceError where there is not enough; then all is as it was. */
  write(): void {
    const changed = [...this.#planned.values()].filter(({ before, now }) => before !== now)
    this.#handOn(changed)
    try {
      this.#replace(changed.map(({ key, now }) => ({ key, hint: now })))
    } catch (error) {
      this.#replace(changed.map(({ before, key }) => ({ key, hint: before })))
      throw error
    }
  }

  /** What is kept from now on, by name; null: nothing any more. */
  *keeps(): Iterable<readonly [string, Traffic | null]> {
    for (const [name, { kept }] of this.#planned) yield [name, kept]
  }

  #handOn(changed: readonly Planned[]): void {
    const heirs = changed.filter(({ before, counts }) => counts && before !== null)
    const counted = this.#hints.findAll(heirs.map(({ key }) => key))
    for (const [index, planned] of heirs.entries()) {
      const last = counted[index] ?? null
      if (last === null) continue
      planned.before = last
      if (planned.now !== null) planned.now = { ...planned.now, ...sumOf([planned.now, last]), seen: last.seen }
      else if (last.packets > 0n)
        planned.kept =
          planned.kept === null ? { packets: last.packets, bytes: last.bytes } : sumOf([planned.kept, last])
    }
  }

  #replace(wanted: readonly { readonly key: HintKey; readonly hint: WrittenHint | null }[]): void {
    const isThere = (one: (typeof wanted)[number]): one is KeyedWrittenHint => one.hint !== null
    this.#hints.removeAll(wanted.flatMap(({ hint, key }) => (hint === null ? [key] : [])))
    this.#hints.writeAll(wanted.filter(isThere))
  }
}
