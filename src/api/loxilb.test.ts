// loxilb's paths, in the words of those who call them: kube-loxilb, loxilb-ingress and loxicmd.

import { serviceKey } from '../lb/model.ts'
import { entry, fileConfig, flow, lb, withApi } from '../testing/asked-api.ts'

const success = { result: 'Success' }

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
