// Punted packets for tests: flows said as people do, and what the fast path would have written into its ring.

import { buildFrame } from '../packets.ts'
import { parseSocket } from '../packets/socket.ts'
import { addressBytes } from '../../wire/ip.ts'
import { puntReason, puntSize, writePunt } from '../../datapath/layout.gen.ts'
import { flowPair, partnerKey } from '../../datapath/slow-path/flow-pair.ts'
import { decodePunt, readPuntHead } from '../../datapath/slow-path/punt-record.ts'
import type { Packet } from '../packets.ts'
import type { Flow, FlowKey, FlowState, Punt, PuntReason } from '../../datapath/layout.gen.ts'
import type { Encapsulation } from '../../datapath/slow-path/deliver.ts'
import type { PuntedPacket } from '../../datapath/slow-path/handler.ts'

export interface TestFlow {
  readonly client: string
  readonly vip: string
  /** what the endpoint sees */
  readonly source: string
  readonly endpoint: string
  readonly protocol?: number
  readonly state?: FlowState
  readonly action?: 'encap_ip' | 'encap_gue' | 'l2'
}

export interface Sides {
  readonly clientKey: FlowKey
  readonly client: Flow
  readonly endpointKey: FlowKey
  readonly endpoint: Flow
}

/** Both entries as the fast path has them. */
export function sidesOf(flow: TestFlow): Sides {
  const { client, endpoint, protocol = 6, source, state = 'established', vip } = flow
  const clientKey = keyOf(client, vip, protocol)
  const [from, to] = [parseSocket(source), parseSocket(endpoint)]
  const translation = {
    source: addressBytes(from.address),
    destination: addressBytes(to.address),
    sourcePort: from.port,
    destinationPort: to.port,
  }
  const pair = flowPair(
    clientKey,
    { ...translation, service: 1, endpoint: 1, state, ...(flow.action === undefined ? {} : { action: flow.action }) },
    1000,
  )
  return {
    clientKey,
    client: pair.client.flow,
    endpointKey: partnerKey(clientKey, translation),
    endpoint: pair.endpointSide?.flow ?? pair.client.flow,
  }
}

export function keyOf(from: string, to: string, protocol: number): FlowKey {
  const [source, destination] = [parseSocket(from), parseSocket(to)]
  return {
    source: addressBytes(source.address),
    destination: addressBytes(destination.address),
    sourcePort: source.port,
    destinationPort: destination.port,
    zone: 0,
    protocol,
  }
}

export interface TestPunt {
  readonly reason: PuntReason
  readonly frame: Uint8Array
  readonly key?: FlowKey
  readonly flow?: Flow
  readonly mtu?: number
  readonly sequence?: number
  readonly cpu?: number
  readonly at?: number
  /** the frame was longer before it came into the record */
  readonly whole?: number
}

const ethernetBytes = 14
const nobody: FlowKey = keyOf('0.0.0.0:0', '0.0.0.0:0', 0)
const noFlow: Flow = {
  ...sidesOf({ client: '0.0.0.0:0', vip: '0.0.0.0:0', source: '0.0.0.0:0', endpoint: '0.0.0.0:0' }).client,
  tag: 0,
  state: 0,
  flags: 0,
}

/** A record of the ring; it has room for more than the frame. */
export function recordOf(test: TestPunt): Uint8Array {
  const record = new Uint8Array(puntSize + Math.max(512, test.frame.length))
  const punt: Punt = {
    sequence: test.sequence ?? 1,
    cpu: test.cpu ?? 0,
    reason: puntReason[test.reason],
    hook: 1,
    at: test.at ?? 0,
    ifindex: 7,
    service: test.flow?.service ?? 0,
    endpoint: test.flow?.endpoint ?? 0,
    mtu: test.mtu ?? 0,
    l3: test.frame.length === 0 ? 0 : ethernetBytes,
    l4: 0,
    length: test.frame.length,
    whole: test.whole ?? test.frame.length,
    key: test.key ?? nobody,
    flow: test.flow ?? noFlow,
  }
  writePunt(new DataView(record.buffer), 0, punt)
  record.set(test.frame, puntSize)
  return record
}

export function punted(test: TestPunt, nowMs = 0): PuntedPacket {
  const record = recordOf(test)
  return decodePunt(record, readPuntHead(record), nowMs)
}

/** Of a packet, with the key that the fast path finds in it. */
export function puntedPacket(reason: PuntReason, packet: Packet, more: Partial<TestPunt> = {}): PuntedPacket {
  return punted({ reason, frame: buildFrame(packet), ...more })
}

/** As the configuration might say; the last bits of the sources vary with the flow. */
export const testEncapsulation: Encapsulation = {
  encapSource4: addressBytes('198.18.0.0'),
  encapSource6: addressBytes('fd88::'),
  guePort: 6080,
}
