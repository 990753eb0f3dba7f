// Answers that were given, so that a request which comes again gets the same one and does nothing a second time
// (TS 29.244, 6.4).

import type { Place } from '../sockets/surroundings.ts'

const mostPeers = 1024
/** of each peer */
const mostAnswers = 65_536

interface Given {
  readonly digest: number
  /** null: none was given, on purpose */
  readonly answer: Uint8Array | null
}

export class AnswerMemory {
  readonly #peers = new Map<string, Map<number, Given>>()

  /** What this very request was answered with; undefined: it is a new one, even if its number is not. */
  find(from: Place, sequence: number, request: Uint8Array): Uint8Array | null | undefined {
    const given = this.#peers.get(keyOf(from))?.get(sequence)
    return given?.digest === digestOf(request) ? given.answer : undefined
  }

  keep(from: Place, sequence: number, request: Uint8Array, answer: Uint8Array | null): void {
    const key = keyOf(from)
    let answers = this.#peers.get(key)
    if (answers === undefined) {
      if (this.#peers.size === mostPeers) deleteOldest(this.#peers)
      this.#peers.set(key, (answers = new Map<number, Given>()))
    }
    answers.delete(sequence)
    if (answers.size === mostAnswers) deleteOldest(answers)
    answers.set(sequence, { digest: digestOf(request), answer })
  }
}

const keyOf = ({ address, port }: Place): string => `${address} ${port}`

function deleteOldest<Key>(map: Map<Key, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}

/** FNV-1a: tells requests of one peer with one sequence number apart. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash
}
