import test from 'ava'
import { translateFragments, translateFrame } from '../../../testing/oracle.ts'
import { tunnelFrame } from '../../../testing/oracle/tunnels.ts'
import { buildFrame, buildPacket } from '../../../testing/packets.ts'
import { fragmentFrame } from '../../../testing/packets/fragments.ts'
import { packetPartsOf } from '../../../testing/packets/parts.ts'
import { fragmentState, verdict } from '../../layout.gen.ts'
import { flowKeyName } from '../flow-pair.ts'
import { keyOf, punted, sidesOf, testEncapsulation } from '../../../testing/slow-path/punts.ts'
import { FragmentHandler } from './fragment.ts'
import type { Packet } from '../../../testing/packets.ts'
import type { Flow, FlowKey, Fragment } from '../../layout.gen.ts'
import type { Answer, MapChange, PuntedPacket } from '../handler.ts'
import type { TestFlow } from '../../../testing/slow-path/punts.ts'
import type { FragmentLimits } from './held-datagrams.ts'

const macs = { ethernetSource: '02:00:00:00:00:0a', ethernetDestination: '02:00:00:00:00:0b' }
const limits: FragmentLimits = {
  datagrams: 4,
  datagramsOfSource: 2,
  bytes: 20_000,
  partsOfDatagram: 4,
  waitMs: 1000,
}

const nat44: TestFlow = {
  client: '10.0.0.9:4000',
  vip: '192.0.2.1:53',
  source: '192.0.2.1:5000',
  endpoint: '10.2.0.3:5353',
  protocol: 17,
}
const nat66: TestFlow = {
  ...nat44,
  client: '[fd01::9]:4000',
  vip: '[fd01::1]:53',
  source: '[fd02::1]:5',
  endpoint: '[fd02::2]:53',
}
const nat64: TestFlow = { ...nat66, source: nat44.source, endpoint: nat44.endpoint }
const nat46: TestFlow = { ...nat44, source: nat66.source, endpoint: nat66.endpoint }

const payload = Uint8Array.from({ length: 2992 }, (_, i) => i * 3)
const datagram = (flow: TestFlow, more: Partial<Packet> = {}): Packet =>
  ({ kind: 'udp', from: flow.client, to: flow.vip, payload, identification: 0x77, ...more }) as Packet
const pieces = (packet: Packet, sizes: readonly number[], id = 0x77): readonly Uint8Array[] =>
  fragmentFrame(buildFrame(packet), sizes, id)

interface Bench {
  readonly handler: FragmentHandler
  readonly entries: Map<string, Fragment>
  readonly asked: PuntedPacket[]
  /** what has become of the datagrams until now */
  readonly settle: (nowMs?: number) => readonly Exclude<Answer, { kind: 'keep' }>[]
  readonly give: (frames: readonly Uint8Array[], nowMs?: number) => readonly Answer[]
}

const bench = (flows: readonly TestFlow[], made: readonly TestFlow[] = []): Bench => {
  const known = new Map<string, Flow>(flows.map((flow) => [flowKeyName(sidesOf(flow).clientKey), sidesOf(flow).client]))
  const entries = new Map<string, Fragment>()
  const asked: PuntedPacket[] = []
  const handler = new FragmentHandler({
    limits,
    lookups: {
      flow: (key: FlowKey) => known.get(flowKeyName(key)) ?? null,
      fragment: (key) => entries.get(String(key.id)) ?? null,
      encapsulation: () => testEncapsulation,
    },
    makeFlow: (first) => {
      asked.push(first)
      for (const flow of made) known.set(flowKeyName(sidesOf(flow).clientKey), sidesOf(flow).client)
    },
  })
  const settled: Exclude<Answer, { kind: 'keep' }>[] = []
  return {
    handler,
    entries,
    asked,
    settle: (nowMs = 0) => {
      settled.push(...handler.due(nowMs).map(({ answer }) => answer))
      return settled.splice(0)
    },
    give: (frames, nowMs = 0) => frames.map((frame) => handler.handle(punted({ reason: 'fragment', frame }, nowMs))),
  }
}

const keeps = (answers: readonly Answer[]): boolean => answers.every(({ kind }) => kind === 'keep')
const packetsOf = (answer: Answer | undefined): readonly Buffer[] =>
  answer?.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes)) : []
const stateOf = (answer: Answer | undefined): Partial<Fragment> | undefined => {
  const change = answer?.kind === 'keep' ? undefined : answer?.changes?.[0]
  return change?.kind === 'fragment' ? change.fragment : undefined
}

const translation = (flow: TestFlow): { from: string; to: string } & typeof macs => ({
  ...macs,
  from: flow.source,
  to: flow.endpoint,
})
const withoutLink = (frames: readonly Uint8Array[]): readonly Buffer[] =>
  frames.map((frame) => Buffer.from(frame.subarray(14)))

for (const [name, flow] of [
  ['IPv4', nat44],
  ['IPv6', nat66],
] as const) {
  for (const order of [
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    test(`fragments: ${name}, in the order ${order.join(', ')}, leave as they came, translated`, (t) => {
      const sizes = [1448, 1448, 104]
      const frames = pieces(datagram(flow), sizes)
      const { give, handler, settle } = bench([flow])
      t.true(keeps(give(order.map((index) => frames[index]!))))
      const [answer] = settle()
      const wanted = translateFragments(buildFrame(datagram(flow)), translation(flow), sizes, 0x77)
      t.deepEqual(packetsOf(answer), withoutLink(wanted))
      t.like(stateOf(answer), { state: fragmentState.known, sourcePort: 4000, destinationPort: 53, ends: 3000 })
      t.deepEqual(handler.waiting, { datagrams: 0, bytes: 0 })
    })
  }
}

test('fragments: IPv6 to IPv4 keeps their parts and the lower half of the identification', (t) => {
  const sizes = [1448, 1448, 104]
  const { give, settle } = bench([nat64])
  give(pieces(datagram(nat64), sizes, 0xabcd1234).toReversed())
  const wanted = translateFragments(buildFrame(datagram(nat64)), translation(nat64), sizes, 0x1234)
  t.deepEqual(packetsOf(settle()[0]), withoutLink(wanted))
})

test('fragments: IPv4 to IPv6 go in parts that every link takes', (t) => {
  const { give, settle } = bench([nat46])
  give(pieces(datagram(nat46), [1480, 1480, 40]).toReversed())
  const wanted = translateFragments(buildFrame(datagram(nat46)), translation(nat46), [1232, 1232, 536], 0x77)
  t.deepEqual(packetsOf(settle()[0]), withoutLink(wanted))
})

test('fragments: a large echo is translated between the families as a whole', (t) => {
  const flow = {
    ...nat64,
    client: '[fd01::9]:55',
    vip: 'fd01::1',
    source: '192.0.2.1:66',
    endpoint: '10.2.0.3',
    protocol: 1,
  }
  const packet: Packet = { kind: 'icmp', from: flow.client, to: flow.vip, type: 128, payload }
  const { give, settle } = bench([flow])
  give(pieces(packet, [1448, 1552], 0x99).toReversed())
  const wanted = translateFragments(buildFrame(packet), translation(flow), [1448, 1448, 104], 0x99)
  const all = packetsOf(settle()[0])
  t.is(all.length, 2)
  t.deepEqual(
    Buffer.concat(all.map((part) => part.subarray(20))),
    Buffer.concat(withoutLink(wanted).map((part) => part.subarray(20))),
  )
})

test('fragments: UDP without a checksum gets one on the way to IPv6, since the datagram is whole', (t) => {
  const packet = datagram(nat46, { noChecksum: true })
  const { give, settle } = bench([nat46])
  give(pieces(packet, [1480, 1520]).toReversed())
  const whole = translateFrame(buildFrame(packet), translation(nat46))
  const parts = packetsOf(settle()[0])
  t.deepEqual(Buffer.concat(parts.map((part) => part.subarray(48))), Buffer.from(whole.subarray(54)))
})

test('fragments: a datagram without a flow asks the fast path for one, with its first fragment', (t) => {
  const frames = pieces(datagram(nat44), [1480, 1520])
  const { asked, give, settle } = bench([], [nat44])
  give(frames.toReversed())
  t.is(settle()[0]?.kind, 'send')
  t.is(asked.length, 1)
  t.deepEqual(asked[0]?.frame, frames[0])
})

test('fragments: without a flow all of a datagram is dropped, and its entry says so', (t) => {
  const { give, settle } = bench([])
  give(pieces(datagram(nat44), [1480, 1520]).toReversed())
  const [answer] = settle()
  t.like(answer, { kind: 'drop', reason: 'no flow' })
  t.like(stateOf(answer), { state: fragmentState.drop, verdict: verdict.drop_no_flow })
})

test('fragments: an overlap drops all, a repeated part does not count', (t) => {
  const frames = pieces(datagram(nat44), [1480, 1480, 40])
  const { give, settle } = bench([nat44])
  t.true(keeps(give([frames[2]!, frames[1]!])))
  t.like(give([frames[1]!])[0], { kind: 'drop', reason: 'fragments: repeated' })
  const other = pieces(datagram(nat44), [1472, 1528])[1]!
  t.true(keeps(give([other])))
  const [answer] = settle()
  t.like(answer, { kind: 'drop', reason: 'fragments: overlap' })
  t.like(stateOf(answer), { state: fragmentState.drop, verdict: verdict.drop_fragment_overlap })
})

test('fragments: what waits too long is dropped', (t) => {
  const { give, handler, settle } = bench([nat44])
  give(pieces(datagram(nat44), [1480, 1480, 40]).slice(1))
  t.deepEqual(settle(999), [])
  const [answer] = settle(1050)
  t.like(answer, { kind: 'drop', reason: 'fragments: time' })
  t.like(stateOf(answer), { state: fragmentState.drop })
  t.deepEqual(handler.waiting, { datagrams: 0, bytes: 0 })
})

const entry = (state: number, ends = 0): Fragment => ({
  seen: 0,
  sourcePort: 4000,
  destinationPort: 53,
  ends,
  state,
  endpoint: 0,
  verdict: 0,
})
const entryName = String(0x77 * 0x10000)

test('fragments: a first one that has passed meanwhile is followed', (t) => {
  const sizes = [1448, 1448, 104]
  const { entries, give, settle } = bench([nat44])
  give(pieces(datagram(nat44), sizes).slice(1))
  entries.set(entryName, entry(fragmentState.held))
  t.deepEqual(settle(100), [])
  entries.set(entryName, entry(fragmentState.known, 1448))
  const wanted = translateFragments(buildFrame(datagram(nat44)), translation(nat44), sizes, 0x77)
  t.deepEqual(packetsOf(settle(200)[0]), withoutLink(wanted).slice(1))
})

test('fragments: what waits goes when nothing is missing between it and what the fast path has sent', (t) => {
  const sizes = [1448, 1000, 448, 104]
  const frames = pieces(datagram(nat44), sizes)
  const { entries, give, settle } = bench([nat44])
  entries.set(entryName, entry(fragmentState.held, 1448))
  give([frames[3]!])
  t.deepEqual(settle(100), [])
  give([frames[2]!])
  t.deepEqual(settle(200), [])
  give([frames[1]!])
  const [answer] = settle(200)
  const wanted = translateFragments(buildFrame(datagram(nat44)), translation(nat44), sizes, 0x77)
  t.deepEqual(
    packetsOf(answer).toSorted((a, b) => a.readUInt16BE(6) - b.readUInt16BE(6)),
    withoutLink(wanted)
      .slice(1)
      .toSorted((a, b) => a.readUInt16BE(6) - b.readUInt16BE(6)),
  )
  t.like(stateOf(answer), { state: fragmentState.known, ends: 3000, sourcePort: 4000, destinationPort: 53 })
})

test('fragments: those that follow to IPv6 are split so that every link takes them', (t) => {
  const { entries, give, settle } = bench([nat46])
  entries.set(entryName, entry(fragmentState.held, 1480))
  give(pieces(datagram(nat46), [1480, 1480, 40]).slice(1))
  t.deepEqual(
    packetsOf(settle()[0]).map((bytes) => [packetPartsOf(bytes).fragment?.offset, bytes.length]),
    [
      [1480, 1280],
      [2712, 40 + 8 + 248],
      [2960, 40 + 8 + 40],
    ],
  )
})

test('fragments: as long as any wait, they are looked after in a hurry', (t) => {
  const { give, handler, settle } = bench([nat44])
  t.false(handler.hurries())
  give(pieces(datagram(nat44), [1480, 1520]).slice(1))
  t.true(handler.hurries())
  settle(2000)
  t.false(handler.hurries())
})

test('fragments: what the first one has brought already is an overlap', (t) => {
  const { entries, give, settle } = bench([nat44])
  give(pieces(datagram(nat44), [1448, 1552]).slice(1))
  entries.set(entryName, entry(fragmentState.known, 1456))
  t.like(settle(100)[0], { kind: 'drop', reason: 'fragments: overlap' })
})

test('fragments: a first one that was dropped takes the others with it; one for nobody here lets them pass', (t) => {
  for (const [state, wanted] of [
    [fragmentState.drop, { kind: 'drop', reason: 'fragments: first one dropped' }],
    [fragmentState.pass, { kind: 'send' }],
  ] as const) {
    const { entries, give, settle } = bench([])
    const [, later] = pieces(datagram(nat44), [1448, 1552])
    give([later!])
    entries.set(entryName, entry(state))
    const [answer] = settle(100)
    t.like(answer, wanted)
    if (answer?.kind === 'send') t.deepEqual(packetsOf(answer), withoutLink([later!]))
  }
})

test('fragments: datagrams, those of one source, bytes and parts are limited by name', (t) => {
  const later = (client: string, id: number, size = 1480): Uint8Array =>
    pieces(datagram({ ...nat44, client }, { payload: new Uint8Array(size + 1472) }), [1480, size], id)[1]!
  const one = bench([])
  t.true(keeps(one.give([later('10.0.0.1:1', 1), later('10.0.0.1:1', 2)])))
  t.like(one.give([later('10.0.0.1:1', 3)])[0], { kind: 'drop', reason: 'fragments: of source' })
  t.true(keeps(one.give([later('10.0.0.2:1', 1), later('10.0.0.3:1', 1)])))
  const [refusal] = one.give([later('10.0.0.4:1', 1)])
  t.like(refusal, { kind: 'drop', reason: 'fragments: datagrams' })
  t.like(stateOf(refusal), { state: fragmentState.drop })

  const bytes = bench([])
  t.true(keeps(bytes.give([later('10.0.0.1:1', 1, 8000), later('10.0.0.1:1', 2, 8000)])))
  t.like(bytes.give([later('10.0.0.2:1', 1, 8000)])[0], { kind: 'drop', reason: 'fragments: bytes' })

  const parts = bench([])
  const many = pieces(datagram(nat44), [8, 8, 8, 8, 8, 2960])
  t.true(keeps(parts.give(many.slice(1, 5))))
  t.like(parts.give(many.slice(5))[0], { kind: 'drop', reason: 'fragments: parts' })
})

test('fragments: what is cut, no fragment, or has a wrong header checksum is dropped by name', (t) => {
  const { handler } = bench([nat44])
  const [, frame = new Uint8Array()] = pieces(datagram(nat44), [1480, 1520])
  t.like(handler.handle(punted({ reason: 'fragment', frame, whole: frame.length + 1 })), { reason: 'too long' })
  t.like(handler.handle(punted({ reason: 'fragment', frame: buildFrame(datagram(nat44)) })), { reason: 'no fragment' })
  const wrong = frame.slice()
  wrong[24] = (wrong[24] ?? 0) ^ 1
  t.like(handler.handle(punted({ reason: 'fragment', frame: wrong })), { reason: 'checksum' })
})

test('fragments: the key of a flow is that of the whole datagram, for TCP too', (t) => {
  const flow = { ...nat44, protocol: 6 }
  const packet: Packet = { kind: 'tcp', from: flow.client, to: flow.vip, flags: 'A', payload }
  const { give, settle } = bench([flow])
  give(pieces(packet, [1480, 1532]).toReversed())
  t.is(settle()[0]?.kind, 'send')
  t.deepEqual(sidesOf(flow).clientKey, keyOf(flow.client, flow.vip, 6))
  t.is(buildPacket(packet).length, 20 + 20 + payload.length)
})

for (const [action, kind] of [
  ['encap_ip', 'ip'],
  ['encap_gue', 'gue'],
] as const) {
  for (const [outer, endpoint, source] of [
    ['IPv4', '10.2.0.3:0', '198.18.0.0'],
    ['IPv6', '[fd02::2]:0', 'fd88::'],
  ] as const) {
    test(`fragments: ${kind} over ${outer}, for direct return, they follow as they came`, (t) => {
      const flow = { ...nat44, source: nat44.client, endpoint, action } as const
      const frames = pieces(datagram(flow), [1448, 1448, 104])
      const { entries, give, settle } = bench([flow])
      entries.set(entryName, entry(fragmentState.held, 1448))
      give(frames.slice(1))
      const tunnel = { ...macs, kind, source, destination: endpoint, guePort: testEncapsulation.guePort, hops: 1 }
      const found = packetsOf(settle()[0])
      t.is(found.length, 2)
      for (const [index, packet] of found.entries()) {
        const framed = new Uint8Array([...new Uint8Array(14), ...packet])
        t.deepEqual(packet, withoutLink([tunnelFrame(frames[index + 1]!, tunnel, framed)])[0])
      }
    })
  }
}

test('fragments: those for direct return by MAC address are dropped by name', (t) => {
  const flow = { ...nat44, source: nat44.client, endpoint: '10.2.0.3:0', action: 'l2' } as const
  const { entries, give, settle } = bench([flow])
  entries.set(entryName, entry(fragmentState.held, 1448))
  give(pieces(datagram(flow), [1448, 1552]).slice(1))
  t.like(settle()[0], { kind: 'drop', reason: 'direct return by MAC address' })
})

test('fragments: those of a session, which has no flow, leave as the fast path says, in their order (N3.8)', (t) => {
  const parts = pieces(datagram(nat44), [1480, 1480, 40]).slice(1)
  const forwarded: number[] = []
  const changed: MapChange[] = []
  const state = { ...entry(fragmentState.held, 1480), endpoint: 3 }
  let refuses = false
  const handler = new FragmentHandler({
    limits,
    lookups: { flow: () => null, fragment: () => state, encapsulation: () => testEncapsulation },
    fastPath: {
      change: (changes) => changed.push(...changes),
      forward: ({ packet }) => {
        forwarded.push(packet.length)
        return refuses ? null : packet.subarray(0, 1)
      },
    },
  })
  const give = (): readonly Answer[] => {
    for (const frame of parts.toReversed()) handler.handle(punted({ reason: 'fragment', frame }))
    return handler.due(10).map(({ answer }) => answer)
  }
  t.deepEqual(
    give().map((answer) => packetsOf(answer).length),
    [2],
  )
  t.deepEqual(forwarded, [1500, 60])
  t.like(changed, [{ kind: 'fragment', fragment: { state: fragmentState.known, ends: 1480, endpoint: 3 } }])
  refuses = true
  t.like(give(), [{ kind: 'drop', reason: 'no flow' }])
})
