// `quic`: a datagram at addresses and ports that have no flow, whose connection id a server of the service has made and
// encrypted. Mostly a client whose address has changed: its server id says where it was. A hint tells the fast path,
// which then makes the flow by its own rules. It gets a packet without payload for that, so that an id that names
// nobody leads to an endpoint by the hash, and not to us again.

import { destinationId, type ConnectionIds } from '../../../protocols/quic-lb/index.ts'
import { keyDigest } from '../../../lb/selection/flow-hash.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { formatAddress } from '../../../wire/ip.ts'
import { parseIp, protocols } from '../../../wire/ip-packet.ts'
import { hintKind } from '../../layout.gen.ts'
import { actionOf } from '../flow-action.ts'
import { flowKeyBytes } from '../flow-pair.ts'
import { drop, send } from '../handler.ts'
import { RateLimit } from '../rate-limit.ts'
import { translatePacket } from '../translate.ts'
import type { FlowKey, HintKey } from '../../layout.gen.ts'
import type { IpPacket } from '../../../wire/ip-packet.ts'
import type { Answer, Handler, Lookups, MapChange, PuntedPacket } from '../handler.ts'
import type { RateLimits } from '../rate-limit.ts'

/** What is known of a service that is chosen by connection id. */
export interface QuicService {
  readonly ids: ConnectionIds
  /** Id of the endpoint with this server id, in hexadecimal; null: there is none. */
  readonly endpoint: (serverId: string) => number | null
}

export interface QuicHandlerOptions {
  /** of connection ids decrypted, for one client address and for all */
  readonly limits: RateLimits
  readonly lookups: Pick<Lookups, 'flow'>
  /** Changes the maps at once. */
  readonly change: (changes: readonly MapChange[]) => void
  /** Lets the fast path make a flow for the packet's addresses and ports. */
  readonly makeFlow: (packet: PuntedPacket) => void
  /** Null: it has gone. */
  readonly service: (id: number) => QuicService | null
}

/** A hint is only needed until the flow has been made. */
const hintLifetimeMs = 2000

const udpBytes = 8

export const quicHandler = (options: QuicHandlerOptions, nowMs: number): Handler => {
  const { limits, lookups } = options
  const rate = new RateLimit(limits, nowMs)
  return {
    reason: 'quic',
    handle: (punted) => {
      const packet = parseIp(punted.packet)
      if (packet.protocol !== protocols.udp || packet.fragment !== null) return drop('no QUIC')
      const { key } = punted.punt
      if (lookups.flow(key) === null) {
        if (!rate.take(formatAddress(packet.source), punted.nowMs)) return drop('rate limit')
        makeFlow(options, punted, packet)
      }
      return forward(options, key, packet)
    },
  }
}

function makeFlow(options: QuicHandlerOptions, punted: PuntedPacket, packet: IpPacket): void {
  const { change, makeFlow: make } = options
  const endpoint = endpointOf(options, punted.punt.service, packet)
  if (endpoint === null) return make(punted)
  const key = flowHint(punted.punt.service, punted.punt.key)
  change([{ kind: 'hint', key, hint: { endpoint, identifier: 0, flags: 0, lifetimeMs: hintLifetimeMs } }])
  make(punted)
  change([{ kind: 'forget-hint', key }])
}

function endpointOf(options: QuicHandlerOptions, id: number, packet: IpPacket): number | null {
  const service = options.service(id)
  const datagram = packet.bytes.subarray(packet.payload + udpBytes)
  const connectionId = service === null ? null : destinationId(datagram, service.ids.length)
  const serverId = connectionId === null ? null : service!.ids.serverId(connectionId)
  return serverId === null ? null : service!.endpoint(Buffer.from(serverId).toString('hex'))
}

/** Where a hint for one flow stands: by the digest of its key, as the fast path holds it in memory. */
function flowHint(service: number, key: FlowKey): HintKey {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, keyDigest(flowKeyBytes(key)), true)
  return { service, kind: hintKind.flow, length: 8, bytes }
}

/** The client sends again what is dropped here, and then it follows its flow. */
function forward({ lookups }: QuicHandlerOptions, key: FlowKey, packet: IpPacket): Answer {
  const flow = lookups.flow(key)
  if (flow === null) return drop('no flow')
  if (!['nat', 'nat64', 'nat46'].includes(actionOf(flow))) return drop('direct return')
  if (packet.bytes.length < packet.payload + udpBytes) throw new DecodeError('truncated', packet.bytes.length)
  return send(translatePacket(packet, flow))
}
