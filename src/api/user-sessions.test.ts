import { withApi } from '../testing/asked-api.ts'
import type { ServedApi } from '../testing/served-api.ts'
import type { UserSession } from '../lb/user-sessions.ts'

const base = '/netlox/v1/config'
const ours = '/sluice/v1/user-sessions'
const success = { status: 200, text: '{"result":"Success"}', body: { result: 'Success' } }

const entry = (more: object = {}): object => ({
  ident: 'user1',
  sessionIP: '10.60.0.1',
  accessNetworkTunnel: { TeID: 34, tunnelIP: '10.0.1.2' },
  coreNetworkTunnel: { teID: 17, tunnelIP: '192.0.2.1' },
  ...more,
})

const installed = ({ datapath }: ServedApi): readonly UserSession[] => datapath.fakeUserSessions.list()

withApi('session: the core tunnel is how G-PDUs come in, the access tunnel where they go', async (t, ask, served) => {
  t.deepEqual(await ask('POST', `${base}/session`, entry()), success)
  t.deepEqual(
    installed(served).map(({ uplink, downlink, ueAddresses }) => ({ uplink, downlink, ueAddresses })),
    [
      {
        ueAddresses: ['10.60.0.1'],
        uplink: { address: '192.0.2.1', teid: 17 },
        downlink: { address: '10.0.1.2', teid: 34 },
      },
    ],
  )
  t.deepEqual((await ask('GET', `${base}/session/all`)).body, { sessionAttr: [entry()] })
  t.deepEqual((await ask('GET', `${base}/sessionulcl/all`)).body, { ulclAttr: [] })
  t.deepEqual(installed(served)[0]?.classifiers, [])
})

withApi('session: keys are known in any spelling, also both of TEID, and null is nothing', async (t, ask) => {
  const sent = {
    Ident: 'user1',
    SessionIP: '2001:DB8:0::1',
    accessnetworktunnel: { teID: 34, tunnelIP: '10.0.1.2', more: 1 },
    coreNetworkTunnel: { TeID: 17, TUNNELIP: '192.0.2.1' },
    other: null,
  }
  t.deepEqual(await ask('POST', `${base}/session`, sent), success)
  t.deepEqual((await ask('GET', `${base}/session/all`)).body, {
    sessionAttr: [entry({ sessionIP: '2001:db8::1' })],
  })
})

withApi('session: the same again exists, another replaces it and keeps its places', async (t, ask, served) => {
  await ask('POST', `${base}/session`, entry())
  t.like(await ask('POST', `${base}/session`, entry()), {
    status: 409,
    body: { code: 409, result: 'sess-exists error' },
  })
  await ask('POST', `${base}/sessionulcl`, { ulclIdent: 'user1', ulclArgument: { qfi: 9, ulclIP: '10.0.2.7' } })
  const moved = entry({ accessNetworkTunnel: { TeID: 35, tunnelIP: '10.0.1.3' } })
  t.deepEqual(await ask('POST', `${base}/session`, moved), success)
  t.deepEqual((await ask('GET', `${base}/session/all`)).body, { sessionAttr: [moved] })
  t.deepEqual(installed(served)[0]?.classifiers, [{ prefix: '10.0.2.7/32', qfi: 9 }])
})

withApi('sessionulcl: places come and go one by one, and what is not there is said', async (t, ask, served) => {
  const ulcl = (ulclIP: string, qfi?: number): object => ({ ulclIdent: 'user1', ulclArgument: { qfi, ulclIP } })
  const at = (ident: string, place: string): string =>
    `${base}/sessionulcl/ident/${ident}/ulclAddress/${encodeURIComponent(place)}`
  t.like(await ask('POST', `${base}/sessionulcl`, ulcl('10.0.2.7', 9)), {
    status: 404,
    body: { result: 'no-user error: no session is named "user1"' },
  })
  await ask('POST', `${base}/session`, entry())
  t.deepEqual(await ask('POST', `${base}/sessionulcl`, ulcl('10.0.2.7', 9)), success)
  t.deepEqual(await ask('POST', `${base}/sessionulcl`, ulcl('10.3.0.0/16')), success)
  t.like(await ask('POST', `${base}/sessionulcl`, ulcl('10.0.2.7', 11)), {
    status: 409,
    body: { result: 'ulcl-exists error' },
  })
  t.deepEqual((await ask('GET', `${base}/sessionulcl/all`)).body, {
    ulclAttr: [ulcl('10.0.2.7', 9), ulcl('10.3.0.0/16', 0)],
  })
  t.like(await ask('DELETE', at('user1', '10.0.2.8')), { status: 404, body: { code: 404 } })
  t.regex(
    JSON.stringify((await ask('DELETE', at('user1', '10.0.2.8'))).body),
    /no-ulcl error: 10\.0\.2\.8 is not local/,
  )
  t.like(await ask('DELETE', at('nobody', '10.0.2.7')), { status: 404 })
  t.deepEqual(await ask('DELETE', at('user1', '10.0.2.7')), success)
  t.deepEqual(await ask('DELETE', at('user1', '10.3.0.0/16')), success)
  t.deepEqual(installed(served)[0]?.classifiers, [])
  t.deepEqual(await ask('DELETE', `${base}/session/ident/user1`), success)
  t.like(await ask('DELETE', `${base}/session/ident/user1`), { status: 404 })
  t.deepEqual(installed(served), [])
})

withApi('session: what is missing or malformed is refused with its name', async (t, ask, served) => {
  const refused = async (path: string, body: object): Promise<readonly [number, string]> => {
    const answer = await ask('POST', `${base}/${path}`, body)
    return [answer.status, (answer.body as { readonly result: string }).result]
  }
  const session = (more: object) => refused('session', entry(more))
  t.deepEqual(await session({ ident: undefined }), [422, 'ident in body is required'])
  t.deepEqual(await session({ sessionIP: undefined }), [400, 'malformed sessionIP: it is missing'])
  t.regex((await session({ sessionIP: 'x' }))[1], /malformed sessionIP: "x" is not an IP address/)
  t.regex((await session({ coreNetworkTunnel: undefined }))[1], /malformed coreNetworkTunnel: teID is missing or 0/)
  t.regex(
    (await session({ accessNetworkTunnel: { TeID: 0 } }))[1],
    /malformed accessNetworkTunnel: TeID is missing or 0/,
  )
  t.is((await session({ accessNetworkTunnel: { TeID: 2 ** 32, tunnelIP: '10.0.0.1' } }))[0], 422)
  t.regex((await session({ accessNetworkTunnel: { TeID: 1, tunnelIP: 'fd00::1' } }))[1], /not of the family/)
  t.deepEqual(installed(served), [])
  await ask('POST', `${base}/session`, entry())
  t.is((await refused('sessionulcl', { ulclIdent: 'user1', ulclArgument: { qfi: 64, ulclIP: '10.0.2.7' } }))[0], 422)
  t.regex((await refused('sessionulcl', { ulclIdent: 'user1' }))[1], /malformed ulclIP/)
  t.regex(
    (await refused('sessionulcl', { ulclIdent: 'user1', ulclArgument: { ulclIP: 'fd00::1' } }))[1],
    /of which the UE has no address/,
  )
})

const fileConfig = `version: 1
interfaces: [{ name: eth0 }]
sessions:
  - name: fixed
    ueAddresses: [10.60.0.9, 2001:db8:9::1]
    uplink: { address: 192.0.2.1, teid: 99 }
    downlink: { address: 10.0.1.2, teid: 98 }
    classifiers: [{ prefix: 10.0.2.0/24, qfi: 9 }]
`

withApi(
  'user-sessions: all owners are listed with what eBPF has counted',
  async (t, ask, served) => {
    await ask('POST', `${base}/session`, entry())
    served.datapath.userSessions.as('n4 core').install({
      ueAddresses: ['10.60.0.5'],
      uplink: { address: '192.0.2.1', teid: 5 },
      downlink: { address: '10.0.1.2', teid: 5 },
      classifiers: [],
    })
    const counters = {
      uplink: { packets: 3n, bytes: 2n ** 60n },
      downlink: { packets: 1n, bytes: 100n },
    }
    served.datapath.fakeUserSessions.counted.set('10.60.0.9', counters)
    const { body } = await ask('GET', ours)
    const { sessions, total } = body as { sessions: readonly { name: string; owner: string }[]; total: number }
    t.is(total, 3)
    t.deepEqual(
      sessions.map(({ name, owner }) => `${owner}: ${name}`),
      ['file: fixed', 'api: user1', 'n4 core: '],
    )
    t.like(sessions[0], {
      ueAddresses: ['10.60.0.9', '2001:db8:9::1'],
      classifiers: [{ prefix: '10.0.2.0/24', qfi: 9 }],
      counters: { uplink: { packets: 3, bytes: 2 ** 60 }, downlink: { packets: 1, bytes: 100 } },
    })
    t.like((await ask('GET', `${ours}?limit=1`)).body, { total: 3, sessions: [{ name: 'fixed' }] })
  },
  fileConfig,
)

withApi(
  'user-sessions: they are made and removed all or none, a dry run changes nothing, the file keeps its own',
  async (t, ask, served) => {
    const one = (name: string, user: number): object => ({
      name,
      ueAddresses: [`10.60.1.${user}`, `2001:db8:1:${user}::1`],
      uplink: { address: '192.0.2.1', teid: user },
      downlink: { address: '10.0.1.2', teid: user },
      classifiers: [{ prefix: 'fd00::/8', qfi: 1 }],
    })
    const tried = await ask('POST', `${ours}?dryRun=true`, { sessions: [one('a', 1)] })
    t.is(tried.status, 200)
    t.deepEqual(tried.body, {
      dryRun: true,
      sessions: [
        {
          kind: 'add',
          session: 'a',
          description: [
            '+ session a: ueAddresses 10.60.1.1, 2001:db8:1:1::1; uplink 192.0.2.1 TEID 1; ' +
              'downlink 10.0.1.2 TEID 1; classifiers fd00::/8 QFI 1; owner api',
          ],
        },
      ],
    })
    t.is(installed(served).length, 1)
    t.like(await ask('POST', ours, { sessions: [one('a', 1), one('b', 1)] }), { status: 400 })
    t.is(installed(served).length, 1)
    t.like(await ask('POST', ours, { sessions: [one('a', 1), one('b', 2)] }), { status: 200 })
    t.is(installed(served).length, 3)
    t.like(await ask('POST', ours, { sessions: [{ ...one('c', 3), color: 1 }] }), { status: 422 })
    t.like(await ask('DELETE', `${ours}/fixed`), { status: 409 })
    t.like(await ask('DELETE', `${ours}/nobody`), { status: 404 })
    t.like(await ask('DELETE', `${ours}/a`), { status: 200, body: { sessions: [{ kind: 'remove', session: 'a' }] } })
    t.is(installed(served).length, 2)
  },
  fileConfig,
)
