import test from 'ava'
import { messageTypes, pfcp } from '../../protocols/pfcp/index.ts'
import { Bed, startedBed, upfOf } from './test-bed.ts'
import {
  bytes,
  causeOf,
  chooseOf,
  elementsOf,
  far,
  fSeidOf,
  groupOf,
  ipv4,
  messageOf,
  nodeIdOf,
  number32,
  of,
  pdrOf,
  ueAddressOf,
  valueAt,
  vip,
} from './test-elements.ts'
import type { SimSmf } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
const recoveryOf = (seconds: number) => ({ type: 96, value: number32.write(seconds) })

test('n4: an SMF associates with the proxy, which has one Node ID and one time stamp on both sides (N4.1)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  const elements = elementsOf(smf.associate()!)
  t.deepEqual(valueAt(elements, 19), bytes(1))
  t.deepEqual(valueAt(elements, 60), bytes(0, ...ipv4(vip)))
  t.deepEqual(valueAt(elements, 96), number32.write(0xeeab8a77))
  for (const upf of pool) {
    const asked = bed.upf(upf.address).got.find(({ type }) => type === messageTypes.associationSetupRequest)!
    t.deepEqual(valueAt(elementsOf(asked), 60), bytes(0, ...ipv4(vip)))
    t.deepEqual(valueAt(elementsOf(asked), 96), number32.write(0xeeab8a77))
  }
})

test('n4: heartbeats of anyone are answered here, and go to no other node (N4.2)', (t) => {
  const bed = startedBed(pool)
  const stranger = bed.smf('10.9.9.9')
  const before = bed.sent.length
  const answer = stranger.ask(1, null, recoveryOf(5))
  t.is(answer?.type, 2)
  t.deepEqual(valueAt(elementsOf(answer!), 96), number32.write(0xeeab8a77))
  t.is(bed.sent.length, before + 1)
  t.is(bed.count('heartbeat-of-stranger'), 1)
})

test('n4: each UPF and each SMF gets heartbeats of the proxy (N4.2)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  bed.advance(11_000)
  const heartbeats = (got: readonly { type: number }[]): number => got.filter(({ type }) => type === 1).length
  for (const node of [smf, bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]) t.is(heartbeats(node.got), 2)
})

test('n4: SMFs are told what all UPFs can do, with their pools and resources together (N4.3)', (t) => {
  const bed = new Bed(pool)
  const [a, b] = [bed.upf('10.0.0.1'), bed.upf('10.0.0.2')]
  a.features = bytes(0x13, 0x01, 0x04)
  b.features = bytes(0x11, 0x03)
  const poolOf = (name: string) => groupOf(233, { type: 177, value: bytes(0, name.length, ...Buffer.from(name)) })
  a.extra = [poolOf('one'), of(116, 0x25, 0x40, ...ipv4('10.0.0.1'), 1, 0x78)]
  b.extra = [poolOf('one'), poolOf('two'), of(116, 0x25, 0x80, ...ipv4('10.0.0.2'), 1, 0x78)]
  bed.advance(100)
  const elements = elementsOf(bed.smf('10.1.0.1').associate()!)
  t.deepEqual(valueAt(elements, 43), bytes(0x11, 0x01, 0x48, 0x01))
  t.is(elements.filter(({ type }) => type === 233).length, 2)
  // One address, that of the N3 service, and no range of TEIDs.
  t.deepEqual(
    elements.filter(({ type }) => type === 116).map(({ value }) => value),
    [bytes(0x21, ...ipv4('192.0.2.2'), 1, 0x78)],
  )
})

test('n4: a UPF that lacks what SMFs were promised is refused (N4.3)', (t) => {
  const bed = startedBed(pool)
  bed.smf('10.1.0.1').associate()
  bed.upf('10.0.0.3').features = bytes(0x00, 0x01)
  bed.configure([...pool, upfOf('c', '10.0.0.3')])
  t.is(bed.proxy.status().upfs.find(({ name }) => name === 'c')?.state, 'refused')
  t.true(bed.events.some((event) => event.kind === 'upf-refused' && event.upf === 'c'))
})

test('n4: or it joins, and SMFs are told to expect less (N4.3)', (t) => {
  const bed = startedBed(pool, { onFewerFeatures: 'narrow' })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  bed.upf('10.0.0.3').features = bytes(0x00, 0x01)
  bed.configure([...pool, upfOf('c', '10.0.0.3')])
  t.is(bed.proxy.status().upfs.find(({ name }) => name === 'c')?.state, 'up')
  const update = smf.got.find(({ type }) => type === messageTypes.associationUpdateRequest)!
  t.deepEqual(valueAt(elementsOf(update), 43), bytes(0x00, 0x01, 0x48, 0x01))
})

test('n4: without a UPF an SMF is refused, and taken later', (t) => {
  const bed = new Bed(pool)
  for (const { address } of pool) bed.upf(address).dead = true
  bed.advance(100)
  const smf = bed.smf('10.1.0.1')
  t.is(causeOf(smf.associate()!), 75)
  for (const { address } of pool) bed.upf(address).dead = false
  bed.advance(10_000)
  t.is(causeOf(smf.associate()!), 1)
})

const application = (name: string, ...contents: readonly ReturnType<typeof of>[]) =>
  groupOf(58, { type: 24, value: Buffer.from(name) }, ...contents.map((content) => groupOf(59, content)))

test('n4: PFDs go to all UPFs, and to those that come later (N4.4)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  t.is(causeOf(smf.ask(3, null, application('web', of(61, 1, 2)), application('mail', of(61, 3)))!), 1)
  t.is(causeOf(smf.ask(3, null, application('mail'))!), 1)
  for (const { address } of pool) t.is(bed.upf(address).got.filter(({ type }) => type === 3).length, 2)
  bed.configure([...pool, upfOf('c', '10.0.0.3')])
  const replayed = bed.upf('10.0.0.3').got.filter(({ type }) => type === 3)
  t.is(replayed.length, 1)
  t.deepEqual(Buffer.from(valueAt(elementsOf(replayed[0]!), 58, 24)!).toString(), 'web')
  t.is(elementsOf(replayed[0]!).length, 1)
})

test('n4: PFDs that one UPF does not take are refused, and not kept (N4.4)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const b = bed.upf('10.0.0.2')
  const answer = b.answer.bind(b)
  b.answer = (message) => (message.type === 3 ? [messageOf(4, null, message.sequence, [of(19, 75)])] : answer(message))
  t.is(causeOf(smf.ask(3, null, application('web', of(61, 1)))!), 75)
  bed.configure([...pool, upfOf('c', '10.0.0.3')])
  t.is(bed.upf('10.0.0.3').got.filter(({ type }) => type === 3).length, 0)
})

const session = (address: string) => [pdrOf(1, chooseOf(), ueAddressOf(address)), far]

test('n4: the sessions of an SMF that begins anew are deleted before it is answered (N4.14)', (t) => {
  const bed = startedBed(pool)
  const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
  one.associate()
  two.associate()
  for (let i = 1; i <= 4; i++) one.establish(...session(`10.45.0.${i}`))
  two.establish(...session('10.45.1.1'))
  one.recovery++
  const from = bed.sent.length
  t.is(causeOf(one.associate()!), 1)
  const types = bed.sent.slice(from).map(({ message }) => message.type)
  t.deepEqual(types, [54, 54, 54, 54, 6])
  t.is(bed.upf('10.0.0.1').sessions.size + bed.upf('10.0.0.2').sessions.size, 1)
  t.is(bed.proxy.status().sessions, 1)
})

/** At an address of its own. */
const establishAt = (smf: SimSmf, address: string, ueAddress: string) =>
  smf.ask(50, 0n, nodeIdOf(smf.address), fSeidOf(smf.nextSeid++, address), ...session(ueAddress))

test('n4: an SMF that retains its sessions over a restart keeps them all, and is told so (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  t.is(valueAt(elementsOf(smf.associate(groupOf(183))!), 184), null, 'there was nothing to retain')
  const { seid } = smf.establish(...session('10.45.0.1'))
  establishAt(smf, '10.1.0.8', '10.45.0.2')
  const [hints, sessions] = [new Map(bed.hints), bed.proxy.sessions(2)]
  smf.recovery++
  const from = bed.sent.length
  const answer = smf.associate(groupOf(183))!
  t.deepEqual([causeOf(answer), valueAt(elementsOf(answer), 184)], [1, bytes(1)])
  t.deepEqual(
    bed.sent.slice(from).map(({ message }) => message.type),
    [6],
  )
  t.deepEqual(bed.proxy.sessions(2), sessions)
  t.deepEqual(bed.hints, hints)
  t.like(bed.proxy.status(), { smfs: [{ name: '10.1.0.1', state: 'up', sessions: 2 }] })
  t.is(bed.count('sessions-retained'), 2)
  // Its time stamp is the new one, which is no restart from now on.
  smf.ask(1, null, recoveryOf(smf.recovery))
  bed.advance(6000)
  t.is(causeOf(smf.ask(54, seid)!), 1)
  t.is(bed.proxy.status().sessions, 1)
})

test('n4: or it keeps those at the addresses that it names, and the others are deleted first (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  establishAt(smf, '10.1.0.7', '10.45.0.1')
  establishAt(smf, '10.1.0.8', '10.45.0.2')
  establishAt(smf, '10.1.0.9', '10.45.0.3')
  const retained = [of(185, 2, ...ipv4('10.1.0.8')), of(185, 2, ...ipv4('10.1.0.9'))]
  const from = bed.sent.length
  const answer = smf.associate(groupOf(183, ...retained))!
  t.deepEqual([causeOf(answer), valueAt(elementsOf(answer), 184)], [1, bytes(1)])
  t.deepEqual(
    bed.sent.slice(from).map(({ message, to }) => [to, message.type]),
    [
      ['10.0.0.1', 54],
      ['10.1.0.1', 6],
    ],
  )
  t.deepEqual(
    bed.proxy.sessions(3).map(({ ueAddresses }) => ueAddresses),
    [['10.45.0.2/32'], ['10.45.0.3/32']],
  )
  t.is(bed.hints.size, 4)
})

test('n4: an SMF that was lost is back with the sessions that it retains, from another address too (N4.14)', (t) => {
  const bed = startedBed(pool)
  const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
  one.associate()
  const { seid } = one.establish(...session('10.45.0.1'))
  one.dead = true
  bed.advance(10_000)
  t.like(bed.proxy.status(), { smfs: [{ state: 'lost' }] })
  // One association for a set of SMFs, with its name.
  t.is(causeOf(two.ask(5, null, nodeIdOf('10.1.0.1'), recoveryOf(7), of(89, 3), groupOf(183))!), 1)
  t.like(bed.proxy.status(), { smfs: [{ address: '10.1.0.2', state: 'up', sessions: 1 }] })
  t.is(causeOf(two.ask(52, seid)!), 1)
})

test('n4: addresses that it had stay its own, unless it names ever more of them (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  const other = bed.smf('10.2.0.0')
  const named = (group: number) => Array.from({ length: 16 }, (_, i) => of(185, 2, 10, 2, group, i))
  smf.associate(...named(0))
  const { seid } = smf.establish(...session('10.45.0.1'))
  for (const [group, cause] of [
    [1, 1],
    [2, 65],
  ] as const) {
    smf.associate(groupOf(183), ...named(group))
    t.is(causeOf(other.ask(52, seid)!), cause, `after ${group} more`)
  }
  t.is(causeOf(smf.ask(52, seid)!), 1)
})

/** As another node than the one that its address names. */
const associateAs = (smf: SimSmf, nodeId: string) =>
  smf.ask(5, null, nodeIdOf(nodeId), recoveryOf(smf.recovery), of(89, 3))

test('n4: a second Node ID at the address of an SMF that lives is refused, and the first one goes on', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const { seid } = smf.establish(...session('10.45.0.1'))
  t.is(causeOf(associateAs(smf, '10.1.0.99')!), 64)
  t.is(bed.count('address-of-another-smf'), 1)
  t.like(bed.proxy.status(), { smfs: [{ name: '10.1.0.1', sessions: 1 }] })
  t.is(bed.proxy.status().smfs.length, 1)
  t.is(causeOf(smf.ask(52, seid)!), 1)
  // Nor does it have the address while nobody answers there.
  smf.dead = true
  t.is(associateAs(smf, '10.1.0.99'), null)
  bed.advance(4100)
  t.is(bed.count('address-of-another-smf'), 2)
  smf.dead = false
  t.is(causeOf(smf.ask(54, seid)!), 1)
})

test('n4: an SMF that restarted under another Node ID is accepted when its old sessions are deleted (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  const { seid } = smf.establish(...session('10.45.0.1'))
  smf.recovery++
  const from = bed.sent.length
  t.is(causeOf(associateAs(smf, '10.1.0.99')!), 1)
  t.deepEqual(
    bed.sent.slice(from).map(({ message }) => message.type),
    [1, 54, 6],
  )
  t.true(bed.events.some((event) => event.kind === 'smf-restarted' && event.smf === '10.1.0.1' && event.sessions === 1))
  t.deepEqual(
    bed.proxy.status().smfs.map(({ name, sessions }) => [name, sessions]),
    [['10.1.0.99', 0]],
  )
  t.is(causeOf(smf.ask(54, seid)!), 65)
  t.is(bed.hints.size + bed.upf('10.0.0.1').sessions.size, 0)
})

test('n4: an SMF that comes to an address which another one has only named takes that alone', (t) => {
  const bed = startedBed(pool)
  const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
  two.recovery = 5
  one.associate(of(185, 2, ...ipv4('10.1.0.2')))
  const { seid } = one.establish(...session('10.45.0.1'))
  t.is(causeOf(two.associate()!), 1)
  t.is(causeOf(two.ask(52, seid)!), 65)
  t.is(causeOf(one.ask(52, seid)!), 1)
  t.deepEqual(
    bed.proxy.status().smfs.map(({ name, sessions }) => [name, sessions]),
    [
      ['10.1.0.1', 1],
      ['10.1.0.2', 0],
    ],
  )
})

test('n4: of two Node IDs that want an address at once the first one to be accepted has it', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  // Its sessions are still being deleted.
  bed.upf('10.0.0.1').lose = 1
  t.is(smf.associate(), null)
  t.is(causeOf(associateAs(smf, '10.1.0.99')!), 1)
  bed.advance(1100)
  t.is(causeOf(smf.got.at(-1)!), 64)
  t.deepEqual(
    bed.proxy.status().smfs.map(({ name }) => name),
    ['10.1.0.99'],
  )
})

test('n4: that answer waits until the UPFs have answered (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  bed.upf('10.0.0.1').lose = 1
  t.is(smf.associate(), null)
  bed.advance(1100)
  t.is(smf.got.at(-1)?.type, 6)
  t.is(bed.upf('10.0.0.1').sessions.size, 0)
})

test('n4: an SMF that asks again while it is cleaned up is answered both times (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  bed.upf('10.0.0.1').lose = 1
  t.is(smf.associate(), null)
  t.is(causeOf(smf.associate()!), 1)
  bed.advance(1100)
  t.is(smf.got.filter(({ type }) => type === 6).length, 3)
  t.is(bed.proxy.status().smfs.length, 1)
})

test('n4: a newer time stamp is a restart of the SMF if its answer has it too, an older one nothing (N4.14)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  smf.ask(1, null, recoveryOf(smf.recovery - 1))
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.count('time-stamp-stale'), 1)
  // Sent by somebody else, or with the time of day.
  smf.ask(1, null, recoveryOf(smf.recovery + 1))
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.count('time-stamp-asked'), 1)
  t.is(smf.got.filter(({ type }) => type === 1).length, 1, 'it is asked at once')
  smf.recovery++
  smf.ask(1, null, recoveryOf(smf.recovery))
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.proxy.status().smfs.length, 0)
  t.is(bed.upf('10.0.0.1').sessions.size, 0)
})

test('n4: an SMF that releases its association leaves no session behind (N4.17)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  t.is(causeOf(smf.ask(9, null, nodeIdOf('10.1.0.1'))!), 1)
  t.is(bed.upf('10.0.0.1').sessions.size, 0)
  t.is(bed.hints.size, 0)
  t.is(causeOf(smf.ask(50, 0n, nodeIdOf('10.1.0.1'), fSeidOf(1n, '10.1.0.1'), ...session('10.45.0.1'))!), 72)
})

test('n4: an SMF that does not answer keeps its sessions for a while', (t) => {
  const bed = startedBed(pool, { timers: { smfLostMs: 60_000 } })
  const smf = bed.smf('10.1.0.1')
  smf.associate()
  smf.establish(...session('10.45.0.1'))
  smf.dead = true
  bed.advance(20_000)
  t.is(bed.proxy.status().smfs[0]?.state, 'lost')
  t.is(bed.proxy.status().sessions, 1)
  bed.advance(60_000)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.upf('10.0.0.1').sessions.size, 0)
})

test('n4: refusals name what is missing or wrong (causes 64, 66, 68, 69, 72)', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  const refused = (message: ReturnType<typeof smf.ask>): readonly [number, number] => {
    const offending = valueAt(elementsOf(message!), 40)
    return [causeOf(message!), offending === null ? 0 : (offending[0]! << 8) | offending[1]!]
  }
  t.deepEqual(refused(smf.ask(5, null, recoveryOf(1))), [66, 60])
  t.deepEqual(refused(smf.ask(5, null, nodeIdOf('10.1.0.1'))), [66, 96])
  t.deepEqual(refused(smf.ask(5, null, of(60, 3, 1), recoveryOf(1))), [69, 60])
  t.deepEqual(refused(smf.ask(5, null, nodeIdOf('10.1.0.1'), recoveryOf(1), of(43, 1, 1))), [64, 0])
  t.deepEqual(refused(smf.ask(9, null, nodeIdOf('10.1.0.1'))), [72, 0])
  t.deepEqual(refused(smf.ask(3, null)), [72, 0])
  // The codec's own reading fails in the Node ID.
  t.deepEqual(refused(smf.ask(5, null, of(60, 0, 1), recoveryOf(1))), [68, 60])
  t.is(bed.count('malformed: truncated'), 1)
})

test('n4: another version is told so, once', (t) => {
  const bed = startedBed(pool)
  const smf = bed.smf('10.1.0.1')
  const place = { address: smf.address, port: 8805 }
  const heartbeat = pfcp.encode(messageOf(1, null, 7, [recoveryOf(1)]))
  heartbeat[0] = 0x40
  bed.deliver(place, heartbeat)
  t.like(smf.got.at(-1), { type: 11, sequence: 7 })
  heartbeat[1] = 11
  const before = bed.sent.length
  bed.deliver(place, heartbeat)
  t.is(bed.sent.length, before)
})
