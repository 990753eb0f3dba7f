// What is balanced: services and their endpoints, as plain data. Knows nothing of maps, sockets or HTTP.

export type Transport = 'tcp' | 'udp' | 'icmp'
export const transports = ['tcp', 'udp', 'icmp'] as const satisfies readonly Transport[]

/** How a packet is translated: `dnat` keeps the source, `onearm` writes the egress address, `fullnat` the VIP. */
export type Mode = 'dnat' | 'onearm' | 'fullnat'
export const modes = ['dnat', 'onearm', 'fullnat'] as const satisfies readonly Mode[]

export type Select = 'rr' | 'hash'
export const selects = ['rr', 'hash'] as const satisfies readonly Select[]

/** Who answers for a VIP: we do, on the link (`local`), or routes lead here (`routed`). */
export type Announce = 'local' | 'routed'

/** Who made an object; a reload touches only what the file owns. */
export type Owner = 'file' | 'api'

export interface Endpoint {
  /** canonical text */
  readonly address: string
  /** 0 for ICMP */
  readonly port: number
  /** 0 to 255; 0 takes no new flows */
  readonly weight: number
  /** Drained: keeps its flows, takes no new ones. Counts for the size of the table all the same. */
  readonly drained: boolean
}

export interface Service {
  /** unique; made from address, port and protocol where the user gave none */
  readonly name: string
  readonly owner: Owner
  /** canonical text */
  readonly address: string
  /** 0 for ICMP */
  readonly port: number
  readonly protocol: Transport
  readonly mode: Mode
  readonly select: Select
  readonly announce: Announce
  readonly endpoints: readonly Endpoint[]
  /** What loxilb's clients sent and expect back, kept and otherwise unused here. */
  readonly annotations: Readonly<Record<string, string | number | boolean>>
}

/** The identity of a service: one VIP, port and protocol has one service. */
export type ServiceKey = string & { readonly brand: 'ServiceKey' }

const hostPart = (address: string): string => (address.includes(':') ? `[${address}]` : address)

export const serviceKey = ({ address, port, protocol }: Pick<Service, 'address' | 'port' | 'protocol'>): ServiceKey =>
  `${hostPart(address)}:${port}/${protocol}` as ServiceKey

/** The identity of an endpoint inside its service. */
export type EndpointKey = string & { readonly brand: 'EndpointKey' }

export const endpointKey = ({ address, port }: Pick<Endpoint, 'address' | 'port'>): EndpointKey =>
  `${hostPart(address)}:${port}` as EndpointKey

/** One change of the model, as `plan` finds it and a datapath performs it. */
export type Change =
  | { readonly kind: 'add'; readonly service: Service }
  | { readonly kind: 'remove'; readonly service: Service }
  | { readonly kind: 'update'; readonly from: Service; readonly to: Service }
