// Structures of aligned PER as the application protocols of the radio network use them: every sequence may have
// elements of later releases as its extensions, and is open for more (`iE-Extensions OPTIONAL, ...`).

import { DecodeError } from '../../wire/decode-error.ts'
import type { FieldValue } from '../protocol.ts'
import { none, showElements, visitElements } from './definitions.ts'
import type { Definitions } from './definitions.ts'
import { readElement, readElements, writeElement, writeElements } from './elements.ts'
import type { Element } from './elements.ts'
import { readOctets, readRuns, writeOctets, writeRuns } from './lengths.ts'
import { readNumber, readRoot, writeNumber, writeRoot } from './scalars.ts'
import { leaf, readAll, writeAll } from './type.ts'
import type { Type, ValueOf, Visitor } from './type.ts'

interface Optional<T> {
  readonly optional: Type<T>
}

export const optional = <T>(type: Type<T>): Optional<T> => ({ optional: type })

type Fields = Readonly<Record<string, Type<unknown> | Optional<unknown>>>
type Alternatives = Readonly<Record<string, Type<unknown>>>

export type Sequence<F extends Fields> = {
  readonly [Name in keyof F as F[Name] extends Optional<unknown> ? never : Name]: ValueOf<F[Name]>
} & {
  readonly [Name in keyof F as F[Name] extends Optional<unknown> ? Name : never]?: F[Name] extends Optional<infer T>
    ? T
    : never
} & { readonly extensions?: readonly Element[] }

type Choice<A extends Alternatives> = {
  readonly [Name in keyof A]: { readonly kind: Name; readonly value: ValueOf<A[Name]> }
}[keyof A]

/** The container that a choice has for the alternatives of later releases. */
export const extension: Type<Element> = leaf(readElement, writeElement, ({ id, value }) => ({
  id,
  value: Buffer.from(value).toString('hex'),
}))

const mostExtensions = 65_535

/** Elements of later releases; those in `known` are shown and visited. */
const extensionList = (known: Definitions): Type<readonly Element[]> => ({
  read: (from) => readElements(from, readNumber(from, 1, mostExtensions)),
  write(to, value) {
    writeNumber(to, 1, mostExtensions, value.length)
    writeElements(to, value)
  },
  show: (value) => showElements(value, known),
  visit: (value, visitor) => visitElements(value, known, visitor),
})

/** One element, of a kind that is known. */
export const singleElement = (known: Definitions): Type<Element> => ({
  read: readElement,
  write: writeElement,
  show: (value) => showElements([value], known),
  visit: (value, visitor) => visitElements([value], known, visitor)[0]!,
})

/** A sequence of nothing but elements, and what follows them: most transfers, and each message. */
export interface ElementSequence {
  readonly elements: readonly Element[]
}

const mostElements = 65_535

export const elementSequence = (known: Definitions): Type<ElementSequence> => ({
  read(from) {
    readRoot(from, true)
    return { elements: readElements(from, readNumber(from, 0, mostElements)) }
  },
  write(to, { elements }) {
    writeRoot(to, true)
    writeNumber(to, 0, mostElements, elements.length)
    writeElements(to, elements)
  },
  show: ({ elements }) => showElements(elements, known),
  visit(value, visitor) {
    const elements = visitElements(value.elements, known, visitor)
    return elements === value.elements ? value : { elements }
  },
})

interface Part {
  readonly name: string
  readonly type: Type<unknown>
  readonly isOptional: boolean
}

type Values = Readonly<Record<string, unknown>>

const partsOf = (fields: Fields, known: Definitions): readonly Part[] => [
  ...Object.entries(fields).map(([name, field]) =>
    'optional' in field ? { name, type: field.optional, isOptional: true } : { name, type: field, isOptional: false },
  ),
  { name: 'extensions', type: extensionList(known), isOptional: true },
]

/** Values without the fields that are absent. Fields are read, shown and visited in their order. */
export const sequence = <F extends Fields>(fields: F, known: Definitions = none): Type<Sequence<F>> => {
  const parts = partsOf(fields, known)
  const optionals = parts.filter(({ isOptional }) => isOptional).length
  const type: Type<Values> = {
    read(from) {
      const isExtended = from.bits(1) === 1
      const present = from.bits(optionals)
      if (isExtended) throw from.fail('unknown extension')
      const value: Record<string, unknown> = {}
      let left = optionals
      for (const part of parts) {
        if (part.isOptional && ((present >> --left) & 1) === 0) continue
        value[part.name] = part.type.read(from)
      }
      return value
    },
    write(to, value) {
      to.bits(1, 0)
      for (const { isOptional, name } of parts) if (isOptional) to.bits(1, value[name] === undefined ? 0 : 1)
      for (const part of parts) {
        const field = value[part.name]
        if (field !== undefined) part.type.write(to, field)
        else if (!part.isOptional) throw new RangeError(`${part.name} is missing`)
      }
    },
    show(value) {
      const shown: Record<string, FieldValue> = {}
      for (const part of parts) {
        const field = value[part.name]
        if (field !== undefined) shown[part.name] = part.type.show(field)
      }
      return shown
    },
    visit(value, visitor) {
      let changed: Record<string, unknown> | null = null
      for (const part of parts) {
        const field = value[part.name]
        if (field === undefined) continue
        const other = part.type.visit(field, visitor)
        if (other === field) continue
        changed ??= { ...value }
        changed[part.name] = other
      }
      return changed ?? value
    },
  }
  // What the fields make of the record is what its mapped type says.
  return type as unknown as Type<Sequence<F>>
}

/** One of the alternatives, in their order. */
export const choice = <A extends Alternatives>(alternatives: A, { extensible = false } = {}): Type<Choice<A>> => {
  const list = Object.entries(alternatives)
  const indexOf = (kind: string): number => {
    const index = list.findIndex(([name]) => name === kind)
    if (index < 0) throw new RangeError(`${kind} is no alternative`)
    return index
  }
  const typeOf = (kind: string): Type<unknown> => list[indexOf(kind)]![1]
  const type: Type<{ readonly kind: string; readonly value: unknown }> = {
    read(from) {
      readRoot(from, extensible)
      const [kind, alternative] = list[readNumber(from, 0, list.length - 1)]!
      return { kind, value: alternative.read(from) }
    },
    write(to, { kind, value }) {
      writeRoot(to, extensible)
      writeNumber(to, 0, list.length - 1, indexOf(kind))
      typeOf(kind).write(to, value)
    },
    show: ({ kind, value }) => ({ [kind]: typeOf(kind).show(value) }),
    visit(chosen, visitor) {
      const value = typeOf(chosen.kind).visit(chosen.value, visitor)
      return value === chosen.value ? chosen : { kind: chosen.kind, value }
    },
  }
  return type as unknown as Type<Choice<A>>
}

/** A count with bounds below this one is a number of so many bits, above it is written as a length. */
const mostBounded = 65_535

export const list = <T>(item: Type<T>, low: number, high: number): Type<readonly T[]> => ({
  read(from) {
    const values: T[] = []
    const more = (count: number): void => {
      for (let n = 0; n < count; n++) values.push(item.read(from))
      if (values.length > high) throw from.fail('too many items')
    }
    if (high <= mostBounded) more(readNumber(from, low, high))
    else readRuns(from, more)
    if (values.length < low) throw from.fail('too few items')
    return values
  },
  write(to, values) {
    const more = (start: number, end: number): void => {
      for (let n = start; n < end; n++) item.write(to, values[n]!)
    }
    if (values.length < low || values.length > high) throw new RangeError(`${values.length} is not in ${low}..${high}`)
    if (high <= mostBounded) {
      writeNumber(to, low, high, values.length)
      more(0, values.length)
    } else {
      writeRuns(to, values.length, more)
    }
  },
  show: (values) => values.map((value) => item.show(value)),
  visit(values, visitor) {
    let changed: T[] | null = null
    for (const [index, value] of values.entries()) {
      const other = item.visit(value, visitor)
      if (other === value) continue
      changed ??= [...values]
      changed[index] = other
    }
    return changed ?? values
  },
})

/** A message inside an octet string. What cannot be read is kept: it is between others than those who look in here. */
export interface Contained<T> {
  readonly bytes: Uint8Array
  /** null: not what it should be */
  readonly value: T | null
}

export const containing = <T>(type: Type<T>): Type<Contained<T>> => ({
  read(from) {
    const bytes = readOctets(from)
    try {
      return { bytes, value: readAll(type, bytes) }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { bytes, value: null }
    }
  },
  write: (to, { bytes }) => writeOctets(to, bytes),
  show: ({ bytes, value }) => (value === null ? Buffer.from(bytes).toString('hex') : type.show(value)),
  visit(contained, visitor) {
    if (contained.value === null) return contained
    const value = type.visit(contained.value, visitor)
    return value === contained.value ? contained : { bytes: writeAll(type, value), value }
  },
})

/** A type whose values the visitor is shown, before what is inside them. */
export const visited = <T>(type: Type<T>, show: (value: T, visitor: Visitor) => T): Type<T> => ({
  ...type,
  visit: (value, visitor) => type.visit(show(value, visitor), visitor),
})
