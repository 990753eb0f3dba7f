// Bodies about sessions with uplink classifiers: loxilb's, with its spelling of names, and ours.

import { Type, type Static } from 'typebox'
import { Counter } from './service-fields.ts'

/** 0 is no TEID, and refused with a reason. */
const teid = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 4294967295, description }))

// ---- loxilb's --------------------------------------------------------------------------------------------------

export const SessionEntry = Type.Object({
  ident: Type.String({ description: 'name of the session' }),
  sessionIP: Type.Optional(Type.String({ description: 'address of the UE' })),
  accessNetworkTunnel: Type.Optional(
    Type.Object(
      { TeID: teid('that the gNB takes'), tunnelIP: Type.Optional(Type.String({ description: 'of the gNB' })) },
      { description: 'where what goes to the UE is sent' },
    ),
  ),
  coreNetworkTunnel: Type.Optional(
    Type.Object(
      { teID: teid('of G-PDUs of the UE'), tunnelIP: Type.Optional(Type.String({ description: 'they are sent to' })) },
      { description: 'how G-PDUs of the UE come in' },
    ),
  ),
})
export type SessionEntry = Static<typeof SessionEntry>

export const SessionUlClEntry = Type.Object({
  ulclIdent: Type.String({ description: 'name of the session' }),
  ulclArgument: Type.Optional(
    Type.Object({
      qfi: Type.Optional(Type.Integer({ minimum: 0, maximum: 63, description: '0 when left out' })),
      ulclIP: Type.Optional(Type.String({ description: 'a place that is local; here also a prefix' })),
    }),
  ),
})
export type SessionUlClEntry = Static<typeof SessionUlClEntry>

// ---- our own ---------------------------------------------------------------------------------------------------

const TunnelEnd = Type.Object({
  address: Type.String(),
  teid: Type.Integer({ minimum: 1, maximum: 4294967295 }),
})

const sessionFields = {
  name: Type.String({ description: 'unique' }),
  ueAddresses: Type.Array(Type.String(), { description: 'one of IPv4, one of IPv6, or both' }),
  uplink: Type.Unsafe<Static<typeof TunnelEnd>>({
    ...TunnelEnd,
    description: 'how G-PDUs of the UE come in: outer destination and TEID',
  }),
  downlink: Type.Unsafe<Static<typeof TunnelEnd>>({
    ...TunnelEnd,
    description: 'where what goes to the UE is sent: address and TEID of the access network',
  }),
}

const Classifiers = Type.Array(
  Type.Object({
    prefix: Type.String({ description: 'that is local' }),
    qfi: Type.Integer({ minimum: 0, maximum: 63, description: 'of what comes from there' }),
  }),
)

export const UserSessionInput = Type.Object(
  {
    ...sessionFields,
    classifiers: Type.Optional(Classifiers),
    owner: Type.Optional(Type.String({ description: 'as GET shows it; not read' })),
    counters: Type.Optional(Type.Object({}, { description: 'as GET shows it; not read' })),
  },
  { additionalProperties: false },
)
export type UserSessionInput = Static<typeof UserSessionInput>

export const UserSessionsInput = Type.Object(
  { sessions: Type.Array(UserSessionInput, { maxItems: 65536 }) },
  { additionalProperties: false },
)
export type UserSessionsInput = Static<typeof UserSessionsInput>

const Traffic = Type.Object({ packets: Counter('IP packets of the UE'), bytes: Counter('their bytes') })

export const UserSession = Type.Object({
  ...sessionFields,
  name: Type.String({ description: 'empty where signalling installed it' }),
  owner: Type.String({ description: '`file`, `api`, or `n4` and the name of a service' }),
  classifiers: Classifiers,
  counters: Type.Object(
    { uplink: Traffic, downlink: Traffic },
    { description: 'what left its tunnel here, and what was put into it' },
  ),
})
export type UserSession = Static<typeof UserSession>

export const UserSessions = Type.Object({
  sessions: Type.Array(Type.Unsafe<UserSession>({ $ref: 'UserSession#' })),
  total: Type.Integer({ description: 'how many there are' }),
})
export type UserSessions = Static<typeof UserSessions>

const UserSessionChange = Type.Object({
  kind: Type.Enum(['add', 'remove', 'update']),
  session: Type.String(),
  description: Type.Array(Type.String(), { description: 'for people, a line each' }),
})
export const changedSessions = Type.Array(UserSessionChange, { description: 'sessions with uplink classifiers' })

export const UserSessionChanges = Type.Object({ dryRun: Type.Boolean(), sessions: changedSessions })
export type UserSessionChanges = Static<typeof UserSessionChanges>
