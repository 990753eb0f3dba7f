// `services`: what is balanced. The same schema and the same checks serve the file and the API.

import { Type } from 'typebox'
import { endpointKey, modes, selects, serviceKey, transports } from '../../lb/model.ts'
import { addressBytes, classify } from '../../wire/ip.ts'
import { reportDuplicates } from '../duplicates.ts'
import { section } from '../section.ts'
import type { Static } from 'typebox'
import type { Endpoint, Owner, Service } from '../../lb/model.ts'
import type { Report } from '../errors.ts'
import type { Loose } from '../section.ts'

/** The largest selection table has 524,287 slots, and an endpoint needs 64 of them for an even share. */
const maxEndpointsOfOneService = 8191

const port = (description: string) => Type.Optional(Type.Integer({ description, minimum: 1, maximum: 65535 }))

const endpointSchema = Type.Object(
  {
    address: Type.String({ description: 'IPv4 address of the server.', format: 'ipv4' }),
    port: port('Port of the server. Left out: the port of the service. Not for icmp.'),
    weight: Type.Integer({
      description:
        'Share of new connections, relative to the other endpoints of the service: 2 gets twice what 1 gets. 0 takes ' +
        'no new connections; those it has go on.',
      minimum: 0,
      maximum: 255,
      default: 1,
    }),
    drained: Type.Boolean({
      description: 'true: keeps the connections it has and takes no new ones, for example before maintenance.',
      default: false,
    }),
  },
  { additionalProperties: false },
)

const serviceSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        description: 'Name shown in tables and logs; unique. Left out: made like 10.0.0.1:80/tcp.',
        pattern: '^[\\x21-\\x7e]{1,128}$',
        patternErrorMessage: 'must be 1 to 128 characters: letters, digits and signs of ASCII, no spaces',
      }),
    ),
    vip: Type.String({ description: 'Virtual IPv4 address that clients connect to.', format: 'ipv4' }),
    port: port('Port that clients connect to. Needed for tcp and udp; icmp has none.'),
    protocol: Type.Enum([...transports], {
      description: 'tcp, udp, or icmp (echo: the endpoints answer pings of the VIP).',
    }),
    mode: Type.Enum([...modes], {
      description:
        'What is rewritten. `dnat`: the destination; servers see the client, and their answers must come back ' +
        'through this machine. `onearm`: the source too, to the address of the interface towards the server. ' +
        '`fullnat`: the source too, to the VIP.',
      default: 'dnat',
    }),
    select: Type.Enum([...selects], {
      description:
        'How the endpoint of a new connection is chosen. `rr`: in turn, by weight. `hash`: by a hash of addresses ' +
        'and ports (Maglev); every node chooses the same, and a change of endpoints moves few connections.',
      default: 'rr',
    }),
    announce: Type.Enum(['local', 'routed'], {
      description:
        'Who answers for the VIP. `local`: this machine gets the address and announces it on its links. `routed`: ' +
        'nothing is done, because routes lead here.',
      default: 'local',
    }),
    endpoints: Type.Array(endpointSchema, {
      description: 'The servers.',
      maxItems: maxEndpointsOfOneService,
    }),
  },
  { additionalProperties: false },
)

export type ServiceInput = Static<typeof serviceSchema>
type LooseService = Loose<ServiceInput>

/** Why nothing can be balanced to or from this address, or undefined when it can. */
const unusable = (address: string): string | undefined => {
  switch (classify(addressBytes(address))) {
    case 'unspecified':
      return 'stands for "any address"'
    case 'loopback':
      return 'is loopback, which does not leave the machine'
    case 'multicast':
      return 'is multicast'
    case 'broadcast':
      return 'is broadcast'
    case 'reserved':
      return 'is in a reserved range that nobody routes'
    case 'link-local':
    case 'unicast':
      return undefined
  }
}

const usable = (address: string | undefined): address is string =>
  address !== undefined && unusable(address) === undefined

const checkAddress = (address: string | undefined, what: string, report: (message: string) => void): void => {
  const reason = address === undefined ? undefined : unusable(address)
  if (reason !== undefined) report(`${address} ${reason}: it cannot be ${what}`)
}

const checkPorts = (service: LooseService, report: Report): void => {
  const { protocol, vip } = service
  if (protocol === undefined) return
  if (protocol !== 'icmp') {
    // A port that is there and wrong was already reported; only the missing one is left to say.
    if (service.port === undefined && !('port' in service)) {
      report([], `a ${protocol} service needs a port: add \`port:\``)
    }
    return
  }
  if (service.port !== undefined) report(['port'], 'icmp has no ports: remove this line')
  for (const [index, endpoint] of (service.endpoints ?? []).entries()) {
    if (endpoint?.port === undefined) continue
    report(['endpoints', index, 'port'], `icmp has no ports: remove it from the endpoint of ${vip ?? 'this service'}`)
  }
}

const checkEndpoints = (service: LooseService, report: Report): void => {
  const endpoints = service.endpoints ?? []
  for (const [index, endpoint] of endpoints.entries()) {
    const { address } = endpoint ?? {}
    checkAddress(address, 'an endpoint', (message) => report(['endpoints', index, 'address'], message))
    if (address !== undefined && address === service.vip && usable(address)) {
      report(
        ['endpoints', index, 'address'],
        `${address} is the VIP itself: packets would come back here for ever; give the address of a server`,
      )
    }
  }
  const keyOf = (endpoint: (typeof endpoints)[number]) =>
    endpoint?.address === undefined
      ? undefined
      : endpointKey({ address: endpoint.address, port: endpoint.port ?? service.port ?? 0 })
  reportDuplicates(endpoints, keyOf, (index, first, key) =>
    report(
      ['endpoints', index],
      `${service.protocol === 'icmp' ? endpoints[index]?.address : key} is already endpoints[${first}] of this ` +
        'service: remove one of them; a greater share is a greater weight',
    ),
  )
}

const keyOfService = (service: LooseService | undefined) =>
  usable(service?.vip) && service?.protocol !== undefined && (service.protocol === 'icmp' || service.port !== undefined)
    ? serviceKey({ address: service.vip, port: service.port ?? 0, protocol: service.protocol })
    : undefined

const nameOf = (service: LooseService | undefined): string | undefined => service?.name ?? keyOfService(service)

const check = (value: readonly (LooseService | undefined)[], report: Report): void => {
  for (const [index, service] of value.entries()) {
    if (service === undefined) continue
    const at: Report = (path, message) => report([index, ...path], message)
    checkAddress(service.vip, 'a VIP', (message) => at(['vip'], message))
    checkPorts(service, at)
    checkEndpoints(service, at)
  }
  const overlapping = new Set<number>()
  reportDuplicates(value, keyOfService, (index, first, key) => {
    overlapping.add(index)
    report(
      [index, 'vip'],
      `${key} is already balanced by services[${first}]` +
        `${value[first]?.name === undefined ? '' : ` (${value[first].name})`}: ` +
        'one address, port and protocol has one service; merge them or change one',
    )
  })
  reportDuplicates(value, nameOf, (index, first, name) => {
    // Two services without a name that overlap would have equal names for that very reason.
    if (overlapping.has(index) && value[index]?.name === undefined) return
    report([index, 'name'], `"${name}" is already the name of services[${first}]: names are unique; change one`)
  })
}

/** A service of the file or of the state directory, for the model. */
export const toService = (input: ServiceInput, owner: Owner, annotations: Service['annotations'] = {}): Service => {
  const servicePort = input.protocol === 'icmp' ? 0 : (input.port ?? 0)
  const identity = { address: input.vip, port: servicePort, protocol: input.protocol }
  return {
    ...identity,
    name: input.name ?? serviceKey(identity),
    owner,
    mode: input.mode,
    select: input.select,
    announce: input.announce,
    endpoints: input.endpoints.map((endpoint) => ({
      address: endpoint.address,
      port: endpoint.port ?? servicePort,
      weight: endpoint.weight,
      drained: endpoint.drained,
    })),
    annotations,
  }
}

const withPort = (service: Service, { port: value }: { readonly port: number }) =>
  service.protocol === 'icmp' && value === 0 ? {} : { port: value }

const toEndpointInput = (service: Service, { address, weight, drained, ...rest }: Endpoint) => ({
  address,
  ...withPort(service, rest),
  weight,
  drained,
})

/** A service of the model as it would stand in the file, so that the API's services meet the same schema and checks. */
export const toServiceInput = (service: Service): ServiceInput => ({
  name: service.name,
  vip: service.address,
  ...withPort(service, service),
  protocol: service.protocol,
  mode: service.mode,
  select: service.select,
  announce: service.announce,
  endpoints: service.endpoints.map((endpoint) => toEndpointInput(service, endpoint)),
})

export const services = section({
  schema: Type.Array(serviceSchema, {
    description: 'What is balanced: one virtual address, port and protocol each. Re-read on SIGHUP.',
    default: [],
  }),
  applies: 'reload',
  check,
  resolve: (value): readonly Service[] => value.map((input) => toService(input, 'file')),
})
