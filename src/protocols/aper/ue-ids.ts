// Numbers of UEs, read straight from the bytes: nearly every message is routed by them, and by nothing else.

import { DecodeError } from '../../wire/decode-error.ts'
import { criticalities } from './elements.ts'
import { messageKinds } from './procedures.ts'
import type { MessageKind } from './procedures.ts'

/** Who has given a UE its number: the core, or the radio network. */
export type UeSide = 'core' | 'ran'

/** Bytes of the longest number. Its length, less one, stands in as many bits as that takes. */
export interface UeIdForm {
  readonly side: UeSide
  readonly mostBytes: 3 | 4 | 5
  /** The message is about another number: this one is a second name of the UE, or will be its name. */
  readonly isOther?: true
}

/** The number that is all of `bytes` from `start` to `end`. */
export function readUeId(bytes: Uint8Array, start: number, end: number, mostBytes: number): number {
  if (start >= end) throw new DecodeError('truncated', end)
  const first = bytes[start]!
  const shift = mostBytes > 4 ? 5 : 6
  const count = (first >> shift) + 1
  if (count > mostBytes) throw new DecodeError('value out of range', start)
  if ((first & ((1 << shift) - 1)) !== 0) throw new DecodeError('padding is not zero', start)
  if (start + 1 + count > end) throw new DecodeError('truncated', end)
  if (start + 1 + count < end) throw new DecodeError('bytes left over', start + 1 + count)
  if (count > 1 && bytes[start + 1] === 0) throw new DecodeError('number is not in its shortest form', start + 1)
  let id = 0
  for (let at = start + 1; at < end; at++) id = id * 256 + bytes[at]!
  return id
}

/** The number as the value of an element. */
export function writeUeId(id: number, mostBytes: number): Uint8Array {
  if (!Number.isInteger(id) || id < 0 || id >= 256 ** mostBytes) {
    throw new RangeError(`${id} has no room in ${mostBytes} bytes`)
  }
  let count = 1
  for (let rest = Math.floor(id / 256); rest > 0; rest = Math.floor(rest / 256)) count++
  const bytes = new Uint8Array(1 + count)
  bytes[0] = (count - 1) << (mostBytes > 4 ? 5 : 6)
  for (let at = count, rest = id; at > 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256
  return bytes
}

export interface UeKeys {
  readonly kind: MessageKind
  readonly procedure: number
  /** null: not in the message, or in a list */
  readonly core: number | null
  readonly ran: number | null
}

const headerLength = 4

/**
 * Kind, procedure and numbers of UEs, and nothing else read or checked: for a path that forwards most messages as they
 * are. Null where that takes the whole decoder: for messages of 16 KB and more, and for private ones. Throws
 * DecodeError.
 */
export function readUeKeys(
  bytes: Uint8Array,
  forms: ReadonlyMap<number, UeIdForm>,
  privateMessage: number,
): UeKeys | null {
  const need = (end: number): void => {
    if (end > bytes.length) throw new DecodeError('truncated', bytes.length)
  }
  need(headerLength)
  const kind = messageKinds[bytes[0]! >> 5]
  if (kind === undefined) throw new DecodeError('unknown message kind', 0)
  const procedure = bytes[1]!
  if (procedure === privateMessage) return null
  if (bytes[2]! >> 6 >= criticalities.length) throw new DecodeError('unknown criticality', 2)
  const length = bytes[3]!
  if (length >= 0xc0) return null
  let at = length < 0x80 ? 4 : 5
  need(at + 3)
  let left = (bytes[at + 1]! << 8) | bytes[at + 2]!
  at += 3
  let core: number | null = null
  let ran: number | null = null
  for (; left > 0; left--) {
    need(at + 4)
    const form = forms.get((bytes[at]! << 8) | bytes[at + 1]!)
    let size = bytes[at + 3]!
    at += 4
    if (size >= 0x80) {
      need(at + 1)
      size = ((size & 0x3f) << 8) | bytes[at]!
      at++
    }
    need(at + size)
    if (form !== undefined && form.isOther === undefined) {
      const id = readUeId(bytes, at, at + size, form.mostBytes)
      if (form.side === 'core') core = id
      else ran = id
    }
    at += size
  }
  return { kind, procedure, core, ran }
}
