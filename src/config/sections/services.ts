// `services`: what is balanced. The same schema and the same checks serve the file and the API.

import { makeService } from '../../lb/model.ts'
import { canonicalTeidRange } from '../../lb/teid-range.ts'
import { canonicalAddress, canonicalPrefix } from '../../wire/ip.ts'
import { section } from '../section.ts'
import { checkServices } from './service-checks.ts'
import { noPorts, portsOf, singlePort, writePorts } from './service-ports.ts'
import { servicesSchema } from './service-schema.ts'
import type {
  Endpoint,
  GtpVersion,
  GtpcSettings,
  N4Settings,
  Owner,
  QuicLb,
  Service,
  UpfSettings,
} from '../../lb/model.ts'
import type { EndpointInput, ServiceInput } from './service-schema.ts'

export type { ServiceInput } from './service-schema.ts'

/** Checked before: an address is one. */
const spell = (address: string): string => canonicalAddress(address) ?? address

const prefixes = (texts: readonly string[]): readonly string[] => [
  ...new Set(texts.map((text) => canonicalPrefix(text) ?? text)),
]

/** Each once. */
const inOrder = (versions: readonly GtpVersion[]): readonly GtpVersion[] =>
  [...new Set(versions)].toSorted((a, b) => a - b)

const toQuic = ({ serverIdLength, nonceLength, key, configId }: NonNullable<ServiceInput['quic']>): QuicLb => ({
  serverIdLength,
  nonceLength,
  key: key?.toLowerCase() ?? null,
  configId,
})

const toUpf = (upf: NonNullable<EndpointInput['upf']>): UpfSettings => ({
  ...upf,
  userPlane: upf.userPlane.map(spell),
  dataNetwork: upf.dataNetwork.map(spell),
  slices: upf.slices.map((slice) => slice.toLowerCase()),
})

const toEndpoint = (endpoint: EndpointInput, servicePort: number): Endpoint => ({
  address: spell(endpoint.address),
  port: endpoint.port ?? servicePort,
  weight: endpoint.weight,
  drained: endpoint.drained,
  blocked: endpoint.blocked,
  priority: endpoint.priority,
  serverId: endpoint.serverId?.toLowerCase() ?? null,
  upf: endpoint.upf === undefined ? null : toUpf(endpoint.upf),
  gtpVersions: inOrder(endpoint.gtpVersions ?? []),
  teidRange: endpoint.teidRange === undefined ? null : canonicalTeidRange(endpoint.teidRange),
})

/** A service of the file or of the state directory, for the model. */
export const toService = (input: ServiceInput, owner: Owner, annotations: Service['annotations'] = {}): Service => {
  const { vip, vips, port: _, quic, n4, gtpc, allowedSources, users, sources, endpoints = [], ...plain } = input
  const ports = portsOf(input) ?? noPorts
  const kept = singlePort(ports) ?? 0
  return makeService({
    ...plain,
    ...ports,
    owner,
    address: spell(vip),
    secondary: vips.map(spell),
    quic: quic === undefined ? null : toQuic(quic),
    n4: n4 === undefined ? null : { ...n4, nodeId: n4.nodeId ?? null },
    gtpc: gtpc && { ...gtpc, versions: inOrder(gtpc.versions) },
    allowedSources: prefixes(allowedSources),
    users: prefixes(users),
    sources: sources.map(spell),
    endpoints: endpoints.map((endpoint) => toEndpoint(endpoint, kept)),
    annotations,
  })
}

/** Leaves a field out that says nothing. */
const said = <Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } =>
  (value === null || value === undefined ? {} : { [name]: value }) as { [Key in Name]?: Value }

const toEndpointInput = (
  service: Service,
  { gtpVersions, serverId, teidRange, upf, port, ...plain }: Endpoint,
): EndpointInput => ({
  ...plain,
  // Where the endpoint's port is left out it is the client's, or there is none.
  ...(port === 0 && service.lastPort !== service.port
    ? {}
    : port === 0 && (service.protocol === 'icmp' || service.protocol === 'any')
      ? {}
      : { port }),
  ...said('serverId', serverId),
  ...said('upf', upf === null ? null : toUpfInput(upf)),
  ...said('gtpVersions', gtpVersions.length === 0 ? null : [...gtpVersions]),
  ...said('teidRange', teidRange),
})

const toUpfInput = (upf: UpfSettings): EndpointInput['upf'] => ({
  userPlane: [...upf.userPlane],
  dataNetwork: [...upf.dataNetwork],
  dnns: [...upf.dnns],
  networkInstances: [...upf.networkInstances],
  slices: [...upf.slices],
  uePools: [...upf.uePools],
})

const toN4Input = ({ nodeId, users, localNetworkInstances, ...plain }: N4Settings): ServiceInput['n4'] => ({
  ...plain,
  users: [...users],
  localNetworkInstances: [...localNetworkInstances],
  ...said('nodeId', nodeId),
})

const toGtpcInput = ({ versions, ...plain }: GtpcSettings): NonNullable<ServiceInput['gtpc']> => ({
  ...plain,
  versions: [...versions],
})

const toQuicInput = ({ key, ...plain }: QuicLb): NonNullable<ServiceInput['quic']> => ({
  ...plain,
  ...said('key', key),
})

/** Those that somebody named. */
const namedEndpoints = ({ mode, address, endpoints }: Service): readonly Endpoint[] =>
  endpoints.filter((one) => mode !== 'masquerade' || one.address !== address || one.port !== 0)

/** A service of the model as it would stand in the file, so that the API's services meet the same schema and checks. */
export const toServiceInput = (service: Service): ServiceInput => ({
  name: service.name,
  vip: service.address,
  vips: [...service.secondary],
  ...said('port', writePorts(service)),
  protocol: service.protocol,
  mode: service.mode,
  ...said('encapsulation', service.encapsulation),
  select: service.select,
  persistTimeout: service.persistTimeout,
  miss: service.miss,
  ...said('quic', service.quic === null ? null : toQuicInput(service.quic)),
  ...said('n4', service.n4 === null ? null : toN4Input(service.n4)),
  ...said('gtpc', service.gtpc === null ? null : toGtpcInput(service.gtpc)),
  outOfTheBlue: service.outOfTheBlue,
  ...said('alg', service.alg),
  ...said('mark', service.mark),
  allowedSources: [...service.allowedSources],
  users: [...service.users],
  ...said('idleTimeout', service.idleTimeout),
  resetOnIdle: service.resetOnIdle,
  ...said('embryonicLimit', service.embryonicLimit),
  sources: [...service.sources],
  announce: service.announce,
  endpoints: namedEndpoints(service).map((endpoint) => toEndpointInput(service, endpoint)),
})

export const services = section({
  schema: servicesSchema,
  applies: 'reload',
  check: checkServices,
  resolve: (value): readonly Service[] => value.map((input) => toService(input, 'file')),
})
