// Writing pcapng (draft-ietf-opsawg-pcapng): one section, little-endian, with nanoseconds. A frame may have comments.

import { blockFrameBytes, blockTypes, byteOrderMagic, optionCodes } from './blocks.ts'
import type { CaptureTime } from './frame.ts'

export interface NewFrame {
  /** of the interfaces that the header names, from 0 on */
  readonly interface: number
  readonly time: CaptureTime
  readonly bytes: Uint8Array
  /** left out: as many as there are */
  readonly wireBytes?: number
  readonly comments?: readonly string[]
}

export interface NewInterface {
  /** LINKTYPE number */
  readonly linkType: number
  readonly name?: string
}

const nanosecondExponent = 9
const interfaceName = 2
const longestOption = 65_535

/** The blocks that come before all frames. */
export function pcapngHeader(interfaces: readonly NewInterface[]): Uint8Array {
  const section = block(blockTypes.section, 16, [], (view, at) => {
    view.setUint32(at, byteOrderMagic, true)
    view.setUint16(at + 4, 1, true)
    view.setBigInt64(at + 8, -1n, true)
  })
  const described = interfaces.map(({ linkType, name }) => {
    const options: Option[] = [{ code: optionCodes.timeResolution, value: Uint8Array.of(nanosecondExponent) }]
    if (name !== undefined) options.push({ code: interfaceName, value: utf8(name) })
    return block(blockTypes.interface, 8, options, (view, at) => view.setUint16(at, linkType, true))
  })
  return Buffer.concat([section, ...described])
}

/** Throws RangeError for what a block has no room for. */
export function pcapngFrame(frame: NewFrame): Uint8Array {
  const { bytes, comments = [], time, wireBytes = bytes.length } = frame
  const options = comments.map((text): Option => ({ code: optionCodes.comment, value: utf8(text) }))
  const ticks = BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds)
  if (ticks < 0n || ticks >= 1n << 64n) throw new RangeError(`no room for a time of ${time.seconds} seconds`)
  return block(blockTypes.packet, 20 + bytes.length, options, (view, at) => {
    view.setUint32(at, frame.interface, true)
    view.setUint32(at + 4, Number(ticks >> 32n), true)
    view.setUint32(at + 8, Number(ticks & 0xffffffffn), true)
    view.setUint32(at + 12, bytes.length, true)
    view.setUint32(at + 16, wireBytes, true)
    new Uint8Array(view.buffer).set(bytes, at + 20)
  })
}

interface Option {
  readonly code: number
  readonly value: Uint8Array
}

const utf8 = (text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text)
  if (bytes.length > longestOption) throw new RangeError(`no room for a text of ${bytes.length} bytes`)
  return bytes
}

const padded = (length: number): number => (length + 3) & ~3

function block(
  type: number,
  bodyBytes: number,
  options: readonly Option[],
  fill: (view: DataView, at: number) => void,
): Uint8Array {
  const end = options.length === 0 ? 0 : 4
  const optionBytes = options.reduce((sum, { value }) => sum + 4 + padded(value.length), end)
  const length = blockFrameBytes + padded(bodyBytes) + optionBytes
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, length, true)
  fill(view, 8)
  let at = 8 + padded(bodyBytes)
  for (const { code, value } of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    bytes.set(value, at + 4)
    at += 4 + padded(value.length)
  }
  view.setUint32(length - 4, length, true)
  return bytes
}
