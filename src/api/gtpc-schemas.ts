// What is shown of services of `select: gtpc`.

import { Type, type Static } from 'typebox'
import { gtpcPathStates, gtpcSessionStates } from '../lb/gtpc-status.ts'
import { gtpVersion, orNull } from './service-fields.ts'

const Path = Type.Object({
  version: gtpVersion,
  state: Type.Enum([...gtpcPathStates]),
  sessions: Type.Integer(),
  restartCounter: orNull(Type.Integer({ description: 'as the gateway said last' })),
})

const Gateway = Type.Object({
  name: Type.String({ description: 'ADDRESS:PORT, the endpoint' }),
  address: Type.String(),
  paths: Type.Array(Path),
  isDraining: Type.Boolean({ description: 'takes no new users' }),
  load: orNull(Type.Integer({ description: 'percent, as it said last' })),
})

export const Gtpc = Type.Object({
  service: Type.String(),
  restartCounter: Type.Integer({ description: 'what peers are told' }),
  clients: Type.Array(Type.Object({ address: Type.String(), sessions: Type.Integer() }), {
    description: 'MMEs, SGSNs and SGWs that have sessions',
  }),
  gateways: Type.Array(Gateway),
  sessions: Type.Integer(),
  pending: Type.Integer({ description: 'requests that have no answer yet' }),
  counters: Type.Record(Type.String(), Type.Integer(), { description: 'drops, refusals, and what was done' }),
})
export type Gtpc = Static<typeof Gtpc>

export const GtpcSession = Type.Object({
  service: Type.String(),
  version: gtpVersion,
  imsi: orNull(Type.String({ description: 'imei-DIGITS without a SIM card; none: neither' })),
  apn: orNull(Type.String()),
  client: Type.String(),
  clientTeid: Type.String(),
  teidForClient: Type.String({ description: "what the client is given for the gateway's" }),
  gateway: Type.String({ description: 'ADDRESS:PORT, the endpoint' }),
  gatewayTeid: orNull(Type.String({ description: 'none: not created' })),
  teidForGateway: Type.String({ description: "what the gateway is given for the client's" }),
  state: Type.Enum([...gtpcSessionStates]),
  contexts: Type.Array(Type.Integer(), { description: 'EPS bearer identities of default bearers, or NSAPIs' }),
  ageMs: Type.Number(),
})
export type GtpcSession = Static<typeof GtpcSession>

export const GtpcSessions = Type.Object({
  sessions: Type.Array(Type.Unsafe<GtpcSession>({ $ref: 'GtpcSession#' })),
  total: Type.Integer({ description: 'how many there are' }),
})
export type GtpcSessions = Static<typeof GtpcSessions>
