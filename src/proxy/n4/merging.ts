// A request that would establish a session, and a modification of it, as one request (TS 29.244, 7.5.4): rules are
// added, changed element by element, and taken away. The work grows with what is merged, never with its square: a
// datagram may have thousands of rules, or thousands of elements in one.

import { ruleKinds } from './rule-kinds.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { RuleKind } from './rule-kinds.ts'

type Group = readonly PfcpElement[]

const byCreate = new Map<number, RuleKind>(ruleKinds.map((kind) => [kind.create, kind]))
const byUpdate = new Map<number, RuleKind>(ruleKinds.map((kind) => [kind.update, kind]))
const byRemove = new Map<number, RuleKind>(ruleKinds.map((kind) => [kind.remove, kind]))

/** Groups of an update whose elements replace those of the group that the rule was created with. */
const partOf: ReadonlyMap<number, number> = new Map([
  [11, 4],
  [105, 5],
  [175, 166],
  [176, 167],
])

const activatePredefined = 106
const deactivatePredefined = 107
/** PFCPSMReq-Flags ask for something once. */
const smReqFlags = 49

/** Elements of a modification that last, and replace what the session had: inactivity timer, trace, set ids. */
const lasting = new Set([65, 117, 152, 291])

/** Elements in their order, found by a key, of which several may have the same. */
class Draft {
  readonly #keyOf: (element: PfcpElement) => string
  /** null: taken away */
  readonly #slots: ({ readonly element: PfcpElement; inside: Draft | null } | null)[] = []
  readonly #places = new Map<string, number[]>()

  constructor(keyOf: (element: PfcpElement) => string) {
    this.#keyOf = keyOf
  }

  add(element: PfcpElement): void {
    const key = this.#keyOf(element)
    const places = this.#places.get(key)
    if (places === undefined) this.#places.set(key, [this.#slots.length])
    else places.push(this.#slots.length)
    this.#slots.push({ element, inside: null })
  }

  remove(key: string): void {
    for (const place of this.#places.get(key) ?? []) this.#slots[place] = null
    this.#places.delete(key)
  }

  /** The first group of this key, for its elements to be changed; null: there is none. */
  open(key: string): Draft | null {
    const place = this.#places.get(key)?.[0]
    const slot = place === undefined ? undefined : this.#slots[place]
    if (slot === undefined || slot === null) return null
    // Taken apart once, however often it is changed.
    return (slot.inside ??= draftOf(partsOf(slot.element.value)))
  }

  elements(): Group {
    return this.#slots.flatMap((slot) => {
      if (slot === null) return []
      const { element, inside } = slot
      return inside === null ? element : { type: element.type, value: inside.elements() }
    })
  }
}

/** The request that these changes, in their order, make of `before`. */
export function merge(before: Group, changes: readonly Group[]): Group {
  const session = new Draft(keyInSession)
  for (const element of before) {
    // A rule that is there twice would have to be changed twice.
    if (byCreate.has(element.type)) session.remove(keyInSession(element))
    session.add(element)
  }
  for (const change of changes) for (const element of change) changeSession(session, element)
  return session.elements()
}

function changeSession(session: Draft, element: PfcpElement): void {
  const { type, value } = element
  const updated = byUpdate.get(type)
  const removed = byRemove.get(type)
  if (removed !== undefined) return session.remove(keyOfRule(removed, element))
  if (updated !== undefined) {
    const rule = session.open(keyOfRule(updated, element))
    if (rule !== null) changeGroup(rule, partsOf(value))
    return
  }
  if (!byCreate.has(type) && !lasting.has(type)) return
  session.remove(keyInSession(element))
  session.add(element)
}

function keyInSession(element: PfcpElement): string {
  const created = byCreate.get(element.type)
  return created === undefined ? `${element.type}` : keyOfRule(created, element)
}

function keyOfRule({ create, id }: RuleKind, { value }: PfcpElement): string {
  const found = partsOf(value).find(({ type }) => type === id)?.value
  return `${create} ${found instanceof Uint8Array ? textOf(found) : 'none'}`
}

const partsOf = (value: PfcpElement['value']): Group => (value instanceof Uint8Array ? [] : value)

const textOf = (value: Uint8Array): string => Buffer.from(value).toString('hex')

function draftOf(elements: Group): Draft {
  const draft = new Draft(keyInGroup)
  for (const element of elements) draft.add(element)
  return draft
}

/** Predefined rules are activated and deactivated by name. */
const keyInGroup = ({ type, value }: PfcpElement): string =>
  type === activatePredefined && value instanceof Uint8Array ? `${type} ${textOf(value)}` : `${type}`

/** Each type of element that an update has takes the place of all of that type; one without a value ends it (5.6.3). */
function changeGroup(group: Draft, change: Group): void {
  const replaced = new Set<number>()
  for (const element of change) {
    const { type, value } = element
    const part = partOf.get(type)
    if (type === smReqFlags) continue
    if (type === deactivatePredefined && value instanceof Uint8Array)
      group.remove(keyInGroup({ type: activatePredefined, value }))
    else if (value.length === 0) group.remove(`${part ?? type}`)
    else if (part !== undefined) {
      if (group.open(`${part}`) === null) group.add({ type: part, value: [] })
      changeGroup(group.open(`${part}`)!, partsOf(value))
    } else {
      if (type !== activatePredefined && !replaced.has(type)) group.remove(`${type}`)
      replaced.add(type)
      group.add(element)
    }
  }
}
