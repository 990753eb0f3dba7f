// The host's own addresses (rtnetlink, RTM_*ADDR): lists them, adds and removes those that are ours.

import { addressText, addressValue, AF_INET, AF_INET6, familyOf } from './family.ts'
import {
  encodePayload,
  MalformedMessage,
  messageFlags,
  numberOf,
  parseAttributes,
  u32,
  u32Bytes,
  u8,
  view,
} from './netlink.ts'
import type { NetlinkSocket, Request } from './netlink-socket.ts'
import { ourProtocol } from './owner.ts'

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const headerBytes = 8 // struct ifaddrmsg: family, prefix bits, flags, scope (u8 each), ifindex u32
const attributeTypes = { address: 1, local: 2, lifetimes: 6, flags: 8, metric: 9, protocol: 11 } as const
const noDuplicateDetection = 0x2 // IFA_F_NODAD
const noPrefixRoute = 0x200 // IFA_F_NOPREFIXROUTE
const forever = 0xffffffff

export interface Address {
  readonly address: string
  readonly ifindex: number
  /** who set it, and his metric; ours are `ourProtocol` and the number of the instance */
  readonly protocol: number
  readonly metric: number
}

export async function readAddresses(socket: NetlinkSocket): Promise<readonly Address[]> {
  const messages = await socket.dump({
    type: RTM_GETADDR,
    flags: 0,
    payload: encodePayload(new Uint8Array(headerBytes), []),
    what: 'the list of addresses',
  })
  return messages.map(({ payload }) => parseAddressMessage(payload)).filter((address) => address !== null)
}

/** Null for an address of a family other than IP. */
export function parseAddressMessage(payload: Uint8Array): Address | null {
  const attributes = parseAttributes(payload, headerBytes)
  const data = view(payload)
  const family = data.getUint8(0)
  if (family !== AF_INET && family !== AF_INET6) return null
  // On a point to point link `address` is the peer's, and `local` ours.
  const value = attributes.get(attributeTypes.local) ?? attributes.get(attributeTypes.address)
  if (value === undefined) throw new MalformedMessage('an address message without an address')
  const optional = (type: number): number => {
    const found = attributes.get(type)
    return found === undefined ? 0 : numberOf(found)
  }
  return {
    address: addressText(value),
    ifindex: data.getUint32(4, true),
    protocol: optional(attributeTypes.protocol),
    metric: optional(attributeTypes.metric),
  }
}

/** Refused (EEXIST) when the device has the address already. */
export function addAddress({ address, ifindex, metric }: Omit<Address, 'protocol'>): Request {
  const flags = noDuplicateDetection | noPrefixRoute
  return {
    type: RTM_NEWADDR,
    flags: messageFlags.create | messageFlags.exclusive,
    payload: encodePayload(header(address, ifindex), [
      ...values(address),
      u32(attributeTypes.flags, flags),
      // Deprecated at once, so that the host does not take it as the source of its own IPv6 packets. (struct
      // ifa_cacheinfo: preferred, valid, two times that the kernel sets.) IPv4 does not know deprecated addresses;
      // there the addresses of the device that a packet leaves by come before those of lo.
      ...(familyOf(address) === AF_INET6
        ? [{ type: attributeTypes.lifetimes, value: u32Bytes(0, forever, 0, 0) }]
        : []),
      u32(attributeTypes.metric, metric),
      u8(attributeTypes.protocol, ourProtocol),
    ]),
    what: `to add the address ${address} to device ${ifindex}`,
  }
}

export function removeAddress({ address, ifindex }: Pick<Address, 'address' | 'ifindex'>): Request {
  return {
    type: RTM_DELADDR,
    flags: 0,
    payload: encodePayload(header(address, ifindex), values(address)),
    what: `to remove the address ${address} from device ${ifindex}`,
  }
}

const values = (address: string) => [
  { type: attributeTypes.local, value: addressValue(address) },
  { type: attributeTypes.address, value: addressValue(address) },
]

/** All our addresses are host prefixes of global scope. */
function header(address: string, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes)
  bytes[0] = familyOf(address)
  bytes[1] = addressValue(address).length * 8
  view(bytes).setUint32(4, ifindex, true)
  return bytes
}
