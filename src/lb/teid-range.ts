// A range of tunnel ids (TEIDs) that belongs to one user plane: those that begin with the same bits, as a UPF announces
// them (TS 29.244, 8.2.82: TEIDRI and TEID Range). `0x10000000/4`.

export interface TeidRange {
  /** the first of the range */
  readonly first: number
  /** how many bits all of it have in common, 1 to 32 */
  readonly bits: number
}

/** Undefined: it is none, or bits stand behind the prefix. */
export function parseTeidRange(text: string): TeidRange | undefined {
  const [, hex, bitsText] = /^0x([0-9a-f]{1,8})\/([0-9]{1,2})$/i.exec(text) ?? []
  if (hex === undefined) return undefined
  const [first, bits] = [Number.parseInt(hex, 16), Number(bitsText)]
  if (bits < 1 || bits > 32 || first % 2 ** (32 - bits) !== 0) return undefined
  return { first, bits }
}

/** One text for each range; what is none stays as it is. */
export function canonicalTeidRange(text: string): string {
  const range = parseTeidRange(text)
  return range === undefined ? text : `0x${range.first.toString(16).padStart(8, '0')}/${range.bits}`
}

export function teidRangesOverlap(a: TeidRange, b: TeidRange): boolean {
  const lastOf = ({ first, bits }: TeidRange): number => first + 2 ** (32 - bits) - 1
  return a.first <= lastOf(b) && b.first <= lastOf(a)
}
