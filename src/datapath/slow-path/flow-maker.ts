// Lets the fast path make a flow. The first packet of one is with us, too long for the next link but not too long to
// be sent in pieces, and only the fast path knows which service and endpoint it is for. So its program runs on a packet
// with the same addresses and ports and no payload; what comes out of that goes nowhere, but the flow is there.

import { native } from '../../../native/load.ts'
import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, join, write16 } from '../../wire/fields.ts'
import { ipv4Header, ipv6Header, parseIp, protocols } from '../../wire/ip-packet.ts'
import type { PuntedPacket } from './handler.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

const skbContextBytes = 192
/** in struct __sk_buff */
const ifindexOffset = 40
const ethernetBytes = 14
/** room for what the program puts before the packet */
const outBytes = 512
/** the kernel runs a program on no longer one */
const mostFrameBytes = 3712
/** TC_ACT_REDIRECT */
const redirected = 7

/** Transport headers without payload, and where their checksum is. */
const headers: Readonly<Record<number, { readonly bytes: number; readonly checksum: number }>> = {
  [protocols.udp]: { bytes: 8, checksum: 6 },
  [protocols.icmp]: { bytes: 8, checksum: 2 },
  [protocols.icmpv6]: { bytes: 8, checksum: 2 },
  [protocols.tcp]: { bytes: 20, checksum: 16 },
}

export class FlowMaker {
  readonly #program: number
  readonly #out = new Uint8Array(outBytes)

  constructor(tcProgram: number) {
    this.#program = tcProgram
  }

  make(first: PuntedPacket): void {
    const context = new Uint8Array(skbContextBytes)
    new DataView(context.buffer).setUint32(ifindexOffset, first.punt.ifindex, true)
    native.testRun(this.#program, { data: frameWithoutPayload(first), dataOut: this.#out, context })
  }

  /** What the fast path would make of a frame that is whole; null: it would not send it, or not by its address. */
  forward({ frame, punt }: PuntedPacket): Uint8Array | null {
    if (frame.length > mostFrameBytes) return null
    const context = new Uint8Array(skbContextBytes)
    new DataView(context.buffer).setUint32(ifindexOffset, punt.ifindex, true)
    const dataOut = new Uint8Array(frame.length + outBytes)
    const { dataSize, result } = native.testRun(this.#program, { data: frame, dataOut, context })
    if (result !== redirected) return null
    const [before, after] = [parseIp(frame.subarray(punt.l3)), parseIp(dataOut.subarray(punt.l3, dataSize))]
    return Buffer.compare(before.destination, after.destination) === 0 ? null : after.bytes
  }
}

/** The frame of a whole packet with the first fragment's addresses and ports. */
export function frameWithoutPayload(first: PuntedPacket): Uint8Array {
  const packet = parseIp(first.packet)
  const { destination, family, hopLimit, protocol, source, trafficClass } = packet
  const transport = transportHeader(packet)
  const common = { source, destination, protocol, hopLimit, trafficClass, payloadBytes: transport.length }
  const header = family === 4 ? ipv4Header({ ...common, id: 0, dontFragment: true }) : ipv6Header(common)
  const ethernet = join(first.frame.subarray(0, ethernetBytes - 2), Uint8Array.of(...etherTypes[family]))
  return join(ethernet, header, transport)
}

const etherTypes = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const

function transportHeader({ bytes, destination, payload, protocol, source }: IpPacket): Uint8Array {
  const header = headers[protocol]
  if (header === undefined) throw new DecodeError('protocol without ports', payload)
  const transport = copyOf(bytes, payload, payload + header.bytes)
  if (transport.length < header.bytes) throw new DecodeError('truncated', bytes.length)
  if (protocol === protocols.udp) write16(transport, 4, header.bytes)
  if (protocol === protocols.tcp) transport[12] = (header.bytes / 4) << 4
  write16(transport, header.checksum, 0)
  const pseudo = protocol === protocols.icmp ? 0 : pseudoHeaderSum(source, destination, protocol, transport.length)
  write16(transport, header.checksum, internetChecksum(transport, pseudo) || 0xffff)
  return transport
}
