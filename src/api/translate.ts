// Between loxilb's words and ours: its load-balancer entries and our services, both ways. What this build cannot do is
// refused with a reason, never taken and left undone; fields that change nothing are kept as annotations and returned.
// Our own fields stand in a part of the body that loxilb's clients do not know (`sluice`).

import { isDeepStrictEqual } from 'node:util'
import { NotFoundError } from '../lb/errors.ts'
import { defaultName, endpointDefaults, endpointKey, makeService, serviceKey } from '../lb/model.ts'
import type { Endpoint, Mode, Select, Service } from '../lb/model.ts'
import type { ServiceStatus } from '../lb/datapath.ts'
import type { Edit } from '../lb/registry.ts'
import { attach, detach } from './endpoints.ts'
import { Refused } from './errors.ts'
import { readAddress, readQuic } from './native-input.ts'
import type { LoadbalanceEntry, OwnFields } from './schemas.ts'

type Arguments = LoadbalanceEntry['serviceArguments']

/**
 * loxilb's numbers. It has none for masquerade: that is shown as full NAT of what goes out, and not taken back. Its
 * full proxy ends TCP, which ours does not: what we proxy is shown with that number, and not made with it.
 */
const modes: readonly (Mode | null)[] = ['dnat', 'onearm', 'fullnat', 'dsr', null, 'hostonearm']

const fullProxy = 4

/** Weights are what loxilb's priority is used for, and 7 is what kube-loxilb sends for n3. */
const selects: readonly (Select | null)[] = ['rr', 'hash', 'rr', 'persist', 'lc', null, 'n3', 'n3']

/** As loxilb's clients are shown them; those that it does not have as what is nearest. */
const selectNumbers: Readonly<Record<Select, number>> = {
  rr: 0,
  hash: 1,
  priority: 2,
  persist: 3,
  lc: 4,
  n3: 6,
  n6: 1,
  hint: 1,
  quic: 1,
  n4: 1,
  gtpc: 1,
}

/** Every field that asks for something this build does not have, all at once. */
const refuseForeign = (entry: LoadbalanceEntry): void => {
  const it = entry.serviceArguments
  const { mode = 0, sel = 0 } = it
  const asked: readonly (readonly [boolean, string])[] = [
    [
      modes[mode] === null,
      `mode ${mode} (fullproxy) is not in this build: use 0 default, 1 onearm, 2 fullnat, 3 dsr or 5 hostonearm`,
    ],
    [
      selects[sel] === null,
      `sel ${sel} (n2) is not in this build: use 0 rr, 1 hash, 2 priority, 3 persist, 4 lc or 6 n3`,
    ],
    [it.bgp === true, 'bgp: routes are announced by a routing daemon beside sluice: send false'],
    [(it.security ?? 0) !== 0, 'security: TLS is not terminated in this build: send 0'],
    [it.snat === true, 'snat: source NAT rules are not in this build'],
    [
      it.egress === true,
      'egress: what goes out is masqueraded by the file or /sluice/v1, not by this path: send false',
    ],
    [it.proxyprotocolv2 === true, 'proxyprotocolv2: the proxy protocol is not in this build'],
    [(it.host ?? '') !== '', 'host: requests are not told apart by host name in this build'],
    [
      (it.privateIP ?? '') !== '' && it.privateIP !== it.externalIP,
      'privateIP is not in this build: send externalIP only',
    ],
  ]
  const reasons = asked.filter(([wrong]) => wrong).map(([, reason]) => reason)
  if (reasons.length > 0) throw new Refused(reasons.join('; '))
}

/** Kept for the client that sent them; nothing here acts on them. Zero values are Go's way of not sending a field. */
const kept = [
  'monitor',
  'managed',
  'probetype',
  'probeport',
  'probereq',
  'proberesp',
  'probeTimeout',
  'probeRetries',
] as const satisfies readonly (keyof Arguments)[]

/** Those of them a client may expect an effect of. */
export const withoutEffect = (service: Service): readonly string[] =>
  ['monitor', 'probetype'].filter((field) => field in service.annotations)

/** The name loxilb's clients know a service by. Theirs may be shared by several services, ours may not. */
export const shownName = (service: Service): string => {
  const name = service.annotations['name']
  return typeof name === 'string' ? name : service.name
}

/** The number a client sent, where two mean the same. */
const shownSelect = ({ select, annotations }: Service): number => {
  const sent = annotations['sel']
  return typeof sent === 'number' && selects[sent] === select ? sent : selectNumbers[select]
}

type Place = Pick<Service, 'address' | 'port' | 'lastPort' | 'protocol' | 'mark'>

/** kube-loxilb gives all ports of one Kubernetes service one name; the second one gets a longer name of its own. */
const nameFor = (
  wanted: string,
  place: Place,
  services: readonly Service[],
): { readonly name: string; readonly shared: string | undefined } => {
  const key = serviceKey(place)
  const existing = services.find((service) => serviceKey(service) === key)
  if (wanted === '') return { name: existing?.name ?? defaultName(place), shared: undefined }
  if (existing !== undefined && shownName(existing) === wanted) {
    return { name: existing.name, shared: existing.name === wanted ? undefined : wanted }
  }
  const taken = services.some((service) => service.name === wanted && serviceKey(service) !== key)
  return taken ? { name: `${wanted}@${key}`, shared: wanted } : { name: wanted, shared: undefined }
}

const placeOf = ({ externalIP, port, portMax = 0, protocol, block = 0 }: Arguments): Place => ({
  address: readAddress(externalIP, 'externalIP'),
  port,
  lastPort: portMax === 0 ? port : portMax,
  protocol,
  mark: block === 0 ? null : block,
})

/**
 * What was drained or blocked stays so: a client that sends its list again does not know of it. The first port of a
 * range stands for the port that the client asked for.
 */
const endpointsOf = (entry: LoadbalanceEntry, place: Place, existing: Service | undefined): readonly Endpoint[] => {
  const known = new Map(existing?.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const isRange = place.lastPort !== place.port
  return entry.endpoints.map(({ endpointIP, targetPort, weight, priority, serverId }) => {
    const port = isRange && targetPort === place.port ? 0 : targetPort
    const at = { address: readAddress(endpointIP, 'endpointIP'), port }
    const before = known.get(endpointKey(at)) ?? endpointDefaults
    return {
      ...before,
      ...at,
      weight: weight ?? 1,
      ...(priority !== undefined && { priority }),
      ...(serverId !== undefined && { serverId: serverId.toLowerCase() }),
    }
  })
}

/** What loxilb has no word for, of a service that is there; where mode or selection change it starts anew. */
const keptFields = (existing: Service | undefined, mode: Mode, select: Select): Partial<Service> => {
  if (existing === undefined || existing.mode !== mode || existing.select !== select) return {}
  const { encapsulation, persistTimeout, miss, quic, outOfTheBlue, alg, embryonicLimit, sources, announce } = existing
  return { encapsulation, persistTimeout, miss, quic, outOfTheBlue, alg, embryonicLimit, sources, announce }
}

/** The same, as the client says it. */
const saidFields = ({ encapsulation, quic, secondary, ...plain }: OwnFields): Partial<Service> => ({
  ...plain,
  ...(encapsulation && { encapsulation }),
  ...(quic && { quic: readQuic(quic) }),
  ...(secondary && { secondary: secondary.map((text) => readAddress(text, 'secondary')) }),
})

/** loxilb resets an idle TCP connection, always. */
const resets = ({ protocol }: Place, mode: Mode, idleTimeout: number | null): boolean =>
  protocol === 'tcp' && idleTimeout !== null && mode !== 'dsr'

/** `services` are those that exist: the new one's name must differ from theirs. */
export const fromLoxilb = (entry: LoadbalanceEntry, services: readonly Service[]): Service => {
  const args = entry.serviceArguments
  refuseForeign(entry)
  const place = placeOf(args)
  const key = serviceKey(place)
  const existing = services.find((service) => serviceKey(service) === key)
  const { name, shared } = nameFor(args.name ?? '', place, services)
  const { mode: modeNumber = 0, sel = 0, inactiveTimeOut = 0 } = args
  const own = entry.sluice
  const mode = modes[modeNumber] ?? 'dnat'
  const asBefore = own === undefined && existing !== undefined && shownSelect(existing) === sel
  const select = own?.select ?? (asBefore ? existing.select : selects[sel]) ?? 'rr'
  const idleTimeout = inactiveTimeOut === 0 ? null : inactiveTimeOut
  const annotations: Record<string, string | number | boolean> = shared === undefined ? {} : { name: shared }
  if (sel !== selectNumbers[select] && selects[sel] === select) annotations['sel'] = sel
  for (const field of kept) {
    const value = args[field]
    if (value !== undefined && value !== false && value !== 0 && value !== '') annotations[field] = value
  }
  const secondary =
    place.protocol === 'sctp'
      ? (entry.secondaryIPs ?? []).map(({ secondaryIP }) => readAddress(secondaryIP, 'secondaryIP'))
      : ((own === undefined ? existing?.secondary : undefined) ?? [])
  const sameIdle = own === undefined && existing?.idleTimeout === idleTimeout && existing.mode === mode
  return makeService({
    ...(own === undefined && keptFields(existing, mode, select)),
    ...place,
    name,
    owner: 'api',
    secondary,
    mode,
    select,
    allowedSources: (entry.allowedSources ?? []).map(({ prefix }) => prefix),
    idleTimeout,
    resetOnIdle: sameIdle ? existing.resetOnIdle : resets(place, mode, idleTimeout),
    endpoints: endpointsOf(entry, place, existing),
    annotations,
    ...(own && saidFields(own)),
  })
}

/** What a POST asks for, in its three kinds: replace, attach end points, detach end points. */
export const editFor = (entry: LoadbalanceEntry, services: readonly Service[]): Edit => {
  const wanted = fromLoxilb(entry, services)
  const key = serviceKey(wanted)
  const existing = services.find((service) => serviceKey(service) === key)
  switch (entry.serviceArguments.oper ?? 0) {
    case 1:
      return { put: [existing === undefined ? wanted : attach(existing, wanted.endpoints)] }
    case 2: {
      if (existing === undefined) throw new NotFoundError(`no-rule error: no service at ${key}`)
      const left = detach(existing, wanted.endpoints)
      // Without end points it balances nothing, and loxilb's clients take a detach of the last one for a delete.
      return left.endpoints.length === 0 ? { remove: [key] } : { put: [left] }
    }
    default:
      return { put: [wanted] }
  }
}

type OwnName = keyof OwnFields

/** Those that decide what others are where they are left out; and those others. */
const decisive = ['secondary', 'select', 'encapsulation'] as const satisfies readonly OwnName[]
const others = [
  'persistTimeout',
  'miss',
  'quic',
  'outOfTheBlue',
  'alg',
  'resetOnIdle',
  'embryonicLimit',
  'sources',
  'announce',
] as const satisfies readonly OwnName[]

/** What the rest of the entry does not say of the service. */
const ownFields = (service: Service, entry: LoadbalanceEntry): OwnFields => {
  const missing = (names: readonly OwnName[], said: OwnFields): OwnFields => {
    const plain = fromLoxilb({ ...entry, sluice: said }, [])
    const differing = names.filter((name) => !isDeepStrictEqual(service[name], plain[name]))
    return { ...said, ...Object.fromEntries(differing.map((name) => [name, service[name]])) }
  }
  return missing(others, missing(decisive, {}))
}

/** As loxilb's GET shows it; every field that can be sent comes back as it would be sent. */
/** Null: of all protocols over IP, for which loxilb has no name. */
export const toLoxilb = (status: ServiceStatus): LoadbalanceEntry | null => {
  const { service, endpoints } = status
  const { address, port, lastPort, protocol, mark, mode, idleTimeout, secondary, allowedSources } = service
  if (protocol === 'any') return null
  const annotations = Object.fromEntries(
    kept.flatMap((field) => (field in service.annotations ? [[field, service.annotations[field]]] : [])),
  ) as Partial<Arguments>
  const entry: LoadbalanceEntry = {
    serviceArguments: {
      externalIP: address,
      port,
      ...(lastPort !== port && { portMax: lastPort }),
      protocol,
      sel: shownSelect(service),
      mode: mode === 'proxy' ? fullProxy : modes.indexOf(mode === 'masquerade' ? 'fullnat' : mode),
      ...(mode === 'masquerade' && { egress: true }),
      name: shownName(service),
      bgp: false,
      monitor: false,
      managed: false,
      block: mark ?? 0,
      security: 0,
      inactiveTimeOut: idleTimeout ?? 0,
      ...annotations,
    },
    endpoints: service.endpoints.map((endpoint, index) => {
      const counters = endpoints[index]?.counters
      const { weight, drained, blocked, priority, serverId } = endpoint
      return {
        endpointIP: endpoint.address,
        targetPort: endpoint.port === 0 ? port : endpoint.port,
        weight,
        ...(priority !== 0 && { priority }),
        ...(serverId !== null && { serverId }),
        state: drained || blocked || weight === 0 ? 'inactive' : 'active',
        counter: `${counters?.packets ?? 0n}:${counters?.bytes ?? 0n}`,
      }
    }),
    secondaryIPs: protocol === 'sctp' ? secondary.map((secondaryIP) => ({ secondaryIP })) : [],
    allowedSources: allowedSources.map((prefix) => ({ prefix })),
  }
  const own = mode === 'masquerade' ? { sources: [...service.sources] } : ownFields(service, entry)
  return Object.keys(own).length === 0 ? entry : { ...entry, sluice: own }
}
