// Where sessions live, as far as it was learned from packets: hints that were not there when the replay began.

import { hintKeySize, hintKindNames, hintSize, readHint, readHintKey } from '../layout.gen.ts'
import { MapReader } from '../map-reader.ts'

export interface LearnedHint {
  /** id */
  readonly service: number
  readonly kind: string
  /** hexadecimal */
  readonly key: string
  /** id */
  readonly endpoint: number
}

export class LearnedHints {
  readonly #fd: number
  readonly #before: ReadonlySet<string>

  constructor(fd: number) {
    this.#fd = fd
    this.#before = new Set(this.#read().map(nameOf))
  }

  /** In the order of their names. */
  list(): readonly LearnedHint[] {
    return this.#read()
      .filter((hint) => !this.#before.has(nameOf(hint)))
      .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  }

  #read(): readonly LearnedHint[] {
    const reader = new MapReader(this.#fd, hintKeySize, hintSize)
    const hints: LearnedHint[] = []
    for (let done = false; !done;) {
      const batch = reader.next()
      done = batch.done
      for (let index = 0; index < batch.count; index++) {
        const { bytes, kind, length, service } = readHintKey(reader.keys, index * hintKeySize)
        const { endpoint } = readHint(reader.values, index * hintSize)
        const key = Buffer.from(bytes.subarray(0, length)).toString('hex')
        hints.push({ service, kind: hintKindNames[kind] ?? 'none', key, endpoint })
      }
    }
    return hints
  }
}

const nameOf = ({ endpoint, key, kind, service }: LearnedHint): string =>
  `${String(service).padStart(10, '0')} ${kind} ${key} ${endpoint}`
