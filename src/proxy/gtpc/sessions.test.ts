import test from 'ava'
import { gatewayOf, causeIn, lastOf, recoveryIn, startedBed, vip } from './test-bed.ts'
import { bytesOf, causeV2, fTeid, fTeidIn, hexOf, ie, imsiOf, parse, v2, valueV2 } from './test-elements.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const mme = '10.1.0.1'

/** Of an MME over S11 (TS 29.274, table 7.2.1-1), which two open-source gateways accept. */
const worked = bytesOf(`
  4820009f 00000000 000001 00 | 01000800 00010100000000f1 | 56000d00 1800f110000100f11000000001 | 53000300 00f110
  | 52000100 06 | 57000900 8a112233447f000002 | 57000901 87000000007f000004 | 47000900 08696e7465726e6574
  | 80000100 00 | 63000100 01 | 4f000500 0100000000 | 7f000100 00 | 48000800 000003e8000003e8
  | 5d001f00 49000100 05 | 50001600 7c09 0000000000 0000000000 0000000000 0000000000`)

test('gtpc: of a Create Session Request only the sender and its sequence number change on the way (GC.1)', (t) => {
  const bed = startedBed([gatewayOf('a', '10.0.0.1')])
  const client = bed.client('127.0.0.2')
  const response = client.send(worked)!
  const got = lastOf(bed.gateway('10.0.0.1').got, 32)
  const told = fTeidIn(got)!
  t.deepEqual({ kind: told.kind, address: told.address }, { kind: 10, address: vip })
  t.not(told.teid, 0x11223344)
  t.deepEqual(fTeidIn(got, 1), { kind: 7, teid: 0, address: '127.0.0.4' })
  const expected = Buffer.from(worked)
  expected.writeUIntBE(got.sequence, 8, 3)
  const at = expected.indexOf('8a112233447f000002', 'hex')
  expected.writeUInt32BE(told.teid, at + 1)
  expected.set([192, 0, 2, 1], at + 5)
  t.is(hexOf(got.bytes), expected.toString('hex'))
  t.is(response.teid, 0x11223344)
  t.is(response.sequence, 1)
  t.is(causeIn(response), 16)
  const given = fTeidIn(response)!
  t.deepEqual({ kind: given.kind, address: given.address }, { kind: 11, address: vip })
  t.deepEqual(fTeidIn(response, 1), { kind: 7, teid: 0xfa, address: '10.9.9.9' })
  t.deepEqual(hexOf(valueV2(response, 93)!).slice(-18), '81000011a00a000001')
  t.like(bed.proxy.sessions(5)[0], {
    imsi: '001010000000001',
    apn: 'internet',
    client: '127.0.0.2',
    clientTeid: '0x11223344',
    gateway: 'a',
    gatewayTeid: '0x000010a0',
    state: 'up',
    contexts: [5],
  })
})

test('gtpc: sessions go to the gateway that has the least for its weight (GC.1)', (t) => {
  const bed = startedBed([pool[0]!, gatewayOf('b', '10.0.0.2', { weight: 3 })])
  const client = bed.client(mme)
  for (let i = 0; i < 8; i++) client.create(imsiOf(i))
  t.deepEqual(
    bed.proxy.status().gateways.map(({ paths }) => paths[1]!.sessions),
    [2, 6],
  )
})

test('gtpc: with a hash an IMSI has its gateway whatever came before, and drained ones get none (GC.1)', (t) => {
  const chosen = (drained: boolean, order: readonly number[]): Record<string, string> => {
    const bed = startedBed([pool[0]!, gatewayOf('b', '10.0.0.2', { drained })], { select: 'hash' })
    const client = bed.client(mme)
    for (const last of order) client.create(imsiOf(last))
    return Object.fromEntries(bed.proxy.sessions(20).map(({ gateway, imsi }) => [imsi!, gateway]))
  }
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  const all = chosen(false, numbers)
  t.is(new Set(Object.values(all)).size, 2)
  t.deepEqual(chosen(false, numbers.toReversed()), all)
  t.deepEqual([...new Set(Object.values(chosen(true, numbers)))], ['a'])
})

test('gtpc: by weight alone both get sessions, whoever has how many (GC.1)', (t) => {
  const bed = startedBed(pool, { select: 'weighted' })
  const client = bed.client(mme)
  for (let i = 0; i < 10; i++) client.create(imsiOf(i))
  const [a, b] = bed.proxy.status().gateways.map(({ paths }) => paths[1]!.sessions)
  t.is(a! + b!, 10)
  t.true(a! > 0 && b! > 0)
})

test('gtpc: a retransmission meets the same gateway, and the same answer once there is one (GC.1)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  for (const { address } of pool) bed.gateway(address).waits = true
  const request = v2(32, 0, 77, imsiOf(1), fTeid(0, 10, 0x51, mme), ie(93, 0, ie(73, 0, 5)))
  t.is(client.send(request), null)
  t.is(client.send(request), null)
  t.is(client.send(request), null)
  const [a, b] = pool.map(({ address }) => bed.gateway(address))
  const creations = a!.got.filter(({ type }) => type === 32)
  t.is(creations.length, 3)
  t.deepEqual(creations[1]!.bytes, creations[0]!.bytes)
  t.is(b!.got.filter(({ type }) => type === 32).length, 0)
  t.is(bed.count('retransmissions'), 2)
  for (const answer of a!.created(creations[0]!)) bed.deliver({ address: '10.0.0.1', port: 2123 }, answer)
  const first = lastOf(client.got, 33)
  const again = client.send(request)!
  t.deepEqual(again.bytes, first.bytes)
  t.is(a!.sessions.size, 1)
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.count('answered-again'), 1)
  const late = a!.created(creations[0]!)[0]!
  bed.deliver({ address: '10.0.0.1', port: 2123 }, late)
  t.is(bed.count('response-unexpected'), 1)
})

test('gtpc: an answer is kept for a port of its own, and not for another request with its number (GC.1)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const request = (teid: number): Uint8Array => v2(32, 0, 77, imsiOf(teid), fTeid(0, 10, teid, mme))
  t.is(causeIn(client.send(request(1), { address: mme, port: 40_000 })), 16)
  t.deepEqual(bed.sent.at(-1)!.to, { address: mme, port: 40_000 })
  t.is(causeIn(client.send(request(2), { address: mme, port: 40_001 })), 16)
  t.is(causeIn(client.send(request(3), { address: mme, port: 40_001 })), 16)
  t.is(bed.proxy.status().sessions, 3)
})

test('gtpc: after creation requests of both sides find the other by the TEID of their header (GC.1)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const { given, own } = client.create(imsiOf(1))
  const gateway = bed.gateway('10.0.0.1')
  const [its] = gateway.sessions.keys()
  t.is(causeIn(client.ask(34, given, ie(93, 0, ie(73, 0, 5), fTeid(0, 0, 0x77, '10.8.8.8')))), 16)
  const modified = lastOf(gateway.got, 34)
  t.is(modified.teid, its!)
  t.is(hexOf(valueV2(modified, 93)!), '49000100055700090080000000770a080808')
  for (const type of [38, 162, 166, 170, 211]) t.is(causeIn(client.ask(type, given)), 16)
  const told = gateway.sessions.get(its!)!
  client.replyTeid = given
  for (const type of [95, 97, 176]) {
    const answer = bed.fromGateway(gateway, v2(type, told, 0x1234 + type, ie(73, 1, 6)))!
    t.is(causeIn(answer), 16)
    t.is(answer.teid, its!)
    t.is(answer.sequence, 0x1234 + type)
    t.is(lastOf(client.got, type).teid, own)
  }
  bed.deliver({ address: mme, port: 2123 }, v2(70, given, 9))
  t.is(lastOf(gateway.got, 70).teid, its!)
  bed.deliver({ address: '10.0.0.1', port: 2123 }, v2(73, told, 9))
  t.is(lastOf(client.got, 73).teid, own)
})

test('gtpc: over S5 the F-TEID of a PGW, which is instance 1, is the one that is hidden (GC.1)', (t) => {
  const bed = startedBed([pool[0]!])
  bed.gateway('10.0.0.1').kind = 'pgw'
  const client = bed.client('10.2.0.1')
  const response = client.ask(32, 0, imsiOf(1), fTeid(0, 6, 0x61, '10.2.0.1'), ie(93, 0, ie(73, 0, 5)))!
  t.like(fTeidIn(response, 1), { kind: 7, address: vip })
  t.like(fTeidIn(lastOf(bed.gateway('10.0.0.1').got, 32)), { kind: 6, address: vip })
  t.is(causeIn(client.ask(36, fTeidIn(response, 1)!.teid, ie(73, 0, 5))), 16)
  t.is(bed.proxy.status().sessions, 0)
})

test('gtpc: what was given to a gateway is obeyed from nobody else (GC.1)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  client.create(imsiOf(1))
  const told = fTeidIn(lastOf(bed.gateway('10.0.0.1').got, 32))!.teid
  const answer = bed.fromGateway(bed.gateway('10.0.0.2'), v2(99, told, 5, ie(73, 0, 5)))
  t.is(causeIn(answer), 64)
  t.is(bed.count('wrong-sender'), 1)
  t.is(bed.proxy.status().sessions, 1)
})

test('gtpc: a Modify Bearer Request with another F-TEID moves the session to the new MME (GC.1)', (t) => {
  const bed = startedBed(pool)
  const { given } = bed.client(mme).create(imsiOf(1))
  const next = bed.client('10.1.0.2')
  const gateway = bed.gateway('10.0.0.1')
  const told = fTeidIn(lastOf(gateway.got, 32))!.teid
  gateway.cause = 72
  t.is(causeIn(next.ask(34, given, fTeid(0, 10, 0x991, '10.1.0.2'))), 72)
  t.is(bed.proxy.sessions(1)[0]!.client, mme)
  gateway.cause = null
  const response = next.ask(34, given, fTeid(0, 10, 0x992, '10.1.0.2'))!
  t.is(response.teid, 0x992)
  t.deepEqual(fTeidIn(lastOf(gateway.got, 34)), { kind: 10, teid: told, address: vip })
  t.like(bed.proxy.sessions(1)[0], { client: '10.1.0.2', clientTeid: '0x00000992' })
  t.is(causeIn(bed.fromGateway(gateway, v2(176, told, 5))), 16)
  t.is(lastOf(next.got, 176).teid, 0x992)
  t.deepEqual(
    bed.proxy.status().clients.map(({ address }) => address),
    ['10.1.0.2'],
  )
})

test('gtpc: sequence numbers are of each path, below the bit of commands, and come back as they were (GC.2)', (t) => {
  const bed = startedBed([pool[0]!])
  const [one, other] = [bed.client(mme), bed.client('10.1.0.2')]
  one.sequence = other.sequence = 0x7f_fff0
  t.is(one.create(imsiOf(1)).response!.sequence, 0x7f_fff1)
  t.is(other.create(imsiOf(2)).response!.sequence, 0x7f_fff1)
  const numbers = bed
    .gateway('10.0.0.1')
    .got.filter(({ type }) => type === 32)
    .map(({ sequence }) => sequence)
  t.is(numbers[1], numbers[0]! + 1)
  t.true(numbers.every((number) => number < 0x80_0000))
})

test('gtpc: a request that a command has triggered carries the number of the command at both sides (GC.2)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const { given, own } = client.create(imsiOf(1))
  const gateway = bed.gateway('10.0.0.1')
  const [[its, told]] = [...gateway.sessions] as [[number, number]]
  t.is(client.send(v2(66, given, 0x80_0055, ie(93, 0, ie(73, 0, 6)))), null)
  const command = lastOf(gateway.got, 66)
  t.is(command.teid, its)
  t.true(command.sequence >= 0x80_0000)
  client.replyTeid = given
  const answer = bed.fromGateway(gateway, v2(99, told, command.sequence, ie(73, 1, 6)))!
  t.is(lastOf(client.got, 99).sequence, 0x80_0055)
  t.deepEqual([answer.sequence, answer.teid, causeIn(answer)], [command.sequence, its, 16])
  t.is(bed.fromGateway(gateway, v2(99, told, 0x80_1234, ie(73, 1, 6))), null)
  t.is(bed.count('trigger-unexpected'), 1)
  const user = fTeid(0, 15, 0x10, mme)
  t.is(client.send(v2(68, given, 0x80_0056, user, fTeid(2, 10, own, mme))), null)
  const refused = lastOf(gateway.got, 68)
  t.like(fTeidIn(refused), { kind: 15, address: mme })
  t.deepEqual(fTeidIn(refused, 2), { kind: 10, teid: told, address: vip })
  bed.deliver({ address: '10.0.0.1', port: 2123 }, v2(69, told, refused.sequence, causeV2(73)))
  const failure = lastOf(client.got, 69)
  t.deepEqual([failure.sequence, causeIn(failure)], [0x80_0056, 73])
  t.is(bed.proxy.status().sessions, 1)
})

test('gtpc: an answer and the request that it piggybacks go on in one datagram (GC.2)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  gateway.piggyback = (teid) => v2(95, teid, 0x99, ie(73, 0, 5))
  const { own, response } = client.create(imsiOf(1))
  const whole = bed.sent.find(({ bytes, to }) => to.address === mme && bytes[1] === 33)!.bytes
  t.is(whole[0], 0x58)
  const second = parse(whole.subarray(4 + ((whole[2]! << 8) | whole[3]!)))
  t.deepEqual([second.type, second.teid], [95, own])
  t.is(causeIn(response), 16)
  const both = Buffer.concat([
    v2(96, fTeidIn(response!)!.teid, second.sequence, causeV2(16)),
    v2(34, fTeidIn(response!)!.teid, 3),
  ])
  both[0]! |= 0x10
  bed.deliver({ address: mme, port: 2123 }, both)
  const back = lastOf(gateway.got, 96)
  t.is(back.bytes[0], 0x58)
  t.is(back.sequence, 0x99)
  t.is(parse(back.bytes.subarray(4 + ((back.bytes[2]! << 8) | back.bytes[3]!))).type, 34)
})

test('gtpc: a request without a TEID, and a type that is not for gateways, are dropped and counted (GC.2)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  t.is(client.send(v2(34, null, 5)), null)
  t.is(client.send(v2(130, 0, 6)), null)
  // PGW Restart Notification (TS 29.274, 7.9.5), which nobody was told that it is understood
  const restart = v2(179, 0, 7, ie(74, 0, 10, 9, 9, 9), ie(74, 1, 10, 0, 0, 1))
  t.is(bed.fromGateway(bed.gateway('10.0.0.1'), restart), null)
  t.deepEqual([bed.count('teid-missing'), bed.count('type-unknown')], [1, 2])
})

test('gtpc: restart counters of others, and load that is one gateway of many, stay on their side (GC.3, GC.5)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  const load = (instance: number, percent: number): Uint8Array =>
    ie(181, instance, ie(183, 0, 0, 0, 0, 1), ie(182, 0, percent))
  gateway.extra = [load(0, 11), load(2, 33), ie(180, 0, ie(182, 0, 1)), ie(180, 1, ie(182, 0, 2)), ie(240, 3, 1, 2, 3)]
  const { response } = client.create(imsiOf(1), 5, ie(3, 0, 9))
  t.is(recoveryIn(lastOf(gateway.got, 32)), 42)
  t.is(recoveryIn(response!), 42)
  t.truthy(valueV2(response!, 181, 0))
  t.is(valueV2(response!, 181, 2), null)
  t.truthy(valueV2(response!, 180, 0))
  t.is(valueV2(response!, 180, 1), null)
  t.is(hexOf(valueV2(response!, 240, 3)!), '010203')
  t.is(bed.proxy.status().gateways[0]!.load, 33)
})
