// What an engine leaves behind, and another one takes up: nodes on both sides are to notice nothing but a silence.

import test from 'ava'
import fc from 'fast-check'
import { pfcp } from '../../protocols/pfcp/index.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { N4Proxy } from './n4-proxy.ts'
import { Snapshot } from './snapshot.ts'
import { Bed, optionsOf, upfOf } from './test-bed.ts'
import {
  causeOf,
  chooseOf,
  elementsOf,
  far,
  fSeidOf,
  fTeidOf,
  fTeidsOf,
  groupOf,
  messageOf,
  n3Vip,
  nodeIdOf,
  number32,
  of,
  pdrIdOf,
  pdrOf,
  sessionOf,
  ueAddressOf,
  valueAt,
} from './test-elements.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { N4Options, Upf } from './model.ts'
import type { SimSmf } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2', { dataNetwork: ['10.3.0.2'] })]
const wallMs = 1_700_000_000_000

const snapshotOf = (records: Iterable<Uint8Array>): Snapshot => {
  const snapshot = new Snapshot()
  for (const record of records) snapshot.add(record)
  return snapshot
}

const keptBed = (options: Partial<N4Options> = {}): { readonly bed: Bed; readonly smf: SimSmf } => {
  const bed = new Bed(pool, { ...options, keeping: { nowMs: 1_000_000, wallMs, snapshot: null } })
  bed.advance(100)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  return { bed, smf }
}

/** Another process, some time later, whose clock begins elsewhere. */
const restart = (bed: Bed, options: Partial<N4Options> = {}, records: Iterable<Uint8Array> = bed.kept): void => {
  const awayMs = 2000
  const wallNow = wallMs + bed.nowMs - 1_000_000 + awayMs
  bed.nowMs = 7000
  const keeping = { nowMs: bed.nowMs, wallMs: wallNow, snapshot: snapshotOf(records) }
  bed.proxy = new N4Proxy({ ...optionsOf(pool), ...options, keeping })
  bed.sent.length = 0
}

const hexOf = (records: Iterable<Uint8Array>): readonly string[] =>
  Array.from(records, (record) => Buffer.from(record).toString('hex'))

/** Sessions and nodes, which are the same whenever they are asked for; numbers leap, answers age. */
const lasting = (records: Iterable<Uint8Array>): readonly string[] =>
  hexOf(records)
    .filter((hex) => /^0[2-5]/.test(hex))
    .toSorted()

const described = (bed: Bed) => bed.proxy.sessions(1000).map(({ ageMs: _, ...session }) => session)

test('n4: after a restart sessions are what they were, and are changed and deleted as before (N4.1)', (t) => {
  const { bed, smf } = keptBed()
  const made = Array.from({ length: 6 }, (_, i) => smf.establish(...sessionOf(`10.45.0.${i + 1}`)))
  const before = described(bed)
  const hints = new Map(bed.hints)
  restart(bed)
  t.deepEqual(described(bed), before)
  t.deepEqual(
    bed.proxy.sessions(10).map(({ ageMs }) => ageMs),
    Array(6).fill(2000),
  )
  const { response, seid } = made[0]!
  t.is(causeOf(smf.ask(52, seid, groupOf(9, pdrIdOf(1)))!), 1)
  t.is(causeOf(smf.ask(54, seid)!), 1)
  const [{ teid } = { teid: 0 }] = fTeidsOf(response!)
  t.is(bed.tunnel(teid), null)
  t.is(bed.proxy.sessions(10).length, 5)
  // The others stay as they are in the fast path: nothing is said of them again.
  hints.delete(`teid ${teid.toString(16).padStart(8, '0')}/`)
  hints.delete('ue-ip 0a2d0001/')
  t.deepEqual(bed.hints, hints)
  t.is(causeOf(smf.establish(...sessionOf('10.45.1.1')).response!), 1)
  t.is(new Set(bed.proxy.sessions(10).map((session) => session.seid)).size, 6)
})

test('n4: after a restart nobody is asked for an association, and all hear the same time stamp (N4.1)', (t) => {
  const { bed, smf } = keptBed()
  smf.establish(...sessionOf('10.45.0.1'))
  smf.got.length = 0
  restart(bed)
  bed.advance(300)
  t.deepEqual(
    bed.sent.map(({ message, to }) => [to, message.type]),
    [...pool.map(({ address }) => [address, 1]), ['10.1.0.1', 1]],
  )
  for (const { message } of bed.sent)
    t.deepEqual(valueAt(elementsOf(message), 96), number32.write(optionsOf(pool).recoveryTimeStamp))
  t.like(bed.proxy.status(), { sessions: 1, smfs: [{ state: 'up' }], upfs: [{ state: 'up' }, { state: 'up' }] })
  t.is(causeOf(smf.establish(...sessionOf('10.45.0.2')).response!), 1)
})

test('n4: sequence numbers towards each peer go on beyond all that were used (N4.8)', (t) => {
  const { bed, smf } = keptBed()
  for (let i = 0; i < 50; i++) smf.establish(...sessionOf(`10.45.0.${i + 1}`))
  const lastOf = (to: string): number =>
    Math.max(...bed.sent.filter((one) => one.to === to).map(({ message }) => message.sequence))
  const before = pool.map(({ address }) => lastOf(address))
  restart(bed)
  bed.advance(100)
  for (const [i, { address }] of pool.entries()) {
    const [first] = bed.sent.filter(({ to }) => to === address)
    t.true(first!.message.sequence > before[i]!, `${first!.message.sequence} after ${before[i]}`)
  }
})

test('n4: the retransmission of a request that was answered before a restart gets the same answer (N4.8)', (t) => {
  const { bed, smf } = keptBed()
  smf.establish(...sessionOf('10.45.0.1'))
  const answer = bed.sent.at(-1)!
  t.is(answer.message.type, 51)
  restart(bed)
  const node = nodeIdOf('10.1.0.1')
  const again = messageOf(50, 0n, smf.sequence, [node, fSeidOf(0x26n, '10.1.0.1'), ...sessionOf('10.45.0.1')])
  t.deepEqual(pfcp.encode(smf.send(again)!), pfcp.encode(answer.message))
  t.is(bed.proxy.status().sessions, 1)
})

test('n4: a request whose answer came while nobody was there is dealt with when it comes again (N4.8)', (t) => {
  const { bed, smf } = keptBed()
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  const upf = bed.upf('10.0.0.1')
  upf.lose = 1
  t.is(smf.ask(52, seid, groupOf(9, pdrIdOf(1))), null)
  restart(bed)
  t.is(causeOf(smf.send(messageOf(52, seid, smf.sequence, [groupOf(9, pdrIdOf(1))]))!), 1)
})

for (const onLoss of ['report', 'restore'] as const) {
  test(`n4: a UPF that restarted meanwhile is found out by its first heartbeat, policy ${onLoss} (N4.13)`, (t) => {
    const { bed, smf } = keptBed({ onLoss })
    const { response, seid } = smf.establish(...sessionOf('10.45.0.1'))
    const [{ teid } = { teid: 0 }] = fTeidsOf(response!)
    const dead = bed.upf('10.0.0.1')
    dead.sessions.clear()
    dead.recovery++
    restart(bed, { onLoss })
    bed.advance(300)
    t.true(bed.events.some((event) => event.kind === 'upf-down' && event.reason === 'time-stamp'))
    if (onLoss === 'report') {
      t.is(smf.got.filter(({ type }) => type === 56).length, 1)
      t.is(bed.proxy.status().sessions, 0)
      return
    }
    t.like(bed.tunnel(teid), { upf: '10.0.0.2' })
    t.is(causeOf(smf.ask(52, seid, groupOf(9, pdrIdOf(1)))!), 1)
  })
}

test('n4: a UPF that left the configuration meanwhile is drained, one that came takes sessions (N4.15)', (t) => {
  const { bed, smf } = keptBed()
  for (let i = 0; i < 4; i++) smf.establish(...sessionOf(`10.45.0.${i + 1}`))
  const upfs = [pool[0]!, upfOf('c', '10.0.0.3')]
  bed.upf('10.0.0.3')
  restart(bed, { upfs })
  bed.advance(200)
  t.deepEqual(
    bed.proxy.status().upfs.map(({ name, sessions, state }) => [name, state, sessions]),
    [
      ['a', 'up', 2],
      ['b', 'draining', 2],
      ['c', 'up', 0],
    ],
  )
  smf.establish(...sessionOf('10.45.0.9'))
  t.is(bed.upf('10.0.0.3').sessions.size, 1)
})

test('n4: PFDs, sets and features outlive a restart (N4.4, N4.12)', (t) => {
  const { bed, smf } = keptBed()
  t.is(causeOf(smf.ask(3, null, groupOf(58, of(24, 1, 2), groupOf(59, of(61, 1, 0, 0, 1, 65))))!), 1)
  const set = of(65, 1, 10, 0, 0, 1, 0, 7)
  bed.upf('10.0.0.1').sessionExtra = [set]
  const { response } = smf.establish(...sessionOf('10.45.0.1'))
  const ours = valueAt(elementsOf(response!), 65)
  restart(bed, { upfs: [...pool, upfOf('c', '10.0.0.3')] })
  bed.upf('10.0.0.3').features = Uint8Array.of(0x10, 0x01)
  bed.advance(200)
  t.true(bed.upf('10.0.0.3').got.some(({ type }) => type === 3))
  const told = bed.fromUpf(bed.upf('10.0.0.1'), messageOf(14, null, 9, [nodeIdOf('10.0.0.1'), set]))
  t.is(causeOf(told!), 1)
  const asked = smf.got.findLast(({ type }) => type === 14)
  t.deepEqual(valueAt(elementsOf(asked!), 65), ours)
  t.is(bed.proxy.status().sessions, 0)
})

test('n4: a restoration that was under way is begun again (N4.13)', (t) => {
  const { bed, smf } = keptBed({ onLoss: 'restore' })
  const { response } = smf.establish(...sessionOf('10.45.0.1'))
  const [{ teid } = { teid: 0 }] = fTeidsOf(response!)
  bed.upf('10.0.0.2').dead = true
  const dead = bed.upf('10.0.0.1')
  dead.recovery++
  dead.sessions.clear()
  bed.advance(5100)
  t.like(bed.proxy.sessions(1)[0], { state: 'restoring' })
  bed.upf('10.0.0.2').dead = false
  restart(bed, { onLoss: 'restore' })
  bed.advance(200)
  t.like(bed.proxy.sessions(1)[0], { state: 'up' })
  t.not(bed.tunnel(teid), null)
})

test('n4: sessions that were lost together are restored, also those whose loss was not kept (N4.13)', (t) => {
  const { bed, smf } = keptBed({ onLoss: 'restore' })
  for (let i = 0; i < 4; i++) smf.establish(...sessionOf(`10.45.0.${i + 1}`))
  const before = bed.kept.length
  bed.upf('10.0.0.1').dead = true
  bed.advance(9100)
  const isOfNodes = ([kind]: Uint8Array): boolean => kind === 2
  restart(
    bed,
    { onLoss: 'restore' },
    bed.kept.filter((record, i) => i < before || isOfNodes(record)),
  )
  bed.advance(300)
  t.deepEqual(
    bed.proxy.sessions(10).map(({ state, upf }) => [state, upf]),
    Array.from({ length: 4 }, () => ['up', 'b']),
  )
})

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('establish' as const), address: fc.nat(20), given: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('modify' as const), session: fc.nat(20), how: fc.nat(4) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), session: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('upf' as const), upf: fc.nat(1), how: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('smf' as const), how: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(100, 1000, 8000) }) },
)

const csid = of(65, 1, 10, 1, 0, 1, 0, 1)
const setId = of(180, 0, 1, 65)
const upfSet = of(65, 1, 10, 0, 0, 1, 0, 7)

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

interface Play {
  readonly bed: Bed
  readonly smf: SimSmf
  readonly seids: bigint[]
  upfs: readonly Upf[]
}

/** Sessions have no address in common: what several share is as the last of them to change says. */
const modifications = (session: number): readonly (readonly PfcpElement[])[] => [
  [groupOf(9, pdrIdOf(1), groupOf(2, of(20, 0), chooseOf()))],
  [groupOf(15, pdrIdOf(1))],
  [pdrOf(3, fTeidOf(0x5555, n3Vip), of(93, 0x0d, session, ...Array.from({ length: 15 }, (_, i) => i), 4))],
  [fSeidOf(99n, '10.1.0.9')],
  [groupOf(1, pdrIdOf(4), groupOf(2, of(20, 0), ueAddressOf(`10.46.0.${session}`)))],
]

function playUpf(made: Play, address: string, how: number): void {
  const { bed, seids, smf } = made
  const upf = bed.upf(address)
  if (how === 0) upf.recovery++
  if (how === 0) upf.sessions.clear()
  if (how === 1) upf.dead = true
  if (how === 2) upf.dead = false
  if (how === 3) bed.fromUpf(upf, messageOf(7, null, 500, [nodeIdOf(address), of(111, 1), of(112, 1)]))
  if (how === 4) upf.sessionExtra = [upfSet, groupOf(51, of(52, 0, 0, 0, 1), of(53, 50))]
  if (how === 5) made.upfs = pool.filter((one) => one.address !== address)
  if (how === 7) made.upfs = pool
  if (how === 5 || how === 7) bed.configure(made.upfs)
  if (how === 6) bed.fromUpf(upf, messageOf(14, null, smf.sequence, [nodeIdOf(address), upfSet]))
  if (how === 4 && seids.length > 3) smf.ask(14, null, nodeIdOf('10.1.0.1'), csid)
}

function playSmf({ bed, smf, seids }: Play, how: number): void {
  if (how === 0) smf.recovery++
  if (how === 0) smf.associate()
  if (how === 1) smf.cause = 65
  if (how === 2) smf.cause = 1
  if (how === 3) smf.reportExtra = [fSeidOf(77n, '10.1.0.9')]
  if (how === 4) smf.cause = 78
  if (how === 4) smf.reportExtra = [of(178, 2, 10, 1, 0, 9)]
  if (how === 5) smf.dead = !smf.dead
  if (how === 6) smf.ask(16, null, nodeIdOf(smf.address), groupOf(290, csid, of(178, 2, 10, 1, 0, 9)))
  if (how === 8) smf.associate(groupOf(183), setId)
  if (how !== 7) return
  const seid = seids.at(-1) ?? 0n
  for (const { address } of pool) bed.fromUpf(bed.upf(address), messageOf(56, seid, smf.sequence, [of(39, 1)]))
}

function play(made: Play, one: Step): void {
  const { bed, seids, smf } = made
  const seidOf = (index: number): bigint => seids[index % Math.max(1, seids.length)] ?? 0n
  switch (one.kind) {
    case 'establish': {
      const tunnel = one.given ? fTeidOf(0x7000 + one.address, n3Vip) : chooseOf()
      seids.push(
        smf.establish(pdrOf(1, tunnel, ueAddressOf(`10.45.0.${seids.length}`)), pdrOf(2, chooseOf(1)), far, csid).seid,
      )
      return
    }
    case 'modify':
      return void smf.ask(52, seidOf(one.session), ...modifications(one.session % Math.max(1, seids.length))[one.how]!)
    case 'delete':
      return void smf.ask(54, seidOf(one.session))
    case 'upf':
      return playUpf(made, pool[one.upf]!.address, one.how)
    case 'smf':
      return playSmf(made, one.how)
    case 'pass':
      return bed.advance(one.ms)
  }
}

const timers = { drainMs: 4000, smfLostMs: 2000 }
/** Nodes are looked at once a second, and may have changed since. */
const withoutNodes = (hex: readonly string[]): readonly string[] => hex.filter((record) => !record.startsWith('02'))
const isSame = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b)

test('n4: whatever happens, what was written down says all there is, and another engine says it too', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 15, maxLength: 50 }),
        fc.constantFrom('report', 'restore', 'refuse'),
        (steps, onLoss) => {
          const made = { ...keptBed({ onLoss, timers }), seids: [], upfs: pool }
          made.smf.associate(setId)
          made.bed.smf('10.1.0.9').associate(setId)
          const { bed } = made
          for (const one of steps) play(made, one)
          bed.advance(100)
          const taken = (records: Iterable<Uint8Array>): readonly string[] => {
            const keeping = { nowMs: 50, wallMs: wallMs + bed.nowMs - 1_000_000 + 50, snapshot: snapshotOf(records) }
            return lasting(new N4Proxy({ ...optionsOf(made.upfs), onLoss, timers, keeping }).save())
          }
          const whole = lasting(bed.proxy.save())
          return isSame(taken(bed.proxy.save()), whole) && isSame(withoutNodes(taken(bed.kept)), withoutNodes(whole))
        },
      ),
      { numRuns: 300 },
    ),
  )
})

test('n4: records that were changed or cut are refused as such, or read, and nothing else is thrown', (t) => {
  const { bed, smf } = keptBed({ onLoss: 'restore' })
  for (let i = 0; i < 3; i++) smf.establish(...sessionOf(`10.45.0.${i + 1}`), of(65, 1, 10, 1, 0, 1, 0, 1))
  const records = [...bed.proxy.save()]
  const refused = { cut: 0, changed: 0 }
  const takeUp = (altered: readonly Uint8Array[], how: keyof typeof refused): void => {
    try {
      const keeping = { nowMs: 0, wallMs, snapshot: snapshotOf(altered) }
      new N4Proxy({ ...optionsOf(pool), keeping }).tick(1)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused[how]++
    }
  }
  t.notThrows(() => {
    for (const [index, record] of records.entries()) {
      for (let length = 0; length < record.length; length++)
        takeUp(records.with(index, record.subarray(0, length)), 'cut')
      for (let bit = 0; bit < record.length * 8; bit++) {
        const changed = record.slice()
        changed[bit >> 3]! ^= 1 << (bit & 7)
        takeUp(records.with(index, changed), 'changed')
      }
    }
  })
  // But for the SEID's own bytes a cut record is never whole.
  t.is(
    refused.cut,
    records.reduce((sum, { length }) => sum + length, 0),
  )
  t.true(refused.changed > 100)
})

test('n4: after a restart what comes by a tunnel of the core side is still for the user (N4.1)', (t) => {
  const { bed, smf } = keptBed()
  smf.establish(pdrOf(1, chooseOf()), groupOf(1, pdrIdOf(2), groupOf(2, of(20, 1), chooseOf())), far)
  restart(bed)
  t.deepEqual(
    bed.proxy
      .sessions(1)[0]
      ?.tunnels.map(({ direction }) => direction)
      .toSorted(),
    ['down', 'up'],
  )
})

test('n4: a name of a peer is kept however long it is', (t) => {
  const { bed, smf } = keptBed()
  const setId = { type: 180, value: new Uint8Array(40_000).fill(7) }
  t.is(causeOf(smf.associate(setId)!), 1)
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  const before = described(bed)
  restart(bed)
  t.deepEqual(described(bed), before)
  t.is(causeOf(smf.ask(54, seid)!), 1)
})

test('n4: what a UPF has chosen is learnt wherever the number of its rule stands, and not without one', (t) => {
  const { bed, smf } = keptBed()
  for (const upf of pool) {
    const [first, second] = [fTeidOf(0x7001, upf.address), fTeidOf(0x7002, upf.address)]
    bed.upf(upf.address).sessionExtra = [groupOf(8, first, pdrIdOf(9)), groupOf(8, second, ueAddressOf('10.45.9.9'))]
  }
  smf.establish(pdrOf(9, chooseOf()), far)
  t.deepEqual(
    bed.proxy.sessions(9).map(({ tunnels }) => tunnels.map(({ upfTeid }) => upfTeid)),
    [['0x00000001', '0x00007001']],
  )
  t.is(bed.count('answer-without-rule-id'), 2)
  const before = described(bed)
  restart(bed)
  t.deepEqual(described(bed), before)
})
