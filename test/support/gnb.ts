// A gNB with one UE behind it, on a lab host: what the UE sends comes in by a device of its own, and leaves in G-PDUs;
// what comes back in G-PDUs goes to the UE. And a UPF that keeps what it gets.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'

import type { Socket } from '../../native/index.d.ts'
import { native } from '../../native/load.ts'
import { gtpu, gtpuPort, gtpuTypes, pduSessionContainer } from '../../src/testing/packets/gtpu.ts'
import { addressBytes, formatAddress } from '../../src/wire/ip.ts'
import { udpOf } from './witness.ts'

const [AF_INET, AF_INET6, AF_PACKET] = [2, 10, 17]
const [SOCK_DGRAM, SOCK_RAW] = [2, 3]
const [IPPROTO_UDP, UDP_NO_CHECK6_RX] = [17, 102]
const ETH_P_ALL = 3
/** of a struct sockaddr_ll */
const kindAt = 10
const PACKET_OUTGOING = 4
const [slots, slotBytes] = [256, 2_048]
const ethernetBytes = 14

export interface GnbOptions {
  /** the device that leads to the UE */
  readonly device: string
  readonly ueMac: string
  readonly ueAddresses: readonly string[]
  /** our end of the tunnel, and the other one */
  readonly address: string
  readonly core: string
  readonly teid: number
  readonly qfi: number
}

/** A G-PDU that came back: the outer source, the header of GTP-U as it stood there, and the packet's length. */
export interface Returned {
  readonly from: string
  readonly header: string
  readonly innerBytes: number
}

export interface Gnb {
  /** G-PDUs that were sent, by inner destination */
  sent(): ReadonlyMap<string, number>
  received(): readonly Returned[]
  close(): void
}

/** Source and destination of an IP packet; undefined: it is none. */
function endsOf(packet: Uint8Array): { readonly from: string; readonly to: string } | undefined {
  const version = (packet[0] ?? 0) >> 4
  const [at, size] = version === 4 ? [12, 4] : [8, 16]
  if ((version !== 4 && version !== 6) || packet.length < at + 2 * size) return undefined
  const text = (start: number): string =>
    size === 4 ? packet.subarray(start, start + 4).join('.') : formatAddress(packet, start)
  return { from: text(at), to: text(at + size) }
}

/** Where the packet in a G-PDU begins: behind the header, the optional part and the extension headers. */
function innerStart(message: Uint8Array): number {
  if (((message[0] ?? 0) & 7) === 0) return 8
  let [at, type] = [12, message[11] ?? 0]
  while (type !== 0) {
    at += 4 * (message[at] ?? 1)
    type = message[at - 1] ?? 0
  }
  return at
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A struct sockaddr of the port of GTP-U. */
function placeOf(address: string): Uint8Array {
  const isV6 = address.includes(':')
  const place = new Uint8Array(isV6 ? 28 : 16)
  const view = new DataView(place.buffer)
  view.setUint16(0, isV6 ? AF_INET6 : AF_INET, true)
  view.setUint16(2, gtpuPort)
  place.set(isV6 ? addressBytes(address) : addressBytes(address).subarray(12), isV6 ? 8 : 4)
  return place
}

const senderOf = (place: Uint8Array): string =>
  place[0] === AF_INET ? place.subarray(4, 8).join('.') : formatAddress(place, 8)

/** Takes datagrams without a checksum, also over IPv6 (RFC 6935), which a Linux socket must be told. */
function openTunnel(address: string): Socket {
  const domain = address.includes(':') ? AF_INET6 : AF_INET
  const noChecksum = { level: IPPROTO_UDP, name: UDP_NO_CHECK6_RX, value: Uint8Array.of(1, 0, 0, 0) }
  const options = domain === AF_INET6 ? [noChecksum] : []
  return native.socketOpen({ domain, type: SOCK_DGRAM, protocol: IPPROTO_UDP, address: placeOf(address), options })
}

export function openGnb(options: GnbOptions): Gnb {
  const { address, core, device, qfi, teid, ueAddresses, ueMac } = options
  const sent = new Map<string, number>()
  const received: Returned[] = []
  const ifindex = native.interfaceIndex(device)
  const link = new Uint8Array(20)
  const view = new DataView(link.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, ETH_P_ALL)
  view.setInt32(4, ifindex, true)
  const frames = native.socketOpen({ domain: AF_PACKET, type: SOCK_RAW, protocol: ETH_P_ALL, address: link })
  const tunnel = openTunnel(address)
  const to = placeOf(core)

  const arena = new Uint8Array(slots * slotBytes)
  native.socketReceive(frames, arena, slotBytes, (count, lengths, senders) => {
    for (let i = 0; i < count; i++) {
      if (senders[i * 28 + kindAt] === PACKET_OUTGOING) continue
      const start = i * slotBytes
      const packet = arena.slice(start + ethernetBytes, start + (lengths[i] ?? 0))
      const ends = endsOf(packet)
      if (ends === undefined || !ueAddresses.includes(ends.from)) continue
      sent.set(ends.to, (sent.get(ends.to) ?? 0) + 1)
      const extensions = [pduSessionContainer(qfi)]
      const data = gtpu({ type: gtpuTypes.gPdu, teid, extensions, payload: packet })
      native.socketSend(tunnel, [{ data, address: to }])
    }
  })

  const mac = Uint8Array.from(ueMac.split(':'), (part) => Number.parseInt(part, 16))
  const takeBack = (message: Uint8Array, from: string): void => {
    const start = innerStart(message)
    const packet = message.subarray(start)
    received.push({ from, header: hex(message.subarray(0, start)), innerBytes: packet.length })
    const etherType = (packet[0] ?? 0) >> 4 === 4 ? [8, 0] : [0x86, 0xdd]
    const frame = Buffer.concat([mac, Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.from(etherType), packet])
    native.socketSend(frames, [{ data: frame, address: link }])
  }
  const messages = new Uint8Array(slots * slotBytes)
  native.socketReceive(tunnel, messages, slotBytes, (count, lengths, senders) => {
    for (let i = 0; i < count; i++) {
      const start = i * slotBytes
      takeBack(messages.slice(start, start + (lengths[i] ?? 0)), senderOf(senders.subarray(i * 28, (i + 1) * 28)))
    }
  })
  return {
    sent: () => sent,
    received: () => received,
    close: () => {
      native.socketClose(tunnel)
      native.socketClose(frames)
    },
  }
}

export interface Upf {
  /** G-PDUs, by TEID and inner destination: `17 10.2.3.2` */
  received(): ReadonlyMap<string, number>
  close(): void
}

export async function openUpf(addresses: readonly string[]): Promise<Upf> {
  const received = new Map<string, number>()
  const sockets = addresses.map((address) => createSocket(udpOf(address)).bind(gtpuPort, address))
  for (const socket of sockets)
    socket.on('message', (message) => {
      const ends = endsOf(message.subarray(innerStart(message)))
      const name = `${message.readUInt32BE(4)} ${ends?.to ?? 'nothing'}`
      received.set(name, (received.get(name) ?? 0) + 1)
    })
  await Promise.all(sockets.map((socket) => once(socket, 'listening')))
  return {
    received: () => received,
    close: () => {
      for (const socket of sockets) socket.close()
    },
  }
}
