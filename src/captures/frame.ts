// What a capture gives: frames, and the one way in which reading one fails.

export interface CaptureTime {
  /** since 1970, UTC */
  readonly seconds: number
  /** 0 to 999,999,999 */
  readonly nanoseconds: number
}

export interface CapturedFrame {
  /** the first one of a file is 1 */
  readonly number: number
  /** null: the file does not tell */
  readonly time: CaptureTime | null
  /** LINKTYPE number */
  readonly linkType: number
  /** a view, valid until the next part of the file is read */
  readonly bytes: Uint8Array
  /** bytes it had on the wire; more than `bytes` has when the capture cut it */
  readonly wireBytes: number
}

/** `foreign`: no capture at all; `cut`: it ends too early; `damaged`: nothing behind this can be found any more. */
export type CaptureProblem = 'foreign' | 'cut' | 'damaged'

/** A file that cannot be read to its end. The frames before the place have been given. */
export class CaptureError extends Error {
  readonly problem: CaptureProblem
  /** the same words each time */
  readonly reason: string
  /** byte of the file, or of what gzip made of it */
  readonly offset: number
  /** the frame that would have been next; 0: none, the file's header is meant */
  readonly frame: number

  constructor(
    problem: CaptureProblem,
    reason: string,
    place: { readonly offset: number; readonly frame: number },
    expected: string,
  ) {
    super(`${place.frame === 0 ? '' : `frame ${place.frame}, `}byte ${place.offset}: ${reason}: ${expected}`)
    this.name = 'CaptureError'
    this.problem = problem
    this.reason = reason
    this.offset = place.offset
    this.frame = place.frame
  }
}
