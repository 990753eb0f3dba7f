// Classic pcap (draft-ietf-opsawg-pcap): a header, then a record for each frame.
//
//     | magic 4 | version 4 | zone 4 | accuracy 4 | longest 4 | link type 4 |
//     | seconds 4 | micro- or nanoseconds 4 | captured 4 | length on the wire 4 | bytes ... |   for each frame

import { CaptureError } from './frame.ts'
import type { CapturedFrame } from './frame.ts'
import { longestFrame } from './limits.ts'
import type { Format, Window } from './window.ts'

const magics = { microseconds: 0xa1b2c3d4, nanoseconds: 0xa1b23c4d } as const
const headerBytes = 24
const recordHeaderBytes = 16
const billion = 1_000_000_000

export class ClassicFormat implements Format {
  readonly #little: boolean
  /** of the unit that fractions of seconds are counted in */
  readonly #nanoseconds: number
  #linkType = -1
  #count = 0

  private constructor(little: boolean, nanoseconds: number) {
    this.#little = little
    this.#nanoseconds = nanoseconds
  }

  /** Null: the four bytes at the window's start are not those of this format. */
  static open(window: Window): ClassicFormat | null {
    for (const little of [true, false]) {
      const magic = window.view.getUint32(window.start, little)
      if (magic === magics.microseconds) return new ClassicFormat(little, 1000)
      if (magic === magics.nanoseconds) return new ClassicFormat(little, 1)
    }
    return null
  }

  get count(): number {
    return this.#count
  }

  next(window: Window): CapturedFrame | number {
    if (this.#linkType < 0) {
      if (window.left < headerBytes) return headerBytes
      // The upper half may say how long a frame's checksum is.
      this.#linkType = window.view.getUint32(window.start + 20, this.#little) & 0xffff
      window.start += headerBytes
    }
    if (window.left < recordHeaderBytes) return recordHeaderBytes
    const { start, view } = window
    const little = this.#little
    const captured = view.getUint32(start + 8, little)
    if (captured > longestFrame) {
      const place = { offset: window.offset + 8, frame: this.#count + 1 }
      throw new CaptureError('damaged', 'length lies', place, `expected at most ${longestFrame} bytes, not ${captured}`)
    }
    const length = recordHeaderBytes + captured
    if (window.left < length) return length
    const nanoseconds = view.getUint32(start + 4, little) * this.#nanoseconds
    const whole = nanoseconds < billion ? 0 : Math.floor(nanoseconds / billion)
    window.start += length
    this.#count++
    return {
      number: this.#count,
      time: { seconds: view.getUint32(start, little) + whole, nanoseconds: nanoseconds - whole * billion },
      linkType: this.#linkType,
      bytes: window.bytes.subarray(start + recordHeaderBytes, start + length),
      wireBytes: Math.max(captured, view.getUint32(start + 12, little)),
    }
  }
}
