// What the schema of a service cannot say: that its addresses can be balanced, that its ports are some, that it does
// not meet itself. What cannot stand together is in combinations.ts.

import { defaultName, endpointKey, isEverywhere, serviceKey } from '../../lb/model.ts'
import { addressBytes, canonicalAddress, canonicalPrefix, classify } from '../../wire/ip.ts'
import { reportDuplicates } from '../duplicates.ts'
import { findOverlaps } from '../overlap.ts'
import { checkAddress, unusable } from './addresses.ts'
import { checkCombinations } from './combinations.ts'
import { noPorts, portsOf, readPorts, singlePort } from './service-ports.ts'
import type { Claim } from '../overlap.ts'
import type { Report } from '../errors.ts'
import type { LooseService } from './service-schema.ts'

/** Two spellings of one address are one address. */
const canonical = (service: LooseService): LooseService => {
  const spell = (address: string | undefined): string | undefined =>
    address === undefined ? undefined : canonicalAddress(address)
  const { vip, vips, sources, endpoints } = service
  return {
    ...service,
    ...(vip !== undefined && { vip: spell(vip) }),
    ...(vips && { vips: vips.map(spell) }),
    ...(sources && { sources: sources.map(spell) }),
    ...(endpoints && {
      endpoints: endpoints.map((one) => (one === undefined ? one : { ...one, address: spell(one.address) })),
    }),
  }
}

const isOfEverywhere = ({ mode, select }: LooseService): boolean =>
  select === 'n6' || (mode !== undefined && isEverywhere({ mode }))

const checkVips = (service: LooseService, report: Report): void => {
  // Whether one address may be every address of the machine depends on the mode: combinations.ts.
  const check = (address: string | undefined, path: readonly (string | number)[]): void => {
    if (isOfEverywhere(service) && address !== undefined && classify(addressBytes(address)) === 'unspecified') return
    checkAddress(address, 'a VIP', (message) => report(path, message))
  }
  check(service.vip, ['vip'])
  for (const [index, address] of (service.vips ?? []).entries()) check(address, ['vips', index])
}

const checkOwnAddresses = (service: LooseService, report: Report): void => {
  const { vip, vips = [], sources = [] } = service
  reportDuplicates(
    [vip, ...vips],
    (address) => address,
    (index, first, address) =>
      report(
        ['vips', index - 1],
        `${address} is already ${first === 0 ? 'vip' : `vips[${first - 1}]`} of this service: remove it`,
      ),
  )
  reportDuplicates(
    sources,
    (address) => address,
    (index, first, address) => report(['sources', index], `${address} is already sources[${first}]: remove it`),
  )
}

const checkPorts = (service: LooseService, report: Report): void => {
  const { protocol, vip } = service
  if (protocol === undefined) return
  if (protocol !== 'icmp' && protocol !== 'any') {
    // A port that is there and wrong was already reported; only the missing one is left to say.
    if (service.port === undefined) {
      if (!('port' in service) && service.mode !== 'masquerade')
        report([], `a ${protocol} service needs a port: add \`port:\``)
    } else if (readPorts(service.port) === undefined) {
      report(['port'], `${service.port} is no range of ports: write the lower one first, from 1 to 65535`)
    }
    return
  }
  if (service.port !== undefined) report(['port'], `${protocol} has no ports: remove this line`)
  for (const [index, endpoint] of (service.endpoints ?? []).entries()) {
    if (endpoint?.port === undefined) continue
    report(
      ['endpoints', index, 'port'],
      `${protocol} has no ports: remove it from the endpoint of ${vip ?? 'this service'}`,
    )
  }
}

const checkEndpoints = (service: LooseService, written: LooseService, report: Report): void => {
  const endpoints = service.endpoints ?? []
  if (!('endpoints' in service) && service.mode !== undefined && service.mode !== 'masquerade') {
    report(['endpoints'], 'is missing: add `endpoints:`. The servers.')
  }
  const vips = new Set([service.vip, ...(service.vips ?? [])])
  for (const [index, endpoint] of endpoints.entries()) {
    const address = endpoint?.address
    checkAddress(written.endpoints?.[index]?.address, 'an endpoint', (message) =>
      report(['endpoints', index, 'address'], message),
    )
    if (address !== undefined && vips.has(address) && unusable(address) === undefined) {
      report(
        ['endpoints', index, 'address'],
        `${address} is the VIP itself: packets would come back here for ever; give the address of a server`,
      )
    }
  }
  const kept = singlePort(portsOf(service)) ?? 0
  const keyOf = (endpoint: (typeof endpoints)[number]) =>
    endpoint?.address === undefined
      ? undefined
      : endpointKey({ address: endpoint.address, port: endpoint.port ?? kept })
  const shown = (index: number): string | undefined => {
    const { address, port = kept } = endpoints[index] ?? {}
    return address === undefined || port === 0 ? address : endpointKey({ address, port })
  }
  reportDuplicates(endpoints, keyOf, (index, first) =>
    report(
      ['endpoints', index],
      `${shown(index)} is already endpoints[${first}] of this ` +
        'service: remove one of them; a greater share is a greater weight',
    ),
  )
  if (service.select !== 'quic') return
  reportDuplicates(
    endpoints,
    (endpoint) => endpoint?.serverId?.toLowerCase(),
    (index, first, serverId) =>
      report(
        ['endpoints', index, 'serverId'],
        `${serverId} is already that of endpoints[${first}]: each server has its own; change one`,
      ),
  )
}

const checkPrefixes = (service: LooseService, report: Report): void => {
  for (const field of ['allowedSources', 'users'] as const) {
    for (const [index, text] of (service[field] ?? []).entries()) {
      if (text === undefined || canonicalPrefix(text) !== undefined) continue
      report([field, index], `${text} is no prefix: write one like 10.0.0.0/8 or 2001:db8::/32`)
    }
  }
}

/** Names of pools stand beside prefixes, so what is neither would be taken for a name that nobody has. */
const checkPools = ({ endpoints = [] }: LooseService, report: Report): void => {
  for (const [index, endpoint] of endpoints.entries()) {
    for (const [place, text] of (endpoint?.upf?.uePools ?? []).entries()) {
      if (text === undefined) continue
      const prefix = canonicalPrefix(text)
      if (prefix === text || (prefix === undefined && !text.includes('/'))) continue
      const wrong =
        prefix === undefined
          ? 'is no prefix: write one like 10.45.0.0/16 or 2001:db8::/32, or the name of a pool, which has no "/"'
          : `is the prefix ${prefix}: write it so`
      report(['endpoints', index, 'upf', 'uePools', place], `${text} ${wrong}`)
    }
  }
}

/** Those that are some, each once. */
const prefixesOf = (texts: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(texts.flatMap((text) => (text === undefined ? [] : (canonicalPrefix(text) ?? [])))),
]

/** What a service takes; nothing while it is not known. */
const claimsOf = (service: LooseService | undefined): readonly Claim[] => {
  const ports = service === undefined ? undefined : portsOf(service)
  if (service?.protocol === undefined || ports === undefined) return []
  const { protocol, mark = null, mode, vip, vips = [], allowedSources = [], users = [] } = service
  if (service.select === 'n6')
    return prefixesOf(users).map((one) => ({ address: one, protocol, mark: null, ...noPorts }))
  if (mode === 'masquerade') {
    return prefixesOf(allowedSources).map((inside) => ({ address: inside, protocol, mark: null, ...noPorts }))
  }
  return [vip, ...vips].flatMap((address) =>
    address === undefined || (!isOfEverywhere(service) && unusable(address) !== undefined)
      ? []
      : [{ address, protocol, mark, ...ports }],
  )
}

const named = (service: LooseService | undefined): string => (service?.name === undefined ? '' : ` (${service.name})`)

const portsText = ({ port, lastPort }: Claim): string =>
  port === 0 ? 'any' : port === lastPort ? String(port) : `${port}-${lastPort}`

/** Says which services want the same packets; returns those that came later. */
const checkOverlaps = (services: readonly (LooseService | undefined)[], report: Report): ReadonlySet<number> => {
  const told = new Set<number>()
  for (const { item, other, claim, otherClaim } of findOverlaps(services.map(claimsOf))) {
    if (told.has(item)) continue
    told.add(item)
    const there = `services[${other}]${named(services[other])}`
    const { address, protocol, mark } = claim
    if (mark !== null) {
      const remedy = 'one mark and protocol has one service; merge them or change one'
      report([item, 'mark'], `${protocol} packets with mark ${mark} are already for ${there}: ${remedy}`)
      continue
    }
    if (services[item]?.mode === 'masquerade') {
      const remedy = 'one prefix and protocol has one pool; merge them or change one'
      report([item, 'allowedSources'], `${protocol} packets from ${address} are already for ${there}: ${remedy}`)
      continue
    }
    if (services[item]?.select === 'n6') {
      report([item, 'users'], `${address} is already of ${there}: one prefix has one service; merge them or change one`)
      continue
    }
    const index = services[item]?.vips?.indexOf(address) ?? -1
    const path = services[item]?.vip === address ? ['vip'] : ['vips', index]
    const remedy = 'one address, port and protocol has one service; merge them or change one'
    const same = claim.port === otherClaim.port && claim.lastPort === otherClaim.lastPort
    if (same && claim.port === claim.lastPort) {
      report([item, ...path], `${serviceKey(claim)} is already balanced by ${there}: ${remedy}`)
    } else {
      report(
        [item, same ? 'vip' : 'port'],
        `the ${protocol} ports ${portsText(claim)} of ${address} meet ${portsText(otherClaim)} of ${there}: ${remedy}`,
      )
    }
  }
  return told
}

/** As it is written, or as it is made where it is left out. */
export const nameOf = (service: LooseService | undefined): string | undefined => {
  if (service?.name !== undefined) return service.name
  const { vip, mode, select, allowedSources = [], users = [] } = service ?? {}
  const [claim] = claimsOf(service)
  const isByPrefix = mode === 'masquerade' || select === 'n6'
  if (claim === undefined || vip === undefined || !isByPrefix) return claim && defaultName(claim)
  const whole = { ...claim, address: vip, ...(portsOf({ ...service }) ?? noPorts) }
  return defaultName({
    ...whole,
    ...(mode && { mode }),
    allowedSources: prefixesOf(allowedSources),
    users: prefixesOf(users),
  })
}

/** A pool address that is a server as well would make packets between the two look alike. */
const checkSources = (services: readonly (LooseService | undefined)[], report: Report): void => {
  const owners = new Map<string, number>()
  for (const [index, service] of services.entries()) {
    for (const endpoint of service?.endpoints ?? []) {
      if (endpoint?.address !== undefined && !owners.has(endpoint.address)) owners.set(endpoint.address, index)
    }
  }
  for (const [index, service] of services.entries()) {
    for (const [place, source] of (service?.sources ?? []).entries()) {
      const owner = source === undefined ? undefined : owners.get(source)
      if (owner === undefined) continue
      report(
        [index, 'sources', place],
        `${source} is an endpoint of services[${owner}]${named(services[owner])}: ` +
          'a source address must be one that nobody else has',
      )
    }
  }
}

export const checkServices = (value: readonly (LooseService | undefined)[], report: Report): void => {
  const services = value.map((service) => (service === undefined ? undefined : canonical(service)))
  for (const [index, service] of services.entries()) {
    const written = value[index]
    if (service === undefined || written === undefined) continue
    const at: Report = (path, message) => report([index, ...path], message)
    checkVips(written, at)
    checkOwnAddresses(service, at)
    checkPorts(service, at)
    for (const [place, source] of (written.sources ?? []).entries()) {
      checkAddress(source, 'a source address', (message) => at(['sources', place], message))
    }
    checkEndpoints(service, written, at)
    checkPrefixes(service, at)
    checkPools(service, at)
    checkCombinations(service, at)
  }
  checkSources(services, report)
  const overlapping = checkOverlaps(services, report)
  reportDuplicates(services, nameOf, (index, first, name) => {
    // Two services without a name that overlap would have equal names for that very reason.
    if (overlapping.has(index) && services[index]?.name === undefined) return
    report([index, 'name'], `"${name}" is already the name of services[${first}]: names are unique; change one`)
  })
}
