// The DATA and I-DATA chunks of an SCTP packet (RFC 9260, 3.3.1; RFC 8260, 2.1), read by themselves: a packet whose
// other chunks cannot be read may still carry messages.
//
//     DATA      | type 0 | flags 1 | length 2 | TSN 4 | stream 2 | number 2 | PPID 4 | payload |
//     I-DATA    | type 64 | flags 1 | length 2 | TSN 4 | stream 2 | reserved 2 | message 4 | PPID or part 4 | payload |

import { bits } from './user-messages.ts'
import type { DataChunk } from './user-messages.ts'

const data = 0
const interleaved = 64
const unordered = 4
const packetHeaderBytes = 12
const chunkHeaderBytes = 4
const dataHeaderBytes = 16
const interleavedHeaderBytes = 20

/** Of the packet that `bytes` are; ends where a length lies. */
export function* dataChunks(bytes: Uint8Array): Generator<DataChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = packetHeaderBytes; at + chunkHeaderBytes <= bytes.length;) {
    const type = bytes[at]!
    const flags = bytes[at + 1]!
    const length = view.getUint16(at + 2)
    if (length < chunkHeaderBytes || at + length > bytes.length) return
    if (type === data && length >= dataHeaderBytes) {
      const tsn = view.getUint32(at + 4)
      const payload = bytes.subarray(at + dataHeaderBytes, at + length)
      yield { flags, tsn, message: '', part: tsn, ppid: view.getUint32(at + 12), payload }
    } else if (type === interleaved && length >= interleavedHeaderBytes) {
      const last = view.getUint32(at + 16)
      const isFirst = (flags & bits.begin) !== 0
      yield {
        flags,
        tsn: view.getUint32(at + 4),
        message: `${view.getUint16(at + 8)} ${flags & unordered} ${view.getUint32(at + 12)}`,
        part: isFirst ? 0 : last,
        ppid: isFirst ? last : 0,
        payload: bytes.subarray(at + interleavedHeaderBytes, at + length),
      }
    }
    at += (length + 3) & ~3
  }
}
