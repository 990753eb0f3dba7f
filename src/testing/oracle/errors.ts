// An ICMP error under a translation within its family: it gets new addresses itself, and the packet inside, which the
// error is about, gets the sockets that its sender knows it by. What is inside may be cut off anywhere behind its IP
// header, and its checksums count all the same: they change by what the sockets change. Only the CRC32c of SCTP stays
// as it is, since it can be neither checked nor known from a part of a packet.

import { concat } from '../packets/bytes.ts'
import { protocols } from '../packets/ip.ts'
import { macBytes } from '../packets/link.ts'
import { ipPartsOf, packetPartsOf, read16, write16, type IpParts } from '../packets/parts.ts'
import type { Socket } from '../packets/socket.ts'
import { translateHeader } from './families.ts'
import { checksumOf, translateTransport, transportOf, transportError } from './transport.ts'

export interface ErrorTranslation {
  /** addresses of the error */
  readonly from: string
  readonly to: string
  /** sockets of the packet inside */
  readonly insideFrom: Socket
  readonly insideTo: Socket
  readonly ethernetSource: string
  readonly ethernetDestination: string
}

const errorHeaderBytes = 8

export function translateError(frame: Uint8Array, translation: ErrorTranslation): Uint8Array {
  const parts = ipPartsOf(frame)
  const { family, payload, link, trailer } = parts
  const error = transportError(transportOf(parts)) ?? 0
  const bytes = concat(
    payload.subarray(0, errorHeaderBytes),
    translateInside(payload.subarray(errorHeaderBytes), translation),
  )
  const { from, to } = translation
  const header = translateHeader(parts, family, {
    from,
    to,
    hops: 1,
    payloadBytes: bytes.length,
    identification: 0,
  })
  const after = { ...parts, header, payload: bytes }
  write16(bytes, 2, checksumOf(transportOf(after), error))
  const macs = concat(macBytes(translation.ethernetDestination), macBytes(translation.ethernetSource))
  return concat(macs, link.subarray(12), header, bytes, trailer)
}

function translateInside(inside: Uint8Array, { insideFrom, insideTo }: ErrorTranslation): Uint8Array {
  const parts = insidePartsOf(inside)
  const { family, payload, wholeLength } = parts
  const ends = { from: insideFrom, to: insideTo, largestSegment: null }
  const isLater = parts.fragment !== null && parts.fragment.offset > 0
  const bytes = isLater ? payload.slice() : translateTransport({ ...transportOf(parts), wholeLength }, family, ends)
  if (parts.protocol === protocols.sctp && !isLater) bytes.set(payload.subarray(8, 12), 8)
  const newHeader = translateHeader(parts, family, {
    from: insideFrom,
    to: insideTo,
    hops: 0,
    payloadBytes: bytes.length,
    identification: 0,
  })
  // Extensions of the error (RFC 4884) may stand behind.
  return concat(newHeader, bytes, parts.trailer)
}

/** As if the end were there. */
function insidePartsOf(inside: Uint8Array): Omit<IpParts, 'link'> & { readonly wholeLength: number } {
  const isV4 = (inside[0] ?? 0) >> 4 === 4
  const length = isV4 ? read16(inside, 2) : 40 + read16(inside, 4)
  const whole = concat(inside, new Uint8Array(Math.max(0, length - inside.length)))
  const parts = packetPartsOf(whole)
  const headerBytes = parts.header.length
  return {
    ...parts,
    payload: inside.slice(headerBytes, length),
    wholeLength: length - headerBytes,
  }
}
