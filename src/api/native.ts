// Our own paths: what loxilb's clients do not know.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { NotFoundError } from '../lb/errors.ts'
import { endpointKey, serviceKey } from '../lb/model.ts'
import type { Change, Service } from '../lb/model.ts'
import type { FlowStatus, ServiceStatus } from '../lb/datapath.ts'
import type { AppOptions } from './app.ts'
import { ref } from './schemas.ts'
import type { Changes, Flow, ServiceOutput, ServicesInput, Status } from './schemas.ts'
import { fromInput, fromLoxilb, shownName } from './translate.ts'

const flowsDefault = 1000
const flowsMax = 65_536

const schemaOf = (summary: string, answer: object, more: object = {}) => ({
  schema: { summary, tags: ['sluice'], response: { 200: answer, default: ref('Error') }, ...more },
})

const dryRunQuery = Type.Object({ dryRun: Type.Optional(Type.Boolean({ description: 'show the changes, make none' })) })
interface DryRun {
  readonly dryRun?: boolean
}

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

  /** By name or by ADDRESS:PORT/PROTOCOL. */
  const find = (name: string): Service => {
    const services = registry.services()
    const found =
      services.find((service) => service.name === name || serviceKey(service) === name) ??
      services.find((service) => shownName(service) === name)
    if (found === undefined) throw new NotFoundError(`no service is named "${name}"`)
    return found
  }

  app.get('/status', schemaOf('The instance', ref('Status')), (): Status => {
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
    }
  })

  app.get('/verdicts', schemaOf('Why packets left the pipeline', ref('Verdicts')), () => datapath.verdicts())

  app.get(
    '/services',
    schemaOf('Services with counters', Type.Object({ services: Type.Array(Type.Unsafe(ref('Service'))) })),
    () => ({ services: datapath.services().map(serviceOutput) }),
  )

  app.post<{ Body: ServicesInput; Querystring: DryRun }>(
    '/services',
    schemaOf('Make or change services, all or none', ref('Changes'), {
      body: ref('ServicesInput'),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const { services = [], lbAttr = [] } = request.body
      const dryRun = request.query.dryRun ?? false
      // Each one sees the names of those before it, so that entries which share a name get different ones.
      const known = [...registry.services()]
      const wanted = services.map(fromInput)
      known.push(...wanted)
      for (const entry of lbAttr) {
        const service = fromLoxilb(entry, known)
        wanted.push(service)
        known.push(service)
      }
      return answer(await registry.put(wanted, { owner, dryRun }), dryRun)
    },
  )

  app.delete<{ Params: { name: string }; Querystring: DryRun }>(
    '/services/:name',
    schemaOf('Remove a service', ref('Changes'), {
      params: Type.Object({ name: Type.String() }),
      querystring: dryRunQuery,
    }),
    async (request) => {
      const dryRun = request.query.dryRun ?? false
      return answer(await registry.remove([serviceKey(find(request.params.name))], { owner, dryRun }), dryRun)
    },
  )

  for (const [verb, drained] of [
    ['drain', true],
    ['undrain', false],
  ] as const) {
    app.post<{ Params: { name: string; endpoint: string } }>(
      `/services/:name/endpoints/:endpoint/${verb}`,
      schemaOf(drained ? 'Take no new flows, keep the ones there are' : 'Take new flows again', ref('Changes'), {
        params: Type.Object({
          name: Type.String(),
          endpoint: Type.String({ description: 'ADDRESS:PORT, or the address where it says which one is meant' }),
        }),
      }),
      async (request) => {
        const service = find(request.params.name)
        const { endpoint: text } = request.params
        const byAddress = service.endpoints.filter((one) => one.address === text)
        const endpoint =
          service.endpoints.find((one) => endpointKey(one) === text) ??
          (byAddress.length === 1 ? byAddress[0] : undefined)
        if (endpoint === undefined) {
          const known = service.endpoints.map(endpointKey).join(', ')
          throw new NotFoundError(`service "${service.name}" has no endpoint ${text}; it has ${known || 'none'}`)
        }
        return answer(await registry.setDrained(serviceKey(service), endpointKey(endpoint), drained), false)
      },
    )
  }

  app.get<{ Querystring: { limit?: number } }>(
    '/flows',
    schemaOf('Flows', Type.Object({ flows: Type.Array(Type.Unsafe(ref('Flow'))) }), {
      querystring: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: flowsMax, description: `default ${flowsDefault}` })),
      }),
    }),
    (request) => ({ flows: datapath.flows(request.query.limit ?? flowsDefault).map(flowOutput) }),
  )

  app.post('/reload', schemaOf('Read the configuration file again', ref('Changes')), async () =>
    answer(await registry.reload(), false),
  )
}

const serviceOutput = ({ service, counters, endpoints }: ServiceStatus): ServiceOutput => ({
  name: service.name,
  owner: service.owner,
  address: service.address,
  port: service.port,
  protocol: service.protocol,
  mode: service.mode,
  select: service.select,
  announce: service.announce,
  endpoints: service.endpoints.map((endpoint, index) => ({
    address: endpoint.address,
    port: endpoint.port,
    weight: endpoint.weight,
    drained: endpoint.drained,
    counters: { ...(endpoints[index]?.counters ?? { packets: 0n, bytes: 0n, flows: 0n }) },
    activeFlows: endpoints[index]?.activeFlows ?? 0,
  })),
  annotations: { ...service.annotations },
  counters: { ...counters },
})

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
