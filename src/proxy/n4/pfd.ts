// Packet flow descriptions (TS 29.244, 6.2.5 and 7.4.3): what all UPFs have accepted is kept, for UPFs that come later.

import { element } from './elements.ts'
import { elementBytes } from './messages.ts'
import { valueOf, valuesOf } from './spans.ts'
import { join } from '../../wire/fields.ts'

const applicationId = 24
const pfdContext = 59
/** Elements of one request when all is told to a UPF. */
const requestBytes = 8192

export class PfdStore {
  /** by Application ID: the value of its Application ID's PFDs */
  readonly #applications = new Map<string, Uint8Array>()
  readonly #limit: number
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#applications.size
  }

  /** Whether the elements of a request can be kept. */
  hasRoom(body: Uint8Array): boolean {
    return this.#bytes + body.length <= this.#limit
  }

  /** A request that names no application removes all; one without PDFs for an application removes these. */
  take(body: Uint8Array): void {
    const changes = valuesOf(body, element.applicationPfds)
    if (changes.length === 0) {
      this.#applications.clear()
      this.#bytes = 0
    }
    for (const change of changes) {
      const id = valueOf(change, applicationId)
      if (id === null) continue
      const name = Buffer.from(id).toString('hex')
      this.#bytes -= this.#applications.get(name)?.length ?? 0
      this.#applications.delete(name)
      if (valueOf(change, pfdContext) === null) continue
      this.#applications.set(name, join(change))
      this.#bytes += change.length
    }
  }

  /** Elements of requests that tell all of it. */
  requests(): readonly Uint8Array[] {
    const requests: Uint8Array[] = []
    let parts: Uint8Array[] = []
    let bytes = 0
    for (const value of this.#applications.values()) {
      if (bytes > 0 && bytes + value.length > requestBytes) {
        requests.push(join(...parts))
        parts = []
        bytes = 0
      }
      parts.push(elementBytes(element.applicationPfds, value))
      bytes += value.length
    }
    if (parts.length > 0) requests.push(join(...parts))
    return requests
  }
}
