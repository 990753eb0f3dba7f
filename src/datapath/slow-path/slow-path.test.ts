// The mechanism: from records of the ring to what is done, with a clock and a sink of the test's own.

import test from 'ava'
import fc from 'fast-check'
import { buildFrame } from '../../testing/packets.ts'
import { pseudoHeaderSum } from '../../wire/checksum.ts'
import { parseIp } from '../../wire/ip-packet.ts'
import { puntReasonNames, puntSize } from '../layout.gen.ts'
import { MapChangeError } from './dispatch.ts'
import { drop, send } from './handler.ts'
import { slowPathLimits } from './limits.ts'
import { latencyBoundsMs } from './statistics.ts'
import { decodePunt, readPuntHead } from './punt-record.ts'
import { SlowPathCore } from './slow-path.ts'
import { keyOf, recordOf, sidesOf, testEncapsulation } from '../../testing/slow-path/punts.ts'
import type { Answer, Handler, MapChange, PuntedPacket } from './handler.ts'
import type { QueueLimits } from './lanes.ts'
import type { SlowPathLimits } from './limits.ts'
import type { TestPunt } from '../../testing/slow-path/punts.ts'

interface Bench {
  readonly core: SlowPathCore
  /** what was done, in order */
  readonly done: string[]
  readonly clock: { ms: number }
  ready: number
  readonly punt: (test: Omit<TestPunt, 'frame'> & { readonly text?: string }) => void
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

interface BenchOptions {
  readonly handlers: readonly Handler[]
  readonly queue?: QueueLimits
  readonly change?: (change: MapChange) => void
  readonly unsent?: readonly string[]
}

const bench = ({ change, handlers, queue, unsent = [] }: BenchOptions): Bench => {
  const done: string[] = []
  const clock = { ms: 0 }
  const { dispatch } = slowPathLimits
  const queues = Object.fromEntries(puntReasonNames.map((reason) => [reason, queue ?? dispatch.queues[reason]]))
  const limits: SlowPathLimits = {
    ...slowPathLimits,
    dispatch: { queues: queues as SlowPathLimits['dispatch']['queues'], waitMs: 2000, answerMs: 5000 },
  }
  const result: Bench = {
    done,
    clock,
    ready: 0,
    core: new SlowPathCore({
      handlers,
      limits,
      maps: {
        flow: () => null,
        fragment: () => null,
        encapsulation: () => testEncapsulation,
        change: (changes) => {
          for (const each of changes) {
            change?.(each)
            done.push(`change ${each.kind}`)
          }
        },
      },
      sink: {
        send: (packets, ifindex) => {
          for (const packet of packets) done.push(`send ${text(packet)} ${ifindex}`)
          return unsent
        },
      },
      now: () => clock.ms,
      msOfTick: (tick) => tick,
      onReady: () => result.ready++,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: (_fields, message) => done.push(message) },
    }),
    punt: ({ text: words = '', ...rest }) => result.core.receive(recordOf({ frame: frameOf(words), ...rest })),
  }
  return result
}

const frameOf = (words: string): Uint8Array =>
  buildFrame({ kind: 'udp', from: '10.0.0.1:1', to: '10.0.0.2:2', payload: Buffer.from(words) })
const wordsOf = ({ packet }: PuntedPacket): string => text(packet.subarray(28))

const echo = (reason: Handler['reason'] = 'alg', more: Partial<Handler> = {}): Handler => ({
  reason,
  handle: (packet) => send(Buffer.from(wordsOf(packet))),
  ...more,
})
const flowOf = (port: number): ReturnType<typeof sidesOf> =>
  sidesOf({ client: `10.0.0.9:${port}`, vip: '192.0.2.1:21', source: `10.1.1.1:${port}`, endpoint: '10.2.0.3:21' })

test('slow path: changes come before packets, in the order of the answer', (t) => {
  const client = keyOf('10.0.0.1:1', '10.0.0.2:2', 6)
  const changes: readonly MapChange[] = [{ kind: 'forget-flow', client }]
  const handle = (): Answer => ({ kind: 'send', changes, packets: [Buffer.from('a'), Buffer.from('b')] })
  const { core, done, punt } = bench({ handlers: [{ reason: 'miss', handle }] })
  punt({ reason: 'miss' })
  t.false(core.run(10))
  t.deepEqual(done, ['change forget-flow', 'send a 7', 'send b 7'])
  t.like(core.status(), { sent: 2, unsent: {} })
  t.like(core.status().reasons['miss']!, { received: 1, waiting: 0, answered: 1, dropped: {} })
})

test('slow path: when a map refuses, nothing is sent and the packet is dropped by that name', (t) => {
  const client = keyOf('10.0.0.1:1', '10.0.0.2:2', 6)
  const handle = (): Answer => ({
    kind: 'send',
    changes: [{ kind: 'forget-flow', client }],
    packets: [Buffer.from('a')],
  })
  const { core, done, punt } = bench({
    handlers: [{ reason: 'miss', handle }],
    change: () => {
      throw new MapChangeError('flows: full')
    },
  })
  punt({ reason: 'miss' })
  core.run(10)
  t.deepEqual(done, [])
  t.like(core.status().reasons['miss']!, { answered: 0, dropped: { 'flows: full': 1 } })
})

test('slow path: what the kernel does not send is counted by name', (t) => {
  const { core, punt } = bench({ handlers: [echo()], unsent: ['send: EMSGSIZE'] })
  punt({ reason: 'alg', text: 'long' })
  core.run(10)
  t.like(core.status(), { sent: 0, unsent: { 'send: EMSGSIZE': 1 } })
})

test('slow path: a reason without a handler, a drop, a bad packet and a handler that fails are told apart', (t) => {
  const handlers: readonly Handler[] = [
    { reason: 'alg', handle: () => drop('not ours') },
    {
      reason: 'quic',
      handle: () => {
        throw new Error('broken')
      },
    },
  ]
  const { core, done, punt } = bench({ handlers })
  punt({ reason: 'miss' })
  punt({ reason: 'alg' })
  punt({ reason: 'quic' })
  punt({ reason: 'icmp_error', key: flowOf(1).clientKey, flow: flowOf(1).client })
  core.run(10)
  const { reasons } = core.status()
  t.deepEqual(
    [reasons['miss']!, reasons['alg']!, reasons['quic']!, reasons['icmp_error']!].map(({ dropped }) => dropped),
    [{ 'no handler': 1 }, { 'not ours': 1 }, { 'handler failed': 1 }, { 'no ICMP error': 1 }],
  )
  t.deepEqual(done, ['a handler of the slow path failed'])
})

test('slow path: packets of a flow keep their order while their handler takes its time, others pass', async (t) => {
  const waiting = new Map<string, PromiseWithResolvers<Answer>>()
  const handle = (packet: PuntedPacket): Promise<Answer> => {
    const answer = Promise.withResolvers<Answer>()
    waiting.set(wordsOf(packet), answer)
    return answer.promise
  }
  const { core, done, punt } = bench({ handlers: [{ reason: 'alg', handle }] })
  const answer = async (words: string): Promise<void> => {
    waiting.get(words)?.resolve(send(Buffer.from(words)))
    await new Promise((resolve) => setImmediate(resolve))
    core.run(10)
  }
  const [one, two] = [flowOf(1), flowOf(2)]
  punt({ reason: 'alg', key: one.clientKey, text: 'one-1' }) // before its flow was known
  punt({ reason: 'alg', key: one.clientKey, flow: one.client, text: 'one-2' })
  punt({ reason: 'alg', key: one.endpointKey, flow: one.endpoint, text: 'one-3' }) // from the other side
  punt({ reason: 'alg', key: two.clientKey, flow: two.client, text: 'two-1' })
  core.run(10)
  t.deepEqual([...waiting.keys()], ['one-1', 'two-1'])
  await answer('two-1')
  await answer('one-1')
  t.deepEqual([...waiting.keys()], ['one-1', 'two-1', 'one-2'])
  await answer('one-2')
  await answer('one-3')
  t.deepEqual(done, ['send two-1 7', 'send one-1 7', 'send one-2 7', 'send one-3 7'])
})

test('slow path: an answer that comes too late is none, and the flow goes on', async (t) => {
  const first = Promise.withResolvers<Answer>()
  const handle = (packet: PuntedPacket): Answer | Promise<Answer> =>
    wordsOf(packet) === 'first' ? first.promise : send(Buffer.from(wordsOf(packet)))
  const rig = bench({ handlers: [{ reason: 'alg', handle }] })
  const { clientKey: key, client: flow } = flowOf(1)
  rig.punt({ reason: 'alg', key, flow, text: 'first' })
  rig.core.run(10)
  rig.clock.ms = 4990
  rig.core.step()
  rig.punt({ reason: 'alg', key, flow, text: 'second' })
  rig.core.run(10)
  t.deepEqual(rig.done, [])
  rig.clock.ms = 5000
  rig.core.step()
  t.is(rig.ready, 1)
  rig.core.run(10)
  first.resolve(send(Buffer.from('first')))
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(rig.done, ['send second 7'])
  t.like(rig.core.status().reasons['alg']!, { waiting: 0, answered: 1, dropped: { 'no answer': 1 } })
})

test('slow path: packets of flows go before those without one, and have room that the others have not', (t) => {
  const rig = bench({ handlers: [echo()], queue: { queued: 5, withoutFlow: 2, inHand: 5 } })
  for (const [index, flow] of [null, null, null, 1, 2, 3, 4].entries()) {
    const sides =
      flow === null
        ? { key: keyOf(`10.0.0.${index}:1`, '10.0.0.2:2', 6) }
        : { key: flowOf(flow).clientKey, flow: flowOf(flow).client }
    rig.punt({ reason: 'alg', text: flow === null ? `new${index}` : `flow${flow}`, ...sides })
  }
  rig.core.run(100)
  t.deepEqual(rig.done, ['send flow1 7', 'send flow2 7', 'send flow3 7', 'send new0 7', 'send new1 7'])
  t.deepEqual(rig.core.status().reasons['alg']!.dropped, { 'queue full for new flows': 1, 'queue full': 1 })
})

test('slow path: no more packets are in hand than the reason may have', async (t) => {
  const answers: PromiseWithResolvers<Answer>[] = []
  const handle = (): Promise<Answer> => {
    answers.push(Promise.withResolvers<Answer>())
    return answers.at(-1)!.promise
  }
  const rig = bench({
    handlers: [{ reason: 'alg', handle }, echo('miss')],
    queue: { queued: 9, withoutFlow: 9, inHand: 2 },
  })
  for (const port of [1, 2, 3]) rig.punt({ reason: 'alg', key: flowOf(port).clientKey, flow: flowOf(port).client })
  rig.punt({ reason: 'miss', text: 'other' })
  t.false(rig.core.run(10))
  t.is(answers.length, 2)
  t.deepEqual(rig.done, ['send other 7'], 'another reason has its own room')
  answers[0]!.resolve(drop('done'))
  await new Promise((resolve) => setImmediate(resolve))
  rig.core.run(10)
  t.is(answers.length, 3)
})

test('slow path: a packet that has waited too long is dropped', (t) => {
  const rig = bench({ handlers: [echo()] })
  rig.punt({ reason: 'alg', text: 'old' })
  rig.clock.ms = 2000
  rig.core.run(10)
  t.deepEqual(rig.core.status().reasons['alg']!.dropped, { 'queue: time': 1 })
})

test('slow path: a turn ends after the packets it may handle', (t) => {
  const rig = bench({ handlers: [echo()] })
  for (const port of [1, 2, 3]) rig.punt({ reason: 'alg', text: `${port}`, key: flowOf(port).clientKey })
  t.true(rig.core.run(2))
  t.deepEqual(rig.done, ['send 1 7', 'send 2 7'])
  t.false(rig.core.run(2))
})

test('slow path: of several handlers of a reason the first one that wants a packet gets it', (t) => {
  const picky = echo('alg', { wants: (packet) => wordsOf(packet) === 'x', handle: () => drop('picky') })
  const rig = bench({ handlers: [picky, echo()] })
  for (const words of ['x', 'y']) rig.punt({ reason: 'alg', text: words })
  rig.core.run(10)
  t.deepEqual(rig.done, ['send y 7'])
  t.deepEqual(rig.core.status().reasons['alg']!.dropped, { picky: 1 })
})

test('slow path: a kept packet is counted when it is settled, and not before', (t) => {
  const kept: PuntedPacket[] = []
  const handle = (packet: PuntedPacket): Answer => {
    kept.push(packet)
    return { kind: 'keep' }
  }
  const due: Handler['due'] = (nowMs) =>
    nowMs < 100 ? [] : [{ packets: kept.splice(0), answer: { kind: 'send', packets: [Buffer.from('all')] } }]
  const rig = bench({ handlers: [{ reason: 'alg', handle, due }] })
  for (const port of [1, 2]) rig.punt({ reason: 'alg', key: flowOf(port).clientKey, at: 40 })
  rig.core.run(10)
  t.like(rig.core.status().reasons['alg']!, { received: 2, answered: 0 })
  rig.clock.ms = 100
  rig.core.step()
  t.deepEqual(rig.done, ['send all 7'])
  const { answered, latency, latencySumMs } = rig.core.status().reasons['alg']!
  t.deepEqual([answered, latencySumMs], [2, 120])
  t.is(latency[latencyBoundsMs.indexOf(100)], 2)
})

test('slow path: latency counts from the time of the fast path to the answer', (t) => {
  const rig = bench({ handlers: [echo()] })
  rig.clock.ms = 1000
  for (const at of [1000, 999, 997, 0]) rig.punt({ reason: 'alg', at })
  rig.core.run(10)
  const { latency, latencySumMs } = rig.core.status().reasons['alg']!
  t.is(latencySumMs, 1004)
  t.deepEqual(
    latencyBoundsMs.filter((_, index) => (latency[index] ?? 0) > 0),
    [0.1, 1, 5, 1000],
  )
})

test('slow path: gaps in the sequence of a CPU are punts that found the ring full', (t) => {
  const rig = bench({ handlers: [echo()] })
  for (const [cpu, sequence] of [
    [0, 5],
    [0, 6],
    [1, 1],
    [0, 9],
    [1, 2],
  ] as const)
    rig.punt({ reason: 'alg', cpu, sequence })
  t.is(rig.core.status().lost, 2)
})

test('slow path: a checksum that a local sender has left to the device is filled in, any other stays', (t) => {
  for (const [from, to] of [
    ['10.0.0.1:1', '10.0.0.2:2'],
    ['[fd00::1]:1', '[fd00::2]:2'],
  ] as const) {
    for (const kind of ['tcp', 'udp'] as const) {
      const frame = buildFrame({ kind, from, to, flags: 'A', payload: Buffer.from('hello') })
      const at = 14 + (from.startsWith('[') ? 40 : 20) + (kind === 'tcp' ? 16 : 6)
      const right = Buffer.from(frame).readUInt16BE(at)
      const packet = parseIp(frame.subarray(14))
      const length = packet.totalBytes - packet.payload
      const partial = pseudoHeaderSum(packet.source, packet.destination, packet.protocol, length)
      for (const [found, wanted] of [
        [partial, right],
        [right, right],
        [right ^ 1, right ^ 1],
      ] as const) {
        const sent = Buffer.from(frame)
        sent.writeUInt16BE(found, at)
        const record = recordOf({ reason: 'alg', frame: sent })
        const decoded = decodePunt(record, readPuntHead(record), 0)
        t.is(Buffer.from(decoded.frame).readUInt16BE(at), wanted)
      }
    }
  }
})

test('slow path: records that lie are counted by name', (t) => {
  const rig = bench({ handlers: [echo()] })
  const record = recordOf({ reason: 'alg', frame: frameOf('x') })
  const changed = (offset: number, value: number): Uint8Array => {
    const copy = record.slice()
    new DataView(copy.buffer).setUint32(offset, value, true)
    return copy
  }
  rig.core.receive(record.subarray(0, puntSize - 1))
  rig.core.receive(changed(32, 100_000)) // length of the frame
  rig.core.receive(changed(28, 0xffff)) // offset of the IP header
  const unknown = record.slice()
  unknown[6] = 200
  rig.core.receive(unknown)
  t.deepEqual(rig.core.status().unreadable, {
    'punt: length lies': 2,
    'punt: truncated': 1,
    'punt: unknown reason': 1,
  })
})

test('slow path: whatever stands in a record, nothing breaks', (t) => {
  const start = recordOf({ reason: 'alg', frame: frameOf('hello'), key: flowOf(1).clientKey, flow: flowOf(1).client })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 12 }), (changes) => {
      const rig = bench({ handlers: [echo()] })
      const record = start.slice()
      for (const [at, value] of changes) record[at] = value
      for (const reason of [0, 1, 2, 3, 8]) {
        record[6] = reason
        rig.core.receive(record)
      }
      rig.core.run(10)
      rig.core.step()
      return !rig.done.includes('a handler of the slow path failed')
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('slow path: an answer that comes after closing does nothing', async (t) => {
  const answer = Promise.withResolvers<Answer>()
  const rig = bench({ handlers: [{ reason: 'alg', handle: async () => answer.promise }] })
  rig.punt({ reason: 'alg' })
  rig.core.run(10)
  rig.core.close()
  answer.resolve(send(Buffer.from('late')))
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(rig.done, [])
  t.is(rig.ready, 0)
})
