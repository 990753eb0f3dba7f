// Frames that nobody has sent: the first packet of a connection or a question, with right lengths and checksums.

import { internetChecksum, pseudoHeaderSum } from './checksum.ts'
import { crc32c } from './crc32c.ts'
import { join, write16, write32 } from './fields.ts'
import { ipv4Header, ipv6Header, protocols } from './ip-packet.ts'
import { isMappedIPv4 } from './ip.ts'
import { buildSegment } from './tcp.ts'

export type ProbeProtocol = 'tcp' | 'udp' | 'sctp' | 'icmp'

export interface Probe {
  readonly protocol: ProbeProtocol
  /** 16 bytes each, of one family */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** ICMP: the identifier of the echo request */
  readonly sourcePort: number
  readonly destinationPort: number
  readonly tcpFlags: number
  /** 6 bytes each */
  readonly sourceMac: Uint8Array
  readonly destinationMac: Uint8Array
}

const etherTypes = { 4: 0x0800, 6: 0x86dd } as const
const hopLimit = 64
const echoRequest = { 4: 8, 6: 128 } as const

export function buildProbe(probe: Probe): Uint8Array {
  const type = new Uint8Array(2)
  write16(type, 0, etherTypes[familyOf(probe)])
  return join(probe.destinationMac, probe.sourceMac, type, packetOf(probe))
}

const familyOf = ({ destination }: Probe): 4 | 6 => (isMappedIPv4(destination) ? 4 : 6)

function packetOf(probe: Probe): Uint8Array {
  switch (probe.protocol) {
    case 'tcp':
      return buildSegment({ ...probe, sequence: 1, acknowledgement: 0, flags: probe.tcpFlags })
    case 'udp':
      return inIp(probe, protocols.udp, udp(probe))
    case 'sctp':
      return inIp(probe, protocols.sctp, sctpInit(probe))
    case 'icmp':
      return inIp(probe, familyOf(probe) === 4 ? protocols.icmp : protocols.icmpv6, echo(probe))
    default: {
      const never: never = probe.protocol
      return never
    }
  }
}

function inIp(probe: Probe, protocol: number, payload: Uint8Array): Uint8Array {
  const { source, destination } = probe
  const common = { source, destination, protocol, trafficClass: 0, hopLimit, payloadBytes: payload.length }
  const header = familyOf(probe) === 4 ? ipv4Header({ ...common, id: 0, dontFragment: true }) : ipv6Header(common)
  return join(header, payload)
}

/** RFC 768, with a payload of 8 zero bytes. */
function udp({ source, destination, sourcePort, destinationPort }: Probe): Uint8Array {
  const bytes = new Uint8Array(16)
  write16(bytes, 0, sourcePort)
  write16(bytes, 2, destinationPort)
  write16(bytes, 4, bytes.length)
  const checksum = internetChecksum(bytes, pseudoHeaderSum(source, destination, protocols.udp, bytes.length))
  write16(bytes, 6, checksum === 0 ? 0xffff : checksum)
  return bytes
}

/** RFC 792, RFC 4443. */
function echo(probe: Probe): Uint8Array {
  const { source, destination, sourcePort } = probe
  const family = familyOf(probe)
  const bytes = new Uint8Array(16)
  bytes[0] = echoRequest[family]
  write16(bytes, 4, sourcePort)
  write16(bytes, 6, 1)
  const pseudo = family === 4 ? 0 : pseudoHeaderSum(source, destination, protocols.icmpv6, bytes.length)
  write16(bytes, 2, internetChecksum(bytes, pseudo))
  return bytes
}

/** RFC 9260 3.3.2: a common header with tag 0, and an INIT chunk without parameters. */
function sctpInit({ sourcePort, destinationPort }: Probe): Uint8Array {
  const bytes = new Uint8Array(32)
  write16(bytes, 0, sourcePort)
  write16(bytes, 2, destinationPort)
  bytes[12] = 1
  write16(bytes, 14, 20)
  write32(bytes, 16, 1) // the tag that answers carry
  write32(bytes, 20, 65_536) // window
  write16(bytes, 24, 1) // streams out
  write16(bytes, 26, 1) // and in
  write32(bytes, 28, 1) // first sequence number
  new DataView(bytes.buffer).setUint32(8, crc32c(bytes), true)
  return bytes
}
