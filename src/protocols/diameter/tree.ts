// The AVPs of a message as a tree: for those who take a message apart, change it, and put it together again.

import { Writer } from '../../wire/writer.ts'
import { isGroup, padding, spans } from './walk.ts'

export interface Avp {
  readonly code: number
  /** null: one of the base protocol or of the IETF's applications */
  readonly vendor: number | null
  /** M 0x40, P 0x20 and five reserved bits */
  readonly flags: number
  /** the bytes of its value; of a group, its AVPs */
  readonly value: Uint8Array | readonly Avp[]
}

/** The receiver must understand the AVP or refuse the message. */
export const mandatory = 0x40

const vendorFlag = 0x80

/** Byte strings are views of the body, which `decode` has checked. Padding is not kept. */
export function readAvps(body: Uint8Array): readonly Avp[] {
  return read(body, 0, body.length)
}

function read(body: Uint8Array, start: number, end: number): readonly Avp[] {
  const avps: Avp[] = []
  for (const span of spans(body, start, end)) {
    const value = isGroup(span.code, span.vendor)
      ? read(body, span.start, span.end)
      : body.subarray(span.start, span.end)
    const hasVendor = (span.flags & vendorFlag) !== 0
    avps.push({ code: span.code, vendor: hasVendor ? span.vendor : null, flags: span.flags & ~vendorFlag, value })
  }
  return avps
}

/** Pads with zeros. Throws RangeError for a value that is longer than its length can say. */
export function writeAvps(avps: readonly Avp[]): Uint8Array {
  const writer = new Writer()
  write(writer, avps)
  return writer.done()
}

function write(writer: Writer, avps: readonly Avp[]): void {
  for (const { code, flags, value, vendor } of avps) {
    const at = writer.length
    writer.u32(code).u8(flags | (vendor === null ? 0 : vendorFlag))
    writer.u24(0)
    if (vendor !== null) writer.u32(vendor)
    if (value instanceof Uint8Array) writer.put(value)
    else write(writer, value)
    const length = writer.length - at
    writer.fill(at + 5, 3, length).zeros(padding(length))
  }
}
