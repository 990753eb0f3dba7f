// A datagram cut into fragments, as a sender or router of its family would do it.

import { internetChecksum } from '../../wire/checksum.ts'
import { concat, viewOf } from './bytes.ts'
import { ipPartsOf } from './parts.ts'

const fragmentHeaderBytes = 8

/**
 * The fragments of a frame; `sizes` are the bytes of payload in each, all but the last a multiple of 8. An IPv6 frame
 * gets a fragment header behind its extension headers; an IPv4 frame keeps its identification if none is given.
 */
export function fragmentFrame(frame: Uint8Array, sizes: readonly number[], identification?: number): Uint8Array[] {
  const { link, family, header, payload, extensionEnd } = ipPartsOf(frame)
  let start = 0
  return sizes.map((size, index) => {
    const piece = payload.subarray(start, start + size)
    const more = index < sizes.length - 1
    const bytes =
      family === 4
        ? ipv4Header(header, piece.length, start, more, identification)
        : ipv6Header(header, extensionEnd, piece.length, start, more, identification ?? 0x12345678)
    start += size
    return concat(link, bytes, piece)
  })
}

function ipv4Header(
  header: Uint8Array,
  length: number,
  start: number,
  more: boolean,
  identification: number | undefined,
): Uint8Array {
  const bytes = header.slice()
  const view = viewOf(bytes)
  if (identification !== undefined) view.setUint16(4, identification & 0xffff)
  view.setUint16(2, bytes.length + length)
  view.setUint16(6, (more ? 0x2000 : 0) | (start / 8))
  view.setUint16(10, 0)
  view.setUint16(10, internetChecksum(bytes))
  return bytes
}

function ipv6Header(
  header: Uint8Array,
  lastNext: number,
  length: number,
  start: number,
  more: boolean,
  identification: number,
): Uint8Array {
  const bytes = concat(header, new Uint8Array(fragmentHeaderBytes))
  const view = viewOf(bytes)
  view.setUint8(header.length, bytes[lastNext] ?? 0)
  view.setUint8(lastNext, 44)
  view.setUint16(header.length + 2, start | (more ? 1 : 0))
  view.setUint32(header.length + 4, identification)
  view.setUint16(4, bytes.length - 40 + length)
  return bytes
}
