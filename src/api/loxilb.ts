// The paths that loxilb's clients know. They translate and decide nothing; translate.ts says what is taken and what is
// refused.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ConflictError, NotFoundError } from '../lb/errors.ts'
import { serviceKey } from '../lb/model.ts'
import type { Service } from '../lb/model.ts'
import type { AppOptions } from './app.ts'
import { toConntrack } from './conntrack.ts'
import { readAddress } from './native-input.ts'
import { loxilbSchema } from './route-schemas.ts'
import { ref } from './schemas.ts'
import type { EndPointGetEntry, LoadbalanceEntry } from './schemas.ts'
import { editFor, shownName, toLoxilb, withoutEffect } from './translate.ts'

/** Flows that one answer shows; each is two entries. */
const flowsShownMax = 65_536

const success = { result: 'Success' }

const placePath = '/config/loadbalancer/externalipaddress/:ip_address/port/:port'
const hostPath = '/config/loadbalancer/hosturl/:hosturl/externalipaddress/:ip_address/port/:port'
const placeParams = {
  ip_address: Type.String(),
  port: Type.Integer({ minimum: 0, maximum: 65535 }),
  proto: Type.String(),
}
interface Place {
  readonly ip_address: string
  readonly port: number
  readonly portmax?: number
  readonly proto: string
}
/** loxilb has `bgp` as well, which decides nothing. */
const placeQuery = Type.Object({ block: Type.Optional(Type.Integer({ minimum: 0, description: 'firewall mark' })) })
interface Query {
  readonly block?: number
}

export const loxilbRoutes = async (app: FastifyInstance, options: AppOptions): Promise<void> => {
  const { registry, datapath, version, log } = options
  const owner = 'api'
  let warned = false

  const warnWithoutEffect = (service: Service): void => {
    const fields = withoutEffect(service)
    if (warned || fields.length === 0) return
    warned = true
    log.warn(
      { service: service.name, fields },
      'a client asks for health checks that this build does not have: kept and returned, without effect',
    )
  }

  const removeAt = async (place: Place, { block = 0 }: Query): Promise<typeof success> => {
    const { ip_address: text, port, portmax = 0, proto } = place
    const address = readAddress(text, 'address')
    const lastPort = portmax === 0 ? port : portmax
    await registry.update(
      (services) => {
        const service = services.find(
          (one) =>
            one.address === address &&
            one.port === port &&
            one.lastPort === lastPort &&
            one.protocol === proto &&
            (one.mark ?? 0) === block,
        )
        if (service !== undefined) return { remove: [serviceKey(service)] }
        const ports = lastPort === port ? `${port}` : `${port}-${lastPort}`
        throw new NotFoundError(`no-rule error: no service at ${text}:${ports}/${proto}`)
      },
      { owner },
    )
    return success
  }

  app.get('/', loxilbSchema('Any answer means alive', ref('PostSuccess')), () => success)
  app.get('/version', loxilbSchema('Version', ref('VersionInfo')), () => ({ version, buildInfo: `sluice ${version}` }))
  app.get('/meta', loxilbSchema('About the server', Type.Object({})), () => ({ product: 'sluice', version }))

  app.post<{ Body: LoadbalanceEntry }>(
    '/config/loadbalancer',
    loxilbSchema('Make or change a service', ref('PostSuccess'), { body: ref('LoadbalanceEntry') }),
    async (request) => {
      const changes = await registry.update(
        (services) => {
          const edit = editFor(request.body, services)
          edit.put?.forEach(warnWithoutEffect)
          return edit
        },
        { owner },
      )
      if (changes.length === 0) throw new ConflictError('lbrule-exists error')
      return success
    },
  )

  app.get(
    '/config/loadbalancer/all',
    loxilbSchema('All services', Type.Object({ lbAttr: Type.Array(Type.Unsafe(ref('LoadbalanceEntry'))) })),
    () => ({ lbAttr: datapath.services().flatMap((status) => toLoxilb(status) ?? []) }),
  )

  app.delete('/config/loadbalancer/all', loxilbSchema("Remove the API's services", ref('PostSuccess')), async () => {
    await registry.update(
      (services) => ({ remove: services.filter((service) => service.owner === owner).map(serviceKey) }),
      { owner },
    )
    return success
  })

  app.delete<{ Params: { lb_name: string } }>(
    '/config/loadbalancer/name/:lb_name',
    loxilbSchema('Remove by name', ref('PostSuccess'), { params: Type.Object({ lb_name: Type.String() }) }),
    async (request) => {
      const { lb_name: name } = request.params
      await registry.update(
        (services) => {
          const named = services.filter((service) => service.name === name || shownName(service) === name)
          if (named.length === 0) throw new NotFoundError(`no-rule error: no service is named "${name}"`)
          return { remove: named.map(serviceKey) }
        },
        { owner },
      )
      return success
    },
  )

  app.delete<{ Params: Place; Querystring: Query }>(
    `${placePath}/protocol/:proto`,
    loxilbSchema('Remove by address, port and protocol', ref('PostSuccess'), {
      params: Type.Object(placeParams),
      querystring: placeQuery,
    }),
    (request) => removeAt(request.params, request.query),
  )

  // A service with a host name cannot be made here; `any` is no host name.
  const portMax = Type.Integer({ minimum: 0, maximum: 65535 })
  for (const [path, more] of [
    [`${placePath}/portmax/:portmax`, { portmax: portMax }],
    [hostPath, { hosturl: Type.String() }],
    [`${hostPath}/portmax/:portmax`, { hosturl: Type.String(), portmax: portMax }],
  ] as const) {
    app.delete<{ Params: Place & { readonly hosturl?: string }; Querystring: Query }>(
      `${path}/protocol/:proto`,
      loxilbSchema('Remove by address, range, host and protocol', ref('PostSuccess'), {
        params: Type.Object({ ...placeParams, ...more }),
        querystring: placeQuery,
      }),
      (request) => {
        const { hosturl = 'any' } = request.params
        if (hosturl === 'any') return removeAt(request.params, request.query)
        throw new NotFoundError('no-rule error: this build has no services with a host name')
      },
    )
  }

  app.get(
    '/config/conntrack/all',
    loxilbSchema(
      'Flows, an entry for each direction',
      Type.Object({ ctAttr: Type.Array(Type.Unsafe(ref('ConntrackEntry'))) }),
    ),
    (_request, reply) => {
      const names = new Map(registry.services().map((service) => [serviceKey(service), shownName(service)]))
      const flows = datapath.flows(flowsShownMax)
      if (flows.length >= flowsShownMax) void reply.header('sluice-truncated', flowsShownMax)
      return {
        ctAttr: flows.flatMap((flow) => {
          const name = flow.service === null ? undefined : names.get(flow.service)
          return toConntrack(flow, name ?? flow.serviceName)
        }),
      }
    },
  )

  app.get(
    '/config/endpoint/all',
    loxilbSchema('End points', Type.Object({ Attr: Type.Array(Type.Unsafe(ref('EndPointGetEntry'))) })),
    () => {
      const balanced = registry.services().filter(({ mode }) => mode !== 'masquerade')
      const hosts = new Set(balanced.flatMap((service) => service.endpoints.map((one) => one.address)))
      return { Attr: [...hosts].map(unprobed) }
    },
  )
}

/** A host nobody probes is taken for well, as loxilb does without probes. */
const unprobed = (address: string): EndPointGetEntry => ({
  hostName: address,
  name: address,
  inactiveReTries: 0,
  probeType: 'none',
  probeReq: '',
  probeResp: '',
  probeDuration: 0,
  probePort: 0,
  minDelay: '',
  avgDelay: '',
  maxDelay: '',
  currState: 'ok',
})
