// Tables of information elements: which number has which name and value. A protocol says where its elements stand; the
// table says what they mean.

import { DecodeError } from '../wire/decode-error.ts'
import { hexText } from './element-values.ts'
import type { ElementValue } from './element-values.ts'
import type { FieldValue } from './protocol.ts'

/** An element that has elements in it. */
export const group = 'group'

/** Number, name in the specification, value; `many`: several may stand side by side. */
export type ElementRow = readonly [number, string, (ElementValue | typeof group)?, 'many'?]

export interface ElementType {
  readonly name: string
  /** the name in camel case: `Create PDR` is `createPdr`; what stands in brackets does not count */
  readonly field: string
  /** null: a group */
  readonly value: ElementValue | null
  readonly many: boolean
}

export interface ElementSpan {
  readonly type: number
  /** of GTPv2: tells elements of one type apart; 0 where a protocol has none */
  readonly instance: number
  /** where its value begins and ends */
  readonly start: number
  readonly end: number
}

export interface ElementTable {
  /** by number */
  readonly types: readonly (ElementType | undefined)[]
  /** those of a message or a group, in its order; they have been checked */
  spans(bytes: Uint8Array, start: number, end: number): Iterable<ElementSpan>
}

const unread: ElementValue = { show: hexText }

export function elementTypes(rows: readonly ElementRow[]): readonly (ElementType | undefined)[] {
  const types: (ElementType | undefined)[] = Array.from({ length: Math.max(...rows.map(([number]) => number)) + 1 })
  for (const [number, name, value = unread, many] of rows) {
    types[number] = { name, field: camelCase(name), value: value === group ? null : value, many: many !== undefined }
  }
  return types
}

function camelCase(name: string): string {
  const words = name.replaceAll(/\(.*?\)|'/g, '').match(/[A-Za-z0-9]+/g) ?? []
  return words.map((word, i) => (i === 0 ? '' : word[0]!.toUpperCase()) + lowerTail(word, i === 0)).join('')
}

/** `PDR` becomes `Pdr`, but what has small letters stays as it is. */
const lowerTail = (word: string, first: boolean): string => {
  const tail = /[a-z]/.test(word) && !first ? word.slice(1) : word.slice(1).toLowerCase()
  return first ? word[0]!.toLowerCase() + tail : tail
}

/** The elements by their names; those that stand nowhere in the table are in `unknown`. */
export function describeElements(
  table: ElementTable,
  bytes: Uint8Array,
  start: number,
  end: number,
): Record<string, FieldValue> {
  const fields = new ElementFields()
  for (const span of table.spans(bytes, start, end)) {
    const type = table.types[span.type]
    const name = type === undefined ? 'unknown' : `${type.field}${span.instance === 0 ? '' : span.instance}`
    fields.add(name, type === undefined ? showUnknown(bytes, span) : show(table, type, bytes, span), type?.many)
  }
  return fields.all
}

/** Fields by the names of elements: those that come again, or may, are lists. */
export class ElementFields {
  readonly all: Record<string, FieldValue> = {}
  #lists: Map<string, FieldValue[]> | null = null

  /** `many`: whether there may be several; undefined: it is not known. */
  add(name: string, value: FieldValue, many: boolean | undefined): void {
    const others = this.all[name]
    if (others === undefined && many === false) {
      this.all[name] = value
      return
    }
    this.#lists ??= new Map()
    const list = this.#lists.get(name)
    if (list !== undefined) list.push(value)
    else this.#lists.set(name, (this.all[name] = others === undefined ? [value] : [others, value]))
  }
}

const showUnknown = (bytes: Uint8Array, { end, instance, start, type }: ElementSpan): FieldValue => ({
  type,
  ...(instance === 0 ? {} : { instance }),
  value: hexText(bytes, start, end),
})

function show(table: ElementTable, type: ElementType, bytes: Uint8Array, { end, start }: ElementSpan): FieldValue {
  if (type.value === null) return describeElements(table, bytes, start, end)
  if (end - start < (type.value.leastBytes ?? 0)) return { malformed: hexText(bytes, start, end) }
  try {
    return type.value.show(bytes, start, end)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return { malformed: hexText(bytes, start, end) }
  }
}
