// The key of a datagram in pieces, as the fast path writes it (bpf/lib/fragment.h).

import { protocols } from '../../wire/ip-packet.ts'
import type { Part } from '../../wire/fragments.ts'
import type { FragmentKey } from '../layout.gen.ts'

/** ICMP has one name in both families. */
export const protocolName = (protocol: number): number => (protocol === protocols.icmpv6 ? protocols.icmp : protocol)

/** Of the 32 bits of the identification IPv4 has the first two bytes. */
export function fragmentKey(part: Part, zone: number): FragmentKey {
  const { source, destination } = part
  const id = part.family === 4 ? part.fragment.id * 0x10000 : part.fragment.id
  return { source, destination, id, zone, protocol: protocolName(part.protocol) }
}
