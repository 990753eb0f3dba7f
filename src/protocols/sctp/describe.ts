// A packet in words: what a reader of captures looks at first.

import { addressText } from '../session-keys.ts'
import type { Description, FieldValue } from '../protocol.ts'
import { chunkType, dataFlags } from './chunks.ts'
import type { Chunk } from './chunks.ts'
import { causes as causeRegistry, chunkNames, parameters as parameterRegistry, payloadProtocols } from './names.ts'
import type { Registered } from './names.ts'
import { checksumStatus } from './packet.ts'
import type { SctpPacket } from './packet.ts'
import type { Parameter, Value } from './parameters.ts'

/** Of a list so many are shown; a packet may have thousands. */
const mostShown = 64

export const tagText = (tag: number): string => `0x${tag.toString(16).padStart(8, '0')}`

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const chunkName = (chunk: Chunk): string => chunkNames.get(chunkType(chunk)) ?? `chunk ${chunkType(chunk)}`

/** The names of its chunks, each once. */
export function nameOf({ chunks }: SctpPacket): string {
  if (chunks.length === 1) return chunkName(chunks[0]!)
  return chunks.length === 0 ? 'no chunk' : [...new Set(chunks.map(chunkName))].join(', ')
}

export function describe(packet: SctpPacket): Description {
  const { chunks, destinationPort, sourcePort, verificationTag } = packet
  return {
    name: nameOf(packet),
    fields: {
      sourcePort,
      destinationPort,
      verificationTag: tagText(verificationTag),
      checksum: checksumStatus(packet),
      chunks: shown(chunks, showChunk),
      ...(chunks.length > mostShown ? { chunkCount: chunks.length } : {}),
    },
  }
}

const shown = <T>(list: readonly T[], show: (item: T) => FieldValue): FieldValue => list.slice(0, mostShown).map(show)

const fragment = (flags: number): string => {
  const { begin, end } = dataFlags
  if ((flags & begin) !== 0) return (flags & end) !== 0 ? 'whole' : 'first'
  return (flags & end) !== 0 ? 'last' : 'middle'
}

const showList = (list: readonly Parameter[], registry: ReadonlyMap<number, Registered>): FieldValue =>
  shown(list, ({ type, value }) => ({
    name: registry.get(type)?.name ?? tagText(type),
    ...showValue(value),
  }))

function showValue(value: Value): Readonly<Record<string, FieldValue>> {
  switch (value.kind) {
    case 'none':
      return {}
    case 'bytes':
      return { length: value.bytes.length }
    case 'address':
      return { address: addressText(value.address, 0, value.address.length === 4 ? 4 : 16) }
    case 'number':
      return { number: value.number }
    case 'numbers':
      return { numbers: shown(value.numbers, (number) => number) }
    case 'correlated':
      return { correlation: value.correlation, parameters: showList(value.parameters, parameterRegistry) }
    case 'refused':
      return { correlation: value.correlation, causes: showList(value.causes, causeRegistry) }
    case 'outgoingReset':
      return {
        request: value.request,
        response: value.response,
        lastTsn: value.lastTsn,
        streams: shown(value.streams, (stream) => stream),
      }
    case 'incomingReset':
      return { request: value.request, streams: shown(value.streams, (stream) => stream) }
    case 'response':
      return { response: value.response, result: value.result, ...value.nextTsns }
    case 'addStreams':
      return { request: value.request, count: value.count }
    default:
      return value satisfies never
  }
}

const showChunk = (chunk: Chunk): FieldValue => ({ chunk: chunkName(chunk), ...showBody(chunk) })

const showPayload = (ppid: number, flags: number, payload: Uint8Array): Readonly<Record<string, FieldValue>> => ({
  ppid,
  ...(payloadProtocols.has(ppid) ? { payloadProtocol: payloadProtocols.get(ppid)! } : {}),
  fragment: fragment(flags),
  ...((flags & dataFlags.unordered) === 0 ? {} : { unordered: true }),
  length: payload.length,
})

function showBody(chunk: Chunk): Readonly<Record<string, FieldValue>> {
  switch (chunk.kind) {
    case 'data':
      return {
        tsn: chunk.tsn,
        stream: chunk.stream,
        sequence: chunk.sequence,
        ...showPayload(chunk.ppid, chunk.flags, chunk.payload),
      }
    case 'iData': {
      const { flags, message, payload, ppidOrFragment, stream, tsn } = chunk
      const rest =
        (flags & dataFlags.begin) === 0
          ? { fragment: fragment(flags), number: ppidOrFragment, length: payload.length }
          : showPayload(ppidOrFragment, flags, payload)
      return { tsn, stream, message, ...rest }
    }
    case 'init':
    case 'initAck':
      return {
        initiateTag: tagText(chunk.initiateTag),
        window: chunk.window,
        outboundStreams: chunk.outboundStreams,
        inboundStreams: chunk.inboundStreams,
        initialTsn: chunk.initialTsn,
        parameters: showList(chunk.parameters, parameterRegistry),
      }
    case 'sack':
      return {
        tsn: chunk.tsn,
        window: chunk.window,
        gaps: shown(chunk.gaps, ([first, last]) => `${first}-${last}`),
        duplicates: shown(chunk.duplicates, (tsn) => tsn),
      }
    case 'heartbeat':
    case 'heartbeatAck':
    case 'reConfig':
      return { parameters: showList(chunk.parameters, parameterRegistry) }
    case 'abort':
    case 'error':
      return { causes: showList(chunk.causes, causeRegistry) }
    case 'shutdown':
    case 'ecne':
    case 'cwr':
      return { tsn: chunk.tsn }
    case 'shutdownAck':
    case 'cookieAck':
    case 'shutdownComplete':
      return {}
    case 'cookieEcho':
      return { length: chunk.cookie.length }
    case 'auth':
      return { key: chunk.key, algorithm: chunk.algorithm, hmac: hexOf(chunk.hmac) }
    case 'asconf':
    case 'asconfAck':
      return { sequence: chunk.sequence, parameters: showList(chunk.parameters, parameterRegistry) }
    case 'pad':
    case 'unknown':
      return { length: chunk.bytes.length }
    case 'forwardTsn':
      return { tsn: chunk.tsn, streams: shown(chunk.streams, ({ sequence, stream }) => ({ stream, sequence })) }
    case 'iForwardTsn':
      return { tsn: chunk.tsn, streams: shown(chunk.streams, ({ message, stream }) => ({ stream, message })) }
    default:
      return chunk satisfies never
  }
}
