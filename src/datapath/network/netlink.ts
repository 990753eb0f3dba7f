// The netlink wire format: messages, their attributes, and the kernel's answer to a request. Numbers are in the host's
// byte order, which is little-endian on every machine we run on (x64, arm64).
//
//     +----------------+--------+--------+----------------+----------------+----------------
//     | length u32     | type   | flags  | sequence u32   | port u32       | payload, padded to 4 ...
//     +----------------+--------+--------+----------------+----------------+----------------
//
// A payload is a fixed header of the message's own, then attributes, each padded to 4: length u16, type u16, value.
// Both lengths count their own header. See netlink(7), rtnetlink(7) and linux/netlink.h.

import { getSystemErrorName } from 'node:util'

export const messageFlags = {
  request: 0x1,
  acknowledge: 0x4,
  /** of an answer: the list changed while it was being read */
  dumpInterrupted: 0x10,
  dump: 0x300,
  /** of a request that changes something */
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  /** of an error: the request it answers is not repeated in it */
  capped: 0x100,
  /** of an error: attributes follow */
  acknowledgeAttributes: 0x200,
} as const

/** Message types below 16 are the same in every netlink family. */
export const messageTypes = { error: 2, done: 3 } as const

const messageHeaderBytes = 16
const attributeHeaderBytes = 4
const attributeTypeMask = 0x3fff // the two upper bits say "nested" and "network byte order"
const errorTextAttribute = 1

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly payload: Uint8Array
}

export interface Attribute {
  readonly type: number
  readonly value: Uint8Array
}

/** What the kernel sent is not what its format says. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

/** The kernel refused a request. */
export class KernelError extends Error {
  override readonly name = 'KernelError'
  /** errno name, such as `ENETUNREACH` */
  readonly code: string
  constructor(code: string, request: string, explanation: string) {
    super(`the kernel refused ${request}: ${code}${explanation === '' ? '' : ` (${explanation})`}`)
    this.code = code
  }
}

const padded = (length: number): number => (length + 3) & ~3

export const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The messages of one datagram; payloads are views into it. */
export function parseMessages(bytes: Uint8Array): readonly Message[] {
  const messages: Message[] = []
  const data = view(bytes)
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at
    if (left < messageHeaderBytes) throw new MalformedMessage(`${left} bytes at ${at} are too few for a message`)
    const length = data.getUint32(at, true)
    if (length < messageHeaderBytes || length > left)
      throw new MalformedMessage(`the message at ${at} says it has ${length} bytes, of ${left}`)
    messages.push({
      type: data.getUint16(at + 4, true),
      flags: data.getUint16(at + 6, true),
      sequence: data.getUint32(at + 8, true),
      payload: bytes.subarray(at + messageHeaderBytes, at + length),
    })
    at += padded(length)
  }
  return messages
}

/** The attributes from `offset` on; values are views. Of a type that stands twice the last one counts. */
export function parseAttributes(bytes: Uint8Array, offset: number): ReadonlyMap<number, Uint8Array> {
  return new Map(listAttributes(bytes, offset).map(({ type, value }) => [type, value]))
}

/** The same in their order, for lists whose elements all have one type. */
export function listAttributes(bytes: Uint8Array, offset: number): readonly Attribute[] {
  if (offset > bytes.length) throw new MalformedMessage(`${bytes.length} bytes are too few for a header of ${offset}`)
  const attributes: Attribute[] = []
  const data = view(bytes)
  for (let at = offset; at < bytes.length;) {
    const left = bytes.length - at
    if (left < attributeHeaderBytes) throw new MalformedMessage(`${left} bytes at ${at} are too few for an attribute`)
    const length = data.getUint16(at, true)
    if (length < attributeHeaderBytes || length > left)
      throw new MalformedMessage(`the attribute at ${at} says it has ${length} bytes, of ${left}`)
    attributes.push({
      type: data.getUint16(at + 2, true) & attributeTypeMask,
      value: bytes.subarray(at + attributeHeaderBytes, at + length),
    })
    at += padded(length)
  }
  return attributes
}

/** Fixed header and attributes as a payload. */
export function encodePayload(header: Uint8Array, attributes: readonly Attribute[]): Uint8Array {
  const size = attributes.reduce(
    (sum, { value }) => sum + padded(attributeHeaderBytes + value.length),
    padded(header.length),
  )
  const bytes = new Uint8Array(size)
  const data = view(bytes)
  bytes.set(header)
  let at = padded(header.length)
  for (const { type, value } of attributes) {
    data.setUint16(at, attributeHeaderBytes + value.length, true)
    data.setUint16(at + 2, type, true)
    bytes.set(value, at + attributeHeaderBytes)
    at += padded(attributeHeaderBytes + value.length)
  }
  return bytes
}

export function encodeMessage({ type, flags, sequence, payload }: Message): Uint8Array {
  const bytes = new Uint8Array(messageHeaderBytes + padded(payload.length))
  const data = view(bytes)
  data.setUint32(0, messageHeaderBytes + payload.length, true)
  data.setUint16(4, type, true)
  data.setUint16(6, flags, true)
  data.setUint32(8, sequence, true)
  bytes.set(payload, messageHeaderBytes)
  return bytes
}

/** Null when an error message, or the end of a dump, says that all went well. `request` is words for people. */
export function kernelError({ type, flags, payload }: Message, request: string): KernelError | null {
  if (payload.length < 4) {
    // Old kernels end a dump with nothing.
    if (type === messageTypes.done && payload.length === 0) return null
    throw new MalformedMessage(`${payload.length} bytes are too few for a result`)
  }
  const result = view(payload).getInt32(0, true)
  if (result > 0) throw new MalformedMessage(`a result of ${result}`)
  return result === 0 ? null : new KernelError(getSystemErrorName(result), request, explanation(type, flags, payload))
}

function explanation(type: number, flags: number, payload: Uint8Array): string {
  if ((flags & messageFlags.acknowledgeAttributes) === 0) return ''
  let offset = 4
  if (type === messageTypes.error) {
    // The header of the request stands between, and behind it the request itself unless the kernel left it out.
    if (payload.length < 4 + messageHeaderBytes) throw new MalformedMessage('an error without the header it answers')
    const answered = view(payload).getUint32(4, true)
    offset += (flags & messageFlags.capped) === 0 ? padded(answered) : messageHeaderBytes
  }
  const text = parseAttributes(payload, offset).get(errorTextAttribute)
  return text === undefined ? '' : textOf(text)
}

// ---- values --------------------------------------------------------------------------------------------------------

/** The value of an attribute as a number of one, two or four bytes. */
export function numberOf(value: Uint8Array): number {
  switch (value.length) {
    case 1:
      return view(value).getUint8(0)
    case 2:
      return view(value).getUint16(0, true)
    case 4:
      return view(value).getUint32(0, true)
    default:
      throw new MalformedMessage(`a number of ${value.length} bytes`)
  }
}

export function bigNumberOf(value: Uint8Array): bigint {
  if (value.length !== 8) throw new MalformedMessage(`a number of ${value.length} bytes, not 8`)
  return view(value).getBigUint64(0, true)
}

/** Text that ends with a zero byte. */
export function textOf(value: Uint8Array): string {
  const end = value.indexOf(0)
  return Buffer.from(end < 0 ? value : value.subarray(0, end)).toString('utf8')
}

export const u8 = (type: number, value: number): Attribute => ({ type, value: Uint8Array.of(value) })

export const u32 = (type: number, value: number): Attribute => ({ type, value: u32Bytes(value) })

export const text = (type: number, value: string): Attribute => ({ type, value: Buffer.from(`${value}\0`) })

export function u32Bytes(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const data = view(bytes)
  values.forEach((value, index) => data.setUint32(index * 4, value, true))
  return bytes
}
