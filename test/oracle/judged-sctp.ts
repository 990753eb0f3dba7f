// SCTP, judged by tshark.

import type { Message } from '../../src/captures/index.ts'
import { chunkType } from '../../src/protocols/sctp/chunks.ts'
import { checksumStatus, dataFlags, sctp as plugin } from '../../src/protocols/sctp/index.ts'
import type { Chunk, SctpPacket } from '../../src/protocols/sctp/index.ts'
import { chunkNames } from '../../src/protocols/sctp/names.ts'
import { encodePacket } from '../../src/protocols/sctp/packet.ts'
import { field, identifiersOf, notNull, set, type Judged } from './judged.ts'

/** Addresses that stand anywhere in the fields of a packet. */
function addressesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(addressesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) => (name === 'address' ? [String(item)] : addressesIn(item)))
}

const packetOf = ({ bytes }: Message): SctpPacket => plugin.decode(bytes)
const chunksOf = (message: Message): readonly Chunk[] => packetOf(message).chunks
type Data = Chunk & { readonly kind: 'data' | 'iData' }
const dataOf = (message: Message): readonly Data[] =>
  chunksOf(message).filter((chunk) => chunk.kind === 'data' || chunk.kind === 'iData')
/** Of I-DATA the first part has it. */
const ppidOf = (chunk: Data): readonly number[] => {
  if (chunk.kind === 'data') return [chunk.ppid]
  return (chunk.flags & dataFlags.begin) === 0 ? [] : [chunk.ppidOrFragment]
}
export const wholeWords = (length: number): number => (length + 3) & ~3
const checksumNames: Readonly<Record<string, string>> = { 0: 'wrong', 1: 'right', 3: 'none' }
const sctpHeaderBytes = 12

export const sctp: Judged = {
  layer: 'sctp',
  protocols: ['sctp'],
  present: ['sctp.verification_tag'],
  name: { kind: 'values', of: 'sctp.chunk_type' },
  ourNames: (message) =>
    chunksOf(message).map((chunk) => chunkNames.get(chunkType(chunk)) ?? `chunk ${chunkType(chunk)}`),
  fields: [
    field('source port', 'sctp.srcport', (message) => [packetOf(message).sourcePort]),
    field('destination port', 'sctp.dstport', (message) => [packetOf(message).destinationPort]),
    field('verification tag', 'sctp.verification_tag', (message) => [packetOf(message).verificationTag]),
    set(
      'tags',
      ['sctp.verification_tag', 'sctp.init_initiate_tag', 'sctp.initack_initiate_tag'],
      (message) => identifiersOf(message, 'association'),
      notNull,
    ),
    field('checksum', 'sctp.checksum.status', (message) => [checksumStatus(packetOf(message))], {
      read: (value) => checksumNames[value] ?? value,
    }),
    field('chunks', 'sctp.chunk_type', (message) => chunksOf(message).map(chunkType)),
    field(
      'chunk lengths',
      'sctp.chunk_length',
      (message) => {
        const packet = packetOf(message)
        return packet.chunks.map((chunk) =>
          wholeWords(encodePacket({ ...packet, chunks: [chunk] }).length - sctpHeaderBytes),
        )
      },
      { read: (value) => String(wholeWords(Number(value))) },
    ),
    field('TSN', 'sctp.data_tsn_raw', (message) => dataOf(message).map(({ tsn }) => tsn)),
    field('stream', 'sctp.data_sid', (message) => dataOf(message).map(({ stream }) => stream)),
    field('stream sequence', 'sctp.data_ssn', (message) =>
      dataOf(message).flatMap((chunk) => (chunk.kind === 'data' ? [chunk.sequence] : [])),
    ),
    field('payload protocol', 'sctp.data_payload_proto_id', (message) => dataOf(message).flatMap(ppidOf)),
    set(
      'addresses',
      ['sctp.parameter_ipv4_address', 'sctp.parameter_ipv6_address'],
      (message) => addressesIn(message.description.fields),
      (value) => value,
    ),
  ],
}
