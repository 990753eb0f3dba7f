// Lengths made right again after a change, where a protocol has one at a fixed place: readers look at it first, and at
// nothing else where it lies.

import type { ProtocolName } from '../../../src/protocols/protocol.ts'
import type { Subject } from './subject.ts'

type Mend = NonNullable<Subject['mend']>

/** A number of `width` bytes at `at` that counts all bytes from `from` on. */
const lengthAt =
  (at: number, width: 2 | 3, from: number): Mend =>
  (bytes) => {
    const length = bytes.length - from
    if (length < 0 || bytes.length < at + width || length >= 256 ** width) return
    for (let i = 0; i < width; i++) bytes[at + i] = length >>> ((width - 1 - i) * 8)
  }

/** The length of the value of a message in aligned PER, which has one or two bytes. */
const perLength: Mend = (bytes) => {
  const first = bytes[3] ?? 0
  const [width, most] = first < 0x80 ? [1, 0x7f] : [2, 0x3fff]
  const length = bytes.length - 3 - width
  if (length < 0 || length > most) return
  if (width === 2) bytes[3] = 0x80 | (length >> 8)
  bytes[3 + width - 1] = length
}

/** Of the last chunk, so that none is left over. */
const chunkLength: Mend = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 12; at + 4 <= bytes.length;) {
    const length = view.getUint16(at + 2)
    const next = at + Math.max(4, (length + 3) & ~3)
    if (next >= bytes.length || length < 4) {
      if (bytes.length - at <= 0xffff) view.setUint16(at + 2, bytes.length - at)
      return
    }
    at = next
  }
}

export const mends: Readonly<Partial<Record<ProtocolName, Mend>>> = {
  sctp: chunkLength,
  ngap: perLength,
  s1ap: perLength,
  pfcp: lengthAt(2, 2, 4),
  gtp: lengthAt(2, 2, 8),
  gtpv1c: lengthAt(2, 2, 8),
  gtpv2: lengthAt(2, 2, 4),
  diameter: lengthAt(1, 3, 0),
}
