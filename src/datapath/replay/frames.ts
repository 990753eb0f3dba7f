// Captured frames as the programs take them: Ethernet, whole, and not longer than a test run of the kernel takes.

import { linkName, linkTypes, packetOffset, unknownLink } from '../../captures/index.ts'
import { rewriteChecksums } from './checksums.ts'
import { boxMac, gatewayMac } from './network.ts'
import type { CapturedFrame } from '../../captures/index.ts'

/** What a test run takes under TC with pages of 4 KiB. XDP takes more, but what it hands on TC must take too. */
export const longestFrame = 3712
/** The kernel refuses what is no more than an Ethernet header, and under TC less than an IP header behind that. */
const shortestFrame = 15
const shortestPackets: ReadonlyMap<number, number> = new Map([
  [0x0800, 20],
  [0x86dd, 40],
])
const ethernetBytes = 14
const etherTypes = { 4: 0x0800, 6: 0x86dd } as const

/** Why a frame takes no part; of other link types that are not known their name. */
export const skips = {
  tooLarge: 'too_large_for_hook',
  tooShort: 'too_short_for_hook',
  cut: 'cut_by_capture',
  notIp: 'not_ip',
  refused: 'refused_by_kernel',
} as const

export interface FramesOptions {
  readonly rewriteChecksums: boolean
}

export class Frames {
  readonly #options: FramesOptions
  /** an Ethernet header of our own, and what was captured behind it */
  readonly #room = new Uint8Array(longestFrame)

  constructor(options: FramesOptions) {
    this.#options = options
    this.#room.set(boxMac, 0)
    this.#room.set(gatewayMac, 6)
  }

  /** The frame to run, valid until the next one is asked for; or the name of why there is none. */
  prepare({ bytes, linkType, wireBytes }: CapturedFrame): Uint8Array | string {
    if (linkType !== linkTypes.ethernet) return this.#behindOurHeader(linkType, bytes, wireBytes)
    const skip = skipOf(bytes, bytes.length < wireBytes, wireBytes)
    if (skip !== null || !this.#options.rewriteChecksums) return skip ?? bytes
    const at = packetOffset(linkType, bytes)
    if (at < 0) return bytes
    const own = this.#room.subarray(0, bytes.length)
    own.set(bytes)
    rewriteChecksums(own.subarray(at))
    return own
  }

  #behindOurHeader(linkType: number, bytes: Uint8Array, wireBytes: number): Uint8Array | string {
    const at = packetOffset(linkType, bytes)
    if (at === unknownLink) return linkName(linkType)
    if (at < 0 || at >= bytes.length) return skips.notIp
    const version = bytes[at]! >> 4
    if (version !== 4 && version !== 6) return skips.notIp
    const growth = ethernetBytes - at
    if (wireBytes + growth > longestFrame) return skips.tooLarge
    const own = this.#room.subarray(0, bytes.length + growth)
    own.set(boxMac, 0)
    own.set(gatewayMac, 6)
    own[12] = etherTypes[version] >> 8
    own[13] = etherTypes[version] & 0xff
    const packet = own.subarray(ethernetBytes)
    packet.set(bytes.subarray(at))
    const skip = skipOf(own, bytes.length < wireBytes, wireBytes + growth)
    if (skip !== null) return skip
    if (this.#options.rewriteChecksums) rewriteChecksums(packet)
    return own
  }
}

const skipOf = (frame: Uint8Array, cut: boolean, wireBytes: number): string | null => {
  // How long it was on the wire counts: what was cut off does not make it fit.
  if (wireBytes > longestFrame) return skips.tooLarge
  if (cut) return skips.cut
  if (frame.length < shortestFrame) return skips.tooShort
  if (frame.length >= ethernetBytes + 40) return null
  const shortestPacket = shortestPackets.get((frame[12]! << 8) | frame[13]!) ?? 0
  return frame.length < ethernetBytes + shortestPacket ? skips.tooShort : null
}
