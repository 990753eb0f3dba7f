// The elements of a message as a tree: for those who take a message apart, change it, and put it together again.

import { Writer } from '../../wire/writer.ts'
import { isGroup, spans } from './walk.ts'

/** Read and written by `fTeid` and the like; an enterprise's value begins with its number. */
export interface PfcpElement {
  readonly type: number
  /** the bytes of its value; of a group, its elements */
  readonly value: Uint8Array | readonly PfcpElement[]
}

/** Byte strings are views of the body, which `decode` has checked. */
export function readElements(body: Uint8Array): readonly PfcpElement[] {
  return read(body, 0, body.length)
}

function read(body: Uint8Array, start: number, end: number): readonly PfcpElement[] {
  const elements: PfcpElement[] = []
  for (const span of spans(body, start, end)) {
    const value = isGroup(span.type) ? read(body, span.start, span.end) : body.subarray(span.start, span.end)
    elements.push({ type: span.type, value })
  }
  return elements
}

/** Throws RangeError for a value that is longer than its length can say. */
export function writeElements(elements: readonly PfcpElement[]): Uint8Array {
  const writer = new Writer()
  write(writer, elements)
  return writer.done()
}

function write(writer: Writer, elements: readonly PfcpElement[]): void {
  for (const { type, value } of elements) {
    writer.u16(type).u16(0)
    const from = writer.length
    if (value instanceof Uint8Array) writer.put(value)
    else write(writer, value)
    writer.fill(from - 2, 2, writer.length - from)
  }
}
