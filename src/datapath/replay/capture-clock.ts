// The capture's clock: when each frame came in, counted from the first one. It never goes back, as no clock does that
// the daemon reads.

import type { CaptureTime } from '../../captures/index.ts'

/** A frame whose time the file does not tell comes so long after the one before. */
const stepUs = 1000

export class CaptureClock {
  #first: CaptureTime | null = null
  /** of the first frame that has a time; frames without one may come before it */
  #offsetUs = 0
  #frames = 0
  /** microseconds since the first frame */
  us = 0
  /** frames that came before the one before them, and got its time */
  held = 0
  /** frames whose time the file does not tell */
  untimed = 0

  /** milliseconds since the first frame, whole ones */
  get ms(): number {
    return Math.floor(this.us / 1000)
  }

  /** A frame comes in. */
  next(time: CaptureTime | null): void {
    const nextUs = this.#frames++ === 0 ? 0 : this.us + stepUs
    if (time === null) {
      this.untimed++
      this.us = nextUs
      return
    }
    if (this.#first === null) {
      this.#first = time
      this.#offsetUs = nextUs
    }
    const { seconds, nanoseconds } = this.#first
    const us = this.#offsetUs + (time.seconds - seconds) * 1e6 + (time.nanoseconds - nanoseconds) / 1000
    if (us < this.us) this.held++
    else this.us = us
  }

  /** A time since the first frame, as a capture writes it. */
  timeOf(sinceUs: number): CaptureTime {
    const { seconds, nanoseconds } = this.#first ?? { seconds: 0, nanoseconds: 0 }
    const us = sinceUs - this.#offsetUs + nanoseconds / 1000
    const whole = Math.floor(us / 1e6)
    return { seconds: seconds + whole, nanoseconds: Math.floor((us - whole * 1e6) * 1000) }
  }
}
