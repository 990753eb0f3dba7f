// GTP-U as simulated peers write and read it (TS 29.281): the header of a G-PDU where it stands, without copies, and
// signalling by the codec.

import { gtp } from '../protocols/gtp/index.ts'
import { Writer } from '../wire/writer.ts'
import { write16, write32 } from '../wire/fields.ts'

export const gtpuPort = 2152
/** of a datagram; longer ones are counted and not read */
export const longestGtpu = 4096

export const gtpuMessage = { echoRequest: 1, echoResponse: 2, errorIndication: 26, endMarker: 254, gPdu: 255 } as const

const flag = { version: 0x20, protocolType: 0x10, extension: 4, anyOptional: 7 } as const
const pduSessionContainer = 0x85
const direction = { downlink: 0x00, uplink: 0x10 } as const
/** with a PDU Session Container of 4 bytes */
export const gPduHeaderBytes = 16
const containerAt = 12
const teidAt = 4

/** A G-PDU of the uplink with the QoS flow in a PDU Session Container (TS 38.415, 5.5.2.2). */
export function uplinkPdu(teid: number, qfi: number, packet: Uint8Array): Uint8Array {
  const pdu = new Uint8Array(gPduHeaderBytes + packet.length)
  pdu[0] = flag.version | flag.protocolType | flag.extension
  pdu[1] = gtpuMessage.gPdu
  write16(pdu, 2, pdu.length - 8)
  write32(pdu, teidAt, teid)
  pdu[11] = pduSessionContainer
  pdu.set([1, direction.uplink, qfi, 0], containerAt)
  pdu.set(packet, gPduHeaderBytes)
  return pdu
}

export const isGtpu = (bytes: Uint8Array): boolean => bytes.length >= 8 && bytes[0]! >> 4 === 3

export const typeOf = (bytes: Uint8Array): number => bytes[1]!

export const teidOf = (bytes: Uint8Array): number =>
  ((bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!) >>> 0

/** Where the user's packet begins; -1: lengths lie. */
export function packetStart(bytes: Uint8Array): number {
  if (8 + ((bytes[2]! << 8) | bytes[3]!) > bytes.length) return -1
  if ((bytes[0]! & flag.anyOptional) === 0) return 8
  let at = 12
  if (at > bytes.length) return -1
  for (let type = (bytes[0]! & flag.extension) === 0 ? 0 : bytes[11]!; type !== 0;) {
    if (at >= bytes.length) return -1
    const next = at + bytes[at]! * 4
    if (next === at || next > bytes.length) return -1
    type = bytes[next - 1]!
    at = next
  }
  return at
}

/** Makes of an uplink G-PDU a downlink one of another tunnel, in place. */
export function turnPdu(bytes: Uint8Array, teid: number): void {
  write32(bytes, teidAt, teid)
  const hasContainer = (bytes[0]! & flag.extension) !== 0 && bytes[11] === pduSessionContainer
  if (hasContainer) bytes[containerAt + 1] = direction.downlink
}

const plain = { nPdu: null, unused: 0, surplus: 0, extension: null, extensionBytes: 0 } as const

/** With the sequence number of its request, and a Recovery of 0, which nobody reads. */
export const echoResponse = (request: Uint8Array): Uint8Array =>
  gtp.encode({
    ...plain,
    type: gtpuMessage.echoResponse,
    teid: 0,
    sequence: gtp.decode(request).sequence ?? 0,
    body: Uint8Array.of(14, 0),
  })

/** Says that the tunnel `teid` is not known at `address`. */
export const errorIndication = (teid: number, address: Uint8Array): Uint8Array =>
  gtp.encode({
    ...plain,
    type: gtpuMessage.errorIndication,
    teid: 0,
    sequence: 0,
    body: new Writer().u8(16).u32(teid).u8(133).u16(address.length).put(address).done(),
  })

export const endMarker = (teid: number): Uint8Array =>
  gtp.encode({ ...plain, type: gtpuMessage.endMarker, teid, sequence: null, body: new Uint8Array() })
