// The words of the SCTP cases: one association between a client and an endpoint with another port than the service's,
// and what is said in it.

import { chunks } from '../../src/testing/packets/sctp.ts'
import { bytes, client, server, service, vip, type Step } from './case.ts'
import { flowsAre, forwards } from './steps.ts'
import { sctp, tags } from './talks.ts'
import type { FlowState } from '../../src/datapath/layout.gen.ts'
import type { SctpPacket } from '../../src/testing/packets.ts'

export const c = `${client}:40000`
export const v = `${vip}:38412`
export const s = `${server}:3868`
export const s2 = '10.0.2.11:3868'
export const otherClient = '198.51.100.7:40000'
export const otherServer = '10.0.3.10:3868'
export const flow = `${c} -> ${v}`
export const one = service({ protocol: 'sctp', port: 38_412, endpoints: [s] })
export const two = service({ protocol: 'sctp', port: 38_412, select: 'rr', endpoints: [s, s2] })
export const setup = { services: [one] }

export type Chunks = readonly Uint8Array[]

export type Tags = { readonly client: number; readonly endpoint: number }
/** Tags of the association that follows after a restart. */
export const later: Tags = { client: 0xc11e4702, endpoint: 0x5e42e403 }
export const wrongTag = 0x0bad0bad

export const up = (tag: number, ...list: Chunks): SctpPacket => sctp(c, v, tag, ...list)
export const down = (tag: number, ...list: Chunks): SctpPacket => sctp(s, c, tag, ...list)
/** What the client says passes, and what the endpoint says. */
export const says = (tag: number, ...list: Chunks): Step => forwards(up(tag, ...list), c, s)
export const answers = (tag: number, ...list: Chunks): Step => forwards(down(tag, ...list), v, c)
export const is = (state: FlowState): Step => flowsAre({ [flow]: state })

export const init = says(0, chunks.init(tags.client))
export const initAck = answers(tags.client, chunks.initAck(tags.endpoint))
export const cookieEcho = says(tags.endpoint, chunks.cookieEcho())
export const cookieAck = answers(tags.client, chunks.cookieAck())
export const handshake: readonly Step[] = [init, initAck, cookieEcho, cookieAck]
export const talk = (by: Tags = tags): readonly Step[] => [
  says(by.endpoint, chunks.data(bytes(40))),
  answers(by.client, chunks.sack()),
]

export const withError = (packet: SctpPacket): SctpPacket => ({ ...packet, crcError: 0x00400000 })

/** What begins and ends associations, apart from INIT and INIT ACK. */
export const signals: readonly Uint8Array[] = [
  chunks.abort(),
  chunks.shutdown(),
  chunks.shutdownAck(),
  chunks.shutdownComplete(),
  chunks.cookieEcho(),
  chunks.cookieAck(),
]

/** The client begins anew, at `from`. */
export const restart = (from = s): readonly Step[] => [
  forwards(up(0, chunks.init(later.client)), c, from),
  forwards(sctp(from, c, later.client, chunks.initAck(later.endpoint)), v, c),
  forwards(up(later.endpoint, chunks.cookieEcho()), c, from),
  forwards(sctp(from, c, later.client, chunks.cookieAck()), v, c),
]
