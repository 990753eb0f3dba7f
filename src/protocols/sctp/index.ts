// SCTP: packets with all their chunks (RFC 9260, 3758, 4820, 4895, 5061, 6525, 8260), over IP and over UDP (RFC 6951).

import type { AddressMap, Learned, Protocol, SessionKey, Side } from '../protocol.ts'
import { KeyList } from '../session-keys.ts'
import type { Chunk } from './chunks.ts'
import { describe, nameOf, tagText } from './describe.ts'
import { decodePacket, encodePacket, withChunks } from './packet.ts'
import type { SctpPacket } from './packet.ts'
import { mapAddresses } from './parameters.ts'

export { dataFlags } from './chunks.ts'
export { checksumStatus, withChecksum, withChunks } from './packet.ts'
export type { Chunk } from './chunks.ts'
export type { SctpPacket } from './packet.ts'

export const sctp: Protocol<SctpPacket> = {
  name: 'sctp',
  title: 'SCTP (RFC 9260)',
  carriedBy: [
    { over: 'ip', protocol: 132 },
    { over: 'udp', port: 9899 },
  ],
  decode: decodePacket,
  encode: encodePacket,
  describe,
  nameOf,
  sessions,
  learn,
  translate,
}

/** The tag of the header names an association; the one of an INIT or INIT ACK names it in the other direction. */
function sessions({ chunks, verificationTag }: SctpPacket): readonly SessionKey[] {
  const keys = new KeyList()
  if (verificationTag !== 0) keys.add('association', tagText(verificationTag))
  for (const chunk of chunks) {
    if (chunk.kind === 'init' || chunk.kind === 'initAck') keys.add('association', tagText(chunk.initiateTag))
  }
  return keys.keys
}

/** An INIT ACK gives both tags of an association; one that ends takes along the tag that it is ended with. */
function learn(packet: SctpPacket, from: Side): readonly Learned[] {
  const { chunks } = packet
  if (chunks.some(({ kind }) => kind === 'abort' || kind === 'shutdownComplete')) {
    return sessions(packet).map((key) => ({ action: 'remove', key, at: null }))
  }
  if (from !== 'endpoint' || !chunks.some(({ kind }) => kind === 'initAck')) return []
  return sessions(packet).map((key) => ({ action: 'add', key, at: null }))
}

/**
 * Addresses in INIT, INIT ACK and ASCONF, and the checksum with them. What stands behind an AUTH chunk is left as it
 * is: the peer would refuse it changed (RFC 4895, 6.3). The cookie too: only its maker reads it.
 */
function translate(packet: SctpPacket, names: AddressMap): SctpPacket {
  const authenticated = packet.chunks.findIndex(({ kind }) => kind === 'auth')
  let isChanged = false
  const chunks = packet.chunks.map((chunk, index): Chunk => {
    if (authenticated >= 0 && index > authenticated) return chunk
    if (chunk.kind !== 'init' && chunk.kind !== 'initAck' && chunk.kind !== 'asconf') return chunk
    const parameters = mapAddresses(chunk.parameters, (address) => names.address(address))
    if (parameters === chunk.parameters) return chunk
    isChanged = true
    return { ...chunk, parameters }
  })
  return isChanged ? withChunks(packet, chunks) : packet
}
