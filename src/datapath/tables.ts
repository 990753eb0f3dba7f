// Selection tables in the kernel's pages of slots. Services whose tables would hold the same slots share one; a table
// that nobody uses any more is kept for a grace period, because a packet may still be walking it.

import { Extents } from './extents.ts'
import { limits } from './layout.gen.ts'
import type { Extent } from './extents.ts'

export interface Table {
  readonly pages: Extent
  readonly slotCount: number
}

interface Held extends Table {
  key: string
  users: number
}

const pagesFor = (slotCount: number): number => Math.ceil(slotCount / limits.slotsPerPage)

export class Tables {
  readonly #slots: Uint16Array
  readonly #extents: Extents
  readonly #byKey = new Map<string, Held>()
  readonly #defer: (release: () => void) => void

  /** `defer` calls back once no packet can still use what was replaced. */
  constructor(slots: Uint16Array, defer: (release: () => void) => void) {
    this.#slots = slots
    this.#extents = new Extents(0, Math.floor(slots.length / limits.slotsPerPage))
    this.#defer = defer
  }

  get freePages(): number {
    return this.#extents.freePlaces
  }

  /** A table found in the kernel at start; what it was made from is not known, so its place names it. */
  adopt(firstPage: number, slotCount: number): Table {
    // A table without slots stands at page 0 too.
    const key = `page ${firstPage}, ${slotCount} slots`
    const known = this.#byKey.get(key)
    if (known) return this.#use(known)
    const pages = { start: firstPage, length: pagesFor(slotCount) }
    this.#extents.take(pages)
    return this.#add({ key, pages, slotCount, users: 0 })
  }

  /**
   * The table with this content; null when there are no pages left. `current` is the table the service has: when its
   * content is the same, it stays where it is.
   */
  acquire(key: string, build: () => Uint16Array, current: Table | null): Table | null {
    const known = this.#byKey.get(key)
    if (known) return this.#use(known)
    const slots = build()
    const same = current === null ? undefined : this.#sameContent(current, slots)
    if (same) {
      this.#byKey.delete(same.key)
      same.key = key
      this.#byKey.set(key, same)
      return this.#use(same)
    }
    const pages = this.#extents.allocate(pagesFor(slots.length))
    if (!pages) return null
    this.#slots.set(slots, pages.start * limits.slotsPerPage)
    return this.#add({ key, pages, slotCount: slots.length, users: 0 })
  }

  release(table: Table): void {
    if (this.#leave(table)) this.#defer(() => this.#extents.release(table.pages))
  }

  /** Releases a table that was acquired and is not used after all: no packet has seen it. */
  giveBack(table: Table): void {
    if (this.#leave(table)) this.#extents.release(table.pages)
  }

  /** True when that was the last user. */
  #leave(table: Table): boolean {
    const held = table as Held
    if (--held.users > 0) return false
    this.#byKey.delete(held.key)
    return true
  }

  #use(held: Held): Table {
    held.users++
    return held
  }

  #add(held: Held): Table {
    this.#byKey.set(held.key, held)
    return this.#use(held)
  }

  #sameContent(table: Table, slots: Uint16Array): Held | undefined {
    if (table.slotCount !== slots.length) return undefined
    const start = table.pages.start * limits.slotsPerPage
    const same = slots.every((slot, index) => this.#slots[start + index] === slot)
    return same ? (table as Held) : undefined
  }
}
