// What comes in parts: IP datagrams, TCP streams, SCTP user messages. Each in every order, and never beyond its limits.

import test from 'ava'
import { DecodeError } from '../wire/decode-error.ts'
import { splitPacket } from '../wire/fragments.ts'
import { ipv4Header, ipv6Header, parseIp } from '../wire/ip-packet.ts'
import { addressBytes } from '../wire/ip.ts'
import { DatagramParts } from './datagram-parts.ts'
import { chunkLimits, fragmentLimits, streamLimits } from './limits.ts'
import { TcpStreams } from './tcp-streams.ts'
import { UserMessages } from './user-messages.ts'

const counter = () => {
  const counts: Record<string, number> = {}
  return { counts, count: (reason: string): void => void (counts[reason] = (counts[reason] ?? 0) + 1) }
}

const permutations = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  all.length < 2
    ? [all]
    : all.flatMap((first, i) => permutations(all.filter((_, j) => j !== i)).map((rest) => [first, ...rest]))

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value)

// ---- IP -------------------------------------------------------------------------------------------------------------

const payload = Uint8Array.from({ length: 2000 }, (_, i) => i)
const common = { protocol: 17, trafficClass: 0, hopLimit: 64, payloadBytes: payload.length }
const packets = {
  IPv4: Buffer.concat([
    ipv4Header({
      ...common,
      source: addressBytes('192.0.2.1'),
      destination: addressBytes('192.0.2.2'),
      id: 7,
      dontFragment: false,
    }),
    payload,
  ]),
  IPv6: Buffer.concat([
    ipv6Header({ ...common, source: addressBytes('2001:db8::1'), destination: addressBytes('2001:db8::2') }),
    payload,
  ]),
}
const at = (seconds: number) => ({ seconds, nanoseconds: 0 })

for (const [family, packet] of Object.entries(packets)) {
  const parts = splitPacket(parseIp(packet), 600, 9)

  test(`captures: ${family} datagrams are put together from parts in any order, also when some come twice`, (t) => {
    for (const order of permutations(parts)) {
      const { counts, count } = counter()
      const datagrams = new DatagramParts(count)
      const found = order.map((part) => datagrams.add(part, at(0)))
      t.deepEqual(
        found.map((whole) => whole !== null),
        order.map((_, index) => index === parts.length - 1),
      )
      t.deepEqual(Buffer.from(found.at(-1)!).subarray(-2000), Buffer.from(payload))
      const again = new DatagramParts(count)
      t.is(again.add(order[0]!, at(0)), null)
      t.is(again.add(order[0]!, at(0)), null)
      again.finish()
      t.deepEqual(counts, { 'fragments missing': 1 })
    }
  })

  test(`captures: ${family} parts that overlap are refused, and old ones forgotten`, (t) => {
    const { counts, count } = counter()
    const datagrams = new DatagramParts(count)
    const others = splitPacket(parseIp(packet), 800, 9)
    t.throws(
      () => {
        for (const part of [others[0]!, ...parts.slice(1)]) datagrams.add(part, at(0))
      },
      { instanceOf: DecodeError, message: /fragments overlap/ },
    )
    datagrams.add(parts[0]!, at(0))
    datagrams.add(parts[1]!, at(fragmentLimits.seconds + 1))
    t.deepEqual(counts, { 'fragments too old': 1 })
  })
}

test('captures: when there are too many datagrams in parts the oldest give way', (t) => {
  const { counts, count } = counter()
  const datagrams = new DatagramParts(count)
  const first = (id: number) => splitPacket(parseIp(Buffer.concat([packets.IPv4])), 600, id)[0]!
  for (let id = 0; id < fragmentLimits.datagrams + 3; id++) {
    const part = Uint8Array.from(first(1))
    part.set([id >> 8, id], 4)
    datagrams.add(part, at(0))
  }
  t.deepEqual(counts, { 'too many fragments': 3 })
})

// ---- TCP ------------------------------------------------------------------------------------------------------------

/** Messages of a digit and as many characters; all else is an error. */
const owner = () => ({
  frame: (bytes: Uint8Array): number | null => {
    if (!/^[1-9]/.test(text(bytes.subarray(0, 1)))) throw new DecodeError('no message', 0)
    return bytes.length < 2 ? null : Number(text(bytes.subarray(0, 1))) + 1
  },
})
const syn = { sequence: 0xffff_fffe, flags: 2, payload: new Uint8Array(0) }
/** The first byte behind the SYN is number 0; sequence numbers wrap within it. */
const segment = (offset: number, value: string) => ({
  sequence: (0xffff_ffff + offset) >>> 0,
  flags: 0x10,
  payload: bytesOf(value),
})

const run = (segments: readonly ReturnType<typeof segment>[], { finish = true } = {}) => {
  const { counts, count } = counter()
  const streams = new TcpStreams(count)
  const found = segments.flatMap((each) => streams.add('a', each, owner))
  if (finish) found.push(...streams.finish())
  return { found: found.map(({ bytes, error }) => error?.reason ?? text(bytes)), counts }
}

test('captures: a TCP stream is cut into messages, whatever its segments are and in any order', (t) => {
  const stream = '3abc5hello1z4wxyz'
  for (const size of [1, 2, 3, 5, 17]) {
    const parts = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
      segment(i * size, stream.slice(i * size, (i + 1) * size)),
    )
    const whole = { found: ['3abc', '5hello', '1z', '4wxyz'], counts: {} }
    t.deepEqual(run([syn, ...parts]), whole)
    t.deepEqual(run([syn, ...parts.toReversed()]), whole, 'backwards')
    t.deepEqual(run([syn, ...parts.flatMap((part) => [part, part])]), whole, 'twice')
    t.deepEqual(run([syn, segment(0, stream.slice(0, 7)), ...parts]), whole, 'overlapping')
  }
})

test('captures: where TCP bytes are missing it goes on with a segment that begins a message', (t) => {
  t.deepEqual(run([syn, segment(0, '3abc5he'), segment(9, 'o1z'), segment(12, '2ab')]), {
    found: ['3abc', '2ab'],
    counts: { 'TCP bytes missing': 1 },
  })
})

test('captures: a TCP stream that is no longer in step is said to be so once', (t) => {
  t.deepEqual(run([syn, segment(0, '1ax'), segment(3, 'xx'), segment(5, 'x'), segment(6, '2bc')]).found, [
    '1a',
    'no message',
    '2bc',
  ])
})

test('captures: a TCP stream may begin in the middle, and end inside a message', (t) => {
  t.deepEqual(run([segment(50, 'xyz'), segment(53, '2ab'), segment(56, '5a')]), {
    found: ['2ab'],
    counts: { 'TCP ends inside a message': 1 },
  })
})

test('captures: out of order, a TCP stream holds no more than its limit', (t) => {
  const late = Array.from({ length: streamLimits.segments + 1 }, (_, i) => segment(10 + 2 * i, '1a'))
  const { counts, found } = run([syn, ...late], { finish: false })
  t.is(found.length, late.length)
  t.deepEqual(counts, { 'TCP bytes missing': 1 })
})

// ---- SCTP -----------------------------------------------------------------------------------------------------------

const chunk = (tsn: number, flags: number, value: string) => ({
  flags,
  tsn: tsn >>> 0,
  message: '',
  part: tsn >>> 0,
  ppid: 60,
  payload: bytesOf(value),
})

test('captures: SCTP messages are put together from parts in any order, across the end of the numbers', (t) => {
  const parts = [chunk(0xffff_ffff, 2, 'ab'), chunk(0, 0, 'cd'), chunk(1, 1, 'ef'), chunk(2, 3, 'gh')]
  for (const order of permutations(parts)) {
    const { counts, count } = counter()
    const messages = new UserMessages(count)
    const found = order.flatMap((each) => messages.add('a', each) ?? [])
    t.deepEqual(found.map(({ bytes }) => text(bytes)).toSorted(), ['abcdef', 'gh'])
    t.deepEqual(
      order.flatMap((each) => messages.add('a', each) ?? []),
      [],
      'what is sent again is no second message',
    )
    messages.finish()
    t.deepEqual(counts, {})
  }
})

test('captures: parts of I-DATA messages may come between each other', (t) => {
  const messages = new UserMessages(() => t.fail())
  const part = (tsn: number, message: string, number: number, flags: number, value: string) => ({
    ...chunk(tsn, flags, value),
    message,
    part: number,
  })
  const parts = [part(1, 'm', 0, 2, 'a'), part(2, 'n', 0, 2, 'x'), part(3, 'm', 1, 1, 'b'), part(4, 'n', 1, 1, 'y')]
  t.deepEqual(
    parts.flatMap((each) => messages.add('a', each) ?? []).map(({ bytes }) => text(bytes)),
    ['ab', 'xy'],
  )
})

test('captures: an SCTP message has no more parts than its limit', (t) => {
  const { counts, count } = counter()
  const messages = new UserMessages(count)
  for (let tsn = 0; tsn <= chunkLimits.parts; tsn++) messages.add('a', chunk(tsn, tsn === 0 ? 2 : 0, 'a'))
  t.deepEqual(counts, { 'SCTP message of too many parts': 1 })
})
