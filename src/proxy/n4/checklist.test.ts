// What a balancer of N4 has to show and no other test of the engine does.

import test from 'ava'
import { typedNodeId } from '../../protocols/pfcp/index.ts'
import { readyBed, startedBed, upfOf } from './test-bed.ts'
import {
  causeOf,
  chooseOf,
  elementsOf,
  far,
  fSeidOf,
  fTeidOf,
  fTeidsOf,
  groupOf,
  ipv4,
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
  vip,
} from './test-elements.ts'
import type { PfcpElement, PfcpMessage } from '../../protocols/pfcp/index.ts'
import type { Bed } from './test-bed.ts'

const [upA, upB] = ['10.0.0.1', '10.0.0.2'] as const
const pool = [upfOf('a', upA), upfOf('b', upB)]
const [smfA, smfB] = ['10.1.0.1', '10.1.0.2'] as const
const set = of(180, 0, 3, 0x73, 0x65, 0x74)
const csid = (node: string, number: number): PfcpElement => of(65, 1, ...ipv4(node), 0, number)
const sizes = (bed: Bed): readonly number[] => pool.map(({ address }) => bed.upf(address).sessions.size)

/** All of a message but the names of session sets, which are no addresses to send to. */
const hexWithoutSets = ({ body }: PfcpMessage): string =>
  Buffer.from(body)
    .toString('hex')
    .replaceAll(/00410007..(?:0a01000[12]|0a00000[12]|c0000201)..../g, '')
const hexOf = (address: string): string => Buffer.from(ipv4(address)).toString('hex')

/** Every kind of message that there is between the two sides. */
function everything(): Bed {
  const bed = startedBed(pool)
  const [one, two] = [bed.smf(smfA), bed.smf(smfB)]
  const [a, b] = [bed.upf(upA), bed.upf(upB)]
  one.associate(set, of(178, 2, ...ipv4(smfB)), of(185, 2, ...ipv4(smfA)))
  two.associate(set)
  for (const { address } of pool) bed.upf(address).sessionExtra = [csid(address, 7)]
  one.ask(3, null, groupOf(58, of(24, 1, 2), groupOf(59, of(61, 1))))
  one.ask(7, null, nodeIdOf(smfA), of(89, 3))
  const first = one.establish(...sessionOf('10.45.0.1'), set, of(178, 2, ...ipv4(smfB)), csid(smfA, 1))
  const second = one.establish(pdrOf(1, fTeidOf(0x900, n3Vip)), far, csid(smfA, 2))
  two.establish(...sessionOf('10.45.0.3'))
  one.ask(52, first.seid, nodeIdOf(smfA), fSeidOf(0x99n, smfA), pdrOf(2, chooseOf()))
  one.reportExtra = [nodeIdOf(smfA), fSeidOf(0x98n, smfA)]
  for (const [ours, upf] of [...a.sessions.values()].map((seid) => [seid, a] as const))
    bed.fromUpf(upf, messageOf(56, ours, 1, [of(39, 1)]))
  bed.fromUpf(a, messageOf(7, null, 2, [nodeIdOf(upA), of(43, 0x10, 1)]))
  bed.fromUpf(b, messageOf(12, null, 1, [nodeIdOf(upB), of(101, 1)]))
  two.ask(16, null, nodeIdOf(smfB), groupOf(290, csid(smfA, 2), of(178, 2, ...ipv4(smfB))))
  two.ask(14, null, nodeIdOf(smfB), csid(smfA, 2))
  one.ask(54, first.seid)
  one.ask(54, second.seid)
  bed.fromUpf(a, messageOf(14, null, 5, [nodeIdOf(upA), csid(upA, 7)]))
  bed.fromUpf(a, messageOf(5, null, 3, a.association))
  bed.fromUpf(a, messageOf(9, null, 4, [nodeIdOf(upA)]))
  one.ask(9, null, nodeIdOf(smfA))
  bed.configure([pool[0]!])
  bed.advance(6000)
  return bed
}

test('n4: in every message that there is, neither side sees where the other one is (N4.6, N4.7)', (t) => {
  const { sent } = everything()
  const kinds = (addresses: readonly string[]): readonly number[] =>
    [...new Set(sent.filter(({ to }) => addresses.includes(to)).map(({ message }) => message.type))].toSorted(
      (x, y) => x - y,
    )
  t.deepEqual(kinds([upA, upB]), [1, 3, 5, 6, 8, 9, 10, 13, 14, 15, 50, 52, 54, 57])
  t.deepEqual(kinds([smfA, smfB]), [1, 4, 6, 8, 10, 12, 14, 15, 17, 51, 53, 55, 56])
  for (const { message, to } of sent) {
    const others = to === upA || to === upB ? [smfA, smfB] : [upA, upB]
    for (const other of others)
      t.false(hexWithoutSets(message).includes(hexOf(other)), `${other} stands in a message of type ${message.type}`)
    const nodeId = valueAt(elementsOf(message), 60)
    if (nodeId !== null)
      t.deepEqual(typedNodeId.read(nodeId), { kind: 'address', address: ipv4(vip) }, `type ${message.type}`)
  }
})

test('n4: whatever becomes of peers, the time stamp that they are told is one (N4.1)', (t) => {
  const { sent } = everything()
  const told = sent.flatMap(({ message }) => {
    const value = valueAt(elementsOf(message), 96)
    return value === null ? [] : [Buffer.from(value).toString('hex')]
  })
  t.true(told.length > 6)
  t.deepEqual([...new Set(told)], ['eeab8a77'])
})

test('n4: pools of UE addresses are told with slices and network instances, as each UPF has them (N4.3)', (t) => {
  const bed = startedBed(pool)
  const poolOf = (name: string, slice: number): PfcpElement =>
    groupOf(233, of(177, 0, 1, name.charCodeAt(0)), of(22, 3, 0x6e, 0x33, 0x61), of(257, 1, 0, 0, slice))
  const [a, b] = [bed.upf(upA), bed.upf(upB)]
  a.extra = [poolOf('x', 1)]
  b.extra = [poolOf('x', 2)]
  for (const upf of [a, b]) bed.fromUpf(upf, messageOf(5, null, 1, upf.association))
  const told = elementsOf(bed.smf(smfA).associate()!).filter(({ type }) => type === 233)
  t.deepEqual(told, [
    { type: 233, value: a.extra[0]!.value },
    { type: 233, value: b.extra[0]!.value },
  ])
})

test('n4: by hash a UE address stays with one UPF where no user is named (N4.5)', (t) => {
  const first = readyBed(pool, { select: 'hash' })
  for (let i = 1; i <= 40; i++) first.smf.establish(...sessionOf(`10.45.0.${i}`))
  t.true(sizes(first.bed).every((size) => size > 8))
  const second = readyBed(pool, { select: 'hash' })
  for (let i = 40; i >= 1; i--) second.smf.establish(...sessionOf(`10.45.0.${i}`))
  const placesOf = ({ bed }: typeof first): readonly string[] =>
    bed.proxy.sessions(40).map(({ ueAddresses, upf }) => `${ueAddresses[0]} ${upf}`)
  t.deepEqual(placesOf(second).toReversed(), placesOf(first))
})

test('n4: a SEID of ours names the UPF that the session was made for (N4.6)', (t) => {
  const { smf } = readyBed(pool)
  const seids = [1, 2, 3, 4].map((i) => smf.establish(...sessionOf(`10.45.0.${i}`)).seid)
  t.deepEqual(
    seids.map((seid) => seid >> 48n),
    [0n, 1n, 0n, 1n],
  )
  t.is(new Set(seids).size, 4)
})

test('n4: while an SMF does not answer, its reports go where it has said (N4.10)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf(smfA)
  const other = bed.smf('10.1.0.9')
  smf.associate(of(178, 2, ...ipv4('10.1.0.9')))
  smf.establish(...sessionOf('10.45.0.1'))
  const report = (sequence: number): PfcpMessage => messageOf(56, bed.upf(upA).sessions.get(1n)!, sequence, [of(39, 1)])
  bed.fromUpf(bed.upf(upA), report(1))
  t.is(other.got.length, 0)
  smf.dead = true
  bed.advance(12_000)
  t.is(causeOf(bed.fromUpf(bed.upf(upA), report(2))!), 1)
  t.like(other.got.at(-1), { type: 56, seid: 0x26n })
})

test('n4: sessions of a group of SMFs move together, also by the address that they had (N4.12)', (t) => {
  const changes = [
    groupOf(290, of(291, 0x67), of(178, 2, ...ipv4(smfB))),
    groupOf(290, of(292, 2, ...ipv4(smfA)), of(178, 2, ...ipv4(smfB))),
  ]
  for (const change of changes) {
    const bed = startedBed(pool)
    const [one, two] = [bed.smf(smfA), bed.smf(smfB)]
    one.associate(set)
    two.associate(set)
    one.establish(...sessionOf('10.45.0.1'), of(291, 0x67))
    t.is(causeOf(two.ask(16, null, nodeIdOf(smfB), change)!), 1)
    bed.fromUpf(bed.upf(upA), messageOf(56, bed.upf(upA).sessions.get(1n)!, 1, [of(39, 1)]))
    t.is(two.got.at(-1)?.type, 56)
  }
})

test('n4: a UPF that says it is overloaded is spared while another one is not, for as long as it says (N4.16)', (t) => {
  const { bed, smf } = readyBed(pool)
  const control = (sequence: number, metric: number): PfcpElement =>
    groupOf(54, { type: 52, value: number32.write(sequence) }, of(53, metric), of(55, 5))
  bed.upf(upA).sessionExtra = [control(3, 50)]
  smf.establish(...sessionOf('10.45.0.1'))
  // An older report changes nothing, nor does it reach the SMF.
  bed.upf(upA).sessionExtra = [control(2, 0)]
  const { response } = smf.establish(...sessionOf('10.45.0.1'), of(141, 1, 1, 0x21))
  t.is(valueAt(elementsOf(response!), 54), null)
  t.is(bed.count('load-report-stale'), 1)
  for (let i = 2; i < 6; i++) smf.establish(...sessionOf(`10.45.0.${i}`))
  t.deepEqual(sizes(bed), [2, 4])
  bed.advance(11_000)
  for (let i = 6; i < 9; i++) smf.establish(...sessionOf(`10.45.0.${i}`))
  t.deepEqual(sizes(bed), [5, 4])
})

test('n4: sessions of an SMF that releases its association are deleted before it is answered (N4.17)', (t) => {
  const { bed, smf } = readyBed(pool)
  for (let i = 1; i < 4; i++) smf.establish(...sessionOf(`10.45.0.${i}`))
  const from = bed.sent.length
  t.is(causeOf(smf.ask(9, null, nodeIdOf(smfA))!), 1)
  t.deepEqual(
    bed.sent.slice(from).map(({ message }) => message.type),
    [54, 54, 54, 10],
  )
})

test('n4: hints are installed before the answer to a modification leaves, and by what it asks for (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  const before = bed.changes.length
  const answer = smf.ask(
    52,
    seid,
    pdrOf(2, chooseOf()),
    pdrOf(3, fTeidOf(0x700, n3Vip)),
    pdrOf(4, ueAddressOf('10.45.0.9')),
  )
  t.deepEqual(fTeidsOf(answer!), [{ teid: 2, address: n3Vip }])
  t.is(bed.sent.findLast(({ message }) => message.type === 53)?.changes, before + 3)
  t.deepEqual(bed.tunnel(2), { upf: upA, teid: 2 })
  t.deepEqual(bed.tunnel(0x700), { upf: upA, teid: 0x700 })
  t.true(bed.hints.has('ue-ip 0a2d0009/'))
})

test('n4: hints go with sets of sessions, and with their UPF (N4.19)', (t) => {
  const { bed, smf } = readyBed(pool)
  for (let i = 1; i <= 4; i++) smf.establish(...sessionOf(`10.45.0.${i}`), csid(smfA, i))
  t.is(bed.hints.size, 8)
  t.is(causeOf(smf.ask(14, null, nodeIdOf(smfA), csid(smfA, 2))!), 1)
  t.is(bed.hints.size, 6)
  bed.upf(upA).dead = true
  bed.advance(10_000)
  t.deepEqual([...bed.hints.keys()].toSorted(), ['teid 00001002/', 'ue-ip 0a2d0004/'])
})

test('n4: a TEID that a UPF uses again leads to its new session, in the order of requests (N3.12)', (t) => {
  const { bed, smf } = readyBed([pool[0]!])
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  smf.ask(54, seid)
  bed.upf(upA).nextTeid = 1
  const again = smf.establish(...sessionOf('10.45.0.2'))
  t.deepEqual(fTeidsOf(again.response!), [{ teid: 1, address: n3Vip }])
  t.deepEqual(
    bed.changes.filter(({ kind }) => kind === 'teid').map(({ action, graceMs }) => [action, graceMs]),
    [
      ['install', 0],
      ['remove', 2000],
      ['install', 0],
    ],
  )
  // The grace of the first one takes nothing from the second.
  bed.advance(5000)
  t.deepEqual(bed.tunnel(1), { upf: upA, teid: 1 })
  smf.ask(52, again.seid, groupOf(15, pdrIdOf(1)))
  t.is(bed.tunnel(1), null)
})

test('n4: the size of what is asked and answered is bounded by UDP alone (N4.18)', (t) => {
  const { bed, smf } = readyBed(pool)
  const rules = Array.from({ length: 200 }, (_, i) =>
    pdrOf(i + 1, chooseOf(), { type: 0x8001, value: new Uint8Array(200) }),
  )
  const { response, seid } = smf.establish(...rules, far)
  t.is(causeOf(response!), 1)
  t.is(fTeidsOf(response!).length, 200)
  t.true(bed.upf(upA).got.at(-1)!.body.length > 40_000)
  t.is(causeOf(smf.ask(54, seid)!), 1)
  t.is(bed.hints.size, 0)
})
