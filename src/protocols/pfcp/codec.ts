// The header of PFCP (TS 29.244, 7.2.2), and the elements behind it as bytes:
//
//   | version 3, spare 2, FO MP S | type 1 | length 2 | SEID 8 if S | sequence 3 | priority 4 if MP, spare 4 |
//
// The length counts what follows it. Elements are checked and not taken apart: most readers want few of them.

import { DecodeError } from '../../wire/decode-error.ts'
import { write16, write32 } from '../../wire/fields.ts'
import { lengthFrom, messageLength, splitMessages } from '../datagram.ts'
import { checkElement, walk } from './walk.ts'

export interface PfcpMessage {
  /** `messageTypes` has those of the specification */
  readonly type: number
  /** null: the message is about nodes, not about a session */
  readonly seid: bigint | null
  /** 24 bits */
  readonly sequence: number
  /** 0 to 15; null: the message has none */
  readonly priority: number | null
  /** Another message stands behind this one in the datagram. */
  readonly followOn: boolean
  /** Spare bits, which are 0 in messages of this release: two of the first byte, then the header's last byte. */
  readonly spare: number
  /** elements as they stand on the wire: `readElements` */
  readonly body: Uint8Array
}

const version = 1
const flag = { seid: 1, priority: 2, followOn: 4, spare: 0x18 } as const
const nodeHeaderBytes = 8
const sessionHeaderBytes = 16
/** in a datagram */
const mostMessages = 1024

export function decode(bytes: Uint8Array): PfcpMessage {
  const length = messageLength(bytes, 0, version)
  if (length < bytes.length) throw new DecodeError('bytes left over', length)
  const flags = bytes[0]!
  const isSession = (flags & flag.seid) !== 0
  const header = isSession ? sessionHeaderBytes : nodeHeaderBytes
  if (length < header) throw new DecodeError('length lies', 2)
  walk(bytes, header, length, checkElement)
  const last = bytes[header - 1]!
  const hasPriority = (flags & flag.priority) !== 0
  return {
    type: bytes[1]!,
    seid: isSession ? readSeid(bytes) : null,
    sequence: (bytes[header - 4]! << 16) | (bytes[header - 3]! << 8) | bytes[header - 2]!,
    priority: hasPriority ? last >> 4 : null,
    followOn: (flags & flag.followOn) !== 0,
    spare: ((flags & flag.spare) << 8) | (hasPriority ? last & 15 : last),
    body: bytes.subarray(header),
  }
}

const scratch = new DataView(new ArrayBuffer(8))

/** The SEID of a header. Twice as fast as putting it together of two bigints. */
function readSeid(bytes: Uint8Array): bigint {
  for (let i = 0; i < 8; i++) scratch.setUint8(i, bytes[4 + i]!)
  return scratch.getBigUint64(0)
}

export function encode({ body, followOn, priority, seid, sequence, spare, type }: PfcpMessage): Uint8Array {
  const flags =
    (version << 5) |
    ((spare >> 8) & flag.spare) |
    (followOn ? flag.followOn : 0) |
    (priority === null ? 0 : flag.priority) |
    (seid === null ? 0 : flag.seid)
  const header = seid === null ? nodeHeaderBytes : sessionHeaderBytes
  const bytes = new Uint8Array(header + body.length)
  bytes[0] = flags
  bytes[1] = fitting(type, 8)
  write16(bytes, 2, fitting(bytes.length - lengthFrom, 16))
  if (seid !== null) writeSeid(bytes, seid)
  write32(
    bytes,
    header - 4,
    fitting(sequence, 24) * 256 + (priority === null ? spare & 0xff : fitting(priority, 4) * 16 + (spare & 15)),
  )
  bytes.set(body, header)
  return bytes
}

function fitting(value: number, bits: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** bits) return value
  throw new RangeError(`${value} has no room in ${bits} bits`)
}

function writeSeid(bytes: Uint8Array, seid: bigint): void {
  if (seid < 0n || seid >= 1n << 64n) throw new RangeError(`${seid} has no room in 64 bits`)
  scratch.setBigUint64(0, seid)
  for (let i = 0; i < 8; i++) bytes[4 + i] = scratch.getUint8(i)
}

/**
 * The messages of a datagram, as views: each one that announces a follower (FO) has one (TS 29.244, 7.2.2.4.2). Throws
 * DecodeError.
 */
export const splitPfcp = (datagram: Uint8Array): readonly Uint8Array[] =>
  splitMessages(datagram, { version, moreFlag: flag.followOn, most: mostMessages })
