// The part of a file that is being read: bytes come in at its end and are skipped at its start. It is as long as the
// longest record and one chunk need, whatever the file's length.

import type { CapturedFrame } from './frame.ts'

const firstBytes = 1 << 16

export class Window {
  bytes = new Uint8Array(firstBytes)
  view = new DataView(this.bytes.buffer)
  /** of what has not been read yet */
  start = 0
  end = 0
  /** of the file, before `bytes` */
  #before = 0

  get left(): number {
    return this.end - this.start
  }

  /** where `start` is in the file */
  get offset(): number {
    return this.#before + this.start
  }

  /** Views of what was read before are void afterwards. */
  append(chunk: Uint8Array): void {
    const { left } = this
    this.#before += this.start
    if (left + chunk.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, left + chunk.length))
      larger.set(this.bytes.subarray(this.start, this.end))
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    } else if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end)
    }
    this.start = 0
    this.bytes.set(chunk, left)
    this.end = left + chunk.length
  }
}

export interface Format {
  /** frames so far */
  readonly count: number
  /** The next frame, or how many bytes the window must have for what stands at its start. Throws CaptureError. */
  next(window: Window): CapturedFrame | number
}
