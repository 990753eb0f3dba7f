// Packets (RFC 9260, 3): a header and chunks. The checksum is CRC32c over all of it, its own field as zero; it is
// stored from its lowest byte to its highest.
//
//     | source port (2) | destination port (2) | verification tag (4) | checksum (4) | chunks |

import { crc32c } from '../../wire/crc32c.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { readChunk, writeChunk } from './chunks.ts'
import type { Chunk } from './chunks.ts'
import { chunkNames } from './names.ts'

export interface SctpPacket {
  readonly sourcePort: number
  readonly destinationPort: number
  readonly verificationTag: number
  /** as it came: a number of CRC32c, or zero (RFC 9653) */
  readonly checksum: number
  readonly chunks: readonly Chunk[]
}

const checksumOffset = 8
const headerLength = 12

const swapped = (word: number): number =>
  (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0

export function decodePacket(bytes: Uint8Array): SctpPacket {
  const from = new Reader(bytes)
  const sourcePort = from.u16()
  const destinationPort = from.u16()
  const verificationTag = from.u32()
  const checksum = swapped(from.u32())
  const chunks: Chunk[] = []
  let at = headerLength
  try {
    for (; from.left > 0; at = from.at) chunks.push(readChunk(from))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const name = chunkNames.get(bytes[at]!) ?? `chunk of type ${bytes[at]}`
    throw new DecodeError(error.reason, error.offset, [name, ...error.path])
  }
  return { sourcePort, destinationPort, verificationTag, checksum, chunks }
}

export function encodePacket(packet: SctpPacket): Uint8Array<ArrayBuffer> {
  const to = new Writer()
  to.u16(packet.sourcePort).u16(packet.destinationPort).u32(packet.verificationTag).u32(swapped(packet.checksum))
  for (const chunk of packet.chunks) writeChunk(to, chunk)
  return to.done()
}

const computed = (bytes: Uint8Array<ArrayBuffer>): number => {
  bytes.fill(0, checksumOffset, headerLength)
  return crc32c(bytes)
}

/** `none`: the sender has left it out. A receiver that has not allowed that drops the packet (RFC 9653, 5). */
export function checksumStatus(packet: SctpPacket): 'right' | 'wrong' | 'none' {
  if (computed(encodePacket(packet)) === packet.checksum) return 'right'
  return packet.checksum === 0 ? 'none' : 'wrong'
}

/** The packet with the checksum that is right for it. */
export const withChecksum = (packet: SctpPacket): SctpPacket => ({
  ...packet,
  checksum: computed(encodePacket(packet)),
})

/**
 * Other chunks in place of a packet's, all of the same lengths: the checksum changes as they do. One that was wrong
 * stays wrong, so that a packet that was damaged on its way is not taken for a sound one.
 */
export function withChunks(packet: SctpPacket, chunks: readonly Chunk[]): SctpPacket {
  const other = { ...packet, chunks }
  if (packet.checksum === 0) return other
  const before = encodePacket(packet)
  const after = encodePacket(other)
  if (before.length !== after.length) throw new RangeError('the chunks have another length')
  return { ...other, checksum: (packet.checksum ^ computed(before) ^ computed(after)) >>> 0 }
}
