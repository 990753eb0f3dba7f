// Elements whose types are known: by a definition a value is found among elements, and another one is put in its place.

import { DecodeError } from '../../wire/decode-error.ts'
import type { FieldValue } from '../protocol.ts'
import type { Element } from './elements.ts'
import { readAll, writeAll } from './type.ts'
import type { Type, Visitor } from './type.ts'

export interface Definition<T> {
  readonly id: number
  readonly name: string
  readonly type: Type<T>
}

export type Definitions = ReadonlyMap<number, Definition<unknown>>

export const none: Definitions = new Map()

/** Definitions by their ids, which are the keys, with names out of the protocol's table. */
export const definitionsOf = (
  names: ReadonlyMap<number, string>,
  types: readonly (readonly [id: number, type: Type<unknown>])[],
): Definitions => new Map(types.map(([id, type]) => [id, { id, name: names.get(id) ?? `${id}`, type }]))

/** Throws DecodeError, its offset counted from the start of the element's value. */
function readDefined<T>({ name, type }: Definition<T>, element: Element): T {
  try {
    return readAll(type, element.value)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new DecodeError(error.reason, error.offset, [name, ...error.path])
  }
}

/** The first element of that kind; undefined where there is none. Throws DecodeError. */
export function find<T>(elements: readonly Element[], definition: Definition<T>): T | undefined {
  const element = elements.find(({ id }) => id === definition.id)
  return element === undefined ? undefined : readDefined(definition, element)
}

/** The message with another value in all elements of that kind. */
export function replace<Message extends { readonly elements: readonly Element[] }, T>(
  message: Message,
  { id, type }: Definition<T>,
  value: T,
): Message {
  const bytes = writeAll(type, value)
  const elements = message.elements.map((element) => (element.id === id ? { ...element, value: bytes } : element))
  return { ...message, elements }
}

const isRefused = (error: unknown): error is DecodeError => {
  if (error instanceof DecodeError) return true
  throw error
}

/**
 * Shows the visitor what is inside the elements that are known; those that cannot be read are passed by. The same
 * elements where it changes nothing.
 */
export function visitElements(elements: readonly Element[], known: Definitions, visitor: Visitor): readonly Element[] {
  let changed: Element[] | null = null
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index]!
    const type = known.get(element.id)?.type
    if (type === undefined) continue
    let value: unknown
    try {
      value = readAll(type, element.value)
    } catch (error) {
      if (isRefused(error)) continue
    }
    const other = type.visit(value, visitor)
    if (other === value) continue
    changed ??= [...elements]
    changed[index] = { ...element, value: writeAll(type, other) }
  }
  return changed ?? elements
}

/** `AMF-UE-NGAP-ID` as `amfUeNgapId`, `UERadioCapability` as `ueRadioCapability`. */
const camelCase = (name: string): string =>
  name
    .replaceAll(/[A-Z]+s?(?![a-z])|[A-Z][a-z]*/g, (word) => word[0] + word.slice(1).toLowerCase())
    .replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^./, (letter) => letter.toLowerCase())

/** By the name of an element: there are as many as the tables have. */
const fieldNames = new Map<string, string>()

function fieldName(name: string): string {
  let field = fieldNames.get(name)
  if (field === undefined) fieldNames.set(name, (field = camelCase(name)))
  return field
}

/** What is known of the elements, by their names. What cannot be read is said in `unreadable`. */
export function showElements(elements: readonly Element[], known: Definitions): Readonly<Record<string, FieldValue>> {
  const fields: Record<string, FieldValue> = {}
  const unreadable: string[] = []
  for (const element of elements) {
    const definition = known.get(element.id)
    if (definition === undefined) continue
    try {
      fields[fieldName(definition.name)] = definition.type.show(readDefined(definition, element))
    } catch (error) {
      if (isRefused(error)) unreadable.push(error.message)
    }
  }
  return unreadable.length === 0 ? fields : { ...fields, unreadable }
}
