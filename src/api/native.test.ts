// Our own paths under /sluice/v1: services in our own words, their endpoints, flows and the instance.

import { writeFile } from 'node:fs/promises'
import { entry, fileConfig, flow, lb, withApi } from '../testing/asked-api.ts'

withApi('api: /sluice/v1/flows takes a limit and refuses a senseless one', async (t, ask, served) => {
  served.datapath.flowStatus.push(flow(null), flow(null), flow(null))
  t.is(((await ask('GET', '/sluice/v1/flows?limit=2')).body as { flows: readonly object[] }).flows.length, 2)
  t.like(await ask('GET', '/sluice/v1/flows?limit=0'), { status: 422, body: { code: 609 } })
  t.like(await ask('GET', '/sluice/v1/flows?limit=many'), { status: 422, body: { code: 601 } })
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
