import test from 'ava'
import { buildFrame, buildPacket } from '../../../testing/packets.ts'
import { flowFlags } from '../../layout.gen.ts'
import { flowKeyName } from '../flow-pair.ts'
import { punted, sidesOf, testEncapsulation } from '../../../testing/slow-path/punts.ts'
import { Resets } from './reset.ts'
import type { Packet } from '../../../testing/packets.ts'
import type { Flow } from '../../layout.gen.ts'
import type { Answer, PuntedPacket } from '../handler.ts'
import type { TestFlow } from '../../../testing/slow-path/punts.ts'

const flow: TestFlow = { client: '[fd01::9]:4000', vip: '[fd01::1]:80', source: '10.9.9.9:5', endpoint: '10.2.0.3:80' }
const sides = sidesOf(flow)
const limits = { connections: 2, tries: 2, tryMs: 1000 }

const expired = (of: TestFlow = flow): PuntedPacket =>
  punted({ reason: 'reset', frame: new Uint8Array(), key: sidesOf(of).clientKey, flow: sidesOf(of).client })
const segment = (packet: Packet, isClient: boolean): PuntedPacket =>
  punted({
    reason: 'alg',
    frame: buildFrame(packet),
    key: isClient ? sides.clientKey : sides.endpointKey,
    flow: isClient ? sides.client : sides.endpoint,
  })

const open = (kept: readonly Flow[] = []): Resets => {
  const numbers = [0x11111111, 0x22222222, 0x33333333, 0x44444444]
  const lookups = { flow: () => kept[0] ?? null, fragment: () => null, encapsulation: () => testEncapsulation }
  return new Resets(limits, lookups, () => numbers.shift() ?? 0)
}
const packetsOf = (answer: Answer): readonly Buffer[] =>
  answer.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes)) : []
const packet = (from: string, to: string, flags: string, sequence: number, acknowledgement = 0): Buffer => {
  const header = { dontFragment: true, identification: 0, window: 0 }
  return Buffer.from(buildPacket({ kind: 'tcp', from, to, flags, sequence, acknowledgement, ...header }))
}
const ofClient = {
  kind: 'tcp',
  from: flow.client,
  to: flow.vip,
  flags: 'A',
  sequence: 700,
  acknowledgement: 900,
} as const
const ofEndpoint = {
  kind: 'tcp',
  from: flow.endpoint,
  to: flow.source,
  flags: 'A',
  sequence: 20,
  acknowledgement: 30,
} as const

test('reset: both sides are asked for their numbers, and get a RST with the one that they expect', (t) => {
  const resets = open()
  const first = resets.expired.handle(expired()) as Answer
  t.deepEqual(packetsOf(first), [
    packet(flow.vip, flow.client, 'A', 0x11111111, 0x22222222),
    packet(flow.source, flow.endpoint, 'A', 0x33333333, 0x44444444),
  ])
  t.true(resets.answers.wants?.(segment(ofClient, true)))
  const toClient = resets.answers.handle(segment(ofClient, true)) as Answer
  t.deepEqual(packetsOf(toClient), [packet(flow.vip, flow.client, 'R', 900)])
  t.deepEqual(toClient.kind === 'send' && toClient.changes, [])
  const toEndpoint = resets.answers.handle(segment(ofEndpoint, false)) as Answer
  t.deepEqual(packetsOf(toEndpoint), [packet(flow.source, flow.endpoint, 'R', 30)])
  t.deepEqual(toEndpoint.kind === 'send' && toEndpoint.changes, [{ kind: 'forget-flow', client: sides.clientKey }])
  t.is(resets.connections, 0)
  t.false(resets.answers.wants?.(segment(ofClient, true)))
})

test('reset: the flow is put back with its packets for the slow path, unless it is there', (t) => {
  const gone = open().expired.handle(expired()) as Answer
  const [change] = gone.kind === 'send' ? (gone.changes ?? []) : []
  t.is(change?.kind, 'flow')
  if (change?.kind !== 'flow') return
  t.is(flowKeyName(change.client), flowKeyName(sides.clientKey))
  const { destination, destinationPort, source, sourcePort } = sides.client
  t.like(change.flow, { service: 1, endpoint: 1, source, sourcePort, destination, destinationPort, punt: true })
  const there = open([{ ...sides.client, flags: sides.client.flags | flowFlags.punt }]).expired.handle(expired())
  t.deepEqual((there as { changes?: unknown }).changes, [])
})

test('reset: a side that has forgotten the connection says so and is left alone', (t) => {
  const resets = open()
  void resets.expired.handle(expired())
  const answer = resets.answers.handle(segment({ ...ofClient, flags: 'R' }, true)) as Answer
  t.deepEqual(packetsOf(answer), [])
  t.is(resets.connections, 1)
})

test('reset: a new connection over the same ports ends it', (t) => {
  const resets = open()
  void resets.expired.handle(expired())
  const answer = resets.answers.handle(segment({ ...ofClient, flags: 'S' }, true)) as Answer
  t.like(answer, { kind: 'drop', reason: 'reset: new connection' })
  t.is(resets.connections, 0)
})

test('reset: a side that does not answer is asked again, and then the flow goes', (t) => {
  const resets = open()
  void resets.expired.handle(expired())
  void resets.answers.handle(segment(ofClient, true))
  t.deepEqual(resets.expired.due?.(999), [])
  const [again] = resets.expired.due?.(1000) ?? []
  t.is(again?.answer.kind === 'send' && again.answer.packets.length, 1, 'only the endpoint is asked again')
  const [end] = resets.expired.due?.(2000) ?? []
  t.like(end?.answer, { kind: 'drop', reason: 'reset: no answer' })
  t.deepEqual(end?.answer.changes, [{ kind: 'forget-flow', client: sides.clientKey }])
  t.is(resets.connections, 0)
})

test('reset: connections at one time are limited; what cannot be reset is dropped by name', (t) => {
  const resets = open()
  const other = (port: number): TestFlow => ({ ...flow, client: `[fd01::9]:${port}`, source: `10.9.9.9:${port}` })
  t.is((resets.expired.handle(expired(other(1))) as Answer).kind, 'send')
  t.is((resets.expired.handle(expired(other(2))) as Answer).kind, 'send')
  t.like(resets.expired.handle(expired(other(1))), { kind: 'drop', reason: 'reset: going on' })
  t.like(resets.expired.handle(expired(other(3))), { kind: 'drop', reason: 'reset: connections' })
  t.like(resets.expired.handle(punted({ reason: 'reset', frame: new Uint8Array() })), {
    kind: 'drop',
    reason: 'no flow',
  })
  const direct = { ...flow, source: '10.9.9.9:9', action: 'encap_ip' } as const
  t.like(resets.expired.handle(expired(direct)), { kind: 'drop', reason: 'reset: direct return' })
})

test('reset: an expired entry of the endpoint side names the same connection', (t) => {
  const reverse = { ...sides.endpoint, flags: sides.endpoint.flags | flowFlags.reverse }
  const answer = open().expired.handle(
    punted({ reason: 'reset', frame: new Uint8Array(), key: sides.endpointKey, flow: reverse }),
  ) as Answer
  t.deepEqual(packetsOf(answer)[0], packet(flow.vip, flow.client, 'A', 0x11111111, 0x22222222))
})
