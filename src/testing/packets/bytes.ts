// Bytes for test packets: put together, written, and made wrong on purpose.

import { join } from '../../wire/fields.ts'

export { join as concat }

export function be16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]))
}

export function be32(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]),
  )
}

/** Filled up with zeros to a multiple. */
export function padded(bytes: Uint8Array, multiple: number): Uint8Array {
  return join(bytes, new Uint8Array((multiple - (bytes.length % multiple)) % multiple))
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A ones' complement checksum with an error; added this way it survives translation as the same error. */
export function wrong(checksum: number, error = 0): number {
  const sum = checksum + error
  return sum > 0xffff ? sum - 0xffff : sum
}
