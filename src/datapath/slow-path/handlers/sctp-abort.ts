// `sctp_abort`: an SCTP packet of an association that nobody here knows, for a service that answers (RFC 9260 8.4). Its
// sender gets an ABORT, or a SHUTDOWN COMPLETE where it was shutting down, with its own tag sent back: the T bit.

import { crc32c } from '../../../wire/crc32c.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { join, read16, read32, read8, write16, write32 } from '../../../wire/fields.ts'
import { ipv4Header, ipv6Header, parseIp, protocols } from '../../../wire/ip-packet.ts'
import { classify, formatAddress } from '../../../wire/ip.ts'
import { drop, send } from '../handler.ts'
import { RateLimit } from '../rate-limit.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'
import type { Handler } from '../handler.ts'
import type { RateLimits } from '../rate-limit.ts'

const headerBytes = 12
const chunkBytes = 4
const chunkTypes = { abort: 6, shutdownAck: 8, shutdownComplete: 14 } as const
const tagReflected = 1
const hopLimit = 64

export const sctpAbortHandler = (limits: RateLimits, nowMs: number): Handler => {
  const rate = new RateLimit(limits, nowMs)
  return {
    reason: 'sctp_abort',
    handle: (punted) => {
      const packet = parseIp(punted.packet, { cut: punted.cut })
      if (![packet.source, packet.destination].every((address) => classify(address) === 'unicast'))
        return drop('to nobody')
      const answer = answerTo(packet)
      return rate.take(formatAddress(packet.source), punted.nowMs) ? send(answer) : drop('rate limit')
    },
  }
}

function answerTo(packet: IpPacket): Uint8Array {
  const { bytes, destination, family, payload, source } = packet
  if (bytes.length < payload + headerBytes) throw new DecodeError('truncated', bytes.length)
  const sctp = new Uint8Array(headerBytes + chunkBytes)
  write16(sctp, 0, read16(bytes, payload + 2))
  write16(sctp, 2, read16(bytes, payload))
  write32(sctp, 4, read32(bytes, payload + 4))
  sctp[headerBytes] = isShuttingDown(packet) ? chunkTypes.shutdownComplete : chunkTypes.abort
  sctp[headerBytes + 1] = tagReflected
  write16(sctp, headerBytes + 2, chunkBytes)
  new DataView(sctp.buffer).setUint32(8, crc32c(sctp), true)
  const common = { protocol: protocols.sctp, trafficClass: 0, hopLimit, payloadBytes: sctp.length }
  const ends = { source: destination, destination: source, ...common }
  return join(family === 4 ? ipv4Header({ ...ends, id: 0, dontFragment: true }) : ipv6Header(ends), sctp)
}

/** SHUTDOWN ACK comes alone, or behind the last DATA. */
function isShuttingDown({ bytes, payload }: IpPacket): boolean {
  for (let at = payload + headerBytes; at + chunkBytes <= bytes.length;) {
    if (read8(bytes, at) === chunkTypes.shutdownAck) return true
    at += Math.max(chunkBytes, (read16(bytes, at + 2) + 3) & ~3)
  }
  return false
}
