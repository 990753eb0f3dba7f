// Services whose signalling is balanced, and their sessions.

import { gtpcSessionsForTest, gtpcStatusForTest } from '../testing/gtpc-status.ts'
import { n4SessionsForTest, n4StatusForTest } from '../testing/n4-status.ts'
import { withApi } from '../testing/asked-api.ts'

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
