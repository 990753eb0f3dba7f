import test from 'ava'
import { pfcp, typedFSeid, typedNodeId } from '../../protocols/pfcp/index.ts'
import { join } from '../../wire/fields.ts'
import { startedBed, upfOf, readyBed } from './test-bed.ts'
import {
  vip,
  n3Vip,
  ipv4,
  number16,
  number32,
  bytes,
  of,
  groupOf,
  nodeIdOf,
  fSeidOf,
  chooseOf,
  ueAddressOf,
  far,
  pdrOf,
  valueAt,
  elementsOf,
  causeOf,
  fTeidsOf,
  sessionOf,
  pdrIdOf,
  messageOf,
} from './test-elements.ts'
import type { PfcpElement } from '../../protocols/pfcp/index.ts'
import type { Bed } from './test-bed.ts'

const pool = [upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2')]
const sizes = (bed: Bed): readonly number[] => pool.map(({ address }) => bed.upf(address).sessions.size)

test('n4: sessions go to the UPF with the fewest, by weight, and answers have the SEID of the SMF (N4.5)', (t) => {
  const { bed, smf } = readyBed([upfOf('a', '10.0.0.1'), upfOf('b', '10.0.0.2', { weight: 3 })])
  for (let i = 0; i < 8; i++) t.is(smf.establish(...sessionOf(`10.45.0.${i + 1}`)).response?.seid, BigInt(0x26 + i))
  t.deepEqual(sizes(bed), [2, 6])
})

test('n4: a UPF serves only the DNNs, slices, network instances and UE addresses that it is for (N4.5)', (t) => {
  const only = { dnns: ['ims'], slices: ['1-0000ff'], networkInstances: ['n3a'], uePools: ['10.46.0.0/16', 'blue'] }
  const { bed, smf } = readyBed([upfOf('a', '10.0.0.1', only), upfOf('b', '10.0.0.2', { dnns: ['internet'] })])
  const dnn = (name: string): PfcpElement => of(159, name.length, ...Buffer.from(name))
  const instance = of(22, 3, ...Buffer.from('n3a'))
  const rules = (address: string): readonly PfcpElement[] => [pdrOf(1, chooseOf(), instance, ueAddressOf(address)), far]
  t.is(causeOf(smf.establish(...rules('10.46.0.1'), dnn('ims'), of(257, 1, 0, 0, 0xff)).response!), 1)
  t.deepEqual(sizes(bed), [1, 0])
  t.is(causeOf(smf.establish(...rules('10.45.0.1'), dnn('internet')).response!), 1)
  t.deepEqual(sizes(bed), [1, 1])
  t.is(causeOf(smf.establish(...rules('10.45.0.2'), dnn('ims')).response!), 75)
  t.is(causeOf(smf.establish(...rules('10.46.0.2'), dnn('ims'), of(257, 2, 0, 0, 0xff)).response!), 75)
})

test('n4: by hash a user stays with one UPF, and users are spread (N4.5)', (t) => {
  const { bed, smf } = readyBed(pool, { select: 'hash' })
  for (let i = 0; i < 3; i++) smf.establish(...sessionOf(`10.45.0.${i + 1}`), of(141, 1, 2, 0x21, 0x43))
  t.true(sizes(bed).includes(0))
  for (let i = 10; i < 60; i++) smf.establish(...sessionOf(`10.45.0.${i}`), of(141, 1, 2, i, 0x43))
  t.true(sizes(bed).every((size) => size > 10))
})

test('n4: neither side sees an address or a SEID of the other (N4.6, N4.7)', (t) => {
  const { bed, smf } = readyBed(pool)
  const { response, seid } = smf.establish(...sessionOf('10.45.0.1'), of(180, 0, 3, 0x73, 0x65, 0x74))
  const elements = elementsOf(response!)
  t.deepEqual(typedNodeId.read(valueAt(elements, 60)!), { kind: 'address', address: ipv4(vip) })
  t.deepEqual(typedFSeid.read(valueAt(elements, 57)!), { seid, ipv4: ipv4(vip), ipv6: null })
  t.deepEqual(fTeidsOf(response!), [{ teid: 1, address: n3Vip }])
  const asked = bed.upf('10.0.0.1').got.at(-1)!
  t.is(asked.seid, 0n)
  t.deepEqual(typedNodeId.read(valueAt(elementsOf(asked), 60)!), { kind: 'address', address: ipv4(vip) })
  t.deepEqual(typedFSeid.read(valueAt(elementsOf(asked), 57)!).ipv4, ipv4(vip))
  t.is(valueAt(elementsOf(asked), 180), null)
  const text = (message: { readonly body: Uint8Array }): string => Buffer.from(message.body).toString('hex')
  t.false(text(asked).includes(Buffer.from(ipv4('10.1.0.1')).toString('hex')))
  t.false(text(response!).includes(Buffer.from(ipv4('10.0.0.1')).toString('hex')))
})

test('n4: SEIDs are unique over UPFs that give the same, and lead back to them (N4.6)', (t) => {
  const { bed, smf } = readyBed(pool)
  const seids = [1, 2].map((i) => smf.establish(...sessionOf(`10.45.0.${i}`)).seid)
  t.not(seids[0], seids[1])
  for (const [i, seid] of seids.entries()) {
    const response = smf.ask(52, seid, groupOf(10, { type: 108, value: number32.write(1) }))
    t.is(causeOf(response!), 1)
    t.is(response?.seid, BigInt(0x26 + i))
    t.like(bed.upf(pool[i]!.address).got.at(-1), { type: 52, seid: 1n })
  }
})

test('n4: a retransmission gets the same answer and makes no second session (N4.8)', (t) => {
  const { bed, smf } = readyBed(pool)
  const request = messageOf(50, 0n, 900, [nodeIdOf('10.1.0.1'), fSeidOf(5n, '10.1.0.1'), ...sessionOf('10.45.0.1')])
  const first = smf.send(request)
  const second = smf.send(request)
  t.deepEqual(pfcp.encode(second!), pfcp.encode(first!))
  t.deepEqual(sizes(bed), [1, 0])
  t.is(bed.count('answered-again'), 1)
})

test('n4: a retransmission of what is under way goes to the same UPF with the same sequence number (N4.8)', (t) => {
  const { bed, smf } = readyBed(pool)
  const a = bed.upf('10.0.0.1')
  a.lose = 1
  const request = messageOf(50, 0n, 900, [nodeIdOf('10.1.0.1'), fSeidOf(5n, '10.1.0.1'), ...sessionOf('10.45.0.1')])
  t.is(smf.send(request), null)
  t.is(causeOf(smf.send(request)!), 1)
  const toUpfs = bed.sent.filter(({ message }) => message.type === 50)
  t.deepEqual(
    toUpfs.map(({ message, to }) => [to, message.sequence]),
    [
      ['10.0.0.1', toUpfs[0]!.message.sequence],
      ['10.0.0.1', toUpfs[0]!.message.sequence],
    ],
  )
  t.deepEqual(sizes(bed), [1, 0])
})

test('n4: a request that is lost is sent again by the proxy itself (N4.8)', (t) => {
  const { bed, smf } = readyBed(pool)
  bed.upf('10.0.0.1').lose = 1
  smf.establish(...sessionOf('10.45.0.1'))
  bed.advance(1100)
  t.is(causeOf(smf.got.find(({ type }) => type === 51)!), 1)
})

test('n4: another request with the same sequence number is another one once the first is answered (N4.8)', (t) => {
  const { bed, smf } = readyBed(pool)
  const request = (seid: bigint, address: string) =>
    messageOf(50, 0n, 900, [nodeIdOf('10.1.0.1'), fSeidOf(seid, '10.1.0.1'), ...sessionOf(address)])
  bed.upf('10.0.0.1').lose = 1
  smf.send(request(5n, '10.45.0.1'))
  t.is(smf.send(request(6n, '10.45.0.2')), null)
  t.is(bed.count('sequence-reused'), 1)
  bed.advance(1100)
  t.is(smf.send(request(6n, '10.45.0.2'))?.seid, 6n)
  t.is(bed.proxy.status().sessions, 2)
})

test('n4: a UPF that does not answer is passed over, and what it makes too late is deleted', (t) => {
  const { bed, smf } = readyBed(pool)
  const a = bed.upf('10.0.0.1')
  const answer = a.answer.bind(a)
  let late: ReturnType<typeof answer> = []
  a.answer = (message) => {
    if (message.type !== 50) return answer(message)
    late = answer(message)
    return []
  }
  smf.establish(...sessionOf('10.45.0.1'))
  bed.advance(5000)
  t.is(causeOf(smf.got.find(({ type }) => type === 51)!), 1)
  t.is(bed.upf('10.0.0.2').sessions.size, 1)
  for (let i = 0; i < 2; i++) bed.deliver({ address: a.address, port: 8805 }, pfcp.encode(late[0]!))
  t.is(bed.count('late-answer'), 1)
  t.is(a.got.filter(({ type }) => type === 54).length, 1)
  t.is(bed.count('response-unexpected'), 1)
})

test('n4: another UPF is asked where one refuses with cause 72, 74, 75 or 77, and for no other cause (N4.5)', (t) => {
  for (let cause = 64; cause <= 79; cause++) {
    const { bed, smf } = readyBed(pool)
    bed.upf('10.0.0.1').cause = cause
    const isFollowed = [72, 74, 75, 77].includes(cause)
    const answer = smf.establish(...sessionOf('10.45.0.1')).response!
    t.is(causeOf(answer), isFollowed ? 1 : cause)
    t.deepEqual(sizes(bed), [0, isFollowed ? 1 : 0])
  }
})

test('n4: answers go where the request came from, with its priority; bundles are taken apart (N4.9)', (t) => {
  const { bed, smf } = readyBed(pool)
  const parts = [1, 2].map((i) =>
    pfcp.encode({
      ...messageOf(50, 0n, 900 + i, [
        nodeIdOf('10.1.0.1'),
        fSeidOf(BigInt(i), '10.1.0.1'),
        ...sessionOf(`10.45.0.${i}`),
      ]),
      priority: 5,
      followOn: i === 1,
    }),
  )
  const { send } = bed.proxy.receive({ address: smf.address, port: 40_001 }, join(...parts), bed.nowMs)
  const requests = send.map(({ bytes: sent, to }) => ({ to, message: pfcp.decode(sent) }))
  t.is(requests.length, 2)
  for (const { message, to } of requests) {
    t.like(message, { type: 50, priority: 5, followOn: false })
    t.is(to.port, 8805)
    const [answer] = bed.upf(to.address).answer(message)
    const back = bed.proxy.receive(to, pfcp.encode(answer!), bed.nowMs).send[0]!
    t.deepEqual(back.to, { address: smf.address, port: 40_001 })
    t.is(pfcp.decode(back.bytes).priority, 5)
  }
})

const report = (seid: bigint, sequence: number) => messageOf(56, seid, sequence, [of(39, 1), groupOf(83, pdrIdOf(1))])

/** Our SEID as a UPF knows it. */
const seidAt = (bed: Bed, address: string, own: bigint): bigint => bed.upf(address).sessions.get(own)!

test('n4: reports go to the SMF that has the session, with its SEID (N4.10)', (t) => {
  const { bed, smf } = readyBed(pool)
  const other = bed.smf('10.1.0.2')
  other.associate()
  smf.establish(...sessionOf('10.45.0.1'))
  other.establish(...sessionOf('10.45.0.2'))
  const answer = bed.fromUpf(bed.upf('10.0.0.2'), report(seidAt(bed, '10.0.0.2', 1n), 1))
  t.is(causeOf(answer!), 1)
  t.is(answer?.seid, 1n)
  t.like(other.got.at(-1), { type: 56, seid: 0x26n })
})

test('n4: an SMF of the same set may take a session over, another one may not (N4.10)', (t) => {
  const bed = startedBed(pool)
  const set = of(180, 0, 3, 0x73, 0x65, 0x74)
  const [one, two, stranger] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2'), bed.smf('10.1.0.3')]
  one.associate(set)
  two.associate(set)
  stranger.associate()
  const { seid } = one.establish(...sessionOf('10.45.0.1'))
  t.is(causeOf(stranger.ask(52, seid, fSeidOf(0x99n, '10.1.0.3'))!), 65)
  t.is(bed.count('wrong-node'), 1)
  t.is(two.ask(52, seid, nodeIdOf('10.1.0.2'), fSeidOf(0x77n, '10.1.0.2'))?.seid, 0x77n)
  // The UPF hears of no change of the control plane.
  t.is(valueAt(elementsOf(bed.upf('10.0.0.1').got.at(-1)!), 57), null)
  bed.fromUpf(bed.upf('10.0.0.1'), report(seidAt(bed, '10.0.0.1', 1n), 1))
  t.like(two.got.at(-1), { type: 56, seid: 0x77n })
})

test('n4: a report goes to the alternative address that the SMF names (N4.10)', (t) => {
  const { bed, smf } = readyBed(pool)
  const other = bed.smf('10.1.0.9')
  smf.establish(...sessionOf('10.45.0.1'))
  smf.cause = 78
  smf.reportExtra = [of(178, 2, ...ipv4('10.1.0.9'))]
  other.reportExtra = [fSeidOf(0x55n, '10.1.0.9')]
  t.is(causeOf(bed.fromUpf(bed.upf('10.0.0.1'), report(seidAt(bed, '10.0.0.1', 1n), 1))!), 1)
  t.is(other.got.filter(({ type }) => type === 56).length, 1)
  bed.fromUpf(bed.upf('10.0.0.1'), report(seidAt(bed, '10.0.0.1', 1n), 2))
  t.like(other.got.at(-1), { type: 56, seid: 0x55n })
})

test('n4: an unknown SEID is answered with cause 65 and SEID 0, and other sessions stay (N4.11)', (t) => {
  const { bed, smf } = readyBed(pool)
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  for (const type of [52, 54]) {
    const answer = smf.ask(type, seid ^ (1n << 40n))
    t.is(causeOf(answer!), 65)
    t.is(answer?.seid, 0n)
  }
  t.is(causeOf(bed.fromUpf(bed.upf('10.0.0.1'), report(12345n, 1))!), 65)
  t.is(bed.proxy.status().sessions, 1)
  t.is(bed.count('unknown-seid'), 3)
})

test('n4: cause 65 from either side removes the session and its hints (N4.11)', (t) => {
  const { bed, smf } = readyBed(pool)
  const { seid } = smf.establish(...sessionOf('10.45.0.1'))
  bed.upf('10.0.0.1').sessions.clear()
  t.is(causeOf(smf.ask(52, seid)!), 65)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.hints.size, 0)
  smf.establish(...sessionOf('10.45.0.2'))
  smf.cause = 65
  t.is(causeOf(bed.fromUpf(bed.upf('10.0.0.1'), report(seidAt(bed, '10.0.0.1', 2n), 1))!), 65)
  t.is(bed.proxy.status().sessions, 0)
  t.is(bed.hints.size, 0)
})

const csid = (node: string, number: number): PfcpElement => of(65, 1, ...ipv4(node), 0, number)

test('n4: a set of sessions is deleted at the UPFs that have some of it (N4.12)', (t) => {
  const { bed, smf } = readyBed([...pool, upfOf('c', '10.0.0.3')])
  for (let i = 1; i <= 6; i++) smf.establish(...sessionOf(`10.45.0.${i}`), csid('10.1.0.1', i % 3 === 0 ? 2 : 1))
  const from = bed.sent.length
  t.is(causeOf(smf.ask(14, null, nodeIdOf('10.1.0.1'), csid('10.1.0.1', 1))!), 1)
  t.deepEqual(
    bed.sent.slice(from).map(({ message, to }) => [to, message.type]),
    [
      ['10.0.0.1', 14],
      ['10.0.0.2', 14],
      ['10.1.0.1', 15],
    ],
  )
  t.is(bed.proxy.status().sessions, 2)
  t.is(bed.hints.size, 4)
})

test('n4: equal CSIDs of two UPFs are two to SMFs, and one of them deletes only its own (N4.12)', (t) => {
  const { bed, smf } = readyBed(pool)
  for (const { address } of pool) bed.upf(address).sessionExtra = [csid(address, 7)]
  const shown = [1, 2].map((i) => valueAt(elementsOf(smf.establish(...sessionOf(`10.45.0.${i}`)).response!), 65)!)
  t.notDeepEqual(shown[0], shown[1])
  t.deepEqual(shown[0]!.slice(1, 5), ipv4(vip))
  const request = messageOf(14, null, 5, [nodeIdOf('10.0.0.1'), csid('10.0.0.1', 7)])
  t.is(causeOf(bed.fromUpf(bed.upf('10.0.0.1'), request)!), 1)
  t.deepEqual(valueAt(elementsOf(smf.got.at(-1)!), 65), shown[0])
  t.deepEqual(
    bed.proxy.sessions(10).map(({ upf }) => upf),
    ['b'],
  )
})

test('n4: a set of sessions moves to another SMF without a word to the UPFs (N4.12)', (t) => {
  const bed = startedBed(pool)
  const set = of(180, 0, 3, 0x73, 0x65, 0x74)
  const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
  one.associate(set)
  two.associate(set)
  one.establish(...sessionOf('10.45.0.1'), csid('10.1.0.1', 1))
  const change = groupOf(290, csid('10.1.0.1', 1), of(178, 2, ...ipv4('10.1.0.2')))
  t.is(causeOf(two.ask(16, null, nodeIdOf('10.1.0.2'), change)!), 1)
  bed.fromUpf(bed.upf('10.0.0.1'), report(seidAt(bed, '10.0.0.1', 1n), 1))
  t.is(two.got.at(-1)?.type, 56)
  t.is(bed.upf('10.0.0.1').got.filter(({ type }) => type === 16).length, 0)
  const empty = groupOf(290, of(178, 2, ...ipv4('10.1.0.2')))
  t.is(causeOf(two.ask(16, null, nodeIdOf('10.1.0.2'), empty)!), 67)
})

test('n4: an SMF without a set, or of another one, moves its own sessions and no others (N4.12)', (t) => {
  for (const set of [[], [of(180, 0, 1, 0x62)]]) {
    const bed = startedBed(pool)
    const [one, two] = [bed.smf('10.1.0.1'), bed.smf('10.1.0.2')]
    one.associate(of(180, 0, 1, 0x61))
    two.associate(...set)
    one.establish(...sessionOf('10.45.0.1'), csid('10.1.0.1', 1))
    two.establish(...sessionOf('10.45.0.2'), csid('10.1.0.1', 1))
    const before = bed.proxy.sessions(2)
    const at = (address: string): PfcpElement => of(178, 2, ...ipv4(address))
    for (const named of [csid('10.1.0.1', 1), of(292, 2, ...ipv4('10.1.0.1'))])
      t.is(causeOf(two.ask(16, null, nodeIdOf('10.1.0.2'), groupOf(290, named, at('10.1.0.2')))!), 1)
    t.deepEqual(bed.proxy.sessions(2), before)
    t.is(bed.count('wrong-node'), 2)
    // Its own go wherever it says.
    const change = groupOf(290, csid('10.1.0.1', 1), at('10.1.0.9'))
    t.is(causeOf(two.ask(16, null, nodeIdOf('10.1.0.2'), change)!), 1)
    bed.fromUpf(bed.upf('10.0.0.2'), report(seidAt(bed, '10.0.0.2', 1n), 1))
    t.is(bed.sent.findLast(({ message }) => message.type === 56)?.to, '10.1.0.9')
  }
})

const load = (sequence: number, metric: number): PfcpElement =>
  groupOf(51, { type: 52, value: number32.write(sequence) }, of(53, metric))

test('n4: load reports steer new sessions, stay here, and old ones count for nothing (N4.16)', (t) => {
  const { bed, smf } = readyBed(pool, { select: 'load' })
  const a = bed.upf('10.0.0.1')
  a.sessionExtra = [load(2, 60)]
  t.is(valueAt(elementsOf(smf.establish(...sessionOf('10.45.0.1')).response!), 51), null)
  a.sessionExtra = [load(1, 0)]
  smf.ask(52, bed.proxy.sessions(1).map(({ seid }) => BigInt(seid))[0]!)
  t.is(bed.count('load-report-stale'), 1)
  for (let i = 2; i < 5; i++) smf.establish(...sessionOf(`10.45.0.${i}`))
  t.deepEqual(sizes(bed), [1, 3])
})

test('n4: SMFs are told the load of the pool when it is hot, and its overload when all have it (N4.16)', (t) => {
  const { bed, smf } = readyBed(pool)
  const overload = groupOf(54, { type: 52, value: number32.write(1) }, of(53, 30), of(55, 5))
  for (const { address } of pool) bed.upf(address).sessionExtra = [load(1, 90), overload]
  const first = smf.establish(...sessionOf('10.45.0.1'))
  t.is(valueAt(elementsOf(first.response!), 51), null)
  smf.establish(...sessionOf('10.45.0.2'))
  const third = elementsOf(smf.establish(...sessionOf('10.45.0.3')).response!)
  t.deepEqual(valueAt(third, 51, 53), bytes(90))
  t.deepEqual(valueAt(third, 54, 53), bytes(30))
})

test('n4: what an establishment lacks is named (causes 66, 69)', (t) => {
  const { smf } = readyBed(pool)
  const [node, fSeid, pdr] = [nodeIdOf('10.1.0.1'), fSeidOf(1n, '10.1.0.1'), pdrOf(1, chooseOf())]
  const cases: readonly (readonly [readonly PfcpElement[], number, number])[] = [
    [[fSeid, pdr, far], 66, 60],
    [[node, pdr, far], 66, 57],
    [[node, fSeid, far], 66, 1],
    [[node, fSeid, pdr], 66, 3],
    [[node, fSeid, groupOf(1, pdrIdOf(1)), far], 66, 2],
    [[node, fSeid, groupOf(1, groupOf(2)), far], 66, 56],
    [[node, of(57, 0, 0, 0, 0, 0, 0, 0, 0, 1), pdr, far], 69, 57],
  ]
  for (const [elements, cause, offending] of cases) {
    const answer = smf.ask(50, 0n, ...elements)!
    t.is(causeOf(answer), cause)
    t.deepEqual(valueAt(elementsOf(answer), 40), number16.write(offending))
  }
})
