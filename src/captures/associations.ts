// Which SCTP association a packet belongs to. Verification tags tell, over whichever addresses it comes; where the
// capture does not have the association's beginning, both directions are found by their addresses and ports.

import { sessionLimits as limits } from './limits.ts'
import type { Place } from './message.ts'

export class Associations {
  /** by tag and ports, as they stand in the packets of one direction */
  readonly #byTag = new Map<string, number>()
  /** by both places, the lesser one first */
  readonly #byPath = new Map<string, number>()
  /** the tag that a place writes into its packets, by association */
  readonly #tags = new Map<string, number>()
  #count = 0

  /** A number that belongs to the association alone. */
  of(place: Place): number {
    const { destination, destinationPort, source, sourcePort, verificationTag } = place
    const path = pathOf(source, destination)
    const byPath = this.#byPath.get(path)
    if (verificationTag === 0) return byPath ?? this.#begin(path)
    const tag = tagKey(verificationTag, sourcePort, destinationPort)
    const byTag = this.#byTag.get(tag)
    if (byTag !== undefined) {
      if (byPath === undefined) keep(this.#byPath, path, byTag)
      return byTag
    }
    // An ABORT may have the tag of the other direction (RFC 9260, 8.5.1).
    const reflected = this.#byTag.get(tagKey(verificationTag, destinationPort, sourcePort))
    if (reflected !== undefined && reflected === byPath) return reflected
    const isOther = byPath !== undefined && this.#tags.has(`${byPath} ${source}`)
    const found = byPath === undefined || isOther ? this.#begin(path) : byPath
    this.#remember(found, source, tag, verificationTag)
    return found
  }

  /** INIT and INIT ACK tell the tag that their sender wants to find in what it is sent. */
  announce(place: Place, tags: readonly number[]): number {
    const { destination, destinationPort, source, sourcePort } = place
    const tag = tags.at(-1)!
    const key = tagKey(tag, destinationPort, sourcePort)
    const known = this.#byTag.get(key)
    if (known !== undefined) return known
    const path = pathOf(source, destination)
    const byPath = this.#byPath.get(path)
    // An INIT has no tag in its header. It begins an association, unless the other side has sent one too.
    const isFirst = byPath === undefined || this.#tags.has(`${byPath} ${destination}`)
    const found = place.verificationTag !== 0 ? this.of(place) : isFirst ? this.#begin(path) : byPath
    this.#remember(found, destination, key, tag)
    return found
  }

  /** What comes over the same addresses and ports from now on is another one. */
  end(place: Place): void {
    this.#byPath.delete(pathOf(place.source, place.destination))
    this.#byTag.delete(tagKey(place.verificationTag, place.sourcePort, place.destinationPort))
  }

  #begin(path: string): number {
    keep(this.#byPath, path, ++this.#count)
    return this.#count
  }

  #remember(association: number, source: string, key: string, tag: number): void {
    keep(this.#byTag, key, association)
    keep(this.#tags, `${association} ${source}`, tag)
  }
}

const tagKey = (tag: number, sourcePort: number, destinationPort: number): string =>
  `${tag} ${sourcePort} ${destinationPort}`

const pathOf = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

/** The oldest one gives way. */
function keep(map: Map<string, number>, key: string, value: number): void {
  if (map.size >= limits.associations * 2) map.delete(map.keys().next().value!)
  map.set(key, value)
}
