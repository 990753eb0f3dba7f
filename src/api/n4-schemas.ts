// What is shown of services of `select: n4`.

import { Type, type Static } from 'typebox'
import { n4SessionStates } from '../lb/n4-status.ts'
import { Counter, orNull } from './service-fields.ts'

const Peer = Type.Object({
  name: Type.String(),
  address: Type.String(),
  state: Type.String(),
  sessions: Type.Integer(),
  load: orNull(Type.Integer({ description: 'of a UPF: percent, as it said last' })),
})

export const N4 = Type.Object({
  service: Type.String(),
  smfs: Type.Array(Peer),
  upfs: Type.Array(Peer),
  sessions: Type.Integer(),
  tunnels: Type.Integer(),
  ueAddresses: Type.Integer(),
  pending: Type.Integer({ description: 'requests that have no answer yet' }),
  counters: Type.Record(Type.String(), Type.Integer(), {
    description: 'drops, refusals, conflicts, and what was done',
  }),
})
export type N4 = Static<typeof N4>

/** Of the user: bytes are those of its IP packets, without tunnels. */
const Traffic = (description: string) =>
  Type.Object({ packets: Counter('packets'), bytes: Counter('bytes of IP packets, without tunnels') }, { description })

export const N4Session = Type.Object({
  service: Type.String(),
  seid: Type.String({ description: 'what both sides are given' }),
  smf: Type.String(),
  smfSeid: Type.String(),
  upf: Type.String({ description: 'ADDRESS:PORT, the endpoint' }),
  upfSeid: orNull(Type.String({ description: 'none: not established' })),
  state: Type.Enum([...n4SessionStates]),
  dnn: Type.String({ description: 'empty: not said' }),
  tunnels: Type.Array(
    Type.Object({
      teid: Type.String({ description: 'at the VIP' }),
      upfTeid: Type.String({ description: 'what the UPF calls it' }),
      direction: Type.Enum(['up', 'down'], { description: 'down: what comes by it is for the user (N9)' }),
    }),
  ),
  ueAddresses: Type.Array(Type.String()),
  ageMs: Type.Number(),
  uplink: orNull(Traffic('packets from the user, as eBPF counted them; none: it sees none')),
  downlink: orNull(Traffic('packets to the user; none: eBPF sees none')),
})
export type N4Session = Static<typeof N4Session>

export const N4Sessions = Type.Object({
  sessions: Type.Array(Type.Unsafe<N4Session>({ $ref: 'N4Session#' })),
  total: Type.Integer({ description: 'how many there are' }),
})
export type N4Sessions = Static<typeof N4Sessions>
