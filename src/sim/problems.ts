// What is wrong with what a peer does: each kind with how often, and with the first one in words.

/** Kinds are our own words; a limit, in case one of them should hold what came from the network. */
const mostKinds = 128

export interface Problem {
  readonly what: string
  readonly count: number
  /** the first of them */
  readonly example: string
}

export class Problems {
  readonly #found = new Map<string, { count: number; readonly example: string }>()
  #others = 0

  add(what: string, example: string): void {
    const known = this.#found.get(what)
    if (known !== undefined) known.count++
    else if (this.#found.size < mostKinds) this.#found.set(what, { count: 1, example })
    else this.#others++
  }

  get count(): number {
    return this.#others + [...this.#found.values()].reduce((sum, { count }) => sum + count, 0)
  }

  list(): readonly Problem[] {
    const all: Problem[] = [...this.#found].map(([what, { count, example }]) => ({ what, count, example }))
    return this.#others === 0 ? all : [...all, { what: 'others', count: this.#others, example: '' }]
  }
}
