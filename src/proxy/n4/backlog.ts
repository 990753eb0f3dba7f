// Work that many sessions need at once, such as being deleted: so much of it is under way at a time, the rest waits.
// What waits is bounded by the number of sessions.

export class Backlog<Item> {
  #waiting: Item[] = []
  #at = 0
  #underWay = 0
  #isPumping = false
  readonly #atOnce: number
  readonly #start: (item: Item, done: () => void) => void

  /** `start` calls `done` once, now or later. */
  constructor(atOnce: number, start: (item: Item, done: () => void) => void) {
    this.#atOnce = atOnce
    this.#start = start
  }

  add(item: Item): void {
    this.#waiting.push(item)
  }

  /** To be called after adding; goes on by itself from then on. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#underWay < this.#atOnce && this.#at < this.#waiting.length) {
      this.#underWay++
      this.#start(this.#waiting[this.#at++]!, () => {
        this.#underWay--
        this.pump()
      })
    }
    if (this.#at === this.#waiting.length) {
      this.#waiting = []
      this.#at = 0
    }
    this.#isPumping = false
  }
}
