// Messages in packets that can carry them, and packets in captures.

import { linkTypes, pcapngFrame, pcapngHeader } from '../../captures/index.ts'
import { protocolOf } from '../../protocols/index.ts'
import type { Carrier, ProtocolName } from '../../protocols/protocol.ts'
import { buildFrame, type Packet } from '../packets.ts'
import { be16, be32, concat } from '../packets/bytes.ts'
import { chunk, chunkTypes } from '../packets/sctp.ts'
import { socketOf, type Socket } from '../packets/socket.ts'

const wholeMessage = 3
/** Of SCTP any would do: its payload protocols tell what it carries. */
const sctpPort = 38_412

export interface Carried {
  readonly protocol: ProtocolName
  readonly bytes: Uint8Array
}

/** Each number has an address and a verification tag of its own, so that packets have nothing to do with each other. */
export function frameOf({ bytes, protocol }: Carried, number: number): Uint8Array {
  const carrier = protocolOf(protocol)?.carriedBy[0]
  if (carrier === undefined) throw new Error(`nothing carries ${protocol}`)
  return buildFrame(packetOf(bytes, carrier, number))
}

function packetOf(payload: Uint8Array, carrier: Carrier, number: number): Packet {
  const [from, to] = [`10.1.${number >> 8}.${number & 0xff}`, '10.2.0.1']
  const between = (port: number): { readonly from: Socket; readonly to: Socket } => ({
    from: socketOf(from, port),
    to: socketOf(to, port),
  })
  switch (carrier.over) {
    case 'ip':
      return { kind: 'other', from, to, protocol: carrier.protocol, payload }
    case 'sctp': {
      const data = concat(be32(1), be16(0), be16(0), be32(carrier.ppid), payload)
      const chunks = [chunk(chunkTypes.data, wholeMessage, data)]
      return { kind: 'sctp', ...between(sctpPort), tag: number + 1, chunks }
    }
    case 'tcp':
      return { kind: 'tcp', ...between(carrier.port), flags: 'PA', sequence: 1, payload }
    case 'udp':
      return { kind: 'udp', ...between(carrier.port), payload }
    default:
      return carrier satisfies never
  }
}

/** A frame every millisecond. */
const timeOf = (number: number): { readonly seconds: number; readonly nanoseconds: number } => ({
  seconds: 1_700_000_000 + Math.floor(number / 1000),
  nanoseconds: (number % 1000) * 1_000_000,
})

export const pcapngOf = (frames: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([
    pcapngHeader([{ linkType: linkTypes.ethernet }]),
    ...frames.map((bytes, number) => pcapngFrame({ interface: 0, time: timeOf(number), bytes })),
  ])

/** The older format, in the byte order of the network. */
export function pcapOf(frames: readonly Uint8Array[]): Uint8Array {
  const header = concat(be32(0xa1b2c3d4), be16(2), be16(4), be32(0), be32(0), be32(262_144), be32(linkTypes.ethernet))
  const records = frames.flatMap((bytes, number) => {
    const { nanoseconds, seconds } = timeOf(number)
    return [concat(be32(seconds), be32(nanoseconds / 1000), be32(bytes.length), be32(bytes.length)), bytes]
  })
  return Buffer.concat([header, ...records])
}
