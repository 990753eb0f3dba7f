// Our flows as loxilb's conntrack table shows them: one entry for each direction, in the words its clients know.

import type { FlowStatus } from '../lb/datapath.ts'
import type { ConntrackEntry } from './schemas.ts'

const states: Readonly<Record<FlowStatus['state'], string>> = {
  syn_sent: 'sync-sent',
  syn_received: 'sync-ack',
  established: 'est',
  closing: 'fini',
  closed: 'closed-wait',
  unreplied: 'udp-uni',
  replied: 'udp-est',
}

const sctpStates: Readonly<Partial<Record<FlowStatus['state'], string>>> = {
  syn_sent: 'init',
  syn_received: 'init-ack',
  established: 'est',
  closing: 'shut',
  closed: 'shut-complete',
}

const stateOf = (flow: FlowStatus): string => {
  if (flow.protocol === 'icmp') return flow.state === 'replied' ? 'bidir' : 'req-sent'
  return (flow.protocol === 'sctp' ? sctpStates[flow.state] : undefined) ?? states[flow.state]
}

/** What a direction does to a packet: the address it writes as source where it writes both, the other one, the port. */
const actions = (flow: FlowStatus): readonly [string, string] => {
  const { client, vip, source, endpoint } = flow
  const weight = `w${endpoint.weight}`
  const forward = `${endpoint.address}:${endpoint.port}:${weight}`
  const backward = `${vip.port}:${weight}`
  if (flow.mode === 'dsr') return [`ddsr-${forward}`, `sdsr-${vip.address}:${backward}`]
  if (flow.mode === 'masquerade')
    return [`snat-${source.address}:${source.port}:${weight}`, `dnat-${client.address}:${client.port}:${weight}`]
  return source.address === client.address
    ? [`dnat-${forward}`, `snat-${vip.address}:${backward}`]
    : [`fdnat-${source.address},${forward}`, `fsnat-${vip.address},${client.address}:${backward}`]
}

export const toConntrack = (flow: FlowStatus, servName: string): readonly [ConntrackEntry, ConntrackEntry] => {
  const { client, vip, source, endpoint } = flow
  const [forward, backward] = actions(flow)
  const common = { protocol: flow.protocol, conntrackState: stateOf(flow), ident: '0', servName }
  return [
    {
      ...common,
      destinationIP: vip.address,
      sourceIP: client.address,
      destinationPort: vip.port,
      sourcePort: client.port,
      conntrackAct: forward,
      packets: flow.toEndpoint.packets,
      bytes: flow.toEndpoint.bytes,
    },
    {
      ...common,
      destinationIP: source.address,
      sourceIP: endpoint.address,
      destinationPort: source.port,
      sourcePort: endpoint.port,
      conntrackAct: backward,
      packets: flow.toClient.packets,
      bytes: flow.toClient.bytes,
    },
  ]
}
