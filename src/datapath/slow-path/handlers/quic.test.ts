import test from 'ava'
import { connectionIds } from '../../../protocols/quic-lb/index.ts'
import { keyDigest } from '../../../lb/selection/flow-hash.ts'
import { translateFrame } from '../../../testing/oracle.ts'
import { buildFrame } from '../../../testing/packets.ts'
import { hintKind } from '../../layout.gen.ts'
import { flowKeyBytes, flowKeyName } from '../flow-pair.ts'
import { keyOf, puntedPacket, sidesOf, type TestFlow } from '../../../testing/slow-path/punts.ts'
import { quicHandler } from './quic.ts'
import type { Packet } from '../../../testing/packets.ts'
import type { Answer, MapChange, PuntedPacket } from '../handler.ts'
import type { Flow } from '../../layout.gen.ts'

const macs = { ethernetSource: '02:00:00:00:00:0a', ethernetDestination: '02:00:00:00:00:0b' }
const ids = connectionIds({ serverIdLength: 3, nonceLength: 5, key: '8f95f09245765f80256934e50c66207f', configId: 1 })
const vip = '192.0.2.1:443'
const client = '198.51.100.7:5000'

/** What flows of endpoint 1 and 2, and of the one that the hash gives, look like. */
const flowTo = (endpoint: string, given: Partial<TestFlow> = {}): TestFlow => ({
  client,
  vip,
  source: '10.2.0.1:777',
  endpoint,
  protocol: 17,
  state: 'unreplied',
  ...given,
})
const addressOf: Readonly<Record<number, string>> = { 0: '10.2.0.9:443', 21: '10.2.0.2:443', 22: '10.2.0.3:443' }
const endpoints: ReadonlyMap<string, number> = new Map([
  ['0000aa', 21],
  ['0000bb', 22],
])

interface Bench {
  readonly changes: MapChange[]
  /** flows that the fast path was asked to make */
  readonly made: number[]
  readonly give: (packet: Packet, nowMs?: number) => Answer
}

const bench = (given: Partial<TestFlow> = {}, limits = { perSecond: 10, eachPerSecond: 5, askers: 10 }): Bench => {
  const flows = new Map<string, Flow>()
  const changes: MapChange[] = []
  const made: number[] = []
  let hinted = 0
  const handler = quicHandler(
    {
      limits,
      lookups: { flow: (key) => flows.get(flowKeyName(key)) ?? null },
      change: (list) => {
        changes.push(...list)
        for (const one of list) hinted = one.kind === 'hint' ? one.hint.endpoint : 0
      },
      makeFlow: ({ punt }: PuntedPacket) => {
        made.push(hinted)
        const flow = flowTo(addressOf[hinted]!, given)
        flows.set(flowKeyName(punt.key), sidesOf(flow).client)
      },
      service: (id) => (id === 5 ? { ids, endpoint: (serverId) => endpoints.get(serverId) ?? null } : null),
    },
    0,
  )
  return {
    changes,
    made,
    give: (packet, nowMs = 0) => {
      const punted = puntedPacket('quic', packet, { key: keyOf(fromOf(packet), vip, 17) })
      return handler.handle({ ...punted, punt: { ...punted.punt, service: 5 }, nowMs }) as Answer
    },
  }
}

const fromOf = (packet: Packet): string => ('from' in packet ? packet.from : client)
const short = (serverId: readonly number[], given: Partial<Packet> = {}): Packet =>
  ({
    kind: 'udp',
    from: client,
    to: vip,
    payload: Uint8Array.of(0x43, ...ids.encode(Uint8Array.from(serverId), Uint8Array.of(1, 2, 3, 4, 5)), 9, 9, 9, 9),
    ...given,
  }) as Packet
const translated = (packet: Packet, endpoint: string): Buffer =>
  Buffer.from(translateFrame(buildFrame(packet), { ...macs, from: '10.2.0.1:777', to: endpoint }).subarray(14))
const packetsOf = (answer: Answer): readonly Buffer[] =>
  answer.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes)) : []

test('quic: a client at a new address reaches the server that its connection id names', (t) => {
  for (const [serverId, endpoint] of [
    [[0, 0, 0xaa], 21],
    [[0, 0, 0xbb], 22],
  ] as const) {
    const { changes, give, made } = bench()
    const packet = short(serverId)
    t.deepEqual(packetsOf(give(packet)), [translated(packet, addressOf[endpoint]!)])
    t.deepEqual(made, [endpoint])
    t.deepEqual(
      changes.map(({ kind }) => kind),
      ['hint', 'forget-hint'],
    )
  }
})

test("quic: the hint is for the flow alone, by the fast path's digest of it", (t) => {
  const { changes, give } = bench()
  give(short([0, 0, 0xaa]))
  const [change] = changes
  if (change?.kind !== 'hint') return t.fail('no hint')
  const digest = new Uint8Array(16)
  new DataView(digest.buffer).setBigUint64(0, keyDigest(flowKeyBytes(keyOf(client, vip, 17))), true)
  t.deepEqual(change.key, { service: 5, kind: hintKind.flow, length: 8, bytes: digest })
  t.like(change.hint, { endpoint: 21, flags: 0, identifier: 0 })
  t.true(change.hint.lifetimeMs > 0)
})

test('quic: an id that names nobody, or is no id, goes where the hash sends it', (t) => {
  const packets: readonly Packet[] = [
    short([1, 2, 3]),
    short([0, 0, 0xaa], { payload: Uint8Array.of(0x43, 0xe9, 1, 2, 3, 4, 5, 6, 7, 8, 9) }),
    short([0, 0, 0xaa], { payload: Uint8Array.of(0x43, 0x28) }),
    short([0, 0, 0xaa], { payload: new Uint8Array(0) }),
  ]
  for (const packet of packets) {
    const { changes, give, made } = bench()
    t.deepEqual(packetsOf(give(packet)), [translated(packet, addressOf[0]!)])
    t.deepEqual(made, [0])
    t.deepEqual(changes, [])
  }
})

test('quic: what came behind the first one follows its flow, without being decrypted', (t) => {
  const { give, made } = bench({}, { perSecond: 1, eachPerSecond: 1, askers: 10 })
  give(short([0, 0, 0xaa]))
  const packet = short([0, 0, 0xbb])
  t.deepEqual(packetsOf(give(packet)), [translated(packet, addressOf[21]!)])
  t.is(made.length, 1)
})

test('quic: one client address, and all together, have no more ids decrypted than the limits say', (t) => {
  const { give, made } = bench()
  const from = (host: number, port: number): Packet => short([0, 0, 0xaa], { from: `198.51.100.${host}:${port}` })
  const answers = Array.from({ length: 8 }, (_, i) => give(from(1, 1000 + i)))
  t.deepEqual(
    answers.map(({ kind }) => kind),
    ['send', 'send', 'send', 'send', 'send', 'drop', 'drop', 'drop'],
  )
  t.like(answers[7], { kind: 'drop', reason: 'rate limit' })
  for (let host = 2; host < 20; host++) give(from(host, 1))
  t.is(made.length, 10)
  t.is(give(from(1, 2000), 1000).kind, 'send')
})

test('quic: what goes to servers that answer clients themselves is left to its next copy, which finds a flow', (t) => {
  const { give, made } = bench({ action: 'encap_ip' })
  t.like(give(short([0, 0, 0xaa])), { kind: 'drop', reason: 'direct return' })
  t.deepEqual(made, [21])
})

test('quic: where the fast path makes no flow the packet is dropped', (t) => {
  const handler = quicHandler(
    {
      limits: { perSecond: 10, eachPerSecond: 10, askers: 10 },
      lookups: { flow: () => null },
      change: () => undefined,
      makeFlow: () => undefined,
      service: () => null,
    },
    0,
  )
  const punted = puntedPacket('quic', short([0, 0, 0xaa]), { key: keyOf(client, vip, 17) })
  t.like(handler.handle(punted), { kind: 'drop', reason: 'no flow' })
})
