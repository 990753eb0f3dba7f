// Ethernet frames that tell the link who has an address: ARP announcements (RFC 5227, section 3; RFC 5944, section 4.6)
// and unsolicited neighbour advertisements (RFC 4861, sections 4.4 and 7.2.6).
//
//     ARP  | Ethernet 14 | hardware 1, protocol 0x0800, lengths 6 4, operation | sender MAC, IP | target MAC, IP |
//     NA   | Ethernet 14 | IPv6 40, hop limit 255 | ICMPv6 136, flags, target 16 | option 2: MAC |

import { isIPv4 } from 'node:net'
import { addressValue } from './family.ts'

const macBytes = 6
const ethernetBytes = 14
const broadcast = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)

const arpType = 0x0806
const arpBytes = 28
const arpOperations = { request: 1, reply: 2 } as const

const ipv6Type = 0x86dd
const ipv6Bytes = 40
const icmpv6Protocol = 58
const allNodesMac = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1)
const allNodes = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
const advertisementBytes = 32
const advertisementType = 136
const overrideFlag = 0x20 // of the fifth byte; not a router's address, and not solicited
const targetMacOption = 2

/** What to send to a link so that everybody on it sends packets for `address` to `mac`. */
export function announcementFrames(address: string, mac: Uint8Array): readonly Uint8Array[] {
  const value = addressValue(address)
  if (!isIPv4(address)) return [advertisement(value, mac)]
  // The request is what the standard asks for. Some switches and hosts learn only from replies, and a second frame
  // costs nothing.
  return [arp(arpOperations.request, mac, value, new Uint8Array(macBytes)), arp(arpOperations.reply, mac, value, mac)]
}

function arp(operation: number, mac: Uint8Array, address: Uint8Array, targetMac: Uint8Array): Uint8Array {
  const frame = ethernet(broadcast, mac, arpType, arpBytes)
  frame.set([0, 1, 0x08, 0, macBytes, address.length, 0, operation], ethernetBytes)
  frame.set(mac, ethernetBytes + 8)
  frame.set(address, ethernetBytes + 14)
  frame.set(targetMac, ethernetBytes + 18)
  frame.set(address, ethernetBytes + 24)
  return frame
}

function advertisement(address: Uint8Array, mac: Uint8Array): Uint8Array {
  const frame = ethernet(allNodesMac, mac, ipv6Type, ipv6Bytes + advertisementBytes)
  frame.set([0x60, 0, 0, 0, 0, advertisementBytes, icmpv6Protocol, 255], ethernetBytes)
  frame.set(address, ethernetBytes + 8)
  frame.set(allNodes, ethernetBytes + 24)
  const message = frame.subarray(ethernetBytes + ipv6Bytes)
  message.set([advertisementType, 0, 0, 0, overrideFlag])
  message.set(address, 8)
  message.set([targetMacOption, 1], 24)
  message.set(mac, 26)
  const checksum = icmpv6Checksum(address, allNodes, message)
  message.set([checksum >> 8, checksum & 0xff], 2)
  return frame
}

function ethernet(destination: Uint8Array, source: Uint8Array, type: number, payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(ethernetBytes + payloadBytes)
  frame.set(destination)
  frame.set(source, macBytes)
  frame.set([type >> 8, type & 0xff], 2 * macBytes)
  return frame
}

/** Over the pseudo-header (RFC 8200, section 8.1) and the message, whose own checksum is still zero. */
function icmpv6Checksum(source: Uint8Array, destination: Uint8Array, message: Uint8Array): number {
  let sum = message.length + icmpv6Protocol
  for (const bytes of [source, destination, message])
    for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
