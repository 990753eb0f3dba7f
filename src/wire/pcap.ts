// Captured frames from a file: classic pcap (draft-ietf-opsawg-pcap) in both byte orders with micro- or nanoseconds,
// and pcapng (draft-ietf-opsawg-pcapng). Ethernet only.
//
//     pcap    | magic | version | zone, accuracy | longest | link type |  then  | time | captured | length | bytes ...
//     pcapng  | block type | block length | body ... | block length |

import { DecodeError } from './decode-error.ts'

export interface CapturedFrame {
  /** the first one of a file is 1 */
  readonly number: number
  readonly bytes: Uint8Array
  /** bytes it had on the wire; more than `bytes` has when the capture cut it */
  readonly wireBytes: number
}

const ethernet = 1
/** what the tools that write captures take for the longest */
const longestFrame = 262_144

const classicMagics: readonly number[] = [0xa1b2c3d4, 0xa1b23c4d]
const classicHeaderBytes = 24
const recordHeaderBytes = 16

const blockTypes = { section: 0x0a0d0d0a, interface: 1, oldPacket: 2, simplePacket: 3, packet: 6 } as const
const byteOrderMagic = 0x1a2b3c4d
/** type, length, and the length again behind the body */
const blockFrameBytes = 12

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const need = (view: DataView, at: number, count: number): void => {
  if (at + count > view.byteLength) throw new DecodeError('truncated', view.byteLength)
}

/** The frames of a file in their order, each read when it is asked for. They are views of `file`. */
export function* readCapture(file: Uint8Array): Generator<CapturedFrame> {
  const view = viewOf(file)
  need(view, 0, 4)
  if (view.getUint32(0) === blockTypes.section) yield* readBlocks(file, view)
  else yield* readRecords(file, view)
}

/** One frame by its number. What comes behind it in the file is not looked at. */
export function readCapturedFrame(file: Uint8Array, number: number): CapturedFrame | undefined {
  for (const frame of readCapture(file)) if (frame.number === number) return frame
  return undefined
}

function cut(file: Uint8Array, at: number, captured: number, wireBytes: number, end: number): Uint8Array {
  if (captured > longestFrame || captured > wireBytes) throw new DecodeError('length lies', at)
  if (at + captured > end) throw new DecodeError(end === file.length ? 'truncated' : 'length lies', at)
  return file.subarray(at, at + captured)
}

// ---- classic --------------------------------------------------------------------------------------------------------

function* readRecords(file: Uint8Array, view: DataView): Generator<CapturedFrame> {
  const little = [true, false].find((order) => classicMagics.includes(view.getUint32(0, order)))
  if (little === undefined) throw new DecodeError('not a capture', 0)
  need(view, 0, classicHeaderBytes)
  // The upper bits may say how long a frame's checksum is.
  if ((view.getUint32(20, little) & 0x0fffffff) !== ethernet) throw new DecodeError('not Ethernet', 20)
  let number = 0
  for (let at = classicHeaderBytes; at < file.length;) {
    need(view, at, recordHeaderBytes)
    const [captured, wireBytes] = [view.getUint32(at + 8, little), view.getUint32(at + 12, little)]
    at += recordHeaderBytes
    const bytes = cut(file, at, captured, wireBytes, file.length)
    number++
    yield { number, bytes, wireBytes }
    at += captured
  }
}

// ---- pcapng ---------------------------------------------------------------------------------------------------------

interface Interface {
  readonly linkType: number
  /** 0: no limit */
  readonly longest: number
}

interface Section {
  readonly little: boolean
  readonly interfaces: Interface[]
}

function* readBlocks(file: Uint8Array, view: DataView): Generator<CapturedFrame> {
  let section: Section = { little: true, interfaces: [] }
  let number = 0
  for (let at = 0; at < file.length;) {
    need(view, at, blockFrameBytes)
    if (view.getUint32(at) === blockTypes.section) section = startSection(view, at)
    const { little } = section
    const type = view.getUint32(at, little)
    const length = view.getUint32(at + 4, little)
    if (length < blockFrameBytes || length % 4 !== 0) throw new DecodeError('length lies', at + 4)
    need(view, at, length)
    const end = at + length - 4
    if (view.getUint32(end, little) !== length) throw new DecodeError('length lies', end)
    const frame = readBlock(file, view, section, { type, body: at + 8, end })
    if (frame !== undefined) yield { number: ++number, ...frame }
    at += length
  }
}

function startSection(view: DataView, at: number): Section {
  const little = [true, false].find((order) => view.getUint32(at + 8, order) === byteOrderMagic)
  if (little === undefined) throw new DecodeError('not a capture', at + 8)
  return { little, interfaces: [] }
}

interface Block {
  readonly type: number
  readonly body: number
  readonly end: number
}

/** Undefined for a block that holds no frame. */
function readBlock(
  file: Uint8Array,
  view: DataView,
  { little, interfaces }: Section,
  { type, body, end }: Block,
): Omit<CapturedFrame, 'number'> | undefined {
  const room = (count: number): void => {
    if (body + count > end) throw new DecodeError('length lies', body)
  }
  const from = (index: number): Interface => {
    const found = interfaces[index]
    if (found === undefined) throw new DecodeError('unknown interface', body)
    if (found.linkType !== ethernet) throw new DecodeError('not Ethernet', body)
    return found
  }
  switch (type) {
    case blockTypes.interface:
      room(8)
      interfaces.push({ linkType: view.getUint16(body, little), longest: view.getUint32(body + 4, little) })
      return undefined
    case blockTypes.packet:
    case blockTypes.oldPacket: {
      room(20)
      from(type === blockTypes.packet ? view.getUint32(body, little) : view.getUint16(body, little))
      const [captured, wireBytes] = [view.getUint32(body + 12, little), view.getUint32(body + 16, little)]
      return { bytes: cut(file, body + 20, captured, wireBytes, end), wireBytes }
    }
    case blockTypes.simplePacket: {
      room(4)
      const { longest } = from(0)
      const wireBytes = view.getUint32(body, little)
      const captured = longest === 0 ? wireBytes : Math.min(longest, wireBytes)
      return { bytes: cut(file, body + 4, captured, wireBytes, end), wireBytes }
    }
    default:
      return undefined
  }
}
