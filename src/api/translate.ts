// Between loxilb's words and ours: its load-balancer entries and our services, both ways. What this build cannot do is
// refused with a reason, never taken and left undone; fields that change nothing are kept as annotations and returned.

import { NotFoundError } from '../lb/errors.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import type { Endpoint, Mode, Select, Service, Transport } from '../lb/model.ts'
import type { ServiceStatus } from '../lb/datapath.ts'
import { canonicalAddress } from '../wire/ip.ts'
import type { LoadbalanceEntry, ServiceInput } from './schemas.ts'

/** The request was understood and cannot be served. */
export class Refused extends Error {
  readonly code = 'invalid'
  constructor(reason: string) {
    super(reason)
    this.name = 'Refused'
  }
}

type Arguments = LoadbalanceEntry['serviceArguments']

/** loxilb's numbers. */
const loxilbModes = ['dnat', 'onearm', 'fullnat'] as const satisfies readonly Mode[]
const loxilbSelects = ['rr', 'hash'] as const satisfies readonly Select[]
const foreignModes: Readonly<Record<number, string>> = { 3: 'dsr', 4: 'fullproxy', 5: 'hostonearm' }
const foreignSelects: Readonly<Record<number, string>> = {
  2: 'priority',
  3: 'persist',
  4: 'lc',
  5: 'n2',
  6: 'n3 (n2det)',
  7: 'n3',
}

const address = (text: string, field: string): string => {
  const canonical = canonicalAddress(text)
  if (canonical === undefined) throw new Refused(`malformed ${field}: "${text}" is not an IP address`)
  return canonical
}

/** Every field that asks for something this build does not have, all at once. */
const refuseForeign = (entry: LoadbalanceEntry): void => {
  const it = entry.serviceArguments
  const { mode = 0, sel = 0 } = it
  const asked: readonly (readonly [boolean, string])[] = [
    [it.protocol === 'sctp', 'protocol sctp is not in this build: use tcp, udp or icmp'],
    [
      mode in foreignModes,
      `mode ${mode} (${foreignModes[mode]}) is not in this build: use 0 default, 1 onearm or 2 fullnat`,
    ],
    [sel in foreignSelects, `sel ${sel} (${foreignSelects[sel]}) is not in this build: use 0 rr or 1 hash`],
    [it.bgp === true, 'bgp: routes are announced by a routing daemon beside sluice: send false'],
    [(it.block ?? 0) !== 0, 'block: firewall marks are not in this build: send 0'],
    [(it.security ?? 0) !== 0, 'security: TLS is not terminated in this build: send 0'],
    [it.snat === true, 'snat: source NAT rules are not in this build'],
    [it.egress === true, 'egress: egress rules are not in this build'],
    [it.proxyprotocolv2 === true, 'proxyprotocolv2: the proxy protocol is not in this build'],
    [(it.host ?? '') !== '', 'host: requests are not told apart by host name in this build'],
    [
      (it.portMax ?? 0) !== 0 && it.portMax !== it.port,
      'portMax: port ranges are not in this build: one service a port',
    ],
    [
      (it.privateIP ?? '') !== '' && it.privateIP !== it.externalIP,
      'privateIP is not in this build: send externalIP only',
    ],
    [(entry.allowedSources ?? []).length > 0, 'allowedSources: source filters are not in this build'],
  ]
  const reasons = asked.filter(([wrong]) => wrong).map(([, reason]) => reason)
  if (reasons.length > 0) throw new Refused(reasons.join('; '))
}

/** Only reached with what refuseForeign() let through. */
const transportOf = (protocol: Arguments['protocol']): Transport => {
  if (protocol === 'sctp') throw new Refused('protocol sctp is not in this build')
  return protocol
}

/** Kept for the client that sent them; nothing here acts on them. Zero values are Go's way of not sending a field. */
const kept = [
  'monitor',
  'managed',
  'inactiveTimeOut',
  'probetype',
  'probeport',
  'probereq',
  'proberesp',
  'probeTimeout',
  'probeRetries',
] as const satisfies readonly (keyof Arguments)[]

/** Those of them a client may expect an effect of. */
export const withoutEffect = (service: Service): readonly string[] =>
  ['monitor', 'inactiveTimeOut', 'probetype'].filter((field) => field in service.annotations)

/** The name loxilb's clients know a service by. Theirs may be shared by several services, ours may not. */
export const shownName = (service: Service): string => {
  const name = service.annotations['name']
  return typeof name === 'string' ? name : service.name
}

/** kube-loxilb gives all ports of one Kubernetes service one name; the second one gets a longer name of its own. */
const nameFor = (
  wanted: string,
  place: Pick<Service, 'address' | 'port' | 'protocol'>,
  services: readonly Service[],
): { readonly name: string; readonly shared: string | undefined } => {
  const key = serviceKey(place)
  const existing = services.find((service) => serviceKey(service) === key)
  if (wanted === '') return { name: existing?.name ?? key, shared: undefined }
  if (existing !== undefined && shownName(existing) === wanted) {
    return { name: existing.name, shared: existing.name === wanted ? undefined : wanted }
  }
  const taken = services.some((service) => service.name === wanted && serviceKey(service) !== key)
  return taken ? { name: `${wanted}@${key}`, shared: wanted } : { name: wanted, shared: undefined }
}

/** What was drained stays so: a client that sends its list again does not know of it. */
const endpointsOf = (entry: LoadbalanceEntry, existing: Service | undefined): readonly Endpoint[] => {
  const drained = new Set(existing?.endpoints.filter((endpoint) => endpoint.drained).map(endpointKey))
  return entry.endpoints.map((item) => {
    const place = { address: address(item.endpointIP, 'endpointIP'), port: item.targetPort }
    return { ...place, weight: item.weight ?? 1, drained: drained.has(endpointKey(place)) }
  })
}

/** `services` are those that exist: the new one's name must differ from theirs. */
export const fromLoxilb = (entry: LoadbalanceEntry, services: readonly Service[]): Service => {
  const args = entry.serviceArguments
  refuseForeign(entry)
  const place = {
    address: address(args.externalIP, 'externalIP'),
    port: args.port,
    protocol: transportOf(args.protocol),
  }
  const key = serviceKey(place)
  const existing = services.find((service) => serviceKey(service) === key)
  const { name, shared } = nameFor(args.name ?? '', place, services)
  const annotations: Record<string, string | number | boolean> = shared === undefined ? {} : { name: shared }
  for (const field of kept) {
    const value = args[field]
    if (value !== undefined && value !== false && value !== 0 && value !== '') annotations[field] = value
  }
  return {
    name,
    owner: 'api',
    ...place,
    mode: loxilbModes[args.mode ?? 0] ?? 'dnat',
    select: loxilbSelects[args.sel ?? 0] ?? 'rr',
    announce: 'local',
    endpoints: endpointsOf(entry, existing),
    annotations,
  }
}

/** What a POST asks for, in its three kinds: replace, attach end points, detach end points. */
export type Step =
  { readonly kind: 'put'; readonly service: Service } | { readonly kind: 'remove'; readonly service: Service }

export const stepFor = (entry: LoadbalanceEntry, services: readonly Service[]): Step => {
  const wanted = fromLoxilb(entry, services)
  const key = serviceKey(wanted)
  const existing = services.find((service) => serviceKey(service) === key)
  switch (entry.serviceArguments.oper ?? 0) {
    case 1:
      if (existing === undefined) return { kind: 'put', service: wanted }
      return { kind: 'put', service: { ...existing, endpoints: attach(existing.endpoints, wanted.endpoints) } }
    case 2: {
      if (existing === undefined) throw new NotFoundError(`no-rule error: no service at ${key}`)
      const endpoints = detach(existing, wanted.endpoints)
      // Without end points it balances nothing, and loxilb's clients take a detach of the last one for a delete.
      return endpoints.length === 0
        ? { kind: 'remove', service: existing }
        : { kind: 'put', service: { ...existing, endpoints } }
    }
    default:
      return { kind: 'put', service: wanted }
  }
}

/** Those that were there keep their place. */
const attach = (old: readonly Endpoint[], more: readonly Endpoint[]): readonly Endpoint[] => {
  const named = new Map(more.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const present = new Set(old.map(endpointKey))
  return [
    ...old.map((endpoint) => named.get(endpointKey(endpoint)) ?? endpoint),
    ...more.filter((endpoint) => !present.has(endpointKey(endpoint))),
  ]
}

const detach = (service: Service, gone: readonly Endpoint[]): readonly Endpoint[] => {
  const named = new Set(gone.map(endpointKey))
  const present = new Set(service.endpoints.map(endpointKey))
  const absent = [...named].filter((key) => !present.has(key))
  if (absent.length > 0) {
    throw new NotFoundError(`not found: ${absent.join(', ')} is no end point of ${serviceKey(service)}`)
  }
  return service.endpoints.filter((endpoint) => !named.has(endpointKey(endpoint)))
}

/** As loxilb's GET shows it; every field that can be sent comes back as it would be sent. */
export const toLoxilb = (status: ServiceStatus): LoadbalanceEntry => {
  const { service, endpoints } = status
  const annotations = Object.fromEntries(
    kept.flatMap((field) => (field in service.annotations ? [[field, service.annotations[field]]] : [])),
  ) as Partial<Arguments>
  return {
    serviceArguments: {
      externalIP: service.address,
      port: service.port,
      protocol: service.protocol,
      sel: loxilbSelects.indexOf(service.select),
      mode: loxilbModes.indexOf(service.mode),
      name: shownName(service),
      bgp: false,
      monitor: false,
      managed: false,
      block: 0,
      security: 0,
      inactiveTimeOut: 0,
      ...annotations,
    },
    endpoints: service.endpoints.map((endpoint, index) => {
      const counters = endpoints[index]?.counters
      return {
        endpointIP: endpoint.address,
        targetPort: endpoint.port,
        weight: endpoint.weight,
        state: endpoint.drained || endpoint.weight === 0 ? 'inactive' : 'active',
        counter: `${counters?.packets ?? 0n}:${counters?.bytes ?? 0n}`,
      }
    }),
    secondaryIPs: [],
    allowedSources: [],
  }
}

/** A service of our own API, with the defaults filled in. */
export const fromInput = (input: ServiceInput): Service => {
  const place = { address: address(input.address, 'address'), port: input.port, protocol: input.protocol }
  return {
    name: input.name ?? serviceKey(place),
    owner: 'api',
    ...place,
    mode: input.mode ?? 'dnat',
    select: input.select ?? 'rr',
    announce: input.announce ?? 'local',
    endpoints: input.endpoints.map((endpoint) => ({
      address: address(endpoint.address, 'endpoint address'),
      port: endpoint.port,
      weight: endpoint.weight ?? 1,
      drained: endpoint.drained ?? false,
    })),
    annotations: input.annotations ?? {},
  }
}
