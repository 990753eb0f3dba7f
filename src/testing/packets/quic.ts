// QUIC packets as far as anybody on the way can read them (RFC 8999), as the payload of a UDP packet.

import { be32, concat } from './bytes.ts'

export interface QuicLong {
  readonly version?: number
  /** 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry */
  readonly type?: number
  readonly destination: Uint8Array
  readonly source?: Uint8Array
  readonly payload?: Uint8Array
}

/** A packet of the handshake: it says how long its connection ids are. */
export function quicLong(packet: QuicLong): Uint8Array {
  const source = packet.source ?? Uint8Array.of(1, 2, 3, 4)
  return concat(
    Uint8Array.of(0xc0 | ((packet.type ?? 0) << 4)),
    be32(packet.version ?? 1),
    Uint8Array.of(packet.destination.length),
    packet.destination,
    Uint8Array.of(source.length),
    source,
    packet.payload ?? new Uint8Array(24),
  )
}

/** A packet of a connection that stands: who reads the connection id must know its length. */
export function quicShort(destination: Uint8Array, payload = new Uint8Array(24)): Uint8Array {
  return concat(Uint8Array.of(0x40), destination, payload)
}
