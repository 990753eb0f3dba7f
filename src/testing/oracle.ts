// What a translated frame must look like, said in the plainest way: write the new fields, then compute the checksums
// from nothing. The fast path never does that, it updates checksums by differences, so the two share no thought.

import assert from 'node:assert/strict'
import { internetChecksum } from '../wire/checksum.ts'
import { translateHeader } from './oracle/families.ts'
import { transportError, transportOf, translateTransport, writeChecksum } from './oracle/transport.ts'
import { be16, concat, viewOf } from './packets/bytes.ts'
import { fragmentFrame } from './packets/fragments.ts'
import { protocols } from './packets/ip.ts'
import { etherTypes, macBytes } from './packets/link.ts'
import { ipPartsOf, read16, type IpParts } from './packets/parts.ts'
import { sctpCrc } from './packets/sctp.ts'
import { familyOf, type Family } from './packets/socket.ts'

/** What changes; the TTL always does. Sockets are `address:port`; for ICMP echo the identifier stands as the port. */
export interface Translation {
  readonly from: string
  readonly to: string
  readonly ethernetSource: string
  readonly ethernetDestination: string
  /** between the families: bytes of IP packet that the next link takes, which limits the MSS of a SYN */
  readonly mtu?: number
  /** The frame that was sent: what a translator may choose is taken from there. */
  readonly found?: Uint8Array
}

/** What stands before a segment in the family that needs more room. */
const ipv6TcpHeaders = 60

/** The frame after a translation, to the family of the new addresses. It must be a whole packet, not a fragment. */
export function translateFrame(frame: Uint8Array, translation: Translation): Uint8Array {
  const parts = ipPartsOf(frame)
  assert(
    parts.fragment === null || (parts.fragment.offset === 0 && !parts.fragment.more),
    'only whole datagrams can be translated here: translateFragments takes them and cuts them afterwards',
  )
  const { from, to } = translation
  const family = familyOf(to)
  const payload = translateTransport(transportOf(parts), family, {
    from,
    to,
    largestSegment: parts.family === family ? null : (translation.mtu ?? 1500) - ipv6TcpHeaders,
  })
  const header = translateHeader(parts, family, {
    from,
    to,
    hops: 1,
    payloadBytes: payload.length,
    identification: identificationIn(translation.found, parts.link.length),
  })
  return concat(translateLink(parts, family, translation), header, payload, parts.trailer)
}

/** The fragments of a frame after the translation: each keeps its bytes of payload. */
export function translateFragments(
  whole: Uint8Array,
  translation: Translation,
  sizes: readonly number[],
  identification?: number,
): readonly Uint8Array[] {
  return fragmentFrame(translateFrame(whole, translation), sizes, identification)
}

/** Tags stay; the type changes with the family. */
function translateLink({ link }: IpParts, family: Family, translation: Translation): Uint8Array {
  const type = family === 4 ? etherTypes.ipv4 : etherTypes.ipv6
  const macs = [macBytes(translation.ethernetDestination), macBytes(translation.ethernetSource)]
  return concat(...macs, link.subarray(12, -2), be16(type))
}

function identificationIn(found: Uint8Array | undefined, linkBytes: number): number {
  return found === undefined ? 0 : read16(found, linkBytes + 4)
}

/**
 * How far the transport checksum is from the right one, in ones' complement (SCTP: the bits that differ); 0 when it is
 * right, null when the sender has computed none.
 */
export function checksumError(frame: Uint8Array): number | null {
  const transport = transportOf(ipPartsOf(frame))
  if (transport.protocol !== protocols.sctp) return transportError(transport)
  return (viewOf(transport.bytes).getUint32(8, true) ^ sctpCrc(transport.bytes)) >>> 0
}

/** The frame with its transport checksum right, or missing as before. */
export function withRightChecksum(frame: Uint8Array): Uint8Array {
  const corrected = frame.slice()
  writeChecksum(transportOf(ipPartsOf(corrected)))
  return corrected
}

/** Whether the IPv4 header checksum is right. */
export function ipChecksumIsRight(frame: Uint8Array): boolean {
  return internetChecksum(ipPartsOf(frame).header) === 0
}
