import test from 'ava'
import { gatewayOf, causeIn, startedBed } from './test-bed.ts'
import { fTeid, fTeidIn, ie, imsiOf } from './test-elements.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const mme = '10.1.0.1'

test('gtpc: all connections of a UE are at one gateway, in both versions, and others elsewhere (GC.4)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  for (let i = 0; i < 4; i++) client.create(imsiOf(1), 5 + i)
  client.create(imsiOf(2))
  client.create(imsiOf(3))
  t.deepEqual(
    bed.proxy.sessions(10).map(({ gateway, imsi }) => `${imsi!.at(-1)} ${gateway}`),
    ['1 a', '1 a', '1 a', '1 a', '2 b', '3 b'],
  )
  bed.configure([gatewayOf('a', '10.0.0.1', { drained: true }), pool[1]!])
  client.create(imsiOf(1), 9)
  t.is(bed.proxy.sessions(10).at(-1)!.gateway, 'a')
})

test('gtpc: an emergency call without an IMSI is known by its device, and without one stands alone (GC.4)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const mei = ie(75, 0, 0x53, 0x61, 0x20, 0x00, 0x91, 0x78, 0x84, 0x00)
  client.create(mei)
  client.create(mei, 6)
  client.create(ie(75, 1, 1))
  client.create(ie(75, 1, 1))
  t.deepEqual(
    bed.proxy.sessions(10).map(({ gateway }) => gateway),
    ['a', 'a', 'b', 'b'],
  )
  t.is(bed.proxy.sessions(1)[0]!.imsi, 'imei-3516020019874800')
})

test('gtpc: connections of one end of an MME share their TEIDs, and go when the last of them goes (GC.4)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  const { given, own } = client.create(imsiOf(1))
  t.is(causeIn(client.ask(32, given, imsiOf(1), fTeid(0, 10, own, mme), ie(93, 0, ie(73, 0, 6)))), 16)
  const third = client.ask(32, 0, imsiOf(1), fTeid(0, 10, own, mme), ie(93, 0, ie(73, 0, 7)))!
  t.is(fTeidIn(third)!.teid, given)
  const sessions = [...gateway.sessions]
  for (const [ebi, left] of [
    [6, [[5, 7]]],
    [5, [[7]]],
    [7, []],
  ] as const) {
    for (const session of sessions) gateway.sessions.set(...session)
    t.is(causeIn(client.ask(36, given, ie(73, 0, ebi))), 16)
    t.deepEqual(
      bed.proxy.sessions(5).map(({ contexts }) => contexts),
      left,
    )
  }
})

test('gtpc: a creation of what a UE has already takes its place (GC.4)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const first = client.create(imsiOf(1))
  const second = client.create(imsiOf(1))
  t.is(bed.proxy.status().sessions, 1)
  t.is(causeIn(client.ask(34, first.given)), 64)
  t.is(causeIn(client.ask(34, second.given)), 16)
  t.is(bed.count('contexts-replaced'), 1)
})
