import test from 'ava'
import { buildFrame, buildPacket } from '../../../testing/packets.ts'
import { chunks } from '../../../testing/packets/sctp.ts'
import { keyOf, punted } from '../../../testing/slow-path/punts.ts'
import { sctpAbortHandler } from './sctp-abort.ts'
import type { Packet } from '../../../testing/packets.ts'
import type { Answer } from '../handler.ts'

const limits = { perSecond: 3, eachPerSecond: 1, askers: 8 }
const tag = 0xa1b2c3d4

const outOfTheBlue = (from: string, to: string, ...all: readonly Uint8Array[]): Packet => ({
  kind: 'sctp',
  from,
  to,
  tag,
  chunks: all,
})
const ask = (packet: Packet, handler = sctpAbortHandler(limits, 0)): Answer =>
  handler.handle(
    punted({ reason: 'sctp_abort', frame: buildFrame(packet), key: keyOf('10.0.0.9:1', '10.0.0.1:2', 132) }),
  ) as Answer
const sent = (answer: Answer): readonly Buffer[] =>
  answer.kind === 'send' ? answer.packets.map((bytes) => Buffer.from(bytes)) : []

for (const [client, vip] of [
  ['10.0.0.9:4000', '192.0.2.1:38412'],
  ['[2001:db8::9]:4000', '[2001:db8::1]:38412'],
] as const) {
  const answered = (chunk: Uint8Array): Buffer =>
    Buffer.from(
      buildPacket({
        kind: 'sctp',
        from: vip,
        to: client,
        tag,
        chunks: [chunk],
        ...(client.startsWith('[') ? {} : { identification: 0, dontFragment: true }),
      }),
    )

  test(`sctp_abort: the sender of an unknown packet gets ABORT with its own tag, ${client}`, (t) => {
    t.deepEqual(sent(ask(outOfTheBlue(client, vip, chunks.heartbeat()))), [answered(chunks.abort(true))])
  })

  test(`sctp_abort: who was shutting down gets SHUTDOWN COMPLETE, ${client}`, (t) => {
    const packet = outOfTheBlue(client, vip, chunks.data(new Uint8Array(5)), chunks.shutdownAck())
    t.deepEqual(sent(ask(packet)), [answered(chunks.shutdownComplete(true))])
  })
}

test('sctp_abort: a sender is answered no more often than the limit says, and others still are', (t) => {
  const handler = sctpAbortHandler(limits, 0)
  const from = (host: number): Answer =>
    ask(outOfTheBlue(`10.0.0.${host}:4000`, '192.0.2.1:38412', chunks.heartbeat()), handler)
  t.is(from(9).kind, 'send')
  t.deepEqual(from(9), { kind: 'drop', reason: 'rate limit' })
  t.is(from(8).kind, 'send')
})

test('sctp_abort: nobody is answered at an address that is not one host', (t) => {
  for (const from of ['224.0.0.1:4000', '0.0.0.0:4000', '255.255.255.255:4000'])
    t.deepEqual(ask(outOfTheBlue(from, '192.0.2.1:38412', chunks.heartbeat())), { kind: 'drop', reason: 'to nobody' })
})
