// The IP packet of a frame, as far as finding messages in it needs: most packets have no extension headers and are in
// one part, and are read without making anything but this.

import { parseIp } from '../wire/ip-packet.ts'
import { DecodeError } from '../wire/decode-error.ts'

export interface Datagram {
  /** the packet, from its first byte on */
  readonly bytes: Uint8Array
  readonly family: 4 | 6
  /** the transport's */
  readonly protocol: number
  /** where the transport begins and ends */
  readonly payload: number
  readonly end: number
  /** bytes that its header promises and that are not there */
  readonly missing: number
  readonly isFragment: boolean
}

/** IPv6 extension headers: hop by hop, routing, fragment, destination */
const isExtension = (protocol: number): boolean => [0, 43, 44, 60].includes(protocol)

/** Throws DecodeError. */
export function readDatagram(bytes: Uint8Array): Datagram {
  if (bytes.length < 20) throw new DecodeError('truncated', bytes.length)
  const version = bytes[0]! >> 4
  if (version === 4) {
    const payload = (bytes[0]! & 15) * 4
    const word = (bytes[2]! << 8) | bytes[3]!
    // With segmentation offload what was captured may be longer than the field can say: then it is zero.
    const total = word === 0 ? bytes.length : word
    if (payload < 20 || total < payload) throw new DecodeError('length lies', 0)
    if (payload > bytes.length) throw new DecodeError('truncated', bytes.length)
    const end = Math.min(total, bytes.length)
    const isFragment = (bytes[6]! & 0x3f) !== 0 || bytes[7] !== 0
    return { bytes, family: 4, protocol: bytes[9]!, payload, end, missing: total - end, isFragment }
  }
  if (version !== 6) throw new DecodeError('not IP', 0)
  if (bytes.length < 40) throw new DecodeError('truncated', bytes.length)
  const protocol = bytes[6]!
  const word = (bytes[4]! << 8) | bytes[5]!
  if (!isExtension(protocol)) {
    const total = word === 0 ? bytes.length : 40 + word
    const end = Math.min(total, bytes.length)
    return { bytes, family: 6, protocol, payload: 40, end, missing: total - end, isFragment: false }
  }
  const packet = parseIp(bytes, { cut: true })
  return {
    bytes,
    family: 6,
    protocol: packet.protocol,
    payload: packet.payload,
    end: packet.bytes.length,
    missing: packet.totalBytes - packet.bytes.length,
    isFragment: packet.fragment !== null,
  }
}
