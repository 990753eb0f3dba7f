// What holds for every path: how it refuses what it cannot read or do, and that OpenAPI has it.

import { ResourceError } from '../lb/datapath.ts'
import { entry, lb, withApi } from '../testing/asked-api.ts'

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

withApi(
  'api: a limit of the datapath is "capacity insufficient", a surprise is 500 without its details',
  async (t, ask, served) => {
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
