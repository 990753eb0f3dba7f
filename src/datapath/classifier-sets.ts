// Places that are local, in the kernel. Sessions of one network have the same ones, so these stand there once, by a
// number that all the sessions have: the trie that each packet asks stays small.

import { isNativeError, native } from '../../native/load.ts'
import { UserSessionError } from '../lb/user-sessions.ts'
import { canonicalPrefix, parsePrefix } from '../wire/ip.ts'
import { limits, sourceKeySize, writeSourceKey } from './layout.gen.ts'
import type { Classifier } from '../lb/user-sessions.ts'

interface ClassifierSet {
  readonly text: string
  readonly keys: readonly Uint8Array[]
  sessions: number
}

/** The map says that it is full, or that the kernel has no memory. */
export const isFull = (error: unknown): boolean =>
  isNativeError(error) && ['E2BIG', 'ENOSPC', 'ENOMEM'].includes(error.code ?? '')

const keyOf = (set: number, text: string): Uint8Array => {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new UserSessionError('bad prefix', text)
  const key = new Uint8Array(sourceKeySize)
  writeSourceKey(new DataView(key.buffer), 0, {
    prefixBits: 32 + prefix.bits,
    service: set,
    address: prefix.bytes,
  })
  return key
}

export class ClassifierSets {
  readonly #fd: number
  readonly #sets = new Map<number, ClassifierSet>()
  readonly #numbers = new Map<string, number>()
  #last = 0
  #classifiers = 0

  /** of map `classifiers` */
  constructor(fd: number) {
    this.#fd = fd
  }

  /** The number of the set with these places, for one session more. Throws UserSessionError. */
  hold(classifiers: readonly Classifier[]): number {
    // Of a place that is named twice the last one counts.
    const places = new Map(classifiers.map(({ prefix, qfi }) => [canonicalPrefix(prefix) ?? prefix, qfi]))
    const text = [...places]
      .map(([prefix, qfi]) => `${prefix} ${qfi}`)
      .toSorted()
      .join()
    const known = this.#numbers.get(text)
    if (known !== undefined) {
      this.#sets.get(known)!.sessions++
      return known
    }
    const number = this.#nextNumber()
    const keys = [...places.keys()].map((prefix) => keyOf(number, prefix))
    if (this.#classifiers + keys.length > limits.classifiers)
      throw new UserSessionError('no room', `${limits.classifiers} classifiers`)
    this.#write(keys, [...places.values()])
    this.#sets.set(number, { text, keys, sessions: 1 })
    this.#numbers.set(text, number)
    this.#classifiers += keys.length
    return number
  }

  /** One session fewer has it. */
  release(number: number): void {
    const set = this.#sets.get(number)!
    if (--set.sessions > 0) return
    for (const key of set.keys) native.mapDelete(this.#fd, key)
    this.#sets.delete(number)
    this.#numbers.delete(set.text)
    this.#classifiers -= set.keys.length
  }

  #write(keys: readonly Uint8Array[], qfis: readonly number[]): void {
    try {
      for (const [index, key] of keys.entries()) native.mapUpdate(this.#fd, key, Uint8Array.of(qfis[index]!))
    } catch (error) {
      for (const key of keys) native.mapDelete(this.#fd, key)
      if (isFull(error)) throw new UserSessionError('no room', 'classifiers')
      throw error
    }
  }

  /** Numbers come round after all others have been used; a set that lives so long keeps its own. */
  #nextNumber(): number {
    do this.#last = (this.#last + 1) >>> 0
    while (this.#last === 0 || this.#sets.has(this.#last))
    return this.#last
  }
}
