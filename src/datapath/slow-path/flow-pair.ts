// Both entries of a flow as the fast path writes them (bpf/lib/create.h), and their keys.

import { onesComplementSum } from '../../wire/checksum.ts'
import { keyTag } from '../../lb/selection/flow-hash.ts'
import { flowAction, flowFlags, flowKeySize, flowState, writeFlowKey } from '../layout.gen.ts'
import { flowActionShift } from './flow-action.ts'
import { familyOf } from './translate.ts'
import type { NewFlow } from './handler.ts'
import type { Flow, FlowAction, FlowKey } from '../layout.gen.ts'

export const flowKeyBytes = (key: FlowKey): Uint8Array => {
  const bytes = new Uint8Array(flowKeySize)
  writeFlowKey(new DataView(bytes.buffer), 0, key)
  return bytes
}

export const flowKeyName = (key: FlowKey): string => Buffer.from(flowKeyBytes(key)).toString('latin1')

type Translation = Pick<Flow, 'source' | 'destination' | 'sourcePort' | 'destinationPort'>

/** How the packets of the other direction come in: what an entry writes, turned round. */
export const partnerKey = (key: FlowKey, flow: Translation): FlowKey => ({
  source: flow.destination,
  destination: flow.source,
  sourcePort: flow.destinationPort,
  destinationPort: flow.sourcePort,
  zone: key.zone,
  protocol: key.protocol,
})

export interface Entry {
  readonly key: FlowKey
  readonly flow: Flow
}

export interface Pair {
  readonly client: Entry
  /** null where endpoints answer clients themselves */
  readonly endpointSide: Entry | null
}

export const flowPair = (client: FlowKey, flow: NewFlow, nowTicks: number): Pair => {
  const action = flow.action ?? natAction(client, flow)
  const endpointKey = partnerKey(client, flow)
  const back: Translation = {
    source: client.destination,
    destination: client.source,
    sourcePort: client.destinationPort,
    destinationPort: client.sourcePort,
  }
  const punt = flow.punt === true ? flowFlags.punt : 0
  return {
    client: { key: client, flow: entry(client, flow, flow, punt, action, nowTicks) },
    endpointSide: isDirect(action)
      ? null
      : {
          key: endpointKey,
          flow: entry(endpointKey, flow, back, punt | flowFlags.reverse, backAction[action], nowTicks),
        },
  }
}

const isDirect = (action: FlowAction): boolean => flowAction[action] >= flowAction.l2

const backAction = {
  nat: 'nat',
  nat64: 'nat46',
  nat46: 'nat64',
  l2: 'l2',
  encap_ip: 'encap_ip',
  encap_gue: 'encap_gue',
  encap_gtpu: 'encap_gtpu',
} as const satisfies Record<FlowAction, FlowAction>

const natAction = (client: FlowKey, flow: Translation): FlowAction => {
  const [from, to] = [familyOf(client), familyOf(flow)]
  return from === to ? 'nat' : to === 4 ? 'nat64' : 'nat46'
}

const entry = (
  key: FlowKey,
  flow: NewFlow,
  to: Translation,
  flags: number,
  action: FlowAction,
  nowTicks: number,
): Flow => ({
  tag: keyTag(flowKeyBytes(key)),
  seen: nowTicks,
  service: flow.service,
  endpoint: flow.endpoint,
  state: flowState[flow.state],
  flags: flags | (flowAction[action] << flowActionShift),
  addressDelta: delta([key.source, key.destination], [to.source, to.destination]),
  portDelta: delta([portBytes(key)], [portBytes(to)]),
  routeMtu: 0,
  routeStamp: 0,
  routeDevice: 0,
  routeDestinationMac: new Uint8Array(6),
  routeSourceMac: new Uint8Array(6),
  source: to.source,
  destination: to.destination,
  sourcePort: to.sourcePort,
  destinationPort: to.destinationPort,
  packets: 0n,
  bytes: 0n,
  sctpTag: 0,
  sctpChange: 0,
})

const portBytes = ({ sourcePort, destinationPort }: Pick<FlowKey, 'sourcePort' | 'destinationPort'>): Uint8Array =>
  Uint8Array.of(sourcePort >> 8, sourcePort, destinationPort >> 8, destinationPort)

/** What a change adds to an internet checksum, in the byte order of this machine; 0 for nothing, never all ones. */
const delta = (before: readonly Uint8Array[], after: readonly Uint8Array[]): number => {
  const sum = (parts: readonly Uint8Array[]): number =>
    parts.reduce((total, bytes) => onesComplementSum(bytes, total), 0) % 0xffff
  const change = (sum(after) - sum(before) + 0xffff) % 0xffff
  return ((change & 0xff) << 8) | (change >> 8)
}
