// pcapng (draft-ietf-opsawg-pcapng): blocks. A section has its own byte order and interfaces.
//
//     | type 4 | length 4 | body ..., options | length 4 |

import { CaptureError } from './frame.ts'
import type { CapturedFrame, CaptureTime } from './frame.ts'
import { longestBlock, longestFrame, mostInterfaces } from './limits.ts'
import type { Format, Window } from './window.ts'

export const blockTypes = { section: 0x0a0d0d0a, interface: 1, oldPacket: 2, simplePacket: 3, packet: 6 } as const
export const byteOrderMagic = 0x1a2b3c4d
export const optionCodes = { end: 0, comment: 1, timeResolution: 9, timeOffset: 14 } as const
/** type, length, and the length again behind the body */
export const blockFrameBytes = 12
const packetHeaderBytes = 20
const billion = 1_000_000_000
/** of upper halves of 64 bits: all below are exact as a number */
const exactHigh = 2 ** 21

interface Interface {
  readonly linkType: number
  /** 0: no limit */
  readonly longest: number
  /** ticks in a second */
  readonly resolution: bigint
  /** seconds */
  readonly offset: number
}

const microseconds = 1_000_000n
const nanosecondTicks = 1_000_000_000n

export class BlockFormat implements Format {
  #little = true
  #interfaces: Interface[] = []
  #count = 0

  static open(window: Window): BlockFormat | null {
    return window.view.getUint32(window.start) === blockTypes.section ? new BlockFormat() : null
  }

  get count(): number {
    return this.#count
  }

  next(window: Window): CapturedFrame | number {
    for (;;) {
      if (window.left < blockFrameBytes) return blockFrameBytes
      const { start, view } = window
      if (view.getUint32(start) === blockTypes.section) this.#startSection(window)
      const length = view.getUint32(start + 4, this.#little)
      if (length < blockFrameBytes || length > longestBlock || length % 4 !== 0)
        throw this.#damaged(window, 4, 'length lies', `no block has ${length} bytes`)
      if (window.left < length) return length
      const end = start + length - 4
      const again = view.getUint32(end, this.#little)
      if (again !== length)
        throw this.#damaged(window, length - 4, 'length lies', `expected ${length} again, not ${again}`)
      const frame = this.#block(window, view.getUint32(start, this.#little), end)
      window.start += length
      if (frame !== null) return frame
    }
  }

  #startSection(window: Window): void {
    const { start, view } = window
    const little = [true, false].find((order) => view.getUint32(start + 8, order) === byteOrderMagic)
    if (little === undefined)
      throw this.#damaged(window, 8, 'unknown byte order', `expected 0x${byteOrderMagic.toString(16)}`)
    this.#little = little
    this.#interfaces = []
  }

  /** Null for a block that holds no frame. */
  #block(window: Window, type: number, end: number): CapturedFrame | null {
    const { view } = window
    const body = window.start + 8
    const little = this.#little
    switch (type) {
      case blockTypes.interface:
        this.#room(window, end, 8)
        if (this.#interfaces.length === mostInterfaces)
          throw this.#damaged(window, 0, 'too many interfaces', `at most ${mostInterfaces}`)
        this.#interfaces.push({
          linkType: view.getUint16(body, little),
          longest: view.getUint32(body + 4, little),
          ...this.#timeOptions(window, body + 8, end),
        })
        return null
      case blockTypes.packet:
      case blockTypes.oldPacket: {
        this.#room(window, end, packetHeaderBytes)
        const index = type === blockTypes.packet ? view.getUint32(body, little) : view.getUint16(body, little)
        const from = this.#interface(window, index)
        const time = timeOf(from, view.getUint32(body + 4, little), view.getUint32(body + 8, little))
        const captured = view.getUint32(body + 12, little)
        const wireBytes = view.getUint32(body + 16, little)
        return this.#frame(window, end, { from, time, captured, wireBytes, at: body + packetHeaderBytes })
      }
      case blockTypes.simplePacket: {
        this.#room(window, end, 4)
        const from = this.#interface(window, 0)
        const wireBytes = view.getUint32(body, little)
        const captured = from.longest === 0 ? wireBytes : Math.min(from.longest, wireBytes)
        return this.#frame(window, end, { from, time: null, captured, wireBytes, at: body + 4 })
      }
      default:
        return null
    }
  }

  #frame(window: Window, end: number, packet: Packet): CapturedFrame {
    const { at, captured, from, time, wireBytes } = packet
    if (captured > longestFrame || at + captured > end) {
      const most = Math.min(longestFrame, end - at)
      throw this.#damaged(window, at - window.start, 'length lies', `expected at most ${most} bytes, not ${captured}`)
    }
    return {
      number: ++this.#count,
      time,
      linkType: from.linkType,
      bytes: window.bytes.subarray(at, at + captured),
      wireBytes: Math.max(captured, wireBytes),
    }
  }

  #timeOptions(window: Window, from: number, end: number): { readonly resolution: bigint; readonly offset: number } {
    const { view } = window
    let [resolution, offset] = [microseconds, 0]
    for (let at = from; at + 4 <= end;) {
      const code = view.getUint16(at, this.#little)
      const length = view.getUint16(at + 2, this.#little)
      if (code === optionCodes.end) break
      if (at + 4 + length > end)
        throw this.#damaged(window, at - window.start, 'length lies', 'the option goes too far')
      if (code === optionCodes.timeResolution && length >= 1) {
        const exponent = view.getUint8(at + 4)
        resolution = exponent < 0x80 ? 10n ** BigInt(exponent) : 2n ** BigInt(exponent & 0x7f)
      }
      if (code === optionCodes.timeOffset && length >= 8) offset = Number(view.getBigInt64(at + 4, this.#little))
      at += 4 + ((length + 3) & ~3)
    }
    return { resolution, offset }
  }

  #interface(window: Window, index: number): Interface {
    const found = this.#interfaces[index]
    if (found !== undefined) return found
    const expected = `interface ${index} has no block before this one`
    throw this.#damaged(window, 8, 'unknown interface', expected)
  }

  #room(window: Window, end: number, count: number): void {
    const room = end - window.start - 8
    if (room < count) throw this.#damaged(window, 4, 'length lies', `expected ${count} bytes in the block, not ${room}`)
  }

  #damaged(window: Window, at: number, reason: string, expected: string): CaptureError {
    return new CaptureError('damaged', reason, { offset: window.offset + at, frame: this.#count + 1 }, expected)
  }
}

interface Packet {
  readonly from: Interface
  readonly time: CaptureTime | null
  readonly captured: number
  readonly wireBytes: number
  /** where its bytes begin */
  readonly at: number
}

function timeOf({ offset, resolution }: Interface, high: number, low: number): CaptureTime {
  if (resolution === microseconds && high < exactHigh) {
    const ticks = high * 2 ** 32 + low
    const seconds = Math.floor(ticks / 1_000_000)
    return { seconds: seconds + offset, nanoseconds: (ticks - seconds * 1_000_000) * 1000 }
  }
  if (resolution === nanosecondTicks) return nanosecondTime(high, low, offset)
  const ticks = (BigInt(high) << 32n) | BigInt(low)
  const nanoseconds = Number(((ticks % resolution) * BigInt(billion)) / resolution)
  return { seconds: Number(ticks / resolution) + offset, nanoseconds }
}

const wordSeconds = Math.floor(2 ** 32 / billion)
const wordRest = 2 ** 32 % billion
const halfWordSeconds = Math.floor((2 ** 16 * wordRest) / billion)
const halfWordRest = (2 ** 16 * wordRest) % billion

/** Most files count these, in more bits than a number is exact in. Bigints would take ten times as long. */
function nanosecondTime(high: number, low: number, offset: number): CaptureTime {
  const upper = high >>> 16
  const rest = upper * halfWordRest + (high & 0xffff) * wordRest + low
  const seconds = Math.floor(rest / billion)
  return {
    seconds: high * wordSeconds + upper * halfWordSeconds + seconds + offset,
    nanoseconds: rest - seconds * billion,
  }
}
