// Session sets that are deleted at once (TS 29.244, 7.4.6), where UPFs do not all do alike.

import test from 'ava'
import { pfcp } from '../../protocols/pfcp/index.ts'
import { readyBed, startedBed, upfOf } from './test-bed.ts'
import { causeOf, elementsOf, ipv4, messageOf, nodeIdOf, of, sessionOf, valueAt } from './test-elements.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Bed } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
const sizes = (bed: Bed): readonly number[] => pool.map(({ address }) => bed.upf(address).sessions.size)
const csid = (node: string, number: number): PfcpElement => of(65, 1, ...ipv4(node), 0, number)

/** The UPF answers deletions of sets by this cause; if it accepts them, all of its sessions are gone. */
function answersSets(upf: ReturnType<Bed['upf']>): { cause: number } {
  const set = { cause: 1 }
  const answer = upf.answer.bind(upf)
  upf.answer = (message) => {
    if (message.type !== 14) return answer(message)
    if (set.cause === 1) upf.sessions.clear()
    return [messageOf(15, null, message.sequence, [nodeIdOf(upf.address), of(19, set.cause)])]
  }
  return set
}

test('n4: of a set whose deletion one UPF does not answer, what the others have deleted is gone (N4.12)', (t) => {
  const { bed, smf } = readyBed(pool)
  const [upA, upB] = [bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]
  answersSets(upA)
  const setAtB = answersSets(upB)
  for (let i = 1; i <= 6; i++) smf.establish(...sessionOf(`10.45.0.${i}`), csid('10.1.0.1', 1))
  upB.lose = 4
  t.is(smf.ask(14, null, nodeIdOf('10.1.0.1'), csid('10.1.0.1', 1)), null)
  t.is(bed.proxy.status().sessions, 3)
  t.is(bed.hints.size, 6)
  bed.advance(4100)
  t.is(causeOf(smf.got.findLast(({ type }) => type === 15)!), 77)
  t.deepEqual(
    bed.proxy.sessions(6).map(({ upf }) => upf),
    ['b', 'b', 'b'],
  )
  t.deepEqual(sizes(bed), [0, 3])
  // One that refuses keeps its sessions too; the SMF asks again for what is left.
  setAtB.cause = 64
  t.is(causeOf(smf.ask(14, null, nodeIdOf('10.1.0.1'), csid('10.1.0.1', 1))!), 64)
  t.is(bed.proxy.status().sessions, 3)
  setAtB.cause = 1
  t.is(causeOf(smf.ask(14, null, nodeIdOf('10.1.0.1'), csid('10.1.0.1', 1))!), 1)
  t.is(upA.got.filter(({ type }) => type === 14).length, 1)
  t.is(bed.proxy.status().sessions + bed.hints.size, 0)
})

test('n4: CSIDs of UPFs beyond those that can be told apart are left out, and counted', (t) => {
  const bed = startedBed([pool[0]!])
  const upf = bed.upf('10.0.0.1')
  // 15 CSIDs in each element, 65,535 of them.
  const elements = Array.from({ length: 4369 }, (_, i): PfcpElement => {
    const csids = Array.from({ length: 15 }, (_, k) => [(i * 15 + k + 1) >> 8, (i * 15 + k + 1) & 255])
    return of(65, 15, 10, 0, 0, 1, ...csids.flat())
  })
  for (let i = 0; i < 4; i++)
    bed.fromUpf(upf, messageOf(14, null, i + 1, [nodeIdOf('10.0.0.1'), ...elements.slice(i * 1100, (i + 1) * 1100)]))
  t.is(bed.count('csid-beyond-limit'), 0)
  bed.fromUpf(upf, messageOf(14, null, 9, [nodeIdOf('10.0.0.1'), of(65, 2, 10, 0, 0, 1, 0, 1, 0, 0)]))
  t.is(bed.count('csid-beyond-limit'), 1)
})

test('n4: a CSID that SMFs were given stays here: UPFs are asked for its sessions one by one (N4.7, N4.12)', (t) => {
  const { bed, smf } = readyBed(pool)
  const [upA, upB] = [bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]
  for (const upf of [upA, upB]) upf.sessionExtra = [csid(upf.address, 7)]
  answersSets(upA)
  const told = [1, 2, 3].map((i) => {
    const { response } = smf.establish(...sessionOf(`10.45.0.${i}`), csid('10.1.0.1', i))
    return { type: 65, value: valueAt(elementsOf(response!), 65)! }
  })
  t.is(causeOf(smf.ask(14, null, nodeIdOf('10.1.0.1'), told[1]!)!), 1)
  t.deepEqual(sizes(bed), [2, 0])
  t.is(upB.got.filter(({ type }) => type === 14).length, 0)
  t.is(upB.got.filter(({ type }) => type === 54).length, 1)
  // Of two on one UPF the SMF's own CSID names one, which is enough for the UPF; ours names both.
  t.is(causeOf(smf.ask(14, null, nodeIdOf('10.1.0.1'), told[0]!, csid('10.1.0.1', 1))!), 1)
  const asked = upA.got.filter(({ type }) => type === 14)
  t.deepEqual(
    asked.map((message) => elementsOf(message).filter(({ type }) => type === 65)),
    [[csid('10.1.0.1', 1)]],
  )
  t.is(upA.got.filter(({ type }) => type === 54).length, 1)
  t.is(bed.proxy.status().sessions + bed.hints.size, 0)
})

test('n4: a session of a set that moves to another UPF while its set is deleted is deleted there (N4.12)', (t) => {
  const { bed, smf } = readyBed(pool, { onLoss: 'restore' })
  const upA = bed.upf('10.0.0.1')
  smf.establish(...sessionOf('10.45.0.1'), csid('10.1.0.1', 1))
  let late: PfcpMessage | null = null
  upA.answer = (message) => {
    if (message.type === 14) late = messageOf(15, null, message.sequence, [nodeIdOf('10.0.0.1'), of(19, 1)])
    return []
  }
  t.is(smf.ask(14, null, nodeIdOf('10.1.0.1'), csid('10.1.0.1', 1)), null)
  bed.fromUpf(upA, messageOf(5, null, 1, upA.association))
  t.like(bed.proxy.sessions(1)[0], { upf: 'b', state: 'up' })
  bed.deliver({ address: '10.0.0.1', port: 8805 }, pfcp.encode(late!))
  t.is(causeOf(smf.got.findLast(({ type }) => type === 15)!), 1)
  t.deepEqual(sizes(bed)[1], 0)
  t.is(bed.proxy.status().sessions + bed.hints.size, 0)
})
