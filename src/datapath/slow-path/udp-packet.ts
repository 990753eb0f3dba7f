// UDP as handlers of GTP-U need it: the message of a datagram, a datagram with another message, a new datagram.

import { internetChecksum, onesComplementSum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, join, read16, write16 } from '../../wire/fields.ts'
import { ipv4Header, ipv6Header, protocols } from '../../wire/ip-packet.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

export const gtpuPort = 2152
/** without sequence number and extension headers */
export const gtpuHeaderBytes = 8
const udpBytes = 8
const hopLimit = 64

/** What stands behind the UDP header: a view. Throws DecodeError where it is no GTP-U header. */
export function gtpuMessageOf({ bytes, payload }: IpPacket): Uint8Array {
  const message = bytes.subarray(payload + udpBytes)
  if (message.length < gtpuHeaderBytes) throw new DecodeError('truncated', bytes.length)
  return message
}

/** The same packet with another message of the same length: a right checksum stays right, a wrong one wrong. */
export function withMessage({ bytes, payload }: IpPacket, message: Uint8Array): Uint8Array {
  const changed = copyOf(bytes)
  const at = payload + udpBytes
  if (changed.length !== at + message.length) throw new DecodeError('length lies', payload)
  const before = read16(bytes, payload + 6)
  if (before !== 0) {
    // RFC 1624: what was there goes out of the sum, what is there comes in.
    const out = ~onesComplementSum(bytes.subarray(at)) & 0xffff
    const sum = (~before & 0xffff) + out + onesComplementSum(message)
    const folded = (sum & 0xffff) + (sum >>> 16)
    write16(changed, payload + 6, ~((folded & 0xffff) + (folded >>> 16)) & 0xffff || 0xffff)
  }
  changed.set(message, at)
  return changed
}

export interface NewDatagram {
  readonly family: 4 | 6
  /** 16 bytes each */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
}

export function udpPacket({ family, payload, ...ends }: NewDatagram): Uint8Array {
  const { destination, destinationPort, source, sourcePort } = ends
  const header = new Uint8Array(udpBytes)
  write16(header, 0, sourcePort)
  write16(header, 2, destinationPort)
  write16(header, 4, udpBytes + payload.length)
  const datagram = join(header, payload)
  const pseudo = pseudoHeaderSum(source, destination, protocols.udp, datagram.length)
  write16(datagram, 6, internetChecksum(datagram, pseudo) || 0xffff)
  const common = { protocol: protocols.udp, trafficClass: 0, hopLimit, payloadBytes: datagram.length }
  const addresses = { source, destination, ...common }
  return join(family === 4 ? ipv4Header({ ...addresses, id: 0, dontFragment: true }) : ipv6Header(addresses), datagram)
}
