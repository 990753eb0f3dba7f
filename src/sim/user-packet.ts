// The packets that simulated UEs send: UDP over IPv4 or IPv6, with a mark by which each is known again:
//
//   | "SLUI" 4 | session 4 | count 4 | count inverted 4 | UPF 2 | UPF inverted 2 | zeros |
//
// What changes from packet to packet stands there twice, once inverted, so that the checksum stays the same.

import { internetChecksum, pseudoHeaderSum } from '../wire/checksum.ts'
import { read32, write16, write32 } from '../wire/fields.ts'

const magic = 0x534c_5549
const at = { session: 4, count: 8, upf: 16 } as const
const markBytes = 20
const udpBytes = 8
const UDP = 17
const port = 7
const hopLimit = 64

export const leastPacketBytes = 40 + udpBytes + markBytes

/** Addresses of one family; `sizeBytes` is that of the IP packet, at least `leastPacketBytes`. */
export function userPacket(ue: Uint8Array, server: Uint8Array, session: number, sizeBytes: number): Uint8Array {
  const packet = new Uint8Array(sizeBytes)
  const header = ue.length === 4 ? 20 : 40
  if (ue.length === 4) {
    packet[0] = 0x45
    write16(packet, 2, sizeBytes)
    packet[8] = hopLimit
    packet[9] = UDP
    packet.set(ue, 12)
    packet.set(server, 16)
    write16(packet, 10, internetChecksum(packet.subarray(0, header)))
  } else {
    packet[0] = 0x60
    write16(packet, 4, sizeBytes - header)
    packet[6] = UDP
    packet[7] = hopLimit
    packet.set(ue, 8)
    packet.set(server, 24)
  }
  const udp = packet.subarray(header)
  write16(udp, 0, 49_152 + (session % 16_384))
  write16(udp, 2, port)
  write16(udp, 4, udp.length)
  write32(udp, udpBytes, magic)
  write32(udp, udpBytes + at.session, session)
  countPacket(udp, udpBytes, 0)
  nameUpf(udp, udpBytes, 0)
  const checksum = internetChecksum(udp, pseudoHeaderSum(ue, server, UDP, udp.length))
  write16(udp, 6, checksum === 0 ? 0xffff : checksum)
  return packet
}

/** Where the mark of the packet begins; -1: it has none, and so is not of a simulated UE. */
export function markOf(bytes: Uint8Array, start: number): number {
  const version = bytes[start]! >> 4
  const isIpv4 = version === 4 && (bytes[start]! & 15) === 5 && bytes[start + 9] === UDP
  if (!isIpv4 && !(version === 6 && bytes[start + 6] === UDP)) return -1
  const mark = start + (isIpv4 ? 20 : 40) + udpBytes
  return mark + markBytes <= bytes.length && read32(bytes, mark) === magic ? mark : -1
}

export const sessionOf = (bytes: Uint8Array, mark: number): number => read32(bytes, mark + at.session)

/** The number of the UPF that has seen the packet; 0: none has. */
export const upfOf = (bytes: Uint8Array, mark: number): number =>
  (bytes[mark + at.upf]! << 8) | bytes[mark + at.upf + 1]!

export function countPacket(bytes: Uint8Array, mark: number, count: number): void {
  write32(bytes, mark + at.count, count)
  write32(bytes, mark + at.count + 4, ~count >>> 0)
}

export function nameUpf(bytes: Uint8Array, mark: number, upf: number): void {
  write16(bytes, mark + at.upf, upf)
  write16(bytes, mark + at.upf + 2, ~upf & 0xffff)
}

/** Whether the packet comes from this address. */
export function isFrom(bytes: Uint8Array, start: number, address: Uint8Array): boolean {
  const from = start + (bytes[start]! >> 4 === 4 ? 12 : 8)
  if ((bytes[start]! >> 4 === 4 ? 4 : 16) !== address.length || from + address.length > bytes.length) return false
  for (let i = 0; i < address.length; i++) if (bytes[from + i] !== address[i]) return false
  return true
}

/** Makes of a packet with a mark its answer, in place: the other way round. */
export function turnRound(bytes: Uint8Array, start: number, mark: number): void {
  const length = bytes[start]! >> 4 === 4 ? 4 : 16
  const from = start + (length === 4 ? 12 : 8)
  swap(bytes, from, from + length, length)
  swap(bytes, mark - udpBytes, mark - udpBytes + 2, 2)
}

function swap(bytes: Uint8Array, first: number, second: number, length: number): void {
  for (let i = 0; i < length; i++) {
    const byte = bytes[first + i]!
    bytes[first + i] = bytes[second + i]!
    bytes[second + i] = byte
  }
}
