// SCTP (RFC 9260): packets from lists of chunks, with a CRC32c computed over the whole packet.
//
//   | source port | destination port | verification tag | CRC32c, lowest byte first | chunk: type flags length value |

import { native } from '../../../native/load.ts'
import { be16, be32, concat, padded, viewOf } from './bytes.ts'
import { parseSocket, type Socket } from './socket.ts'

export interface Sctp {
  readonly kind: 'sctp'
  readonly from: Socket
  readonly to: Socket
  /** the verification tag; of an INIT 0 */
  readonly tag: number
  readonly chunks: readonly Uint8Array[]
  /** flips these bits of the right checksum */
  readonly crcError?: number
}

const headerBytes = 12

export const chunkTypes = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  auth: 15,
  iData: 64,
  reConfig: 130,
  forwardTsn: 192,
  asconf: 193,
} as const

/** The T bit: the tag is the sender's own, sent back. */
const reflected = 1

/** `length` is what the chunk says of itself, where that is a lie. */
export function chunk(type: number, flags: number, value: Uint8Array, length = value.length + 4): Uint8Array {
  return padded(concat(Uint8Array.of(type, flags), be16(length), value), 4)
}

export function parameter(type: number, value: Uint8Array): Uint8Array {
  return padded(concat(be16(type, value.length + 4), value), 4)
}

export const parameterTypes = { ipv4: 5, ipv6: 6, cookie: 7, supportedAddresses: 12 } as const

function opening(type: number, initiateTag: number, parameters: readonly Uint8Array[]): Uint8Array {
  const fixed = concat(be32(initiateTag, 106_496), be16(10, 65_535), be32(0x1000))
  return chunk(type, 0, concat(fixed, ...parameters))
}

export const chunks = {
  init: (initiateTag: number, ...parameters: readonly Uint8Array[]) =>
    opening(chunkTypes.init, initiateTag, parameters),
  initAck: (initiateTag: number, ...parameters: readonly Uint8Array[]) =>
    opening(chunkTypes.initAck, initiateTag, [parameter(parameterTypes.cookie, cookie), ...parameters]),
  cookieEcho: () => chunk(chunkTypes.cookieEcho, 0, cookie),
  cookieAck: () => chunk(chunkTypes.cookieAck, 0, new Uint8Array()),
  data: (payload: Uint8Array, tsn = 1) => chunk(chunkTypes.data, 3, concat(be32(tsn), be16(0, 0), be32(60), payload)),
  sack: (tsn = 1) => chunk(chunkTypes.sack, 0, concat(be32(tsn, 106_496), be16(0, 0))),
  heartbeat: (info = Uint8Array.of(1, 2, 3, 4)) => chunk(chunkTypes.heartbeat, 0, parameter(1, info)),
  heartbeatAck: (info = Uint8Array.of(1, 2, 3, 4)) => chunk(chunkTypes.heartbeatAck, 0, parameter(1, info)),
  abort: (tagIsReflected = false) => chunk(chunkTypes.abort, tagIsReflected ? reflected : 0, new Uint8Array()),
  shutdown: (tsn = 1) => chunk(chunkTypes.shutdown, 0, be32(tsn)),
  shutdownAck: () => chunk(chunkTypes.shutdownAck, 0, new Uint8Array()),
  shutdownComplete: (tagIsReflected = false) =>
    chunk(chunkTypes.shutdownComplete, tagIsReflected ? reflected : 0, new Uint8Array()),
  error: (cause = 1) => chunk(chunkTypes.error, 0, be16(cause, 8, 0, 0)),
} as const

/** Opaque to all but the endpoint that made it; of a length that needs padding. */
const cookie = Uint8Array.from({ length: 61 }, (_, i) => (i * 89 + 3) & 0xff)

export function buildSctp(packet: Sctp): Uint8Array {
  const header = concat(
    be16(parseSocket(packet.from).port, parseSocket(packet.to).port),
    be32(packet.tag),
    new Uint8Array(4),
  )
  const bytes = concat(header, ...packet.chunks)
  writeSctpCrc(bytes, packet.crcError)
  return bytes
}

/** What the field must hold, whatever it holds. */
export function sctpCrc(bytes: Uint8Array): number {
  const copy = bytes.slice()
  copy.fill(0, 8, headerBytes)
  return native.crc32c(copy)
}

export function writeSctpCrc(bytes: Uint8Array, error = 0): void {
  viewOf(bytes).setUint32(8, (sctpCrc(bytes) ^ error) >>> 0, true)
}
