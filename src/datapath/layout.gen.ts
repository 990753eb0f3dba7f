// Generated from bpf/shared/*.h by `npm run generate`; do not edit. Readers copy what they return, so that it
// outlives the memory it was read from. Writers write every byte of a layout, padding as zero.

/** Changes when any layout or the meaning of a number does: what the pinned maps were made with. */
export const layoutHash = 0xfae9d68959190271n

export const addressSize = 16
export const addressOffsets = { bytes: 0 } as const
/** One address of either family. IPv4 stands as ::ffff:a.b.c.d, so that later steps are written once. */
export type Address = Uint8Array

export const countersSize = 24
export const countersOffsets = { packets: 0, bytes: 8, flows: 16 } as const
/**
 * Packets and bytes seen; flows is the number of flows ever created. One per CPU, summed by the
 * reader.
 */
export interface Counters {
  readonly packets: bigint
  /** of IP packets: the link header does not count */
  readonly bytes: bigint
  readonly flows: bigint
}
export function readCounters(view: DataView, offset: number): Counters {
  return {
    packets: view.getBigUint64(offset, true),
    bytes: view.getBigUint64(offset + 8, true),
    flows: view.getBigUint64(offset + 16, true),
  }
}
export function writeCounters(view: DataView, offset: number, value: Counters): void {
  view.setBigUint64(offset, value.packets, true)
  view.setBigUint64(offset + 8, value.bytes, true)
  view.setBigUint64(offset + 16, value.flows, true)
}

export const eventKind = {
  flow_created: 1,
  /** the state changed */
  flow_state: 2,
  /** the flow was freed */
  flow_closed: 3,
} as const
export type EventKind = keyof typeof eventKind
/** Names by number. */
export const eventKindNames: Readonly<Record<number, EventKind>> = {
  1: 'flow_created',
  2: 'flow_state',
  3: 'flow_closed',
}

export const flowEventSize = 104
export const flowEventOffsets = {
  sequence: 0,
  cpu: 4,
  kind: 6,
  state: 7,
  at: 8,
  service: 12,
  endpoint: 16,
  client: 24,
  endpointSide: 64,
} as const
export interface FlowEvent {
  /** counts the events of one CPU, lost ones too */
  readonly sequence: number
  readonly cpu: number
  /** enum event_kind */
  readonly kind: number
  /** enum flow_state */
  readonly state: number
  /** ticks */
  readonly at: number
  readonly service: number
  readonly endpoint: number
  /** the client's direction as it comes in */
  readonly client: FlowKey
  /** the endpoint's direction as it comes in */
  readonly endpointSide: FlowKey
}
export function readFlowEvent(view: DataView, offset: number): FlowEvent {
  return {
    sequence: view.getUint32(offset, true),
    cpu: view.getUint16(offset + 4, true),
    kind: view.getUint8(offset + 6),
    state: view.getUint8(offset + 7),
    at: view.getUint32(offset + 8, true),
    service: view.getUint32(offset + 12, true),
    endpoint: view.getUint32(offset + 16, true),
    client: readFlowKey(view, offset + 24),
    endpointSide: readFlowKey(view, offset + 64),
  }
}
export function writeFlowEvent(view: DataView, offset: number, value: FlowEvent): void {
  view.setUint32(offset, value.sequence, true)
  view.setUint16(offset + 4, value.cpu, true)
  view.setUint8(offset + 6, value.kind)
  view.setUint8(offset + 7, value.state)
  view.setUint32(offset + 8, value.at, true)
  view.setUint32(offset + 12, value.service, true)
  view.setUint32(offset + 16, value.endpoint, true)
  writeFlowKey(view, offset + 24, value.client)
  writeFlowKey(view, offset + 64, value.endpointSide)
  zero(view, offset + 20, 4)
}

export const flowKeySize = 40
export const flowKeyOffsets = {
  source: 0,
  destination: 16,
  sourcePort: 32,
  destinationPort: 34,
  zone: 36,
  protocol: 38,
} as const
/**
 * How a packet looks when it comes in. ICMP echo: a request has its identifier as source port, a reply
 * as destination port; the other port is 0.
 */
export interface FlowKey {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
  /** tenant or VRF; 0 for now */
  readonly zone: number
  readonly protocol: number
}
export function readFlowKey(view: DataView, offset: number): FlowKey {
  return {
    source: readBytes(view, offset, 16),
    destination: readBytes(view, offset + 16, 16),
    sourcePort: view.getUint16(offset + 32, false),
    destinationPort: view.getUint16(offset + 34, false),
    zone: view.getUint16(offset + 36, true),
    protocol: view.getUint8(offset + 38),
  }
}
export function writeFlowKey(view: DataView, offset: number, value: FlowKey): void {
  writeBytes(view, offset, 16, value.source)
  writeBytes(view, offset + 16, 16, value.destination)
  view.setUint16(offset + 32, value.sourcePort, false)
  view.setUint16(offset + 34, value.destinationPort, false)
  view.setUint16(offset + 36, value.zone, true)
  view.setUint8(offset + 38, value.protocol)
  zero(view, offset + 39, 1)
}

export const flowState = {
  none: 0,
  /** TCP: the client's SYN has passed */
  syn_sent: 1,
  /** TCP: the endpoint's SYN ACK has passed */
  syn_received: 2,
  /** TCP */
  established: 3,
  /** TCP: a FIN has passed, from one side or both */
  closing: 4,
  /** TCP: both FINs acknowledged, or a RST: freed within a second */
  closed: 5,
  /** UDP, ICMP: packets from the client only */
  unreplied: 6,
  /** UDP, ICMP: packets both ways */
  replied: 7,
} as const
export type FlowState = keyof typeof flowState
/** Names by number. */
export const flowStateNames: readonly FlowState[] = [
  'none',
  'syn_sent',
  'syn_received',
  'established',
  'closing',
  'closed',
  'unreplied',
  'replied',
]
export const flowStateCount = 8

export const routeFlags = {
  /** beside the ifindex of a cached next hop: the device takes frames from XDP */
  xdp: 18446744071562068000,
} as const

export const flowFlags = {
  /** this entry is the endpoint's direction */
  reverse: 1,
  /** a FIN has passed in this direction */
  fin: 2,
  /** the client's entry: its source port was given out by us */
  port: 4,
} as const

export const flowSize = 104
export const flowOffsets = {
  tag: 0,
  seen: 4,
  service: 8,
  endpoint: 12,
  state: 16,
  flags: 17,
  addressDelta: 18,
  portDelta: 20,
  routeMtu: 22,
  routeStamp: 24,
  routeDevice: 28,
  routeDestinationMac: 32,
  routeSourceMac: 38,
  source: 44,
  destination: 60,
  sourcePort: 76,
  destinationPort: 78,
  packets: 80,
  bytes: 88,
} as const
export interface Flow {
  /** of the key: an element is reused at once after deletion, so readers compare it */
  readonly tag: number
  /** ticks */
  readonly seen: number
  /** id */
  readonly service: number
  /** id */
  readonly endpoint: number
  /** enum flow_state */
  readonly state: number
  /** enum flow_flags */
  readonly flags: number
  /** what the new addresses add to an internet checksum */
  readonly addressDelta: number
  /** what the new ports add */
  readonly portDelta: number
  /** of the cached next hop, bytes of IP packet */
  readonly routeMtu: number
  /** the cached next hop is valid while this equals the stamp of now */
  readonly routeStamp: number
  /** ifindex, and enum route_flags */
  readonly routeDevice: number
  readonly routeDestinationMac: Uint8Array
  readonly routeSourceMac: Uint8Array
  /** what the packet gets */
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly sourcePort: number
  readonly destinationPort: number
  readonly packets: bigint
  readonly bytes: bigint
}
export function readFlow(view: DataView, offset: number): Flow {
  return {
    tag: view.getUint32(offset, true),
    seen: view.getUint32(offset + 4, true),
    service: view.getUint32(offset + 8, true),
    endpoint: view.getUint32(offset + 12, true),
    state: view.getUint8(offset + 16),
    flags: view.getUint8(offset + 17),
    addressDelta: view.getUint16(offset + 18, true),
    portDelta: view.getUint16(offset + 20, true),
    routeMtu: view.getUint16(offset + 22, true),
    routeStamp: view.getUint32(offset + 24, true),
    routeDevice: view.getUint32(offset + 28, true),
    routeDestinationMac: readBytes(view, offset + 32, 6),
    routeSourceMac: readBytes(view, offset + 38, 6),
    source: readBytes(view, offset + 44, 16),
    destination: readBytes(view, offset + 60, 16),
    sourcePort: view.getUint16(offset + 76, false),
    destinationPort: view.getUint16(offset + 78, false),
    packets: view.getBigUint64(offset + 80, true),
    bytes: view.getBigUint64(offset + 88, true),
  }
}
export function writeFlow(view: DataView, offset: number, value: Flow): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.seen, true)
  view.setUint32(offset + 8, value.service, true)
  view.setUint32(offset + 12, value.endpoint, true)
  view.setUint8(offset + 16, value.state)
  view.setUint8(offset + 17, value.flags)
  view.setUint16(offset + 18, value.addressDelta, true)
  view.setUint16(offset + 20, value.portDelta, true)
  view.setUint16(offset + 22, value.routeMtu, true)
  view.setUint32(offset + 24, value.routeStamp, true)
  view.setUint32(offset + 28, value.routeDevice, true)
  writeBytes(view, offset + 32, 6, value.routeDestinationMac)
  writeBytes(view, offset + 38, 6, value.routeSourceMac)
  writeBytes(view, offset + 44, 16, value.source)
  writeBytes(view, offset + 60, 16, value.destination)
  view.setUint16(offset + 76, value.sourcePort, false)
  view.setUint16(offset + 78, value.destinationPort, false)
  view.setBigUint64(offset + 80, value.packets, true)
  view.setBigUint64(offset + 88, value.bytes, true)
  zero(view, offset + 96, 8)
}

export const closingSize = 48
export const closingOffsets = { key: 0, closed: 40 } as const
/** A closed flow that waits to be freed, oldest first. key is the client's direction. */
export interface Closing {
  readonly key: FlowKey
  /** ticks */
  readonly closed: number
}
export function readClosing(view: DataView, offset: number): Closing {
  return {
    key: readFlowKey(view, offset),
    closed: view.getUint32(offset + 40, true),
  }
}
export function writeClosing(view: DataView, offset: number, value: Closing): void {
  writeFlowKey(view, offset, value.key)
  view.setUint32(offset + 40, value.closed, true)
  zero(view, offset + 44, 4)
}

export const fragmentKeySize = 36
export const fragmentKeyOffsets = { source: 0, destination: 16, id: 32, protocol: 34 } as const
/**
 * A datagram whose first fragment was dropped: the later ones have no ports to tell that they belong
 * to a flow.
 */
export interface FragmentKey {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly id: number
  readonly protocol: number
}
export function readFragmentKey(view: DataView, offset: number): FragmentKey {
  return {
    source: readBytes(view, offset, 16),
    destination: readBytes(view, offset + 16, 16),
    id: view.getUint16(offset + 32, false),
    protocol: view.getUint8(offset + 34),
  }
}
export function writeFragmentKey(view: DataView, offset: number, value: FragmentKey): void {
  writeBytes(view, offset, 16, value.source)
  writeBytes(view, offset + 16, 16, value.destination)
  view.setUint16(offset + 32, value.id, false)
  view.setUint8(offset + 34, value.protocol)
  zero(view, offset + 35, 1)
}

export const expireRequestSize = 24
export const expireRequestOffsets = { count: 0, force: 4, expired: 8, closed: 12, now: 16 } as const
/** What the expiry program is told and what it answers; the only entry of map expire_request. */
export interface ExpireRequest {
  /** in: keys at the start of map expire_keys; those idle too long are deleted */
  readonly count: number
  /** in: not 0: delete the keys whatever their age */
  readonly force: number
  /** out: flows deleted, from the keys and from the queue of closed flows */
  readonly expired: number
  /** out: closed flows looked at; LIMIT_CLOSING_BATCH: there may be more */
  readonly closed: number
  /** out: ticks */
  readonly now: number
}
export function readExpireRequest(view: DataView, offset: number): ExpireRequest {
  return {
    count: view.getUint32(offset, true),
    force: view.getUint32(offset + 4, true),
    expired: view.getUint32(offset + 8, true),
    closed: view.getUint32(offset + 12, true),
    now: view.getUint32(offset + 16, true),
  }
}
export function writeExpireRequest(view: DataView, offset: number, value: ExpireRequest): void {
  view.setUint32(offset, value.count, true)
  view.setUint32(offset + 4, value.force, true)
  view.setUint32(offset + 8, value.expired, true)
  view.setUint32(offset + 12, value.closed, true)
  view.setUint32(offset + 16, value.now, true)
  zero(view, offset + 20, 4)
}

export const limits = {
  /** flows; two entries of 208 bytes each: 436 MB */
  flows: 1048576,
  /** services; 112 bytes each, and 24 bytes a CPU of counters */
  services: 16384,
  /** service endpoints; 80 bytes each, and 24 bytes a CPU of counters */
  endpoints: 65536,
  /** pages of 256 slots; 512 bytes each: 8 MB, 4 Mi slots */
  slotPages: 16384,
  /** closed flows that wait to be freed; 48 bytes each: 6 MB */
  closing: 131072,
  eventRingBytes: 1048576,
  /** ifindex below which a device is known to the programs; 16 bytes each: 1 MB */
  devices: 65536,
  /** endpoints with source ports of their own; 8 KiB each: 8 MB */
  portBlocks: 1024,
  /** datagrams whose later fragments are recognised; 120 bytes each: 0.5 MB */
  fragments: 4096,
  /** flows one run of the expiry program looks at, while its CPU passes no packet */
  expireBatch: 512,
  slotsPerPage: 256,
  /** a slot without an endpoint */
  slotEmpty: 65535,
  /** 64-bit words of a port bitmap: 65,536 ports */
  portWords: 1024,
  /** free ports tried that turn out to be taken by somebody else */
  snatProbes: 4,
  /** closed flows that one run of the expiry program looks at */
  closingBatch: 512,
} as const

export const serviceKeySize = 24
export const serviceKeyOffsets = { address: 0, port: 16, zone: 18, protocol: 20 } as const
export interface ServiceKey {
  readonly address: Uint8Array
  /** 0 for ICMP */
  readonly port: number
  readonly zone: number
  readonly protocol: number
}
export function readServiceKey(view: DataView, offset: number): ServiceKey {
  return {
    address: readBytes(view, offset, 16),
    port: view.getUint16(offset + 16, false),
    zone: view.getUint16(offset + 18, true),
    protocol: view.getUint8(offset + 20),
  }
}
export function writeServiceKey(view: DataView, offset: number, value: ServiceKey): void {
  writeBytes(view, offset, 16, value.address)
  view.setUint16(offset + 16, value.port, false)
  view.setUint16(offset + 18, value.zone, true)
  view.setUint8(offset + 20, value.protocol)
  zero(view, offset + 21, 3)
}

export const serviceSelect = {
  /** walk the table with a cursor per CPU */
  rr: 0,
  /** Maglev: the table is indexed by a hash of the 5-tuple */
  hash: 1,
} as const
export type ServiceSelect = keyof typeof serviceSelect
/** Names by number. */
export const serviceSelectNames: readonly ServiceSelect[] = ['rr', 'hash']

export const serviceFlags = {
  /** the middle of an unknown TCP connection makes a flow: the endpoint is the same */
  recreate: 1,
} as const

export const serviceSize = 32
export const serviceOffsets = {
  tag: 0,
  id: 4,
  select: 8,
  flags: 9,
  seed: 12,
  firstPage: 16,
  slotCount: 20,
  memberBase: 24,
  memberCount: 28,
} as const
/** Replaced as a whole by one map update: a packet sees the old table or the new one. */
export interface Service {
  /** of the key, see struct flow */
  readonly tag: number
  readonly id: number
  /** enum service_select */
  readonly select: number
  /** enum service_flags */
  readonly flags: number
  /** of the selection hash */
  readonly seed: number
  /** of the slots */
  readonly firstPage: number
  /** 0: no endpoint takes new flows */
  readonly slotCount: number
  /** a slot holds n; members[member_base + n] is the endpoint's id */
  readonly memberBase: number
  readonly memberCount: number
}
export function readService(view: DataView, offset: number): Service {
  return {
    tag: view.getUint32(offset, true),
    id: view.getUint32(offset + 4, true),
    select: view.getUint8(offset + 8),
    flags: view.getUint8(offset + 9),
    seed: view.getUint32(offset + 12, true),
    firstPage: view.getUint32(offset + 16, true),
    slotCount: view.getUint32(offset + 20, true),
    memberBase: view.getUint32(offset + 24, true),
    memberCount: view.getUint32(offset + 28, true),
  }
}
export function writeService(view: DataView, offset: number, value: Service): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.id, true)
  view.setUint8(offset + 8, value.select)
  view.setUint8(offset + 9, value.flags)
  view.setUint32(offset + 12, value.seed, true)
  view.setUint32(offset + 16, value.firstPage, true)
  view.setUint32(offset + 20, value.slotCount, true)
  view.setUint32(offset + 24, value.memberBase, true)
  view.setUint32(offset + 28, value.memberCount, true)
  zero(view, offset + 10, 2)
}

export const vipKeySize = 20
export const vipKeyOffsets = { address: 0, zone: 16 } as const
/** An address that has services: what is sent to it and cannot be served is dropped, not forwarded. */
export interface VipKey {
  readonly address: Uint8Array
  readonly zone: number
}
export function readVipKey(view: DataView, offset: number): VipKey {
  return {
    address: readBytes(view, offset, 16),
    zone: view.getUint16(offset + 16, true),
  }
}
export function writeVipKey(view: DataView, offset: number, value: VipKey): void {
  writeBytes(view, offset, 16, value.address)
  view.setUint16(offset + 16, value.zone, true)
  zero(view, offset + 18, 2)
}

export const slotPageSize = 512
export const slotPageOffsets = { slots: 0 } as const
export interface SlotPage {
  readonly slots: ArrayLike<number>
}
export function readSlotPage(view: DataView, offset: number): SlotPage {
  return {
    slots: Array.from({ length: 256 }, (_, index) => view.getUint16(offset + index * 2, true)),
  }
}
export function writeSlotPage(view: DataView, offset: number, value: SlotPage): void {
  writeArray(256, value.slots, (element, index) => {
    view.setUint16(offset + index * 2, element, true)
  })
}

export const endpointFlags = {
  /** takes new flows */
  accepts: 1,
} as const

export const endpointSize = 48
export const endpointOffsets = { address: 0, source: 16, service: 32, port: 36, flags: 38, portBlock: 40 } as const
export interface Endpoint {
  readonly address: Uint8Array
  /** the source address its packets get; all zero: the client's is kept */
  readonly source: Uint8Array
  /** id */
  readonly service: number
  /** 0: the destination port is kept */
  readonly port: number
  /** enum endpoint_flags */
  readonly flags: number
  /** where its free source ports stand, 0: none */
  readonly portBlock: number
}
export function readEndpoint(view: DataView, offset: number): Endpoint {
  return {
    address: readBytes(view, offset, 16),
    source: readBytes(view, offset + 16, 16),
    service: view.getUint32(offset + 32, true),
    port: view.getUint16(offset + 36, false),
    flags: view.getUint16(offset + 38, true),
    portBlock: view.getUint32(offset + 40, true),
  }
}
export function writeEndpoint(view: DataView, offset: number, value: Endpoint): void {
  writeBytes(view, offset, 16, value.address)
  writeBytes(view, offset + 16, 16, value.source)
  view.setUint32(offset + 32, value.service, true)
  view.setUint16(offset + 36, value.port, false)
  view.setUint16(offset + 38, value.flags, true)
  view.setUint32(offset + 40, value.portBlock, true)
  zero(view, offset + 44, 4)
}

export const portBlockSize = 8192
export const portBlockOffsets = { words: 0 } as const
/** Source ports towards one endpoint: a set bit is a port in use, or one that is never given out. */
export interface PortBlock {
  readonly words: ArrayLike<bigint>
}
export function readPortBlock(view: DataView, offset: number): PortBlock {
  return {
    words: Array.from({ length: 1024 }, (_, index) => view.getBigUint64(offset + index * 8, true)),
  }
}
export function writePortBlock(view: DataView, offset: number, value: PortBlock): void {
  writeArray(1024, value.words, (element, index) => {
    view.setBigUint64(offset + index * 8, element, true)
  })
}

export const settingsSize = 88
export const settingsOffsets = {
  replayNow: 0,
  routeGeneration: 8,
  snatFirst: 12,
  snatLast: 14,
  events: 16,
  timeouts: 24,
} as const
export interface Settings {
  /** ticks, read when the program was loaded with replay_clock set */
  readonly replayNow: bigint
  /** changes when routes, neighbours or links do */
  readonly routeGeneration: number
  /** source ports given out, in host order */
  readonly snatFirst: number
  readonly snatLast: number
  /** not 0: flow events go to the ring */
  readonly events: number
  /** ticks without a packet after which a flow of this enum flow_state expires */
  readonly timeouts: ArrayLike<number>
}
export function readSettings(view: DataView, offset: number): Settings {
  return {
    replayNow: view.getBigUint64(offset, true),
    routeGeneration: view.getUint32(offset + 8, true),
    snatFirst: view.getUint16(offset + 12, true),
    snatLast: view.getUint16(offset + 14, true),
    events: view.getUint32(offset + 16, true),
    timeouts: Array.from({ length: 16 }, (_, index) => view.getUint32(offset + 24 + index * 4, true)),
  }
}
export function writeSettings(view: DataView, offset: number, value: Settings): void {
  view.setBigUint64(offset, value.replayNow, true)
  view.setUint32(offset + 8, value.routeGeneration, true)
  view.setUint16(offset + 12, value.snatFirst, true)
  view.setUint16(offset + 14, value.snatLast, true)
  view.setUint32(offset + 16, value.events, true)
  writeArray(16, value.timeouts, (element, index) => {
    view.setUint32(offset + 24 + index * 4, element, true)
  })
  zero(view, offset + 20, 4)
}

/** What the programs know of a network device; its place in the map is its ifindex. */
export const deviceFlags = {
  /** mac is its address: frames to others are not ours */
  known: 1,
  /** takes frames from XDP */
  xdpTransmit: 2,
} as const

export const deviceSize = 12
export const deviceOffsets = { flags: 0, mac: 4 } as const
export interface Device {
  /** enum device_flags */
  readonly flags: number
  readonly mac: Uint8Array
}
export function readDevice(view: DataView, offset: number): Device {
  return {
    flags: view.getUint32(offset, true),
    mac: readBytes(view, offset + 4, 6),
  }
}
export function writeDevice(view: DataView, offset: number, value: Device): void {
  view.setUint32(offset, value.flags, true)
  writeBytes(view, offset + 4, 6, value.mac)
  zero(view, offset + 10, 2)
}

export const metaSize = 24
export const metaOffsets = { layout: 0, flows: 8, services: 12, endpoints: 16, slotPages: 20 } as const
/** What the pinned maps were made for: read at start, compared, and a difference is said. */
export interface Meta {
  /** hash of all shared layouts */
  readonly layout: bigint
  readonly flows: number
  readonly services: number
  readonly endpoints: number
  readonly slotPages: number
}
export function readMeta(view: DataView, offset: number): Meta {
  return {
    layout: view.getBigUint64(offset, true),
    flows: view.getUint32(offset + 8, true),
    services: view.getUint32(offset + 12, true),
    endpoints: view.getUint32(offset + 16, true),
    slotPages: view.getUint32(offset + 20, true),
  }
}
export function writeMeta(view: DataView, offset: number, value: Meta): void {
  view.setBigUint64(offset, value.layout, true)
  view.setUint32(offset + 8, value.flows, true)
  view.setUint32(offset + 12, value.services, true)
  view.setUint32(offset + 16, value.endpoints, true)
  view.setUint32(offset + 20, value.slotPages, true)
}

export const verdict = {
  /** not a verdict: the next step decides */
  continue: 0,
  /** translated and sent */
  forward: 1,
  /** to the kernel: no service and no flow has these addresses and ports */
  pass_not_service: 2,
  /** to the kernel: ARP, IPv6, VLANs and what else is not balanced yet */
  pass_not_ip: 3,
  /** to the kernel: the frame is addressed to another machine */
  pass_other_host: 4,
  /** to the kernel: an IP protocol or ICMP type that is not balanced */
  pass_protocol: 5,
  /** unchanged to the TC program: the next hop's MAC address is not known */
  to_tc_neighbour: 6,
  /** unchanged to the TC program: the egress device cannot transmit from XDP */
  to_tc_device: 7,
  /** unchanged to the TC program: the route is one XDP cannot use */
  to_tc_route: 8,
  /** unchanged to the TC program: longer than the next link takes */
  to_tc_mtu: 9,
  /** a length field of the packet lies, or a header is cut off */
  drop_malformed: 10,
  /** a source address nobody can answer */
  drop_martian: 11,
  /** the IPv4 header checksum is wrong */
  drop_bad_checksum: 12,
  /** a fragment for a service */
  drop_fragment: 13,
  /** the packet may not be forwarded any further */
  drop_ttl: 14,
  /** the service has no endpoint that takes new flows */
  drop_no_endpoint: 15,
  /** the middle of a connection that is not known */
  drop_no_flow: 16,
  /** the flow table is full */
  drop_flows_full: 17,
  /** no free source port found towards the endpoint */
  drop_ports_exhausted: 18,
  /** another flow has the same addresses and ports behind the translation */
  drop_flow_conflict: 19,
  /** the kernel forwards nothing there: no route, or this machine itself */
  drop_no_route: 20,
  /** forwarding is switched off on the interface the packet came in by */
  drop_forwarding_off: 21,
  /** longer than the next link takes */
  drop_mtu: 22,
  /** a map that must have an entry has none */
  drop_internal: 23,
} as const
export type Verdict = keyof typeof verdict
/** Names by number. */
export const verdictNames: readonly Verdict[] = [
  'continue',
  'forward',
  'pass_not_service',
  'pass_not_ip',
  'pass_other_host',
  'pass_protocol',
  'to_tc_neighbour',
  'to_tc_device',
  'to_tc_route',
  'to_tc_mtu',
  'drop_malformed',
  'drop_martian',
  'drop_bad_checksum',
  'drop_fragment',
  'drop_ttl',
  'drop_no_endpoint',
  'drop_no_flow',
  'drop_flows_full',
  'drop_ports_exhausted',
  'drop_flow_conflict',
  'drop_no_route',
  'drop_forwarding_off',
  'drop_mtu',
  'drop_internal',
]
export const verdictCount = 24

/** The hook that finished the packet; verdict counters are kept per hook. */
export const hook = {
  xdp: 0,
  tc: 1,
} as const
export type Hook = keyof typeof hook
/** Names by number. */
export const hookNames: readonly Hook[] = ['xdp', 'tc']
export const hookCount = 2

function readBytes(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length).slice()
}

function writeBytes(view: DataView, offset: number, length: number, value: Uint8Array): void {
  if (value.length !== length) throw new RangeError(`${length} bytes wanted, ${value.length} given`)
  new Uint8Array(view.buffer, view.byteOffset + offset, length).set(value)
}

function writeArray<T>(length: number, values: ArrayLike<T>, write: (element: T, index: number) => void): void {
  if (values.length !== length) throw new RangeError(`${length} elements wanted, ${values.length} given`)
  for (let index = 0; index < length; index += 1) write(values[index] as T, index)
}

function zero(view: DataView, offset: number, length: number): void {
  for (let at = offset; at < offset + length; at += 1) view.setUint8(at, 0)
}
