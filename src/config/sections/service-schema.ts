// How a service is written, in the file and in what the API stores: every field with what it means.

import { Type } from 'typebox'
import {
  algs,
  encapsulations,
  gtpcBalances,
  gtpcDefaults,
  misses,
  modes,
  n4Balances,
  outOfTheBlues,
  selects,
  serviceProtocols,
  upfLossPolicies,
} from '../../lb/model.ts'
import type { Static } from 'typebox'
import type { GtpVersion } from '../../lb/model.ts'
import type { Loose } from '../section.ts'

/** The largest table has room for 64 slots an endpoint, and a change rewrites it in a moment. */
const maxEndpointsOfOneService = 4096
const maxVips = 256
/** Of one pool, as the fast path keeps it: SNAT_POOL_ADDRESSES of bpf/shared/limits.h; a test compares. */
const maxSourceAddresses = 16
const maxSeconds = 604_800

const hexadecimal = {
  pattern: '^([0-9A-Fa-f]{2})+$',
  patternErrorMessage: 'must be bytes in hexadecimal, two digits each, for example "0a1b"',
}

const words = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { description, maxItems: 256, default: [] })

const upfSchema = Type.Object(
  {
    userPlane: Type.Array(Type.String({ format: 'ip' }), {
      description:
        'Where it takes GTP-U; all of them endpoints of the service `n4.tunnels`. Empty: where its F-TEIDs say, ' +
        'which must be one of these endpoints too.',
      maxItems: 16,
      default: [],
    }),
    dataNetwork: Type.Array(Type.String({ format: 'ip' }), {
      description:
        'Where it takes what the data network sends to users (N6); endpoints of the services `n4.users`. Empty: at ' +
        'the address of this endpoint.',
      maxItems: 16,
      default: [],
    }),
    dnns: words('Data network names (DNN, APN) that it serves. Empty: all.'),
    networkInstances: words('Network instances that it serves. Empty: all.'),
    slices: Type.Array(
      Type.String({
        pattern: '^[0-9]{1,3}(-[0-9a-fA-F]{6})?$',
        patternErrorMessage: 'must be an S-NSSAI: SST, or SST-SD like 1-0000ff',
      }),
      { description: 'Slices (S-NSSAI) that it serves: SST, or SST-SD. Empty: all.', maxItems: 256, default: [] },
    ),
    uePools: words(
      'Prefixes of UE addresses (`10.45.0.0/16`), and names of UE IP address pools, without a `/`. Empty: all.',
    ),
  },
  { description: 'For `select: n4`: the sessions that this UPF is for.', additionalProperties: false },
)

const n4Schema = Type.Object(
  {
    tunnels: Type.String({
      description: 'Name of the service with `select: n3` that takes GTP-U for the same UPFs.',
      minLength: 1,
      maxLength: 128,
    }),
    users: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      description:
        'Names of the services with `select: n6` that have what the data network sends to the same users: a packet ' +
        'goes to the UPF of its session. Empty: it goes where routes lead, or by a hash.',
      maxItems: 64,
      default: [],
    }),
    localNetworkInstances: words(
      'Network instances of networks that are local here (TS 29.244, 8.2.4): what rules of SMFs send there by ' +
        'destination leaves its tunnel in eBPF and is routed, without a UPF (UL-CL). Empty: nothing does.',
    ),
    nodeId: Type.Optional(
      Type.String({
        description: 'Node ID that both sides are told: a name. Left out: the VIP.',
        pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$',
        patternErrorMessage: 'must be a domain name',
      }),
    ),
    balance: Type.Enum([...n4Balances], {
      description:
        'How the UPF of a new session is chosen among those that serve it. `least-sessions`: the one with the fewest ' +
        'for its weight. `load`: by the load that UPFs report. `hash`: by the user, or the address of the UE.',
      default: 'least-sessions',
    }),
    onLoss: Type.Enum([...upfLossPolicies], {
      description:
        'What becomes of the sessions of a UPF that has died. `report`: the SMF is told, and deletes them. ' +
        '`restore`: they are established on another UPF with their tunnels. `refuse`: requests for them are refused.',
      default: 'report',
    }),
    onFewerFeatures: Type.Enum(['refuse', 'narrow'], {
      description:
        'What becomes of a UPF that lacks features which SMFs were told of. `refuse`: it gets no sessions. `narrow`: ' +
        'SMFs are told of fewer.',
      default: 'refuse',
    }),
    hotPercent: Type.Integer({
      description: 'Mean load of the UPFs from which SMFs are told. Unit: percent.',
      minimum: 1,
      maximum: 100,
      default: 80,
    }),
    heartbeat: Type.Integer({
      description: 'Time between two heartbeats to a peer. Unit: seconds.',
      minimum: 1,
      maximum: 3600,
      default: 5,
    }),
    echo: Type.Integer({
      description:
        'Time between two GTP-U echo requests (TS 29.281, 7.2.1) to where a UPF takes GTP-U. A UPF that leaves one ' +
        'unanswered at all its addresses, after `n1` repetitions, is lost although its PFCP answers. 0: user planes ' +
        'are not asked. Unit: seconds.',
      minimum: 0,
      maximum: 3600,
      default: 0,
    }),
    t1: Type.Integer({
      description:
        'Time until a request that has no answer is sent again. A peer is lost when a heartbeat has none after ' +
        '`n1` repetitions. Unit: milliseconds.',
      minimum: 100,
      maximum: 60_000,
      default: 1000,
    }),
    n1: Type.Integer({
      description: 'How often a request without an answer is sent again.',
      minimum: 0,
      maximum: 16,
      default: 3,
    }),
  },
  {
    description: 'For `select: n4`: PFCP (TS 29.244) is terminated, and every SMF takes all UPFs for one.',
    additionalProperties: false,
  },
)

const versionsSchema = (more: object) =>
  Type.Array(Type.Unsafe<GtpVersion>(Type.Integer({ minimum: 1, maximum: 2 })), {
    minItems: 1,
    ...more,
  })

const gtpcSchema = Type.Object(
  {
    versions: versionsSchema({
      description: 'Versions that are spoken: 1 (Gn, Gp; TS 29.060), 2 (S11, S5, S8; TS 29.274).',
      default: gtpcDefaults.versions,
    }),
    balance: Type.Enum([...gtpcBalances], {
      description:
        'How the gateway of a user that has no session yet is chosen. `least-sessions`: the one with the fewest for ' +
        'its weight. `weighted`: at random, by weight. `hash`: by IMSI and weight.',
      default: gtpcDefaults.balance,
    }),
    echo: Type.Integer({
      description:
        'Time between two echo requests to a gateway; the standards have at least 60. 0: gateways are not asked, and ' +
        'are taken for well as long as they answer other requests. Unit: seconds.',
      minimum: 0,
      maximum: 3600,
      default: gtpcDefaults.echo,
    }),
    t3: Type.Integer({
      description:
        'Time until a request of ours that has no answer is sent again (T3-RESPONSE). A gateway is lost when an echo ' +
        'request has none after `n3` repetitions. Unit: milliseconds.',
      minimum: 100,
      maximum: 60_000,
      default: gtpcDefaults.t3,
    }),
    n3: Type.Integer({
      description: 'How often a request of ours that has no answer is sent again (N3-REQUESTS).',
      minimum: 0,
      maximum: 16,
      default: gtpcDefaults.n3,
    }),
    wait: Type.Integer({
      description:
        'Time in which a request that was passed on is to be answered, while its sender repeats it; and in which an ' +
        'answer is kept for repetitions. At least T3 times N3 of the clients. Unit: seconds.',
      minimum: 1,
      maximum: 600,
      default: gtpcDefaults.wait,
    }),
    drain: Type.Integer({
      description: 'Time in which an endpoint that was removed keeps the sessions it has. Unit: seconds.',
      minimum: 1,
      maximum: maxSeconds,
      default: gtpcDefaults.drain,
    }),
  },
  {
    description:
      'For `select: gtpc`: GTP-C is terminated, and MMEs, SGSNs and SGWs take all gateways for one. Left out: all ' +
      'fields as they are left out.',
    additionalProperties: false,
  },
)

const endpointSchema = Type.Object(
  {
    address: Type.String({
      description: 'IP address of the server, of either family whatever the VIP is.',
      format: 'ip',
    }),
    port: Type.Optional(
      Type.Integer({
        description:
          'Port of the server. Left out: the port that the client asked for. Not for icmp; in mode dsr it is always ' +
          'the port that the client asked for.',
        minimum: 1,
        maximum: 65535,
      }),
    ),
    weight: Type.Integer({
      description:
        'Share of new connections, relative to the other endpoints of the service: 2 gets twice what 1 gets. 0 takes ' +
        'no new connections; those it has go on.',
      minimum: 0,
      maximum: 255,
      default: 1,
    }),
    drained: Type.Boolean({
      description: 'true: keeps the connections it has and takes no new ones, for example before maintenance.',
      default: false,
    }),
    blocked: Type.Boolean({
      description: 'true: takes no packet at all; the connections it has are dropped.',
      default: false,
    }),
    priority: Type.Integer({
      description:
        'For `select: priority`: the endpoints with the lowest number that can take connections take all of them, by ' +
        'weight.',
      minimum: 0,
      maximum: 65535,
      default: 0,
    }),
    serverId: Type.Optional(
      Type.String({
        description:
          'For `select: quic`: the server id that this server writes into its connection ids. Unit: hexadecimal, ' +
          '`quic.serverIdLength` bytes; unique in the service. Quote it, for YAML reads some of them as numbers.',
        ...hexadecimal,
      }),
    ),
    upf: Type.Optional(upfSchema),
    gtpVersions: Type.Optional(
      versionsSchema({ description: 'For `select: gtpc`: versions that this gateway speaks. Left out: all.' }),
    ),
    teidRange: Type.Optional(
      Type.String({
        description:
          'For `select: n3`: the tunnel ids (TEIDs) of this endpoint, by their first bits, as its TEIDRI and TEID ' +
          'Range say. They count where no hint names the whole id. Unit: the first one and the bits in common.',
        pattern: '^0x[0-9a-fA-F]{1,8}/[0-9]{1,2}$',
        examples: ['0x10000000/4'],
      }),
    ),
  },
  { additionalProperties: false },
)

const quicSchema = Type.Object(
  {
    serverIdLength: Type.Integer({
      description: 'Length of server ids. Unit: bytes.',
      minimum: 1,
      maximum: 15,
    }),
    nonceLength: Type.Integer({
      description: 'Length of the nonce behind the server id. Unit: bytes; with the server id at most 19.',
      minimum: 4,
      maximum: 18,
    }),
    key: Type.Optional(
      Type.String({
        description:
          'Key that server ids are encrypted with: 16 bytes in hexadecimal. Left out: they stand in the clear, and ' +
          'the kernel reads them; encrypted ones are read by the daemon, once for each new address of a client.',
        pattern: '^[0-9A-Fa-f]{32}$',
        patternErrorMessage: 'must be a key of 16 bytes in hexadecimal, 32 digits',
      }),
    ),
    configId: Type.Integer({
      description: 'The config rotation bits of connection ids that are meant.',
      minimum: 0,
      maximum: 6,
      default: 0,
    }),
  },
  {
    description:
      'For `select: quic`: how connection ids carry server ids, as the servers were told too ' +
      '(draft-ietf-quic-load-balancers).',
    additionalProperties: false,
  },
)

const portRange = Type.String({
  pattern: '^(any|[0-9]{1,5}-[0-9]{1,5})$',
  patternErrorMessage: 'must be a port from 1 to 65535, a range like 8000-8100, or `any`',
})

const serviceSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        description: 'Name shown in tables and logs; unique. Left out: made like 10.0.0.1:80/tcp.',
        pattern: '^[\\x21-\\x7e]{1,128}$',
        patternErrorMessage: 'must be 1 to 128 characters: letters, digits and signs of ASCII, no spaces',
      }),
    ),
    vip: Type.String({
      description:
        'Virtual IP address that clients connect to. In mode hostonearm `0.0.0.0` or `::`, which is every address of ' +
        'this machine; in mode masquerade the same, which is every address outside. With `select: n6` it ' +
        'says the family of `users`.',
      format: 'ip',
    }),
    vips: Type.Array(Type.String({ format: 'ip' }), {
      description: 'Further virtual IP addresses of the same service, of either family.',
      maxItems: maxVips,
      default: [],
    }),
    port: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 65535 }), portRange], {
        description:
          'Port that clients connect to, a range of ports like `8000-8100`, or `any`. Needed for tcp, udp and sctp; ' +
          'icmp has none, and in mode masquerade it is always `any`; protocol any has none.',
      }),
    ),
    protocol: Type.Enum([...serviceProtocols], {
      description:
        'tcp, udp, sctp, or icmp (echo: the endpoints answer pings of the VIP; for an IPv6 VIP ICMPv6). ' +
        'With `select: n6` `any`: every protocol over IP.',
    }),
    mode: Type.Enum([...modes], {
      description:
        'What is rewritten. `dnat`: the destination; servers see the client, and their answers must come back ' +
        'through this machine. `onearm`: the source too, to the address of the interface towards the server. ' +
        '`fullnat`: the source too, to the VIP. `hostonearm`: as onearm, for every address of this machine. `dsr`: ' +
        'nothing; servers have the VIP themselves and answer clients directly. `masquerade`: the source of what ' +
        'inside clients send to the outside. `proxy`: messages, which end here (`select: n4`, `gtpc`). An endpoint ' +
        'of another family than the VIP always sees an address of ours.',
      default: 'dnat',
    }),
    encapsulation: Type.Optional(
      Type.Enum([...encapsulations], {
        description:
          'For mode dsr: how packets reach their server. `l2` (when left out): by its MAC address, on the same link. ' +
          '`ip`: inside IP. `gue`: inside UDP (generic UDP encapsulation).',
      }),
    ),
    select: Type.Enum([...selects], {
      description:
        'How the endpoint of a new connection is chosen. `rr`: in turn, by weight. `hash`: by a hash of addresses ' +
        'and ports (Maglev); every node chooses the same, and a change of endpoints moves few connections. ' +
        '`persist`: the one that the client had before. `lc`: the one with the fewest connections for its weight. ' +
        '`priority`: as rr, among those with the lowest `priority`. `n3`: by the tunnel of a GTP-U packet. `hint`: ' +
        'by the session that was learned from signalling. `quic`: by the server id in the connection id. `n4`: a UPF ' +
        'for each PFCP session. `gtpc`: a gateway for each user of GTP-C. `n6`: by the address of the user that the ' +
        'data network sends to.',
      default: 'rr',
    }),
    persistTimeout: Type.Integer({
      description: 'For `select: persist`: how long a client that is away keeps its endpoint. Unit: seconds.',
      minimum: 1,
      maximum: maxSeconds,
      default: 10_800,
    }),
    miss: Type.Enum([...misses], {
      description:
        'For `select: n3`, `n6` and `hint`: what becomes of a packet whose session is not known. `hash`: an ' +
        'endpoint by a hash of its session key. `drop`: dropped and counted. `error`: dropped, and the sender is ' +
        'told (`n3`).',
      default: 'hash',
    }),
    quic: Type.Optional(quicSchema),
    n4: Type.Optional(n4Schema),
    gtpc: Type.Optional(gtpcSchema),
    outOfTheBlue: Type.Optional(
      Type.Enum([...outOfTheBlues], {
        description:
          'What becomes of a packet in the middle of a connection that is not known, of tcp and sctp. `drop`: ' +
          'dropped and counted. `hash`: it goes to the endpoint that the hash gives, which is the one it had before. ' +
          '`abort`: sctp tells its sender by ABORT. Left out: `hash` for tcp with `select: hash` in the modes dnat ' +
          'and dsr, else `drop`.',
      }),
    ),
    alg: Type.Optional(
      Type.Enum([...algs], {
        description:
          'The protocol opens connections that it names in its payload: they are followed and their addresses ' +
          'rewritten. `ftp` for tcp, `tftp` for udp.',
      }),
    ),
    mark: Type.Optional(
      Type.Integer({
        description:
          'Firewall mark: packets that the kernel marked so and that are of this protocol are for the service, ' +
          'whatever their destination. The VIP is only its name, and the source address of mode fullnat.',
        minimum: 1,
        maximum: 4_294_967_295,
      }),
    ),
    allowedSources: Type.Array(
      Type.String({
        pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$',
        patternErrorMessage: 'must be a prefix like 10.0.0.0/8 or 2001:db8::/32, or one address',
      }),
      {
        description:
          'Prefixes that may use the service; packets of others are dropped and counted. Empty: all may. In mode ' +
          'masquerade the prefixes of the inside clients; packets of others are not for the service.',
        maxItems: 65_536,
        default: [],
      },
    ),
    users: Type.Array(
      Type.String({
        pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$',
        patternErrorMessage: 'must be a prefix like 10.0.0.0/8 or 2001:db8::/32, or one address',
      }),
      {
        description:
          'For `select: n6`: prefixes of the addresses that users have. What the data network sends to them goes to ' +
          'the UPF that has the user, with no change beside MAC addresses or an outer header.',
        maxItems: 65_536,
        default: [],
      },
    ),
    idleTimeout: Type.Optional(
      Type.Integer({
        description:
          'How long an established connection is kept when no packet of it passes; with `select: hint` at port 8805 ' +
          '(PFCP), how long a session is remembered that no message is about. Unit: seconds. Left out: that of ' +
          '`timeouts`; for sessions of PFCP a week.',
        minimum: 1,
        maximum: maxSeconds,
      }),
    ),
    resetOnIdle: Type.Boolean({
      description: 'true: both sides of a tcp connection that is idle too long are told by RST.',
      default: false,
    }),
    embryonicLimit: Type.Optional(
      Type.Integer({
        description:
          'Connections that are not established yet, as a SYN flood makes them; more are dropped and counted. Unit: ' +
          'flows. Left out: as many as the table has room for.',
        minimum: 1,
        maximum: 4_194_304,
      }),
    ),
    sources: Type.Array(Type.String({ format: 'ip' }), {
      description:
        "Source addresses that servers see, of the servers' family, where the source is rewritten; each gives the " +
        'ports of `snat.ports`. Routes must lead them back here. Empty: the one that the mode says; mode masquerade ' +
        'needs some.',
      maxItems: maxSourceAddresses,
      default: [],
    }),
    announce: Type.Optional(
      Type.Enum(['local', 'routed'], {
        description:
          'Who answers for the VIP. `local`: this machine gets the address and announces it on its links. `routed`: ' +
          'nothing is done, because routes lead here. Left out: `local`; with mode hostonearm or masquerade or a ' +
          '`mark` `routed`.',
      }),
    ),
    endpoints: Type.Optional(
      Type.Array(endpointSchema, {
        description: 'The servers. Needed in all modes but masquerade, which has none.',
        maxItems: maxEndpointsOfOneService,
      }),
    ),
  },
  { additionalProperties: false },
)

export const servicesSchema = Type.Array(serviceSchema, {
  description: 'What is balanced: virtual addresses, ports and a protocol each. Re-read on SIGHUP.',
  default: [],
})

export type ServiceInput = Static<typeof serviceSchema>
export type EndpointInput = NonNullable<ServiceInput['endpoints']>[number]
export type LooseService = Loose<ServiceInput>
