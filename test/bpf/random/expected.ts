// What the oracle says a frame must have become, given the flow table that the programs keep.

import type { Service } from '../../../src/lb/model.ts'
import { translateFragments, translateFrame } from '../../../src/testing/oracle.ts'
import { translateError } from '../../../src/testing/oracle/errors.ts'
import { tunnelFrame } from '../../../src/testing/oracle/tunnels.ts'
import { parseSocket, protocols } from '../../../src/testing/packets.ts'
import { ipPartsOf, packetPartsOf, read16, type IpParts } from '../../../src/testing/packets/parts.ts'
import { familyOf, socketOf, type Family, type Socket } from '../../../src/testing/packets/socket.ts'
import { echoTypes } from '../../../src/testing/packets/transport.ts'
import { formatAddress } from '../../../src/wire/ip.ts'
import { tunnels, type FlowEntry } from '../bed.ts'
import type { BedThread } from '../bed-thread.ts'
import { devices, mtuTo, pathTo } from '../network.ts'
import type { Drawn } from './frames.ts'
import { checkFlow, hasNeighbour, serviceOf } from './services.ts'

interface Tuple {
  readonly protocol: number
  readonly from: Socket
  readonly to: Socket
}

/** `found` is what the programs have sent: what they may choose is taken from there. */
export function expectedFrame(bed: BedThread, { frame, part }: Drawn, found: Uint8Array): Uint8Array {
  const parts = ipPartsOf(part?.whole ?? frame)
  // Damage made a fragment of it: the rest, which its checksum counts, never was.
  if (parts.fragment !== null) return found
  const error = isError(parts) ? tupleOfError(parts) : null
  const { flow, service } = findFlow(bed, error ?? tupleOf(parts))
  const path = pathOf(flow.newTo, found)
  if (service.mode === 'dsr') {
    const source = tunnels[familyOf(flow.newTo)]
    const kind = service.encapsulation ?? 'l2'
    const tunnel = { kind, source, destination: flow.newTo, guePort: tunnels.guePort, hops: 1, ...path }
    return tunnelFrame(frame, tunnel, found)
  }
  if (error !== null) return translateError(frame, { ...path, ...errorEnds(parts, error, flow) })
  const translation = { ...path, from: flow.newFrom, to: flow.newTo, mtu: mtuOf(flow.newTo), found }
  if (part === null) return translateFrame(frame, translation)
  return translateFragments(part.whole, translation, part.sizes, part.identification)[part.index] ?? new Uint8Array()
}

/** To a host without a neighbour entry TC sends all the same, and the kernel writes the addresses. */
function pathOf(destination: Socket, found: Uint8Array): Macs {
  const { address } = parseSocket(destination)
  if (hasNeighbour(address)) return pathTo(address)
  return { ethernetDestination: macText(found.subarray(0, 6)), ethernetSource: macText(found.subarray(6, 12)) }
}

function mtuOf(destination: Socket): number {
  return hasNeighbour(parseSocket(destination).address) ? mtuTo(destination) : devices.client.mtu
}

interface Macs {
  readonly ethernetSource: string
  readonly ethernetDestination: string
}

function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** The flow, whose partner leads back, and the service it is of. */
function findFlow(
  bed: BedThread,
  { protocol, from, to }: Tuple,
): { readonly flow: FlowEntry; readonly service: Service } {
  const flow = bed.flow(protocol, from, to)
  if (flow === null) throw new Error(`${from} -> ${to} was forwarded without a flow`)
  const service = serviceOf(flow)
  const partner = service.mode === 'dsr' ? null : bed.flow(protocol, flow.newTo, flow.newFrom)
  const client = flow.reverse ? partner : flow
  const leadsBack = partner?.newFrom === flow.to && partner.newTo === flow.from
  // Another path of an association has no way back of its own; other flows have one.
  if (service.mode !== 'dsr' && protocol !== protocols.sctp && !leadsBack)
    throw new Error(`${from} -> ${to} has no way back, but ${partner?.newFrom} -> ${partner?.newTo}`)
  if (client !== null && (leadsBack || service.mode === 'dsr')) checkFlow(client)
  return { flow, service }
}

function isError({ protocol, payload, family }: IpParts): boolean {
  const type = payload[0] ?? 0
  return protocol === protocols.icmp && type !== echoTypes[family].request && type !== echoTypes[family].reply
}

type Addressed = Pick<IpParts, 'family' | 'header' | 'payload' | 'protocol'>

function addressesOf({ family, header }: Pick<Addressed, 'family' | 'header'>): readonly [string, string] {
  const [start, size] = family === 4 ? [12, 4] : [8, 16]
  const text = (at: number): string =>
    family === 4 ? header.subarray(at, at + 4).join('.') : formatAddress(header.subarray(at, at + size))
  return [text(start), text(start + size)]
}

function tupleOf(parts: Addressed): Tuple {
  const { family, payload, protocol } = parts
  const [source, destination] = addressesOf(parts)
  const [first, second] = portsOf(protocol, family, payload)
  return { protocol, from: socketOf(source, first), to: socketOf(destination, second) }
}

/** An echo's identifier stands as the port of whoever asks. */
function portsOf(protocol: number, family: Family, payload: Uint8Array): readonly [number, number] {
  if (protocol !== protocols.icmp) return [read16(payload, 0), read16(payload, 2)]
  const id = read16(payload, 4)
  return payload[0] === echoTypes[family].request ? [id, 0] : [0, id]
}

/** How the answer to the packet inside would come in. */
function tupleOfError({ payload }: IpParts): Tuple {
  const inside = payload.subarray(8)
  const isV4 = (inside[0] ?? 0) >> 4 === 4
  const length = isV4 ? read16(inside, 2) : 40 + read16(inside, 4)
  const whole = new Uint8Array(Math.max(length, inside.length))
  whole.set(inside)
  const { protocol, from, to } = tupleOf(packetPartsOf(whole))
  return { protocol, from: to, to: from }
}

function errorEnds(
  parts: IpParts,
  about: Tuple,
  flow: FlowEntry,
): { readonly from: string; readonly to: string; readonly insideFrom: Socket; readonly insideTo: Socket } {
  const [source] = addressesOf(parts)
  const isOther = source === parseSocket(about.from).address
  return {
    from: isOther ? parseSocket(flow.newFrom).address : source,
    to: parseSocket(flow.newTo).address,
    insideFrom: flow.newTo,
    insideTo: flow.newFrom,
  }
}
