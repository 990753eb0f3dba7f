// What is balanced: services and their endpoints, as plain data. Knows nothing of maps, sockets or HTTP.

export type Transport = 'tcp' | 'udp' | 'sctp' | 'icmp'
/** `icmp` is that of the VIP's family. */
export const transports = ['tcp', 'udp', 'sctp', 'icmp'] as const satisfies readonly Transport[]

/** `any`: every protocol over IP, which only `select: n6` has. */
export type ServiceProtocol = Transport | 'any'
export const serviceProtocols = [...transports, 'any'] as const satisfies readonly ServiceProtocol[]

/**
 * How a packet is translated: `dnat` keeps the source, `onearm` writes the egress address, `fullnat` the VIP,
 * `hostonearm` is `onearm` for every address of this host, `dsr` lets endpoints answer clients themselves. Where VIP
 * and endpoint are of different families the source is always an address of ours. `masquerade` balances nothing: what
 * inside clients send to the outside keeps its destination and gets a source of a pool. `proxy` terminates: both sides
 * speak to us, message by message.
 */
export type Mode = 'dnat' | 'onearm' | 'fullnat' | 'hostonearm' | 'dsr' | 'masquerade' | 'proxy'
export const modes = [
  'dnat',
  'onearm',
  'fullnat',
  'hostonearm',
  'dsr',
  'masquerade',
  'proxy',
] as const satisfies readonly Mode[]

/** Mode `dsr`: how a packet reaches its endpoint: by MAC address (`l2`), or inside IP, or inside GUE. */
export type Encapsulation = 'l2' | 'ip' | 'gue'
export const encapsulations = ['l2', 'ip', 'gue'] as const satisfies readonly Encapsulation[]

export type Select = 'rr' | 'hash' | 'persist' | 'lc' | 'priority' | 'n3' | 'n6' | 'hint' | 'quic' | 'n4' | 'gtpc'
export const selects = [
  'rr',
  'hash',
  'persist',
  'lc',
  'priority',
  'n3',
  'n6',
  'hint',
  'quic',
  'n4',
  'gtpc',
] as const satisfies readonly Select[]

/** Those of mode `proxy`, each a protocol whose messages end here. */
export type ProxiedSelect = 'n4' | 'gtpc'
export const proxiedSelects = ['n4', 'gtpc'] as const satisfies readonly ProxiedSelect[]

/** Those of the fast path. */
export type TableSelect = Exclude<Select, ProxiedSelect>

/** What becomes of a packet whose session key is not known. */
export type Miss = 'hash' | 'drop' | 'error'
export const misses = ['hash', 'drop', 'error'] as const satisfies readonly Miss[]

/** What becomes of a packet in the middle of a connection that is not known. */
export type OutOfTheBlue = 'drop' | 'hash' | 'abort'
export const outOfTheBlues = ['drop', 'hash', 'abort'] as const satisfies readonly OutOfTheBlue[]

/** A protocol whose payload names addresses or ports. */
export type Alg = 'ftp' | 'tftp'
export const algs = ['ftp', 'tftp'] as const satisfies readonly Alg[]

/** Who answers for a VIP: we do, on the link (`local`), or routes lead here (`routed`). */
export type Announce = 'local' | 'routed'

/** Who made an object; a reload touches only what the file owns. */
export type Owner = 'file' | 'api'

export interface Endpoint {
  /** canonical text */
  readonly address: string
  /** 0 for ICMP, and where packets keep their destination port: services with a range, or any port */
  readonly port: number
  /** 0 to 255; 0 takes no new flows */
  readonly weight: number
  /** Drained: keeps its flows, takes no new ones. Counts for the size of the table all the same. */
  readonly drained: boolean
  /** Blocked: takes no packet, and its flows are dropped. */
  readonly blocked: boolean
  /** `priority`: the accepting endpoints with the lowest number take all */
  readonly priority: number
  /** `quic`: its server id in connection ids, hexadecimal */
  readonly serverId: string | null
  /** `n4`: which sessions it is for; null: all */
  readonly upf: UpfSettings | null
  /** `gtpc`: those that it speaks; none: all of the service */
  readonly gtpVersions: readonly GtpVersion[]
  /** `n3`: the TEIDs that are its own, in canonical text (`0x10000000/4`); see teid-range.ts */
  readonly teidRange: string | null
}

/** What a UPF of `select: n4` is for. An empty list says that it is for all. */
export interface UpfSettings {
  /** where it takes GTP-U, when its F-TEIDs do not say so: canonical addresses */
  readonly userPlane: readonly string[]
  /** where it takes what the data network sends (N6), when that is not its own address: canonical addresses */
  readonly dataNetwork: readonly string[]
  readonly dnns: readonly string[]
  readonly networkInstances: readonly string[]
  /** `1-0000ff`: SST and SD */
  readonly slices: readonly string[]
  /** prefixes of UE addresses, and names of pools */
  readonly uePools: readonly string[]
}

export type N4Balance = 'least-sessions' | 'load' | 'hash'
export const n4Balances = ['least-sessions', 'load', 'hash'] as const satisfies readonly N4Balance[]

/** What becomes of the sessions of a UPF that has died. */
export type UpfLossPolicy = 'report' | 'restore' | 'refuse'
export const upfLossPolicies = ['report', 'restore', 'refuse'] as const satisfies readonly UpfLossPolicy[]

/** PFCP (TS 29.244), terminated: many UPFs that every SMF takes for one. */
export interface N4Settings {
  /** name of the service (`select: n3`) that takes GTP-U for the same UPFs */
  readonly tunnels: string
  /** names of services (`select: n6`) of the users whose sessions these are; each prefix is found in one of them */
  readonly users: readonly string[]
  /** network instances of local networks: what users send there leaves its tunnel here (UL-CL); none: nothing does */
  readonly localNetworkInstances: readonly string[]
  /** a name; null: the VIP */
  readonly nodeId: string | null
  readonly balance: N4Balance
  readonly onLoss: UpfLossPolicy
  /** what becomes of a UPF that lacks features which SMFs have been promised */
  readonly onFewerFeatures: 'refuse' | 'narrow'
  /** percent: mean load of the pool from which SMFs are told */
  readonly hotPercent: number
  /** seconds between two heartbeats to a peer */
  readonly heartbeat: number
  /** seconds between two GTP-U echo requests to the user plane of a UPF; 0: it is not asked */
  readonly echo: number
  /** T1 of TS 29.244, 6.4: milliseconds until a request is sent again */
  readonly t1: number
  /** N1: how often */
  readonly n1: number
}

/** Version 1 is TS 29.060 (Gn, Gp), version 2 is TS 29.274 (S11, S5, S8). */
export type GtpVersion = 1 | 2

export type GtpcBalance = 'least-sessions' | 'weighted' | 'hash'
export const gtpcBalances = ['least-sessions', 'weighted', 'hash'] as const satisfies readonly GtpcBalance[]

/** GTP-C, terminated: many gateways that every MME, SGSN and SGW takes for one. */
export interface GtpcSettings {
  /** those that are spoken, at least one */
  readonly versions: readonly GtpVersion[]
  readonly balance: GtpcBalance
  /** seconds between two echo requests to a gateway; 0: there are none */
  readonly echo: number
  /** T3-RESPONSE of TS 29.274, 7.6: milliseconds until a request is sent again */
  readonly t3: number
  /** N3-REQUESTS: how often */
  readonly n3: number
  /** seconds in which a request that was passed on is to be answered, and in which an answer is kept */
  readonly wait: number
  /** seconds in which an endpoint that was taken out keeps its sessions */
  readonly drain: number
}

export const gtpcDefaults: GtpcSettings = {
  versions: [1, 2],
  balance: 'least-sessions',
  echo: 60,
  t3: 3000,
  n3: 3,
  wait: 30,
  drain: 600,
}

/** QUIC-LB (draft-ietf-quic-load-balancers): how connection ids carry server ids. */
export interface QuicLb {
  /** bytes, 1 to 15 */
  readonly serverIdLength: number
  /** bytes, 4 to 18 */
  readonly nonceLength: number
  /** 16 bytes, hexadecimal; null: server ids are plain */
  readonly key: string | null
  /** config rotation bits, 0 to 6 */
  readonly configId: number
}

export interface Service {
  /** unique; made from address, port and protocol where the user gave none */
  readonly name: string
  readonly owner: Owner
  /**
   * canonical text; `0.0.0.0` or `::` in mode `hostonearm`: every address of this host, and in mode `masquerade`: every
   * one outside. With `select: n6` the same, which says the family of `users`
   */
  readonly address: string
  /** further VIPs of the same service */
  readonly secondary: readonly string[]
  /** 0 for ICMP; the first of a range; 0 for others: any port */
  readonly port: number
  /** the last of a range; equal to `port` for a single one; 65535 for any port */
  readonly lastPort: number
  readonly protocol: ServiceProtocol
  readonly mode: Mode
  /** null: not mode `dsr` */
  readonly encapsulation: Encapsulation | null
  readonly select: Select
  /** `persist`: seconds an idle client keeps its endpoint */
  readonly persistTimeout: number
  /** `n3`, `hint`: what becomes of a session key without a hint */
  readonly miss: Miss
  /** null: not `quic` */
  readonly quic: QuicLb | null
  /** null: not `n4` */
  readonly n4: N4Settings | null
  /** null: not `gtpc` */
  readonly gtpc: GtpcSettings | null
  readonly outOfTheBlue: OutOfTheBlue
  readonly alg: Alg | null
  /** packets with this firewall mark are for the service, whatever their destination; null: by destination */
  readonly mark: number | null
  /** prefixes (`10.0.0.0/8`) that may use it; none: all. In mode `masquerade` whose packets are for it */
  readonly allowedSources: readonly string[]
  /** `n6`: prefixes of the users whose packets from the data network are for it; else none */
  readonly users: readonly string[]
  /** seconds without a packet after which an established flow goes; null: the general time-out */
  readonly idleTimeout: number | null
  /** tell both sides of a TCP connection when it goes that way */
  readonly resetOnIdle: boolean
  /** flows that are not established yet; null: as many as there may be */
  readonly embryonicLimit: number | null
  /** source addresses for `onearm`, `fullnat` and `masquerade`; none: the mode's own */
  readonly sources: readonly string[]
  readonly announce: Announce
  /** of `masquerade` one, which stands for wherever packets go anyway: address and port are those of the service */
  readonly endpoints: readonly Endpoint[]
  /** What loxilb's clients sent and expect back, kept and otherwise unused here. */
  readonly annotations: Readonly<Record<string, string | number | boolean>>
}

/** A service with nothing but its name, address, port and protocol; the rest as the configuration leaves it. */
export const serviceDefaults = {
  owner: 'file',
  secondary: [],
  mode: 'dnat',
  encapsulation: null,
  select: 'rr',
  persistTimeout: 10_800,
  miss: 'hash',
  quic: null,
  n4: null,
  gtpc: null,
  outOfTheBlue: 'drop',
  alg: null,
  mark: null,
  allowedSources: [],
  users: [],
  idleTimeout: null,
  resetOnIdle: false,
  embryonicLimit: null,
  sources: [],
  announce: 'local',
  endpoints: [],
  annotations: {},
} as const satisfies Partial<Service>

export const endpointDefaults = {
  weight: 1,
  drained: false,
  blocked: false,
  priority: 0,
  serverId: null,
  upf: null,
  gtpVersions: [],
  teidRange: null,
} as const satisfies Partial<Endpoint>

/**
 * The identity of a service: one VIP, first port and protocol has one service; one with a mark says so as well, and one
 * of mode `masquerade` the first prefix inside, one of `select: n6` the first one of users.
 */
export type ServiceKey = string & { readonly brand: 'ServiceKey' }

const hostPart = (address: string): string => (address.includes(':') ? `[${address}]` : address)

/** What tells services of one address, port and protocol apart. */
type Distinction = Partial<Pick<Service, 'mark' | 'mode' | 'allowedSources' | 'users'>>

const distinction = ({ mark = null, mode, allowedSources = [], users = [] }: Distinction): string => {
  // In whatever order they are written.
  const first = users.toSorted()[0] ?? (mode === 'masquerade' ? allowedSources.toSorted()[0] : mark)
  return first === undefined || first === null ? '' : `@${first}`
}

export const serviceKey = ({
  address,
  port,
  protocol,
  ...more
}: Pick<Service, 'address' | 'port' | 'protocol'> & Distinction): ServiceKey =>
  `${hostPart(address)}:${port}/${protocol}${distinction(more)}` as ServiceKey

/** Of a service that takes every port of its VIP. */
export const isAnyPort = ({ port, protocol }: Pick<Service, 'port' | 'protocol'>): boolean =>
  port === 0 && protocol !== 'icmp'

/** The port or ports of a service for people: `80`, `8000-8100`, `any`; `0` for ICMP, which has none. */
export const portText = (service: Pick<Service, 'port' | 'lastPort' | 'protocol'>): string => {
  if (isAnyPort(service)) return 'any'
  return service.lastPort === service.port ? String(service.port) : `${service.port}-${service.lastPort}`
}

/** What a service is called that was given no name: its key, with all its ports. */
export const defaultName = ({
  address,
  protocol,
  port,
  lastPort,
  ...more
}: Pick<Service, 'address' | 'port' | 'lastPort' | 'protocol'> & Distinction): string =>
  `${hostPart(address)}:${portText({ port, lastPort, protocol })}/${protocol}${distinction(more)}`

export type Family = 4 | 6

/** Of an address in canonical text. */
export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4)

/** The VIP is every address there is, of this host or of the outside. */
export const isEverywhere = ({ mode }: Pick<Service, 'mode'>): boolean => mode === 'hostonearm' || mode === 'masquerade'

/** Where nobody says who announces: nobody can, where the VIP is every address, or something else chooses packets. */
const defaultAnnounce = ({ mode, mark, select }: Pick<Service, 'mode' | 'mark' | 'select'>): Announce =>
  isEverywhere({ mode }) || mark !== null || select === 'n6' ? 'routed' : 'local'

/** Whether packets reach their endpoints with the address and port of their client. */
const keepsSource = ({
  mode,
  address,
  secondary,
  endpoints,
}: Pick<Service, 'mode' | 'address' | 'secondary' | 'endpoints'>): boolean => {
  if (mode !== 'dnat') return mode === 'dsr'
  const family = familyOf(address)
  return [...secondary, ...endpoints.map((endpoint) => endpoint.address)].every((one) => familyOf(one) === family)
}

/**
 * What becomes of the middle of an unknown connection where nobody says so: with `hash` its endpoint of before is
 * found again, if packets have the client's address and port there.
 */
const defaultOutOfTheBlue = (
  service: Pick<Service, 'protocol' | 'select' | 'mode' | 'address' | 'secondary' | 'endpoints'>,
): OutOfTheBlue => (service.protocol === 'tcp' && service.select === 'hash' && keepsSource(service) ? 'hash' : 'drop')

/** What mode `masquerade` has for an endpoint. */
const elsewhere = (address: string): Endpoint => ({ ...endpointDefaults, address, port: 0 })

type Given = Pick<Service, 'address' | 'port' | 'protocol'> & {
  readonly [Field in keyof Service]?: Service[Field] | undefined
}

/** A service from what was said of it; the rest follows from that, or is the default. */
export const makeService = (given: Given): Service => {
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Service>
  const { address, port, protocol } = given
  const place = { lastPort: isAnyPort(given) ? 65_535 : port, ...said, address, port, protocol }
  const whole = { ...serviceDefaults, ...place }
  return {
    ...whole,
    name: defaultName(place),
    encapsulation: whole.mode === 'dsr' ? 'l2' : null,
    gtpc: whole.select === 'gtpc' ? gtpcDefaults : null,
    outOfTheBlue: defaultOutOfTheBlue(whole),
    announce: defaultAnnounce(whole),
    ...said,
    ...(whole.mode === 'masquerade' && whole.endpoints.length === 0 && { endpoints: [elsewhere(address)] }),
  }
}

/** The identity of an endpoint inside its service. */
export type EndpointKey = string & { readonly brand: 'EndpointKey' }

export const endpointKey = ({ address, port }: Pick<Endpoint, 'address' | 'port'>): EndpointKey =>
  `${hostPart(address)}:${port}` as EndpointKey

/** One change of the model, as `plan` finds it and a datapath performs it. */
export type Change =
  | { readonly kind: 'add'; readonly service: Service }
  | { readonly kind: 'remove'; readonly service: Service }
  | { readonly kind: 'update'; readonly from: Service; readonly to: Service }
