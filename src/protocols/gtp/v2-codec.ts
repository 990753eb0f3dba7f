// The header of version 2 of GTP-C (TS 29.274, 5.1), and the elements behind it as bytes:
//
//   | version 3, P T MP, spare 2 | type 1 | length 2 | TEID 4 if T | sequence 3 | priority 4 if MP, spare 4 |
//
// The length counts what follows it; a piggybacked message (P) is not counted. Elements are checked, not taken apart.

import { DecodeError } from '../../wire/decode-error.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { lengthFrom, messageLength, splitMessages } from '../datagram.ts'
import { checkElement, walk } from './v2-walk.ts'

export interface Gtpv2Message {
  readonly type: number
  /** null: the message is about nodes, such as an echo */
  readonly teid: number | null
  /** 24 bits */
  readonly sequence: number
  /** 0 to 15; null: the message has none */
  readonly priority: number | null
  /** Another message stands behind this one in the datagram. */
  readonly piggybacks: boolean
  /** Spare bits, which are 0 in messages of this release: two of the first byte, then the header's last byte. */
  readonly spare: number
  /** elements as they stand on the wire */
  readonly body: Uint8Array
}

const version = 2
const flag = { piggybacks: 0x10, teid: 8, priority: 4, spare: 3 } as const
const shortHeader = 8
const longHeader = 12
/** in a datagram (TS 29.274, 5.5.1) */
const mostMessages = 2

export function decode(bytes: Uint8Array): Gtpv2Message {
  const length = messageLength(bytes, 0, version)
  if (length < bytes.length) throw new DecodeError('bytes left over', length)
  const reader = new Reader(bytes)
  const flags = reader.u8()
  const type = reader.u8()
  const hasTeid = (flags & flag.teid) !== 0
  const header = hasTeid ? longHeader : shortHeader
  if (length < header) throw new DecodeError('length lies', 2)
  reader.skip(2)
  const teid = hasTeid ? reader.u32() : null
  const sequence = reader.u24()
  const last = reader.u8()
  walk(bytes, header, length, checkElement)
  const hasPriority = (flags & flag.priority) !== 0
  return {
    type,
    teid,
    sequence,
    priority: hasPriority ? last >> 4 : null,
    piggybacks: (flags & flag.piggybacks) !== 0,
    spare: ((flags & flag.spare) << 8) | (hasPriority ? last & 15 : last),
    body: bytes.subarray(header),
  }
}

export function encode({ body, piggybacks, priority, sequence, spare, teid, type }: Gtpv2Message): Uint8Array {
  const flags =
    (version << 5) |
    (piggybacks ? flag.piggybacks : 0) |
    (teid === null ? 0 : flag.teid) |
    (priority === null ? 0 : flag.priority) |
    ((spare >> 8) & flag.spare)
  const header = teid === null ? shortHeader : longHeader
  const writer = new Writer()
    .u8(flags)
    .u8(type)
    .u16(header - lengthFrom + body.length)
  if (teid !== null) writer.u32(teid)
  writer.u24(sequence)
  if (priority === null) writer.u8(spare & 0xff)
  else writer.bits(4, priority).bits(4, spare & 15)
  return writer.put(body).done()
}

/** The messages of a datagram, as views: one, or a response and the request that it piggybacks. Throws DecodeError. */
export const splitGtpv2 = (datagram: Uint8Array): readonly Uint8Array[] =>
  splitMessages(datagram, { version, moreFlag: flag.piggybacks, most: mostMessages })
