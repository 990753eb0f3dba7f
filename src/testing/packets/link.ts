// Ethernet and its tags.

import { be16, concat } from './bytes.ts'

export const ethernetBytes = 14
export const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const

export interface VlanTag {
  readonly id: number
  readonly priority?: number
  /** 802.1Q if not given */
  readonly type?: number
}

export interface Link {
  /** MAC addresses as text */
  readonly ethernetSource?: string
  readonly ethernetDestination?: string
  /** a lie about what follows */
  readonly etherType?: number
  /** outermost first */
  readonly vlan?: readonly VlanTag[]
}

export function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16))
}

export function buildLink(link: Link, etherType: number): Uint8Array {
  const tags = link.vlan ?? []
  return concat(
    macBytes(link.ethernetDestination ?? '02:00:00:00:00:01'),
    macBytes(link.ethernetSource ?? '02:00:00:00:00:02'),
    ...tags.map((tag) => be16(tag.type ?? etherTypes.vlan, ((tag.priority ?? 0) << 13) | tag.id)),
    be16(link.etherType ?? etherType),
  )
}
