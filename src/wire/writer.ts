// Writes a message in network order into bytes that grow as they must. A number that has no room in its field is a
// RangeError: our own mistake, never cut off silently.

const firstBytes = 256

export class Writer {
  #bytes = new Uint8Array(firstBytes)
  #at = 0
  /** bits of the byte at `#at` that have been written, 0 to 7 */
  #bit = 0

  /** bytes so far, the one that is begun included */
  get length(): number {
    return this.#at + (this.#bit === 0 ? 0 : 1)
  }

  u8(value: number): this {
    return this.uint(1, value)
  }

  u16(value: number): this {
    return this.uint(2, value)
  }

  u24(value: number): this {
    return this.uint(3, value)
  }

  u32(value: number): this {
    return this.uint(4, value)
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError(`${value} has no room in 8 bytes`)
    return this.u32(Number(value >> 32n)).u32(Number(value & 0xffff_ffffn))
  }

  /** 1 to 6 bytes */
  uint(count: number, value: number): this {
    check(value, 256 ** count, count, 'bytes')
    this.#put(this.#grow(count), count, value)
    return this
  }

  put(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  zeros(count: number): this {
    this.#grow(count)
    return this
  }

  /** 1 to 32 bits, the highest first */
  bits(count: number, value: number): this {
    check(value, 2 ** count, count, 'bits')
    for (let missing = count; missing > 0;) {
      this.#room(1)
      const step = Math.min(missing, 8 - this.#bit)
      const part = Math.floor(value / 2 ** (missing - step)) & ((1 << step) - 1)
      this.#bytes[this.#at]! |= part << (8 - this.#bit - step)
      this.#bit += step
      missing -= step
      if (this.#bit < 8) continue
      this.#bit = 0
      this.#at++
    }
    return this
  }

  /** Fills the byte that is begun with zero bits. */
  align(): this {
    this.#at = this.length
    this.#bit = 0
    return this
  }

  /** A number of what comes later, such as a length: `count` bytes at `at`, which are written already. */
  fill(at: number, count: number, value: number): this {
    if (at + count > this.#at) throw new RangeError(`byte ${at} is not written yet`)
    check(value, 256 ** count, count, 'bytes')
    this.#put(at, count, value)
    return this
  }

  /** Begins anew, with the room that it has. */
  clear(): this {
    this.#bytes.fill(0, 0, this.length)
    this.#at = 0
    this.#bit = 0
    return this
  }

  /** What has been written, as bytes of its own. */
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length)
  }

  #put(at: number, count: number, value: number): void {
    if (count <= 4) {
      for (let n = count - 1, rest = value; n >= 0; n--, rest >>>= 8) this.#bytes[at + n] = rest & 0xff
      return
    }
    for (let n = count - 1, rest = value; n >= 0; n--, rest = Math.floor(rest / 256)) this.#bytes[at + n] = rest % 256
  }

  #grow(count: number): number {
    if (this.#bit !== 0) throw new RangeError('a byte is begun and not filled')
    this.#room(count)
    const at = this.#at
    this.#at += count
    return at
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count))
    bytes.set(this.#bytes)
    this.#bytes = bytes
  }
}

function check(value: number, limit: number, count: number, unit: 'bits' | 'bytes'): void {
  if (!Number.isInteger(value) || value < 0 || value >= limit)
    throw new RangeError(`${value} has no room in ${count} ${unit}`)
}
