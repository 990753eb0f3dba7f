import test from 'ava'
import { translateFragments } from '../../../testing/oracle.ts'
import { buildFrame, buildPacket } from '../../../testing/packets.ts'
import { fragmentFrame } from '../../../testing/packets/fragments.ts'
import { packetPartsOf } from '../../../testing/packets/parts.ts'
import { fragmentState } from '../../layout.gen.ts'
import { punted, sidesOf, testEncapsulation } from '../../../testing/slow-path/punts.ts'
import { tooBigHandler } from './too-big.ts'
import type { Packet } from '../../../testing/packets.ts'
import type { Flow } from '../../layout.gen.ts'
import type { Answer, Handler } from '../handler.ts'
import type { TestFlow, TestPunt } from '../../../testing/slow-path/punts.ts'

const limits = { perSecond: 5, eachPerSecond: 2, askers: 3 }
const flow44: TestFlow = {
  client: '10.0.0.9:4000',
  vip: '192.0.2.1:80',
  source: '10.0.0.9:4000',
  endpoint: '10.2.0.3:80',
}
const flow66: TestFlow = {
  client: '[fd01::9]:4000',
  vip: '[fd01::1]:80',
  source: '[fd02::9]:4',
  endpoint: '[fd02::3]:80',
}
const flow64: TestFlow = { ...flow66, source: '10.9.9.9:5', endpoint: '10.2.0.3:80' }
const flow46: TestFlow = { ...flow44, source: '[fd02::9]:4', endpoint: '[fd02::3]:80' }

const payload = new Uint8Array(1460).fill(5)
const packetOf = (flow: TestFlow, more: Partial<Packet> = {}): Packet =>
  ({ kind: 'tcp', flags: 'A', from: flow.client, to: flow.vip, payload, dontFragment: true, ...more }) as Packet

interface Table {
  /** of the fast path; null: none of it */
  readonly flow: Flow | null
  /** what the fast path makes when it is asked */
  readonly made?: Flow
}

const open = ({ flow, made }: Table): Handler => {
  let found = flow
  return tooBigHandler({
    limits,
    lookups: { flow: () => found, fragment: () => null, encapsulation: () => testEncapsulation },
    makeFlow: () => (found = made ?? null),
    nowMs: 0,
  })
}

const handle = (packet: Packet, mtu: number, more: Partial<TestPunt> = {}): Answer =>
  open({ flow: more.flow ?? null }).handle(
    punted({ reason: 'too_big', frame: buildFrame(packet), mtu, ...more }),
  ) as Answer
const packetsOf = (answer: Answer): readonly Buffer[] =>
  answer.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes)) : []

/** What the sender gets: from the address it has sent to, about its packet as it was. */
const told = (packet: Packet, family: 4 | 6, mtu: number): Buffer => {
  const [type, code, most] = family === 4 ? [3, 4, 548] : [2, 0, 1232]
  const inside = buildPacket(packet).subarray(0, most)
  const [from, to] = [packet.to, packet.from]
  return Buffer.from(buildPacket({ kind: 'icmp-error', from, to, type, code, word: mtu, inside, identification: 0 }))
}

test('too big: the sender is told by the address it has sent to, with the MTU that it may use', (t) => {
  const encapsulated = { ...flow44, vip: '192.0.2.1:80', source: flow44.client, action: 'encap_ip' } as const
  const rows: readonly (readonly [string, TestFlow, 4 | 6, number, number])[] = [
    ['within IPv4', flow44, 4, 1400, 1400],
    ['within IPv6', flow66, 6, 1400, 1400],
    ['IPv6 links take 1,280 bytes', flow66, 6, 1000, 1280],
    ['IPv6 to IPv4: shorter by 20', flow64, 6, 1400, 1420],
    ['IPv4 to IPv6: longer by 20', flow46, 4, 1400, 1380],
    ['in IPv4', encapsulated, 4, 1500, 1480],
    ['in IPv6', { ...encapsulated, endpoint: '[fd02::3]:80' }, 4, 1500, 1460],
    ['in GUE over IPv4', { ...encapsulated, action: 'encap_gue' }, 4, 1500, 1468],
    ['in GUE over IPv6', { ...encapsulated, endpoint: '[fd02::3]:80', action: 'encap_gue' }, 4, 1500, 1448],
  ]
  for (const [name, flow, family, mtu, wanted] of rows) {
    const packet = packetOf(flow)
    t.deepEqual(packetsOf(handle(packet, mtu, { flow: sidesOf(flow).client })), [told(packet, family, wanted)], name)
  }
  t.deepEqual(packetsOf(handle(packetOf(flow44), 1400)), [told(packetOf(flow44), 4, 1400)], 'without a flow')
})

test('too big: a frame whose end is missing is enough to tell its sender', (t) => {
  const packet = packetOf(flow44)
  const frame = buildFrame(packet)
  const answer = handle(packet, 1400, { frame: frame.subarray(0, 600), whole: frame.length })
  t.deepEqual(packetsOf(answer), [told(packet, 4, 1400)])
})

test('too big: IPv4 that may be fragmented is translated and fragmented', (t) => {
  const packet = packetOf(flow44, { dontFragment: false })
  const flow = sidesOf(flow44).client
  const answer = handle(packet, 1000, { flow, sequence: 0x10077 })
  const macs = { ethernetSource: '02:00:00:00:00:0a', ethernetDestination: '02:00:00:00:00:0b' }
  const translation = { ...macs, from: flow44.source, to: flow44.endpoint }
  const wanted = translateFragments(buildFrame(packet), translation, [976, 504], 0x77)
  t.deepEqual(
    packetsOf(answer),
    wanted.map((frame) => Buffer.from(frame.subarray(14))),
  )
})

test('too big: a flow that the fast path has not made yet is made before its packet is sent', (t) => {
  const packet = packetOf(flow44, { dontFragment: false })
  const [proposed, made] = [sidesOf({ ...flow44, source: '10.0.0.9:1' }).client, sidesOf(flow44).client]
  const puntedIn = punted({ reason: 'too_big', frame: buildFrame(packet), mtu: 1000, flow: proposed })
  const answer = open({ flow: null, made }).handle(puntedIn) as Answer
  t.deepEqual(answer, open({ flow: made }).handle(puntedIn))
  t.like(open({ flow: null }).handle(puntedIn), { kind: 'drop', reason: 'no flow' })
})

test('too big: a first fragment on its way to IPv6 is split again, and its rest may follow', (t) => {
  const whole = packetOf(flow46, { payload: new Uint8Array(2980), dontFragment: false, identification: 0x77 })
  const [first = new Uint8Array(), later = new Uint8Array()] = fragmentFrame(buildFrame(whole), [1480, 1520])
  const flow = sidesOf(flow46).client
  const key = sidesOf(flow46).clientKey
  const answer = handle(whole, 1500, { frame: first, flow, key })
  const parts = packetsOf(answer).map((bytes) => packetPartsOf(bytes))
  const fragment = { identification: 0x77, headerAt: 40 }
  t.deepEqual(
    parts.map((part) => part.fragment),
    [
      { ...fragment, offset: 0, more: true },
      { ...fragment, offset: 1448, more: true },
    ],
  )
  t.like(answer.kind === 'send' && answer.changes?.[0], {
    kind: 'fragment',
    fragment: { sourcePort: 4000, destinationPort: 80, ends: 1480, state: fragmentState.known, verdict: 0 },
  })
  const rest = handle(whole, 1500, { frame: later, flow, key })
  t.deepEqual(
    packetsOf(rest).map((bytes) => packetPartsOf(bytes).fragment),
    [
      { ...fragment, offset: 1480, more: true },
      { ...fragment, offset: 2928, more: false },
    ],
  )
  t.deepEqual(rest.kind === 'send' && rest.changes, [])
})

test('too big: IPv6 of 1,280 bytes is fragmented where an IPv4 link is shorter', (t) => {
  const packet = packetOf(flow64, { payload: new Uint8Array(1220) })
  const parts = packetsOf(handle(packet, 1000, { flow: sidesOf(flow64).client }))
  t.deepEqual(
    parts.map(({ length }) => length),
    [996, 284],
  )
  t.is(packetPartsOf(parts[1]!).fragment?.offset, 976)
})

const silent: readonly (readonly [string, string, Packet, Partial<TestPunt>])[] = [
  [
    'an ICMP error',
    'about an ICMP error',
    { kind: 'icmp-error', from: '10.0.0.9', to: '192.0.2.1', type: 3, code: 1, inside: payload, dontFragment: true },
    {},
  ],
  ['a multicast sender', 'to nobody', packetOf({ ...flow44, client: '224.0.0.1:1' }), {}],
  ['the unspecified sender', 'to nobody', packetOf({ ...flow66, client: '[::]:1' }), {}],
  ['a multicast destination', 'about multicast', packetOf({ ...flow44, vip: '224.0.0.1:1' }), {}],
  ['a multicast frame', 'about multicast', packetOf(flow44, { ethernetDestination: '01:00:5e:00:00:01' }), {}],
  ['a link whose MTU is not known', 'next link not known', packetOf(flow44), { mtu: 0 }],
  ['a link shorter than any', 'next link too short', packetOf(flow44), { mtu: 60 }],
]

for (const [title, reason, packet, more] of silent) {
  test(`too big: nobody is told about ${title}`, (t) => {
    const handler = open({ flow: null })
    const packetIn = punted({ reason: 'too_big', frame: buildFrame(packet), mtu: 1400, ...more })
    try {
      t.like(handler.handle(packetIn), { kind: 'drop', reason })
    } catch (error) {
      t.is((error as { reason?: string }).reason, reason)
    }
  })
}

test('too big: nobody is told about a later fragment', (t) => {
  const [, later = new Uint8Array()] = fragmentFrame(buildFrame(packetOf(flow66)), [800, 680])
  t.like(handle(packetOf(flow66), 1400, { frame: later }), { kind: 'drop', reason: 'about a later fragment' })
})

test('too big: errors are limited, of each sender and of all', (t) => {
  const handler = open({ flow: null })
  const ask = (client: string, nowMs: number): string => {
    const frame = buildFrame(packetOf({ ...flow44, client }))
    const answer = handler.handle(punted({ reason: 'too_big', frame, mtu: 1400 }, nowMs)) as Answer
    return answer.kind === 'drop' ? answer.reason : answer.kind
  }
  t.deepEqual(
    ['10.0.0.1:1', '10.0.0.1:2', '10.0.0.1:3'].map((client) => ask(client, 0)),
    ['send', 'send', 'rate limit'],
  )
  t.deepEqual(
    ['10.0.0.2:1', '10.0.0.3:1', '10.0.0.4:1'].map((client) => ask(client, 0)),
    ['send', 'send', 'send'],
  )
  t.is(ask('10.0.0.5:1', 0), 'rate limit', 'five of all together')
  t.is(ask('10.0.0.1:1', 600), 'send')
})
