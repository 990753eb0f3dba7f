// The header of Diameter (RFC 6733, 3), and the AVPs behind it as bytes:
//
//   | version 1 | length 3 | flags 1: R P E T, reserved 4 | command 3 | application 4 | hop-by-hop 4 | end-to-end 4 |
//
// The length counts the whole message. AVPs are checked and not taken apart: most readers want few of them.

import { DecodeError } from '../../wire/decode-error.ts'
import { read32, write32 } from '../../wire/fields.ts'
import { checkAvp, walk } from './walk.ts'

export interface DiameterMessage {
  /** or it is an answer */
  readonly request: boolean
  readonly proxiable: boolean
  /** The answer is a protocol error (7.2). */
  readonly error: boolean
  /** It may have been sent before, over another connection (5.5.4). */
  readonly retransmitted: boolean
  /** four bits, which are 0 in messages of this version */
  readonly reserved: number
  /** 24 bits: the same for a request and its answer */
  readonly command: number
  readonly application: number
  /** An answer has that of its request, on the same connection. */
  readonly hopByHop: number
  /** An answer has that of its request, and so have duplicates. */
  readonly endToEnd: number
  /** AVPs as they stand on the wire: `readAvps` */
  readonly body: Uint8Array
}

const version = 1
const flag = { request: 0x80, proxiable: 0x40, error: 0x20, retransmitted: 0x10, reserved: 0x0f } as const
const headerBytes = 20
const lengthEnd = 4

/** Subscription data and service information have tens of kilobytes; the length could say 16 MiB. */
const longestMessage = 256 * 1024

export function decode(bytes: Uint8Array): DiameterMessage {
  const length = frame(bytes)
  if (length === null || length > bytes.length) throw new DecodeError('truncated', bytes.length)
  if (length < bytes.length) throw new DecodeError('bytes left over', length)
  walk(bytes, headerBytes, length, checkAvp)
  const flags = bytes[4]!
  return {
    request: (flags & flag.request) !== 0,
    proxiable: (flags & flag.proxiable) !== 0,
    error: (flags & flag.error) !== 0,
    retransmitted: (flags & flag.retransmitted) !== 0,
    reserved: flags & flag.reserved,
    command: (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!,
    application: read32(bytes, 8),
    hopByHop: read32(bytes, 12),
    endToEnd: read32(bytes, 16),
    body: bytes.subarray(headerBytes),
  }
}

/** Throws DecodeError for another version, and for a length that no message has or that is above the limit. */
export function frame(bytes: Uint8Array): number | null {
  if (bytes.length > 0 && bytes[0] !== version) throw new DecodeError('unknown version', 0)
  if (bytes.length < lengthEnd) return null
  const length = (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!
  if (length < headerBytes || length % 4 !== 0) throw new DecodeError('length lies', 1)
  if (length > longestMessage) throw new DecodeError('message too long', 1)
  return length
}

export function encode(message: DiameterMessage): Uint8Array {
  const { body } = message
  const bytes = new Uint8Array(headerBytes + body.length)
  if (bytes.length > longestMessage) throw new RangeError(`${bytes.length} bytes are too long for a message`)
  if (body.length % 4 !== 0) throw new RangeError(`AVPs of ${body.length} bytes are not padded`)
  const flags =
    (message.request ? flag.request : 0) |
    (message.proxiable ? flag.proxiable : 0) |
    (message.error ? flag.error : 0) |
    (message.retransmitted ? flag.retransmitted : 0) |
    fitting(message.reserved, 4)
  write32(bytes, 0, version * 2 ** 24 + bytes.length)
  write32(bytes, 4, flags * 2 ** 24 + fitting(message.command, 24))
  write32(bytes, 8, fitting(message.application, 32))
  write32(bytes, 12, fitting(message.hopByHop, 32))
  write32(bytes, 16, fitting(message.endToEnd, 32))
  bytes.set(body, headerBytes)
  return bytes
}

function fitting(value: number, bits: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** bits) return value
  throw new RangeError(`${value} has no room in ${bits} bits`)
}
