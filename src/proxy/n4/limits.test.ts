// Tables that are full: what is refused or forgotten, and by which counter it is seen.

import test from 'ava'
import { N4Proxy } from './n4-proxy.ts'
import { Snapshot } from './snapshot.ts'
import { optionsOf, readyBed, startedBed, upfOf } from './test-bed.ts'
import { causeOf, chooseOf, far, messageOf, pdrOf, sessionOf } from './test-elements.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]

test('n4: UPFs beyond the limit are refused and counted, whether they come at once or later', (t) => {
  const more = [...pool, upfOf('c', '10.0.0.3'), upfOf('d', '10.0.0.4')]
  const bed = startedBed(more, { limits: { upfs: 3 } })
  t.is(bed.count('upf-beyond-limit'), 1)
  t.true(bed.events.some((event) => event.kind === 'upf-refused' && event.upf === 'd'))
  // One of them is still being drained, and has its place until then.
  bed.smf('10.1.0.1').associate()
  for (let i = 1; i <= 3; i++) bed.smf('10.1.0.1').establish(...sessionOf(`10.45.0.${i}`))
  bed.configure(more.slice(1))
  t.is(bed.count('upf-beyond-limit'), 2)
  t.is(bed.proxy.status().upfs.length, 3)
})

test('n4: answers beyond the limit are forgotten, the oldest first, and counted (N4.8)', (t) => {
  const keeping = { nowMs: 1_000_000, wallMs: 0, snapshot: null }
  const limits = { answers: 2 }
  const { bed, smf } = readyBed(pool, { keeping, limits })
  const requests = [1, 2, 3].map((i) => messageOf(52, BigInt(i), 100 + i, []))
  for (const request of requests) smf.send(request)
  t.is(bed.count('answers-forgotten'), 2)
  const again = (): number => {
    const before = bed.count('answered-again')
    for (const request of requests.toReversed()) smf.send(request)
    return bed.count('answered-again') - before
  }
  // The first is answered anew, and takes the place of the second.
  t.is(again(), 2)
  const records = new Snapshot()
  for (const record of bed.kept) records.add(record)
  const more = { ...optionsOf(pool), keeping: { ...keeping, snapshot: records }, limits: { answers: 1 } }
  bed.proxy = new N4Proxy(more)
  t.is(bed.count('answers-forgotten'), 3)
  smf.send(requests[0]!)
  t.is(bed.count('answered-again'), 1, 'the newest is kept')
})

test('n4: late answers are waited for up to a limit, and those beyond it are counted', (t) => {
  const { bed, smf } = readyBed([pool[0]!])
  bed.upf('10.0.0.1').dead = true
  for (let i = 0; i < 4100; i++) smf.establish(pdrOf(1, chooseOf()), far)
  bed.advance(4100)
  t.is(bed.count('establishment-unanswered'), 4100)
  t.is(bed.count('late-answers-not-awaited'), 4)
})

test('n4: tables that are full refuse by name', (t) => {
  const { bed, smf } = readyBed(pool, { limits: { sessions: 2 } })
  for (let i = 1; i <= 2; i++) t.is(causeOf(smf.establish(...sessionOf(`10.45.0.${i}`)).response!), 1)
  t.is(causeOf(smf.establish(...sessionOf('10.45.0.3')).response!), 75)
  t.is(bed.count('refused-75'), 1)
  const crowd = startedBed(pool, { limits: { smfs: 1 } })
  t.is(causeOf(crowd.smf('10.1.0.1').associate()!), 1)
  t.is(causeOf(crowd.smf('10.1.0.2').associate()!), 75)
  const few = readyBed(pool, { limits: { pending: 0 } })
  t.is(few.bed.count('too-many-requests'), 1)
})
