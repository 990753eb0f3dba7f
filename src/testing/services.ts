// Services for tests: only what matters to the test is written there.

import { endpointDefaults, makeService } from '../lb/model.ts'
import type { Endpoint, N4Settings, Service } from '../lb/model.ts'

export const endpoint = (address: string, given: Partial<Endpoint> = {}): Endpoint => ({
  ...endpointDefaults,
  address,
  port: 8080,
  ...given,
})

/** `port: 0` of any protocol but icmp is any port. */
export const service = (given: Partial<Service> = {}): Service =>
  makeService({
    address: '192.0.2.1',
    port: 80,
    protocol: 'tcp',
    owner: 'api',
    announce: 'routed',
    endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')],
    ...given,
  })

/** What the configuration gives where nothing is said. */
const n4Settings: N4Settings = {
  tunnels: 'n3',
  users: [],
  localNetworkInstances: [],
  nodeId: null,
  balance: 'least-sessions',
  onLoss: 'report',
  onFewerFeatures: 'refuse',
  hotPercent: 80,
  heartbeat: 5,
  echo: 0,
  t1: 1000,
  n1: 3,
}

export const n4Service = (given: Partial<Service>, settings: Partial<N4Settings> = {}): Service =>
  service({
    name: 'n4',
    port: 8805,
    protocol: 'udp',
    mode: 'proxy',
    select: 'n4',
    announce: 'local',
    n4: { ...n4Settings, ...settings },
    ...given,
  })
