// What a peer has sent and cannot be read. Caught once, where packets come in; counted by its reason and dropped.

export class DecodeError extends Error {
  /** the same words each time: it is counted by them */
  readonly reason: string
  /** byte of the packet where reading ended */
  readonly offset: number

  constructor(reason: string, offset: number) {
    super(`${reason} at byte ${offset}`)
    this.name = 'DecodeError'
    this.reason = reason
    this.offset = offset
  }
}
