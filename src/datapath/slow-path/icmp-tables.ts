// What an ICMP error of one family is called in the other (RFC 7915 4.2 and 5.2), as data. What is not in a table has
// no like in the other family and is dropped.

/** What the second word of an error says, and so what becomes of it. */
export type Rest = 'nothing' | 'mtu' | 'pointer'

export interface ErrorMeaning {
  readonly type: number
  readonly code: number
  readonly rest: Rest
  /** `pointer` where the other family has no such word: what it points at there */
  readonly pointer?: number
}

const to6 = (type: number, code: number, rest: Rest = 'nothing'): ErrorMeaning => ({ type, code, rest })
const noRoute6 = to6(1, 0)
const prohibited6 = to6(1, 1)

/** IPv4 type and code, as `type/code`, to IPv6. */
export const icmp4to6: Readonly<Record<string, ErrorMeaning>> = {
  '3/0': noRoute6,
  '3/1': noRoute6,
  '3/2': { type: 4, code: 1, rest: 'pointer', pointer: 6 }, // protocol: the next header field
  '3/3': to6(1, 4),
  '3/4': to6(2, 0, 'mtu'),
  '3/5': noRoute6,
  '3/6': noRoute6,
  '3/7': noRoute6,
  '3/8': noRoute6,
  '3/9': prohibited6,
  '3/10': prohibited6,
  '3/11': noRoute6,
  '3/12': noRoute6,
  '3/13': prohibited6,
  '3/15': prohibited6,
  '11/0': to6(3, 0),
  '11/1': to6(3, 1),
  '12/0': to6(4, 0, 'pointer'),
  '12/2': to6(4, 0, 'pointer'),
}

/** IPv6 type and code to IPv4. */
export const icmp6to4: Readonly<Record<string, ErrorMeaning>> = {
  '1/0': { type: 3, code: 1, rest: 'nothing' },
  '1/1': { type: 3, code: 10, rest: 'nothing' },
  '1/2': { type: 3, code: 1, rest: 'nothing' },
  '1/3': { type: 3, code: 1, rest: 'nothing' },
  '1/4': { type: 3, code: 3, rest: 'nothing' },
  '2/0': { type: 3, code: 4, rest: 'mtu' },
  '3/0': { type: 11, code: 0, rest: 'nothing' },
  '3/1': { type: 11, code: 1, rest: 'nothing' },
  '4/0': { type: 12, code: 0, rest: 'pointer' },
  '4/1': { type: 3, code: 2, rest: 'nothing' },
}

interface PointerRange {
  readonly first: number
  readonly last: number
  readonly to: number
}
const range = (first: number, last: number, to: number): PointerRange => ({ first, last, to })

/** Bytes of the IPv4 header to those of the IPv6 header (figure 3). */
const pointers4to6 = [
  range(0, 0, 0), // version, header length
  range(1, 1, 1), // type of service: traffic class
  range(2, 3, 4), // lengths
  range(8, 8, 7), // time to live: hop limit
  range(9, 9, 6), // protocol: next header
  range(12, 15, 8), // source
  range(16, 19, 24), // destination
]

/** The way back (figure 6). */
const pointers6to4 = [
  range(0, 0, 0),
  range(1, 1, 1),
  range(4, 5, 2),
  range(6, 6, 9),
  range(7, 7, 8),
  range(8, 23, 12),
  range(24, 39, 16),
]

/** Null: the other header has no such field. */
export function translatePointer(pointer: number, from: 4 | 6): number | null {
  const table = from === 4 ? pointers4to6 : pointers6to4
  return table.find(({ first, last }) => pointer >= first && pointer <= last)?.to ?? null
}

/** Lengths of packets that links take (RFC 1191 7.1), for routers that do not say. */
const plateaus = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68]

/** The next shorter one; `least` where there is none. */
export function plateauBelow(packetBytes: number, least: number): number {
  return Math.max(least, plateaus.find((plateau) => plateau < packetBytes) ?? least)
}
