// Frames as they would have been sent had their senders been told another address: the destination, in the IP header
// and in what is checksummed with it.

import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, read16, write16 } from '../../wire/fields.ts'
import { addressBytes, isMappedIPv4 } from '../../wire/ip.ts'
import { parseIp, protocols } from '../../wire/ip-packet.ts'
import { onesComplementSum } from '../../wire/checksum.ts'
import type { VipAlias } from '../../lb/replayed-proxies.ts'

/** Where the checksum stands of those that count addresses in. */
const fields: Readonly<Record<number, number>> = {
  [protocols.tcp]: 16,
  [protocols.udp]: 6,
  [protocols.icmpv6]: 2,
}
const ipv4Field = 10

export class Readdress {
  /** by the 16 bytes of an address */
  readonly #others: ReadonlyMap<string, Uint8Array>

  constructor(aliases: readonly VipAlias[]) {
    this.#others = new Map(aliases.map(({ captured, vip }) => [nameOf(addressBytes(captured)), addressBytes(vip)]))
  }

  /** A copy with another destination; the frame itself where it keeps that. `at`: where its IP packet begins. */
  frame(frame: Uint8Array, at: number): Uint8Array {
    if (this.#others.size === 0 || at < 0) return frame
    try {
      return this.#changed(frame, at)
    } catch (error) {
      if (error instanceof DecodeError) return frame
      throw error
    }
  }

  #changed(frame: Uint8Array, at: number): Uint8Array {
    const { destination, family, fragment, payload, protocol } = parseIp(frame.subarray(at), { cut: true })
    const other = this.#others.get(nameOf(destination))
    if (other === undefined) return frame
    const changed = copyOf(frame)
    const packet = changed.subarray(at)
    const before = isMappedIPv4(destination) ? destination.slice(12) : destination.slice()
    const after = isMappedIPv4(other) ? other.subarray(12) : other
    packet.set(after, family === 4 ? 16 : 24)
    if (family === 4) update(packet, ipv4Field, before, after)
    const field = fields[protocol]
    if (field === undefined || (fragment !== null && fragment.offset > 0)) return changed
    const isNone = protocol === protocols.udp && read16(packet, payload + field) === 0
    if (!isNone) update(packet, payload + field, before, after)
    return changed
  }
}

/** RFC 1624: what was there goes out of the sum, what is there comes in. A wrong checksum stays wrong. */
function update(bytes: Uint8Array, at: number, before: Uint8Array, after: Uint8Array): void {
  const out = ~onesComplementSum(before) & 0xffff
  const sum = (~read16(bytes, at) & 0xffff) + out + onesComplementSum(after)
  const folded = (sum & 0xffff) + (sum >>> 16)
  write16(bytes, at, ~((folded & 0xffff) + (folded >>> 16)) & 0xffff)
}

const nameOf = (address: Uint8Array): string => Buffer.from(address).toString('latin1')
