// What a peer has sent and cannot be read. Caught once, where packets come in; counted by its reason and dropped.

export class DecodeError extends Error {
  /** the same words each time: it is counted by them */
  readonly reason: string
  /** byte of the packet where reading ended */
  readonly offset: number
  /** the elements around that byte, from the outermost in: `['Create PDR 1', 'PDI', 'F-TEID']` */
  readonly path: readonly string[]

  constructor(reason: string, offset: number, path: readonly string[] = []) {
    super(`${path.length === 0 ? '' : `${path.join(' > ')}: `}${reason} at byte ${offset}`)
    this.name = 'DecodeError'
    this.reason = reason
    this.offset = offset
    this.path = path
  }
}

/** Reads an element; an error inside says its name too. */
export function inElement<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new DecodeError(error.reason, error.offset, [name, ...error.path])
  }
}
