// A record of the ring `punts`: struct punt, then the frame. Records come one behind the other, each with its length
// before it and padded to 8 bytes.

import { DecodeError } from '../../wire/decode-error.ts'
import { copyOf, read16, read8, write16 } from '../../wire/fields.ts'
import { internetChecksum, pseudoHeaderSum } from '../../wire/checksum.ts'
import { parseIp, protocols } from '../../wire/ip-packet.ts'
import { flowOffsets, puntOffsets, puntReasonNames, puntSize, readPunt } from '../layout.gen.ts'
import type { PuntReason } from '../layout.gen.ts'
import type { PuntedPacket } from './handler.ts'
import type { IpPacket } from '../../wire/ip-packet.ts'

const lengthBytes = 4

/** Calls `visit` with each record of a drained arena. */
export function eachRecord(arena: Uint8Array, count: number, visit: (record: Uint8Array) => void): void {
  const view = new DataView(arena.buffer, arena.byteOffset)
  for (let [index, at] = [0, 0]; index < count; index++) {
    const length = view.getUint32(at, true)
    visit(arena.subarray(at + lengthBytes, at + lengthBytes + length))
    at += Math.ceil((lengthBytes + length) / 8) * 8
  }
}

/** What is asked before anything is copied. */
export interface PuntHead {
  readonly reason: PuntReason
  readonly cpu: number
  readonly sequence: number
  readonly hasFlow: boolean
}

const viewOf = (record: Uint8Array): DataView => new DataView(record.buffer, record.byteOffset, record.byteLength)

export function readPuntHead(record: Uint8Array): PuntHead {
  if (record.length < puntSize) throw new DecodeError('punt: truncated', record.length)
  const view = viewOf(record)
  const reason = puntReasonNames[view.getUint8(puntOffsets.reason)]
  if (reason === undefined) throw new DecodeError('punt: unknown reason', puntOffsets.reason)
  return {
    reason,
    cpu: view.getUint16(puntOffsets.cpu, true),
    sequence: view.getUint32(puntOffsets.sequence, true),
    hasFlow: view.getUint8(puntOffsets.flow + flowOffsets.state) !== 0,
  }
}

/** Copies all that it returns. */
export function decodePunt(record: Uint8Array, head: PuntHead, nowMs: number): PuntedPacket {
  const punt = readPunt(viewOf(copyOf(record, 0, puntSize)), 0)
  if (puntSize + punt.length > record.length) throw new DecodeError('punt: length lies', puntOffsets.length)
  if (punt.l3 > punt.length) throw new DecodeError('punt: length lies', puntOffsets.l3)
  const frame = copyOf(record, puntSize, puntSize + punt.length)
  const packet = ipPacketIn(frame.subarray(punt.l3))
  if (punt.whole === punt.length) completeChecksum(packet)
  return {
    reason: head.reason,
    punt,
    frame,
    packet,
    cut: punt.whole > punt.length,
    flow: head.hasFlow ? punt.flow : null,
    nowMs,
  }
}

/** Without what Ethernet adds to short frames. */
function ipPacketIn(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes
  const version = read8(bytes, 0) >> 4
  const field = version === 6 ? 40 + read16(bytes, 4) : read16(bytes, 2)
  return bytes.subarray(0, field)
}

/**
 * A sender on this machine leaves the checksum of TCP and UDP to the device: then its field has the sum of the
 * pseudo-header. A packet with a right checksum may have the same there, and keeps it.
 */
function completeChecksum(bytes: Uint8Array): void {
  let packet: IpPacket
  try {
    packet = parseIp(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return // the handler will say so
    throw error
  }
  const { destination, fragment, payload, protocol, source } = packet
  const at = protocol === protocols.tcp ? 16 : protocol === protocols.udp ? 6 : null
  const transport = packet.bytes.subarray(payload)
  if (at === null || fragment !== null || transport.length < at + 2) return
  const pseudo = pseudoHeaderSum(source, destination, protocol, transport.length)
  if (read16(transport, at) !== pseudo) return
  write16(transport, at, 0)
  write16(transport, at, internetChecksum(transport, pseudo) || 0xffff)
}
