// TCP options that matter to somebody who changes a connection (RFC 9293, 7323, 2018): the rest is left as it is.

import { read16, read32, write32 } from '../../../wire/fields.ts'

const kinds = { end: 0, nothing: 1, maximumSegment: 2, selective: 5, timestamps: 8 } as const

interface Option {
  readonly kind: number
  readonly offset: number
  readonly length: number
}

/** Up to the first one that makes no sense. */
function listOptions(options: Uint8Array): readonly Option[] {
  const found: Option[] = []
  for (let offset = 0; offset < options.length;) {
    const kind = options[offset]!
    if (kind === kinds.end) break
    if (kind === kinds.nothing) {
      offset++
      continue
    }
    const length = options[offset + 1] ?? 0
    if (length < 2 || offset + length > options.length) break
    found.push({ kind, offset, length })
    offset += length
  }
  return found
}

const find = (options: Uint8Array, kind: number, length: number): Option | undefined =>
  listOptions(options).find((option) => option.kind === kind && option.length === length)

export function maximumSegment(options: Uint8Array): number | null {
  const option = find(options, kinds.maximumSegment, 4)
  return option ? read16(options, option.offset + 2) : null
}

/** The sender's own time stamp. */
export function timestamp(options: Uint8Array): number | null {
  const option = find(options, kinds.timestamps, 10)
  return option ? read32(options, option.offset + 2) : null
}

export function timestampOption(value: number, echo: number): Uint8Array {
  const option = Uint8Array.of(kinds.nothing, kinds.nothing, kinds.timestamps, 10, 0, 0, 0, 0, 0, 0, 0, 0)
  write32(option, 4, value)
  write32(option, 8, echo)
  return option
}

/** The blocks of selective acknowledgements, each as `map` has it; those that it has none for are left out. */
export function mapSelective(
  options: Uint8Array,
  map: (start: number, end: number) => readonly [number, number] | null,
): Uint8Array {
  const option = listOptions(options).find(({ kind }) => kind === kinds.selective)
  if (!option) return options
  const out = options.slice()
  out.fill(kinds.nothing, option.offset, option.offset + option.length)
  let at = option.offset + 2
  for (let from = at; from + 8 <= option.offset + option.length; from += 8) {
    const block = map(read32(options, from), read32(options, from + 4))
    if (!block) continue
    write32(out, at, block[0])
    write32(out, at + 4, block[1])
    at += 8
  }
  if (at > option.offset + 2) {
    out[option.offset] = kinds.selective
    out[option.offset + 1] = at - option.offset
  }
  return out
}
