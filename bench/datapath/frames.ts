// The packets of the datapath benchmark, and what must have become of the last one.

import { translateFrame } from '../../src/testing/oracle.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { formatAddress } from '../../src/wire/ip.ts'
import { clientSocket, network } from './network.ts'
import { onlyEndpoint, portRange } from './product.ts'
import { frameBytes } from './wrapper.ts'
import type { Protocol } from './cases.ts'
import type { Socket } from '../../src/testing/packets.ts'

const { clientSide, endpointSide, endpoints } = network

export type Direction = 'client' | 'endpoint'

/** A frame of 64 bytes, as it comes in. */
export const frameOf = (
  protocol: Protocol,
  from: Socket,
  to: Socket,
  flags: string,
  direction: Direction,
): Uint8Array => {
  const ethernet =
    direction === 'client'
      ? { ethernetSource: clientSide.peerMac, ethernetDestination: clientSide.mac }
      : { ethernetSource: endpoints[0]!.mac, ethernetDestination: endpointSide.mac }
  const bare =
    protocol === 'tcp'
      ? buildFrame({ kind: 'tcp', from, to, flags, ...ethernet })
      : buildFrame({ kind: 'udp', from, to, ...ethernet })
  const room = new Uint8Array(frameBytes - bare.length)
  return protocol === 'tcp'
    ? buildFrame({ kind: 'tcp', from, to, flags, trailer: room, ...ethernet })
    : buildFrame({ kind: 'udp', from, to, payload: room, ...ethernet })
}

/** What is wrong with the last packet of a flow, or null. `sent` is how it came in. */
export type Check = (sent: Uint8Array, received: Uint8Array, flow: number) => string | null

const compare = (wanted: Uint8Array, received: Uint8Array): string | null =>
  Buffer.compare(wanted, received) === 0 ? null : `the last packet is ${hex(received)}, but must be ${hex(wanted)}`

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** From the client to the endpoint it was sent to, which must be one of ours. */
export const checkToEndpoint: Check = (sent, received, flow) => compareToEndpoint(sent, received, clientSocket(flow))

/** The same with the VIP and a port as its source, which must be one that may be given out. */
export const checkFullNat: Check = (sent, received) => {
  const port = new DataView(received.buffer, received.byteOffset).getUint16(34)
  if (port < portRange.first || port > portRange.last) return `source port ${port} is not one to be given out`
  return compareToEndpoint(sent, received, `${network.vip}:${port}`)
}

const compareToEndpoint = (sent: Uint8Array, received: Uint8Array, from: Socket): string | null => {
  const mapped = new Uint8Array(16).fill(0xff, 10, 12)
  mapped.set(received.subarray(30, 34), 12)
  const address = formatAddress(mapped)
  const endpoint = endpoints.find((candidate) => candidate.address === address)
  if (endpoint === undefined) return `the last packet went to ${address}, which is no endpoint`
  const wanted = translateFrame(sent, {
    from,
    to: `${address}:${onlyEndpoint.split(':')[1]}`,
    ethernetSource: endpointSide.mac,
    ethernetDestination: endpoint.mac,
  })
  return compare(wanted, received)
}

/** From the endpoint back to the client, with the service as its source. */
export const checkToClient =
  (service: Socket): Check =>
  (sent, received, flow) =>
    compare(
      translateFrame(sent, {
        from: service,
        to: clientSocket(flow),
        ethernetSource: clientSide.mac,
        ethernetDestination: clientSide.peerMac,
      }),
      received,
    )

/** Unchanged, apart from its flow. */
export const checkUntouched: Check = compare
