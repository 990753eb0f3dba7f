// Chunks (RFC 9260, 3.3; RFC 3758, 4820, 4895, 5061, 6525, 8260): a type, flags, a length that counts the header and
// not the padding, a value, and zeros up to a multiple of 4 bytes.
//
//     | type (1) | flags (1) | length (2) | value | padding |

import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import { causes as causeRegistry, parameters as parameterRegistry } from './names.ts'
import { isZero, padLength, readList, writeList } from './parameters.ts'
import type { Parameter } from './parameters.ts'

interface Initiation {
  /** the verification tag of what is sent to the sender of this */
  readonly initiateTag: number
  /** bytes */
  readonly window: number
  readonly outboundStreams: number
  readonly inboundStreams: number
  readonly initialTsn: number
  readonly parameters: readonly Parameter[]
}

interface Configuration {
  readonly sequence: number
  readonly parameters: readonly Parameter[]
}

export type Body =
  | {
      readonly kind: 'data'
      readonly tsn: number
      readonly stream: number
      readonly sequence: number
      readonly ppid: number
      readonly payload: Uint8Array
    }
  | {
      readonly kind: 'iData'
      readonly tsn: number
      readonly stream: number
      readonly reserved: number
      readonly message: number
      /** of the first fragment the payload protocol, of others the fragment's number */
      readonly ppidOrFragment: number
      readonly payload: Uint8Array
    }
  | ({ readonly kind: 'init' | 'initAck' } & Initiation)
  | {
      readonly kind: 'sack'
      readonly tsn: number
      readonly window: number
      /** first and last of each block, counted from `tsn` */
      readonly gaps: readonly (readonly [first: number, last: number])[]
      readonly duplicates: readonly number[]
    }
  | { readonly kind: 'heartbeat' | 'heartbeatAck' | 'reConfig'; readonly parameters: readonly Parameter[] }
  | { readonly kind: 'abort' | 'error'; readonly causes: readonly Parameter[] }
  | { readonly kind: 'shutdown' | 'ecne' | 'cwr'; readonly tsn: number }
  | { readonly kind: 'shutdownAck' | 'cookieAck' | 'shutdownComplete' }
  | { readonly kind: 'cookieEcho'; readonly cookie: Uint8Array }
  | { readonly kind: 'auth'; readonly key: number; readonly algorithm: number; readonly hmac: Uint8Array }
  | ({ readonly kind: 'asconf' | 'asconfAck' } & Configuration)
  | { readonly kind: 'pad'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'forwardTsn'
      readonly tsn: number
      readonly streams: readonly { readonly stream: number; readonly sequence: number }[]
    }
  | {
      readonly kind: 'iForwardTsn'
      readonly tsn: number
      readonly streams: readonly { readonly stream: number; readonly flags: number; readonly message: number }[]
    }
  | { readonly kind: 'unknown'; readonly type: number; readonly bytes: Uint8Array }

export type Chunk = Body & {
  readonly flags: number
  /** What stands where a receiver looks for padding, if it is not zeros up to a multiple of 4 bytes. */
  readonly padding?: Uint8Array
}

/** Of DATA and I-DATA. */
export const dataFlags = { end: 1, begin: 2, unordered: 4, immediate: 8 } as const
const types = {
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
  ecne: 12,
  cwr: 13,
  shutdownComplete: 14,
  auth: 15,
  iData: 64,
  asconfAck: 128,
  reConfig: 130,
  pad: 132,
  forwardTsn: 192,
  asconf: 193,
  iForwardTsn: 194,
} as const

type KnownKind = keyof typeof types

const kinds: readonly (KnownKind | undefined)[] = Array.from({ length: 256 }, (_, type) =>
  (Object.keys(types) as KnownKind[]).find((kind) => types[kind] === type),
)

export const chunkType = (body: Body): number => (body.kind === 'unknown' ? body.type : types[body.kind])

const headerLength = 4

export function readChunk(from: Reader): Chunk {
  const at = from.at
  const type = from.u8()
  const flags = from.u8()
  const length = from.u16()
  if (length < headerLength || length - headerLength > from.left) throw from.fail('length lies', at + 2)
  const value = from.part(length - headerLength)
  const kind = kinds[type]
  const body: Body = kind === undefined ? { kind: 'unknown', type, bytes: value.rest() } : readBody(value, kind)
  value.finish()
  const missing = padLength(length)
  if (missing === 0) return { ...body, flags }
  const padding = from.take(Math.min(missing, from.left))
  return padding.length === missing && isZero(padding) ? { ...body, flags } : { ...body, flags, padding }
}

function readBody(from: Reader, kind: KnownKind): Body {
  switch (kind) {
    case 'data':
      return {
        kind,
        tsn: from.u32(),
        stream: from.u16(),
        sequence: from.u16(),
        ppid: from.u32(),
        payload: from.rest(),
      }
    case 'iData':
      return {
        kind,
        tsn: from.u32(),
        stream: from.u16(),
        reserved: from.u16(),
        message: from.u32(),
        ppidOrFragment: from.u32(),
        payload: from.rest(),
      }
    case 'init':
    case 'initAck':
      return {
        kind,
        initiateTag: from.u32(),
        window: from.u32(),
        outboundStreams: from.u16(),
        inboundStreams: from.u16(),
        initialTsn: from.u32(),
        parameters: readList(from, parameterRegistry),
      }
    case 'sack':
      return readSack(from)
    case 'heartbeat':
    case 'heartbeatAck':
    case 'reConfig':
      return { kind, parameters: readList(from, parameterRegistry) }
    case 'abort':
    case 'error':
      return { kind, causes: readList(from, causeRegistry) }
    case 'shutdown':
    case 'ecne':
    case 'cwr':
      return { kind, tsn: from.u32() }
    case 'shutdownAck':
    case 'cookieAck':
    case 'shutdownComplete':
      return { kind }
    case 'cookieEcho':
      return { kind, cookie: from.rest() }
    case 'auth':
      return { kind, key: from.u16(), algorithm: from.u16(), hmac: from.rest() }
    case 'asconf':
    case 'asconfAck':
      return { kind, sequence: from.u32(), parameters: readList(from, parameterRegistry) }
    case 'pad':
      return { kind, bytes: from.rest() }
    case 'forwardTsn':
      return { kind, tsn: from.u32(), streams: readAll(from, () => ({ stream: from.u16(), sequence: from.u16() })) }
    case 'iForwardTsn':
      return {
        kind,
        tsn: from.u32(),
        streams: readAll(from, () => ({ stream: from.u16(), flags: from.u16(), message: from.u32() })),
      }
    default:
      return kind satisfies never
  }
}

function readAll<T>(from: Reader, read: () => T): readonly T[] {
  const all: T[] = []
  while (from.left > 0) all.push(read())
  return all
}

function readSack(from: Reader): Body {
  const tsn = from.u32()
  const window = from.u32()
  const at = from.at
  const gapCount = from.u16()
  const duplicateCount = from.u16()
  if ((gapCount + duplicateCount) * 4 !== from.left) throw from.fail('length lies', at)
  const gaps: [number, number][] = []
  for (let n = 0; n < gapCount; n++) gaps.push([from.u16(), from.u16()])
  return { kind: 'sack', tsn, window, gaps, duplicates: readAll(from, () => from.u32()) }
}

export function writeChunk(to: Writer, chunk: Chunk): void {
  const start = to.length
  to.u8(chunkType(chunk)).u8(chunk.flags).u16(0)
  writeBody(to, chunk)
  const length = to.length - start
  to.fill(start + 2, 2, length)
  if (chunk.padding === undefined) to.zeros(padLength(length))
  else to.put(chunk.padding)
}

function writeBody(to: Writer, body: Body): void {
  switch (body.kind) {
    case 'data':
      to.u32(body.tsn).u16(body.stream).u16(body.sequence).u32(body.ppid).put(body.payload)
      return
    case 'iData':
      to.u32(body.tsn).u16(body.stream).u16(body.reserved).u32(body.message).u32(body.ppidOrFragment)
      to.put(body.payload)
      return
    case 'init':
    case 'initAck':
      to.u32(body.initiateTag).u32(body.window).u16(body.outboundStreams).u16(body.inboundStreams)
      to.u32(body.initialTsn)
      writeList(to, body.parameters, parameterRegistry)
      return
    case 'sack':
      to.u32(body.tsn).u32(body.window).u16(body.gaps.length).u16(body.duplicates.length)
      for (const [first, last] of body.gaps) to.u16(first).u16(last)
      for (const tsn of body.duplicates) to.u32(tsn)
      return
    case 'heartbeat':
    case 'heartbeatAck':
    case 'reConfig':
      writeList(to, body.parameters, parameterRegistry)
      return
    case 'abort':
    case 'error':
      writeList(to, body.causes, causeRegistry)
      return
    case 'shutdown':
    case 'ecne':
    case 'cwr':
      to.u32(body.tsn)
      return
    case 'shutdownAck':
    case 'cookieAck':
    case 'shutdownComplete':
      return
    case 'cookieEcho':
      to.put(body.cookie)
      return
    case 'auth':
      to.u16(body.key).u16(body.algorithm).put(body.hmac)
      return
    case 'asconf':
    case 'asconfAck':
      to.u32(body.sequence)
      writeList(to, body.parameters, parameterRegistry)
      return
    case 'pad':
    case 'unknown':
      to.put(body.bytes)
      return
    case 'forwardTsn':
      to.u32(body.tsn)
      for (const { sequence, stream } of body.streams) to.u16(stream).u16(sequence)
      return
    case 'iForwardTsn':
      to.u32(body.tsn)
      for (const { flags, message, stream } of body.streams) to.u16(stream).u16(flags).u32(message)
      return
    default:
      return body satisfies never
  }
}
