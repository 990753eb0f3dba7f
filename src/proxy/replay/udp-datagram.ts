// A UDP datagram of an IP packet, put together where it came in fragments.

import { DatagramParts } from '../../captures/datagram-parts.ts'
import { readDatagram } from '../../captures/datagram.ts'
import { addressText } from '../../protocols/session-keys.ts'
import { onesComplementSum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, read16 } from '../../wire/fields.ts'
import { protocols } from '../../wire/ip-packet.ts'
import type { Datagram } from '../../captures/datagram.ts'
import type { Place } from '../../sockets/surroundings.ts'

export interface UdpDatagram {
  readonly from: Place
  readonly to: Place
  /** a view */
  readonly payload: Uint8Array
  /** False: a kernel drops it. */
  readonly isIntact: boolean
}

const udpBytes = 8

/** Whether it may be one that begins or ends at this port: a fragment does not say so. */
export function mayBeAt(packet: Uint8Array, ports: ReadonlySet<number>): boolean {
  try {
    const { bytes, isFragment, payload, protocol } = readDatagram(packet)
    if (protocol !== protocols.udp) return false
    if (isFragment) return true
    return ports.has(read16(bytes, payload)) || ports.has(read16(bytes, payload + 2))
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

export class UdpDatagrams {
  readonly #parts = new DatagramParts(() => undefined)

  /** Null: it is not whole yet, or it is none. */
  read(packet: Uint8Array): UdpDatagram | null {
    try {
      const found = readDatagram(packet)
      if (!found.isFragment) return datagramOf(found)
      const whole = this.#parts.add(copyOf(packet), null)
      return whole === null ? null : datagramOf(readDatagram(whole))
    } catch (error) {
      if (error instanceof DecodeError) return null
      throw error
    }
  }
}

function datagramOf({ bytes, end, family, missing, payload, protocol }: Datagram): UdpDatagram | null {
  if (protocol !== protocols.udp || missing > 0) return null
  const stop = payload + read16(bytes, payload + 4)
  if (stop < payload + udpBytes || stop > end) return null
  const size = family === 4 ? 4 : 16
  const at = family === 4 ? 12 : 8
  const placeAt = (address: number, port: number): Place => ({
    address: addressText(bytes, address, size),
    port: read16(bytes, port),
  })
  const [source, destination] = [bytes.subarray(at, at + size), bytes.subarray(at + size, at + 2 * size)]
  const checksum = read16(bytes, payload + 6)
  const pseudo = pseudoHeaderSum(source, destination, protocols.udp, stop - payload)
  return {
    from: placeAt(at, payload),
    to: placeAt(at + size, payload + 2),
    payload: bytes.subarray(payload + udpBytes, stop),
    isIntact: checksum === 0 || onesComplementSum(bytes.subarray(payload, stop), pseudo) === 0xffff,
  }
}
