import test from 'ava'
import { encodeMessage, bytes, element, group, number16 } from '../../src/sim/pfcp.ts'
import { typedFTeid } from '../../src/protocols/pfcp/index.ts'
import { gapOf } from './failover.ts'
import { toRow } from './row.ts'
import { timeOfEvent } from './scene.ts'
import { Trials } from './trials.ts'
import type { Way } from './trials.ts'

const answer = (teid: number): Uint8Array => {
  const fTeid = bytes(element.fTeid, typedFTeid.write({ kind: 'given', teid, ipv4: new Uint8Array(4), ipv6: null }))
  const created = group(element.createdPdr, number16(element.pdrId, 1), fTeid)
  return encodeMessage({ type: 51, seid: 1n, elements: [created] }, 7)
}

test('bench: a tunnel counts as visible only while its hint leads to the UPF and the TEID that were answered', (t) => {
  const hints = new Map<number, Way>()
  const trials = new Trials((teid) => hints.get(teid) ?? null)
  const trial = (...ways: readonly Way[]): void => {
    trials.comesIn('10.0.0.1', answer(5))
    for (const way of ways) hints.set(99, way)
    trials.goesOut(answer(99))
  }
  trial()
  t.deepEqual(trials.outcome(), { trials: 1, visible: 0, missing: 1, wrong: 0 })
  trial({ upf: '10.0.0.2', teid: 5 })
  trial({ upf: '10.0.0.1', teid: 99 })
  t.deepEqual(trials.outcome(), { trials: 3, visible: 0, missing: 1, wrong: 2 })
  trial({ upf: '10.0.0.1', teid: 5 })
  t.deepEqual(trials.outcome(), { trials: 4, visible: 1, missing: 1, wrong: 2 })
})

test('bench: answers of two UPFs that come before either is told are told apart', (t) => {
  const trials = new Trials((teid) => ({ upf: teid === 8 ? '10.0.0.1' : '10.0.0.2', teid: 5 }))
  for (const upf of ['10.0.0.1', '10.0.0.2']) trials.comesIn(upf, answer(5))
  for (const teid of [8, 9]) trials.goesOut(answer(teid))
  t.like(trials.outcome(), { trials: 2, visible: 2 })
})

test('bench: an answer that no UPF has given is no visible one, whatever the hint says', (t) => {
  const trials = new Trials(() => ({ upf: '10.0.0.1', teid: 5 }))
  trials.goesOut(answer(5))
  t.like(trials.outcome(), { trials: 1, wrong: 1 })
})

test('bench: the gap of probes is counted from detection, and the last one is the worst', (t) => {
  const moves = [10, 60, 99, 100].map((moved, index) => ({ atMs: 1000 + index * 100, moved }))
  t.is(gapOf(moves, 950, 0.5), 150)
  t.is(gapOf(moves, 950, 1), 350)
  t.throws(() => gapOf(moves.slice(0, 2), 950, 1), { message: /answered again/ })
})

test('bench: a row that misses its goal, or has a problem, is not ok', (t) => {
  const measured = { case: 'x', unit: 'ms', goal: 10, better: 'less', beside: {} } as const
  t.true(toRow({ ...measured, value: 10 }, []).ok)
  t.false(toRow({ ...measured, value: 11 }, []).ok)
  t.true(toRow({ ...measured, better: 'more', value: 11 }, []).ok)
  t.like(toRow({ ...measured, value: 1 }, ['lost']), { ok: false, problem: 'lost' })
})

test('bench: the time of an event is that of its first line in the log', (t) => {
  const line = (time: string, msg: string): string => JSON.stringify({ level: 40, time, msg })
  const log = [line('2026-01-01T00:00:00.250Z', 'other'), line('2026-01-01T00:00:01.500Z', 'n4: upf-down'), ''].join(
    '\n',
  )
  t.is(timeOfEvent(log, 'n4: upf-down'), Date.parse('2026-01-01T00:00:01.500Z'))
  t.is(timeOfEvent(log, 'n4: upf-up'), null)
})
