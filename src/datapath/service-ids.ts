// Numbers of services. One that was removed keeps its number while flows or hints name it, and a service of the same
// key that comes back meanwhile gets it again.

import type { ServiceKey } from '../lb/model.ts'

export interface ReservedId {
  readonly id: number
  /** it was not in use: its counters start at zero */
  readonly isNew: boolean
  readonly undo: () => void
}

export class ServiceIds {
  readonly #free: number[] = []
  /** removed ones; null: of a service that was not known any more when the daemon started */
  readonly #leaving = new Map<number, ServiceKey | null>()
  readonly #leavingKeys = new Map<ServiceKey, number>()

  constructor(count: number, used: ReadonlySet<number>, leaving: Iterable<number>) {
    for (const id of leaving) this.#leaving.set(id, null)
    for (let id = count; id >= 1; id--) if (!used.has(id) && !this.#leaving.has(id)) this.#free.push(id)
  }

  /** Null: all are in use. */
  reserve(key: ServiceKey): ReservedId | null {
    const left = this.#leavingKeys.get(key)
    if (left !== undefined) {
      this.#return(left)
      return { id: left, isNew: false, undo: () => this.leave(left, key) }
    }
    const id = this.#free.pop()
    return id === undefined ? null : { id, isNew: true, undo: () => this.#free.push(id) }
  }

  leave(id: number, key: ServiceKey): void {
    this.#leaving.set(id, key)
    this.#leavingKeys.set(key, id)
  }

  get anyLeaving(): boolean {
    return this.#leaving.size > 0
  }

  /** Frees those that nothing names any more; they are returned. */
  collect(named: ReadonlySet<number>): readonly number[] {
    const freed = [...this.#leaving.keys()].filter((id) => !named.has(id))
    for (const id of freed) {
      this.#return(id)
      this.#free.push(id)
    }
    return freed
  }

  #return(id: number): void {
    const key = this.#leaving.get(id) ?? null
    this.#leaving.delete(id)
    if (key !== null && this.#leavingKeys.get(key) === id) this.#leavingKeys.delete(key)
  }
}
