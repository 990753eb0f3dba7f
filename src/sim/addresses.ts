// Addresses as messages have them, of 4 or 16 bytes, and the addresses of UEs by their number.

import { addressText } from '../protocols/session-keys.ts'
import { isMappedIPv4, parseAddress } from '../wire/ip.ts'
import { read32, write32 } from '../wire/fields.ts'

export const textOf = (address: Uint8Array): string => addressText(address, 0, address.length === 4 ? 4 : 16)

export const families = (
  address: Uint8Array,
): { readonly ipv4: Uint8Array | null; readonly ipv6: Uint8Array | null } =>
  address.length === 4 ? { ipv4: address, ipv6: null } : { ipv4: null, ipv6: address }

/** A UE of IPv6 has a prefix of this length to itself. */
const uePrefixBits = 64

/** A prefix whose addresses are given to UEs: each has one of IPv4, or a prefix of 64 bits of IPv6. */
export class UePrefix {
  readonly text: string
  readonly isIpv6: boolean
  /** how many UEs it has room for */
  readonly size: number
  readonly #base: Uint8Array

  /** Throws RangeError for what is no prefix, or has no room. */
  constructor(text: string) {
    const [address = '', length = '', ...rest] = text.split('/')
    const bytes = parseAddress(address)
    const bits = Number(length)
    if (bytes === undefined || rest.length > 0 || !/^[0-9]{1,3}$/.test(length))
      throw new RangeError(`${text} is no prefix`)
    this.text = text
    this.isIpv6 = !isMappedIPv4(bytes)
    const most = this.isIpv6 ? uePrefixBits : 32
    if (bits > most - 2 || bits < most - 32) {
      throw new RangeError(`${text}: a prefix for UEs has ${Math.max(0, most - 32)} to ${most - 2} bits`)
    }
    this.#base = this.isIpv6 ? bytes : bytes.slice(12)
    // Of IPv4 neither the first nor the last address is a host's.
    this.size = 2 ** (most - bits) - (this.isIpv6 ? 0 : 2)
    const place = this.isIpv6 ? 4 : 0
    const low = read32(this.#base, place) % 2 ** (most - bits)
    if (low !== 0) throw new RangeError(`${text}: the address has bits outside of its prefix`)
  }

  /** The address of UE `index`, which is below `size`. */
  at(index: number): Uint8Array {
    const address = this.#base.slice()
    if (this.isIpv6) {
      write32(address, 4, read32(address, 4) + index)
      address[15] = 1
    } else {
      write32(address, 0, read32(address, 0) + index + 1)
    }
    return address
  }
}
