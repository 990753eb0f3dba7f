// What of the model goes into which map entry.

import { endpointKey } from '../lb/model.ts'
import { selections } from '../lb/selection/index.ts'
import { addressBytes } from '../wire/ip.ts'
import { serviceKeySize, vipKeySize, writeServiceKey, writeVipKey } from './layout.gen.ts'
import type { EndpointEntry } from './endpoints.ts'
import type { Endpoint, Service, Transport } from '../lb/model.ts'
import type { SelectionTable } from '../lb/selection/selection.ts'

const protocolNumbers: Readonly<Record<Transport, number>> = { tcp: 6, udp: 17, icmp: 1 }
export const protocolNames: ReadonlyMap<number, Transport> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
])

/**
 * RFC 7600's dummy address stands in for an egress address while there is no route: whatever happens, the client's own
 * address does not leave.
 */
const noEgress = '192.0.0.8'

export const serviceKeyBytes = (service: Pick<Service, 'address' | 'port' | 'protocol'>): Uint8Array => {
  const bytes = new Uint8Array(serviceKeySize)
  writeServiceKey(new DataView(bytes.buffer), 0, {
    address: addressBytes(service.address),
    port: service.port,
    zone: 0,
    protocol: protocolNumbers[service.protocol],
  })
  return bytes
}

export const vipKeyBytes = (address: string): Uint8Array => {
  const bytes = new Uint8Array(vipKeySize)
  writeVipKey(new DataView(bytes.buffer), 0, { address: addressBytes(address), zone: 0 })
  return bytes
}

/** Whether an endpoint of the model takes new flows. */
const takesFlows = (endpoint: Endpoint): boolean => endpoint.weight > 0 && !endpoint.drained

/** The source its packets get, as text; null: the client's. */
const sourceFor = (service: Service, endpoint: Endpoint, egress: (address: string) => string | null): string | null => {
  switch (service.mode) {
    case 'dnat':
      return null
    case 'onearm':
      return egress(endpoint.address) ?? noEgress
    case 'fullnat':
      return service.address
    default:
      return service.mode satisfies never
  }
}

export const endpointEntry = (
  id: number,
  service: Service,
  endpoint: Endpoint,
  egress: (address: string) => string | null,
): EndpointEntry => {
  const source = sourceFor(service, endpoint, egress)
  return {
    service: id,
    address: addressBytes(endpoint.address),
    port: endpoint.port,
    source: source === null ? null : addressBytes(source),
    accepts: takesFlows(endpoint),
    protocol: service.protocol,
  }
}

export const tableFor = (service: Service, seed: number): SelectionTable =>
  selections[service.select].build(service.endpoints, seed)

/** Equal keys, equal slots. */
export const tableKey = (service: Service, seed: number): string =>
  [
    service.select,
    seed,
    ...service.endpoints.map((endpoint) => `${endpointKey(endpoint)} ${endpoint.weight} ${endpoint.drained}`),
  ].join('|')
