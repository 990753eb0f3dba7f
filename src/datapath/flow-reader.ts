// Walks the table of flows in batches, into memory that is made once. The table changes while it is walked: an entry
// may be seen twice or missed, and the next walk sees it.

import { native } from '../../native/load.ts'
import { flowKeySize, flowSize } from './layout.gen.ts'

/** Entries a batch reads at most: large enough that the system call costs little for each of them. */
const batchEntries = 4096

export interface Batch {
  readonly count: number
  /** the walk has reached the end of the table */
  readonly done: boolean
}

export class FlowReader {
  readonly #fd: number
  readonly #cursor = new Uint8Array(64)
  readonly #keyBytes = new Uint8Array(batchEntries * flowKeySize)
  readonly #valueBytes = new Uint8Array(batchEntries * flowSize)
  readonly keys = new DataView(this.#keyBytes.buffer)
  readonly values = new DataView(this.#valueBytes.buffer)
  #first = true

  constructor(fd: number) {
    this.#fd = fd
  }

  /** The next batch; after the last one the walk begins again. Entry i: key and value number i of the two views. */
  next(): Batch {
    const batch = native.mapLookupBatch(
      this.#fd,
      this.#cursor,
      this.#first,
      this.#keyBytes,
      this.#valueBytes,
      batchEntries,
    )
    this.#first = batch.done
    return batch
  }

  /** The bytes of key i; valid until the next batch. */
  key(index: number): Uint8Array {
    return this.#keyBytes.subarray(index * flowKeySize, (index + 1) * flowKeySize)
  }
}
