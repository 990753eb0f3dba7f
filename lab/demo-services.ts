// What the demo balances: one service each over TCP and UDP, with the two ways to select an endpoint.

import type { Mode } from '../src/lb/model.ts'
import { balancerDevices, type ThreeServers } from './topology.ts'
import { echoPort, webPort } from './traffic.ts'

/** Those that need no more of the servers than the lab's have, and a VIP of their own. */
export const demoModes = ['dnat', 'onearm', 'fullnat'] as const satisfies readonly Mode[]

export interface DemoService {
  readonly name: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  readonly select: 'rr' | 'hash'
  readonly targetPort: number
}

export const demoServices: readonly DemoService[] = [
  { name: 'web', port: 80, protocol: 'tcp', select: 'rr', targetPort: webPort },
  { name: 'dns-echo', port: 53, protocol: 'udp', select: 'hash', targetPort: echoPort },
]

/** The configuration of the demo's daemon, as it stands in its file. */
export const demoConfig = (topology: ThreeServers, mode: Mode): object => ({
  version: 1,
  log: { format: 'text' },
  interfaces: balancerDevices(topology).map((name) => ({ name, hook: topology.hook })),
  services: demoServices.map(({ name, port, protocol, select, targetPort }) => ({
    name,
    vip: topology.vip,
    port,
    protocol,
    mode,
    select,
    announce: 'routed',
    endpoints: topology.servers.map(({ address }) => ({ address, port: targetPort })),
  })),
})
