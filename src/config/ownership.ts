// Who owns what is balanced: the file's services, the API's services and the operators' drain orders, put together into
// the one set that the datapath gets. Pure.

import { ConflictError } from '../lb/errors.ts'
import { ResourceError } from '../lb/datapath.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import { formatPath } from './errors.ts'
import { claimsOf, findOverlaps } from './overlap.ts'
import { serviceTitle } from './plan.ts'
import { findWrongReferences } from './references.ts'
import type { Endpoint, EndpointKey, Service, ServiceKey } from '../lb/model.ts'
import type { Order } from '../lb/registry.ts'

/** An operator's word on one endpoint, stronger than what the owner of its service says. */
export interface Override extends Partial<Order> {
  readonly service: ServiceKey
  readonly endpoint: EndpointKey
}

export interface Ownership {
  readonly file: readonly Service[]
  readonly api: readonly Service[]
  readonly overrides: readonly Override[]
  /** all services as they are balanced, overrides included */
  readonly all: readonly Service[]
  readonly byKey: ReadonlyMap<ServiceKey, Service>
}

export interface ModelLimits {
  readonly services: number
  readonly endpoints: number
}

export interface OwnershipInput {
  readonly file: readonly Service[]
  readonly api: readonly Service[]
  readonly overrides: readonly Override[]
  readonly limits: ModelLimits
  /** how messages name the file */
  readonly fileName: string
  /** as they are balanced now */
  readonly before: readonly Service[]
}

const ownerTitle = (service: Service, fileName: string): string =>
  `${serviceTitle(service)} of ${service.owner === 'file' ? fileName : 'the API'}`

const remedy = (service: Service, fileName: string): string =>
  service.owner === 'file' ? `remove it from ${fileName}` : `delete it through the API (sluice delete lb)`

/** Services that have keys of their own and take packets of each other all the same. */
const overlaps = (services: readonly Service[], fileName: string): readonly string[] =>
  findOverlaps(services.map(claimsOf)).flatMap(({ item, other }) => {
    const [a, b] = [services[other], services[item]]
    if (a === undefined || b === undefined) return []
    const remedies = a.owner === b.owner ? 'change one of them' : `${remedy(a, fileName)} or ${remedy(b, fileName)}`
    return [`${ownerTitle(a, fileName)} and ${ownerTitle(b, fileName)} want the same packets: ${remedies}`]
  })

/** What names another service that is not there, or not what it must be. */
const wrongReferences = (services: readonly Service[], { before, fileName }: OwnershipInput): readonly string[] => {
  const names = new Set(before.map(({ name }) => name))
  return findWrongReferences(services, (name) => names.has(name)).flatMap(({ item, message, path }) => {
    const service = services[item]
    return service === undefined ? [] : [`${ownerTitle(service, fileName)}: ${formatPath(path)} ${message}`]
  })
}

/** The services by their keys; throws ConflictError for every pair that cannot live together. */
const index = (input: OwnershipInput): ReadonlyMap<ServiceKey, Service> => {
  const { api, file, fileName } = input
  const byKey = new Map<ServiceKey, Service>()
  const byName = new Map<string, Service>()
  const found: string[] = []
  for (const service of [...file, ...api]) {
    const key = serviceKey(service)
    const sameKey = byKey.get(key)
    const other = sameKey ?? byName.get(service.name)
    if (other !== undefined) {
      const problem = sameKey === undefined ? `have the same name "${service.name}"` : `both balance ${key}`
      const titles = `${ownerTitle(other, fileName)} and ${ownerTitle(service, fileName)}`
      const remedies =
        other.owner === service.owner
          ? 'change one of them'
          : `${remedy(other, fileName)} or ${remedy(service, fileName)}`
      found.push(`${titles} ${problem}: ${remedies}`)
    }
    byKey.set(key, service)
    byName.set(service.name, service)
  }
  const services = [...byKey.values()]
  found.push(...overlaps(services, fileName), ...wrongReferences(services, input))
  if (found.length > 0) throw new ConflictError(found.join('\n'))
  return byKey
}

const checkLimits = (all: readonly Service[], limits: ModelLimits): void => {
  const endpoints = all.reduce((sum, service) => sum + service.endpoints.length, 0)
  const refuse = (limit: string, count: number, most: number): never => {
    throw new ResourceError(
      limit,
      `${count} ${limit} are more than the ${most} this daemon was started for: raise limits.${limit} and restart it`,
    )
  }
  // The fast path finds a service by each of its VIPs.
  const places = all.reduce((sum, service) => sum + 1 + service.secondary.length, 0)
  if (places > limits.services) refuse('services', places, limits.services)
  if (endpoints > limits.endpoints) refuse('endpoints', endpoints, limits.endpoints)
}

const withOverrides = (service: Service, overrides: ReadonlyMap<EndpointKey, Partial<Order>>): Service => ({
  ...service,
  endpoints: service.endpoints.map((endpoint) => ({ ...endpoint, ...overrides.get(endpointKey(endpoint)) })),
})

/** What an order changes in the endpoint; undefined when that is nothing. */
const effect = ({ drained, blocked }: Partial<Order>, endpoint: Endpoint): Partial<Order> | undefined => {
  const order = {
    ...(drained !== undefined && drained !== endpoint.drained && { drained }),
    ...(blocked !== undefined && blocked !== endpoint.blocked && { blocked }),
  }
  return Object.keys(order).length === 0 ? undefined : order
}

/** Throws ConflictError, naming both sides of every conflict, or ResourceError. */
export const combine = (input: OwnershipInput): Ownership => {
  const owned = index(input)
  checkLimits([...owned.values()], input.limits)

  // An order for an endpoint that has gone, or that repeats what the owner says, is forgotten: an endpoint that comes
  // back later is a new one.
  const overrides = input.overrides.flatMap(({ service, endpoint: key, ...order }): readonly Override[] => {
    const endpoint = owned.get(service)?.endpoints.find((one) => endpointKey(one) === key)
    const changed = endpoint === undefined ? undefined : effect(order, endpoint)
    return changed === undefined ? [] : [{ service, endpoint: key, ...changed }]
  })
  const byService = new Map<ServiceKey, Map<EndpointKey, Partial<Order>>>()
  for (const { service, endpoint, ...order } of overrides) {
    const ofService = byService.get(service) ?? new Map<EndpointKey, Partial<Order>>()
    byService.set(service, ofService.set(endpoint, order))
  }
  const byKey = new Map(owned)
  for (const [key, ofService] of byService) {
    const service = owned.get(key)
    if (service !== undefined) byKey.set(key, withOverrides(service, ofService))
  }
  return { file: input.file, api: input.api, overrides, all: [...byKey.values()], byKey }
}

/** A list with some gone, others replaced where they stand, and new ones behind. */
export function edited<One, Key>(
  list: readonly One[],
  keyOf: (one: One) => Key,
  gone: ReadonlySet<Key>,
  given: ReadonlyMap<Key, One>,
): readonly One[] {
  const known = new Set(list.map(keyOf))
  const kept = list.flatMap((one) => (gone.has(keyOf(one)) ? [] : [given.get(keyOf(one)) ?? one]))
  return [...kept, ...[...given].flatMap(([key, one]) => (known.has(key) && !gone.has(key) ? [] : [one]))]
}
