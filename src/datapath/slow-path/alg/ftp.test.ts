import test from 'ava'
import fc from 'fast-check'
import { buildPacket } from '../../../testing/packets.ts'
import { DecodeError } from '../../../wire/decode-error.ts'
import { puntedPacket, sidesOf } from '../../../testing/slow-path/punts.ts'
import { Wire, expectations, expects, packets } from '../../../testing/alg/wire.ts'
import type { Answer } from '../handler.ts'

const dnat = { client: '192.0.2.9:40000', vip: '198.51.100.7:21', source: '192.0.2.9:40000', endpoint: '10.0.0.5:2121' }
const fullnat = { ...dnat, source: '198.51.100.7:1025' }
const dnat6 = {
  client: '[2001:db8:1::9]:40000',
  vip: '[2001:db8:2::7]:21',
  source: '[2001:db8:1::9]:40000',
  endpoint: '[2001:db8:3::5]:2121',
}
const nat64 = { ...dnat6, source: '10.0.0.1:1025', endpoint: '10.0.0.5:2121' }
const nat46 = { ...dnat, source: '[2001:db8:3::1]:1025', endpoint: '[2001:db8:3::5]:2121' }

test('alg: packets are translated, with one hop less', (t) => {
  for (const flow of [dnat, fullnat, dnat6]) {
    const wire = new Wire(flow)
    const syn = { flags: 'S', sequence: 100, tcpOptions: Uint8Array.of(2, 4, 5, 180) }
    t.deepEqual(packets(wire.say('client', syn)), [wire.packet('server', syn)], flow.source)
    const answer = { flags: 'SA', sequence: 500, acknowledgement: 101 }
    t.deepEqual(packets(wire.say('server', answer)), [wire.packet('client', answer)], flow.source)
    const user = { flags: 'AP', sequence: 101, acknowledgement: 501, line: 'USER x\r\n' }
    t.deepEqual(packets(wire.say('client', user)), [wire.packet('server', user)], flow.source)
  }
})

test('alg: packets change their family with the flow', (t) => {
  const to4 = new Wire(nat64)
  t.deepEqual(packets(to4.say('client', { flags: 'S', sequence: 100 })), [
    new Uint8Array(
      buildPacket({
        kind: 'tcp',
        from: nat64.source,
        to: nat64.endpoint,
        flags: 'S',
        sequence: 100,
        ttl: 63,
        identification: 0,
        dontFragment: true,
      }),
    ),
  ])
  const to6 = new Wire(nat46)
  t.deepEqual(packets(to6.say('client', { flags: 'S', sequence: 100 })), [
    to6.packet('server', { flags: 'S', sequence: 100 }),
  ])
})

const passive = 'Entering Passive Mode (10,0,0,5,20,162)'

test('alg: passive FTP is led to the VIP, and only its client is let in', (t) => {
  const wire = new Wire(dnat).open()
  wire.say('client', { sequence: 101, acknowledgement: 501, line: 'PASV\r\n' })
  const heard = { flags: 'AP', sequence: 501, acknowledgement: 107 }
  const answer = wire.say('server', { ...heard, line: `227 ${passive}\r\n` })
  t.deepEqual(packets(answer), [
    wire.packet('client', { ...heard, line: '227 Entering Passive Mode (198,51,100,7,18,52)\r\n' }),
  ])
  expects(t, answer, { at: '198.51.100.7:4660', from: '192.0.2.9', to: '10.0.0.5:5282', as: null })
  t.like(wire.requests[0], { protocol: 6, wanted: 5282 })
  // One byte longer than it was, so that what follows is moved.
  const client = wire.say('client', { sequence: 107, acknowledgement: 501 + 48, line: '' })
  t.deepEqual(packets(client), [wire.packet('server', { sequence: 107, acknowledgement: 501 + 45 })])
})

test('alg: passive FTP through full NAT is seen by the server with our address', (t) => {
  const wire = new Wire(fullnat).open()
  wire.say('client', { sequence: 101, line: 'EPSV\r\n' })
  const answer = wire.say('server', { sequence: 501, acknowledgement: 107, line: '229 ok (|||5282|)\r\n' })
  t.deepEqual(packets(answer), [
    wire.packet('client', { sequence: 501, acknowledgement: 107, line: '229 ok (|||4660|)\r\n' }),
  ])
  expects(t, answer, { at: '198.51.100.7:4660', from: '192.0.2.9', to: '10.0.0.5:5282', as: '198.51.100.7' })
})

test('alg: active FTP where the server sees the client: the line stays, and the server comes with our address', (t) => {
  const wire = new Wire(dnat).open()
  const port = { sequence: 101, acknowledgement: 501, line: 'PORT 192,0,2,9,20,162\r\n' }
  const answer = wire.say('client', port)
  t.deepEqual(packets(answer), [wire.packet('server', port)])
  expects(t, answer, { at: '192.0.2.9:5282', from: '10.0.0.5', to: '192.0.2.9:5282', as: '198.51.100.7' })
  t.deepEqual(wire.requests, [])
})

test('alg: active FTP through full NAT: the server comes to an address of ours', (t) => {
  const wire = new Wire(fullnat).open()
  const answer = wire.say('client', { sequence: 101, acknowledgement: 501, line: 'EPRT |1|192.0.2.9|5282|\r\n' })
  t.deepEqual(packets(answer), [
    wire.packet('server', { sequence: 101, acknowledgement: 501, line: 'EPRT |1|198.51.100.7|4660|\r\n' }),
  ])
  expects(t, answer, { at: '198.51.100.7:4660', from: '10.0.0.5', to: '192.0.2.9:5282', as: '198.51.100.7' })
})

test('alg: EPRT and EPSV in IPv6', (t) => {
  const wire = new Wire(dnat6).open()
  const line = 'EPRT |2|2001:db8:1::9|5282|\r\n'
  expects(t, wire.say('client', { sequence: 101, line }), {
    at: '[2001:db8:1::9]:5282',
    from: '2001:db8:3::5',
    to: '[2001:db8:1::9]:5282',
    as: '2001:db8:2::7',
  })
  wire.say('client', { sequence: 101 + line.length, line: 'EPSV 2\r\n' })
  expects(t, wire.say('server', { sequence: 501, acknowledgement: 101, line: '229 ok (|||5282|)\r\n' }), {
    at: '[2001:db8:2::7]:4660',
    from: '2001:db8:1::9',
    to: '[2001:db8:3::5]:5282',
    as: null,
  })
})

test('alg: across NAT64 a client’s EPSV and EPRT are PASV and PORT to the server (RFC 6384)', (t) => {
  const wire = new Wire(nat64).open()
  const text = (answer: Answer): string => Buffer.from(packets(answer)[0]!).toString('latin1')
  t.true(text(wire.say('client', { sequence: 101, line: 'EPSV\r\n' })).endsWith('PASV\r\n'))
  const reply = wire.say('server', { sequence: 501, acknowledgement: 107, line: `227 ${passive}\r\n` })
  t.true(text(reply).endsWith('229 Entering Extended Passive Mode (|||4660|)\r\n'))
  expects(t, reply, { at: '[2001:db8:2::7]:4660', from: '2001:db8:1::9', to: '10.0.0.5:5282', as: '10.0.0.1' })
  const port = wire.say('client', { sequence: 107, line: 'EPRT |2|2001:db8:1::9|5282|\r\n' })
  t.true(text(port).endsWith('PORT 10,0,0,1,18,52\r\n'))
  expects(t, port, { at: '10.0.0.1:4660', from: '10.0.0.5', to: '[2001:db8:1::9]:5282', as: '2001:db8:2::7' })
})

test('alg: a command in as many segments as it has bytes is one command', (t) => {
  const wire = new Wire(fullnat).open()
  const line = 'PORT 192,0,2,9,20,162\r\n'
  const answers = Array.from(line, (byte, index) =>
    wire.say('client', { sequence: 101 + index, acknowledgement: 501, line: byte }),
  )
  const last = answers.pop()!
  const port = { sequence: 101, acknowledgement: 501, line: 'PORT 198,51,100,7,18,52\r\n' }
  t.deepEqual(packets(last), [wire.packet('server', port)])
  t.is(expectations(last).length, 1)
  answers.slice(1).forEach((answer, index) => {
    const told = { sequence: 501, acknowledgement: 103 + index, ttl: 64, identification: 0, dontFragment: true }
    t.deepEqual(packets(answer), [wire.packet('client', told)])
  })
  // Nobody but us delivers what was acknowledged: until the server has it.
  wire.nowMs = 1000
  const [again] = wire.handler.due!(1000)
  t.deepEqual(again?.answer.kind === 'send' && again.answer.packets.map((packet) => new Uint8Array(packet)), [
    wire.packet('server', { ...port, flags: 'AP', ttl: 64, identification: 0, dontFragment: true }),
  ])
  wire.say('server', { sequence: 501, acknowledgement: 101 + port.line.length })
  t.deepEqual(wire.handler.due!(10_000), [])
})

test('alg: a command that comes again opens nothing again', (t) => {
  const wire = new Wire(fullnat).open()
  const line = 'PORT 192,0,2,9,20,162\r\n'
  const first = wire.say('client', { sequence: 101, line })
  const second = wire.say('client', { sequence: 101, line })
  t.deepEqual(packets(first), packets(second))
  t.deepEqual([expectations(first).length, expectations(second).length, wire.requests.length], [1, 0, 1])
})

test('alg: who names a third party is refused by name, and the server does not hear it', (t) => {
  const wire = new Wire(dnat).open()
  const answer = wire.say('client', { sequence: 101, acknowledgement: 501, line: 'PORT 10,0,0,9,20,162\r\n' })
  t.deepEqual(packets(answer), [
    wire.packet('server', { sequence: 101, acknowledgement: 501, line: 'PORT 0,0,0,0,0,0\r\n' }),
  ])
  t.deepEqual([expectations(answer), wire.refused], [[], ['foreign address']])
  t.deepEqual(packets(wire.say('server', { sequence: 501, acknowledgement: 119, line: '500 no\r\n' })), [
    wire.packet('client', { sequence: 501, acknowledgement: 123, line: '500 no\r\n' }),
  ])
})

test('alg: where no port is left the client is told so', (t) => {
  const wire = new Wire(fullnat, { port: null }).open()
  wire.say('client', { sequence: 101, line: 'PASV\r\n' })
  const answer = wire.say('server', { sequence: 501, acknowledgement: 107, line: `227 ${passive}\r\n` })
  t.true(Buffer.from(packets(answer)[0]!).toString('latin1').endsWith('425 No data connection can be had.\r\n'))
  const port = wire.say('client', { sequence: 107, line: 'PORT 192,0,2,9,20,162\r\n' })
  t.true(Buffer.from(packets(port)[0]!).toString('latin1').endsWith('PORT 0,0,0,0,0,0\r\n'))
  t.deepEqual([expectations(answer), expectations(port), wire.refused], [[], [], ['no port', 'no port']])
})

test('alg: a connection that began before the daemon did is told to begin again', (t) => {
  const wire = new Wire(fullnat)
  const own = { ttl: 64, identification: 0, dontFragment: true, window: 0 }
  t.deepEqual(packets(wire.say('client', { sequence: 1000, acknowledgement: 5000, line: 'NOOP\r\n' })), [
    wire.packet('client', { ...own, flags: 'R', sequence: 5000, acknowledgement: 0 }),
  ])
  t.deepEqual(packets(wire.say('server', { sequence: 5000, acknowledgement: 1006 })), [
    wire.packet('server', { ...own, flags: 'R', sequence: 1006, acknowledgement: 0 }),
  ])
  t.deepEqual(wire.say('server', { flags: 'R', sequence: 5000 }), { kind: 'drop', reason: 'unknown connection' })
})

test('alg: a client that uses its port again begins anew', (t) => {
  const wire = new Wire(fullnat).open()
  wire.say('client', { sequence: 101, line: 'PORT 192,0,2,9,20,162\r\n' })
  wire.say('client', { flags: 'S', sequence: 900 })
  wire.say('server', { flags: 'SA', sequence: 700, acknowledgement: 901 })
  const user = { sequence: 901, acknowledgement: 701, line: 'USER x\r\n' }
  t.deepEqual(packets(wire.say('client', user)), [wire.packet('server', user)])
})

test('alg: connections that the fast path has forgotten are forgotten, and there are not more than the limit', (t) => {
  const wire = new Wire(fullnat, { connections: 1 }).open()
  const second = sidesOf({ ...fullnat, client: '192.0.2.10:40000' })
  t.deepEqual(wire.say('client', { flags: 'S', sequence: 1 }, second), { kind: 'drop', reason: 'too many connections' })
  wire.handler.due!(29_999)
  wire.handler.due!(30_000)
  t.is(wire.say('client', { flags: 'S', sequence: 1 }, second).kind, 'drop')
  wire.known = false
  for (const at of [60_000, 60_100, 60_200]) wire.handler.due!(at)
  t.is(wire.say('client', { flags: 'S', sequence: 1 }, second).kind, 'send')
})

test('alg: packets that cannot be read are refused by name', (t) => {
  const wire = new Wire(fullnat).open()
  const reason = (part: Parameters<Wire['say']>[1]): string | undefined =>
    t.throws(() => wire.say('client', part), { instanceOf: DecodeError })?.reason
  t.is(reason({ ttl: 1 }), 'ttl')
  t.is(reason({ dataOffset: 4 }), 'length lies')
  t.is(reason({ dataOffset: 15 }), 'truncated')
  t.is(reason({ checksumError: 5 }), 'bad checksum')
  t.is(reason({ moreFragments: true }), 'fragment')
  t.deepEqual(new Wire(fullnat, { alg: null }).say('client', {}), { kind: 'drop', reason: 'no such service' })
})

test('alg: a packet that still waits for its checksum gets one', (t) => {
  const wire = new Wire(fullnat)
  const { client, clientKey } = sidesOf(fullnat)
  const punt = puntedPacket(
    'alg',
    { kind: 'tcp', from: fullnat.client, to: fullnat.vip, flags: 'S', sequence: 100 },
    { key: clientKey, flow: client },
  )
  // What a host leaves in the field for its network card: the sum of addresses, protocol and length.
  const tcpBytes = punt.packet.length - 20
  let sum = 6 + tcpBytes
  for (let at = 12; at < 20; at += 2) sum += (punt.packet[at]! << 8) | punt.packet[at + 1]!
  sum = (sum & 0xffff) + (sum >> 16)
  punt.packet.set([sum >> 8, sum & 0xff], 36)
  t.deepEqual(packets(wire.handler.handle(punt) as Answer), [wire.packet('server', { flags: 'S', sequence: 100 })])
})

test('alg: whatever is said, every packet is answered or refused by name', (t) => {
  const word = fc.constantFrom('PORT', 'EPRT', 'PASV', 'EPSV', 'AUTH TLS', '227', '229', '234', '227-', ' ', ',', '|')
  const noise = fc.oneof(word, fc.stringMatching(/^[0-9,|()]{0,20}$/), fc.constantFrom('\r\n', '\n', '\0', '\xff\xf2'))
  const step = fc.record({
    from: fc.constantFrom('client' as const, 'server' as const),
    line: fc.array(noise, { maxLength: 8 }).map((parts) => parts.join('')),
    offset: fc.constantFrom(0, 0, 0, 0, -3, 5),
    flags: fc.constantFrom('A', 'A', 'A', 'AP', 'AF', 'R', 'S', 'SA', 'AU', ''),
    options: fc.uint8Array({ maxLength: 40 }),
  })
  fc.assert(
    fc.property(fc.constantFrom(dnat, fullnat, nat64, nat46), fc.array(step, { maxLength: 30 }), (flow, steps) => {
      const wire = new Wire(flow).open()
      const next = { client: 101, server: 501 }
      for (const { flags, from, line, offset, options } of steps) {
        const tcpOptions = options.subarray(0, options.length & ~3)
        try {
          const acknowledgement = from === 'client' ? next.server : next.client
          const sequence = next[from] + offset
          const answer = wire.say(from, { flags, sequence, acknowledgement, line, tcpOptions })
          t.not(answer.kind, 'keep')
          if (offset === 0) next[from] += line.length
        } catch (error) {
          t.true(error instanceof DecodeError)
        }
      }
    }),
  )
})
