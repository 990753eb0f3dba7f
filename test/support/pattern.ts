// Bytes that tell where in a stream they belong: a block of pseudo-random bytes, of prime length, over and over. Lost,
// repeated, moved or changed bytes all show.

const blockBytes = 65_521

const block = ((): Buffer => {
  // Twice, so that every slice of up to a block's length is in one piece.
  const bytes = Buffer.alloc(2 * blockBytes)
  let state = 0x2545f491
  for (let at = 0; at < blockBytes; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state & 0xff
  }
  bytes.copy(bytes, blockBytes, 0, blockBytes)
  return bytes
})()

/** The bytes of the stream from `offset` on, at most a block. */
export const patternAt = (offset: number, length: number): Buffer => {
  const start = offset % blockBytes
  return block.subarray(start, start + Math.min(length, blockBytes))
}

/** Whether these are the bytes of the stream from `offset` on. */
export const isPattern = (bytes: Uint8Array, offset: number): boolean => {
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const part = bytes.subarray(at, at + blockBytes)
    if (patternAt(offset + at, part.length).compare(part) !== 0) return false
  }
  return true
}
