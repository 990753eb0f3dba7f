// The header that GTP-U (TS 29.281, 5.1) and version 1 of GTP-C (TS 29.060, 6) share:
//
//   | version 3, PT 1, spare 1, E S PN | type 1 | length 2 | TEID 4 |
//   | sequence 2 | N-PDU 1 | next extension 1 |   if any of E, S and PN is on
//   | length 1, in units of 4 | content | next extension 1 |   for each extension header
//
// The length of the message counts what follows the TEID.

import { DecodeError } from '../../wire/decode-error.ts'
import { Writer } from '../../wire/writer.ts'

export interface Gtpv1Message {
  readonly type: number
  readonly teid: number
  /** 16 bits; null: flag S is off */
  readonly sequence: number | null
  /** 8 bits; null: flag PN is off */
  readonly nPdu: number | null
  /** type of the first extension header, 0 for none of them; null: flag E is off */
  readonly extension: number | null
  /** What stands where nothing means anything: the header's spare bit, and the fields whose flags are off; mostly 0. */
  readonly unused: number
  /** bytes of the extension headers, which come first in the body */
  readonly extensionBytes: number
  /** Bytes of a G-PDU that its length does not count: some senders forget the fields behind the TEID. Else 0. */
  readonly surplus: number
  /** extension headers, then the user's packet or the elements */
  readonly body: Uint8Array
}

export interface ExtensionHeader {
  readonly type: number
  /** what stands between its length and the type of the next one */
  readonly content: Uint8Array
}

const version = 1
const gPdu = 255
const protocolType = 0x10
const flag = { spare: 8, extension: 4, sequence: 2, nPdu: 1 } as const
const optional = flag.extension | flag.sequence | flag.nPdu
const shortHeader = 8
const longHeader = 12
/** Messages of the specifications have two. */
const mostExtensions = 16
const spareUnit = 2 ** 32

export function decodeHeader(bytes: Uint8Array): Gtpv1Message {
  if (bytes.length < shortHeader) throw new DecodeError('truncated', bytes.length)
  const flags = bytes[0]!
  if (flags >> 5 !== version) throw new DecodeError('unknown version', 0)
  // The charging protocol GTP' has the same version.
  if ((flags & protocolType) === 0) throw new DecodeError('unknown protocol type', 0)
  const length = shortHeader + ((bytes[2]! << 8) | bytes[3]!)
  if (length > bytes.length) throw new DecodeError('truncated', bytes.length)
  const surplus = bytes.length - length
  if (surplus > 0 && bytes[1] !== gPdu) throw new DecodeError('bytes left over', length)
  const hasSequence = (flags & flag.sequence) !== 0
  const hasNPdu = (flags & flag.nPdu) !== 0
  const hasExtension = (flags & flag.extension) !== 0
  const header = (flags & optional) === 0 ? shortHeader : longHeader
  if (bytes.length < header) throw new DecodeError('length lies', 2)
  return {
    type: bytes[1]!,
    teid: ((bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!) >>> 0,
    sequence: hasSequence ? (bytes[8]! << 8) | bytes[9]! : null,
    nPdu: hasNPdu ? bytes[10]! : null,
    extension: hasExtension ? bytes[11]! : null,
    unused: (flags & (flag.spare | optional)) === 0 ? 0 : unusedOf(bytes, flags),
    extensionBytes: hasExtension ? chainBytes(bytes, header, bytes[11]!) : 0,
    surplus,
    body: bytes.subarray(header),
  }
}

function unusedOf(bytes: Uint8Array, flags: number): number {
  const spare = (flags & flag.spare) === 0 ? 0 : spareUnit
  if ((flags & optional) === 0) return spare
  const sequence = (flags & flag.sequence) === 0 ? bytes[8]! * 0x100_0000 + bytes[9]! * 0x1_0000 : 0
  const nPdu = (flags & flag.nPdu) === 0 ? bytes[10]! * 0x100 : 0
  return spare + sequence + nPdu + ((flags & flag.extension) === 0 ? bytes[11]! : 0)
}

function chainBytes(bytes: Uint8Array, start: number, first: number): number {
  let at = start
  for (let type = first, count = 0; type !== 0; count++) {
    if (count === mostExtensions) throw new DecodeError('too many extension headers', at)
    if (at === bytes.length) throw new DecodeError('truncated', at)
    const next = at + bytes[at]! * 4
    if (next === at) throw new DecodeError('length lies', at)
    if (next > bytes.length) throw new DecodeError('truncated', bytes.length)
    type = bytes[next - 1]!
    at = next
  }
  return at - start
}

export function encodeHeader(message: Gtpv1Message): Uint8Array {
  const { body, extension, nPdu, sequence, surplus, teid, type, unused } = message
  const flags =
    (extension === null ? 0 : flag.extension) |
    (sequence === null ? 0 : flag.sequence) |
    (nPdu === null ? 0 : flag.nPdu)
  const spare = unused >= spareUnit ? flag.spare : 0
  const fields = unused % spareUnit
  const writer = new Writer()
    .u8((version << 5) | protocolType | spare | flags)
    .u8(type)
    .u16(body.length + (flags === 0 ? 0 : longHeader - shortHeader) - surplus)
    .u32(teid)
  if (flags !== 0) {
    writer.u16(sequence ?? fields >>> 16)
    writer.u8(nPdu ?? (fields >>> 8) & 0xff)
    writer.u8(extension ?? fields & 0xff)
  }
  return writer.put(body).done()
}

/** The extension headers, as views. */
export function extensionsOf({ body, extension, extensionBytes }: Gtpv1Message): readonly ExtensionHeader[] {
  const headers: ExtensionHeader[] = []
  for (let at = 0, type = extension ?? 0; at < extensionBytes;) {
    const next = at + body[at]! * 4
    headers.push({ type, content: body.subarray(at + 1, next - 1) })
    type = body[next - 1]!
    at = next
  }
  return headers
}

/** What stands behind the extension headers, as a view: of a G-PDU the user's packet, of others the elements. */
export const payloadOf = ({ body, extensionBytes }: Gtpv1Message): Uint8Array =>
  extensionBytes === 0 ? body : body.subarray(extensionBytes)

/** A message without extension headers and elements. */
export const plainMessage = (type: number, sequence: number): Gtpv1Message => ({
  type,
  teid: 0,
  sequence,
  nPdu: null,
  extension: null,
  unused: 0,
  extensionBytes: 0,
  surplus: 0,
  body: new Uint8Array(),
})
