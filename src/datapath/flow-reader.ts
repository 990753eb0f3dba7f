// Walks the table of flows in batches.

import { flowKeySize, flowSize } from './layout.gen.ts'
import { MapReader } from './map-reader.ts'
import type { Batch } from './map-reader.ts'

export class FlowReader {
  readonly #reader: MapReader

  constructor(fd: number) {
    this.#reader = new MapReader(fd, flowKeySize, flowSize)
  }

  get keys(): DataView {
    return this.#reader.keys
  }

  get values(): DataView {
    return this.#reader.values
  }

  /** The next batch; after the last one the walk begins again. Entry i: key and value number i of the two views. */
  next(): Batch {
    return this.#reader.next()
  }

  /** The bytes of key i; valid until the next batch. */
  key(index: number): Uint8Array {
    return this.#reader.key(index)
  }
}
