// Load and overload of UPFs (TS 29.244, 6.2.3 and 6.2.4). Each UPF tells its own; SMFs see one UPF, and are told the
// pool's when it is hot.

import { timerMs } from './timer-value.ts'
import { read32 } from '../../wire/fields.ts'
import { element } from './elements.ts'
import { body, elementBytes, elementOf, number32 } from './messages.ts'
import { valueOf } from './spans.ts'
import { takesSessions } from './peers.ts'
import type { LoadReports, UpfPeer } from './peers.ts'

/** Takes a Load or Overload Control Information; false: an older one than is known, or none. */
export function takeReport(reports: LoadReports, type: number, value: Uint8Array, nowMs: number): boolean {
  const sequenceValue = valueOf(value, element.sequenceNumber)
  const metric = valueOf(value, element.metric)?.[0]
  if (sequenceValue === null || sequenceValue.length < 4 || metric === undefined) return false
  const sequence = read32(sequenceValue, 0)
  const percent = Math.min(metric, 100)
  if (type === element.loadControl) {
    if (sequence <= reports.loadSequence) return false
    reports.loadSequence = sequence
    reports.load = percent
    return true
  }
  if (sequence <= reports.overloadSequence) return false
  reports.overloadSequence = sequence
  reports.reduction = percent
  const period = valueOf(value, element.timer)?.[0]
  reports.reductionUntilMs = nowMs + (period === undefined ? 0 : timerMs(period))
  return true
}

/** A new association counts from the beginning. */
export function forgetReports(reports: LoadReports): void {
  reports.loadSequence = -1
  reports.load = null
  reports.overloadSequence = -1
  reports.reduction = 0
  reports.reductionUntilMs = 0
}

export const isOverloaded = ({ reports }: UpfPeer, nowMs: number): boolean =>
  reports.reduction > 0 && reports.reductionUntilMs > nowMs

const loadFeature = 1
const overloadFeature = 2
const periodSeconds = 60
const periodValue = periodSeconds / 2

/** The pool's load for SMFs, with sequence numbers of its own that change when it does. */
export class PoolLoad {
  #sequence = 0
  #load = -1
  #reduction = -1
  #elements: { readonly load: Uint8Array | null; readonly overload: Uint8Array | null } = { load: null, overload: null }
  #hotPercent: number

  constructor(hotPercent: number) {
    this.#hotPercent = hotPercent
  }

  /** of what was told last */
  get sequence(): number {
    return this.#sequence
  }

  /** What is told next has a number beyond this one. */
  skipTo(sequence: number): void {
    this.#sequence = sequence
  }

  configure(hotPercent: number): void {
    this.#hotPercent = hotPercent
  }

  update(upfs: Iterable<UpfPeer>, nowMs: number): void {
    let weights = 0
    let weighted = 0
    let reduction = 100
    let any = false
    for (const upf of upfs) {
      if (!takesSessions(upf)) continue
      any = true
      weights += upf.config.weight
      weighted += upf.config.weight * (upf.reports.load ?? 0)
      reduction = Math.min(reduction, isOverloaded(upf, nowMs) ? upf.reports.reduction : 0)
    }
    const load = any ? Math.round(weighted / weights) : 0
    const shown = load >= this.#hotPercent ? load : 0
    const shared = any ? reduction : 0
    if (shown === this.#load && shared === this.#reduction) return
    this.#load = shown
    this.#reduction = shared
    this.#sequence++
    this.#elements = {
      load: shown === 0 ? null : this.#element(element.loadControl, shown),
      overload: shared === 0 ? null : this.#element(element.overloadControl, shared),
    }
  }

  /** What is to be told to an SMF of these CP Function Features; null: nothing. */
  elementsFor(features: number): Uint8Array | null {
    const { load, overload } = this.#elements
    const tellsLoad = load !== null && (features & loadFeature) !== 0
    const tellsOverload = overload !== null && (features & overloadFeature) !== 0
    if (!tellsLoad && !tellsOverload) return null
    return body(tellsLoad ? load : null, tellsOverload ? overload : null)
  }

  #element(type: number, percent: number): Uint8Array {
    return elementBytes(
      type,
      body(
        elementBytes(element.sequenceNumber, number32(this.#sequence)),
        elementOf(element.metric, percent),
        type === element.overloadControl ? elementOf(element.timer, periodValue) : null,
      ),
    )
  }
}
