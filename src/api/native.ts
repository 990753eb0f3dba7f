// Our own paths: what loxilb's clients do not know.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { NotFoundError } from '../lb/errors.ts'
import { defaultName, endpointKey, serviceKey } from '../lb/model.ts'
import type { Change, Endpoint, Service } from '../lb/model.ts'
import type { FlowStatus, SlowPathStatus } from '../lb/datapath.ts'
import type { AppOptions } from './app.ts'
import { attach, detach } from './endpoints.ts'
import { fromEndpointInput, fromInput, serviceOutput } from './native-input.ts'
import { dryRunQuery, limitDefault, limitQuery, sluiceSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'
import type { Changes, EndpointsInput, Flow, ServicesInput, SlowPath, Status } from './schemas.ts'
import { fromLoxilb, shownName } from './translate.ts'
import { sessionChanges } from './user-sessions.ts'

interface DryRun {
  readonly dryRun?: boolean
}

/** By name, by ADDRESS:PORT/PROTOCOL, or by the name that loxilb's clients know. */
const find = (services: readonly Service[], name: string): Service => {
  const found =
    services.find(
      (service) => service.name === name || serviceKey(service) === name || defaultName(service) === name,
    ) ?? services.find((service) => shownName(service) === name)
  if (found === undefined) throw new NotFoundError(`no service is named "${name}"`)
  return found
}

/** By ADDRESS:PORT, or by the address where it says which one is meant. */
const findEndpoint = (service: Service, text: string): Endpoint => {
  const byAddress = service.endpoints.filter((one) => one.address === text)
  const found =
    service.endpoints.find((one) => endpointKey(one) === text) ?? (byAddress.length === 1 ? byAddress[0] : undefined)
  if (found !== undefined) return found
  const known = service.endpoints.map(endpointKey).join(', ')
  throw new NotFoundError(`service "${service.name}" has no endpoint ${text}; it has ${known || 'none'}`)
}

const serviceParams = { name: Type.String({ description: 'name, or ADDRESS:PORT/PROTOCOL' }) }
const endpointParams = {
  ...serviceParams,
  endpoint: Type.String({ description: 'ADDRESS:PORT, or the address where it says which one is meant' }),
}
interface ServiceParams {
  readonly name: string
}
interface EndpointParams extends ServiceParams {
  readonly endpoint: string
}

const orders = [
  ['drain', { drained: true }, 'Take no new flows, keep the ones there are'],
  ['undrain', { drained: false }, 'Take new flows again'],
  ['block', { blocked: true }, 'Take no packet, drop the flows there are'],
  ['unblock', { blocked: false }, 'Take packets again'],
] as const

/** A copy that the schema's types take. */
const slowPathOutput = ({ latencyBoundsMs, reasons, ...rest }: SlowPathStatus): SlowPath => ({
  ...rest,
  latencyBoundsMs: [...latencyBoundsMs],
  reasons: Object.fromEntries(
    Object.entries(reasons).map(([name, { latency, ...each }]) => [name, { ...each, latency: [...latency] }]),
  ),
})

export const nativeRoutes = async (app: FastifyInstance, options: AppOptions): Promise<void> => {
  const { registry, datapath } = options
  const owner = 'api'
  const startedAt = new Date()

  const answer = (changes: readonly Change[], dryRun: boolean): Changes => ({
    dryRun,
    changes: changes.map((change) => {
      const service = change.kind === 'update' ? change.to : change.service
      return {
        kind: change.kind,
        service: service.name,
        key: serviceKey(service),
        description: [...options.describe([change])],
      }
    }),
  })

  app.get('/status', sluiceSchema('The instance', ref('Status')), (): Status => {
    const services = registry.services()
    const fromFile = services.filter((service) => service.owner === 'file').length
    return {
      instance: options.instance,
      version: options.version,
      pid: process.pid,
      startedAt: startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
      interfaces: datapath.interfaces().map(({ name, ifindex, hook, note }) => ({ name, ifindex, hook, note })),
      services: { file: fromFile, api: services.length - fromFile },
      verdicts: datapath.verdicts(),
      slowPath: slowPathOutput(datapath.slowPath()),
    }
  })

  app.get('/verdicts', sluiceSchema('Why packets left the pipeline', ref('Verdicts')), () => datapath.verdicts())

  app.get(
    '/services',
    sluiceSchema('Services with counters', Type.Object({ services: Type.Array(Type.Unsafe(ref('Service'))) })),
    () => ({ services: datapath.services().map(serviceOutput) }),
  )

  app.post<{ Body: ServicesInput; Querystring: DryRun }>(
    '/services',
    sluiceSchema('Make or change services, all or none', ref('Changes'), {
      body: ref('ServicesInput'),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const { services = [], lbAttr = [] } = request.body
      const dryRun = request.query.dryRun ?? false
      const changes = await registry.update(
        (existing) => {
          // Each one sees the names of those before it, so that entries which share a name get different ones.
          const known = [...existing]
          const wanted = services.map(fromInput)
          known.push(...wanted)
          for (const entry of lbAttr) {
            const service = fromLoxilb(entry, known)
            wanted.push(service)
            known.push(service)
          }
          return { put: wanted }
        },
        { owner, dryRun },
      )
      return answer(changes, dryRun)
    },
  )

  app.delete<{ Params: { name: string }; Querystring: DryRun }>(
    '/services/:name',
    sluiceSchema('Remove a service', ref('Changes'), {
      params: Type.Object({ name: Type.String() }),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const dryRun = request.query.dryRun ?? false
      const { name } = request.params
      const changes = await registry.update((services) => ({ remove: [serviceKey(find(services, name))] }), {
        owner,
        dryRun,
      })
      return answer(changes, dryRun)
    },
  )

  app.post<{ Params: ServiceParams; Body: EndpointsInput; Querystring: DryRun }>(
    '/services/:name/endpoints',
    sluiceSchema('Attach endpoints, or change those that are there; others stay as they are', ref('Changes'), {
      params: Type.Object(serviceParams),
      body: ref('EndpointsInput'),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const dryRun = request.query.dryRun ?? false
      const changes = await registry.update(
        (services) => {
          const service = find(services, request.params.name)
          const more = request.body.endpoints.map((endpoint) => fromEndpointInput(endpoint, service))
          return { put: [attach(service, more)] }
        },
        { owner, dryRun },
      )
      return answer(changes, dryRun)
    },
  )

  app.delete<{ Params: EndpointParams; Querystring: DryRun }>(
    '/services/:name/endpoints/:endpoint',
    sluiceSchema('Detach an endpoint; others stay as they are', ref('Changes'), {
      params: Type.Object(endpointParams),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const dryRun = request.query.dryRun ?? false
      const changes = await registry.update(
        (services) => {
          const service = find(services, request.params.name)
          return { put: [detach(service, [findEndpoint(service, request.params.endpoint)])] }
        },
        { owner, dryRun },
      )
      return answer(changes, dryRun)
    },
  )

  for (const [verb, order, summary] of orders) {
    app.post<{ Params: EndpointParams }>(
      `/services/:name/endpoints/:endpoint/${verb}`,
      sluiceSchema(summary, ref('Changes'), { params: Type.Object(endpointParams) }),
      async (request) => {
        const service = find(registry.services(), request.params.name)
        const endpoint = findEndpoint(service, request.params.endpoint)
        return answer(await registry.order(serviceKey(service), endpointKey(endpoint), order), false)
      },
    )
  }

  app.get<{ Querystring: { limit?: number } }>(
    '/flows',
    sluiceSchema('Flows', Type.Object({ flows: Type.Array(Type.Unsafe(ref('Flow'))) }), {
      querystring: Type.Object(limitQuery),
    }),
    (request) => ({ flows: datapath.flows(request.query.limit ?? limitDefault).map(flowOutput) }),
  )

  app.post('/reload', sluiceSchema('Read the configuration file again', ref('Changes')), async () => {
    const { services, sessions } = await registry.reload()
    return { ...answer(services, false), sessions: sessionChanges(sessions, options.describeSessions) }
  })
}

const flowOutput = (flow: FlowStatus): Flow => ({
  service: flow.serviceName,
  protocol: flow.protocol,
  mode: flow.mode,
  state: flow.state,
  client: flow.client,
  vip: flow.vip,
  source: flow.source,
  endpoint: { address: flow.endpoint.address, port: flow.endpoint.port },
  toEndpoint: flow.toEndpoint,
  toClient: flow.toClient,
  idleMs: flow.idleMs,
})
