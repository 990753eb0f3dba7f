// What must change to get from one set of services to another, as data; and the same for people to read.

import { isDeepStrictEqual } from 'node:util'
import { defaultName, endpointKey, portText, serviceKey } from '../lb/model.ts'
import type { Change, Endpoint, GtpcSettings, N4Settings, QuicLb, Service, UpfSettings } from '../lb/model.ts'

type Field = Exclude<keyof Service, 'address' | 'port' | 'protocol' | 'mark' | 'endpoints' | 'annotations'>

const listText = (list: readonly string[]): string => (list.length === 0 ? 'none' : list.join(', '))
const plainText = (value: string | number | boolean | null): string => (value === null ? 'none' : String(value))

/** The key is a secret: that it changed is said, and not to what. */
const quicText = (quic: QuicLb | null): string =>
  quic === null
    ? 'none'
    : `server id ${quic.serverIdLength}, nonce ${quic.nonceLength}, config ${quic.configId}, ` +
      (quic.key === null ? 'plain' : 'encrypted')

const n4Text = ({ nodeId, tunnels, users, localNetworkInstances, ...settings }: N4Settings): string => {
  const { balance, echo, heartbeat, hotPercent, n1, onFewerFeatures, onLoss, t1 } = settings
  return [
    `tunnels of ${tunnels}, users of ${listText(users)}, local ${listText(localNetworkInstances)}`,
    `node id ${plainText(nodeId)}, ${balance}, on loss ${onLoss}, on fewer features ${onFewerFeatures}`,
    `hot at ${hotPercent} %, heartbeat ${heartbeat} s, echo ${echo} s, t1 ${t1} ms, n1 ${n1}`,
  ].join(', ')
}

const gtpcText = ({ balance, drain, echo, n3, t3, versions, wait }: GtpcSettings): string =>
  `versions ${versions.join(' and ')}, ${balance}, echo ${echo} s, t3 ${t3} ms, n3 ${n3}, wait ${wait} s, ` +
  `drain ${drain} s`

const gtpVersionsText = (versions: Endpoint['gtpVersions']): string =>
  versions.length === 0 ? 'all' : versions.join(' and ')

const upfText = (upf: UpfSettings | null): string =>
  upf === null
    ? 'all sessions'
    : Object.entries<readonly string[]>({ ...upf })
        .filter(([, list]) => list.length > 0)
        .map(([name, list]) => `${name} ${listText(list)}`)
        .join(', ')

/** Everything of a service but its identity and its endpoints, in the order it is told; and how it is told. */
const fields: { readonly [Name in Field]: (service: Service) => string } = {
  name: (service) => service.name,
  owner: (service) => service.owner,
  secondary: (service) => listText(service.secondary),
  lastPort: portText,
  mode: (service) => service.mode,
  encapsulation: (service) => plainText(service.encapsulation),
  select: (service) => service.select,
  persistTimeout: (service) => `${service.persistTimeout} s`,
  miss: (service) => service.miss,
  quic: (service) => quicText(service.quic),
  n4: (service) => (service.n4 === null ? 'none' : n4Text(service.n4)),
  gtpc: (service) => (service.gtpc === null ? 'none' : gtpcText(service.gtpc)),
  outOfTheBlue: (service) => service.outOfTheBlue,
  alg: (service) => plainText(service.alg),
  allowedSources: (service) => listText(service.allowedSources),
  users: (service) => listText(service.users),
  idleTimeout: (service) => (service.idleTimeout === null ? 'none' : `${service.idleTimeout} s`),
  resetOnIdle: (service) => plainText(service.resetOnIdle),
  embryonicLimit: (service) => plainText(service.embryonicLimit),
  sources: (service) => listText(service.sources),
  announce: (service) => service.announce,
}

const fieldNames = Object.keys(fields) as readonly Field[]

/** As the configuration calls them. */
const shownNames: Readonly<Partial<Record<Field, string>>> = { secondary: 'vips', lastPort: 'port' }

const endpointsByKey = (service: Service) =>
  new Map(service.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]))

const sameAnnotations = (a: Service['annotations'], b: Service['annotations']): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, value]) => b[name] === value)

const sameList = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((one, index) => one === b[index])

const sameValue = (a: unknown, b: unknown): boolean =>
  a === b || (Array.isArray(a) && Array.isArray(b) ? sameList(a, b) : isDeepStrictEqual(a, b))

const different = (a: Service, b: Service): readonly Field[] =>
  fieldNames.filter((name) => !sameValue(a[name], b[name]))

/** Field by field: there may be hundreds of thousands. */
const sameEndpoint = (a: Endpoint, b: Endpoint | undefined): boolean =>
  b !== undefined &&
  a.weight === b.weight &&
  a.drained === b.drained &&
  a.blocked === b.blocked &&
  a.priority === b.priority &&
  a.serverId === b.serverId &&
  isDeepStrictEqual(a.upf, b.upf) &&
  sameList(a.gtpVersions, b.gtpVersions) &&
  a.teidRange === b.teidRange

/** Two services of one key; the order of endpoints is no content. */
const sameService = (a: Service, b: Service): boolean => {
  if (a === b) return true
  if (a.endpoints.length !== b.endpoints.length || !sameAnnotations(a.annotations, b.annotations)) return false
  if (different(a, b).length > 0) return false
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
  const place = defaultName(service)
  return service.name === place ? `service ${place}` : `service ${service.name} (${place})`
}

const endpointTitle = (endpoint: Endpoint): string => (endpoint.port === 0 ? endpoint.address : endpointKey(endpoint))

/** What of an endpoint is only said where it is not the usual. */
const endpointState = ({ drained, blocked, priority, serverId, gtpVersions, teidRange, upf }: Endpoint): string =>
  [
    priority === 0 ? '' : `, priority ${priority}`,
    serverId === null ? '' : `, server id ${serverId}`,
    upf === null ? '' : `, for ${upfText(upf)}`,
    gtpVersions.length === 0 ? '' : `, GTP versions ${gtpVersionsText(gtpVersions)}`,
    teidRange === null ? '' : `, TEIDs ${teidRange}`,
    drained ? ', drained' : '',
    blocked ? ', blocked' : '',
  ].join('')

const describeEndpoint = (endpoint: Endpoint): string =>
  `endpoint ${endpointTitle(endpoint)} weight ${endpoint.weight}${endpointState(endpoint)}`

const endpointChanges = (from: Endpoint, to: Endpoint): readonly string[] => {
  const changes: readonly (readonly [string, string])[] = [
    [`weight ${from.weight}`, `${to.weight}`],
    [`priority ${from.priority}`, `${to.priority}`],
    [`server id ${plainText(from.serverId)}`, plainText(to.serverId)],
    [`for ${upfText(from.upf)}`, upfText(to.upf)],
    [`GTP versions ${gtpVersionsText(from.gtpVersions)}`, gtpVersionsText(to.gtpVersions)],
    [`TEIDs ${plainText(from.teidRange)}`, plainText(to.teidRange)],
    [from.drained ? 'drained' : 'not drained', to.drained ? 'drained' : 'not drained'],
    [from.blocked ? 'blocked' : 'not blocked', to.blocked ? 'blocked' : 'not blocked'],
  ]
  const same = [
    from.weight === to.weight,
    from.priority === to.priority,
    from.serverId === to.serverId,
    isDeepStrictEqual(from.upf, to.upf),
    sameList(from.gtpVersions, to.gtpVersions),
    from.teidRange === to.teidRange,
    from.drained === to.drained,
    from.blocked === to.blocked,
  ]
  return changes.filter((_, index) => same[index] === false).map(([before, after]) => `${before} -> ${after}`)
}

const describeUpdate = (from: Service, to: Service): readonly string[] => {
  const title = `service ${from.name}`
  const lines = different(from, to).map((field) => {
    const [before, after] = [fields[field](from), fields[field](to)]
    const name = shownNames[field] ?? field
    return before === after ? `~ ${title}: ${name} changed` : `~ ${title}: ${name} ${before} -> ${after}`
  })
  if (!sameAnnotations(from.annotations, to.annotations)) lines.push(`~ ${title}: annotations of the API`)
  const before = endpointsByKey(from)
  const after = endpointsByKey(to)
  for (const [key, endpoint] of before) {
    if (!after.has(key)) lines.push(`- ${title}: ${describeEndpoint(endpoint)}`)
  }
  for (const [key, endpoint] of after) {
    const old = before.get(key)
    if (old === undefined) {
      lines.push(`+ ${title}: ${describeEndpoint(endpoint)}`)
      continue
    }
    for (const change of endpointChanges(old, endpoint)) {
      lines.push(`~ ${title}: endpoint ${endpointTitle(endpoint)} ${change}`)
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
          ...service.endpoints.map((endpoint) => `+ service ${service.name}: ${describeEndpoint(endpoint)}`),
        ]
      }
      default:
        return change satisfies never
    }
  })
