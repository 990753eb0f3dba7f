// Messages of GTP-C for the tests of the proxy, written by hand: headers and elements as the specifications draw them.

import { addressBytes, isMappedIPv4 } from '../../wire/ip.ts'
import { join, write16, write32 } from '../../wire/fields.ts'

export const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/[\s|]/g, ''), 'hex'))
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const wireAddress = (text: string): Uint8Array => {
  const bytes = addressBytes(text)
  return isMappedIPv4(bytes) ? bytes.slice(12) : bytes
}

const number32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  write32(bytes, 0, value)
  return bytes
}

/** An element of version 2. */
export function ie(type: number, instance: number, ...value: readonly (number | Uint8Array)[]): Uint8Array {
  const content = join(...value.map((one) => (typeof one === 'number' ? Uint8Array.of(one) : one)))
  const head = Uint8Array.of(type, 0, 0, instance)
  write16(head, 1, content.length)
  return join(head, content)
}

export const fTeid = (instance: number, kind: number, teid: number, address: string): Uint8Array => {
  const bytes = wireAddress(address)
  return ie(87, instance, (bytes.length === 4 ? 0x80 : 0x40) | kind, number32(teid), bytes)
}

export const imsiOf = (last: number): Uint8Array => ie(1, 0, 0, 1, 1, 0, 0, 0, 0, 0xf0 | last)
export const causeV2 = (value: number): Uint8Array => ie(2, 0, value, 0)

/** A message of version 2; TEID null: without one. */
export function v2(
  type: number,
  teid: number | null,
  sequence: number,
  ...elements: readonly Uint8Array[]
): Uint8Array {
  const tail = Uint8Array.of(sequence >> 16, sequence >> 8, sequence, 0)
  const rest = join(teid === null ? new Uint8Array() : number32(teid), tail, ...elements)
  const head = Uint8Array.of(teid === null ? 0x40 : 0x48, type, 0, 0)
  write16(head, 2, rest.length)
  return join(head, rest)
}

export function v1(type: number, teid: number, sequence: number, ...elements: readonly Uint8Array[]): Uint8Array {
  const rest = join(Uint8Array.of(sequence >> 8, sequence, 0, 0), ...elements)
  const head = Uint8Array.of(0x32, type, 0, 0)
  write16(head, 2, rest.length)
  return join(head, number32(teid), rest)
}

/** Elements of version 1: of fixed length, and with a length. */
export const tv = (type: number, ...value: readonly number[]): Uint8Array => Uint8Array.of(type, ...value)
export const tv32 = (type: number, value: number): Uint8Array => join(Uint8Array.of(type), number32(value))
export const gsn = (address: string): Uint8Array => {
  const bytes = wireAddress(address)
  return join(Uint8Array.of(133, 0, bytes.length), bytes)
}

export interface Parsed {
  readonly version: number
  readonly type: number
  readonly teid: number | null
  readonly sequence: number
  readonly body: Uint8Array
  readonly bytes: Uint8Array
}

/** By the drawing of the header alone. */
export function parse(bytes: Uint8Array): Parsed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const version = bytes[0]! >> 5
  const type = bytes[1]!
  if (version === 1)
    return { version, type, teid: view.getUint32(4), sequence: view.getUint16(8), body: bytes.subarray(12), bytes }
  const at = (bytes[0]! & 8) === 0 ? 4 : 8
  const sequence = view.getUint32(at) >>> 8
  const end = 4 + view.getUint16(2)
  return {
    version,
    type,
    teid: at === 4 ? null : view.getUint32(4),
    sequence,
    body: bytes.subarray(at + 4, end),
    bytes,
  }
}

/** The value of an element of version 2; null: there is none. */
export function valueV2({ body }: Parsed, type: number, instance = 0): Uint8Array | null {
  for (let at = 0; at + 4 <= body.length; at += 4 + ((body[at + 1]! << 8) | body[at + 2]!)) {
    if (body[at] === type && (body[at + 3]! & 15) === instance)
      return body.subarray(at + 4, at + 4 + ((body[at + 1]! << 8) | body[at + 2]!))
  }
  return null
}

const read32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)

/** `10.0.0.1/0xa1 kind 11` */
export function fTeidIn(message: Parsed, instance = 0): { kind: number; teid: number; address: string } | null {
  const value = valueV2(message, 87, instance)
  if (value === null) return null
  const address = value.length === 9 ? value.subarray(5, 9).join('.') : hexOf(value.subarray(5))
  return { kind: value[0]! & 0x3f, teid: read32(value, 1), address }
}

const fixed: Readonly<Record<number, number>> = {
  1: 1,
  2: 8,
  3: 6,
  14: 1,
  15: 1,
  16: 4,
  17: 4,
  19: 1,
  20: 1,
  127: 4,
  8: 1,
}

/** Values of the elements of version 1 that have a type, in their order. */
export function valuesV1({ body }: Parsed, wanted: number): readonly Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < body.length;) {
    const type = body[at]!
    const start = type < 128 ? at + 1 : at + 3
    const length = type < 128 ? fixed[type]! : (body[at + 1]! << 8) | body[at + 2]!
    if (type === wanted) found.push(body.subarray(start, start + length))
    at = start + length
  }
  return found
}

export const teidV1 = (message: Parsed): number | null => {
  const [value] = valuesV1(message, 17)
  return value === undefined ? null : read32(value, 0)
}

export const causeOf = (message: Parsed): number | null =>
  (message.version === 1 ? valuesV1(message, 1)[0] : valueV2(message, 2))?.[0] ?? null
