// Datagrams that hold several messages of PFCP or of version 2 of GTP-C, whose headers begin alike: version in the
// first three bits, then a type, then how many bytes follow.

import { DecodeError } from '../wire/decode-error.ts'
import { Reader } from '../wire/reader.ts'

/** Bytes of a header that its length does not count. */
export const lengthFrom = 4

export interface Framing {
  readonly version: number
  /** of the first byte: another message follows this one */
  readonly moreFlag: number
  /** messages in a datagram */
  readonly most: number
}

/** Of the message that begins at `at`, which is all there; header and elements are not looked at. */
export function messageLength(bytes: Uint8Array, at: number, version: number): number {
  const reader = new Reader(bytes, at)
  if (reader.u8() >> 5 !== version) throw new DecodeError('unknown version', at)
  reader.skip(1)
  const length = lengthFrom + reader.u16()
  if (at + length > bytes.length) throw new DecodeError('truncated', bytes.length)
  return length
}

/** The messages of a datagram, as views: each one that announces another has one behind it. Throws DecodeError. */
export function splitMessages(datagram: Uint8Array, { moreFlag, most, version }: Framing): readonly Uint8Array[] {
  const messages: Uint8Array[] = []
  let at = 0
  for (let more = true; more;) {
    if (messages.length === most) throw new DecodeError('too many messages', at)
    const next = at + messageLength(datagram, at, version)
    more = (datagram[at]! & moreFlag) !== 0
    messages.push(datagram.subarray(at, next))
    at = next
  }
  if (at < datagram.length) throw new DecodeError('bytes left over', at)
  return messages
}
