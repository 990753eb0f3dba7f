import test from 'ava'
import { n4Of, pace, ready, upfs } from '../testing/proxying-bed.ts'
import type { Sent } from '../testing/sim-network.ts'

const [upA, upB] = upfs
const gtpuPort = 2152
const isEcho = ({ bytes, to }: Sent): boolean => to.port === gtpuPort && bytes[1] === 1

/** Without what a UPF would say about GTP-U, while its PFCP goes on. */
const withoutUserPlane =
  (address: string) =>
  (datagram: Sent): Sent | null =>
    datagram.from.address === address && datagram.from.port === gtpuPort ? null : datagram

const asking = (onLoss: 'report' | 'restore' | 'refuse' = 'restore', more: object = {}) =>
  ready(n4Of({}, { echo: 2, onLoss, ...more }))

const stateOf = ({ proxying }: Awaited<ReturnType<typeof asking>>, address: string): string | undefined =>
  proxying.n4()[0]!.status.upfs.find((upf) => upf.address === address)?.state

test('n4: user planes are asked by Echo Requests so often, and not where nobody wants it (N3.5)', async (t) => {
  const made = await asking()
  await made.network.pass(9000)
  const toA = made.network.sent.filter((sent) => isEcho(sent) && sent.to.address === upA)
  t.true(toA.length === 5, `${toA.length} in 9 s`)
  t.deepEqual(toA[0]!.bytes.subarray(0, 8), Uint8Array.of(0x32, 1, 0, 4, 0, 0, 0, 0))
  t.is(new Set(toA.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size, toA.length)
  const none = await ready()
  await none.network.pass(9000)
  t.deepEqual(none.network.sent.filter(isEcho), [])
})

test('n4: a UPF whose user plane is silent loses its sessions, and is told to delete them (N4.13)', async (t) => {
  const made = await asking()
  const { client, lines, network, pool, proxying } = made
  await network.until(client.establish(30, pace))
  t.is(proxying.n4()[0]!.status.upfs[0]?.sessions, 10)
  network.change = withoutUserPlane(upA)
  await network.pass(4000)
  t.is(stateOf(made, upA), 'no-user-plane')
  t.deepEqual(
    proxying.n4()[0]!.status.upfs.map(({ sessions }) => sessions),
    [0, 15, 15],
  )
  t.is(pool[0]!.state().sessions, 0)
  t.is(pool[0]!.state().associations.length, 1)
  t.like(
    lines.find(({ message }) => message === 'n4: upf-down'),
    { level: 'warn', fields: { upf: `${upA}:8805`, reason: 'user-plane', sessions: 10 } },
  )
  await network.until(client.establish(9, pace))
  t.is(pool[0]!.state().sessions, 0)
  t.true((made.counters()['echo: unanswered'] ?? 0) > 0)

  network.change = (datagram) => datagram
  await network.pass(3000)
  t.is(stateOf(made, upA), 'up')
  await network.until(client.establish(9, pace))
  t.is(pool[0]!.state().sessions, 9)
  t.deepEqual(client.report().problems, [])
})

test('n4: SMFs are told of sessions behind a silent user plane, or refused when they ask (N4.13)', async (t) => {
  for (const onLoss of ['report', 'refuse'] as const) {
    const { client, network, pool, proxying } = await asking(onLoss)
    await network.until(client.establish(30, pace))
    network.change = withoutUserPlane(upA)
    await network.pass(4000)
    t.is(pool[0]!.state().sessions, 0)
    t.is(proxying.n4()[0]!.status.sessions, onLoss === 'report' ? 20 : 30)
  }
})

test('n4: one Echo Request that is lost loses nothing', async (t) => {
  const made = await asking()
  let lost = 0
  made.network.change = (datagram) =>
    isEcho(datagram) && datagram.to.address === upA && lost++ === 0 ? null : datagram
  await made.network.pass(4000)
  t.is(lost, 3)
  t.is(stateOf(made, upA), 'up')
})

test('n4: a UPF with several user planes is well while one of them answers', async (t) => {
  const endpoints = n4Of().endpoints.map((endpoint) =>
    endpoint.address === upA
      ? {
          ...endpoint,
          upf: {
            userPlane: ['10.9.9.9', upA],
            dataNetwork: [],
            dnns: [],
            networkInstances: [],
            slices: [],
            uePools: [],
          },
        }
      : endpoint,
  )
  const made = await ready(n4Of({ endpoints }, { echo: 2 }))
  await made.network.pass(4000)
  t.is(stateOf(made, upA), 'up')
  made.network.change = withoutUserPlane(upA)
  await made.network.pass(4000)
  t.is(stateOf(made, upA), 'no-user-plane')
  t.is(stateOf(made, upB), 'up')
  // Who is not asked any more is well.
  const { n4, replace } = made
  await replace(n4, { ...n4, n4: { ...n4.n4!, echo: 0 } })
  t.is(stateOf(made, upA), 'up')
})

test('n4: what is no Echo Response, or answers no request, says nothing of a user plane', async (t) => {
  const made = await asking()
  await made.network.pass(1000)
  made.network.change = withoutUserPlane(upA)
  const to = { address: '0.0.0.0', port: 0 }
  const answer = (...bytes: readonly number[]): void =>
    made.network.inject({ address: upA, port: 9 }, to, Uint8Array.from(bytes))
  answer()
  answer(0x32, 2)
  answer(0x32, 2, 0, 4, 0, 0, 0, 0, 0xff, 0xff, 0, 0)
  answer(0x30, 2, 0, 0, 0, 0, 0, 0)
  answer(0x32, 26, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0)
  await made.network.pass(4000)
  t.is(stateOf(made, upA), 'no-user-plane')
})
