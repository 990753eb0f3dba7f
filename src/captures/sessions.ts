// Sessions followed across protocols. A message that has several session keys proves that they belong together: an NGAP
// UE and the ends of its tunnels, the ends of tunnels and a PFCP session, an IMSI and both. An answer belongs to its
// request. Keys are joined as the capture goes on, so that what belongs together is known at its end only.
//
// A number is given to somebody else once its session has ended: a key of such a session that is told anew begins
// another one, while late packets, which have it in their header, still belong to the old one.

import type { SessionKey, SessionKind } from '../protocols/protocol.ts'
import { Associations } from './associations.ts'
import { sessionLimits as limits } from './limits.ts'
import type { Message, Place } from './message.ts'

/** The message belongs to no session. */
export const noSession = 0

/** What is known of a key. */
interface Entry {
  /** number in the union-find forest */
  readonly node: number
  /** the key whose session has brought this one; null: it stands for itself */
  readonly owner: Entry | null
  isEnded: boolean
}

/** Numbers that their owner gives out again. */
const ownedKinds = new Set<SessionKind>(['seid', 'teid', 'ue-ip', 'amf-ue', 'ran-ue', 'mme-ue', 'enb-ue'])
/** Those that may own others. */
const ownerKinds = new Set<SessionKind>(['seid', 'teid', 'amf-ue', 'ran-ue', 'mme-ue', 'enb-ue'])
/** Numbers that an association gives meaning to. */
const ueKinds = new Set<SessionKind>(['amf-ue', 'ran-ue', 'mme-ue', 'enb-ue'])

const question = ' Request'
const answer = ' Response'

/** A SEID or TEID of a message's header is the one of the place that the message goes to. */
const isOfHeader = ({ kind, value }: SessionKey): boolean =>
  (kind === 'seid' || kind === 'teid') && value.startsWith('0x')

/** Session keys with the address that those of the header belong to, as an F-SEID or F-TEID would have it. */
export const placedKeys = (keys: readonly SessionKey[], { destinationAddress }: Place): readonly SessionKey[] =>
  keys.some(isOfHeader)
    ? keys.map((key) => (isOfHeader(key) ? { kind: key.kind, value: `${destinationAddress}/${key.value}` } : key))
    : keys

export class Sessions {
  /** what was forgotten for lack of room, by reason */
  readonly troubles = new Map<string, number>()
  readonly #entries = new Map<string, Entry>()
  readonly #associations = new Associations()
  readonly #requests = new Map<string, number>()
  readonly #forest = new Forest()

  /** The node of a message: messages of one session have nodes that `root` makes equal once the capture is over. */
  add(message: Message): number {
    if (message.error !== null) return noSession
    const { keys, protocol } = message
    switch (protocol.name) {
      case 'sctp':
        return this.#association(message, keys)
      case 'ngap':
      case 's1ap':
        return this.#application(message, keys)
      case 'pfcp':
      case 'gtpv1c':
      case 'gtpv2': {
        const node = this.#answered(message, this.#join(message, keys, 0))
        this.#end(message, message.endedKeys, 0)
        return node
      }
      case 'gtp':
      case 'diameter':
      case 'sip':
        return this.#join(message, keys, 0)
      default:
        return protocol.name satisfies never
    }
  }

  root(node: number): number {
    return this.#forest.root(node)
  }

  #association(message: Message, keys: readonly SessionKey[]): number {
    const { place } = message
    const begins = keys.length > (place.verificationTag === 0 ? 0 : 1)
    const number = begins
      ? this.#associations.announce(
          place,
          keys.map(({ value }) => Number(value)),
        )
      : this.#associations.of(place)
    if (message.endedKeys.length > 0) this.#associations.end(place)
    return this.#ofAssociation(number)
  }

  #application(message: Message, keys: readonly SessionKey[]): number {
    const association = this.#associations.of(message.place)
    const ended = message.endedKeys
    // A reset is about many UEs, which have nothing to do with each other.
    const isAboutMany = ended.some(({ kind }, index) => ended.findIndex((other) => other.kind === kind) < index)
    const node = isAboutMany ? noSession : this.#join(message, keys, association)
    this.#end(message, ended, association)
    return node === noSession ? this.#ofAssociation(association) : node
  }

  /** What is about the association as a whole. */
  #ofAssociation(number: number): number {
    return this.#entry(`association ${number}`, null, false).node
  }

  #join({ place }: Message, keys: readonly SessionKey[], association: number): number {
    let node = noSession
    let owner: Entry | null = null
    for (const key of keys) {
      // All UEs of a core have its name in common.
      if (key.kind === 'guami') continue
      const isLate = isOfHeader(key)
      const entry = this.#entry(textOf(key, place, association), ownedKinds.has(key.kind) ? owner : null, isLate)
      if (entry.node === noSession) continue
      if (owner === null && ownerKinds.has(key.kind)) {
        owner = entry.owner ?? entry
        // It has a session still, or has one again.
        if (keys.length > 1) owner.isEnded = false
      }
      node = node === noSession ? entry.node : this.#forest.unite(node, entry.node)
    }
    return node
  }

  #entry(text: string, owner: Entry | null, isLate: boolean): Entry {
    const known = this.#entries.get(text)
    if (known !== undefined && (isLate || !(known.isEnded || known.owner?.isEnded === true))) return known
    const made: Entry = { node: this.#forest.add(), owner, isEnded: false }
    if (made.node === noSession) {
      this.#count('too many session keys: the last ones were not followed')
      return made
    }
    if (known === undefined && this.#entries.size === limits.keys) {
      this.#count('too many session keys: the oldest were forgotten')
      this.#entries.delete(this.#entries.keys().next().value!)
    }
    this.#entries.set(text, made)
    return made
  }

  #end({ place }: Message, ended: readonly SessionKey[], association: number): void {
    for (const key of ended) {
      const entry = this.#entries.get(textOf(key, place, association))
      if (entry !== undefined) (entry.owner ?? entry).isEnded = true
    }
  }

  /** An answer goes back to where its request came from, with the request's sequence number. */
  #answered({ description, place, protocol }: Message, node: number): number {
    const { fields, name } = description
    const sequence = fields['sequence']
    if (typeof sequence !== 'number') return node
    const { destination, source } = place
    if (name.endsWith(answer)) {
      const request = this.#requests.get(
        `${protocol.name} ${name.slice(0, -answer.length)} ${destination} ${source} ${sequence}`,
      )
      if (request === undefined) return node
      return node === noSession ? request : this.#forest.unite(request, node)
    }
    if (node === noSession || !name.endsWith(question)) return node
    const key = `${protocol.name} ${name.slice(0, -question.length)} ${source} ${destination} ${sequence}`
    this.#requests.delete(key)
    if (this.#requests.size === limits.requests) this.#requests.delete(this.#requests.keys().next().value!)
    this.#requests.set(key, node)
    return node
  }

  #count(reason: string): void {
    this.troubles.set(reason, (this.troubles.get(reason) ?? 0) + 1)
  }
}

function textOf(key: SessionKey, { destinationAddress }: Place, association: number): string {
  const { kind, value } = key
  if (isOfHeader(key)) return `${kind} ${destinationAddress}/${value}`
  return ueKinds.has(kind) ? `${kind} ${association} ${value}` : `${kind} ${value}`
}

/** Disjoint sets; the least number of a set is its root. */
class Forest {
  #parents = new Uint32Array(1 << 12)
  #size = 1

  /** `noSession` where there is no room any more. */
  add(): number {
    if (this.#size === limits.nodes) return noSession
    if (this.#size === this.#parents.length) {
      const larger = new Uint32Array(this.#parents.length * 2)
      larger.set(this.#parents)
      this.#parents = larger
    }
    this.#parents[this.#size] = this.#size
    return this.#size++
  }

  root(node: number): number {
    let at = node
    for (let parent = this.#parents[at]!; parent !== at; parent = this.#parents[at]!) {
      const above = this.#parents[parent]!
      this.#parents[at] = above
      at = above
    }
    return at
  }

  unite(a: number, b: number): number {
    const [one, other] = [this.root(a), this.root(b)]
    if (one === other) return one
    const [first, second] = one < other ? [one, other] : [other, one]
    this.#parents[second] = first
    return first
  }
}

const chunkNodes = 1 << 16

/** The node of each message of a file, in their order: four bytes a message. */
export class NodeList {
  readonly #chunks: Uint32Array[] = []
  #length = 0

  /** False where there is no room any more. */
  push(node: number): boolean {
    if (this.#length === limits.messages) return false
    const index = this.#length % chunkNodes
    if (index === 0) this.#chunks.push(new Uint32Array(chunkNodes))
    this.#chunks.at(-1)![index] = node
    this.#length++
    return true
  }

  at(index: number): number {
    return this.#chunks[Math.floor(index / chunkNodes)]?.[index % chunkNodes] ?? noSession
  }
}
