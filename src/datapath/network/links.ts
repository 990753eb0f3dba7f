// Network devices, as the kernel lists them (rtnetlink, RTM_GETLINK). Not from /sys/class/net: sysfs shows the devices
// of the network namespace it was mounted in, which need not be ours.

import { native, isNativeError } from '../../../native/load.ts'
import { encodePayload, MalformedMessage, numberOf, parseAttributes, textOf, u32, view } from './netlink.ts'
import type { NetlinkSocket } from './netlink-socket.ts'

const RTM_GETLINK = 18
const headerBytes = 16 // struct ifinfomsg: family u8, padding u8, type u16, index i32, flags u32, change u32
const attributeTypes = { address: 1, name: 3, mtu: 4, mask: 29 } as const
const skipStatistics = 8 // RTEXT_FILTER_SKIP_STATS
const linkFlags = { up: 0x1, running: 0x40, noArp: 0x80 } as const
const etherType = 1 // ARPHRD_ETHER
const macBytes = 6

export interface Link {
  readonly name: string
  readonly ifindex: number
  /** zero for a device without Ethernet addresses, such as a tun */
  readonly mac: Uint8Array
  /** switched on, and with a carrier as far as the device knows */
  readonly up: boolean
  readonly mtu: number
  /** has neighbours to be resolved: an Ethernet device, not loopback or point to point */
  readonly resolves: boolean
}

export async function readLinks(socket: NetlinkSocket): Promise<readonly Link[]> {
  const messages = await socket.dump({
    type: RTM_GETLINK,
    flags: 0,
    payload: encodePayload(new Uint8Array(headerBytes), [u32(attributeTypes.mask, skipStatistics)]),
    what: 'the list of devices',
  })
  return messages.map(({ payload }) => parseLink(payload))
}

export function parseLink(payload: Uint8Array): Link {
  const attributes = parseAttributes(payload, headerBytes)
  const name = attributes.get(attributeTypes.name)
  if (name === undefined) throw new MalformedMessage('a device without a name')
  const data = view(payload)
  const flags = data.getUint32(8, true)
  const address = attributes.get(attributeTypes.address)
  const mtu = attributes.get(attributeTypes.mtu)
  return {
    name: textOf(name),
    ifindex: data.getInt32(4, true),
    mac: address?.length === macBytes ? address.slice() : new Uint8Array(macBytes),
    up: (flags & linkFlags.up) !== 0 && (flags & linkFlags.running) !== 0,
    mtu: mtu === undefined ? 0 : numberOf(mtu),
    resolves: data.getUint16(2, true) === etherType && (flags & linkFlags.noArp) === 0,
  }
}

/** Empty for a device that has none, or that has just gone. */
export function driverOf(name: string): string {
  try {
    return native.interfaceDriver(name)
  } catch (error) {
    if (isNativeError(error) && (error.code === 'ENODEV' || error.code === 'EOPNOTSUPP')) return ''
    throw error
  }
}
