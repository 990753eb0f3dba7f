// Messages that the proxy builds: the header of PFCP (TS 29.244, 7.2.2) before elements that are there already.

import { join, write16, write32 } from '../../wire/fields.ts'

const version = 0x20
const seidFlag = 1
const priorityFlag = 2

export const noSeid: Uint8Array = new Uint8Array(8)

export interface Heading {
  readonly type: number
  /** 8 bytes; null: the message is about nodes */
  readonly seid: Uint8Array | null
  readonly sequence: number
  /** 0 to 15; null: none */
  readonly priority: number | null
}

export function message({ priority, seid, sequence, type }: Heading, body: Uint8Array): Uint8Array {
  const header = seid === null ? 8 : 16
  const bytes = new Uint8Array(header + body.length)
  bytes[0] = version | (seid === null ? 0 : seidFlag) | (priority === null ? 0 : priorityFlag)
  bytes[1] = type
  write16(bytes, 2, bytes.length - 4)
  if (seid !== null) bytes.set(seid, 4)
  write32(bytes, header - 4, sequence * 256 + (priority === null ? 0 : priority * 16))
  bytes.set(body, header)
  return bytes
}

export function elementBytes(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + value.length)
  write16(bytes, 0, type)
  write16(bytes, 2, value.length)
  bytes.set(value, 4)
  return bytes
}

export const elementOf = (type: number, ...bytes: readonly number[]): Uint8Array =>
  elementBytes(type, Uint8Array.from(bytes))

export const number32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  write32(bytes, 0, value)
  return bytes
}

export const body = (...parts: readonly (Uint8Array | null)[]): Uint8Array =>
  join(...parts.filter((part) => part !== null))
