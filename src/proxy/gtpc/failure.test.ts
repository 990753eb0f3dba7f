import test from 'ava'
import { gatewayOf, causeIn, lastOf, startedBed } from './test-bed.ts'
import { bytesOf, fTeid, hexOf, ie, imsiOf, v2, valueV2 } from './test-elements.ts'
import type { Bed } from './test-bed.ts'

const pool = [gatewayOf('a', '10.0.0.1'), gatewayOf('b', '10.0.0.2')]
const mme = '10.1.0.1'
const from = { address: mme, port: 2123 }

const lastSent = (bed: Bed): string => hexOf(bed.sent.at(-1)!.bytes)
const kinds = (bed: Bed): readonly string[] => bed.events.map(({ kind }) => kind)

test('gtpc: an echo is answered here, with the restart counter of the proxy, without a TEID (GC.3)', (t) => {
  const bed = startedBed(pool)
  bed.deliver(from, bytesOf('40010009 000007 00 03000100 05'))
  t.is(lastSent(bed), '4002000900000700030001002a')
  t.deepEqual(bed.sent.at(-1)!.to, from)
  bed.deliver(from, bytesOf('32010004 00000000 0009 0000'))
  t.is(lastSent(bed), '3202000600000000000900000e2a')
  bed.deliver(from, bytesOf('48010009 00000000 000007 00 03'))
  t.is(bed.proxy.status().sessions, 0)
})

test('gtpc: gateways are asked with echo requests of both versions, and get sessions once they answer (GC.3)', (t) => {
  const bed = startedBed(pool)
  t.deepEqual(
    bed.gateway('10.0.0.1').got.map(({ bytes }) => hexOf(bytes).slice(0, 8)),
    ['32010004', '40010009'],
  )
  t.is(kinds(bed).filter((kind) => kind === 'gateway-up').length, 4)
  const dead = startedBed([])
  t.is(causeIn(dead.client(mme).create(imsiOf(1)).response), 73)
  t.is(dead.count('no-gateway'), 1)
})

test('gtpc: a gateway that does not answer is down, its sessions are gone, and it comes back (GC.3)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const { given } = client.create(imsiOf(1))
  const gateway = bed.gateway('10.0.0.1')
  gateway.dead = true
  bed.advance(60_000 + 4 * 3000)
  t.deepEqual(
    bed.events.filter(({ kind }) => kind === 'gateway-down'),
    [
      { kind: 'gateway-down', gateway: 'a', version: 1, reason: 'echo', sessions: 0 },
      { kind: 'gateway-down', gateway: 'a', version: 2, reason: 'echo', sessions: 1 },
    ],
  )
  t.is(causeIn(client.ask(34, given)), 64)
  t.is(client.create(imsiOf(1)).response!.teid, client.nextTeid - 1)
  t.is(bed.proxy.sessions(1)[0]!.gateway, 'b')
  gateway.dead = false
  gateway.got.length = 0
  bed.advance(3200 + 4 * 3000)
  t.is(bed.proxy.status().gateways[0]!.paths[1]!.state, 'up')
})

test('gtpc: a creation that a dying gateway has not answered goes to another when it comes again (GC.1, GC.3)', (t) => {
  const bed = startedBed(pool, { timers: { exchangeMs: 600_000 } })
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  gateway.waits = true
  const request = v2(32, 0, 77, imsiOf(1), fTeid(0, 10, 0x51, mme), ie(93, 0, ie(73, 0, 5)))
  t.is(client.send(request), null)
  const creation = lastOf(gateway.got, 32)
  gateway.dead = true
  bed.advance(60_000 + 4 * 3000)
  t.is(causeIn(client.send(request)), 16)
  t.is(bed.proxy.sessions(1)[0]!.gateway, 'b')
  gateway.dead = false
  for (const answer of gateway.created(creation)) bed.deliver({ address: '10.0.0.1', port: 2123 }, answer)
  t.is(gateway.sessions.size, 0)
  const deletion = lastOf(gateway.got, 36)
  t.is(hexOf(deletion.body), '49000100054d0002000800')
  t.is(bed.count('late-answers'), 1)
  t.is(bed.proxy.status().sessions, 1)
})

test('gtpc: a creation that nobody answers is forgotten after its time, and its late answer undone (GC.1)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  gateway.waits = true
  client.create(imsiOf(1))
  const creation = lastOf(gateway.got, 32)
  t.is(bed.proxy.status().sessions, 1)
  bed.advance(30_100)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.count('requests-unanswered'), 1)
  for (const answer of gateway.created(creation)) bed.deliver({ address: '10.0.0.1', port: 2123 }, answer)
  t.is(gateway.sessions.size, 0)
  t.is(bed.proxy.status().pending, 0)
})

test('gtpc: without echo requests a gateway is well until it leaves a creation unanswered, and later (GC.3)', (t) => {
  const bed = startedBed(pool, { timers: { echoMs: 0 } })
  const client = bed.client(mme)
  const [a, b] = pool.map(({ address }) => bed.gateway(address))
  t.deepEqual([a!.got, b!.got], [[], []])
  t.is(causeIn(client.create(imsiOf(1)).response), 16)
  a!.dead = true
  client.create(imsiOf(2))
  client.create(imsiOf(3))
  t.is(b!.sessions.size, 1)
  client.create(imsiOf(4))
  bed.advance(30_100)
  t.like(bed.events.at(-1), { kind: 'gateway-down', gateway: 'a', version: 2, reason: 'unanswered', sessions: 0 })
  for (let last = 2; last < 6; last++) t.is(causeIn(client.create(imsiOf(last)).response), 16)
  // What it has is left to it.
  t.deepEqual(
    bed.proxy.status().gateways.map(({ paths }) => paths[1]!.sessions),
    [1, 4],
  )
  a!.dead = false
  bed.advance(30_000)
  t.like(bed.events.at(-1), { kind: 'gateway-up', gateway: 'a' })
  t.is(causeIn(client.create(imsiOf(6)).response), 16)
  t.is(a!.sessions.size, 2)
  t.is(bed.sent.filter(({ bytes }) => bytes[1] === 1).length, 0)
})

test('gtpc: without echo requests an answer says that a gateway is well after all (GC.3)', (t) => {
  const bed = startedBed([pool[0]!], { timers: { echoMs: 0 } })
  const client = bed.client(mme)
  const { given } = client.create(imsiOf(1))
  const gateway = bed.gateway('10.0.0.1')
  gateway.waits = true
  client.create(imsiOf(2))
  bed.advance(29_000)
  t.is(causeIn(client.ask(34, given)), 16)
  bed.advance(1100)
  // It has left one unanswered, and answered others since.
  t.is(bed.proxy.status().gateways[0]!.paths[1]!.state, 'up')
  client.create(imsiOf(3))
  bed.advance(30_100)
  t.is(bed.proxy.status().gateways[0]!.paths[1]!.state, 'down')
  t.is(causeIn(client.ask(34, given)), 16)
  t.is(bed.proxy.status().gateways[0]!.paths[1]!.state, 'up')
})

test('gtpc: a gateway that has restarted has lost its sessions; clients hear of the sets it had named (GC.3)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  gateway.extra = [ie(132, 0, 1, 9, 9, 9, 9, 0, 7), ie(132, 1, 2, 10, 0, 0, 1, 0, 1, 0, 2)]
  const first = client.create(imsiOf(1))
  gateway.restart = 8
  gateway.sessions.clear()
  bed.advance(60_100)
  t.deepEqual(
    client.got.filter(({ type }) => type === 101).map(({ body }) => hexOf(body)),
    ['84000701010a0000010001', '84000701010a0000010002'],
  )
  t.deepEqual(bed.events.at(-1), {
    kind: 'gateway-down',
    gateway: 'a',
    version: 2,
    reason: 'restart-counter',
    sessions: 1,
  })
  t.is(causeIn(client.ask(34, first.given)), 64)
  t.is(bed.proxy.status().gateways[0]!.paths[1]!.state, 'up')
  const second = client.create(imsiOf(1))
  gateway.restart = 9
  const third = client.create(imsiOf(2))
  t.is(causeIn(client.ask(34, second.given)), 64)
  t.is(causeIn(client.ask(34, third.given)), 16)
  gateway.restart = 8
  t.is(causeIn(client.create(imsiOf(3)).response), 16)
  t.is(bed.count('restart-counter-stale'), 1)
  t.is(bed.proxy.status().sessions, 2)
})

test('gtpc: of a client that has restarted the sessions are deleted where they are (GC.3)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  for (let i = 0; i < 4; i++) client.create(imsiOf(i), 5, ie(3, 0, 254))
  const other = bed.client('10.1.0.2')
  other.create(imsiOf(9), 5, ie(3, 0, 1))
  bed.deliver(from, bytesOf('40010009 000007 00 03000100 fe'))
  t.is(bed.proxy.status().sessions, 5)
  bed.deliver(from, bytesOf('40010009 000008 00 03000100 01'))
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.gateway('10.0.0.1').sessions.size + bed.gateway('10.0.0.2').sessions.size, 1)
  t.deepEqual(bed.events.at(-1), { kind: 'client-restarted', client: mme, version: 2, sessions: 4 })
  t.is(causeIn(client.create(imsiOf(1), 5, ie(3, 0, 1)).response), 16)
  t.is(causeIn(client.create(imsiOf(2), 5, ie(3, 0, 2)).response), 16)
  t.deepEqual(bed.events.at(-1), { kind: 'client-restarted', client: mme, version: 2, sessions: 1 })
  t.is(bed.gateway('10.0.0.1').sessions.size + bed.gateway('10.0.0.2').sessions.size, 2)
  t.is(bed.proxy.status().pending, 0)
})

test('gtpc: a client that gives a TEID of its own a second time has forgotten the first session (GC.3)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  client.create(imsiOf(1))
  client.nextTeid--
  client.create(imsiOf(2))
  t.is(bed.count('client-teids-reused'), 1)
  t.is(bed.gateway('10.0.0.1').sessions.size + bed.gateway('10.0.0.2').sessions.size, 1)
})

test('gtpc: Delete PDN Connection Set goes to all at the other side of the sets, and cleans up (GC.3)', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const set = (instance: number, id: number): Uint8Array => ie(132, instance, 1, 10, 1, 0, 1, 0, id)
  client.create(imsiOf(1), 5, set(0, 1))
  client.create(imsiOf(2), 5, set(0, 1))
  client.create(imsiOf(3), 5, set(0, 2))
  const answer = client.ask(101, 0, set(0, 1))
  t.is(causeIn(answer), 16)
  for (const { address } of pool) t.is(hexOf(lastOf(bed.gateway(address).got, 101).body), hexOf(set(0, 1)))
  t.deepEqual(
    bed.proxy.sessions(5).map(({ imsi }) => imsi!.at(-1)),
    ['3'],
  )
  const gateway = bed.gateway('10.0.0.1')
  gateway.extra = [ie(132, 1, 1, 10, 0, 0, 1, 0, 5)]
  client.create(imsiOf(4), 5)
  bed.configure([pool[0]!, gatewayOf('b', '10.0.0.2', { drained: true })])
  client.create(imsiOf(5), 5)
  const before = bed.proxy.status().sessions
  t.is(causeIn(bed.fromGateway(gateway, v2(101, 0, 5, ie(132, 1, 1, 10, 0, 0, 1, 0, 5)))), 16)
  t.is(lastOf(client.got, 101).teid, 0)
  t.true(bed.proxy.status().sessions < before)
  t.is(causeIn(client.ask(101, 0)), 70)
})

test('gtpc: a set that a client has lost is of the sessions that it has, and of those that moved to it (GC.3)', (t) => {
  const bed = startedBed([pool[0]!])
  const [first, second] = [bed.client(mme), bed.client('10.1.0.2')]
  const set = (id: number): Uint8Array => ie(132, 0, 1, 10, 1, 0, 1, 0, id)
  const left = (): readonly string[] => bed.proxy.sessions(9).map(({ imsi }) => imsi!.at(-1)!)
  const { given } = first.create(imsiOf(1), 5, set(1))
  first.create(imsiOf(2), 5, set(1))
  t.is(causeIn(second.ask(34, given, fTeid(0, 10, 0x777, second.address))), 16)
  t.is(causeIn(first.ask(101, 0, set(1), set(1))), 16)
  t.deepEqual(left(), ['1'])
  first.create(imsiOf(3), 5, set(1))
  second.ask(101, 0, set(1))
  t.deepEqual(left(), ['3'])
  t.is(bed.count('sessions-of-deleted-sets'), 2)
})

test('gtpc: a session is found by the first sets that it is in, and not by any number (GC.3)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const set = (id: number): Uint8Array => ie(132, 0, 1, 10, 1, 0, 1, 0, id)
  client.create(imsiOf(1), 5, ...Array.from({ length: 20 }, (_, id) => set(id)))
  client.ask(101, 0, set(16))
  t.is(bed.proxy.status().sessions, 1)
  client.ask(101, 0, set(15))
  t.is(bed.proxy.status().sessions, 0)
})

test('gtpc: a gateway that is taken out keeps what it has, gets nothing new, and goes in the end', (t) => {
  const bed = startedBed(pool)
  const client = bed.client(mme)
  const { given } = client.create(imsiOf(1))
  bed.configure([pool[1]!])
  t.is(causeIn(client.ask(34, given)), 16)
  for (let i = 2; i < 6; i++) client.create(imsiOf(i))
  t.is(bed.gateway('10.0.0.1').sessions.size, 1)
  t.is(causeIn(client.ask(36, given, ie(73, 0, 5))), 16)
  bed.advance(200)
  t.deepEqual(
    bed.proxy.status().gateways.map(({ name }) => name),
    ['b'],
  )
  bed.configure([])
  bed.advance(600_100)
  t.is(bed.proxy.status().sessions, 0)
  t.deepEqual(bed.events.at(-1), { kind: 'gateway-removed', gateway: 'b', sessions: 4 })
  t.is(valueV2(lastOf(client.got, 33), 87)?.length, 9)
})

test('gtpc: a late answer to a creation that was asked for again, with success, deletes nothing (GC.1)', (t) => {
  const bed = startedBed([pool[0]!])
  const client = bed.client(mme)
  const gateway = bed.gateway('10.0.0.1')
  gateway.waits = true
  client.create(imsiOf(1))
  const creation = lastOf(gateway.got, 32)
  bed.advance(30_100)
  gateway.waits = false
  t.is(causeIn(client.create(imsiOf(1)).response), 16)
  for (const answer of gateway.created(creation)) bed.deliver({ address: '10.0.0.1', port: 2123 }, answer)
  t.is(bed.count('late-answers'), 1)
  t.is(gateway.got.filter(({ type }) => type === 36).length, 0)
})
