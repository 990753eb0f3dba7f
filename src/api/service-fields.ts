// The fields of a service in our own words: what /sluice/v1 shows and takes, and what loxilb's words cannot say.

import { Type, type Static, type TProperties } from 'typebox'
import {
  algs,
  encapsulations,
  gtpcBalances,
  misses,
  modes,
  n4Balances,
  outOfTheBlues,
  selects,
  serviceProtocols,
  upfLossPolicies,
} from '../lb/model.ts'
import type { GtpVersion } from '../lb/model.ts'

/** A counter: an exact JSON number, however large. */
export const Counter = (description: string) => Type.Unsafe<bigint>(Type.Integer({ minimum: 0, description }))
export const portNumber = { minimum: 0, maximum: 65535 }
const seconds = { minimum: 1, maximum: 604_800 }
const listMax = 65_536

/** Shown as null where there is none; may be sent so, or left out. */
export const orNull = <Value extends TProperties[string]>(value: Value) => Type.Union([value, Type.Null()])

export const gtpVersion = Type.Unsafe<GtpVersion>(Type.Integer({ minimum: 1, maximum: 2 }))

/** What loxilb's bodies have no word for. */
const words = Type.Array(Type.String({ maxLength: 255 }), { maxItems: 256 })

const ownFields = {
  secondary: Type.Array(Type.String(), { maxItems: 256, description: 'further VIPs' }),
  encapsulation: orNull(Type.Enum([...encapsulations], { description: 'mode dsr' })),
  select: Type.Enum([...selects]),
  persistTimeout: Type.Integer({ ...seconds, description: 'seconds; select persist' }),
  miss: Type.Enum([...misses], { description: 'select n3 and hint' }),
  quic: orNull(
    Type.Object(
      {
        serverIdLength: Type.Integer({ minimum: 1, maximum: 15, description: 'bytes' }),
        nonceLength: Type.Integer({ minimum: 4, maximum: 18, description: 'bytes' }),
        key: Type.Optional(orNull(Type.String({ description: '16 bytes, hexadecimal; none: server ids are plain' }))),
        configId: Type.Optional(Type.Integer({ minimum: 0, maximum: 6 })),
      },
      { description: 'select quic' },
    ),
  ),
  n4: orNull(
    Type.Object(
      {
        tunnels: Type.String({ maxLength: 128, description: 'service that takes GTP-U for the same UPFs' }),
        users: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64, description: 'services of select n6' }),
        localNetworkInstances: words,
        nodeId: orNull(Type.String({ maxLength: 253, description: 'none: the VIP' })),
        balance: Type.Enum([...n4Balances]),
        onLoss: Type.Enum([...upfLossPolicies]),
        onFewerFeatures: Type.Enum(['refuse', 'narrow']),
        hotPercent: Type.Integer({ minimum: 1, maximum: 100 }),
        heartbeat: Type.Integer({ minimum: 1, maximum: 3600, description: 'seconds' }),
        echo: Type.Integer({ minimum: 0, maximum: 3600, description: 'seconds; 0: user planes are not asked' }),
        t1: Type.Integer({ minimum: 100, maximum: 60_000, description: 'milliseconds' }),
        n1: Type.Integer({ minimum: 0, maximum: 16 }),
      },
      { description: 'select n4' },
    ),
  ),
  gtpc: orNull(
    Type.Object(
      {
        versions: Type.Array(gtpVersion, { minItems: 1, maxItems: 2 }),
        balance: Type.Enum([...gtpcBalances]),
        echo: Type.Integer({ minimum: 0, maximum: 3600, description: 'seconds; 0: gateways are not asked' }),
        t3: Type.Integer({ minimum: 100, maximum: 60_000, description: 'milliseconds' }),
        n3: Type.Integer({ minimum: 0, maximum: 16 }),
        wait: Type.Integer({ minimum: 1, maximum: 600, description: 'seconds' }),
        drain: Type.Integer({ ...seconds, description: 'seconds' }),
      },
      { description: 'select gtpc' },
    ),
  ),
  outOfTheBlue: Type.Enum([...outOfTheBlues]),
  alg: orNull(Type.Enum([...algs])),
  resetOnIdle: Type.Boolean(),
  embryonicLimit: orNull(Type.Integer({ minimum: 1, maximum: 4_194_304, description: 'flows' })),
  sources: Type.Array(Type.String(), { maxItems: 16, description: 'source addresses that endpoints see' }),
  announce: Type.Enum(['local', 'routed']),
}

/** A part of loxilb's body that its own clients do not know. */
export const OwnFields = Type.Partial(Type.Object(ownFields), {
  description: 'what loxilb has no word for; left out, it stays as it is',
})
export type OwnFields = Static<typeof OwnFields>

const fields = {
  ...ownFields,
  mode: Type.Enum([...modes]),
  mark: orNull(Type.Integer({ minimum: 1, maximum: 4_294_967_295, description: 'firewall mark' })),
  allowedSources: Type.Array(Type.String(), { maxItems: listMax, description: 'prefixes; none: all' }),
  users: Type.Array(Type.String(), { maxItems: listMax, description: 'select n6: prefixes of users; else none' }),
  idleTimeout: orNull(
    Type.Integer({ ...seconds, description: 'seconds; none: the general timeout, for sessions of PFCP a week' }),
  ),
}

const endpointFields = {
  weight: Type.Integer({ minimum: 0, maximum: 255 }),
  drained: Type.Boolean({ description: 'takes no new flows' }),
  blocked: Type.Boolean({ description: 'takes no packet' }),
  priority: Type.Integer({ ...portNumber, description: 'select priority: the lowest takes all' }),
  serverId: orNull(Type.String({ description: 'select quic: hexadecimal' })),
  upf: orNull(
    Type.Object(
      { userPlane: words, dataNetwork: words, dnns: words, networkInstances: words, slices: words, uePools: words },
      { description: 'select n4: the sessions it is for; empty lists: all' },
    ),
  ),
  gtpVersions: Type.Array(gtpVersion, { maxItems: 2, description: 'select gtpc; none: all' }),
  teidRange: orNull(Type.String({ description: 'select n3: 0x10000000/4' })),
}

/** What may stand in a service that is sent in because it stands in one that is read, and is not taken from there. */
const readOnly = Type.Unsafe<unknown>({ readOnly: true, description: 'output; ignored on input' })

const Annotations = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))

export const EndpointInput = Type.Object(
  {
    address: Type.String(),
    port: Type.Optional(Type.Integer({ ...portNumber, description: "left out: the service's; 0: the client's" })),
    ...Type.Partial(Type.Object(endpointFields)).properties,
    counters: Type.Optional(readOnly),
    activeFlows: Type.Optional(readOnly),
  },
  { additionalProperties: false },
)
export type EndpointInput = Static<typeof EndpointInput>

const endpointsMax = 4096

export const EndpointsInput = Type.Object(
  { endpoints: Type.Array(EndpointInput, { minItems: 1, maxItems: endpointsMax }) },
  { additionalProperties: false },
)
export type EndpointsInput = Static<typeof EndpointsInput>

export const ServiceInput = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 255 })),
    address: Type.String({ description: 'VIP' }),
    port: Type.Integer({ ...portNumber, description: '0 for icmp; the first of a range' }),
    lastPort: Type.Optional(
      Type.Integer({ ...portNumber, description: 'the last of a range; with port 0 65535: any port' }),
    ),
    protocol: Type.Enum([...serviceProtocols]),
    ...Type.Partial(Type.Object(fields)).properties,
    endpoints: Type.Array(EndpointInput, { maxItems: endpointsMax }),
    annotations: Type.Optional(Annotations),
    owner: Type.Optional(readOnly),
    counters: Type.Optional(readOnly),
  },
  { additionalProperties: false },
)
export type ServiceInput = Static<typeof ServiceInput>

const Counters = Type.Object({
  packets: Counter('packets, both directions'),
  bytes: Counter('bytes of IP packets, both directions'),
  flows: Counter('flows ever created'),
})

export const ServiceOutput = Type.Object({
  name: Type.String(),
  owner: Type.Enum(['file', 'api']),
  address: Type.String(),
  port: Type.Integer(portNumber),
  lastPort: Type.Integer(portNumber),
  protocol: Type.Enum([...serviceProtocols]),
  ...fields,
  quic: orNull(
    Type.Object({
      serverIdLength: Type.Integer(),
      nonceLength: Type.Integer(),
      key: orNull(Type.String()),
      configId: Type.Integer(),
    }),
  ),
  endpoints: Type.Array(
    Type.Object({
      address: Type.String(),
      port: Type.Integer(portNumber),
      ...endpointFields,
      counters: Counters,
      activeFlows: Type.Integer({ description: 'flows that live now' }),
    }),
  ),
  annotations: Annotations,
  counters: Counters,
})
export type ServiceOutput = Static<typeof ServiceOutput>
