// Link layers (LINKTYPE numbers of tcpdump.org): where in a frame the IP packet begins. What is not listed here is
// skipped and counted by its name.
//
//     Ethernet    | to 6 | from 6 | VLAN tags: 0x8100 2, tag 2 ... | type 2 |
//     Linux SLL   | direction 2 | device type 2 | length 2 | address 8 | type 2 |
//     Linux SLL2  | type 2 | zero 2 | interface 4 | device type 2 | direction 1 | length 1 | address 8 |
//     null, loop  | address family 4, in the byte order of the machine or of the network |
//     raw         nothing

export const linkTypes = {
  null: 0,
  ethernet: 1,
  raw: 12,
  rawOpenBsd: 14,
  rawIp: 101,
  loop: 108,
  sll: 113,
  ipv4: 228,
  ipv6: 229,
  sll2: 276,
} as const

const otherLinks: ReadonlyMap<number, string> = new Map([
  [6, 'Token Ring'],
  [8, 'SLIP'],
  [9, 'PPP'],
  [10, 'FDDI'],
  [50, 'PPP in HDLC'],
  [51, 'PPPoE'],
  [100, 'ATM'],
  [104, 'Cisco HDLC'],
  [105, '802.11'],
  [107, 'Frame Relay'],
  [117, 'pflog'],
  [127, '802.11 radiotap'],
  [140, 'MTP2'],
  [141, 'MTP3'],
  [142, 'SCCP'],
  [143, 'DOCSIS'],
  [189, 'USB'],
  [192, 'PPI'],
  [195, '802.15.4'],
  [220, 'USB'],
  [239, 'nflog'],
  [248, 'SCTP'],
  [252, 'exported PDUs'],
  [253, 'netlink'],
])

/** Of a link type whose frames are skipped. */
export const linkName = (linkType: number): string => otherLinks.get(linkType) ?? `link type ${linkType}`

/** The frame holds no IP packet, as ARP does not. */
const noPacket = -1
/** Nobody here knows what the frames look like. */
export const unknownLink = -2

const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd } as const
/** 802.1Q, 802.1ad, and what was used before */
const isVlan = (type: number): boolean => type === 0x8100 || type === 0x88a8 || type === 0x9100
const mostVlanTags = 8
/** of every system: 2; of Linux, NetBSD, FreeBSD, macOS: 10, 24, 28, 30 */
const isIpFamily = (family: number): boolean => [2, 10, 24, 28, 30].includes(family)

/** Offset of the IP packet, `noPacket` or `unknownLink`. */
export function packetOffset(linkType: number, bytes: Uint8Array): number {
  switch (linkType) {
    case linkTypes.ethernet:
      return behindType(bytes, 12, 14)
    case linkTypes.sll:
      return behindType(bytes, 14, 16)
    case linkTypes.sll2:
      return behindType(bytes, 0, 20)
    case linkTypes.raw:
    case linkTypes.rawOpenBsd:
    case linkTypes.rawIp:
    case linkTypes.ipv4:
    case linkTypes.ipv6:
      return 0
    case linkTypes.null:
    case linkTypes.loop: {
      if (bytes.length < 4) return noPacket
      const isFamily = isIpFamily(bytes[0]! | (bytes[1]! << 8)) || isIpFamily((bytes[2]! << 8) | bytes[3]!)
      return isFamily ? 4 : noPacket
    }
    default:
      return unknownLink
  }
}

function behindType(bytes: Uint8Array, typeAt: number, headerBytes: number): number {
  let [field, next] = [typeAt, headerBytes]
  for (let tags = 0; tags <= mostVlanTags; tags++) {
    if (next > bytes.length) return noPacket
    const type = (bytes[field]! << 8) | bytes[field + 1]!
    if (type === etherTypes.ipv4 || type === etherTypes.ipv6) return next
    if (!isVlan(type)) return noPacket
    // Behind a tag stands the type of what follows.
    field = next + 2
    next += 4
  }
  return noPacket
}
