// To attach endpoints to a service and to detach them, without touching its others.

import { NotFoundError } from '../lb/errors.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import type { Endpoint, Service } from '../lb/model.ts'

/** Those that were there keep their place, and get what is said of them now. */
export const attach = (service: Service, more: readonly Endpoint[]): Service => {
  const named = new Map(more.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const present = new Set(service.endpoints.map(endpointKey))
  const endpoints = [
    ...service.endpoints.map((endpoint) => named.get(endpointKey(endpoint)) ?? endpoint),
    ...more.filter((endpoint) => !present.has(endpointKey(endpoint))),
  ]
  return { ...service, endpoints }
}

export const detach = (service: Service, gone: readonly Endpoint[]): Service => {
  const named = new Set(gone.map(endpointKey))
  const present = new Set(service.endpoints.map(endpointKey))
  const absent = [...named].filter((key) => !present.has(key))
  if (absent.length > 0) {
    throw new NotFoundError(`not found: ${absent.join(', ')} is no end point of ${serviceKey(service)}`)
  }
  return { ...service, endpoints: service.endpoints.filter((endpoint) => !named.has(endpointKey(endpoint))) }
}
