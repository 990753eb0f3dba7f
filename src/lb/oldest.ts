// The oldest entry of a Map that is full. A Map has holes where entries were until it is laid out anew, and an iterator
// that begins at its first place passes them all: a third of a millisecond each time in a Map of 262,144. One that is
// kept stands behind them.

export class Oldest<Key> {
  readonly #map: ReadonlyMap<Key, unknown>
  #keys: Iterator<Key>

  constructor(map: ReadonlyMap<Key, unknown>) {
    this.#map = map
    this.#keys = map.keys()
  }

  /** The key of the entry that was set first; each once, so that it is to be deleted. undefined: the Map is empty. */
  take(): Key | undefined {
    const step = this.#keys.next()
    if (step.done !== true) return step.value
    this.#keys = this.#map.keys()
    const first = this.#keys.next()
    return first.done === true ? undefined : first.value
  }
}
