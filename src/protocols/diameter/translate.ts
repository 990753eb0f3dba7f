// The same message with other addresses and names of nodes. AVPs that do not change keep their bytes, padding and all.

import { Writer } from '../../wire/writer.ts'
import { plainTextOf } from '../element-values.ts'
import { codes, isGroup, padding, spans, typeOf } from './walk.ts'
import { hostAddress, identity } from './values.ts'
import type { AddressMap } from '../protocol.ts'
import type { DiameterMessage } from './codec.ts'
import type { AvpSpan } from './walk.ts'

/**
 * The address of each Host-IP-Address, and where the map has names, each DiameterIdentity: hosts and realms, also those
 * of groups. A Failed-AVP says what its receiver has sent, and a Session-Id is the same for all who see it: they stay.
 */
export function translate(message: DiameterMessage, names: AddressMap): DiameterMessage {
  const { body } = message
  const other = translateAvps(body, 0, body.length, names)
  return other === null ? message : { ...message, body: other }
}

/** Null: nothing changes. */
function translateAvps(bytes: Uint8Array, start: number, end: number, names: AddressMap): Uint8Array | null {
  let writer: Writer | null = null
  let written = start
  for (const span of spans(bytes, start, end)) {
    const value = translateValue(bytes, span, names)
    if (value === null) continue
    writer ??= new Writer()
    const header = span.start - span.at
    writer.put(bytes.subarray(written, span.start)).put(value)
    writer.fill(writer.length - value.length - header + 5, 3, header + value.length)
    const isAsLong = value.length === span.end - span.start
    if (isAsLong) writer.put(bytes.subarray(span.end, span.next))
    else writer.zeros(padding(value.length + header))
    written = span.next
  }
  return writer === null ? null : writer.put(bytes.subarray(written, end)).done()
}

function translateValue(bytes: Uint8Array, span: AvpSpan, names: AddressMap): Uint8Array | null {
  const { code, end, start, vendor } = span
  if (isGroup(code, vendor)) return translateAvps(bytes, start, end, names)
  if (code === codes.hostIpAddress && vendor === 0) return translateAddress(bytes, start, end, names)
  if (names.name === undefined || typeOf(code, vendor)?.value !== identity) return null
  const name = plainTextOf(bytes, start, end)
  const other = names.name(name)
  return other === name ? null : new Uint8Array(Buffer.from(other, 'utf8'))
}

function translateAddress(bytes: Uint8Array, start: number, end: number, names: AddressMap): Uint8Array | null {
  const { ipv4, ipv6 } = hostAddress.places(bytes, start, end)
  const at = Math.max(ipv4, ipv6)
  if (at < 0) return null
  const address = bytes.subarray(at, end)
  const other = names.address(address)
  if (other.length !== address.length) throw new RangeError(`${other.length} bytes in the place of ${address.length}`)
  if (other.every((byte, i) => byte === address[i])) return null
  return Uint8Array.from([...bytes.subarray(start, at), ...other])
}
