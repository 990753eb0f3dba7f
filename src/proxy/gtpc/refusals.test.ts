import test from 'ava'
import { gatewayOf, causeIn, lastOf, startedBed, vip } from './test-bed.ts'
import { bytesOf, causeV2, fTeid, fTeidIn, gsn, hexOf, ie, imsiOf, tv, tv32, v1, v2 } from './test-elements.ts'
import type { Bed } from './test-bed.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const mme = '10.1.0.1'
const from = { address: mme, port: 2123 }

const lastSent = (bed: Bed): string => hexOf(bed.sent.at(-1)!.bytes)

test('gtpc: what is not known is answered with Context Not Found, to the TEID that the sender tells (GC.5)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  for (const type of [34, 36, 38, 64, 66, 68, 170, 211]) {
    const answer = client.ask(type, 0x1234, fTeid(0, 10, 0x77, mme))!
    t.deepEqual([answer.type, causeIn(answer), answer.teid], [type + 1, 64, 0x77])
  }
  t.is(client.ask(36, 0x1234)!.teid, 0)
  t.is(causeIn(bed.fromGateway(bed.gateway('10.0.0.1'), v2(176, 0, 8, imsiOf(1)))), 64)
  t.is(bed.count('v2-refused-64'), 10)
})

test('gtpc: Context Not Found of a gateway cleans the session, once for all and for one of several (GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  const first = client.create(imsiOf(1))
  gateway.sessions.clear()
  t.is(causeIn(client.ask(34, first.given)), 64)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.count('contexts-not-found'), 1)
  const second = client.create(imsiOf(2))
  client.ask(32, 0, imsiOf(2), fTeid(0, 10, second.own, mme), ie(93, 0, ie(73, 0, 6)))
  gateway.cause = 64
  t.is(causeIn(client.ask(36, second.given, ie(73, 0, 6))), 64)
  t.deepEqual(bed.proxy.sessions(1)[0]!.contexts, [5])
})

test('gtpc: deletions of either side take their connection away, and the session with the last one (GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  const { given, own } = client.create(imsiOf(1))
  client.ask(32, 0, imsiOf(1), fTeid(0, 10, own, mme), ie(93, 0, ie(73, 0, 6)))
  const told = fTeidIn(lastOf(gateway.got, 32))!.teid
  bed.fromGateway(gateway, v2(99, told, 20, ie(73, 1, 7)))
  t.deepEqual(bed.proxy.sessions(1)[0]!.contexts, [5, 6])
  client.cause = 72
  bed.fromGateway(gateway, v2(99, told, 21, ie(73, 0, 6)))
  t.deepEqual(bed.proxy.sessions(1)[0]!.contexts, [5, 6])
  client.cause = null
  bed.fromGateway(gateway, v2(99, told, 22, ie(73, 0, 6)))
  t.deepEqual(bed.proxy.sessions(1)[0]!.contexts, [5])
  t.is(causeIn(client.ask(36, given, ie(73, 0, 5))), 16)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.proxy.status().clients.length, 0)
  t.is(causeIn(client.ask(36, given, ie(73, 0, 5))), 64)
})

test('gtpc: a refused creation is passed on, and leaves nothing behind (GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  bed.gateway('10.0.0.1').cause = 78
  const { own, response } = client.create(imsiOf(1))
  t.deepEqual([causeIn(response), response!.teid], [78, own])
  t.is(bed.proxy.status().sessions, 0)
  t.is(causeIn(client.ask(32, 0, imsiOf(1))), 70)
  for (const address of [vip, '0.0.0.0', '224.0.0.1', '255.255.255.255'])
    t.is(causeIn(client.ask(32, 0, imsiOf(1), fTeid(0, 10, 5, address))), 69)
})

test('gtpc: limits refuse with a cause and a counter, and nothing else suffers (GC.5)', (t) => {
  const bed = startedBed(pool, { limits: { sessions: 1 } })
  const client = bed.client(mme)
  const { given } = client.create(imsiOf(1))
  t.is(causeIn(client.create(imsiOf(2)).response), 73)
  t.is(bed.count('too-many-sessions'), 1)
  t.is(causeIn(client.ask(34, given)), 16)
  const narrow = startedBed(pool, { limits: { clients: 1 } })
  narrow.client(mme).create(imsiOf(1))
  t.is(causeIn(narrow.client('10.1.0.2').create(imsiOf(2)).response), 73)
  t.is(narrow.count('too-many-clients'), 1)
  const busy = startedBed(pool, { limits: { pending: 1 } })
  for (const { address } of pool) busy.gateway(address).waits = true
  const waiting = busy.client(mme)
  waiting.create(imsiOf(1))
  waiting.create(imsiOf(2))
  t.is(busy.count('too-many-requests'), 1)
  t.is(busy.proxy.status().sessions, 1)
})

test('gtpc: a user has so many sessions, and one more when one of them has gone (GC.5)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const sgsn = bed.client('10.1.0.2')
  for (const { address } of pool) bed.gateway(address).waits = true
  const create = (imsi: number): number | null => causeIn(client.create(imsiOf(imsi)).response)
  for (let i = 0; i < 32; i++) t.is(create(1), null)
  t.is(create(1), 73)
  const body = [tv(2, 0, 1, 1, 0, 0, 0, 0, 0xf1), tv(20, 5), tv32(16, 0x11), tv32(17, 0x12), gsn('10.1.0.2')]
  t.is(causeIn(sgsn.askV1(16, 0, ...body, gsn('10.1.0.2'))), 199)
  t.is(create(2), null)
  t.is(bed.count('too-many-sessions-of-user'), 2)
  t.is(bed.proxy.status().sessions, 33)
  bed.advance(30_100)
  t.deepEqual([bed.proxy.status().sessions, bed.proxy.sessions(5, '001010000000001')], [0, []])
  t.is(create(1), null)
})

test('gtpc: as many connections as a UE can have are not too many, over and over (GC.4, GC.5)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  for (let round = 0; round < 4; round++)
    for (let ebi = 5; ebi <= 15; ebi++) t.is(causeIn(client.create(imsiOf(1), ebi).response), 16)
  t.is(bed.proxy.sessions(100, '001010000000001').length, 11)
})

test('gtpc: versions that are not served are answered with one that is, which is not answered again (GC.5)', (t) => {
  const bed = startedBed(pool)
  bed.deliver(from, bytesOf('68200008 00000000 00abcd 00'))
  t.is(lastSent(bed), '4003000400abcd00')
  bed.deliver(from, bytesOf('1e100000 1234 0000 ffffffff ffffffffffffffff'))
  t.is(lastSent(bed), '4003000400123400')
  const count = bed.sent.length
  bed.deliver(from, bytesOf('60030004 00abcd 00'))
  bed.deliver(from, bytesOf('40030004 00abcd 00'))
  bed.deliver(from, bytesOf('32030004 00000000 0001 0000'))
  t.is(bed.sent.length, count)
  t.is(bed.count('version-not-supported-by-peer'), 2)
  const old = startedBed(pool, { versions: [1] })
  old.deliver(from, bytesOf('48200008 00000000 00abcd 00'))
  t.is(lastSent(old), hexOf(v1(3, 0, 0xabcd)))
  const young = startedBed(pool, { versions: [2] })
  young.deliver(from, v1(16, 0, 0x1234))
  t.is(lastSent(young), '4003000400123400')
})

test('gtpc: a request that cannot be read is refused with its sequence number, and an answer is not (GC.5)', (t) => {
  const bed = startedBed(pool)
  bed.deliver(from, bytesOf('4820000c 00000000 000009 00 0100ff00'))
  t.is(lastSent(bed), hexOf(v2(33, 0, 9, causeV2(67))))
  bed.deliver(from, bytesOf('32100008 00000000 0009 0000 8500ff00'))
  t.is(lastSent(bed), '32110006000000000009000001c1')
  const count = bed.sent.length
  bed.deliver(from, bytesOf('4821000c 00000000 000009 00 0100ff00'))
  bed.deliver(from, new Uint8Array())
  bed.deliver(from, bytesOf('48'))
  t.is(bed.sent.length, count)
})
