// What the listing of N4 sessions says of their packets.

import test from 'ava'
import { setImmediate } from 'node:timers/promises'
import { bed, n3Of, n4Of, n6Of, pace, upfs } from '../testing/proxying-bed.ts'
import type { N4ServiceSession } from '../lb/n4-status.ts'
import type { Service } from '../lb/model.ts'

const n6 = n6Of()

const ready = async (users: readonly Service[], smfOptions: object = {}) => {
  const made = bed()
  for (const address of upfs) made.upf(address)
  await made.add(n3Of(), ...users, n4Of({}, { users: users.map(({ name }) => name) }))
  await made.network.pass(200)
  const client = made.smf(smfOptions)
  await made.network.until(client.associate())
  return { ...made, client }
}

const addressOf = ({ ueAddresses: [text = ''] }: N4ServiceSession): string => text.slice(0, text.indexOf('/'))
const teidName = ({ tunnels: [tunnel] }: N4ServiceSession): string => `n3 teid ${tunnel!.teid.slice(2)}`
const userName = (session: N4ServiceSession): string =>
  `n6 ue-ip ${Buffer.from(addressOf(session).split('.').map(Number)).toString('hex')}`
const traffic = (packets: bigint) => ({ packets, bytes: packets * 100n })

test('n4: a session shows what its tunnel and its address have counted', async (t) => {
  const { client, datapath, network, proxying } = await ready([n6])
  await network.until(client.establish(3, pace))
  const [first, second, third] = await proxying.n4Sessions(10)
  datapath.hints.counted.set(teidName(first!), traffic(7n))
  datapath.hints.counted.set(userName(first!), traffic(5n))
  datapath.hints.counted.set(userName(third!), traffic(1n))
  const shown = await proxying.n4Sessions(10)
  t.deepEqual(
    shown.map(({ downlink, seid, uplink }) => ({ downlink, seid, uplink })),
    [
      { seid: first!.seid, uplink: traffic(7n), downlink: traffic(5n) },
      { seid: second!.seid, uplink: traffic(0n), downlink: traffic(0n) },
      { seid: third!.seid, uplink: traffic(0n), downlink: traffic(1n) },
    ],
  )
  t.false('keys' in shown[0]!)
})

test('n4: what nobody counts is not 0: without a service of users there is no downlink', async (t) => {
  const { client, network, proxying } = await ready([])
  await network.until(client.establish(1, pace))
  t.like((await proxying.n4Sessions(10))[0], { uplink: traffic(0n), downlink: null })
})

test('n4: local traffic of a user, whoever classified it, is added in both directions, once (N4.19)', async (t) => {
  const { client, datapath, network, proxying } = await ready([])
  await network.until(client.establish(2, pace))
  const [first, second] = await proxying.n4Sessions(10)
  const ueAddresses = [addressOf(first!), addressOf(second!)]
  const counts = { uplink: traffic(3n), downlink: traffic(4n) }
  datapath.userSessions.as('file').install({
    ueAddresses: [ueAddresses[0]!, '2001:db8::1'],
    uplink: { address: '10.1.1.1', teid: 1 },
    downlink: { address: '10.0.2.1', teid: 2 },
    classifiers: [],
  })
  for (const address of [ueAddresses[0]!, '2001:db8::1']) datapath.fakeUserSessions.counted.set(address, counts)
  datapath.hints.counted.set(teidName(first!), traffic(7n))
  const [shown, other] = await proxying.n4Sessions(10)
  t.like(shown, { uplink: traffic(10n), downlink: traffic(4n) })
  t.like(other, { uplink: traffic(0n), downlink: null })
})

test('n4: a long listing looks up many sessions together, and lets others in between', async (t) => {
  const { client, datapath, network, proxying } = await ready([n6])
  await network.until(client.establish(1201, pace))
  const asked: number[] = []
  const { hints } = datapath
  const look = hints.traffic.bind(hints)
  hints.traffic = (keys) => {
    asked.push(keys.length)
    return look(keys)
  }
  const seen = { turns: 0, isDone: false }
  const listing = proxying.n4Sessions(1200).finally(() => (seen.isDone = true))
  while (!seen.isDone) {
    await setImmediate()
    seen.turns++
  }
  const sessions = await listing
  t.is(sessions.length, 1200)
  t.is(new Set(sessions.map(({ seid }) => seid)).size, 1200)
  t.deepEqual(asked, [1000, 1000, 400])
  t.true(seen.turns >= 2, `${seen.turns}`)
})

test('n4: a session of a UPF that has restarted keeps what was counted, until it ends (N4.13)', async (t) => {
  const made = bed()
  const pool = upfs.map((address) => made.upf(address))
  await made.add(n3Of(), n6, n4Of({}, { users: ['n6'], onLoss: 'restore' }))
  await made.network.pass(200)
  const client = made.smf()
  await made.network.until(client.associate())
  await made.network.until(client.establish(30, pace))
  const before = made.datapath.hints.applies.length
  // Its sessions are gone at once: nothing may lead there until they are elsewhere.
  pool[0]!.restart()
  await made.network.pass(3000)
  const changes = made.datapath.hints.applies.slice(before).flat()
  const removals = changes.filter(({ action }) => action === 'remove')
  t.is(removals.length, 20)
  t.true(removals.every(({ keepsCounts }) => keepsCounts === true))
  await made.network.until(client.remove(pace))
  const last = made.datapath.hints.applies.slice(before).flat().slice(changes.length)
  t.is(last.filter(({ action }) => action === 'remove').length, 60)
  t.is((await made.proxying.n4Sessions(1)).length, 0)
  t.true(last.every(({ keepsCounts }) => keepsCounts !== true))
})

test('n4: of a session that ends while its UPF is lost nothing is kept (N4.13)', async (t) => {
  const made = bed()
  const pool = upfs.map((address) => made.upf(address))
  await made.add(n3Of(), n6, n4Of({}, { users: ['n6'], onLoss: 'report' }))
  await made.network.pass(200)
  const client = made.smf()
  await made.network.until(client.associate())
  await made.network.until(client.establish(3, pace))
  const before = made.datapath.hints.applies.length
  pool[0]!.restart()
  await made.network.pass(3000)
  const removals = made.datapath.hints.applies.slice(before).flat()
  t.deepEqual(removals.map(({ action, keepsCounts, kind }) => `${action} ${kind} ${keepsCounts}`).toSorted(), [
    'remove teid false',
    'remove teid true',
    'remove ue-ip false',
    'remove ue-ip true',
  ])
  t.like(client.report().sessions, { up: 2 })
})
