// Messages of the application protocols of the radio network (TS 38.413, 9.4.3 and TS 36.413, 9.3.2): an elementary
// procedure and its elements, without what the elements mean.
//
//     | 00 initiating, 20 successful, 40 unsuccessful | procedure | criticality | length | value |
//     value: | 00, 80 when additions follow | count (2) | elements | additions |

import { DecodeError } from '../../wire/decode-error.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { criticalityByte, readCriticality, readElements, writeElements } from './elements.ts'
import type { Criticality, Element } from './elements.ts'
import { fragmentSize, readRun, readRuns, writeOctets } from './lengths.ts'

export const messageKinds = ['initiating', 'successful', 'unsuccessful'] as const
export type MessageKind = (typeof messageKinds)[number]

export interface ProcedureMessage {
  readonly kind: MessageKind
  readonly procedure: number
  readonly criticality: Criticality
  readonly elements: readonly Element[]
  /** What follows the elements: additions of later releases. Of a private message all that it holds. */
  readonly rest: Uint8Array
  /** What follows the message. Some AMFs send all of a buffer, with whatever was in it; receivers pass it by. */
  readonly trailing: Uint8Array
}

/** What differs between the protocols. */
export interface Procedures {
  /** the procedure whose elements have names instead of numbers */
  readonly privateMessage: number
  readonly elementName: (id: number) => string
}

export function decodeProcedure(bytes: Uint8Array, protocol: Procedures): ProcedureMessage {
  const from = new Reader(bytes)
  const first = from.u8()
  const kind = messageKinds[first >> 5]
  if (kind === undefined) throw from.fail('unknown message kind', 0)
  if ((first & 0x1f) !== 0) throw from.fail('padding is not zero', 0)
  const procedure = from.u8()
  const criticality = readCriticality(from)
  const body = readBody(from)
  const trailing = from.rest()
  const value = 'joined' in body ? readJoined(body, procedure, protocol) : readValue(body, procedure, protocol)
  return { kind, procedure, criticality, ...value, trailing }
}

/** A value that came in pieces, and where each of them was. */
interface Pieces {
  readonly joined: Uint8Array
  readonly starts: readonly { readonly joined: number; readonly wire: number }[]
}

/** The value; nearly all are in one piece. */
function readBody(from: Reader): Reader | Pieces {
  if (from.peek() < 0xc0) {
    const { count } = readRun(from)
    return from.part(count)
  }
  const starts: Pieces['starts'][number][] = []
  const pieces: Uint8Array[] = []
  let joined = 0
  readRuns(from, (count) => {
    starts.push({ joined, wire: from.at })
    pieces.push(from.take(count))
    joined += count
  })
  return { joined: Buffer.concat(pieces), starts }
}

type Value = Pick<ProcedureMessage, 'elements' | 'rest'>

const readJoined = ({ joined, starts }: Pieces, procedure: number, protocol: Procedures): Value => {
  try {
    return readValue(new Reader(joined), procedure, protocol)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const start = starts.findLast((piece) => piece.joined <= error.offset)!
    throw new DecodeError(error.reason, error.offset - start.joined + start.wire, error.path)
  }
}

function readValue(from: Reader, procedure: number, protocol: Procedures): Value {
  if (procedure === protocol.privateMessage) return { elements: [], rest: from.rest() }
  const at = from.at
  const first = from.u8()
  if ((first & 0x7f) !== 0) throw from.fail('padding is not zero', at)
  const elements = readElements(from, from.u16(), protocol.elementName)
  const rest = from.rest()
  if (first === 0 && rest.length > 0) throw from.fail('bytes left over', from.at - rest.length)
  if (first !== 0 && rest.length === 0) throw from.fail('truncated')
  return { elements, rest }
}

export function encodeProcedure(message: ProcedureMessage, { privateMessage }: Procedures): Uint8Array {
  const { criticality, elements, kind, procedure, rest, trailing } = message
  const header = [messageKinds.indexOf(kind) << 5, procedure, criticalityByte(criticality)] as const
  const isPrivate = procedure === privateMessage
  const length = rest.length + (isPrivate ? 0 : lengthOf(elements))
  if (length < fragmentSize) return encodeWhole(message, header, isPrivate, length)
  const value = new Writer()
  if (!isPrivate) {
    value.u8(rest.length === 0 ? 0 : 0x80).u16(elements.length)
    writeElements(value, elements)
  }
  const to = new Writer()
  to.u8(header[0]).u8(header[1]).u8(header[2])
  writeOctets(to, value.put(rest).done())
  return to.put(trailing).done()
}

const sizeOfLength = (length: number): number => (length < 0x80 ? 1 : 2)

/** Of all elements and their count. At least so much where one is in fragments. */
function lengthOf(elements: readonly Element[]): number {
  if (elements.length > 0xffff) throw new RangeError(`${elements.length} elements have no room in a message`)
  let length = 3
  for (const { value } of elements) length += 3 + sizeOfLength(value.length) + value.length
  return length
}

/** Nearly all messages are in one piece, and written straight into bytes of their length. */
function encodeWhole(
  { elements, rest, trailing }: ProcedureMessage,
  header: readonly number[],
  isPrivate: boolean,
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(header.length + sizeOfLength(length) + length + trailing.length)
  bytes.set(header)
  let at = header.length
  const putLength = (count: number): void => {
    if (count >= 0x80) bytes[at++] = 0x80 | (count >> 8)
    bytes[at++] = count
  }
  const put = (part: Uint8Array): void => {
    bytes.set(part, at)
    at += part.length
  }
  putLength(length)
  if (!isPrivate) {
    bytes[at] = rest.length === 0 ? 0 : 0x80
    bytes[at + 1] = elements.length >> 8
    bytes[at + 2] = elements.length
    at += 3
    for (const { criticality, id, value } of elements) {
      if (id > 0xffff) throw new RangeError(`${id} has no room in 2 bytes`)
      bytes[at] = id >> 8
      bytes[at + 1] = id
      bytes[at + 2] = criticalityByte(criticality)
      at += 3
      putLength(value.length)
      put(value)
    }
  }
  put(rest)
  put(trailing)
  return bytes
}
