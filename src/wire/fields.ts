// Numbers in network order at an offset. A read or write past the end is a DecodeError: never a short view.

import { DecodeError } from './decode-error.ts'

const need = (bytes: Uint8Array, offset: number, count: number): void => {
  if (offset < 0 || offset + count > bytes.length) throw new DecodeError('truncated', offset)
}

export function read8(bytes: Uint8Array, offset: number): number {
  need(bytes, offset, 1)
  return bytes[offset]!
}

export function read16(bytes: Uint8Array, offset: number): number {
  need(bytes, offset, 2)
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

export function read32(bytes: Uint8Array, offset: number): number {
  return read16(bytes, offset) * 0x10000 + read16(bytes, offset + 2)
}

export function write16(bytes: Uint8Array, offset: number, value: number): void {
  need(bytes, offset, 2)
  bytes[offset] = value >> 8
  bytes[offset + 1] = value
}

export function write32(bytes: Uint8Array, offset: number, value: number): void {
  write16(bytes, offset, value >>> 16)
  write16(bytes, offset + 2, value & 0xffff)
}

/** Bytes of its own, also of a Buffer, whose slice is a view. */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end))
}

export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
