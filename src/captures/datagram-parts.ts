// Putting IP datagrams together that came in parts, within limits. What does not become whole is counted by its reason.

import { DecodeError } from '../wire/decode-error.ts'
import { copyOf } from '../wire/fields.ts'
import { checkPart, coverage, isPart, partOf, reassemble } from '../wire/fragments.ts'
import type { Part } from '../wire/fragments.ts'
import { parseIp, protocols } from '../wire/ip-packet.ts'
import type { CaptureTime } from './frame.ts'
import { fragmentLimits as limits } from './limits.ts'

interface Pending {
  readonly parts: Part[]
  /** bytes that came, those of the whole once the last part is there */
  bytes: number
  total: number
  /** seconds */
  readonly since: number
}

export class DatagramParts {
  readonly #pending = new Map<string, Pending>()
  #bytes = 0
  readonly #count: (reason: string) => void

  constructor(count: (reason: string) => void) {
    this.#count = count
  }

  /** The datagram that this part makes whole; null while parts are missing. Throws DecodeError. */
  add(bytes: Uint8Array, time: CaptureTime | null): Uint8Array | null {
    const part = parseIp(copyOf(bytes))
    // An IPv6 packet may have a fragment header and be whole all the same (RFC 6946).
    if (!isPart(part) || (part.fragment.offset === 0 && !part.fragment.more)) return reassembled([part as Part])
    checkPart(part)
    const now = time?.seconds ?? 0
    const key = keyOf(part)
    let pending = this.#pending.get(key)
    if (pending !== undefined && Math.abs(now - pending.since) > limits.seconds) {
      this.#drop(key, pending, 'fragments too old')
      pending = undefined
    }
    if (pending === undefined) {
      this.#makeRoom(part)
      pending = { parts: [], bytes: 0, total: 0, since: now }
      this.#pending.set(key, pending)
    }
    return this.#join(key, pending, part)
  }

  /** There is no more. */
  finish(): void {
    for (const [key, pending] of this.#pending) this.#drop(key, pending, 'fragments missing')
  }

  #join(key: string, pending: Pending, part: Part): Uint8Array | null {
    if (pending.parts.some((other) => isSame(other, part))) return null
    if (pending.parts.length === limits.parts) {
      this.#drop(key, pending, 'too many fragments')
      return null
    }
    const { length } = partOf(part)
    pending.parts.push(part)
    pending.bytes += length
    this.#bytes += part.bytes.length
    if (!part.fragment.more) pending.total = part.fragment.offset + length
    if (pending.total === 0 || pending.bytes < pending.total) return null
    const state = coverage(pending.parts)
    if (state === 'incomplete') return null
    this.#drop(key, pending, null)
    if (state === 'overlap') throw new DecodeError('fragments overlap', 0)
    return reassembled(pending.parts)
  }

  /** The oldest datagrams give way. */
  #makeRoom(part: Part): void {
    for (const [key, pending] of this.#pending) {
      if (this.#pending.size < limits.datagrams && this.#bytes + part.bytes.length <= limits.bytes) return
      this.#drop(key, pending, 'too many fragments')
    }
  }

  #drop(key: string, pending: Pending, reason: string | null): void {
    this.#pending.delete(key)
    for (const part of pending.parts) this.#bytes -= part.bytes.length
    if (reason !== null) this.#count(reason)
  }
}

const reassembled = (parts: readonly Part[]): Uint8Array =>
  parts.length === 1 && parts[0]!.fragment === null ? parts[0]!.bytes : reassemble(parts).bytes

/** Of IPv6 the protocol is not part of it (RFC 8200, 4.5). */
function keyOf({ destination, family, fragment, protocol, source }: Part): string {
  const kind = family === 4 ? protocol : protocols.icmpv6
  return Buffer.concat([source, destination]).toString('latin1') + `${family} ${kind} ${fragment.id}`
}

/** The same part once more: sent twice, or captured twice. */
const isSame = (a: Part, b: Part): boolean =>
  a.fragment.offset === b.fragment.offset && Buffer.compare(partOf(a), partOf(b)) === 0
