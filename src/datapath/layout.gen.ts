// Generated from bpf/shared/*.h by `npm run generate`; do not edit. Readers copy what they return, so that it
// outlives the memory it was read from. Writers write every byte of a layout, padding as zero.

/** Changes when any layout or the meaning of a number does: what the pinned maps were made with. */
export const layoutHash = 0xe58cbfaf1f7ce59dn

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
  /** TCP: the client's SYN has passed; SCTP: its INIT */
  syn_sent: 1,
  /** TCP: the endpoint's SYN ACK has passed; SCTP: its INIT ACK */
  syn_received: 2,
  /** TCP, SCTP */
  established: 3,
  /** TCP: a FIN has passed, from one side or both; SCTP: a SHUTDOWN */
  closing: 4,
  /** TCP: both FINs acknowledged, or a RST; SCTP: SHUTDOWN COMPLETE or ABORT: freed soon */
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
  /** every packet goes to the slow path, in order */
  punt: 8,
  /** SCTP: another path of an association; its endpoint's side may be the first path's */
  path: 16,
} as const

/** What is done to a packet of the flow, beside its addresses and ports. */
export const flowAction = {
  /** addresses and ports, within a family */
  nat: 0,
  /** the packet is IPv6 and becomes IPv4 (RFC 7915) */
  nat64: 1,
  /** the packet is IPv4 and becomes IPv6 */
  nat46: 2,
  /** direct return: only the MAC addresses; `destination` is whose */
  l2: 3,
  /** direct return: an IP header of the endpoint's family in front */
  encap_ip: 4,
  /** direct return: IP, UDP and GUE (variant 0) in front */
  encap_gue: 5,
  /** to a user: IP, UDP and GTP-U of its tunnel in front */
  encap_gtpu: 6,
} as const
export type FlowAction = keyof typeof flowAction
/** Names by number. */
export const flowActionNames: readonly FlowAction[] = [
  'nat',
  'nat64',
  'nat46',
  'l2',
  'encap_ip',
  'encap_gue',
  'encap_gtpu',
]
export const flowActionCount = 7

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
  sctpTag: 96,
  sctpChange: 100,
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
  /** enum flow_flags, and above FLOW_ACTION_SHIFT enum flow_action */
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
  /** the verification tag that packets of this direction carry; 0: not known yet */
  readonly sctpTag: number
  /** what the new ports change in the CRC32c, before it is moved to their place */
  readonly sctpChange: number
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
    sctpTag: view.getUint32(offset + 96, true),
    sctpChange: view.getUint32(offset + 100, true),
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
  view.setUint32(offset + 96, value.sctpTag, true)
  view.setUint32(offset + 100, value.sctpChange, true)
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

export const sctpPathKeySize = 12
export const sctpPathKeyOffsets = { tag: 0, sourcePort: 4, destinationPort: 6, zone: 8 } as const
/** Another path of an SCTP association: how its first path comes in. tag is what the packets carry. */
export interface SctpPathKey {
  readonly tag: number
  readonly sourcePort: number
  readonly destinationPort: number
  readonly zone: number
}
export function readSctpPathKey(view: DataView, offset: number): SctpPathKey {
  return {
    tag: view.getUint32(offset, true),
    sourcePort: view.getUint16(offset + 4, false),
    destinationPort: view.getUint16(offset + 6, false),
    zone: view.getUint16(offset + 8, true),
  }
}
export function writeSctpPathKey(view: DataView, offset: number, value: SctpPathKey): void {
  view.setUint32(offset, value.tag, true)
  view.setUint16(offset + 4, value.sourcePort, false)
  view.setUint16(offset + 6, value.destinationPort, false)
  view.setUint16(offset + 8, value.zone, true)
  zero(view, offset + 10, 2)
}

export const fragmentKeySize = 40
export const fragmentKeyOffsets = { source: 0, destination: 16, id: 32, zone: 36, protocol: 38 } as const
/** A datagram in pieces: only the first one has ports. The identification is of 32 bits in IPv6. */
export interface FragmentKey {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  readonly id: number
  readonly zone: number
  readonly protocol: number
}
export function readFragmentKey(view: DataView, offset: number): FragmentKey {
  return {
    source: readBytes(view, offset, 16),
    destination: readBytes(view, offset + 16, 16),
    id: view.getUint32(offset + 32, false),
    zone: view.getUint16(offset + 36, true),
    protocol: view.getUint8(offset + 38),
  }
}
export function writeFragmentKey(view: DataView, offset: number, value: FragmentKey): void {
  writeBytes(view, offset, 16, value.source)
  writeBytes(view, offset + 16, 16, value.destination)
  view.setUint32(offset + 32, value.id, false)
  view.setUint16(offset + 36, value.zone, true)
  view.setUint8(offset + 38, value.protocol)
  zero(view, offset + 39, 1)
}

export const fragmentState = {
  /** the first one has passed: the others follow the flow with its ports */
  known: 1,
  /** the first one was dropped, and so are the others */
  drop: 2,
  /** the first one was for nobody here */
  pass: 3,
  /** they do not come in order: later ones go to user space; ends > 0: the first passed */
  held: 4,
} as const
export type FragmentState = keyof typeof fragmentState
/** Names by number. */
export const fragmentStateNames: Readonly<Record<number, FragmentState>> = {
  1: 'known',
  2: 'drop',
  3: 'pass',
  4: 'held',
}

export const fragmentSize = 16
export const fragmentOffsets = {
  seen: 0,
  sourcePort: 4,
  destinationPort: 6,
  ends: 8,
  state: 10,
  verdict: 11,
  endpoint: 12,
} as const
export interface Fragment {
  /** ticks */
  readonly seen: number
  readonly sourcePort: number
  readonly destinationPort: number
  /** bytes of the datagram's payload that the fragments seen so far cover, from its start */
  readonly ends: number
  /** enum fragment_state */
  readonly state: number
  /** of the first one, where it was dropped */
  readonly verdict: number
  /** id, where the first one had a session key; without a flow that would know it */
  readonly endpoint: number
}
export function readFragment(view: DataView, offset: number): Fragment {
  return {
    seen: view.getUint32(offset, true),
    sourcePort: view.getUint16(offset + 4, false),
    destinationPort: view.getUint16(offset + 6, false),
    ends: view.getUint16(offset + 8, true),
    state: view.getUint8(offset + 10),
    verdict: view.getUint8(offset + 11),
    endpoint: view.getUint32(offset + 12, true),
  }
}
export function writeFragment(view: DataView, offset: number, value: Fragment): void {
  view.setUint32(offset, value.seen, true)
  view.setUint16(offset + 4, value.sourcePort, false)
  view.setUint16(offset + 6, value.destinationPort, false)
  view.setUint16(offset + 8, value.ends, true)
  view.setUint8(offset + 10, value.state)
  view.setUint8(offset + 11, value.verdict)
  view.setUint32(offset + 12, value.endpoint, true)
}

export const affinityKeySize = 20
export const affinityKeyOffsets = { client: 0, service: 16 } as const
/** A client that stays with its endpoint. */
export interface AffinityKey {
  readonly client: Uint8Array
  /** id */
  readonly service: number
}
export function readAffinityKey(view: DataView, offset: number): AffinityKey {
  return {
    client: readBytes(view, offset, 16),
    service: view.getUint32(offset + 16, true),
  }
}
export function writeAffinityKey(view: DataView, offset: number, value: AffinityKey): void {
  writeBytes(view, offset, 16, value.client)
  view.setUint32(offset + 16, value.service, true)
}

export const affinitySize = 8
export const affinityOffsets = { endpoint: 0, seen: 4 } as const
export interface Affinity {
  /** id */
  readonly endpoint: number
  /** ticks */
  readonly seen: number
}
export function readAffinity(view: DataView, offset: number): Affinity {
  return {
    endpoint: view.getUint32(offset, true),
    seen: view.getUint32(offset + 4, true),
  }
}
export function writeAffinity(view: DataView, offset: number, value: Affinity): void {
  view.setUint32(offset, value.endpoint, true)
  view.setUint32(offset + 4, value.seen, true)
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
  /** pages of 256 slots; 512 bytes each: 32 MB, 16 Mi slots */
  slotPages: 65536,
  /** closed flows that wait to be freed; 48 bytes each: 6 MB */
  closing: 131072,
  eventRingBytes: 1048576,
  /** ifindex below which a device is known to the programs; 16 bytes each: 1 MB */
  devices: 65536,
  /** endpoints with source ports of their own; 8 KiB each: 8 MB */
  portBlocks: 1024,
  /** datagrams whose later fragments are recognised; 128 bytes each: 2 MB */
  fragments: 16384,
  /** prefixes of port ranges; about 100 bytes each once used */
  ranges: 16384,
  /** source prefixes of all services; about 80 bytes each once used */
  sources: 65536,
  /** clients that stay with their endpoint; 88 bytes each: 5.8 MB. Old ones go */
  affinities: 65536,
  /** session keys; 120 bytes each once used */
  hints: 1048576,
  /** PFCP sessions asked for; 104 bytes each: 6.8 MB. Old ones go */
  seidRequests: 65536,
  /** of hints: what SEIDs that are learnt for one service may take */
  seidPercent: 75,
  /** a learnt SEID that no message is about, unless the service says another time */
  seidSeconds: 604800,
  /** prefixes of users that are no hints; about 190 bytes each once used */
  userRoutes: 262144,
  /** sessions with uplink classifiers; about 350 bytes each once used */
  uplinks: 65536,
  /** their prefixes of all sessions; about 70 bytes each once used */
  classifiers: 262144,
  /** prefixes of TEIDs that belong to an endpoint; about 70 bytes each once used */
  teidRanges: 4096,
  /** two for each SCTP association; 104 bytes each */
  sctpPaths: 65536,
  /** addresses of this machine; about 90 bytes each once used */
  localAddresses: 4096,
  /** pools of source addresses; 272 bytes each */
  snatPools: 256,
  /** frames that wait for user space */
  puntRingBytes: 4194304,
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
  /** a record of the punt ring has room for a frame of this length, ... */
  puntFrameShort: 512,
  /** ... or of this, ... */
  puntFrameLong: 2048,
  /** ... or of this: what is longer is cut, and dropped where it must be whole */
  puntFrameLongest: 9216,
  /** lengths for which the move of a CRC32c change stands in a table */
  sctpPowers: 16384,
  /** least connections: endpoints compared for a new flow; of more, a sample */
  lcSample: 64,
  /** chunks of a packet looked at; a longer row is no signalling */
  sctpChunks: 32,
  /** IPv6 extension headers of a packet */
  extensionHeaders: 8,
  /** GTP-U extension headers of a packet */
  gtpuExtensions: 8,
  /** elements of an answer among which the SEID of its sender is looked for */
  pfcpElements: 8,
  vlanTags: 2,
  /** addresses of one pool */
  snatPoolAddresses: 16,
  /** of them tried for one flow */
  snatPoolTries: 4,
} as const

/** Who is to look at it. */
export const puntReason = {
  /** a later fragment came before the first one */
  fragment: 0,
  /** an ICMP error for a flow between the families */
  icmp_error: 1,
  /** longer than the next link takes: tell the sender */
  too_big: 2,
  /** of a flow whose payload names addresses or ports */
  alg: 3,
  /** a session key without a hint, and the service says so to its sender */
  miss: 4,
  /** an encrypted connection id at a new 5-tuple */
  quic: 5,
  /** an INIT or INIT ACK with address parameters to change */
  sctp_address: 6,
  /** out of the blue, and the service answers */
  sctp_abort: 7,
  /** an Error Indication of GTP-U: the tunnel that it is about stands inside */
  gtpu_error: 8,
  /** not a packet: a flow with SERVICE idle reset expired; the frame is empty */
  reset: 9,
} as const
export type PuntReason = keyof typeof puntReason
/** Names by number. */
export const puntReasonNames: readonly PuntReason[] = [
  'fragment',
  'icmp_error',
  'too_big',
  'alg',
  'miss',
  'quic',
  'sctp_address',
  'sctp_abort',
  'gtpu_error',
  'reset',
]
export const puntReasonCount = 10

export const puntSize = 184
export const puntOffsets = {
  sequence: 0,
  cpu: 4,
  reason: 6,
  hook: 7,
  at: 8,
  ifindex: 12,
  service: 16,
  endpoint: 20,
  mtu: 24,
  l3: 28,
  l4: 30,
  length: 32,
  whole: 36,
  key: 40,
  flow: 80,
} as const
export interface Punt {
  /** counts the punts of one CPU, lost ones too */
  readonly sequence: number
  readonly cpu: number
  /** enum punt_reason */
  readonly reason: number
  /** enum hook */
  readonly hook: number
  /** ticks */
  readonly at: number
  /** where the packet came in */
  readonly ifindex: number
  /** id, 0: not known */
  readonly service: number
  /** id, 0: not known */
  readonly endpoint: number
  /** PUNT_TOO_BIG: bytes of IP packet that the next link takes */
  readonly mtu: number
  /** offset of the IP header in the frame */
  readonly l3: number
  /** offset of the transport header */
  readonly l4: number
  /** bytes of the frame; less than what came in, where that is too long for a record */
  readonly length: number
  /** bytes of the frame that came in */
  readonly whole: number
  readonly key: FlowKey
  /** of this direction, as it was then; all zero: none */
  readonly flow: Flow
}
export function readPunt(view: DataView, offset: number): Punt {
  return {
    sequence: view.getUint32(offset, true),
    cpu: view.getUint16(offset + 4, true),
    reason: view.getUint8(offset + 6),
    hook: view.getUint8(offset + 7),
    at: view.getUint32(offset + 8, true),
    ifindex: view.getUint32(offset + 12, true),
    service: view.getUint32(offset + 16, true),
    endpoint: view.getUint32(offset + 20, true),
    mtu: view.getUint32(offset + 24, true),
    l3: view.getUint16(offset + 28, true),
    l4: view.getUint16(offset + 30, true),
    length: view.getUint32(offset + 32, true),
    whole: view.getUint32(offset + 36, true),
    key: readFlowKey(view, offset + 40),
    flow: readFlow(view, offset + 80),
  }
}
export function writePunt(view: DataView, offset: number, value: Punt): void {
  view.setUint32(offset, value.sequence, true)
  view.setUint16(offset + 4, value.cpu, true)
  view.setUint8(offset + 6, value.reason)
  view.setUint8(offset + 7, value.hook)
  view.setUint32(offset + 8, value.at, true)
  view.setUint32(offset + 12, value.ifindex, true)
  view.setUint32(offset + 16, value.service, true)
  view.setUint32(offset + 20, value.endpoint, true)
  view.setUint32(offset + 24, value.mtu, true)
  view.setUint16(offset + 28, value.l3, true)
  view.setUint16(offset + 30, value.l4, true)
  view.setUint32(offset + 32, value.length, true)
  view.setUint32(offset + 36, value.whole, true)
  writeFlowKey(view, offset + 40, value.key)
  writeFlow(view, offset + 80, value.flow)
}

export const seidRequestKeySize = 28
export const seidRequestKeyOffsets = { client: 0, service: 16, sequence: 20, port: 24 } as const
/** A Session Establishment Request, by what its answer repeats. */
export interface SeidRequestKey {
  readonly client: Uint8Array
  /** id */
  readonly service: number
  readonly sequence: number
  /** of the client */
  readonly port: number
}
export function readSeidRequestKey(view: DataView, offset: number): SeidRequestKey {
  return {
    client: readBytes(view, offset, 16),
    service: view.getUint32(offset + 16, true),
    sequence: view.getUint32(offset + 20, true),
    port: view.getUint16(offset + 24, false),
  }
}
export function writeSeidRequestKey(view: DataView, offset: number, value: SeidRequestKey): void {
  writeBytes(view, offset, 16, value.client)
  view.setUint32(offset + 16, value.service, true)
  view.setUint32(offset + 20, value.sequence, true)
  view.setUint16(offset + 24, value.port, false)
  zero(view, offset + 26, 2)
}

export const seidRequestSize = 16
export const seidRequestOffsets = { seid: 0, endpoint: 8, seen: 12 } as const
export interface SeidRequest {
  /** that the answer gave, as on the wire; 0: none has come yet */
  readonly seid: bigint
  /** id: who was asked */
  readonly endpoint: number
  /** ticks */
  readonly seen: number
}
export function readSeidRequest(view: DataView, offset: number): SeidRequest {
  return {
    seid: view.getBigUint64(offset, true),
    endpoint: view.getUint32(offset + 8, true),
    seen: view.getUint32(offset + 12, true),
  }
}
export function writeSeidRequest(view: DataView, offset: number, value: SeidRequest): void {
  view.setBigUint64(offset, value.seid, true)
  view.setUint32(offset + 8, value.endpoint, true)
  view.setUint32(offset + 12, value.seen, true)
}

export const seidCountSize = 16
export const seidCountOffsets = { learnt: 0, freed: 8 } as const
/**
 * Learnt SEIDs of a service. Each number has one side that writes it, so that none is lost: there are
 * so many as the first is more than the second.
 */
export interface SeidCount {
  /** by the programs, ever */
  readonly learnt: bigint
  /** of these, by user space */
  readonly freed: bigint
}
export function readSeidCount(view: DataView, offset: number): SeidCount {
  return {
    learnt: view.getBigUint64(offset, true),
    freed: view.getBigUint64(offset + 8, true),
  }
}
export function writeSeidCount(view: DataView, offset: number, value: SeidCount): void {
  view.setBigUint64(offset, value.learnt, true)
  view.setBigUint64(offset + 8, value.freed, true)
}

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

export const serviceRangeKeySize = 28
export const serviceRangeKeyOffsets = { prefixBits: 0, address: 4, zone: 20, protocol: 22, port: 23 } as const
/** A range of ports is some prefixes of port numbers. Bits: address 128, zone 16, protocol 8, port 16. */
export interface ServiceRangeKey {
  readonly prefixBits: number
  readonly address: Uint8Array
  readonly zone: number
  readonly protocol: number
  /** unaligned, so that the bits stand together */
  readonly port: Uint8Array
}
export function readServiceRangeKey(view: DataView, offset: number): ServiceRangeKey {
  return {
    prefixBits: view.getUint32(offset, true),
    address: readBytes(view, offset + 4, 16),
    zone: view.getUint16(offset + 20, true),
    protocol: view.getUint8(offset + 22),
    port: readBytes(view, offset + 23, 2),
  }
}
export function writeServiceRangeKey(view: DataView, offset: number, value: ServiceRangeKey): void {
  view.setUint32(offset, value.prefixBits, true)
  writeBytes(view, offset + 4, 16, value.address)
  view.setUint16(offset + 20, value.zone, true)
  view.setUint8(offset + 22, value.protocol)
  writeBytes(view, offset + 23, 2, value.port)
  zero(view, offset + 25, 1)
}

export const serviceSelect = {
  /** walk the table with a cursor per CPU */
  rr: 0,
  /** Maglev: the table is indexed by a hash of the 5-tuple */
  hash: 1,
  /** the client's endpoint of before, for a while; else as SELECT_HASH by the client's address */
  persist: 2,
  /** the fewest active flows for its weight */
  lc: 3,
  /** GTP-U: hint by TEID, else a range of TEIDs, else by `miss`, which may be Maglev by TEID */
  n3: 4,
  /** hint by the service's session key, else by `miss` */
  hint: 5,
  /** hint by the server id of the connection id, else as SELECT_HASH */
  quic: 6,
} as const
export type ServiceSelect = keyof typeof serviceSelect
/** Names by number. */
export const serviceSelectNames: readonly ServiceSelect[] = ['rr', 'hash', 'persist', 'lc', 'n3', 'hint', 'quic']

export const serviceFlags = {
  /** the middle of an unknown TCP connection makes a flow: the endpoint is the same */
  recreate: 1,
  /** only sources in map `sources` */
  sources: 2,
  /** its flows go through the slow path, packet by packet */
  punt: 4,
  /** SCTP out of the blue is answered by ABORT (slow path), not by silence */
  abort: 8,
  /** connection ids are encrypted: unknown ones go to the slow path */
  quicEncrypted: 16,
  /** packets are told apart by session key: no flows */
  stateless: 32,
  /** endpoints have ranges of TEIDs, in map `teid_ranges` */
  teidRanges: 64,
} as const

/** What becomes of a packet whose session key has no hint. */
export const serviceMiss = {
  /** the slot table, with the session key as hash input */
  hash: 0,
  drop: 1,
  /** user space says in the session's protocol that it is not known */
  error: 2,
  /** it is for somebody else at this address and port: to the kernel */
  pass: 3,
} as const
export type ServiceMiss = keyof typeof serviceMiss
/** Names by number. */
export const serviceMissNames: readonly ServiceMiss[] = ['hash', 'drop', 'error', 'pass']

/** What map `user_routes` has of a service, beside the users that the hash of hints holds. */
export const serviceRoutes = {
  /** prefixes that are no longer than such a user's */
  shorter: 1,
  /** longer ones, which count before it */
  longer: 2,
} as const
export type ServiceRoutes = keyof typeof serviceRoutes
/** Names by number. */
export const serviceRoutesNames: Readonly<Record<number, ServiceRoutes>> = {
  1: 'shorter',
  2: 'longer',
}

export const serviceSize = 48
export const serviceOffsets = {
  tag: 0,
  id: 4,
  select: 8,
  flags: 9,
  miss: 10,
  hint: 11,
  seed: 12,
  firstPage: 16,
  slotCount: 20,
  memberBase: 24,
  memberCount: 28,
  affinityTicks: 32,
  embryonicLimit: 36,
  quicOffset: 40,
  quicLength: 41,
  userRoutes: 42,
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
  /** enum service_miss */
  readonly miss: number
  /** enum hint_kind: the session key it looks for */
  readonly hint: number
  /** of the selection hash */
  readonly seed: number
  /** of the slots */
  readonly firstPage: number
  /** 0: no endpoint takes new flows */
  readonly slotCount: number
  /** a slot holds n; members[member_base + n] is the endpoint's id */
  readonly memberBase: number
  readonly memberCount: number
  /** SELECT_PERSIST: how long an idle client keeps its endpoint */
  readonly affinityTicks: number
  /** flows that are not established yet; 0: as many as there may be */
  readonly embryonicLimit: number
  /** of the server id in the connection id */
  readonly quicOffset: number
  /** of the server id */
  readonly quicLength: number
  /** enum service_routes */
  readonly userRoutes: number
}
export function readService(view: DataView, offset: number): Service {
  return {
    tag: view.getUint32(offset, true),
    id: view.getUint32(offset + 4, true),
    select: view.getUint8(offset + 8),
    flags: view.getUint8(offset + 9),
    miss: view.getUint8(offset + 10),
    hint: view.getUint8(offset + 11),
    seed: view.getUint32(offset + 12, true),
    firstPage: view.getUint32(offset + 16, true),
    slotCount: view.getUint32(offset + 20, true),
    memberBase: view.getUint32(offset + 24, true),
    memberCount: view.getUint32(offset + 28, true),
    affinityTicks: view.getUint32(offset + 32, true),
    embryonicLimit: view.getUint32(offset + 36, true),
    quicOffset: view.getUint8(offset + 40),
    quicLength: view.getUint8(offset + 41),
    userRoutes: view.getUint8(offset + 42),
  }
}
export function writeService(view: DataView, offset: number, value: Service): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.id, true)
  view.setUint8(offset + 8, value.select)
  view.setUint8(offset + 9, value.flags)
  view.setUint8(offset + 10, value.miss)
  view.setUint8(offset + 11, value.hint)
  view.setUint32(offset + 12, value.seed, true)
  view.setUint32(offset + 16, value.firstPage, true)
  view.setUint32(offset + 20, value.slotCount, true)
  view.setUint32(offset + 24, value.memberBase, true)
  view.setUint32(offset + 28, value.memberCount, true)
  view.setUint32(offset + 32, value.affinityTicks, true)
  view.setUint32(offset + 36, value.embryonicLimit, true)
  view.setUint8(offset + 40, value.quicOffset)
  view.setUint8(offset + 41, value.quicLength)
  view.setUint8(offset + 42, value.userRoutes)
  zero(view, offset + 43, 1)
  zero(view, offset + 44, 4)
}

export const serviceIdleSize = 8
export const serviceIdleOffsets = { ticks: 0, reset: 4 } as const
/** What expiry has to know of a service, by id. */
export interface ServiceIdle {
  /** without a packet, for established flows; 0: the general time-out */
  readonly ticks: number
  /** not 0: both sides of a TCP connection are told */
  readonly reset: number
}
export function readServiceIdle(view: DataView, offset: number): ServiceIdle {
  return {
    ticks: view.getUint32(offset, true),
    reset: view.getUint32(offset + 4, true),
  }
}
export function writeServiceIdle(view: DataView, offset: number, value: ServiceIdle): void {
  view.setUint32(offset, value.ticks, true)
  view.setUint32(offset + 4, value.reset, true)
}

export const sourceKeySize = 24
export const sourceKeyOffsets = { prefixBits: 0, service: 4, address: 8 } as const
/**
 * Who may use a service. Bits: service 32, address 128. In map `masquerades`: whose packets are for
 * one; in map `user_pools`: to whom; in map `user_routes`: of users and networks behind them; in map
 * `classifiers`, with the number of a session: what is local for it.
 */
export interface SourceKey {
  readonly prefixBits: number
  /** id, or the number of a protocol; in network order, so that it is a prefix */
  readonly service: number
  readonly address: Uint8Array
}
export function readSourceKey(view: DataView, offset: number): SourceKey {
  return {
    prefixBits: view.getUint32(offset, true),
    service: view.getUint32(offset + 4, false),
    address: readBytes(view, offset + 8, 16),
  }
}
export function writeSourceKey(view: DataView, offset: number, value: SourceKey): void {
  view.setUint32(offset, value.prefixBits, true)
  view.setUint32(offset + 4, value.service, false)
  writeBytes(view, offset + 8, 16, value.address)
}

/** A session key and where its session lives. */
export const hintKind = {
  none: 0,
  /** GTP-U: tunnel endpoint id, 4 bytes */
  teid: 1,
  /** endpoint's id and a TEID written for it, 4 bytes each; identifier: what stood there */
  teid_back: 2,
  /** PFCP: session endpoint id, 8 bytes */
  seid: 3,
  /** server id of a connection id, 1 to 15 bytes */
  quic: 4,
  /** digest of the 5-tuple, 8 bytes */
  flow: 5,
  /** address, 16 bytes */
  client: 6,
  /** N6: address of a user, 16 bytes; of IPv6 the last 8 are zero */
  ue_ip: 7,
  /** N6: a prefix of another length, not in map `hints` but in `user_routes` */
  ue_route: 8,
} as const
export type HintKind = keyof typeof hintKind
/** Names by number. */
export const hintKindNames: readonly HintKind[] = [
  'none',
  'teid',
  'teid_back',
  'seid',
  'quic',
  'flow',
  'client',
  'ue_ip',
  'ue_route',
]

export const hintKeySize = 24
export const hintKeyOffsets = { service: 0, kind: 4, length: 5, bytes: 8 } as const
export interface HintKey {
  /** id */
  readonly service: number
  /** enum hint_kind */
  readonly kind: number
  /** of bytes; the rest is zero */
  readonly length: number
  readonly bytes: Uint8Array
}
export function readHintKey(view: DataView, offset: number): HintKey {
  return {
    service: view.getUint32(offset, true),
    kind: view.getUint8(offset + 4),
    length: view.getUint8(offset + 5),
    bytes: readBytes(view, offset + 8, 16),
  }
}
export function writeHintKey(view: DataView, offset: number, value: HintKey): void {
  view.setUint32(offset, value.service, true)
  view.setUint8(offset + 4, value.kind)
  view.setUint8(offset + 5, value.length)
  writeBytes(view, offset + 8, 16, value.bytes)
  zero(view, offset + 6, 2)
}

export const hintSize = 40
export const hintOffsets = {
  tag: 0,
  endpoint: 4,
  expires: 8,
  identifier: 12,
  flags: 16,
  seen: 20,
  packets: 24,
  bytes: 32,
} as const
export interface Hint {
  /** of the key, see struct flow */
  readonly tag: number
  /** id */
  readonly endpoint: number
  /** ticks; 0: never */
  readonly expires: number
  /** HINT_TEID: the TEID to write, where rewrite says so */
  readonly identifier: number
  /** enum hint_flags */
  readonly flags: number
  /** ticks of the last packet; 0: none has come */
  readonly seen: number
  /** HINT_TEID, HINT_UE_IP: of the user that were sent to the endpoint, without their tunnel */
  readonly packets: bigint
  /** of these */
  readonly bytes: bigint
}
export function readHint(view: DataView, offset: number): Hint {
  return {
    tag: view.getUint32(offset, true),
    endpoint: view.getUint32(offset + 4, true),
    expires: view.getUint32(offset + 8, true),
    identifier: view.getUint32(offset + 12, false),
    flags: view.getUint32(offset + 16, true),
    seen: view.getUint32(offset + 20, true),
    packets: view.getBigUint64(offset + 24, true),
    bytes: view.getBigUint64(offset + 32, true),
  }
}
export function writeHint(view: DataView, offset: number, value: Hint): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.endpoint, true)
  view.setUint32(offset + 8, value.expires, true)
  view.setUint32(offset + 12, value.identifier, false)
  view.setUint32(offset + 16, value.flags, true)
  view.setUint32(offset + 20, value.seen, true)
  view.setBigUint64(offset + 24, value.packets, true)
  view.setBigUint64(offset + 32, value.bytes, true)
}

export const hintFlags = {
  /** the identifier is written in place of the one that came */
  rewrite: 1,
  /** by the programs, from what the endpoint said */
  learnt: 2,
  /** HINT_LEARNT: answers do not make it live on */
  deleted: 8,
  /** HINT_UE_ROUTE: longer than what a user of map `hints` has */
  longer: 4,
} as const

export const teidRangeKeySize = 12
export const teidRangeKeyOffsets = { prefixBits: 0, service: 4, teid: 8 } as const
/** TEIDs of one service whose first bits are these belong to an endpoint. Bits: service 32, TEID 32. */
export interface TeidRangeKey {
  readonly prefixBits: number
  /** id, in network order, so that it is a prefix */
  readonly service: number
  readonly teid: number
}
export function readTeidRangeKey(view: DataView, offset: number): TeidRangeKey {
  return {
    prefixBits: view.getUint32(offset, true),
    service: view.getUint32(offset + 4, false),
    teid: view.getUint32(offset + 8, false),
  }
}
export function writeTeidRangeKey(view: DataView, offset: number, value: TeidRangeKey): void {
  view.setUint32(offset, value.prefixBits, true)
  view.setUint32(offset + 4, value.service, false)
  view.setUint32(offset + 8, value.teid, false)
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
  /** takes no packet at all */
  blocked: 2,
  /** hints that name it do not count */
  down: 4,
  /** packets keep their destination; `address` only says the family */
  asAddressed: 8,
} as const

export const endpointSize = 48
export const endpointOffsets = {
  address: 0,
  source: 16,
  service: 32,
  port: 36,
  flags: 38,
  portBlock: 40,
  pool: 44,
  weight: 46,
  action: 47,
} as const
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
  /** where its free source ports stand, 0: none; a pool's addresses have blocks in a row */
  readonly portBlock: number
  /** number of the SNAT pool its source comes from; 0: `source` is all there is */
  readonly pool: number
  readonly weight: number
  /** enum flow_action */
  readonly action: number
}
export function readEndpoint(view: DataView, offset: number): Endpoint {
  return {
    address: readBytes(view, offset, 16),
    source: readBytes(view, offset + 16, 16),
    service: view.getUint32(offset + 32, true),
    port: view.getUint16(offset + 36, false),
    flags: view.getUint16(offset + 38, true),
    portBlock: view.getUint32(offset + 40, true),
    pool: view.getUint16(offset + 44, true),
    weight: view.getUint8(offset + 46),
    action: view.getUint8(offset + 47),
  }
}
export function writeEndpoint(view: DataView, offset: number, value: Endpoint): void {
  writeBytes(view, offset, 16, value.address)
  writeBytes(view, offset + 16, 16, value.source)
  view.setUint32(offset + 32, value.service, true)
  view.setUint16(offset + 36, value.port, false)
  view.setUint16(offset + 38, value.flags, true)
  view.setUint32(offset + 40, value.portBlock, true)
  view.setUint16(offset + 44, value.pool, true)
  view.setUint8(offset + 46, value.weight)
  view.setUint8(offset + 47, value.action)
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

export const snatPoolSize = 272
export const snatPoolOffsets = { addresses: 0, count: 256 } as const
/** Source addresses that share a service's clients: a client keeps its address while that has ports. */
export interface SnatPool {
  readonly addresses: ArrayLike<Uint8Array>
  readonly count: number
}
export function readSnatPool(view: DataView, offset: number): SnatPool {
  return {
    addresses: Array.from({ length: 16 }, (_, index) => readBytes(view, offset + index * 16, 16)),
    count: view.getUint32(offset + 256, true),
  }
}
export function writeSnatPool(view: DataView, offset: number, value: SnatPool): void {
  writeArray(16, value.addresses, (element, index) => {
    writeBytes(view, offset + index * 16, 16, element)
  })
  view.setUint32(offset + 256, value.count, true)
  zero(view, offset + 260, 12)
}

export const endpointReturnSize = 28
export const endpointReturnOffsets = { address: 0, port: 16, hint: 18, service: 20, endpoint: 24 } as const
/** Where packets of an endpoint belong that are of no flow: what they get as their source. */
export interface EndpointReturn {
  readonly address: Uint8Array
  readonly port: number
  /** enum hint_kind: what its packets are told apart by on their way there */
  readonly hint: number
  /** id */
  readonly service: number
  /** id */
  readonly endpoint: number
}
export function readEndpointReturn(view: DataView, offset: number): EndpointReturn {
  return {
    address: readBytes(view, offset, 16),
    port: view.getUint16(offset + 16, false),
    hint: view.getUint16(offset + 18, true),
    service: view.getUint32(offset + 20, true),
    endpoint: view.getUint32(offset + 24, true),
  }
}
export function writeEndpointReturn(view: DataView, offset: number, value: EndpointReturn): void {
  writeBytes(view, offset, 16, value.address)
  view.setUint16(offset + 16, value.port, false)
  view.setUint16(offset + 18, value.hint, true)
  view.setUint32(offset + 20, value.service, true)
  view.setUint32(offset + 24, value.endpoint, true)
}

export const settingsSize = 136
export const settingsOffsets = {
  replayNow: 0,
  routeGeneration: 8,
  snatFirst: 12,
  snatLast: 14,
  events: 16,
  timeouts: 24,
  encapSource4: 88,
  encapSource6: 104,
  guePort: 120,
  features: 122,
  flowsAdmitted: 124,
  puntAlive: 128,
  seidsAdmitted: 132,
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
  /** outer source of encapsulated packets; its last 16 bits vary with the flow */
  readonly encapSource4: Uint8Array
  readonly encapSource6: Uint8Array
  /** UDP destination of GUE */
  readonly guePort: number
  /** enum settings_features: what any service needs at all */
  readonly features: number
  /** new flows are refused when so many live: the rest is a reserve; 0: no limit */
  readonly flowsAdmitted: number
  /** ticks when user space last read the punt ring */
  readonly puntAlive: number
  /** a service learns no more when it has so many; 0: no limit */
  readonly seidsAdmitted: number
}
export function readSettings(view: DataView, offset: number): Settings {
  return {
    replayNow: view.getBigUint64(offset, true),
    routeGeneration: view.getUint32(offset + 8, true),
    snatFirst: view.getUint16(offset + 12, true),
    snatLast: view.getUint16(offset + 14, true),
    events: view.getUint32(offset + 16, true),
    timeouts: Array.from({ length: 16 }, (_, index) => view.getUint32(offset + 24 + index * 4, true)),
    encapSource4: readBytes(view, offset + 88, 16),
    encapSource6: readBytes(view, offset + 104, 16),
    guePort: view.getUint16(offset + 120, false),
    features: view.getUint16(offset + 122, true),
    flowsAdmitted: view.getUint32(offset + 124, true),
    puntAlive: view.getUint32(offset + 128, true),
    seidsAdmitted: view.getUint32(offset + 132, true),
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
  writeBytes(view, offset + 88, 16, value.encapSource4)
  writeBytes(view, offset + 104, 16, value.encapSource6)
  view.setUint16(offset + 120, value.guePort, false)
  view.setUint16(offset + 122, value.features, true)
  view.setUint32(offset + 124, value.flowsAdmitted, true)
  view.setUint32(offset + 128, value.puntAlive, true)
  view.setUint32(offset + 132, value.seidsAdmitted, true)
  zero(view, offset + 20, 4)
}

/** Steps that are skipped while no service needs them. */
export const settingsFeatures = {
  /** map session_ports has ports of services told apart by session key */
  sessions: 1,
  /** services with port ranges, or any port */
  ranges: 2,
  /** services chosen by firewall mark: new flows are for TC, XDP sees no mark */
  marks: 4,
  /** services on every address of this host */
  host: 8,
  /** traffic of inside clients to the outside is masqueraded */
  masquerade: 16,
  /** services for what the data network sends to addresses of users */
  users: 32,
  /** sessions with uplink classifiers */
  uplinks: 64,
} as const
export type SettingsFeatures = keyof typeof settingsFeatures
/** Names by number. */
export const settingsFeaturesNames: Readonly<Record<number, SettingsFeatures>> = {
  1: 'sessions',
  2: 'ranges',
  4: 'marks',
  8: 'host',
  16: 'masquerade',
  32: 'users',
  64: 'uplinks',
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

export const traceStep = {
  /** key; value: enum packet_kind */
  parsed: 1,
  /** key looked up in the table of flows; found, and then value: enum flow_state */
  flow: 2,
  /** key: address, port and protocol that the service was looked for by; value: its id */
  service: 3,
  /** value: the endpoint's id */
  selected: 4,
  /** key: new source, destination and ports; value: ifindex, or what bpf_fib_lookup said */
  route: 5,
  /** key put into the table of flows; found: it was there already */
  inserted: 6,
  /** key: new source, destination and ports; value: enum flow_action */
  translated: 7,
  /** data: the session key; found: there is a hint; value: its endpoint's id */
  session: 8,
  /** value: enum verdict */
  verdict: 9,
} as const
export type TraceStep = keyof typeof traceStep
/** Names by number. */
export const traceStepNames: Readonly<Record<number, TraceStep>> = {
  1: 'parsed',
  2: 'flow',
  3: 'service',
  4: 'selected',
  5: 'route',
  6: 'inserted',
  7: 'translated',
  8: 'session',
  9: 'verdict',
}
export const traceStepCount = 10

export const traceSize = 56
export const traceOffsets = { step: 0, found: 1, hook: 2, value: 4, service: 8, endpoint: 12, data: 16 } as const
export interface Trace {
  /** enum trace_step */
  readonly step: number
  readonly found: number
  /** enum hook */
  readonly hook: number
  readonly value: number
  /** TRACE_ROUTE, TRACE_TRANSLATED: id of the flow's service */
  readonly service: number
  /** the same of its endpoint */
  readonly endpoint: number
  /** struct flow_key, or what the step says */
  readonly data: Uint8Array
}
export function readTrace(view: DataView, offset: number): Trace {
  return {
    step: view.getUint8(offset),
    found: view.getUint8(offset + 1),
    hook: view.getUint8(offset + 2),
    value: view.getUint32(offset + 4, true),
    service: view.getUint32(offset + 8, true),
    endpoint: view.getUint32(offset + 12, true),
    data: readBytes(view, offset + 16, 40),
  }
}
export function writeTrace(view: DataView, offset: number, value: Trace): void {
  view.setUint8(offset, value.step)
  view.setUint8(offset + 1, value.found)
  view.setUint8(offset + 2, value.hook)
  view.setUint32(offset + 4, value.value, true)
  view.setUint32(offset + 8, value.service, true)
  view.setUint32(offset + 12, value.endpoint, true)
  writeBytes(view, offset + 16, 40, value.data)
  zero(view, offset + 3, 1)
}

export const uplinkKeySize = 24
export const uplinkKeyOffsets = { address: 0, teid: 16 } as const
/** How G-PDUs of a user come in. */
export interface UplinkKey {
  /** outer destination */
  readonly address: Uint8Array
  readonly teid: number
}
export function readUplinkKey(view: DataView, offset: number): UplinkKey {
  return {
    address: readBytes(view, offset, 16),
    teid: view.getUint32(offset + 16, false),
  }
}
export function writeUplinkKey(view: DataView, offset: number, value: UplinkKey): void {
  writeBytes(view, offset, 16, value.address)
  view.setUint32(offset + 16, value.teid, false)
  zero(view, offset + 20, 4)
}

export const uplinkSize = 40
export const uplinkOffsets = { tag: 0, places: 4, userV4: 8, userV6: 16, packets: 24, bytes: 32 } as const
/**
 * A user has addresses of one family or of both (PDU session type IPv4v6) in one tunnel. Of a family
 * it does not have, zero, which is harmless: no place of that family is classified for it.
 */
export interface Uplink {
  /** of the key, see struct flow */
  readonly tag: number
  /** number of the set of classifiers */
  readonly places: number
  readonly userV4: number
  /** the first 64 bits are the user */
  readonly userV6: Uint8Array
  /** that were taken out of their tunnel */
  readonly packets: bigint
  readonly bytes: bigint
}
export function readUplink(view: DataView, offset: number): Uplink {
  return {
    tag: view.getUint32(offset, true),
    places: view.getUint32(offset + 4, true),
    userV4: view.getUint32(offset + 8, false),
    userV6: readBytes(view, offset + 16, 8),
    packets: view.getBigUint64(offset + 24, true),
    bytes: view.getBigUint64(offset + 32, true),
  }
}
export function writeUplink(view: DataView, offset: number, value: Uplink): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.places, true)
  view.setUint32(offset + 8, value.userV4, false)
  writeBytes(view, offset + 16, 8, value.userV6)
  view.setBigUint64(offset + 24, value.packets, true)
  view.setBigUint64(offset + 32, value.bytes, true)
  zero(view, offset + 12, 4)
}

export const downlinkSize = 64
export const downlinkOffsets = { tag: 0, places: 4, access: 8, core: 24, teid: 40, packets: 48, bytes: 56 } as const
/**
 * What goes to a user from a classified place. The key is one of its addresses: of IPv6 the last 8
 * bytes are zero.
 */
export interface Downlink {
  /** of the key, see struct flow */
  readonly tag: number
  /** number of the set of classifiers */
  readonly places: number
  /** outer destination */
  readonly access: Uint8Array
  /** outer source */
  readonly core: Uint8Array
  readonly teid: number
  readonly packets: bigint
  readonly bytes: bigint
}
export function readDownlink(view: DataView, offset: number): Downlink {
  return {
    tag: view.getUint32(offset, true),
    places: view.getUint32(offset + 4, true),
    access: readBytes(view, offset + 8, 16),
    core: readBytes(view, offset + 24, 16),
    teid: view.getUint32(offset + 40, false),
    packets: view.getBigUint64(offset + 48, true),
    bytes: view.getBigUint64(offset + 56, true),
  }
}
export function writeDownlink(view: DataView, offset: number, value: Downlink): void {
  view.setUint32(offset, value.tag, true)
  view.setUint32(offset + 4, value.places, true)
  writeBytes(view, offset + 8, 16, value.access)
  writeBytes(view, offset + 24, 16, value.core)
  view.setUint32(offset + 40, value.teid, false)
  view.setBigUint64(offset + 48, value.packets, true)
  view.setBigUint64(offset + 56, value.bytes, true)
  zero(view, offset + 44, 4)
}

export const verdict = {
  /** not a verdict: the next step decides */
  continue: 0,
  /** translated and sent */
  forward: 1,
  /** to the kernel: no service and no flow has these addresses and ports */
  pass_not_service: 2,
  /** to the kernel: ARP and what else is not IP */
  pass_not_ip: 3,
  /** to the kernel: the frame is addressed to another machine */
  pass_other_host: 4,
  /** to the kernel: an IP protocol or ICMP type that is not balanced */
  pass_protocol: 5,
  /** to the kernel: may not be forwarded any further, and the sender is told */
  pass_ttl: 6,
  /** to the kernel: ICMPv6 that keeps the link going */
  pass_neighbour_discovery: 7,
  /** unchanged to the TC program: the next hop's MAC address is not known */
  to_tc_neighbour: 8,
  /** unchanged to the TC program: the egress device cannot transmit from XDP */
  to_tc_device: 9,
  /** unchanged to the TC program: the route is one XDP cannot use */
  to_tc_route: 10,
  /** unchanged to the TC program: longer than the next link takes */
  to_tc_mtu: 11,
  /** unchanged to the TC program: fragments have to stay in order */
  to_tc_fragment: 12,
  /** unchanged to the TC program: services are chosen by firewall mark */
  to_tc_mark: 13,
  /** to user space, which answers for it */
  punt: 14,
  /** a length field of the packet lies, or a header is cut off */
  drop_malformed: 15,
  /** a source address nobody can answer */
  drop_martian: 16,
  /** the IPv4 header checksum, or the CRC32c of SCTP signalling, is wrong */
  drop_bad_checksum: 17,
  /** a fragment whose first one was dropped, or of a protocol that has none */
  drop_fragment: 18,
  /** a fragment with bytes that another one has already brought */
  drop_fragment_overlap: 19,
  /** a first fragment too short for the transport header */
  drop_fragment_tiny: 20,
  /** IPv6: too many, out of place, or a routing header that is deprecated */
  drop_extension_headers: 21,
  /** the service has no endpoint that takes new flows */
  drop_no_endpoint: 22,
  /** the middle of a connection that is not known */
  drop_no_flow: 23,
  /** the flow table is full */
  drop_flows_full: 24,
  /** no free source port found towards the endpoint */
  drop_ports_exhausted: 25,
  /** another flow has the same addresses and ports behind the translation */
  drop_flow_conflict: 26,
  /** the kernel forwards nothing there: no route, or this machine itself */
  drop_no_route: 27,
  /** forwarding is switched off on the interface the packet came in by */
  drop_forwarding_off: 28,
  /** longer than the next link takes */
  drop_mtu: 29,
  /** a GSO packet that cannot be translated or encapsulated as one */
  drop_gso: 30,
  /** the service is not for this source */
  drop_source: 31,
  /** the service has too many flows that are not established */
  drop_embryonic: 32,
  /** the endpoint is blocked */
  drop_blocked: 33,
  /** the session key has no hint, and the service wants one */
  drop_no_hint: 34,
  /** to a service of GTP-U, and not of its version 1: GTP', GTP-C, or no GTP */
  drop_gtp_version: 35,
  /** GTP-U whose length or extension headers lie */
  drop_gtp_header: 36,
  /** a tunnel inside a tunnel: what a user sends to the GTP-U port */
  drop_gtp_nested: 37,
  /** GTP-U about the path that nobody here waits for, or of no known type */
  drop_gtp_message: 38,
  /** a PFCP session whose SEID cannot be kept: hints are full */
  drop_seid: 39,
  /** a PFCP session whose SEID is that of another endpoint's session */
  drop_seid_conflict: 40,
  /** a PFCP session that the client has not asked this endpoint for */
  drop_seid_unasked: 41,
  /** a PFCP session is asked for, and the service has all that it may have */
  drop_seid_limit: 42,
  /** the verification tag is not that of the association */
  drop_sctp_tag: 43,
  /** chunks that may not stand so: cut off, or INIT that is not alone */
  drop_sctp_chunk: 44,
  /** an ICMP error about a packet that no flow has sent */
  drop_icmp_no_flow: 45,
  /** nothing in the other address family says the same */
  drop_not_translatable: 46,
  /** nobody reads the packets for user space */
  drop_slowpath_absent: 47,
  /** the queue to user space is full */
  drop_slowpath_full: 48,
  /** a map that must have an entry has none */
  drop_internal: 49,
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
  'pass_ttl',
  'pass_neighbour_discovery',
  'to_tc_neighbour',
  'to_tc_device',
  'to_tc_route',
  'to_tc_mtu',
  'to_tc_fragment',
  'to_tc_mark',
  'punt',
  'drop_malformed',
  'drop_martian',
  'drop_bad_checksum',
  'drop_fragment',
  'drop_fragment_overlap',
  'drop_fragment_tiny',
  'drop_extension_headers',
  'drop_no_endpoint',
  'drop_no_flow',
  'drop_flows_full',
  'drop_ports_exhausted',
  'drop_flow_conflict',
  'drop_no_route',
  'drop_forwarding_off',
  'drop_mtu',
  'drop_gso',
  'drop_source',
  'drop_embryonic',
  'drop_blocked',
  'drop_no_hint',
  'drop_gtp_version',
  'drop_gtp_header',
  'drop_gtp_nested',
  'drop_gtp_message',
  'drop_seid',
  'drop_seid_conflict',
  'drop_seid_unasked',
  'drop_seid_limit',
  'drop_sctp_tag',
  'drop_sctp_chunk',
  'drop_icmp_no_flow',
  'drop_not_translatable',
  'drop_slowpath_absent',
  'drop_slowpath_full',
  'drop_internal',
]
export const verdictCount = 50

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
