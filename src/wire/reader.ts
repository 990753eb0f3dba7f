// Reads a message from its first byte to its last, in network order. Whatever would go beyond the end is a DecodeError;
// byte strings are views of what was given, never copies. Bits are read from the highest of a byte on.

import { DecodeError } from './decode-error.ts'

export class Reader {
  readonly bytes: Uint8Array
  /** where the part ends that may be read */
  readonly end: number
  #at: number
  /** bits of the byte at `#at` that have been read, 0 to 7 */
  #bit = 0

  /** A part of a message counts its offsets as the message does, so that errors name the message's bytes. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    if (start < 0 || end > bytes.length || start > end) throw new DecodeError('truncated', bytes.length)
    this.bytes = bytes
    this.end = end
    this.#at = start
  }

  /** of the next byte; within a byte, of that one */
  get at(): number {
    return this.#at
  }

  /** whole bytes that are left */
  get left(): number {
    return this.end - this.#at - (this.#bit === 0 ? 0 : 1)
  }

  u8(): number {
    return this.bytes[this.#take(1)]!
  }

  u16(): number {
    const at = this.#take(2)
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  u24(): number {
    const at = this.#take(3)
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!
  }

  u32(): number {
    const at = this.#take(4)
    const { bytes } = this
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32())
  }

  /** 1 to 6 bytes */
  uint(count: number): number {
    let value = 0
    for (let at = this.#take(count), n = 0; n < count; n++) value = value * 256 + this.bytes[at + n]!
    return value
  }

  /** The next byte, which is still to be read. */
  peek(): number {
    this.#need(1)
    return this.bytes[this.#at]!
  }

  take(count: number): Uint8Array {
    const at = this.#take(count)
    return this.bytes.subarray(at, at + count)
  }

  rest(): Uint8Array {
    return this.take(this.left)
  }

  skip(count: number): void {
    this.#take(count)
  }

  /** The next bytes as a message of their own. */
  part(count: number): Reader {
    const at = this.#take(count)
    return new Reader(this.bytes, at, at + count)
  }

  /** 1 to 32 bits */
  bits(count: number): number {
    let value = 0
    for (let missing = count; missing > 0;) {
      this.#need(1)
      const step = Math.min(missing, 8 - this.#bit)
      const byte = this.bytes[this.#at]! >> (8 - this.#bit - step)
      value = value * 2 ** step + (byte & ((1 << step) - 1))
      this.#bit += step
      missing -= step
      if (this.#bit < 8) continue
      this.#bit = 0
      this.#at++
    }
    return value
  }

  /** Goes to the next whole byte; what is left of this one must be zero. */
  align(): void {
    if (this.#bit === 0) return
    if ((this.bytes[this.#at]! & (0xff >> this.#bit)) !== 0) throw this.fail('padding is not zero')
    this.#bit = 0
    this.#at++
  }

  /** Nothing may be left. */
  finish(): void {
    this.align()
    if (this.#at < this.end) throw this.fail('bytes left over')
  }

  /** To be thrown: about the next byte, or the one that `offset` names. */
  fail(reason: string, offset = this.#at): DecodeError {
    return new DecodeError(reason, offset)
  }

  #take(count: number): number {
    this.#need(count)
    const at = this.#at
    this.#at += count
    return at
  }

  #need(count: number): void {
    if (count < 0 || this.#at + count > this.end) throw new DecodeError('truncated', this.end)
  }
}
