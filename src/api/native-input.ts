// Services as /sluice/v1 takes and shows them. What is left out is filled in as everywhere; config/ checks the rest.

import { endpointDefaults, makeService } from '../lb/model.ts'
import { canonicalTeidRange } from '../lb/teid-range.ts'
import { canonicalAddress } from '../wire/ip.ts'
import type { Endpoint, N4Settings, QuicLb, Service, UpfSettings } from '../lb/model.ts'
import type { ServiceStatus } from '../lb/datapath.ts'
import { Refused } from './errors.ts'
import type { EndpointInput, ServiceInput, ServiceOutput } from './schemas.ts'

export const readAddress = (text: string, field: string): string => {
  const canonical = canonicalAddress(text)
  if (canonical === undefined) throw new Refused(`malformed ${field}: "${text}" is not an IP address`)
  return canonical
}

type QuicInput = NonNullable<ServiceInput['quic']>

export const readQuic = ({ serverIdLength, nonceLength, key, configId }: QuicInput): QuicLb => ({
  serverIdLength,
  nonceLength,
  key: key ?? null,
  configId: configId ?? 0,
})

/** The port of an endpoint that says none: the service's, or where that has several the one the client asked for. */
const keptPort = ({ port, lastPort }: Pick<Service, 'port' | 'lastPort'>): number => (port === lastPort ? port : 0)

export const fromEndpointInput = (input: EndpointInput, service: Pick<Service, 'port' | 'lastPort'>): Endpoint => ({
  address: readAddress(input.address, 'endpoint address'),
  port: input.port ?? keptPort(service),
  weight: input.weight ?? endpointDefaults.weight,
  drained: input.drained ?? endpointDefaults.drained,
  blocked: input.blocked ?? endpointDefaults.blocked,
  priority: input.priority ?? endpointDefaults.priority,
  serverId: input.serverId?.toLowerCase() ?? null,
  upf: input.upf ?? null,
  gtpVersions: input.gtpVersions ?? [],
  teidRange: typeof input.teidRange === 'string' ? canonicalTeidRange(input.teidRange) : null,
})

export const fromInput = (input: ServiceInput): Service => {
  const { owner: _, counters: __, address, endpoints, quic, ...plain } = input
  const ports = { port: input.port, lastPort: input.lastPort ?? input.port }
  return makeService({
    ...plain,
    ...ports,
    // Null says what leaving out says.
    encapsulation: plain.encapsulation ?? undefined,
    owner: 'api',
    address: readAddress(address, 'address'),
    quic: quic && readQuic(quic),
    endpoints: endpoints.map((endpoint) => fromEndpointInput(endpoint, ports)),
  })
}

const upfOutput = ({ dataNetwork, dnns, networkInstances, slices, uePools, userPlane }: UpfSettings) => ({
  userPlane: [...userPlane],
  dataNetwork: [...dataNetwork],
  dnns: [...dnns],
  networkInstances: [...networkInstances],
  slices: [...slices],
  uePools: [...uePools],
})

const n4Output = ({ localNetworkInstances, users, ...plain }: N4Settings) => ({
  ...plain,
  users: [...users],
  localNetworkInstances: [...localNetworkInstances],
})

const noCounters = { packets: 0n, bytes: 0n, flows: 0n }

export const serviceOutput = ({ service, counters, endpoints }: ServiceStatus): ServiceOutput => ({
  ...service,
  secondary: [...service.secondary],
  quic: service.quic && { ...service.quic },
  n4: service.n4 && n4Output(service.n4),
  gtpc: service.gtpc && { ...service.gtpc, versions: [...service.gtpc.versions] },
  allowedSources: [...service.allowedSources],
  users: [...service.users],
  sources: [...service.sources],
  endpoints: service.endpoints.map((endpoint, index) => ({
    ...endpoint,
    upf: endpoint.upf && upfOutput(endpoint.upf),
    gtpVersions: [...endpoint.gtpVersions],
    counters: { ...(endpoints[index]?.counters ?? noCounters) },
    activeFlows: endpoints[index]?.activeFlows ?? 0,
  })),
  annotations: { ...service.annotations },
  counters: { ...counters },
})
