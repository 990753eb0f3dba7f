import test from 'ava'
import { DecodeError } from '../../../wire/decode-error.ts'
import { Connection } from './connection.ts'
import { tcpFlags } from './segment.ts'
import { longestLine } from './stream.ts'
import { bytes, editor, said, text } from '../../../testing/alg/brackets.ts'
import { timestamp, timestampOption } from './tcp-options.ts'
import type { Outgoing } from './connection.ts'
import type { Segment } from './segment.ts'
import type { Editor } from './stream.ts'

const connect = (editors = { client: editor(), server: editor() }): Connection => new Connection(editors)

const segment = (part: Partial<Segment>): Segment => ({
  sequence: 0,
  acknowledgement: 0,
  flags: tcpFlags.ack,
  window: 500,
  urgent: 0,
  options: new Uint8Array(),
  payload: new Uint8Array(),
  ...part,
})

/** A connection with both SYNs passed: the client's first byte is 101, the server's 501. */
const opened = (options: Uint8Array = new Uint8Array()): Connection => {
  const connection = connect()
  connection.receive('client', segment({ sequence: 100, flags: tcpFlags.syn, options }), 0)
  const flags = tcpFlags.syn | tcpFlags.ack
  connection.receive('server', segment({ sequence: 500, acknowledgement: 101, flags, options }), 0)
  connection.receive('client', segment({ sequence: 101, acknowledgement: 501, options }), 0)
  return connection
}
const client = (
  connection: Connection,
  sequence: number,
  line: string,
  part: Partial<Segment> = {},
): readonly Outgoing[] =>
  connection.receive('client', segment({ sequence, acknowledgement: 501, payload: bytes(line), ...part }), 0)
const server = (connection: Connection, acknowledgement: number, part: Partial<Segment> = {}): readonly Outgoing[] =>
  connection.receive('server', segment({ sequence: 501, acknowledgement, ...part }), 0)
const brief = (out: readonly Outgoing[]): readonly string[] =>
  out.map(
    ({ from, segment: each }) =>
      `${from} ${each.sequence} ack ${each.acknowledgement} ${JSON.stringify(text(each.payload))}`,
  )

test('alg: a changed line moves what follows, and acknowledgements are moved back', (t) => {
  const connection = opened()
  t.deepEqual(brief(client(connection, 101, '3ab\nplain\n')), ['client 101 ack 501 "<ababab>\\nplain\\n"'])
  t.deepEqual(brief(client(connection, 111, 'x\n')), ['client 116 ack 501 "x\\n"'])
  t.deepEqual(brief(server(connection, 118)), ['server 501 ack 113 ""'])
  t.deepEqual(brief(server(connection, 113)), ['server 501 ack 108 ""'])
  t.deepEqual(brief(client(connection, 113, 'y\n')), ['client 118 ack 501 "y\\n"'])
})

test('alg: a line that gets shorter moves what follows the other way', (t) => {
  const connection = opened()
  t.deepEqual(brief(client(connection, 101, '0abcdef\n')), ['client 101 ack 501 "<>\\n"'])
  t.deepEqual(brief(client(connection, 109, 'x\n')), ['client 104 ack 501 "x\\n"'])
  t.deepEqual(brief(server(connection, 106)), ['server 501 ack 111 ""'])
})

test('alg: who is acknowledged a part of a changed line has to send it again, and the same comes out', (t) => {
  const connection = opened()
  client(connection, 101, 'a\n3bc\nd\n')
  t.deepEqual(brief(server(connection, 106)), ['server 501 ack 103 ""'])
  const again = ['client 103 ack 501 "<bcbcbc>\\nd\\n"']
  t.deepEqual(brief(client(connection, 103, '3bc\nd\n')), again)
  t.deepEqual(brief(client(connection, 104, 'bc\nd\n')), again)
  t.deepEqual(brief(client(connection, 103, '3b')), ['client 103 ack 501 "<bcbcbc>\\n"'])
  t.deepEqual(brief(client(connection, 101, 'a\n3')), ['client 103 ack 501 "<bcbcbc>\\n"'])
})

test('alg: what the receiver has is not said again, but it is made to say that it has it', (t) => {
  const connection = opened()
  client(connection, 101, '3ab\n')
  server(connection, 110)
  t.deepEqual(brief(client(connection, 101, '3ab\n')), ['client 109 ack 501 ""'])
  t.deepEqual(brief(client(connection, 102, 'ab\nx\n')), ['client 110 ack 501 "x\\n"'])
})

test('alg: of what is acknowledged selectively, nobody is told of bytes that are not there', (t) => {
  const connection = opened()
  client(connection, 101, 'a\n3bc\nd\n')
  const blocks = (...positions: readonly number[]): Uint8Array => {
    const option = new Uint8Array(4 + 4 * positions.length)
    option.set([1, 1, 5, 2 + 4 * positions.length])
    positions.forEach((position, index) => new DataView(option.buffer).setUint32(4 + 4 * index, position))
    return option
  }
  const told = (...positions: readonly number[]): Uint8Array | undefined =>
    server(connection, 101, { options: blocks(...positions) })[0]?.segment.options
  t.deepEqual(told(103, 114), blocks(103, 109))
  t.deepEqual(told(105, 114), blocks(107, 109))
  t.deepEqual(told(101, 108), blocks(101, 103))
  t.deepEqual(told(104, 110), new Uint8Array(12).fill(1))
  // The first block says nothing any more; the second takes its place.
  const one = new Uint8Array(20).fill(1)
  one.set(blocks(112, 114).subarray(2), 2)
  one.set(blocks(107, 109).subarray(4), 4)
  t.deepEqual(told(104, 110, 112, 114), one)
})

test('alg: the beginning of a line that may change waits, and its sender is told to go on', (t) => {
  const connection = opened()
  t.deepEqual(brief(client(connection, 101, '2b')), ['server 501 ack 103 ""'])
  t.deepEqual(brief(client(connection, 103, 'c')), ['server 501 ack 104 ""'])
  // What it has been told it is not told to the contrary.
  t.deepEqual(brief(server(connection, 101)), ['server 501 ack 104 ""'])
  t.deepEqual(brief(client(connection, 104, '\n')), ['client 101 ack 501 "<bcbc>\\n"'])
  t.deepEqual(brief(server(connection, 108)), ['server 501 ack 105 ""'])
})

test('alg: a sender is told nothing of what waits before the receiver has all that went before', (t) => {
  const connection = opened()
  t.deepEqual(brief(client(connection, 101, 'a\n2b')), ['client 101 ack 501 "a\\n"'])
  t.deepEqual(brief(server(connection, 102)), ['server 501 ack 102 ""'])
  t.deepEqual(brief(client(connection, 102, '\n2b')), ['client 102 ack 501 "\\n"'])
  t.deepEqual(brief(server(connection, 103)), ['server 501 ack 105 ""'])
})

test('alg: what its sender was told is delivered until the receiver has it', (t) => {
  const connection = opened()
  client(connection, 101, '2b')
  t.is(connection.retryAt, null)
  client(connection, 103, 'c\n')
  t.is(connection.retryAt, 1000)
  t.deepEqual(connection.due(999), [])
  for (const at of [1000, 3000, 7000, 15_000, 31_000, 63_000])
    t.deepEqual(brief(connection.due(at)), ['client 101 ack 501 "<bcbc>\\n"'], String(at))
  t.deepEqual(brief(connection.due(127_000)), ['client 101 ack 501 "<bcbc>\\n"'])
  t.is(connection.retryAt, null)
  client(connection, 101, '2b')
  t.is(connection.retryAt, null)

  const second = opened()
  client(second, 101, '2b')
  client(second, 103, 'c\n')
  server(second, 108)
  t.is(second.retryAt, null)
  t.deepEqual(second.due(5000), [])
})

test('alg: our own segments carry time stamps where the connection has them', (t) => {
  const stamp = (value: number, echo: number): Uint8Array => timestampOption(value, echo)
  const connection = opened(stamp(7, 0))
  server(connection, 101, { options: stamp(70, 7) })
  const [told] = client(connection, 101, '2b', { options: stamp(9, 70) }).slice(-1)
  t.deepEqual(told?.segment.options, stamp(70, 9))
  client(connection, 103, 'c\n', { options: stamp(11, 70) })
  t.is(timestamp(connection.due(1000)[0]!.segment.options), 11)
})

test('alg: a line that is too long passes as it is, whole or in parts', (t) => {
  const long = `2${'x'.repeat(longestLine)}\n`
  const joined = (out: readonly Outgoing[]): string => out.map(({ segment: each }) => text(each.payload)).join('')
  t.is(joined(client(opened(), 101, long)), long)
  const parts = opened()
  const first = client(parts, 101, long.slice(0, 300))
  const second = client(parts, 401, long.slice(300, 513))
  t.is(joined(first) + joined(second) + joined(client(parts, 614, '\n2z\n')), `${long}<zz>\n`)
})

test('alg: a line of the longest length is changed', (t) => {
  const line = `1${'x'.repeat(longestLine - 2)}\n`
  const out = client(opened(), 101, line)
  t.is(out.map(({ segment: each }) => text(each.payload)).join(''), said(line))
})

test('alg: FIN lets go what waits, and keeps its place when it comes again', (t) => {
  const connection = opened()
  client(connection, 101, '9a\n2b')
  const flags = tcpFlags.ack | tcpFlags.fin
  const [fin] = client(connection, 106, 'c', { flags })
  t.is(text(fin!.segment.payload), '2bc')
  t.deepEqual([fin!.segment.sequence, fin!.segment.flags], [113, flags])
  const [again] = client(connection, 107, '', { flags })
  t.deepEqual([again!.segment.sequence, again!.segment.flags], [116, flags])
  t.deepEqual(brief(server(connection, 117)), ['server 501 ack 108 ""'])
  t.is(client(connection, 108, '')[0]!.segment.sequence, 117)
  t.throws(() => client(connection, 108, 'more'), { instanceOf: DecodeError, message: /data after FIN|out of order/ })
})

test('alg: what is out of order or acknowledges the unsaid is refused by name', (t) => {
  const connection = opened()
  t.is(t.throws(() => client(connection, 102, 'x'), { instanceOf: DecodeError })?.reason, 'out of order')
  t.is(t.throws(() => server(connection, 102), { instanceOf: DecodeError })?.reason, 'acknowledges what was not sent')
  t.is(t.throws(() => client(connection, 101, '', { flags: tcpFlags.syn }))?.message, 'another SYN at byte 0')
})

test('alg: what the receiver has not acknowledged is kept up to a limit', (t) => {
  const connection = opened()
  let sequence = 101
  const error = t.throws(
    () => {
      for (let count = 0; count < 1000; count++) {
        const line = `9${'x'.repeat(50)}\n`
        client(connection, sequence, line)
        sequence += line.length
      }
    },
    { instanceOf: DecodeError },
  )
  t.is(error?.reason, 'too much unacknowledged')
  t.true(sequence < 101 + 700)
})

test('alg: what is too long for the receiver is sent in parts, FIN and PSH with the last', (t) => {
  const connection = opened(Uint8Array.of(2, 4, 0, 100))
  const flags = tcpFlags.ack | tcpFlags.psh | tcpFlags.fin
  const out = client(connection, 101, `9${'x'.repeat(20)}\n`, { flags })
  t.deepEqual(
    out.map(({ segment: each }) => [each.sequence, each.payload.length, each.flags]),
    [
      [101, 100, tcpFlags.ack],
      [201, 83, flags],
    ],
  )
})

test('alg: nobody gets a segment for each byte, whatever he asks for', (t) => {
  const connection = opened(Uint8Array.of(2, 4, 0, 0))
  t.is(client(connection, 101, `9${'x'.repeat(100)}\n`).length, Math.ceil(903 / 48))
})

test('alg: the urgent pointer points at what it did', (t) => {
  const connection = opened()
  const flags = tcpFlags.ack | tcpFlags.urg
  const [moved] = client(connection, 101, '3ab\n\xff\xf2ABOR\n', { flags, urgent: 6 })
  t.deepEqual([moved!.segment.urgent, moved!.segment.flags], [11, flags])
})

test('alg: a keep-alive stays one', (t) => {
  const connection = opened()
  client(connection, 101, '3ab\n')
  t.deepEqual(brief(client(connection, 104, '')), ['client 109 ack 501 ""'])
})

test('alg: a reset stands where the receiver expects it, also one of a server that refuses', (t) => {
  const connection = opened()
  client(connection, 101, '3ab\n')
  const [reset] = client(connection, 105, 'junk', { flags: tcpFlags.rst | tcpFlags.ack })
  t.deepEqual([reset!.segment.sequence, reset!.segment.payload.length], [110, 0])

  const refusing = connect()
  refusing.receive('client', segment({ sequence: 100, flags: tcpFlags.syn }), 0)
  const flags = tcpFlags.rst | tcpFlags.ack
  const out = refusing.receive('server', segment({ sequence: 0, acknowledgement: 101, flags }), 0)
  t.deepEqual(brief(out), ['server 0 ack 101 ""'])
})

test('alg: a server that knows of an older connection is heard', (t) => {
  const connection = connect()
  connection.receive('client', segment({ sequence: 100, flags: tcpFlags.syn }), 0)
  const out = connection.receive('server', segment({ sequence: 9000, acknowledgement: 8000 }), 0)
  t.deepEqual(brief(out), ['server 9000 ack 8000 ""'])
})

test('alg: a SYN that comes again is passed again', (t) => {
  const connection = opened()
  const syn = segment({ sequence: 100, flags: tcpFlags.syn })
  t.true(connection.begunBy(syn))
  t.is(connection.receive('client', syn, 0)[0]!.segment.sequence, 100)
  t.false(connection.begunBy({ ...syn, sequence: 101 }))
})

test('alg: nothing is read any more when the editor is done', (t) => {
  let done = false
  const closing: Editor = {
    line: () => {
      done = true
      return null
    },
    waits: () => true,
    get done() {
      return done
    },
  }
  const connection = connect({ client: closing, server: editor() })
  connection.receive('client', segment({ sequence: 100, flags: tcpFlags.syn }), 0)
  connection.receive('server', segment({ sequence: 500, acknowledgement: 101, flags: tcpFlags.syn | tcpFlags.ack }), 0)
  t.deepEqual(brief(client(connection, 101, 'bye\n\x16\x03\x01')), [
    'client 101 ack 501 "bye\\n\x16\x03\x01"'.replace('\x16\x03\x01', '\\u0016\\u0003\\u0001'),
  ])
  t.deepEqual(brief(client(connection, 108, '2')), ['client 108 ack 501 "2"'])
})
