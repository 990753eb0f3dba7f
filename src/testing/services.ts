// Services for tests: only what matters to the test is written there.

import { serviceKey } from '../lb/model.ts'
import type { Endpoint, Service } from '../lb/model.ts'

export const endpoint = (address: string, given: Partial<Endpoint> = {}): Endpoint => ({
  address,
  port: 8080,
  weight: 1,
  drained: false,
  ...given,
})

export const service = (given: Partial<Service> = {}): Service => {
  const identity = { address: '192.0.2.1', port: 80, protocol: 'tcp' as const, ...given }
  return {
    name: serviceKey(identity),
    owner: 'api',
    mode: 'dnat',
    select: 'rr',
    announce: 'routed',
    endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')],
    annotations: {},
    ...identity,
  }
}
