// Where a QUIC packet's destination connection id stands. Only what all versions of QUIC have in common (RFC 8999) is
// read:
//
//     long header   | 1 x x x x x x x | version (32) | length (8) | destination id ... |
//     short header  | 0 x x x x x x x | destination id ... |
//
// A short header does not say how long the id is: whoever reads it must know.

const longForm = 0x80
const longLengthAt = 5

/** Of a UDP datagram; `length`: what ids have that servers make. Null: the datagram ends before. */
export function destinationId(datagram: Uint8Array, length: number): Uint8Array | null {
  const isLong = (datagram[0] ?? 0) >= longForm
  const start = isLong ? longLengthAt + 1 : 1
  const end = start + (isLong ? (datagram[longLengthAt] ?? 0) : length)
  return datagram.length === 0 || start >= datagram.length || end > datagram.length
    ? null
    : datagram.subarray(start, end)
}
