// `miss`: data of a GTP-U tunnel that has no hint, for a service that says so (`miss: error`). Its sender gets an Error
// Indication (TS 29.281, 7.3.1) from the address that it has sent to: the tunnel ends there, and is not known.

import { join, read32, write16, write32 } from '../../../wire/fields.ts'
import { parseIp, protocols, wireAddress } from '../../../wire/ip-packet.ts'
import { classify, formatAddress } from '../../../wire/ip.ts'
import { drop, send } from '../handler.ts'
import { RateLimit } from '../rate-limit.ts'
import { gtpuHeaderBytes, gtpuMessageOf, gtpuPort, udpPacket } from '../udp-packet.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'
import type { Handler } from '../handler.ts'
import type { RateLimits } from '../rate-limit.ts'

const types = { errorIndication: 26 } as const
/** version 1, protocol type GTP, with a sequence number, which is 0 and ignored */
const flags = 0x32
const elements = { teidDataI: 16, peerAddress: 133 } as const

export const gtpuMissHandler = (limits: RateLimits, nowMs: number): Handler => {
  const rate = new RateLimit(limits, nowMs)
  return {
    reason: 'miss',
    handle: (punted) => {
      const packet = parseIp(punted.packet, { cut: punted.cut })
      if (packet.protocol !== protocols.udp) return drop('no GTP-U')
      if (classify(packet.source) !== 'unicast') return drop('to nobody')
      const message = gtpuMessageOf(packet)
      return rate.take(formatAddress(packet.source), punted.nowMs)
        ? send(answerTo(packet, read32(message, 4)))
        : drop('rate limit')
    },
  }
}

/** It goes to the port of tunnels, whatever port the data came from (4.4.2.3). */
function answerTo({ destination, family, source }: IpPacket, teid: number): Uint8Array {
  const peer = wireAddress(destination, family)
  const message = new Uint8Array(gtpuHeaderBytes + 4 + 5 + 3)
  message[0] = flags
  message[1] = types.errorIndication
  message[12] = elements.teidDataI
  write32(message, 13, teid)
  message[17] = elements.peerAddress
  write16(message, 18, peer.length)
  const payload = join(message, peer)
  write16(payload, 2, payload.length - gtpuHeaderBytes)
  return udpPacket({
    family,
    source: destination,
    destination: source,
    sourcePort: gtpuPort,
    destinationPort: gtpuPort,
    payload,
  })
}
