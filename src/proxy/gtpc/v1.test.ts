import test from 'ava'
import { gatewayOf, causeIn, lastOf, startedBed } from './test-bed.ts'
import { bytesOf, fTeid, gsn, hexOf, imsiOf, parse, teidV1, tv, tv32, v1, v2, valuesV1 } from './test-elements.ts'
import type { Bed, SimClient } from './test-bed.ts'
import type { Parsed } from './test-elements.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const sgsn = '10.3.0.1'
const imsi = (last: number): Uint8Array => tv(2, 0x21, 0x43, 0x05, 0x21, 0x43, 0x65, 0x87, 0xf0 | last)

/** Elements in the order of TS 29.060, table 5. */
const worked = bytesOf(`
  32100054 00000000 0001 00 00 | 02 21430521436587f9 | 03 21f354 1111 22 | 0e 05 | 0f f0 | 10 deadbeef | 11 cafe0001
  | 14 05 | 80 0002 f121 | 83 0009 08696e7465726e6574 | 85 0004 0a000001 | 85 0004 0a000002 | 86 0007 91214321436587
  | 87 0004 00112233`)

function create(client: SimClient, last: number, nsapi = 5): { response: Parsed | null; own: number; given: number } {
  const own = client.nextTeid++
  const response = client.askV1(
    16,
    0,
    imsi(last),
    tv32(16, own + 0x100),
    tv32(17, own),
    tv(20, nsapi),
    gsn(client.address),
    gsn(client.address),
  )
  return { response, own, given: response === null ? 0 : (teidV1(response) ?? 0) }
}

const contexts = (bed: Bed): readonly (readonly number[])[] => bed.proxy.sessions(9).map((one) => one.contexts)

test('gtpc: of a Create PDP Context Request the control plane alone changes on the way (GC.1)', (t) => {
  const bed = startedBed([gatewayOf('a', '10.0.0.9')])
  const client = bed.client('10.0.0.1')
  const response = client.send(worked)!
  const got = lastOf(bed.gateway('10.0.0.9').got, 16)
  const told = teidV1(got)!
  const expected = hexOf(worked)
    .replace('11cafe0001', `11${told.toString(16).padStart(8, '0')}`)
    .replace('8500040a000001', '850004c0000201')
    .replace('0e050ff0', '0e2a0ff0')
    .replace('0001000002', `${got.sequence.toString(16).padStart(4, '0')}000002`)
  t.is(hexOf(got.bytes), expected)
  t.deepEqual([response.teid, response.sequence, causeIn(response)], [0xcafe0001, 1, 128])
  t.deepEqual(valuesV1(response, 133).map(hexOf), ['c0000201', '0a000009'])
  t.deepEqual(valuesV1(response, 14).map(hexOf), ['2a'])
  t.like(bed.proxy.sessions(1)[0], {
    version: 1,
    imsi: '123450123456789',
    apn: 'internet',
    clientTeid: '0xcafe0001',
    contexts: [5],
  })
})

test('gtpc: contexts of an SGSN are balanced, one IMSI stays together, and TEIDs route the rest (GC.1, GC.4)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(sgsn)
  const first = create(client, 1)
  create(client, 1, 6)
  create(client, 2)
  t.deepEqual(
    bed.proxy.sessions(9).map(({ gateway }) => gateway),
    ['a', 'a', 'b'],
  )
  const gateway = bed.gateway('10.0.0.1')
  const [[its, told]] = [...gateway.sessions] as [[number, number]]
  t.is(causeIn(client.askV1(18, first.given, tv(20, 5))), 128)
  t.is(lastOf(gateway.got, 18).teid, its)
  client.replyTeid = first.given
  const answer = bed.fromGateway(gateway, v1(22, told, 0x4321))!
  t.deepEqual([answer.teid, answer.sequence], [its, 0x4321])
  t.is(lastOf(client.got, 22).teid, first.own)
})

test('gtpc: a retransmission of version 1 meets its answer, whatever version 2 does with its number (GC.1)', (t) => {
  const bed = startedBed([gatewayOf('a', '10.0.0.8'), gatewayOf('b', '10.0.0.9')])
  const client = bed.client('10.0.0.1')
  const first = client.send(worked)!
  t.is(causeIn(client.send(v2(32, 0, 1, imsiOf(3), fTeid(0, 10, 0x51, '10.0.0.1')))), 16)
  t.deepEqual(client.send(worked)!.bytes, first.bytes)
  t.is(bed.count('answered-again'), 1)
  t.is(bed.proxy.status().sessions, 2)
})

test('gtpc: numbers of version 1 have 16 bits and go round (GC.2)', (t) => {
  let count = 0
  const bed = startedBed([pool[0]!], { random: () => (count++ === 0 ? 0.99999 : (count % 89) / 89) })
  const client = bed.client(sgsn)
  const { given } = create(client, 1)
  for (let i = 0; i < 20; i++) client.askV1(18, given)
  const numbers = bed
    .gateway('10.0.0.1')
    .got.filter(({ type }) => type === 18)
    .map(({ sequence }) => sequence)
  t.is(new Set(numbers).size, 20)
  t.true(numbers.every((number) => number > 0 && number <= 0xffff))
})

test('gtpc: an Update PDP Context Request with another end moves the context to the new SGSN (GC.1)', (t) => {
  const bed = startedBed(pool)
  const { given } = create(bed.client(sgsn), 1)
  const next = bed.client('10.3.0.2')
  const response = next.askV1(18, given, tv32(16, 1), tv32(17, 0x99), tv(20, 5), gsn('10.3.0.2'), gsn('10.3.0.2'))!
  t.is(response.teid, 0x99)
  const got = lastOf(bed.gateway('10.0.0.1').got, 18)
  t.deepEqual(valuesV1(got, 133).map(hexOf), ['c0000201', '0a030002'])
  t.like(bed.proxy.sessions(1)[0], { client: '10.3.0.2', clientTeid: '0x00000099' })
})

test('gtpc: secondary contexts go with their primary one if it is torn down, and alone if not (GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(sgsn)
  const { given } = create(client, 1)
  for (const nsapi of [6, 7])
    t.is(causeIn(client.askV1(16, given, tv32(16, 9), tv(20, nsapi), tv(20, 5), gsn(sgsn))), 128)
  t.deepEqual(contexts(bed), [[5, 6, 7]])
  const gateway = bed.gateway('10.0.0.1')
  const session = [...gateway.sessions][0]!
  t.is(causeIn(client.askV1(20, given, tv(20, 6))), 128)
  t.deepEqual(contexts(bed), [[5, 7]])
  gateway.sessions.set(...session)
  t.is(causeIn(client.askV1(20, given, tv(19, 0xff), tv(20, 5))), 128)
  t.deepEqual(contexts(bed), [])
})

test('gtpc: a GGSN deletes a context by itself, and what is not known is Non-existent (GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(sgsn)
  const { given } = create(client, 1)
  const gateway = bed.gateway('10.0.0.1')
  const told = [...gateway.sessions.values()][0]!
  t.is(causeIn(bed.fromGateway(gateway, v1(20, told, 5, tv(19, 0xff), tv(20, 5)))), 128)
  t.is(bed.proxy.status().sessions, 0)
  const answer = client.askV1(18, given, tv(20, 5))!
  t.deepEqual([answer.type, causeIn(answer)], [19, 192])
  const second = create(client, 2)
  gateway.sessions.clear()
  t.is(causeIn(client.askV1(20, second.given, tv(20, 5))), 192)
  t.is(bed.proxy.status().sessions, 0)
})

test('gtpc: a PDU Notification Request finds the SGSN by the IMSI, and hides the GGSN (GC.1)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(sgsn)
  create(client, 1)
  const gateway = bed.gateway('10.0.0.1')
  const request = v1(27, 0, 5, imsi(1), tv32(17, 0xabc), gsn('10.0.0.1'))
  const answer = bed.fromGateway(gateway, request)!
  t.deepEqual([answer.type, answer.teid, causeIn(answer)], [28, 0xabc, 128])
  const got = lastOf(client.got, 27)
  t.deepEqual([got.teid, valuesV1(got, 133).map(hexOf)], [0, ['c0000201']])
  t.is(causeIn(bed.fromGateway(gateway, v1(27, 0, 6, imsi(3), tv32(17, 0xabc), gsn('10.0.0.1')))), 194)
})

test('gtpc: sessions of a restarted SGSN are deleted at their GGSNs with all that is secondary (GC.3)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(sgsn)
  const { given } = create(client, 1)
  client.askV1(18, given, tv(14, 3))
  client.askV1(16, given, tv32(16, 9), tv(20, 6), tv(20, 5), gsn(sgsn))
  client.askV1(18, given, tv(14, 3))
  t.is(bed.proxy.status().sessions, 1)
  t.is(causeIn(client.askV1(18, given, tv(14, 4))), 192)
  const deletions = bed.gateway('10.0.0.1').got.filter(({ type }) => type === 20)
  t.is(deletions.length, 1)
  t.is(hexOf(deletions[0]!.body).slice(0, 6), '13ff14')
  t.is(bed.proxy.status().sessions, 0)
})

test('gtpc: messages of version 1 without a sequence number, and those of charging, are dropped (GC.2)', (t) => {
  const bed = startedBed(pool)
  const from = { address: sgsn, port: 2123 }
  const count = bed.sent.length
  bed.deliver(from, bytesOf('30010000 00000000'))
  bed.deliver(from, bytesOf('26010004 00000000'))
  bed.deliver(from, bytesOf('321f0004 00000000 0001 0000'))
  t.is(bed.sent.length, count)
  t.is(bed.count('sequence-missing'), 1)
  t.is(bed.count('malformed: unknown protocol type'), 1)
  t.is(bed.count('notice-unroutable'), 1)
})

test('gtpc: extension headers of version 1 stay where they are (GC.2)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(sgsn)
  const { given } = create(client, 1)
  const request = bytesOf(`361200 0a ${given.toString(16).padStart(8, '0')} 0077 00 c0 01 abcd 00 14 05`)
  t.is(causeIn(client.send(request)), 128)
  const got = parse(lastOf(bed.gateway('10.0.0.1').got, 18).bytes)
  t.is(hexOf(got.bytes.subarray(10)), '00c001abcd001405')
})
