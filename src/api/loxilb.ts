// The paths that loxilb's clients know. They translate and decide nothing; translate.ts says what is taken and what is
// refused.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { ConflictError, NotFoundError } from '../lb/errors.ts'
import { serviceKey } from '../lb/model.ts'
import type { Service } from '../lb/model.ts'
import { canonicalAddress } from '../wire/ip.ts'
import type { AppOptions } from './app.ts'
import { toConntrack } from './conntrack.ts'
import { ref } from './schemas.ts'
import type { EndPointGetEntry, LoadbalanceEntry } from './schemas.ts'
import { Refused, shownName, stepFor, toLoxilb, withoutEffect } from './translate.ts'

/** Flows that one answer shows; each is two entries. */
const flowsShownMax = 65_536

const success = { result: 'Success' }
const schemaOf = (summary: string, answer: object, more: object = {}) => ({
  schema: { summary, tags: ['loxilb'], response: { 200: answer, default: ref('Error') }, ...more },
})

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
  readonly proto: string
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
      'a client asks for health checks or timeouts that this build does not have: kept and returned, without effect',
    )
  }

  const removeAt = async ({ ip_address: text, port, proto }: Place): Promise<typeof success> => {
    const address = canonicalAddress(text)
    if (address === undefined) throw new Refused(`malformed address: "${text}" is not an IP address`)
    const service = registry
      .services()
      .find((one) => one.address === address && one.port === port && one.protocol === proto)
    if (service === undefined) throw new NotFoundError(`no-rule error: no service at ${text}:${port}/${proto}`)
    await registry.remove([serviceKey(service)], { owner })
    return success
  }

  app.get('/', schemaOf('Any answer means alive', ref('PostSuccess')), () => success)
  app.get('/version', schemaOf('Version', ref('VersionInfo')), () => ({ version, buildInfo: `sluice ${version}` }))
  app.get('/meta', schemaOf('About the server', Type.Object({})), () => ({ product: 'sluice', version }))

  app.post<{ Body: LoadbalanceEntry }>(
    '/config/loadbalancer',
    schemaOf('Make or change a service', ref('PostSuccess'), { body: ref('LoadbalanceEntry') }),
    async (request) => {
      const step = stepFor(request.body, registry.services())
      if (step.kind === 'put') warnWithoutEffect(step.service)
      const changes =
        step.kind === 'put'
          ? await registry.put([step.service], { owner })
          : await registry.remove([serviceKey(step.service)], { owner })
      if (changes.length === 0) throw new ConflictError('lbrule-exists error')
      return success
    },
  )

  app.get(
    '/config/loadbalancer/all',
    schemaOf('All services', Type.Object({ lbAttr: Type.Array(Type.Unsafe(ref('LoadbalanceEntry'))) })),
    () => ({ lbAttr: datapath.services().map(toLoxilb) }),
  )

  app.delete('/config/loadbalancer/all', schemaOf("Remove the API's services", ref('PostSuccess')), async () => {
    const keys = registry
      .services()
      .filter((service) => service.owner === owner)
      .map(serviceKey)
    await registry.remove(keys, { owner })
    return success
  })

  app.delete<{ Params: { lb_name: string } }>(
    '/config/loadbalancer/name/:lb_name',
    schemaOf('Remove by name', ref('PostSuccess'), { params: Type.Object({ lb_name: Type.String() }) }),
    async (request) => {
      const { lb_name: name } = request.params
      const named = registry.services().filter((service) => service.name === name || shownName(service) === name)
      if (named.length === 0) throw new NotFoundError(`no-rule error: no service is named "${name}"`)
      await registry.remove(named.map(serviceKey), { owner })
      return success
    },
  )

  app.delete<{ Params: Place }>(
    `${placePath}/protocol/:proto`,
    schemaOf('Remove by address, port and protocol', ref('PostSuccess'), { params: Type.Object(placeParams) }),
    (request) => removeAt(request.params),
  )

  // A service with a port range or a host name cannot be made here. `any` is no host name, a range of one no range.
  const portMax = Type.Integer({ minimum: 0, maximum: 65535 })
  for (const [path, more] of [
    [`${placePath}/portmax/:portmax`, { portmax: portMax }],
    [hostPath, { hosturl: Type.String() }],
    [`${hostPath}/portmax/:portmax`, { hosturl: Type.String(), portmax: portMax }],
  ] as const) {
    app.delete<{ Params: Place & { readonly hosturl?: string; readonly portmax?: number } }>(
      `${path}/protocol/:proto`,
      schemaOf('Remove by address, range, host and protocol', ref('PostSuccess'), {
        params: Type.Object({ ...placeParams, ...more }),
      }),
      (request) => {
        const { hosturl = 'any', port, portmax = 0 } = request.params
        if (hosturl === 'any' && (portmax === 0 || portmax === port)) return removeAt(request.params)
        throw new NotFoundError('no-rule error: this build has no services with a port range or a host name')
      },
    )
  }

  app.get(
    '/config/conntrack/all',
    schemaOf(
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
    schemaOf('End points', Type.Object({ Attr: Type.Array(Type.Unsafe(ref('EndPointGetEntry'))) })),
    () => {
      const hosts = new Set(registry.services().flatMap((service) => service.endpoints.map((one) => one.address)))
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
