// Reads a capture part by part: bytes go in as they come, frames come out. Knows no files.

import { BlockFormat } from './blocks.ts'
import { ClassicFormat } from './classic.ts'
import { CaptureError } from './frame.ts'
import type { CapturedFrame } from './frame.ts'
import { Window } from './window.ts'
import type { Format } from './window.ts'

export class CaptureReader {
  readonly #window = new Window()
  #format: Format | null = null
  /** bytes of what stands at the window's start */
  #needs = 4

  /** There is no more. Throws CaptureError where that is too early. */
  finish(): void {
    const { left, offset } = this.#window
    if (this.#format === null)
      throw foreign(offset, `a capture begins with 4 bytes that name its kind, this has ${left}`)
    if (left === 0) return
    const place = { offset: offset + left, frame: this.#format.count + 1 }
    throw new CaptureError('cut', 'truncated', place, `expected ${this.#needs} bytes from byte ${offset}, not ${left}`)
  }

  /** The frames that are whole now. Views of earlier ones are void. */
  *read(chunk: Uint8Array): Generator<CapturedFrame> {
    const window = this.#window
    window.append(chunk)
    this.#format ??= this.#open()
    while (this.#format !== null && window.left >= this.#needs) {
      const frame = this.#format.next(window)
      if (typeof frame === 'number') {
        this.#needs = frame
        continue
      }
      this.#needs = 1
      yield frame
    }
  }

  #open(): Format | null {
    const window = this.#window
    if (window.left < 4) return null
    const format = BlockFormat.open(window) ?? ClassicFormat.open(window)
    if (format !== null) return format
    const found = window.view.getUint32(window.start).toString(16).padStart(8, '0')
    throw foreign(window.offset, `expected the first bytes of pcap or pcapng, not 0x${found}`)
  }
}

const foreign = (offset: number, expected: string): CaptureError =>
  new CaptureError('foreign', 'not a capture', { offset, frame: 0 }, expected)
