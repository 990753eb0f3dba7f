// Elements: number, criticality, and a value of any type, with its length. All of them start and end at whole bytes.
//
//     | id (2) | criticality (2 bits), zeros | length (1, 2, or more) | value |

import { DecodeError } from '../../wire/decode-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import { readOctets, writeOctets } from './lengths.ts'

/** What a receiver that does not know the element has to do. */
export type Criticality = (typeof criticalities)[number]
export const criticalities = ['reject', 'ignore', 'notify'] as const

export interface Element {
  readonly id: number
  readonly criticality: Criticality
  readonly value: Uint8Array
}

export function readCriticality(from: Reader): Criticality {
  const at = from.at
  const byte = from.u8()
  if ((byte & 0x3f) !== 0) throw from.fail('padding is not zero', at)
  const criticality = criticalities[byte >> 6]
  if (criticality === undefined) throw from.fail('unknown criticality', at)
  return criticality
}

export const criticalityByte = (criticality: Criticality): number => criticalities.indexOf(criticality) << 6

export function readElement(from: Reader): Element {
  from.align()
  return { id: from.u16(), criticality: readCriticality(from), value: readOctets(from) }
}

export function writeElement(to: Writer, { criticality, id, value }: Element): void {
  to.align().u16(id).u8(criticalityByte(criticality))
  writeOctets(to, value)
}

/** The shortest element: an id, a criticality, a length of zero. */
const shortest = 4

/** So many elements, which is checked before memory is spent on them. */
export function readElements(from: Reader, count: number, nameOf: (id: number) => string = String): readonly Element[] {
  if (count * shortest > from.left) throw from.fail('truncated', from.end)
  const elements: Element[] = []
  let id = -1
  try {
    for (let n = 0; n < count; n++) {
      id = -1
      from.align()
      id = from.u16()
      elements.push({ id, criticality: readCriticality(from), value: readOctets(from) })
    }
  } catch (error) {
    if (!(error instanceof DecodeError) || id < 0) throw error
    throw new DecodeError(error.reason, error.offset, [nameOf(id), ...error.path])
  }
  return elements
}

export function writeElements(to: Writer, elements: readonly Element[]): void {
  for (const element of elements) writeElement(to, element)
}
