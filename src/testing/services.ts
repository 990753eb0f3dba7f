// Services for tests: only what matters to the test is written there.

import { endpointDefaults, makeService } from '../lb/model.ts'
import type { Endpoint, Service } from '../lb/model.ts'

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
