// Changes of sessions that no request about them makes: they are kept with the datagram that they go with.

import test from 'ava'
import { N4Proxy } from './n4-proxy.ts'
import { Snapshot } from './snapshot.ts'
import { Bed, optionsOf, upfOf } from './test-bed.ts'
import { elementsOf, fSeidOf, fTeidsOf, messageOf, nodeIdOf, of, sessionOf, valueAt } from './test-elements.ts'
import type { N4Options } from './model.ts'
import type { SimSmf } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]

const keptBed = (options: Partial<N4Options> = {}): { readonly bed: Bed; readonly smf: SimSmf } => {
  const bed = new Bed(pool, { ...options, keeping: { nowMs: 1_000_000, wallMs: 0, snapshot: null } })
  bed.advance(100)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  return { bed, smf }
}

/** Another process goes on from what was kept. */
const restart = (bed: Bed, options: Partial<N4Options> = {}): void => {
  const snapshot = new Snapshot()
  for (const record of bed.kept) snapshot.add(record)
  const keeping = { nowMs: bed.nowMs, wallMs: bed.nowMs - 1_000_000, snapshot }
  bed.proxy = new N4Proxy({ ...optionsOf(pool), ...options, keeping })
}

test('n4: an SMF that gives another F-SEID with its answer to a report is known by it after a restart (N4.10)', (t) => {
  const { bed, smf } = keptBed()
  const other = bed.smf('10.1.0.9')
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  const upf = bed.upf('10.0.0.1')
  const report = (sequence: number) => bed.fromUpf(upf, messageOf(56, seid, sequence, [of(39, 1)]))
  smf.reportExtra = [fSeidOf(77n, '10.1.0.9')]
  t.is(report(500)?.type, 57)
  restart(bed)
  report(501)
  t.like(other.got.at(-1), { type: 56, seid: 77n })
})

test('n4: sessions that a UPF has deleted by set are led nowhere after a restart, before SMFs have answered', (t) => {
  const { bed, smf } = keptBed()
  const set = of(65, 1, 10, 0, 0, 1, 0, 7)
  const upf = bed.upf('10.0.0.1')
  upf.sessionExtra = [set]
  const { response } = smf.establish(...sessionOf('10.45.0.1'))
  const [{ teid } = { teid: 0 }] = fTeidsOf(response!)
  t.not(bed.tunnel(teid), null)
  smf.dead = true
  bed.fromUpf(upf, messageOf(14, null, 500, [nodeIdOf('10.0.0.1'), set]))
  t.is(bed.hints.size, 0)
  t.is(bed.proxy.status().sessions, 1)
  restart(bed)
  t.deepEqual([...bed.proxy.installed()], [])
})

test('n4: a session that a UPF reports to be of a set is of it after a restart (N4.12)', (t) => {
  const { bed, smf } = keptBed()
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  const set = of(65, 1, 10, 0, 0, 1, 0, 7)
  const upf = bed.upf('10.0.0.1')
  bed.fromUpf(upf, messageOf(56, seid, 500, [of(39, 1), set]))
  const told = valueAt(elementsOf(smf.got.at(-1)!), 65)
  t.not(told, null)
  restart(bed)
  bed.fromUpf(upf, messageOf(14, null, 501, [nodeIdOf('10.0.0.1'), set]))
  t.like(smf.got.at(-1), { type: 14 })
  t.deepEqual(valueAt(elementsOf(smf.got.at(-1)!), 65), told)
  t.is(bed.proxy.status().sessions, 0)
})

test('n4: a session that could not be restored is not restored by the next process either (N4.13)', (t) => {
  const onLoss = 'restore'
  const { bed, smf } = keptBed({ onLoss })
  smf.establish(...sessionOf('10.45.0.1'))
  const [dead, other] = [bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]
  dead.dead = true
  other.cause = 75
  smf.dead = true
  while (bed.count('sessions-not-restored') === 0) bed.advance(100)
  t.like(bed.proxy.sessions(1)[0], { state: 'lost' })
  restart(bed, { onLoss })
  t.like(bed.proxy.sessions(1)[0], { state: 'lost' })
  other.cause = 1
  smf.dead = false
  smf.got.length = 0
  bed.advance(300)
  t.deepEqual(
    smf.got.filter(({ type }) => type === 56).map(({ seid }) => seid),
    [0x26n],
  )
  t.is(other.sessions.size, 0)
})
