// Rows with one packet of one kind: each has a service of its own, the packets that open its flow, the packet that is
// measured, and what must have become of it.

import { hintKind } from '../../src/datapath/layout.gen.ts'
import { hintKey } from '../../src/datapath/hints.ts'
import { endpointDefaults, serviceDefaults, serviceKey } from '../../src/lb/model.ts'
import { tunnelFrame } from '../../src/testing/oracle/tunnels.ts'
import { translateFrame } from '../../src/testing/oracle.ts'
import { buildFrame } from '../../src/testing/packets.ts'
import { gtpu, gtpuTypes } from '../../src/testing/packets/gtpu.ts'
import { ipPartsOf } from '../../src/testing/packets/parts.ts'
import { chunks } from '../../src/testing/packets/sctp.ts'
import { formatAddress } from '../../src/wire/ip.ts'
import { network } from './network.ts'
import type { Direction } from './frames.ts'
import type { Hook } from '../../src/datapath/layout.gen.ts'
import type { Services } from '../../src/datapath/services.ts'
import type { Service } from '../../src/lb/model.ts'
import type { Packet, Socket } from '../../src/testing/packets.ts'

const { clientSide, endpointSide, endpoints, client6, endpoint6, vip, vip6 } = network
const endpoint = endpoints[0]!.address
const client4 = '10.64.0.7'
const clientPort = 40_000
/** what encapsulated packets come from, but for its last 16 bits */
export const encapsulationSource = '172.31.0.0'
const guePort = 6080
const teid = 0x0a0b0c0d

const socket = (address: string, port: number): Socket =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

const service = (port: number, more: Partial<Service> & Pick<Service, 'protocol'>, target = endpoint): Service => ({
  ...serviceDefaults,
  name: `bench ${port}`,
  address: vip,
  port,
  lastPort: port,
  select: 'hash',
  announce: 'routed',
  endpoints: [{ ...endpointDefaults, address: target, port }],
  ...more,
})

const services = {
  nat66: service(8066, { protocol: 'tcp', address: vip6 }, endpoint6),
  nat64: service(8064, { protocol: 'tcp', address: vip6 }),
  sctpKept: service(38_412, { protocol: 'sctp' }),
  sctpRewritten: service(38_413, {
    protocol: 'sctp',
    endpoints: [{ ...endpointDefaults, address: endpoint, port: 38_412 }],
  }),
  gtpu: service(2152, { protocol: 'udp', select: 'n3' }),
  dsr: service(8080, { protocol: 'tcp', mode: 'dsr', encapsulation: 'ip' }),
  closed: service(8081, { protocol: 'tcp', allowedSources: ['203.0.113.0/24'] }),
} as const satisfies Readonly<Record<string, Service>>
export const singleServices: readonly Service[] = Object.values(services)

/** What the rows need beside their services. */
export const installHints = (all: Services): void => {
  const found = all.placed().get(serviceKey(services.gtpu))!
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, teid)
  const [endpointId = 0] = found.endpoints.values()
  all.hints.install(hintKey(found.id, hintKind.teid, bytes), {
    endpoint: endpointId,
    identifier: 0,
    flags: 0,
    lifetimeMs: 0,
  })
}

const macs = {
  client: { ethernetSource: clientSide.peerMac, ethernetDestination: clientSide.mac },
  endpoint: { ethernetSource: endpoints[0]!.mac, ethernetDestination: endpointSide.mac },
} as const
const toEndpoint = { ethernetSource: endpointSide.mac, ethernetDestination: endpoints[0]!.mac } as const
const toClient = { ethernetSource: clientSide.mac, ethernetDestination: clientSide.peerMac } as const

type Distribute<P> = P extends Packet ? Omit<P, 'ethernetSource' | 'ethernetDestination'> : never
const frame = (direction: Direction, packet: Distribute<Packet>): Uint8Array =>
  buildFrame({ ...packet, ...macs[direction] })

/** Sends a frame through the program under test; gives back what comes out. */
export type Send = (frame: Uint8Array, direction: Direction) => Uint8Array

/** A flow that is open, and its measured packet. */
export interface Opened {
  readonly frame: Uint8Array
  readonly direction: Direction
  /** the frame after the program, where some of it is free to choose it is taken from `found` */
  readonly expected: (found: Uint8Array) => Uint8Array
}

export interface Single {
  readonly name: string
  readonly hooks: readonly Hook[]
  /** times the reference; null: it is only shown */
  readonly goals: Readonly<Partial<Record<Hook, number>>>
  /** headers of up to 96 bytes, or of another length afterwards */
  readonly headers: 'short' | 'long'
  readonly verdict: 'forward' | 'drop_source'
  readonly open: (send: Send) => Opened
}

/** Opens a TCP connection and answers with what the endpoint sees as its client. */
const openTcp = (send: Send, from: Socket, to: Socket, target: Socket): Socket => {
  const parts = ipPartsOf(send(frame('client', { kind: 'tcp', from, to, flags: 'S' }), 'client'))
  const source = parts.header.subarray(parts.family === 4 ? 12 : 8, parts.family === 4 ? 16 : 24)
  const address = parts.family === 4 ? formatAddress(mapped(source)) : formatAddress(source)
  const port = new DataView(parts.payload.buffer, parts.payload.byteOffset).getUint16(0)
  const seen = socket(address, port)
  send(frame('endpoint', { kind: 'tcp', from: target, to: seen, flags: 'SA' }), 'endpoint')
  send(frame('client', { kind: 'tcp', from, to, flags: 'A' }), 'client')
  return seen
}

const mapped = (v4: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(16).fill(0xff, 10, 12)
  bytes.set(v4, 12)
  return bytes
}

const endpointSocket = (of: Service): Socket => socket(of.endpoints[0]!.address, of.endpoints[0]!.port)
const vipSocket = (of: Service): Socket => socket(of.address, of.port)

/** An ACK of an open TCP connection, with bytes enough for a frame of 96. */
const tcpRow =
  (of: Service, client: string, direction: Direction) =>
  (send: Send): Opened => {
    const from = socket(client, clientPort)
    const seen = openTcp(send, from, vipSocket(of), endpointSocket(of))
    const payload = new Uint8Array(64)
    if (direction === 'client') {
      const sent = frame('client', { kind: 'tcp', from, to: vipSocket(of), flags: 'A', payload })
      return {
        frame: sent,
        direction,
        expected: (found) => translateFrame(sent, { from: seen, to: endpointSocket(of), found, ...toEndpoint }),
      }
    }
    const sent = frame('endpoint', { kind: 'tcp', from: endpointSocket(of), to: seen, flags: 'A', payload })
    return {
      frame: sent,
      direction,
      expected: (found) => translateFrame(sent, { from: vipSocket(of), to: from, found, ...toClient }),
    }
  }

/** A DATA chunk that fills an Ethernet frame of 1400 bytes. */
const sctpRow =
  (of: Service) =>
  (send: Send): Opened => {
    const from = socket(client4, clientPort)
    const to = vipSocket(of)
    const [clientTag, endpointTag] = [0x11223344, 0x55667788]
    const packet = (direction: Direction, tag: number, ...list: readonly Uint8Array[]): Uint8Array =>
      direction === 'client'
        ? frame('client', { kind: 'sctp', from, to, tag, chunks: list })
        : frame('endpoint', { kind: 'sctp', from: endpointSocket(of), to: from, tag, chunks: list })
    send(packet('client', 0, chunks.init(clientTag)), 'client')
    send(packet('endpoint', clientTag, chunks.initAck(endpointTag)), 'endpoint')
    send(packet('client', endpointTag, chunks.cookieEcho()), 'client')
    send(packet('endpoint', clientTag, chunks.cookieAck()), 'endpoint')
    const sent = packet('client', endpointTag, chunks.data(new Uint8Array(1338)))
    return {
      frame: sent,
      direction: 'client',
      expected: () => translateFrame(sent, { from, to: endpointSocket(of), ...toEndpoint }),
    }
  }

const gtpuRow = (): Opened => {
  const from = socket(client4, 2152)
  const payload = gtpu({ type: gtpuTypes.gPdu, teid, payload: new Uint8Array(64) })
  const sent = frame('client', { kind: 'udp', from, to: vipSocket(services.gtpu), payload })
  return {
    frame: sent,
    direction: 'client',
    expected: () => translateFrame(sent, { from, to: endpointSocket(services.gtpu), ...toEndpoint }),
  }
}

const dsrRow = (send: Send): Opened => {
  const from = socket(client4, clientPort)
  const to = vipSocket(services.dsr)
  send(frame('client', { kind: 'tcp', from, to, flags: 'S' }), 'client')
  const sent = frame('client', { kind: 'tcp', from, to, flags: 'A', payload: new Uint8Array(64) })
  const tunnel = {
    kind: 'ip',
    source: socket(encapsulationSource, 0),
    destination: socket(endpoint, 0),
    guePort,
    hops: 1,
    ...toEndpoint,
  } as const
  return { frame: sent, direction: 'client', expected: (found) => tunnelFrame(sent, tunnel, found) }
}

const closedRow = (): Opened => {
  const sent = frame('client', {
    kind: 'tcp',
    from: socket(client4, clientPort),
    to: vipSocket(services.closed),
    flags: 'S',
    payload: new Uint8Array(10),
  })
  return { frame: sent, direction: 'client', expected: () => sent }
}

const both: readonly Hook[] = ['xdp', 'tc']
const common = { headers: 'long', verdict: 'forward' } as const

/** The goals are those of XDP; TC pays for its checksum helpers, and is shown. */
export const singles: readonly Single[] = [
  {
    ...common,
    name: 'nat66-established',
    hooks: both,
    goals: { xdp: 1.9 },
    open: tcpRow(services.nat66, client6, 'client'),
  },
  {
    ...common,
    name: 'nat66-reverse',
    hooks: both,
    goals: { xdp: 1.9 },
    open: tcpRow(services.nat66, client6, 'endpoint'),
  },
  {
    ...common,
    name: 'nat64-established',
    hooks: ['xdp'],
    goals: { xdp: 2.2 },
    open: tcpRow(services.nat64, client6, 'client'),
  },
  {
    ...common,
    name: 'nat46-established',
    hooks: ['xdp'],
    goals: { xdp: 2.2 },
    open: tcpRow(services.nat64, client6, 'endpoint'),
  },
  {
    ...common,
    name: 'sctp-data-1400-ports-kept',
    headers: 'short',
    hooks: both,
    goals: { xdp: 1.75 },
    open: sctpRow(services.sctpKept),
  },
  {
    ...common,
    name: 'sctp-data-1400-ports-rewritten',
    headers: 'short',
    hooks: both,
    goals: { xdp: 2 },
    open: sctpRow(services.sctpRewritten),
  },
  { ...common, name: 'gtpu-teid-hint', headers: 'short', hooks: both, goals: { xdp: 1.6 }, open: gtpuRow },
  { ...common, name: 'dsr-ipip-established', hooks: ['xdp'], goals: { xdp: 1.8 }, open: dsrRow },
  {
    ...common,
    name: 'drop-by-source',
    headers: 'short',
    verdict: 'drop_source',
    hooks: both,
    goals: { xdp: 1.2 },
    open: closedRow,
  },
]

export const singleNamed = (name: string): Single => singles.find((single) => single.name === name)!
