import test from 'ava'
import { request } from 'node:http'
import type { FlowStatus } from '../lb/datapath.ts'
import { serviceKey } from '../lb/model.ts'
import { gtpcSessionsForTest, gtpcStatusForTest } from '../testing/gtpc-status.ts'
import { n4SessionsForTest, n4StatusForTest } from '../testing/n4-status.ts'
import { serveForTest } from '../testing/served-api.ts'
import type { ServedApi } from '../testing/served-api.ts'

interface Answer {
  readonly status: number
  readonly text: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

/** Strings go as they are, all else as JSON. */
const asker =
  (served: ServedApi): Ask =>
  (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const outgoing = request(
        {
          socketPath: served.socketPath,
          method,
          path,
          agent: false,
          headers: {
            ...(payload !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => (text += part))
          response.on('end', () => {
            const parsed: unknown = text === '' ? null : JSON.parse(text)
            resolve({ status: response.statusCode ?? 0, text, body: parsed, headers: response.headers })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(payload)
    })

const withApi = (
  title: string,
  run: (t: import('ava').ExecutionContext, ask: Ask, served: ServedApi) => Promise<void>,
  configText?: string,
): void => {
  test(title, async (t) => {
    const served = await serveForTest(configText === undefined ? {} : { configText })
    try {
      await run(t, asker(served), served)
    } finally {
      await served.close()
    }
  })
}

const lb = '/netlox/v1/config/loadbalancer'
const success = { result: 'Success' }
const entry = (
  args: object = {},
  endpoints: readonly object[] = [{ endpointIP: '10.1.0.1', targetPort: 8080, weight: 1 }],
) => ({
  serviceArguments: { externalIP: '10.0.0.1', port: 80, protocol: 'tcp', ...args },
  endpoints,
})
const fileConfig = `version: 1
interfaces: [{ name: eth0 }]
services:
  - { name: fixed, vip: 10.0.0.2, port: 80, protocol: tcp, endpoints: [{ address: 10.1.0.1 }] }
`

withApi(
  'api: kube-loxilb makes and removes a service with its own spelling and its unknown fields',
  async (t, ask, served) => {
    const body = {
      serviceArguments: {
        externalIP: '10.0.0.1',
        port: 80,
        protocol: 'tcp',
        BGP: false,
        Monitor: true,
        managed: true,
        inactiveTimeOut: 1800,
        name: 'ns_svc:llb-inst0',
        privateIP: '',
        path_prefix: '',
        mtls_frontend: null,
      },
      secondaryIPs: null,
      allowedSources: null,
      endpoints: [{ endpointIP: '10.1.0.1', targetPort: 8080, weight: 1 }],
    }
    t.like(await ask('POST', lb, body), { status: 200, body: success })
    t.is(served.controller.services()[0]?.name, 'ns_svc:llb-inst0')
    t.deepEqual(served.warnings.filter((text) => text.includes('health checks')).length, 1)
    const path = `${lb}/externalipaddress/10.0.0.1/port/80/protocol/tcp?bgp=false&block=0`
    t.like(await ask('DELETE', path, body), { status: 200, body: success })
    t.deepEqual(served.controller.services(), [])
  },
)

withApi('api: the same service again is a conflict in the words that loxilb-ingress compares', async (t, ask) => {
  await ask('POST', lb, entry())
  t.like(await ask('POST', lb, entry()), {
    status: 409,
    body: {
      code: 409,
      message: 'Resource conflict: Resource already exists OR dependency not found',
      result: 'lbrule-exists error',
    },
  })
})

withApi('api: what GET shows can be posted again and is the same service', async (t, ask) => {
  await ask('POST', lb, entry({ mode: 2, sel: 1, name: 'web', monitor: true, probetype: 'tcp', probeport: 80 }))
  await ask('POST', lb, entry({ port: 443, name: 'web' }))
  const { body } = await ask('GET', `${lb}/all`)
  const { lbAttr } = body as { lbAttr: readonly object[] }
  t.is(lbAttr.length, 2)
  for (const one of lbAttr) t.like(await ask('POST', lb, one), { status: 409, body: { result: 'lbrule-exists error' } })
  const again = await ask('POST', '/sluice/v1/services', { lbAttr })
  t.deepEqual(again.body, { dryRun: false, changes: [] })
})

withApi('api: other content for the same address, port and protocol changes the service', async (t, ask, served) => {
  await ask('POST', lb, entry())
  t.is((await ask('POST', lb, entry({ mode: 1 }))).status, 200)
  t.deepEqual(
    served.controller.services().map(({ mode }) => mode),
    ['onearm'],
  )
})

withApi('api: oper attaches and detaches end points', async (t, ask, served) => {
  const other = [{ endpointIP: '10.1.0.2', targetPort: 8080, weight: 1 }]
  const addresses = () => served.controller.services().flatMap(({ endpoints }) => endpoints.map((one) => one.address))
  await ask('POST', lb, entry())
  t.is((await ask('POST', lb, entry({ oper: 1 }, other))).status, 200)
  t.deepEqual(addresses(), ['10.1.0.1', '10.1.0.2'])
  t.is((await ask('POST', lb, entry({ oper: 1 }, other))).status, 409)
  t.is((await ask('POST', lb, entry({ oper: 2 }))).status, 200)
  t.deepEqual(addresses(), ['10.1.0.2'])
  t.is((await ask('POST', lb, entry({ oper: 2 }))).status, 404)
})

const mistakes: readonly (readonly [string, unknown, number, object])[] = [
  ['malformed JSON', '{bad', 400, { code: 400, message: 'Malformed arguments for API call' }],
  ['no service arguments', {}, 422, { code: 602, message: 'serviceArguments in body is required' }],
  [
    'a missing port',
    entry({ port: undefined }),
    422,
    { code: 602, message: 'serviceArguments.port in body is required' },
  ],
  [
    'a port that is text',
    entry({ port: '80' }),
    422,
    { code: 601, message: 'serviceArguments.port in body must be of type integer' },
  ],
  [
    'a port out of range',
    entry({ port: 70000 }),
    422,
    { code: 608, message: 'serviceArguments.port in body should be less than or equal to 65535' },
  ],
  [
    'an unknown protocol',
    entry({ protocol: 'quic' }),
    422,
    { code: 606, message: 'serviceArguments.protocol in body should be one of [tcp udp sctp icmp]' },
  ],
  ['fullproxy', entry({ mode: 4 }), 400, { code: 400, message: 'Malformed arguments for API call' }],
  ['no port', entry({ port: 0 }), 400, { code: 400 }],
  ['a range that ends before it begins', entry({ portMax: 79 }), 400, { code: 400 }],
  ['direct return to another port', entry({ mode: 3 }), 400, { errors: [{ path: 'services[0].endpoints[0].port' }] }],
  [
    'an endpoint that is the VIP',
    entry({}, [{ endpointIP: '10.0.0.1', targetPort: 1, weight: 1 }]),
    400,
    { code: 400 },
  ],
  ['a prefix that is none', { ...entry(), allowedSources: [{ prefix: '10.0.0.0/40' }] }, 400, { code: 400 }],
  ['a list as body', [], 422, { code: 601 }],
  ['no body', '', 422, { code: 601, message: 'body must be of type object' }],
]

for (const [title, body, status, like] of mistakes) {
  withApi(`api: refuses ${title} with loxilb's error body and changes nothing`, async (t, ask, served) => {
    const answer = await ask('POST', lb, body)
    t.is(answer.status, status, answer.text)
    t.like(answer.body, like)
    t.regex((answer.body as { result: string }).result, /./)
    t.deepEqual(served.controller.services(), [])
  })
}

withApi('api: an unknown path, method or escape gets the same error body', async (t, ask) => {
  for (const [method, path] of [
    ['GET', '/netlox/v1/config/firewall/all'],
    ['PUT', `${lb}/all`],
    ['GET', '/'],
    ['GET', '/%zz'],
  ] as const) {
    t.like(await ask(method, path), { status: 404, body: { code: 404, message: 'Resource not found' } }, path)
  }
})

withApi('api: only JSON is read, and the body of a DELETE not at all', async (t, ask) => {
  t.like(await ask('POST', lb, 'x=1', { 'content-type': 'application/x-www-form-urlencoded' }), {
    status: 415,
    body: { code: 415 },
  })
  await ask('POST', lb, entry())
  const path = `${lb}/externalipaddress/10.0.0.1/port/80/protocol/tcp`
  t.is((await ask('DELETE', path, '{bad', { 'content-type': 'text/plain' })).status, 200)
  await ask('POST', lb, entry())
  t.is((await ask('DELETE', path, '{bad')).status, 200)
  await ask('POST', lb, entry())
  t.is((await ask('DELETE', path, '')).status, 200)
})

withApi('api: a service is removed by each of the paths loxilb has', async (t, ask, served) => {
  const paths = [
    'externalipaddress/10.0.0.1/port/80/protocol/tcp',
    'externalipaddress/10.0.0.1/port/80/portmax/80/protocol/tcp',
    'hosturl/any/externalipaddress/10.0.0.1/port/80/protocol/tcp',
    'hosturl/any/externalipaddress/10.0.0.1/port/80/portmax/0/protocol/tcp',
    'name/web',
    'all',
  ]
  for (const path of paths) {
    await ask('POST', lb, entry({ name: 'web' }))
    t.like(await ask('DELETE', `${lb}/${path}`), { status: 200, body: success }, path)
    t.deepEqual(served.controller.services(), [], path)
  }
})

withApi('api: removing what is not there is not found, ranges and host names included', async (t, ask) => {
  await ask('POST', lb, entry())
  for (const path of [
    'externalipaddress/10.0.0.1/port/81/protocol/tcp',
    'externalipaddress/10.0.0.1/port/80/protocol/udp',
    'externalipaddress/10.0.0.1/port/80/portmax/90/protocol/tcp',
    'hosturl/a.example/externalipaddress/10.0.0.1/port/80/protocol/tcp',
    'name/nobody',
  ]) {
    const answer = await ask('DELETE', `${lb}/${path}`)
    t.like(answer, { status: 404, body: { code: 404, message: 'Resource not found' } }, path)
    t.regex(answer.text, /no-rule error/)
  }
  t.is((await ask('DELETE', `${lb}/externalipaddress/x/port/80/protocol/tcp`)).status, 400)
})

withApi('api: services of one address are told apart by range and mark when one is removed', async (t, ask, served) => {
  const ports = () => served.controller.services().map(({ port, lastPort, mark }) => [port, lastPort, mark])
  t.is((await ask('POST', lb, entry({ portMax: 90 }))).status, 200)
  t.is((await ask('POST', lb, entry({ block: 5 }))).status, 200)
  t.is((await ask('POST', lb, entry({ protocol: 'sctp', externalIP: '2001:db8::1' }))).status, 200)
  const at = `${lb}/externalipaddress/10.0.0.1/port/80`
  t.is((await ask('DELETE', `${at}/protocol/tcp`)).status, 404)
  t.is((await ask('DELETE', `${at}/portmax/90/protocol/tcp?block=5`)).status, 404)
  t.is((await ask('DELETE', `${at}/protocol/tcp?block=5&bgp=false`)).status, 200)
  t.is((await ask('DELETE', `${lb}/externalipaddress/2001%3Adb8%3A%3A1/port/80/protocol/sctp`)).status, 200)
  t.deepEqual(ports(), [[80, 90, null]])
  t.is((await ask('DELETE', `${at}/portmax/90/protocol/tcp`)).status, 200)
  t.deepEqual(ports(), [])
})

withApi(
  'api: changes that come at the same time all count, each on what the one before left',
  async (t, ask, served) => {
    await ask('POST', lb, entry())
    const more = Array.from({ length: 8 }, (_, index) => [{ endpointIP: `10.1.1.${index}`, targetPort: 8080 }])
    const named = Array.from({ length: 8 }, (_, index) => entry({ name: 'svc', port: 100 + index }))
    const answers = await Promise.all([
      ...more.map((endpoints) => ask('POST', lb, entry({ oper: 1 }, endpoints))),
      ...named.map((body) => ask('POST', lb, body)),
    ])
    t.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    t.is(served.controller.services()[0]?.endpoints.length, 9)
    t.is(served.controller.services().length, 9)
  },
)

withApi('api: one name for several ports removes them all', async (t, ask, served) => {
  await ask('POST', lb, entry({ name: 'svc' }))
  await ask('POST', lb, entry({ name: 'svc', port: 443 }))
  t.is((await ask('DELETE', `${lb}/name/svc`)).status, 200)
  t.deepEqual(served.controller.services(), [])
})

withApi(
  "api: the file's services cannot be changed or removed, and DELETE all leaves them",
  async (t, ask, served) => {
    await ask('POST', lb, entry())
    t.is((await ask('POST', lb, entry({ externalIP: '10.0.0.2' }))).status, 409)
    t.is((await ask('DELETE', `${lb}/name/fixed`)).status, 409)
    t.is((await ask('DELETE', `${lb}/all`)).status, 200)
    t.deepEqual(
      served.controller.services().map(({ name }) => name),
      ['fixed'],
    )
  },
  fileConfig,
)

withApi('api: liveness, version and end points answer', async (t, ask) => {
  t.is((await ask('GET', '/netlox/v1/')).status, 200)
  t.is((await ask('GET', '/netlox/v1')).status, 200)
  t.like(await ask('GET', '/netlox/v1/version'), { body: { version: '1.2.3', buildInfo: 'sluice 1.2.3' } })
  await ask('POST', lb, entry())
  await ask('POST', lb, entry({ port: 443 }))
  t.like(await ask('GET', '/netlox/v1/config/endpoint/all'), {
    body: { Attr: [{ hostName: '10.1.0.1', probeType: 'none', currState: 'ok' }] },
  })
})

const flow = (service: FlowStatus['service']): FlowStatus => ({
  protocol: 'udp',
  state: 'replied',
  client: { address: '10.9.0.1', port: 40000 },
  vip: { address: '10.0.0.1', port: 80 },
  source: { address: '10.9.0.1', port: 40000 },
  endpoint: { address: '10.1.0.1', port: 8080, weight: 1 },
  service,
  serviceName: 'inside',
  mode: 'dnat',
  toEndpoint: { packets: 2n, bytes: 9007199254740993n },
  toClient: { packets: 1n, bytes: 3n },
  idleMs: 5,
})

withApi(
  'api: conntrack shows both directions under the name the client gave, with exact counters',
  async (t, ask, served) => {
    await ask('POST', lb, entry({ name: 'svc' }))
    await ask('POST', lb, entry({ name: 'svc', port: 443 }))
    const second = served.controller.services().find(({ port }) => port === 443)
    served.datapath.flowStatus.push(flow(second === undefined ? null : serviceKey(second)), flow(null))
    const { body, text } = await ask('GET', '/netlox/v1/config/conntrack/all')
    const { ctAttr } = body as { ctAttr: readonly { servName: string; conntrackState: string }[] }
    t.deepEqual(
      ctAttr.map(({ servName }) => servName),
      ['svc', 'svc', 'inside', 'inside'],
    )
    t.is(ctAttr[0]?.conntrackState, 'udp-est')
    t.true(text.includes('"bytes":9007199254740993}'))
  },
)

withApi('api: /sluice/v1/flows takes a limit and refuses a senseless one', async (t, ask, served) => {
  served.datapath.flowStatus.push(flow(null), flow(null), flow(null))
  t.is(((await ask('GET', '/sluice/v1/flows?limit=2')).body as { flows: readonly object[] }).flows.length, 2)
  t.like(await ask('GET', '/sluice/v1/flows?limit=0'), { status: 422, body: { code: 609 } })
  t.like(await ask('GET', '/sluice/v1/flows?limit=many'), { status: 422, body: { code: 601 } })
})

withApi(
  'api: /sluice/v1/n4 and /sluice/v1/sessions show PFCP services, at most so many sessions',
  async (t, ask, served) => {
    t.deepEqual((await ask('GET', '/sluice/v1/n4')).body, { n4: [] })
    t.deepEqual((await ask('GET', '/sluice/v1/sessions')).body, { sessions: [], total: 0 })
    served.datapath.n4Status.push(n4StatusForTest)
    served.datapath.n4SessionStatus.push(...n4SessionsForTest)
    const { service, status } = n4StatusForTest
    t.deepEqual((await ask('GET', '/sluice/v1/n4')).body, { n4: [{ service, ...status }] })
    const [first, second] = n4SessionsForTest
    const counted = { uplink: { packets: 1_234_567, bytes: 150_000_000 }, downlink: { packets: 0, bytes: 0 } }
    t.deepEqual((await ask('GET', '/sluice/v1/sessions')).body, {
      sessions: [{ ...first, ...counted, ageMs: 3_725_000 }, second],
      total: 2,
    })
    served.datapath.n4SessionStatus.push(...Array.from({ length: 1400 }, () => first!))
    const many = (await ask('GET', '/sluice/v1/sessions?limit=1200')).body
    t.deepEqual(many, {
      sessions: Array.from({ length: 1200 }, (_, at) =>
        at === 1 ? second : { ...first, ...counted, ageMs: 3_725_000 },
      ),
      total: 2,
    })
    const { body } = await ask('GET', '/sluice/v1/sessions?limit=1')
    t.like(body, { sessions: { length: 1, 0: { seid: first?.seid } }, total: 2 })
    t.like(await ask('GET', '/sluice/v1/sessions?limit=0'), { status: 422, body: { code: 609 } })
    t.like(await ask('GET', '/sluice/v1/sessions?limit=65537'), { status: 422 })
  },
)

withApi('api: /sluice/v1/gtpc and its sessions show GTP-C services, also those of one user', async (t, ask, served) => {
  t.deepEqual((await ask('GET', '/sluice/v1/gtpc')).body, { gtpc: [] })
  t.deepEqual((await ask('GET', '/sluice/v1/gtpc/sessions')).body, { sessions: [], total: 0 })
  served.datapath.gtpcStatus.push(gtpcStatusForTest)
  served.datapath.gtpcSessionStatus.push(...gtpcSessionsForTest)
  const { service, status } = gtpcStatusForTest
  t.deepEqual((await ask('GET', '/sluice/v1/gtpc')).body, { gtpc: [{ service, ...status }] })
  const [first, second] = gtpcSessionsForTest
  t.deepEqual((await ask('GET', '/sluice/v1/gtpc/sessions')).body, {
    sessions: [{ ...first, ageMs: 3_725_000 }, second],
    total: 2,
  })
  t.like((await ask('GET', '/sluice/v1/gtpc/sessions?limit=1')).body, { sessions: { length: 1 }, total: 2 })
  t.like((await ask('GET', `/sluice/v1/gtpc/sessions?imsi=${first?.imsi}`)).body, { sessions: { length: 1 }, total: 1 })
  t.like((await ask('GET', '/sluice/v1/gtpc/sessions?imsi=1')).body, { sessions: { length: 0 }, total: 0 })
  t.like(await ask('GET', '/sluice/v1/gtpc/sessions?limit=0'), { status: 422, body: { code: 609 } })
})

withApi('api: a dry run describes the changes and makes none', async (t, ask, served) => {
  const service = {
    name: 'web',
    address: '10.0.0.1',
    port: 80,
    protocol: 'tcp',
    endpoints: [{ address: '10.1.0.1', port: 8080 }],
  }
  const dry = await ask('POST', '/sluice/v1/services?dryRun=true', { services: [service] })
  t.like(dry.body, { dryRun: true, changes: [{ kind: 'add', service: 'web', key: '10.0.0.1:80/tcp' }] })
  t.deepEqual(served.controller.services(), [])
  await ask('POST', '/sluice/v1/services', { services: [service] })
  t.is(served.controller.services().length, 1)
  t.like(await ask('DELETE', '/sluice/v1/services/web?dryRun=true'), { body: { changes: [{ kind: 'remove' }] } })
  t.is(served.controller.services().length, 1)
  t.is((await ask('DELETE', `/sluice/v1/services/${encodeURIComponent('10.0.0.1:80/tcp')}`)).status, 200)
  t.deepEqual(served.controller.services(), [])
})

withApi('api: what /sluice/v1/services shows can be posted again and changes nothing', async (t, ask) => {
  await ask('POST', lb, entry({ name: 'web', monitor: true, mode: 2 }))
  const { body } = await ask('GET', '/sluice/v1/services')
  t.deepEqual((await ask('POST', '/sluice/v1/services', body)).body, { dryRun: false, changes: [] })
})

const everything = {
  name: 'all',
  address: '2001:db8::1',
  secondary: ['192.0.2.1'],
  port: 443,
  protocol: 'udp',
  mode: 'onearm',
  select: 'quic',
  quic: { serverIdLength: 2, nonceLength: 6, key: '0a'.repeat(16) },
  alg: 'tftp',
  mark: null,
  allowedSources: ['10.0.0.0/8'],
  idleTimeout: 30,
  embryonicLimit: 100,
  sources: ['192.0.2.9'],
  announce: 'routed',
  endpoints: [
    { address: '10.1.0.1', weight: 3, priority: 2, serverId: '0A0B', blocked: true },
    { address: 'fd00::1', port: 4433, serverId: '0a0c' },
  ],
}

withApi('api: every field of our own words is taken, shown and taken again', async (t, ask, served) => {
  const made = await ask('POST', '/sluice/v1/services', { services: [everything] })
  t.is(made.status, 200, made.text)
  t.like(served.controller.services()[0], {
    ...everything,
    lastPort: 443,
    quic: { ...everything.quic, configId: 0 },
    endpoints: [
      { address: '10.1.0.1', port: 443, weight: 3, priority: 2, serverId: '0a0b', blocked: true },
      { address: 'fd00::1', port: 4433, serverId: '0a0c' },
    ],
  })
  const { body } = await ask('GET', '/sluice/v1/services')
  t.deepEqual((await ask('POST', '/sluice/v1/services', body)).body, { dryRun: false, changes: [] })
  const theirs = await ask('GET', `${lb}/all`)
  t.deepEqual((await ask('POST', '/sluice/v1/services', theirs.body)).body, { dryRun: false, changes: [] })
})

withApi('api: port 0 is any port only where it is said so', async (t, ask, served) => {
  const any = { address: '192.0.2.1', port: 0, protocol: 'tcp', endpoints: [{ address: '10.1.0.1' }] }
  const answer = await ask('POST', '/sluice/v1/services', { services: [any] })
  t.like(answer, { status: 400, body: { errors: [{ path: 'services[0].port' }] } })
  t.is((await ask('POST', '/sluice/v1/services', { services: [{ ...any, lastPort: 65535 }] })).status, 200)
  t.like(served.controller.services()[0], { port: 0, lastPort: 65535, name: '192.0.2.1:any/tcp' })
  t.is((await ask('DELETE', `/sluice/v1/services/${encodeURIComponent('192.0.2.1:any/tcp')}`)).status, 200)
})

withApi('api: endpoints are attached and detached one by one, and the others stay', async (t, ask, served) => {
  await ask('POST', lb, entry({ name: 'web' }))
  const endpoints = '/sluice/v1/services/web/endpoints'
  const now = () => served.controller.services()[0]?.endpoints.map(({ address, weight }) => [address, weight])
  await ask('POST', `${endpoints}/10.1.0.1/drain`)
  const attached = await ask('POST', endpoints, { endpoints: [{ address: '10.1.0.2', port: 8080, weight: 5 }] })
  t.like(attached, { status: 200, body: { changes: [{ kind: 'update' }] } })
  t.deepEqual(now(), [
    ['10.1.0.1', 1],
    ['10.1.0.2', 5],
  ])
  t.true(served.controller.services()[0]?.endpoints[0]?.drained)
  await ask('POST', `${endpoints}?dryRun=true`, { endpoints: [{ address: '10.1.0.9' }] })
  t.is(now()?.length, 2)
  t.is((await ask('DELETE', `${endpoints}/10.1.0.1:8080`)).status, 200)
  t.is((await ask('DELETE', `${endpoints}/10.1.0.1:8080`)).status, 404)
  t.is((await ask('DELETE', `${endpoints}/10.1.0.2`)).status, 200)
  t.deepEqual(now(), [])
  t.is((await ask('POST', endpoints, { endpoints: [{ address: '10.0.0.1' }] })).status, 400)
  t.is(
    (await ask('POST', '/sluice/v1/services/nobody/endpoints', { endpoints: [{ address: '10.1.0.1' }] })).status,
    404,
  )
})

withApi('api: our own services refuse unknown fields, and several services are all or none', async (t, ask, served) => {
  const good = { address: '10.0.0.1', port: 80, protocol: 'tcp', endpoints: [{ address: '10.1.0.1', port: 1 }] }
  const bad = { ...good, port: 81, endpoints: [{ address: '10.0.0.1', port: 1 }] }
  t.like(await ask('POST', '/sluice/v1/services', { services: [{ ...good, wieght: 1 }] }), {
    status: 422,
    body: { code: 613 },
  })
  const answer = await ask('POST', '/sluice/v1/services', { services: [good, bad] })
  t.is(answer.status, 400)
  t.like(answer.body, { errors: [{ path: 'services[1].endpoints[0].address', line: null }] })
  t.deepEqual(served.controller.services(), [])
})

withApi('api: an endpoint is drained and returned, by its key or by its address alone', async (t, ask, served) => {
  await ask('POST', lb, entry({ name: 'web' }))
  const drained = () => served.controller.services()[0]?.endpoints[0]?.drained
  t.is((await ask('POST', '/sluice/v1/services/web/endpoints/10.1.0.1:8080/drain')).status, 200)
  t.true(drained())
  const shown = (await ask('GET', `${lb}/all`)).body as { lbAttr: [{ endpoints: [{ state: string }] }] }
  t.is(shown.lbAttr[0].endpoints[0].state, 'inactive')
  t.is((await ask('POST', '/sluice/v1/services/web/endpoints/10.1.0.1/undrain')).status, 200)
  t.false(drained())
  const blocked = await ask('POST', '/sluice/v1/services/web/endpoints/10.1.0.1/block')
  t.regex(blocked.text, /not blocked -> blocked/)
  t.true(served.controller.services()[0]?.endpoints[0]?.blocked)
  t.is((await ask('POST', '/sluice/v1/services/web/endpoints/10.1.0.1/unblock')).status, 200)
  t.false(served.controller.services()[0]?.endpoints[0]?.blocked)
  t.is((await ask('POST', '/sluice/v1/services/web/endpoints/10.1.0.9:1/drain')).status, 404)
  t.is((await ask('POST', '/sluice/v1/services/nobody/endpoints/10.1.0.1/drain')).status, 404)
})

withApi(
  'api: reload reads the file again, and a bad one is answered with its lines',
  async (t, ask, served) => {
    const { writeFile } = await import('node:fs/promises')
    const file = served.configFile ?? ''
    await writeFile(file, fileConfig.replace('port: 80,', 'port: 81,'))
    t.like(await ask('POST', '/sluice/v1/reload'), {
      status: 200,
      body: { changes: [{ kind: 'remove' }, { kind: 'add' }] },
    })
    await writeFile(file, fileConfig.replace('port: 80,', 'port: 800000,'))
    const bad = await ask('POST', '/sluice/v1/reload')
    t.is(bad.status, 400)
    t.like(bad.body, { errors: [{ path: 'services[0].port', line: 4 }] })
    t.is(served.controller.services()[0]?.port, 81)
  },
  fileConfig,
)

withApi('api: status names the instance, its interfaces, its services and its verdicts', async (t, ask, served) => {
  served.datapath.interfaceStatus.push({ name: 'eth0', ifindex: 2, hook: 'tc', note: '' })
  served.datapath.verdictCounters = { xdp: { forward: 1n }, tc: {} }
  t.like(await ask('GET', '/sluice/v1/status'), {
    body: {
      instance: 'default',
      version: '1.2.3',
      pid: process.pid,
      interfaces: [{ name: 'eth0', ifindex: 2, hook: 'tc', note: '' }],
      services: { file: 0, api: 0 },
      verdicts: { xdp: { forward: 1 }, tc: {} },
    },
  })
})

withApi(
  'api: a limit of the datapath is "capacity insufficient", a surprise is 500 without its details',
  async (t, ask, served) => {
    const { ResourceError } = await import('../lb/datapath.ts')
    served.datapath.failNext(new ResourceError('slots', 'the slot pages are used up'))
    t.like(await ask('POST', lb, entry()), {
      status: 403,
      body: { code: 403, message: 'Capacity insufficient', result: 'the slot pages are used up' },
    })
    served.datapath.failNext(new Error('secret path /x'))
    const answer = await ask('POST', lb, entry())
    t.is(answer.status, 500)
    t.false(answer.text.includes('secret'))
    t.true(served.warnings.includes('a request failed'))
  },
)

withApi('api: OpenAPI names every path and body that is served', async (t, ask) => {
  const { body } = await ask('GET', '/openapi.json')
  const api = body as { openapi: string; paths: object; components: { schemas: object } }
  t.is(api.openapi, '3.1.0')
  t.true('/netlox/v1/config/loadbalancer' in api.paths)
  t.true('/sluice/v1/services/{name}/endpoints/{endpoint}/drain' in api.paths)
  for (const name of ['LoadbalanceEntry', 'ConntrackEntry', 'Error', 'Service', 'Changes']) {
    t.true(name in api.components.schemas, name)
  }
  t.deepEqual(
    Object.keys(api.components.schemas).filter((name) => name.startsWith('schema-')),
    [],
  )
})
