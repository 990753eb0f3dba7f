// Hints without a kernel: refuses what the real ones refuse, and remembers the rest.

import { HintCounter, HintError, wrongWith } from '../lb/hints.ts'
import type { Traffic } from '../lb/datapath.ts'
import type { HintChange, HintControl, HintCounts, SessionKey } from '../lb/hints.ts'
import type { Service } from '../lb/model.ts'

export interface FakeHint {
  readonly endpoint: string
  readonly identifier: number | null
  /** removed, and still obeyed for its grace */
  readonly leaving: boolean
}

export class FakeHints implements HintControl {
  /** every batch that came through, in order */
  readonly applies: (readonly HintChange[])[] = []
  /** services, in order */
  readonly forgets: string[] = []
  /** what hints have counted, by the names of `all` */
  readonly counted = new Map<string, Traffic>()
  /** how long hints have led no packet, by the names of `all` */
  readonly idle = new Map<string, number>()
  readonly #service: (name: string) => Service | undefined
  readonly #counter = new HintCounter()
  #hints: ReadonlyMap<string, FakeHint> = new Map()

  constructor(service: (name: string) => Service | undefined) {
    this.#service = service
  }

  /** By service, kind and key: `n3 teid 00000001`, `n6 ue-ip 0a3c0000/16`. */
  get all(): ReadonlyMap<string, FakeHint> {
    return this.#hints
  }

  counts(): HintCounts {
    return this.#counter.read()
  }

  apply(changes: readonly HintChange[]): void {
    const hints = new Map(this.#hints)
    for (const [index, change] of changes.entries()) {
      const refusal = this.#one(hints, change)
      if (refusal === null) continue
      this.#counter.refused(refusal)
      throw new HintError(refusal, index, change.service)
    }
    this.#hints = hints
    this.#counter.done(changes)
    this.applies.push(changes)
  }

  forget(service: string): void {
    this.forgets.push(service)
    this.#hints = new Map([...this.#hints].filter(([name]) => !name.startsWith(`${service} `)))
  }

  keepOnly(service: string, keys: Iterable<SessionKey>): void {
    const names = new Set(Array.from(keys, (key) => nameOf({ ...key, service })))
    this.#hints = new Map(
      [...this.#hints].filter(([name, { leaving }]) => !name.startsWith(`${service} `) || leaving || names.has(name)),
    )
  }

  traffic(keys: readonly SessionKey[]): readonly (Traffic | null)[] {
    return keys.map((key) =>
      this.#hints.has(nameOf(key)) ? (this.counted.get(nameOf(key)) ?? { packets: 0n, bytes: 0n }) : null,
    )
  }

  idleMs(keys: readonly SessionKey[]): readonly (number | null)[] {
    return keys.map((key) => this.idle.get(nameOf(key)) ?? null)
  }

  #one(hints: Map<string, FakeHint>, change: HintChange): HintError['reason'] | null {
    const { action, endpoint, graceMs, identifier } = change
    const service = this.#service(change.service)
    const refusal = wrongWith(change, service)
    if (refusal !== null) return refusal
    const isKnown = service?.endpoints.some(({ address }) => address === endpoint) === true
    const name = nameOf(change)
    const found = hints.get(name)
    if (action === 'remove') {
      if (!isKnown || found?.endpoint !== endpoint || found.leaving) return null
      if (graceMs > 0) hints.set(name, { ...found, leaving: true })
      else hints.delete(name)
      return null
    }
    if (!isKnown) return 'no such endpoint'
    const isOthers = found !== undefined && !found.leaving && found.endpoint !== endpoint
    if (isOthers && change.takesOver !== true) return 'conflict'
    hints.set(name, { endpoint, identifier, leaving: false })
    return null
  }
}

const nameOf = ({ service, kind, key, prefixBits }: SessionKey): string => {
  const isUsual = prefixBits === undefined || prefixBits === (key.length === 4 ? 32 : 64)
  return `${service} ${kind} ${Buffer.from(key).toString('hex')}${isUsual ? '' : `/${prefixBits}`}`
}
