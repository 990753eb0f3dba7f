// `gtpu_error`: an Error Indication of GTP-U (TS 29.281, 7.3.1): who got data for a tunnel that it does not know tells
// the sender. It has no TEID of its own in its header; the tunnel stands inside, as the TEID and the destination
// address of that data, which are those of whoever sends the indication.
//
// From the outside to the VIP it is about a tunnel of, say, a base station: only the endpoint that sends into it cares,
// and none of our hints says which one that is. So every endpoint is told, and the others ignore it. From an endpoint
// to the outside it is about a tunnel that the other side knows by the VIP, and perhaps by another TEID.

import { gtp } from '../../../protocols/gtp/index.ts'
import { formatAddress } from '../../../wire/ip.ts'
import { parseIp, wireAddress } from '../../../wire/ip-packet.ts'
import { flowFlags } from '../../layout.gen.ts'
import { deliver } from '../deliver.ts'
import { drop, send } from '../handler.ts'
import { RateLimit } from '../rate-limit.ts'
import { familyOf, translatePacket } from '../translate.ts'
import { gtpuMessageOf, withMessage } from '../udp-packet.ts'
import type { AddressMap } from '../../../protocols/protocol.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'
import type { Flow } from '../../layout.gen.ts'
import type { Answer, Handler, Lookups, PuntedPacket } from '../handler.ts'
import type { RateLimits } from '../rate-limit.ts'

export interface GtpuPlace {
  /** 16 bytes */
  readonly address: Uint8Array
  /** 0: that of the service */
  readonly port: number
}

export interface GtpuErrorOptions {
  /** of indications, for one sender and for all; and how many endpoints are told of one */
  readonly limits: RateLimits & { readonly endpoints: number }
  readonly lookups: Pick<Lookups, 'encapsulation'>
  /** Those of a service that may have packets, by its id. */
  readonly endpoints: (service: number) => readonly GtpuPlace[]
  /** The TEID that clients use for a tunnel which the endpoint knows by this one. */
  readonly clientTeid: (service: number, endpoint: number, teid: number) => number
}

const longest = 0xffff

export const gtpuErrorHandler = (options: GtpuErrorOptions, nowMs: number): Handler => {
  const rate = new RateLimit(options.limits, nowMs)
  return {
    reason: 'gtpu_error',
    handle: (punted) => {
      const { cut, flow, nowMs: now } = punted
      const packet = parseIp(punted.packet)
      if (cut || packet.fragment !== null) return drop('in pieces')
      if (flow === null) return drop('no flow')
      if (!rate.take(formatAddress(packet.source), now)) return drop('rate limit')
      return (flow.flags & flowFlags.reverse) === 0
        ? toEndpoints(options, punted, packet, flow)
        : toClient(options, packet, flow)
    },
  }
}

function toEndpoints(options: GtpuErrorOptions, punted: PuntedPacket, packet: IpPacket, flow: Flow): Answer {
  // What cannot be read is nobody's.
  gtp.decode(gtpuMessageOf(packet))
  const family = familyOf(flow)
  const places = options.endpoints(flow.service).filter(({ address }) => familyOf({ destination: address }) === family)
  if (places.length === 0) return drop('no endpoint')
  const delivery = {
    key: punted.punt.key,
    mtu: longest,
    id: punted.punt.sequence & 0xffff,
    encapsulation: options.lookups.encapsulation(),
  }
  return send(
    ...places.slice(0, options.limits.endpoints).flatMap(({ address, port }) =>
      deliver(packet, {
        ...delivery,
        flow: { ...flow, destination: address, destinationPort: port === 0 ? flow.destinationPort : port },
      }),
    ),
  )
}

function toClient({ clientTeid }: GtpuErrorOptions, packet: IpPacket, flow: Flow): Answer {
  const message = gtp.decode(gtpuMessageOf(packet))
  const own = wireAddress(packet.source, packet.family)
  const vip = wireAddress(flow.source, familyOf({ destination: flow.source }))
  const isOwn = (address: Uint8Array): boolean => Buffer.compare(address, own) === 0
  const names: AddressMap = {
    address: (address) => (isOwn(address) && vip.length === address.length ? vip : address),
    teid: (address, teid) => (isOwn(address) ? clientTeid(flow.service, flow.endpoint, teid) : teid),
  }
  const translated = gtp.encode(gtp.translate!(message, names))
  return send(translatePacket(parseIp(withMessage(packet, translated)), flow))
}
