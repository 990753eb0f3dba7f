// Steps of the fast path that no service needs are skipped: each is on while some service needs it.

import { settingsFeatures, settingsOffsets } from './layout.gen.ts'

const bits = Object.values(settingsFeatures)

export class Features {
  readonly #settings: DataView
  readonly #users = new Map<number, number>()

  constructor(settings: DataView) {
    this.#settings = settings
  }

  add(features: number): void {
    this.adopt(features)
    this.write()
  }

  remove(features: number): void {
    this.#count(features, -1)
    this.write()
  }

  /** Of a service that was found in the kernel; nothing is written yet. */
  adopt(features: number): void {
    this.#count(features, 1)
  }

  write(): void {
    const on = bits.filter((bit) => (this.#users.get(bit) ?? 0) > 0)
    this.#settings.setUint16(
      settingsOffsets.features,
      on.reduce<number>((all, bit) => all | bit, 0),
      true,
    )
  }

  #count(features: number, change: 1 | -1): void {
    for (const bit of bits) if ((features & bit) !== 0) this.#users.set(bit, (this.#users.get(bit) ?? 0) + change)
  }
}
