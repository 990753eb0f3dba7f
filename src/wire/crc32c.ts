// CRC32c (RFC 9260, appendix A): the checksum of SCTP. It is linear: what a change of some bytes adds to it depends
// only on the change and on how many bytes follow: the fast path patches a checksum without reading the packet again.
//
// A polynomial over GF(2) stands here with its bits reflected, as the checksum itself does: the highest bit is x^0.

const polynomial = 0x82f63b78
/** x^0 */
const one = 0x80000000

/** What a byte that leaves at the end adds. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? polynomial : 0)
  return rest
})

const step = (rest: number, byte: number): number => (rest >>> 8) ^ (table[(rest ^ byte) & 0xff] ?? 0)

/** What a byte adds that leaves with so many others behind it: a table for none, one and up to seven of them. */
const slices = new Int32Array(8 * 256)
slices.set(table)
for (let at = 256; at < slices.length; at++) slices[at] = step(slices[at - 256]!, 0)

/** As a number whose bytes stand in a packet from the lowest to the highest. */
export function crc32c(bytes: Uint8Array): number {
  let rest = -1
  let at = 0
  // Eight bytes at a time: four times as fast.
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = rest ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    rest =
      slices[0x700 | (low & 0xff)]! ^
      slices[0x600 | ((low >>> 8) & 0xff)]! ^
      slices[0x500 | ((low >>> 16) & 0xff)]! ^
      slices[0x400 | (low >>> 24)]! ^
      slices[0x300 | bytes[at + 4]!]! ^
      slices[0x200 | bytes[at + 5]!]! ^
      slices[0x100 | bytes[at + 6]!]! ^
      slices[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) rest = (rest >>> 8) ^ slices[(rest ^ bytes[at]!) & 0xff]!
  return ~rest >>> 0
}

const multiply = (a: number, b: number): number => {
  let product = 0
  for (let bit = one, shifted = a; bit !== 0; bit >>>= 1) {
    if (b & bit) product ^= shifted
    shifted = (shifted >>> 1) ^ (shifted & 1 ? polynomial : 0)
  }
  return product >>> 0
}

/** x^(8n): by what a change is multiplied that n bytes follow. */
export function power(n: number): number {
  let result = one
  for (let square = step(one, 0), rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square)
    square = multiply(square, square)
  }
  return result
}

/** What `change` at the end of a message is with n bytes behind it. */
export const move = (change: number, n: number): number => multiply(change, power(n))

/** The first `count` powers, one after the other. */
export function* powers(count: number): Generator<number> {
  for (let n = 0, next = one; n < count; n++, next = step(next, 0)) yield next >>> 0
}
