// What a program told of a packet, as data: numbers become names and addresses.

import { formatAddress } from '../../wire/ip.ts'
import { protocolNames } from '../entries.ts'
import {
  endpointSize,
  flowActionNames,
  flowFlags,
  flowStateNames,
  hintKindNames,
  hookNames,
  readEndpoint,
  readFlowKey,
  readHintKey,
  traceStepNames,
  verdictNames,
} from '../layout.gen.ts'
import type { Flow, FlowAction, FlowState, HintKind, Hook, Trace, Verdict } from '../layout.gen.ts'

/** An address, and a port where the protocol has them; of an ICMP echo the port is its identifier. */
export interface Side {
  readonly address: string
  readonly port: number
}

export interface Addresses {
  readonly protocol: string
  readonly from: Side
  readonly to: Side
}

export interface EndpointFound extends Side {
  readonly id: number
}

export interface FlowFound {
  /** whose packets this entry is for */
  readonly side: 'client' | 'endpoint'
  readonly state: FlowState
  readonly service: number
  readonly endpoint: EndpointFound
  readonly newFrom: Side
  readonly newTo: Side
}

export interface ServiceFound {
  readonly id: number
  /** null: nobody says */
  readonly name: string | null
}

const packetKinds = ['plain', 'echo request', 'echo reply', 'icmp error'] as const
type PacketKind = (typeof packetKinds)[number]

export type Step =
  | ({ readonly kind: 'parsed'; readonly hook: Hook; readonly packet: PacketKind } & Addresses)
  | ({ readonly kind: 'flow'; readonly hook: Hook; readonly flow: FlowFound | null } & Addresses)
  | ({
      readonly kind: 'service'
      readonly hook: Hook
      readonly service: ServiceFound | null
    } & Addresses)
  | { readonly kind: 'session'; readonly hook: Hook; readonly session: SessionKey; readonly hint: EndpointFound | null }
  | {
      readonly kind: 'selected'
      readonly hook: Hook
      readonly endpoint: EndpointFound | null
      /** why there is none */
      readonly verdict: Verdict | null
    }
  | ({
      readonly kind: 'route'
      readonly hook: Hook
      readonly device: { readonly ifindex: number; readonly name: string } | null
      /** what the kernel said instead */
      readonly refusal: string | null
    } & Addresses)
  | ({ readonly kind: 'inserted'; readonly hook: Hook; readonly result: 'made' | 'taken' | 'no room' } & Addresses)
  | ({ readonly kind: 'translated'; readonly hook: Hook; readonly action: FlowAction } & Addresses)
  | { readonly kind: 'verdict'; readonly hook: Hook; readonly verdict: Verdict }

export interface SessionKey {
  readonly service: ServiceFound
  readonly kind: HintKind
  /** hexadecimal */
  readonly key: string
}

/** What stands in maps, and what a daemon knows. */
export interface Surroundings {
  readonly endpoints: DataView
  readonly deviceName: (ifindex: number) => string
  /** null: nobody says */
  readonly serviceName: (id: number, found: Addresses) => string | null
  /** the entry that was found, as it was before */
  readonly flow: (key: Uint8Array) => Flow | undefined
  readonly packet: Addresses | null
}

const fileExists = 17 // EEXIST

/** BPF_FIB_LKUP_RET_*, by number. */
const fibAnswers: readonly string[] = [
  'found',
  'the route is a blackhole',
  'the route says unreachable',
  'the route says prohibited',
  'the address is not forwarded to: no route, this machine itself, or a broadcast',
  'forwarding is off on the interface the packet came in by',
  'the route encapsulates in the kernel',
  "the next hop's MAC address is not known yet",
  'the packet is longer than the way takes',
  'there is no source address for the way',
]

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const side = (address: Uint8Array, port: number): Side => ({ address: formatAddress(address), port })

const addressesOf = (data: Uint8Array): Addresses => {
  const key = readFlowKey(viewOf(data), 0)
  return {
    protocol: protocolNames.get(key.protocol) ?? String(key.protocol),
    from: side(key.source, key.sourcePort),
    to: side(key.destination, key.destinationPort),
  }
}

const endpointOf = (id: number, { endpoints }: Surroundings): EndpointFound => {
  const offset = id * endpointSize
  if (offset + endpointSize > endpoints.byteLength) return { id, address: '::', port: 0 }
  const { address, port } = readEndpoint(endpoints, offset)
  return { id, ...side(address, port) }
}

const flowOf = (flow: Flow, surroundings: Surroundings): FlowFound => ({
  side: (flow.flags & flowFlags.reverse) === 0 ? 'client' : 'endpoint',
  state: flowStateNames[flow.state] ?? 'none',
  service: flow.service,
  endpoint: endpointOf(flow.endpoint, surroundings),
  newFrom: side(flow.source, flow.sourcePort),
  newTo: side(flow.destination, flow.destinationPort),
})

/** A refusal is told as a negative number. */
const routeOf = (value: number, surroundings: Surroundings): Pick<Step & { kind: 'route' }, 'device' | 'refusal'> => {
  const code = -(value | 0)
  if (code > 0) return { device: null, refusal: fibAnswers[code] ?? `the kernel says ${code}` }
  return { device: { ifindex: value, name: surroundings.deviceName(value) }, refusal: null }
}

const sessionOf = (data: Uint8Array, { packet, serviceName }: Surroundings): SessionKey => {
  const { service: id, kind, length, bytes } = readHintKey(viewOf(data), 0)
  const service = { id, name: packet === null ? null : serviceName(id, packet) }
  return { service, kind: hintKindNames[kind] ?? 'none', key: Buffer.from(bytes.subarray(0, length)).toString('hex') }
}

export const stepOf = (trace: Trace, surroundings: Surroundings): Step => {
  const { value, data } = trace
  const found = trace.found !== 0
  const hook = hookNames[trace.hook] ?? 'xdp'
  const kind = traceStepNames[trace.step] ?? 'verdict'
  switch (kind) {
    case 'parsed':
      return { kind, hook, packet: packetKinds[value] ?? 'plain', ...addressesOf(data) }
    case 'flow': {
      const flow = found ? surroundings.flow(data) : undefined
      return { kind, hook, flow: flow === undefined ? null : flowOf(flow, surroundings), ...addressesOf(data) }
    }
    case 'service': {
      const addresses = addressesOf(data)
      const service = found ? { id: value, name: surroundings.serviceName(value, addresses) } : null
      return { kind, hook, service, ...addresses }
    }
    case 'session':
      return {
        kind,
        hook,
        session: sessionOf(data, surroundings),
        hint: found ? endpointOf(value, surroundings) : null,
      }
    case 'selected':
      return found
        ? { kind, hook, endpoint: endpointOf(value, surroundings), verdict: null }
        : { kind, hook, endpoint: null, verdict: verdictNames[value] ?? 'drop_internal' }
    case 'route':
      return { kind, hook, ...routeOf(value, surroundings), ...addressesOf(data) }
    case 'inserted': {
      const result = !found ? 'made' : value === fileExists ? 'taken' : 'no room'
      return { kind, hook, result, ...addressesOf(data) }
    }
    case 'translated':
      return { kind, hook, action: flowActionNames[value] ?? 'nat', ...addressesOf(data) }
    case 'verdict':
      return { kind, hook, verdict: verdictNames[value] ?? 'drop_internal' }
    default: {
      const never: never = kind
      return never
    }
  }
}
