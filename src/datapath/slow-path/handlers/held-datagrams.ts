// Fragments that wait for the rest of their datagram, within limits: of all, and of each source.

import { formatAddress } from '../../../wire/ip.ts'
import { partOf } from '../../../wire/fragments.ts'
import type { Part } from '../../../wire/fragments.ts'
import type { FragmentKey } from '../../layout.gen.ts'
import type { PuntedPacket } from '../handler.ts'

export interface FragmentLimits {
  /** datagrams that wait at one time, and of those from one source */
  readonly datagrams: number
  readonly datagramsOfSource: number
  /** of all frames that wait */
  readonly bytes: number
  readonly partsOfDatagram: number
  /** how long a datagram waits for the rest */
  readonly waitMs: number
}

export interface HeldPart {
  readonly part: Part
  readonly punted: PuntedPacket
}

export interface HeldDatagram {
  readonly key: FragmentKey
  /** key as text */
  readonly name: string
  readonly source: string
  readonly parts: HeldPart[]
  readonly sinceMs: number
}

const nameOf = (key: FragmentKey): string =>
  [formatAddress(key.source), formatAddress(key.destination), key.id, key.zone, key.protocol].join(' ')

export class HeldDatagrams {
  readonly #limits: FragmentLimits
  /** in the order in which they began to wait */
  readonly #byName = new Map<string, HeldDatagram>()
  readonly #ofSource = new Map<string, number>()
  #bytes = 0

  constructor(limits: FragmentLimits) {
    this.#limits = limits
  }

  get datagrams(): number {
    return this.#byName.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The datagram, with this part; or the limit that keeps it out. */
  add(key: FragmentKey, held: HeldPart): HeldDatagram | { readonly refused: string } {
    const name = nameOf(key)
    const known = this.#byName.get(name)
    const source = formatAddress(key.source)
    const size = held.punted.frame.length
    const ofSource = this.#ofSource.get(source) ?? 0
    if (this.#bytes + size > this.#limits.bytes) return { refused: 'fragments: bytes' }
    if (known === undefined && this.#byName.size >= this.#limits.datagrams) return { refused: 'fragments: datagrams' }
    if (known === undefined && ofSource >= this.#limits.datagramsOfSource) return { refused: 'fragments: of source' }
    if (known !== undefined && known.parts.length >= this.#limits.partsOfDatagram)
      return { refused: 'fragments: parts' }
    this.#bytes += size
    if (known !== undefined) {
      known.parts.push(held)
      return known
    }
    const datagram = { key, name, source, parts: [held], sinceMs: held.punted.nowMs }
    this.#byName.set(name, datagram)
    this.#ofSource.set(source, ofSource + 1)
    return datagram
  }

  /** Whether the same bytes at the same place wait already: the network may repeat a packet. */
  repeats(key: FragmentKey, part: Part): boolean {
    const bytes = partOf(part)
    return (this.#byName.get(nameOf(key))?.parts ?? []).some(
      ({ part: other }) =>
        other.fragment.offset === part.fragment.offset &&
        other.fragment.more === part.fragment.more &&
        Buffer.compare(partOf(other), bytes) === 0,
    )
  }

  remove(datagram: HeldDatagram): void {
    if (!this.#byName.delete(datagram.name)) return
    for (const { punted } of datagram.parts) this.#bytes -= punted.frame.length
    const left = (this.#ofSource.get(datagram.source) ?? 1) - 1
    if (left === 0) this.#ofSource.delete(datagram.source)
    else this.#ofSource.set(datagram.source, left)
  }

  [Symbol.iterator](): MapIterator<HeldDatagram> {
    return this.#byName.values()
  }
}
