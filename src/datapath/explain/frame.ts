// What a frame says of itself, whatever the programs make of it.

import { DecodeError } from '../../wire/decode-error.ts'
import { formatAddress } from '../../wire/ip.ts'
import { parseIp, protocols } from '../../wire/ip-packet.ts'
import { protocolNames } from '../entries.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'
import type { Addresses } from './steps.ts'

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const etherTags: ReadonlySet<number> = new Set([0x8100, 0x88a8])
const etherHeaderBytes = 14
const mostTags = 2

/** What is behind the link header; undefined where it is not IP, or its header lies. */
export const ipOf = (frame: Uint8Array): IpPacket | undefined => {
  let at = etherHeaderBytes
  for (let tags = 0; tags < mostTags && at + 4 <= frame.length; tags++, at += 4)
    if (!etherTags.has(viewOf(frame).getUint16(at - 2))) break
  try {
    return parseIp(frame.subarray(at))
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const withPorts: ReadonlySet<number> = new Set([protocols.tcp, protocols.udp, protocols.sctp])

/** Null where it is not IP. Ports are 0 where there are none to be seen. */
export const addressesOf = (frame: Uint8Array): Addresses | null => {
  const packet = ipOf(frame)
  if (packet === undefined) return null
  const { bytes, payload, fragment } = packet
  const protocol = packet.protocol === protocols.icmpv6 ? protocols.icmp : packet.protocol
  const hasPorts = withPorts.has(protocol) && (fragment?.offset ?? 0) === 0 && bytes.length >= payload + 4
  const port = (at: number): number => (hasPorts ? viewOf(bytes).getUint16(payload + at) : 0)
  return {
    protocol: protocolNames.get(protocol) ?? `protocol ${protocol}`,
    from: { address: formatAddress(packet.source), port: port(0) },
    to: { address: formatAddress(packet.destination), port: port(2) },
  }
}
