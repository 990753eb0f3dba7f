// Walks a hash in batches, into memory that is made once. The map changes while it is walked: an entry may be seen
// twice or missed, and the next walk sees it.

import { native } from '../../native/load.ts'

/** Entries a batch reads at most: large enough that the system call costs little for each of them. */
const batchEntries = 4096

export interface Batch {
  readonly count: number
  /** the walk has reached the end of the map */
  readonly done: boolean
}

export class MapReader {
  readonly #fd: number
  readonly #keySize: number
  readonly #cursor = new Uint8Array(64)
  readonly #keyBytes: Uint8Array
  readonly #valueBytes: Uint8Array
  readonly keys: DataView
  readonly values: DataView
  #first = true

  constructor(fd: number, keySize: number, valueSize: number) {
    this.#fd = fd
    this.#keySize = keySize
    this.#keyBytes = new Uint8Array(batchEntries * keySize)
    this.#valueBytes = new Uint8Array(batchEntries * valueSize)
    this.keys = new DataView(this.#keyBytes.buffer)
    this.values = new DataView(this.#valueBytes.buffer)
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
    return this.#keyBytes.subarray(index * this.#keySize, (index + 1) * this.#keySize)
  }
}
