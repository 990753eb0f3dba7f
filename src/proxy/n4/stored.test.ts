// What is kept of a session's requests, and how much a session may ask for: one datagram may hold thousands of rules.

import test from 'ava'
import { N4Proxy } from './n4-proxy.ts'
import { merge } from './merging.ts'
import { Snapshot } from './snapshot.ts'
import { optionsOf, readyBed, upfOf } from './test-bed.ts'
import {
  allOf,
  causeOf,
  chooseOf,
  elementsOf,
  far,
  groupOf,
  messageOf,
  number32,
  of,
  pdrIdOf,
  pdrOf,
  valueAt,
} from './test-elements.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]

const farIdOf = (id: number): PfcpElement => ({ type: 108, value: number32.write(id) })
const farOf = (id: number): PfcpElement => groupOf(3, farIdOf(id), of(44, 2))
const qerOf = (id: number): PfcpElement => groupOf(7, { type: 109, value: number32.write(id) }, of(25, 0))
const updateOf = (id: number, ...more: readonly PfcpElement[]): PfcpElement => groupOf(10, farIdOf(id), ...more)
const removalOf = (id: number): PfcpElement => groupOf(16, farIdOf(id))
const many = (count: number, make: (i: number) => PfcpElement): PfcpElement[] =>
  Array.from({ length: count }, (_, i) => make(i))
const session = [pdrOf(1, chooseOf()), far]

/** The same elements; `looks` counts how often the type of any of them is read. */
function watched(elements: readonly PfcpElement[], looks: { count: number }): readonly PfcpElement[] {
  return elements.map(({ type, value }) => {
    const inside = value instanceof Uint8Array ? value : watched(value, looks)
    return {
      get type() {
        looks.count++
        return type
      },
      value: inside,
    }
  })
}

const nameOf = (i: number): PfcpElement => of(106, i >> 8, i & 255)
const unknownOf = (i: number): PfcpElement => of(20_000 + i, 1)
/** What a session is made of, what becomes of it, and how many elements it then has, each in a size. */
const changes: readonly (readonly [
  string,
  (size: number) => readonly [readonly PfcpElement[], readonly PfcpElement[], number],
])[] = [
  ['rules are made', (size) => [many(size, farOf), many(size, (i) => farOf(i + size)), size * 2]],
  ['rules are made again', (size) => [many(size, farOf), many(size, farOf), size]],
  ['rules are removed', (size) => [many(size, farOf), many(size, removalOf), 0]],
  ['rules are changed', (size) => [many(size, farOf), many(size, (i) => updateOf(i, of(44, 1))), size]],
  ['one rule is changed', (size) => [[groupOf(3, farIdOf(1), ...many(size, unknownOf))], many(size, farChange), 1]],
  ['a rule is there often', (size) => [many(size, () => farOf(1)), many(size, () => updateOf(1, of(44, 1))), 1]],
  [
    'elements of a rule are changed',
    (size) => [
      [groupOf(3, farIdOf(1), ...many(size, unknownOf))],
      [updateOf(1, ...many(size, (i) => unknownOf(i + size)))],
      1,
    ],
  ],
  [
    'a part of a rule is changed',
    (size) => [
      [groupOf(3, farIdOf(1), ...many(size, unknownOf), groupOf(4))],
      [updateOf(1, ...many(size, (i) => groupOf(11, unknownOf(i))))],
      1,
    ],
  ],
  [
    'predefined rules are deactivated',
    (size) => [
      [groupOf(1, pdrIdOf(1), ...many(size, nameOf))],
      [groupOf(9, pdrIdOf(1), ...many(size, (i) => ({ ...nameOf(i), type: 107 })))],
      1,
    ],
  ],
  ['what lasts is said again', (size) => [[], many(size, () => of(117, 0, 0, 0, 9)), 1]],
]
const farChange = (i: number): PfcpElement => updateOf(1, of(44, i & 255))

for (const [what, make] of changes) {
  test(`n4: the work of keeping a change grows with its size, not with its square: ${what}`, (t) => {
    const looksAt = (size: number): number => {
      const looks = { count: 0 }
      const [before, change, left] = make(size)
      t.is(merge(watched(before, looks), [watched(change, looks)]).length, left)
      return looks.count
    }
    const [some, more] = [looksAt(500), looksAt(2000)]
    t.true(more <= some * 4.1, `${more} after ${some}`)
  })
}

test('n4: an update replaces all of a type by all that it has of it, and leaves the rest', (t) => {
  const [one, two, three] = [1, 2, 3].map((i): PfcpElement => ({ type: 109, value: number32.write(i) }))
  const rule = groupOf(1, pdrIdOf(1), of(29, 7), one!, nameOf(1), nameOf(2))
  const deactivated = { ...nameOf(1), type: 107 }
  t.deepEqual(merge([rule], [[groupOf(9, pdrIdOf(1), two!, three!, deactivated, nameOf(3))]]), [
    groupOf(1, of(29, 7), nameOf(2), pdrIdOf(1), two!, three!, nameOf(3)),
  ])
})

test('n4: what an update has without a value goes, element or group', (t) => {
  const duplicating = groupOf(5, of(42, 1))
  const rule = groupOf(3, farIdOf(1), groupOf(4, of(42, 0), of(22, 110, 51)), duplicating, of(88, 1))
  t.deepEqual(merge([rule], [[updateOf(1, groupOf(11, of(22)), of(88))]]), [
    groupOf(3, groupOf(4, of(42, 0)), duplicating, farIdOf(1)),
  ])
  t.deepEqual(merge([rule], [[updateOf(1, groupOf(105))]]), [
    groupOf(3, groupOf(4, of(42, 0), of(22, 110, 51)), of(88, 1), farIdOf(1)),
  ])
})

test('n4: a change that is longer than what is kept of a session is accepted, and ends the keeping of it', (t) => {
  const { bed, smf } = readyBed(pool, { onLoss: 'restore', limits: { storedBytes: 2000 } })
  const { seid } = smf.establish(...session)
  // It comes to little, and is not worth the work.
  t.is(causeOf(smf.ask(52, seid, ...many(200, () => updateOf(1, of(44, 4))))!), 1)
  t.is(bed.count('session-too-long-to-restore'), 1)
  t.is(causeOf(smf.ask(52, seid, updateOf(1, of(44, 2)))!), 1)
  bed.upf('10.0.0.1').dead = true
  bed.advance(10_000)
  t.is(bed.count('sessions-restored'), 0)
  t.is(smf.got.filter(({ type }) => type === 56).length, 1)
  smf.establish(...session, ...many(150, (i) => farOf(i + 2)))
  t.is(bed.count('session-too-long-to-restore'), 2, 'one that is so from the beginning')
})

for (const options of [{}, { onLoss: 'restore' }, { localNetworkInstances: ['mec'] }] as const) {
  test(`n4: FARs and the like beyond the limit get cause 75, with ${JSON.stringify(options)}`, (t) => {
    const { bed, smf } = readyBed(pool, options)
    const { response, seid } = smf.establish(...session, ...many(879, (i) => farOf(i + 2)))
    t.is(causeOf(response!), 1)
    const asked = bed.upf('10.0.0.1').got.length
    t.is(causeOf(smf.ask(52, seid, ...many(3500, (i) => farOf(i + 10_000)))!), 75)
    t.is(causeOf(smf.ask(52, seid, ...many(145, (i) => qerOf(i + 1)))!), 75)
    t.is(causeOf(smf.ask(52, seid, ...many(1025, () => updateOf(1)))!), 75)
    t.is(causeOf(smf.ask(52, seid, ...many(1025, removalOf))!), 75)
    t.is(causeOf(smf.establish(...session, ...many(1024, (i) => qerOf(i + 1))).response!), 75)
    t.is(bed.count('refused-75'), 5)
    t.is(bed.upf('10.0.0.1').got.length, asked)
    t.is(causeOf(smf.ask(52, seid, ...many(144, (i) => qerOf(i + 1)))!), 1)
    t.is(causeOf(smf.ask(52, seid, farOf(5000))!), 75)
    t.is(causeOf(smf.ask(52, seid, removalOf(2), farOf(5000))!), 1)
    t.is(causeOf(smf.ask(52, seid, removalOf(3))!), 1)
    t.is(causeOf(smf.ask(52, seid, farOf(5001))!), 1)
  })
}

test('n4: PDRs that go are counted too, and more than there can be are refused', (t) => {
  const { smf } = readyBed(pool, { limits: { rules: 4 } })
  const { seid } = smf.establish(...session)
  t.is(causeOf(smf.ask(52, seid, ...many(9, (i) => groupOf(15, pdrIdOf(i + 1))))!), 75)
  t.is(causeOf(smf.ask(52, seid, ...many(8, (i) => groupOf(15, pdrIdOf(i + 1))))!), 1)
})

test('n4: rules of requests that are under way count, and those of refused ones do not any more', (t) => {
  const { bed, smf } = readyBed(pool, { limits: { rules: 4, treatments: 4 } })
  const upf = bed.upf('10.0.0.1')
  const { seid } = smf.establish(...session)
  upf.lose = 2
  t.is(smf.ask(52, seid, farOf(2), farOf(3)), null)
  t.is(smf.ask(52, seid, ...many(4, (i) => pdrOf(i + 2, chooseOf()))), null)
  t.is(causeOf(smf.ask(52, seid, farOf(4), farOf(5))!), 75)
  t.is(causeOf(smf.ask(52, seid, ...many(4, (i) => pdrOf(i + 6, chooseOf())))!), 75)
  const answer = upf.answer.bind(upf)
  upf.answer = (message) =>
    message.type === 52 ? [messageOf(53, 1n, message.sequence, [of(19, 73)])] : answer(message)
  bed.advance(1100)
  upf.answer = answer
  t.is(causeOf(smf.ask(52, seid, farOf(4), farOf(5), ...many(4, (i) => pdrOf(i + 6, chooseOf())))!), 1)
})

test('n4: how many rules a session has is known after a restart too (N4.1)', (t) => {
  const keeping = { nowMs: 1_000_000, wallMs: 0, snapshot: null }
  const { bed, smf } = readyBed(pool, { keeping, limits: { treatments: 4 } })
  const { seid } = smf.establish(...session, farOf(2))
  const snapshot = new Snapshot()
  for (const record of bed.kept) snapshot.add(record)
  bed.proxy = new N4Proxy({ ...optionsOf(pool), limits: { treatments: 4 }, keeping: { ...keeping, snapshot } })
  t.is(causeOf(smf.ask(52, seid, farOf(3), farOf(4), farOf(5))!), 75)
  t.is(causeOf(smf.ask(52, seid, farOf(3), farOf(4))!), 1)
})

test('n4: what is kept of a session with many rules is all of them, as they are now (N4.13)', (t) => {
  const { bed, smf } = readyBed(pool, { onLoss: 'restore' })
  const { seid } = smf.establish(...session, ...many(300, (i) => farOf(i + 2)))
  smf.ask(52, seid, ...many(150, (i) => removalOf(i * 2 + 2)), ...many(150, (i) => updateOf(i * 2 + 3, of(44, 4))))
  smf.ask(52, seid, ...many(100, (i) => farOf(i + 1000)))
  bed.upf('10.0.0.1').dead = true
  bed.advance(10_000)
  const again = allOf(elementsOf(bed.upf('10.0.0.2').got.find(({ type }) => type === 50)!), 3)
  t.deepEqual(
    again.map((group) => [Buffer.from(valueAt(group, 108)!).readUInt32BE(), valueAt(group, 44)![0]]),
    [
      [1, 2],
      ...Array.from({ length: 150 }, (_, i) => [i * 2 + 3, 4]),
      ...Array.from({ length: 100 }, (_, i) => [i + 1000, 2]),
    ],
  )
})
