// What must change to get from one set of services to another, as data; and the same for people to read.

import { endpointKey, serviceKey } from '../lb/model.ts'
import type { Change, Endpoint, Service } from '../lb/model.ts'

/** Everything of a service but its identity and its endpoints. */
const plainFields = ['name', 'owner', 'mode', 'select', 'announce'] as const

const endpointsByKey = (service: Service) =>
  new Map(service.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))

const sameEndpoint = (a: Endpoint, b: Endpoint | undefined): boolean =>
  b !== undefined && a.weight === b.weight && a.drained === b.drained

const sameAnnotations = (a: Service['annotations'], b: Service['annotations']): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, value]) => b[name] === value)

/** Two services of one key; the order of endpoints is no content. */
const sameService = (a: Service, b: Service): boolean => {
  if (a === b) return true
  if (a.endpoints.length !== b.endpoints.length || !sameAnnotations(a.annotations, b.annotations)) return false
  if (plainFields.some((field) => a[field] !== b[field])) return false
  const others = endpointsByKey(b)
  return a.endpoints.every((endpoint) => sameEndpoint(endpoint, others.get(endpointKey(endpoint))))
}

/** Removals first, so that what they free can be used again; then updates and additions; each in its list's order. */
export const plan = (current: readonly Service[], wanted: readonly Service[]): readonly Change[] => {
  const currentByKey = new Map(current.map((service) => [serviceKey(service), service]))
  const wantedKeys = new Set(wanted.map(serviceKey))
  const removals: Change[] = current
    .filter((service) => !wantedKeys.has(serviceKey(service)))
    .map((service) => ({ kind: 'remove', service }))
  const updates: Change[] = []
  const additions: Change[] = []
  for (const service of wanted) {
    const from = currentByKey.get(serviceKey(service))
    if (from === undefined) additions.push({ kind: 'add', service })
    else if (!sameService(from, service)) updates.push({ kind: 'update', from, to: service })
  }
  return [...removals, ...updates, ...additions]
}

/** `service web (10.0.0.1:80/tcp)`; a service without a name of its own is its address. */
export const serviceTitle = (service: Service): string => {
  const key = serviceKey(service)
  return service.name === key ? `service ${key}` : `service ${service.name} (${key})`
}

const endpointTitle = (service: Service, endpoint: Endpoint): string =>
  service.protocol === 'icmp' ? endpoint.address : endpointKey(endpoint)

const drainedText = (drained: boolean): string => (drained ? 'drained' : 'not drained')

const describeEndpoint = (service: Service, endpoint: Endpoint): string =>
  `endpoint ${endpointTitle(service, endpoint)} weight ${endpoint.weight}${endpoint.drained ? ', drained' : ''}`

const describeUpdate = (from: Service, to: Service): readonly string[] => {
  const title = `service ${from.name}`
  const lines = plainFields
    .filter((field) => from[field] !== to[field])
    .map((field) => `~ ${title}: ${field} ${from[field]} -> ${to[field]}`)
  if (!sameAnnotations(from.annotations, to.annotations)) lines.push(`~ ${title}: annotations of the API`)
  const before = endpointsByKey(from)
  const after = endpointsByKey(to)
  for (const [key, endpoint] of before) {
    if (!after.has(key)) lines.push(`- ${title}: ${describeEndpoint(from, endpoint)}`)
  }
  for (const [key, endpoint] of after) {
    const old = before.get(key)
    const name = endpointTitle(to, endpoint)
    if (old === undefined) {
      lines.push(`+ ${title}: ${describeEndpoint(to, endpoint)}`)
      continue
    }
    if (old.weight !== endpoint.weight) {
      lines.push(`~ ${title}: endpoint ${name} weight ${old.weight} -> ${endpoint.weight}`)
    }
    if (old.drained !== endpoint.drained) {
      lines.push(`~ ${title}: endpoint ${name} ${drainedText(old.drained)} -> ${drainedText(endpoint.drained)}`)
    }
  }
  return lines
}

/** One line for each thing that changes: `+` comes, `-` goes, `~` is different. */
export const describe = (changes: readonly Change[]): readonly string[] =>
  changes.flatMap((change): readonly string[] => {
    switch (change.kind) {
      case 'remove':
        return [`- ${serviceTitle(change.service)}`]
      case 'update':
        return describeUpdate(change.from, change.to)
      case 'add': {
        const { service } = change
        const { mode, select, announce, owner } = service
        return [
          `+ ${serviceTitle(service)}: mode ${mode}, select ${select}, announce ${announce}, owner ${owner}`,
          ...service.endpoints.map((endpoint) => `+ service ${service.name}: ${describeEndpoint(service, endpoint)}`),
        ]
      }
      default:
        return change satisfies never
    }
  })
