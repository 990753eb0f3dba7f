import test from 'ava'
import { startedBed, upfOf } from './test-bed.ts'
import {
  allOf,
  causeOf,
  chooseOf,
  elementsOf,
  far,
  fTeidOf,
  fTeidsOf,
  groupOf,
  messageOf,
  n3Vip,
  nodeIdOf,
  number16,
  number32,
  of,
  pdrOf,
  ueAddressOf,
  valueAt,
} from './test-elements.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { N4Options } from './model.ts'
import type { Bed, SimSmf } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
const [upA, upB] = ['10.0.0.1', '10.0.0.2'] as const
const pdrId = (id: number): PfcpElement => ({ type: 56, value: number16.write(id) })
const session = (address: string): readonly PfcpElement[] => [pdrOf(1, chooseOf(), ueAddressOf(address)), far]

/** Sessions 10.45.0.1 and so on, half of them on each UPF, whose TEIDs are the same ones. */
function withSessions(onLoss: N4Options['onLoss'], count = 4): { bed: Bed; smf: SimSmf; teids: readonly number[] } {
  const bed = startedBed(pool, { onLoss })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const teids = Array.from({ length: count }, (_, i) =>
    fTeidsOf(smf.establish(...session(`10.45.0.${i + 1}`)).response!),
  )
  return { bed, smf, teids: teids.map(([first]) => first!.teid) }
}

const psdbu = (smf: SimSmf) => smf.got.filter((message) => valueAt(elementsOf(message), 161)?.[0] === 1)

test('n4: the SMF is told of each session of a UPF that has died, and the time stamp stays (N4.13)', (t) => {
  const { bed, smf } = withSessions('report')
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.like(
    bed.events.find(({ kind }) => kind === 'upf-down'),
    { upf: 'a', reason: 'heartbeat', sessions: 2 },
  )
  t.deepEqual(
    psdbu(smf).map(({ seid, type }) => [type, seid]),
    [
      [56, 0x26n],
      [56, 0x28n],
    ],
  )
  t.deepEqual(valueAt(elementsOf(psdbu(smf)[0]!), 39), Uint8Array.of(0x40))
  t.is(bed.proxy.status().sessions, 2)
  t.deepEqual(
    [...bed.hints.values()].map(({ upfs }) => upfs[0]),
    Array.from({ length: 4 }, () => upB),
  )
  const answer = smf.ask(1, null, { type: 96, value: number32.write(smf.recovery) })
  t.deepEqual(valueAt(elementsOf(answer!), 96), number32.write(0xeeab8a77))
})

test('n4: one heartbeat that is lost loses nothing (N4.13)', (t) => {
  const { bed } = withSessions('report')
  bed.upf(upA).lose = 2
  bed.advance(20_000)
  t.is(bed.proxy.status().sessions, 4)
})

test('n4: a UPF with a new time stamp has lost its sessions, and is associated again (N4.13)', (t) => {
  const { bed, smf } = withSessions('report')
  bed.upf(upA).recovery++
  bed.upf(upA).sessions.clear()
  bed.advance(6000)
  t.is(psdbu(smf).length, 2)
  t.is(bed.proxy.status().upfs.find(({ name }) => name === 'a')?.state, 'up')
  t.is(causeOf(smf.establish(...session('10.45.1.1')).response!), 1)
  t.is(bed.upf(upA).sessions.size, 1)
})

test('n4: so has one that asks for an association (N4.13)', (t) => {
  const { bed, smf } = withSessions('report')
  const a = bed.upf(upA)
  a.recovery++
  a.sessions.clear()
  t.is(causeOf(bed.fromUpf(a, messageOf(5, null, 1, a.association))!), 1)
  t.is(psdbu(smf).length, 2)
  t.is(bed.proxy.status().upfs.find(({ name }) => name === 'a')?.state, 'up')
})

test('n4: sessions of a dead UPF are restored on another one with their TEIDs at the VIP (N4.13)', (t) => {
  const { bed, smf, teids } = withSessions('restore', 20)
  bed.upf(upB).dead = true
  bed.advance(10_000)
  t.is(bed.count('sessions-restored'), 10)
  t.is(bed.upf(upA).sessions.size, 20)
  t.is(psdbu(smf).length, 0)
  const reached = new Set<number>()
  for (const teid of teids) {
    const tunnel = bed.tunnel(teid)
    t.is(tunnel?.upf, upA)
    reached.add(tunnel!.teid)
  }
  t.is(reached.size, 20)
  for (let i = 1; i <= 20; i++) t.is(bed.hints.get(`ue-ip 0a2d00${i.toString(16).padStart(2, '0')}/`)?.upfs[0], upA)
  // The SMF goes on as if nothing had happened.
  for (const { seid } of bed.proxy.sessions(20)) t.is(causeOf(smf.ask(54, BigInt(seid))!), 1)
  t.is(bed.hints.size, 0)
  t.is(bed.upf(upA).sessions.size, 0)
})

test('n4: what is restored is the session with all that has changed since (N4.13)', (t) => {
  const bed = startedBed(pool, { onLoss: 'restore' })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const { seid } = smf.establish(pdrOf(1, chooseOf()), pdrOf(2, fTeidOf(0x900, n3Vip)), far)
  const farId = { type: 108, value: number32.write(1) }
  const tunnelTo = of(84, 1, 0, 0, 0, 0, 5, 10, 7, 0, 1)
  smf.ask(52, seid, groupOf(10, farId, of(44, 2), groupOf(11, of(42, 0), tunnelTo)), pdrOf(3, chooseOf()))
  smf.ask(52, seid, groupOf(15, pdrId(1)))
  // More changes than are kept unmerged.
  for (let i = 0; i < 10; i++) smf.ask(52, seid, groupOf(10, farId, of(44, i + 1)))
  bed.upf(upA).dead = true
  bed.advance(10_000)
  const again = elementsOf(bed.upf(upB).got.find(({ type }) => type === 50)!)
  t.deepEqual(
    allOf(again, 1).map((pdr) => valueAt(pdr, 56)),
    [number16.write(2), number16.write(3)],
  )
  t.deepEqual(valueAt(again, 3, 44), Uint8Array.of(10))
  t.deepEqual(valueAt(again, 3, 4, 84), tunnelTo.value)
  t.deepEqual(bed.tunnel(0x900), { upf: upB, teid: 0x900 })
  t.is(bed.proxy.sessions(1)[0]?.tunnels.length, 2)
})

test('n4: what no other UPF can take is reported (N4.13)', (t) => {
  const { bed, smf } = withSessions('restore')
  bed.upf(upB).cause = 75
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.is(bed.count('sessions-not-restored'), 2)
  t.is(psdbu(smf).length, 2)
  t.is(bed.proxy.status().sessions, 2)
})

test('n4: or sessions of a dead UPF are refused when they are asked for, with cause 65 (N4.13)', (t) => {
  const { bed, smf } = withSessions('refuse')
  const lost = bed.proxy.sessions(4).filter(({ upf }) => upf === 'a')
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.is(psdbu(smf).length, 0)
  t.is(bed.hints.size, 4)
  t.is(causeOf(smf.ask(52, BigInt(lost[0]!.seid))!), 65)
  t.is(causeOf(smf.ask(54, BigInt(lost[1]!.seid))!), 1)
  t.is(bed.proxy.status().sessions, 2)
})

test('n4: a request for a session that is being restored waits for its retransmission', (t) => {
  const { bed, smf } = withSessions('restore')
  const lost = bed.proxy.sessions(4).find(({ upf }) => upf === 'a')!
  bed.upf(upA).dead = true
  const answer = bed.upf(upB).answer.bind(bed.upf(upB))
  bed.upf(upB).answer = (message) => (message.type === 50 ? [] : answer(message))
  bed.advance(9500)
  const request = messageOf(52, BigInt(lost.seid), 7000, [])
  t.is(smf.send(request), null)
  t.is(bed.count('session-restoring'), 1)
  bed.upf(upB).answer = answer
  bed.advance(2000)
  t.is(causeOf(smf.send(request)!), 1)
})

test('n4: a UPF that asks to be released is drained, and no other one (N4.15)', (t) => {
  for (const onLoss of ['report', 'restore'] as const) {
    const { bed, smf } = withSessions(onLoss)
    const a = bed.upf(upA)
    const update = messageOf(7, null, 1, [nodeIdOf(upA), of(111, 1), of(112, 10)])
    t.is(causeOf(bed.fromUpf(a, update)!), 1)
    t.is(bed.proxy.status().upfs[0]?.state, 'draining')
    for (let i = 0; i < 4; i++) smf.establish(...session(`10.45.1.${i + 1}`))
    t.is(a.sessions.size, 2)
    bed.advance(19_000)
    t.is(a.sessions.size, 2)
    bed.advance(2000)
    t.is(a.got.at(-1)?.type, 9)
    t.is(bed.upf(upB).sessions.size, onLoss === 'restore' ? 8 : 6)
    t.is(psdbu(smf).length, onLoss === 'restore' ? 0 : 2)
    t.true(bed.events.some((event) => event.kind === 'upf-released' && event.upf === 'a'))
  }
})

test('n4: a UPF that knows of no association has lost its sessions, and SMFs do not hear of its cause (N4.13)', (t) => {
  const { bed, smf } = withSessions('restore')
  const a = bed.upf(upA)
  const answer = a.answer.bind(a)
  a.answer = (message) =>
    message.type === 52 || message.type === 50
      ? [messageOf(message.type + 1, 0n, message.sequence, [of(19, 72)])]
      : answer(message)
  const { seid } = bed.proxy.sessions(4).find(({ upf }) => upf === 'a')!
  const request = messageOf(52, BigInt(seid), 7000, [])
  t.is(smf.send(request), null)
  t.is(bed.upf(upB).sessions.size, 4)
  t.is(causeOf(smf.send(request)!), 1)
  bed.advance(200)
  for (let i = 1; i < 5; i++) t.is(causeOf(smf.establish(...session(`10.45.2.${i}`)).response!), 1)
})

test('n4: a UPF that leaves the pool is drained, released and forgotten', (t) => {
  const { bed, smf } = withSessions('report')
  bed.configure([pool[1]!])
  smf.establish(...session('10.45.1.1'))
  t.is(bed.upf(upA).sessions.size, 2)
  for (const { seid, upf } of bed.proxy.sessions(9)) if (upf === 'a') smf.ask(54, BigInt(seid))
  bed.advance(200)
  t.is(bed.upf(upA).got.at(-1)?.type, 9)
  t.deepEqual(
    bed.proxy.status().upfs.map(({ name }) => name),
    ['b'],
  )
})

test('n4: a UPF that leaves the pool is known for as long as tunnels of moving sessions lead to it', (t) => {
  const { bed, smf } = withSessions('restore')
  bed.upf(upA).dead = true
  const answer = bed.upf(upB).answer.bind(bed.upf(upB))
  bed.upf(upB).answer = (message) => (message.type === 50 ? [] : answer(message))
  bed.advance(9500)
  const names = (): readonly string[] => bed.proxy.status().upfs.map(({ name }) => name)
  const c = upfOf('c', '10.0.0.3')
  bed.configure([pool[1]!, c])
  t.deepEqual(names(), ['a', 'b', 'c'])
  bed.upf(upB).answer = answer
  bed.advance(2000)
  t.deepEqual(names(), ['b', 'c'])
  t.is(bed.count('sessions-restored'), 2)
  // What c calls by the same TEIDs as a did is something else.
  const { response } = smf.establish(...session('10.45.1.1'))
  t.is(bed.tunnel(fTeidsOf(response!)[0]!.teid)?.upf, c.address)
})

test('n4: a tunnel for which the new UPF of a session has none leads nowhere (N4.13)', (t) => {
  const { bed, teids } = withSessions('restore')
  bed.upf(upA).dead = true
  const answer = bed.upf(upB).answer.bind(bed.upf(upB))
  bed.upf(upB).answer = (message) =>
    answer(message).map((one) =>
      messageOf(
        one.type,
        one.seid,
        one.sequence,
        elementsOf(one).filter(({ type }) => type !== 8),
      ),
    )
  bed.advance(12_000)
  t.is(bed.count('sessions-restored'), 2)
  t.is(bed.count('restored-without-tunnel'), 2)
  t.deepEqual(
    teids.map((teid) => bed.tunnel(teid)?.upf ?? null),
    [null, upB, null, upB],
  )
})

test('n4: an SMF that is lost is stood in for by another one of its set', (t) => {
  const bed = startedBed(pool)
  const set = of(180, 0, 3, 0x73, 0x65, 0x74)
  const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
  one.associate(set)
  two.associate(set)
  one.establish(...session('10.45.0.1'))
  one.dead = true
  bed.advance(12_000)
  const ours = bed.upf(upA).sessions.get(1n)!
  bed.fromUpf(bed.upf(upA), messageOf(56, ours, 1, [of(39, 1)]))
  t.like(two.got.at(-1), { type: 56, seid: 0x26n })
})
