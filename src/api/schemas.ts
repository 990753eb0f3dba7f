// Every body the API reads or writes: one schema gives the TypeScript type, the check of what comes in, and OpenAPI.
// The loxilb shapes keep loxilb's names, spelling included; what this build refuses is still described here, because
// it is refused with a reason (translate.ts) and not as an unknown field.

import { Type, type Static, type TSchema } from 'typebox'
import { modes, transports } from '../lb/model.ts'
import { Gtpc, GtpcSession, GtpcSessions } from './gtpc-schemas.ts'
import { N4, N4Session, N4Sessions } from './n4-schemas.ts'
import {
  changedSessions,
  SessionEntry,
  SessionUlClEntry,
  UserSession,
  UserSessionChanges,
  UserSessions,
  UserSessionsInput,
} from './session-schemas.ts'
import {
  Counter,
  EndpointsInput,
  OwnFields,
  portNumber as port,
  ServiceInput,
  ServiceOutput,
} from './service-fields.ts'

export type { EndpointInput, EndpointsInput, OwnFields, ServiceInput, ServiceOutput } from './service-fields.ts'
export type { Gtpc, GtpcSession, GtpcSessions } from './gtpc-schemas.ts'
export type { N4, N4Session, N4Sessions } from './n4-schemas.ts'
export type {
  SessionEntry,
  SessionUlClEntry,
  UserSession,
  UserSessionChanges,
  UserSessionInput,
  UserSessions,
  UserSessionsInput,
} from './session-schemas.ts'

// ---- loxilb's --------------------------------------------------------------------------------------------------

const ServiceArguments = Type.Object({
  externalIP: Type.String({ description: 'virtual address' }),
  port: Type.Integer({ ...port, description: '0 for icmp' }),
  protocol: Type.Enum(['tcp', 'udp', 'sctp', 'icmp']),
  sel: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 7,
      description: '0 rr, 1 hash, 2 priority (rr by weight), 3 persist, 4 lc, 6 and 7 n3; 5 n2 is refused',
    }),
  ),
  mode: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 5,
      description: '0 default (dnat), 1 onearm, 2 fullnat, 3 dsr, 5 hostonearm; 4 fullproxy is refused',
    }),
  ),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  oper: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 2, description: '0 replace, 1 attach end points, 2 detach end points' }),
  ),
  monitor: Type.Optional(Type.Boolean({ description: 'kept and returned; there are no health checks in this build' })),
  managed: Type.Optional(Type.Boolean({ description: 'kept and returned' })),
  inactiveTimeOut: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 604800, description: 'seconds for established flows; 0: the general timeout' }),
  ),
  probetype: Type.Optional(Type.String({ maxLength: 16, description: 'kept and returned, like all of probe*' })),
  probeport: Type.Optional(Type.Integer(port)),
  probereq: Type.Optional(Type.String({ maxLength: 4096 })),
  proberesp: Type.Optional(Type.String({ maxLength: 4096 })),
  probeTimeout: Type.Optional(Type.Integer({ minimum: 0 })),
  probeRetries: Type.Optional(Type.Integer()),
  bgp: Type.Optional(Type.Boolean({ description: 'true is refused' })),
  block: Type.Optional(Type.Integer({ minimum: 0, maximum: 4294967295, description: 'firewall mark; 0: none' })),
  security: Type.Optional(Type.Integer({ minimum: 0, maximum: 2, description: 'not 0 is refused' })),
  privateIP: Type.Optional(Type.String({ description: 'refused unless it is externalIP' })),
  portMax: Type.Optional(Type.Integer({ ...port, description: 'the last port of a range; 0: no range' })),
  host: Type.Optional(Type.String({ maxLength: 255, description: 'refused' })),
  snat: Type.Optional(Type.Boolean({ description: 'true is refused' })),
  proxyprotocolv2: Type.Optional(Type.Boolean({ description: 'true is refused' })),
  egress: Type.Optional(Type.Boolean({ description: 'true is refused; shown of mode masquerade' })),
})

export const LoadbalanceEntry = Type.Object({
  serviceArguments: ServiceArguments,
  endpoints: Type.Array(
    Type.Object({
      endpointIP: Type.String(),
      targetPort: Type.Integer(port),
      weight: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 255, description: '1 when left out; 0 takes no new flows' }),
      ),
      priority: Type.Optional(Type.Integer({ ...port, description: 'not of loxilb: select priority' })),
      serverId: Type.Optional(Type.String({ description: 'not of loxilb: select quic' })),
      state: Type.Optional(Type.String({ description: 'active, or inactive when it takes no new flows; output' })),
      counter: Type.Optional(Type.String({ description: 'packets:bytes; output' })),
    }),
    { maxItems: 4096 },
  ),
  secondaryIPs: Type.Optional(
    Type.Array(Type.Object({ secondaryIP: Type.String() }), {
      description: 'further VIPs; ignored unless the protocol is sctp',
    }),
  ),
  sluice: Type.Optional(OwnFields),
  allowedSources: Type.Optional(
    Type.Array(Type.Object({ prefix: Type.String() }), { maxItems: 65536, description: 'none: all' }),
  ),
})
export type LoadbalanceEntry = Static<typeof LoadbalanceEntry>

export const ConntrackEntry = Type.Object(
  {
    destinationIP: Type.String(),
    sourceIP: Type.String(),
    destinationPort: Type.Integer(port),
    sourcePort: Type.Integer(port),
    protocol: Type.Enum([...transports]),
    conntrackState: Type.String(),
    ident: Type.String(),
    conntrackAct: Type.String(),
    packets: Counter('packets in this direction'),
    bytes: Counter('bytes of IP packets in this direction'),
    servName: Type.String(),
  },
  { description: 'One direction of a flow.' },
)
export type ConntrackEntry = Static<typeof ConntrackEntry>

export const EndPointGetEntry = Type.Object({
  hostName: Type.String(),
  name: Type.String(),
  inactiveReTries: Type.Integer(),
  probeType: Type.String(),
  probeReq: Type.String(),
  probeResp: Type.String(),
  probeDuration: Type.Integer(),
  probePort: Type.Integer(),
  minDelay: Type.String(),
  avgDelay: Type.String(),
  maxDelay: Type.String(),
  currState: Type.String(),
})
export type EndPointGetEntry = Static<typeof EndPointGetEntry>

const PostSuccess = Type.Object({ result: Type.String() })

export const ErrorBody = Type.Object({
  code: Type.Integer({ description: 'the status, or 600 and more for the check that a body did not pass' }),
  message: Type.String(),
  result: Type.String({ description: 'the reason, in words' }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String(),
        line: Type.Union([Type.Integer(), Type.Null()]),
        message: Type.String(),
      }),
      { description: 'all of them, where there can be several' },
    ),
  ),
})
export type ErrorBody = Static<typeof ErrorBody>

const VersionInfo = Type.Object({ version: Type.String(), buildInfo: Type.String() })

// ---- our own ---------------------------------------------------------------------------------------------------

const Traffic = Type.Object({ packets: Counter('packets'), bytes: Counter('bytes of IP packets') })
const Place = Type.Object({ address: Type.String(), port: Type.Integer(port) })

/** Services in our words, in loxilb's, or both. */
export const ServicesInput = Type.Object(
  { services: Type.Optional(Type.Array(ServiceInput)), lbAttr: Type.Optional(Type.Array(LoadbalanceEntry)) },
  { additionalProperties: false },
)
export type ServicesInput = Static<typeof ServicesInput>

export const Flow = Type.Object({
  service: Type.String(),
  protocol: Type.Enum([...transports]),
  mode: Type.Enum([...modes]),
  state: Type.String(),
  client: Place,
  vip: Place,
  source: Place,
  endpoint: Place,
  toEndpoint: Traffic,
  toClient: Traffic,
  idleMs: Type.Number(),
})
export type Flow = Static<typeof Flow>

const Hook = Type.Record(Type.String(), Counter('packets'))
export const Verdicts = Type.Object({ xdp: Hook, tc: Hook })
export type Verdicts = Static<typeof Verdicts>

const ByName = Type.Record(Type.String(), Type.Integer())
export const SlowPath = Type.Object({
  latencyBoundsMs: Type.Array(Type.Number(), {
    description: 'upper bounds of `latency`; its last number is of the rest',
  }),
  reasons: Type.Record(
    Type.String(),
    Type.Object({
      received: Type.Integer(),
      waiting: Type.Integer(),
      answered: Type.Integer(),
      dropped: ByName,
      latency: Type.Array(Type.Integer(), { description: 'packets, from the fast path to the answer' }),
      latencySumMs: Type.Number(),
    }),
  ),
  lost: Type.Integer({ description: 'packets that found the queue to user space full' }),
  unreadable: ByName,
  sent: Type.Integer(),
  unsent: ByName,
})
export type SlowPath = Static<typeof SlowPath>

export const Status = Type.Object({
  instance: Type.String(),
  version: Type.String(),
  pid: Type.Integer(),
  startedAt: Type.String(),
  uptimeSeconds: Type.Integer(),
  interfaces: Type.Array(
    Type.Object({
      name: Type.String(),
      ifindex: Type.Integer(),
      hook: Type.Enum(['xdp', 'xdp-generic', 'tc']),
      note: Type.String(),
    }),
  ),
  services: Type.Object({ file: Type.Integer(), api: Type.Integer() }),
  verdicts: Verdicts,
  slowPath: SlowPath,
})
export type Status = Static<typeof Status>

export const Changes = Type.Object({
  dryRun: Type.Boolean(),
  changes: Type.Array(
    Type.Object({
      kind: Type.Enum(['add', 'remove', 'update']),
      service: Type.String(),
      key: Type.String({ description: 'ADDRESS:PORT/PROTOCOL' }),
      description: Type.Array(Type.String(), { description: 'for people, a line each' }),
    }),
  ),
  sessions: Type.Optional(changedSessions),
})
export type Changes = Static<typeof Changes>

/** Bodies that clients of loxilb send. */
export const loxilbInputs: ReadonlySet<TSchema> = new Set([LoadbalanceEntry, SessionEntry, SessionUlClEntry])

/** All that have a name in OpenAPI. */
export const namedSchemas = {
  LoadbalanceEntry,
  ConntrackEntry,
  EndPointGetEntry,
  PostSuccess,
  Error: ErrorBody,
  VersionInfo,
  ServiceInput,
  ServicesInput,
  EndpointsInput,
  Service: ServiceOutput,
  Flow,
  Verdicts,
  Status,
  Changes,
  N4,
  N4Session,
  N4Sessions,
  Gtpc,
  GtpcSession,
  GtpcSessions,
  SessionEntry,
  SessionUlClEntry,
  UserSession,
  UserSessions,
  UserSessionsInput,
  UserSessionChanges,
} as const satisfies Readonly<Record<string, TSchema>>

/** Refers to a named schema, so that OpenAPI does too. */
export const ref = (name: keyof typeof namedSchemas) => ({ $ref: `${name}#` })
