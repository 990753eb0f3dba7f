import test from 'ava'
import { protocolSuite } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { addressBytes, formatAddress } from '../../wire/ip.ts'
import { headersOf, readVia, sip, splice } from './index.ts'
import type { Vector } from '../../testing/protocol-suite.ts'
import type { AddressMap } from '../protocol.ts'
import type { SipMessage } from './index.ts'

/** Lines as they are printed, the first one empty, as the bytes that they stand for. */
const bytesOfLines = (lines: string): Uint8Array =>
  new Uint8Array(Buffer.from(lines.replace(/^\n/, '').replaceAll('\n', '\r\n'), 'utf8'))
const linesOf = (message: SipMessage): string =>
  `\n${Buffer.from(sip.encode(message)).toString('utf8').replaceAll('\r\n', '\n')}`
const decodeLines = (lines: string): SipMessage => sip.decode(bytesOfLines(lines))
const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'))

const invite = `
INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9
Max-Forwards: 70
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 1 INVITE
Contact: <sip:alice@client.atlanta.example.com;transport=tcp>
Content-Type: application/sdp
Content-Length: 151

v=0
o=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com
s=-
c=IN IP4 192.0.2.101
t=0 0
m=audio 49172 RTP/AVP 0
a=rtpmap:0 PCMU/8000
`

const ringing = `
SIP/2.0 180 Ringing
Via: SIP/2.0/TCP ss1.atlanta.example.com:5060;branch=z9hG4bK2d4790.1
 ;received=192.0.2.111
Via: SIP/2.0/TCP client.atlanta.example.com:5060;branch=z9hG4bK74bf9
 ;received=192.0.2.101
Record-Route: <sip:ss2.biloxi.example.com;lr>,
 <sip:ss1.atlanta.example.com;lr>
From: Alice <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>;tag=314159
Call-ID: 2xTb9vxSit55XU7p8@atlanta.example.com
Contact: <sip:bob@client.biloxi.example.com>
CSeq: 1 INVITE
Content-Length: 0

`

const registerIpv6 = `
REGISTER sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

`

/** Put together by hand after RFC 3261 (7.3.3, 20) and RFC 3581. */
const compact = `
BYE sip:192.0.2.7:5080;lr SIP/2.0
v:SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.1;rport=9988;branch=z9hG4bKkjshdyff,SIP/2.0/UDP 10.2.2.2;rport
f:<sip:a@example.com>;tag=1
t:"B, \\"b\\"" <sip:b@example.com>;tag=2
i:compact@example.com
CSeq:2 BYE
Route:<sip:p1.example.com;lr>,"x, y" <sip:[2001:db8::5]:5070;lr>
Max-Forwards:0
constructor: no member of any object
l:0

`

const vector = (title: string, lines: string, name: string, callId: string, fields: Vector['fields']): Vector => ({
  title,
  hex: Buffer.from(bytesOfLines(lines)).toString('hex'),
  name,
  ...(fields === undefined ? {} : { fields }),
  sessions: [{ kind: 'call-id', value: callId }],
})

const line = (count: number, text: string): string => Array.from({ length: count }, () => text).join('')
const hostile = (title: string, headers: string, reason: string | null = null) => ({
  title,
  bytes: () => bytesOfLines(`\nINVITE sip:a@b SIP/2.0\n${headers}Call-ID: a\n\n`),
  reason,
})

protocolSuite(sip, {
  vectors: [
    vector('INVITE (RFC 3665, 3.1 F1)', invite, 'INVITE', '3848276298220188511@atlanta.example.com', {
      uri: 'sip:bob@biloxi.example.com',
      via: [{ transport: 'TCP', sentBy: 'client.atlanta.example.com:5060', branch: 'z9hG4bK74bf9' }],
      maxForwards: 70,
      from: { name: 'Alice', uri: 'sip:alice@atlanta.example.com', tag: '9fxced76sl' },
      to: { name: 'Bob', uri: 'sip:bob@biloxi.example.com' },
      callId: '3848276298220188511@atlanta.example.com',
      cseq: '1 INVITE',
      contact: ['sip:alice@client.atlanta.example.com;transport=tcp'],
      contentType: 'application/sdp',
      contentLength: 151,
    }),
    vector('180 Ringing (RFC 3665, 3.2)', ringing, '180 INVITE', '2xTb9vxSit55XU7p8@atlanta.example.com', {
      status: 180,
      reason: 'Ringing',
      via: [
        {
          transport: 'TCP',
          sentBy: 'ss1.atlanta.example.com:5060',
          branch: 'z9hG4bK2d4790.1',
          received: '192.0.2.111',
        },
        {
          transport: 'TCP',
          sentBy: 'client.atlanta.example.com:5060',
          branch: 'z9hG4bK74bf9',
          received: '192.0.2.101',
        },
      ],
      recordRoute: ['sip:ss2.biloxi.example.com;lr', 'sip:ss1.atlanta.example.com;lr'],
      to: { name: 'Bob', uri: 'sip:bob@biloxi.example.com', tag: '314159' },
    }),
    vector('REGISTER (RFC 5118, 4.1)', registerIpv6, 'REGISTER', 'SSG9559905523997077@hlau_4100', {
      uri: 'sip:[2001:db8::10]',
      via: [{ transport: 'UDP', sentBy: '[2001:db8::9:1]', branch: 'z9hG4bKas3-111' }],
      contact: ['sip:caller@[2001:db8::1]'],
    }),
    vector('BYE with compact forms', compact, 'BYE', 'compact@example.com', {
      via: [
        {
          transport: 'UDP',
          sentBy: '10.1.1.1:4540',
          branch: 'z9hG4bKkjshdyff',
          received: '192.0.2.1',
          rport: '9988',
        },
        { transport: 'UDP', sentBy: '10.2.2.2', rport: true },
      ],
      to: { name: '"B, \\"b\\""', uri: 'sip:b@example.com', tag: '2' },
      route: ['sip:p1.example.com;lr', 'sip:[2001:db8::5]:5070;lr'],
      maxForwards: 0,
      contentLength: 0,
    }),
  ],
  hostile: [
    hostile('15,000 headers without values are a message', line(15_000, 'a:\n')),
    hostile('60,000 commas are a Via without values', `Via:${line(60_000, ',')}\n`),
    hostile('30,000 quotes that do not end are a Contact', `Contact: ${line(30_000, '",')}\n`),
    hostile('30,000 escaped quotes are a Contact', `Contact: ${line(30_000, '\\"')}\n`),
    hostile('30,000 angle brackets that do not end are a Route', `Route: ${line(30_000, '<,')}\n`),
    hostile('20,000 parameters are a From', `From: <sip:a@b>${line(20_000, ';a')}\n`),
    hostile('a URI with 20,000 parameters is a Contact', `Contact: <sip:a@b${line(20_000, ';a')}>\n`),
    hostile('20,000 folds are a CSeq', `CSeq: 1${line(20_000, '\n ')}INVITE\n`),
    hostile('a CSeq of 60,000 characters is one', `CSeq: ${line(60_000, 'A')}\n`),
    hostile('headers of more than 64 KiB are refused', `a: ${line(70_000, 'a')}\n`, 'message too long'),
    hostile('a length of 70 digits is refused', `l: ${line(70, '9')}\n`, 'length lies'),
    hostile('a length of 999,999,999 is refused', 'l: 999999999\n', 'truncated'),
    {
      title: 'a body of more than 256 KiB is refused',
      bytes: () => utf8(`INVITE sip:a@b SIP/2.0\r\n\r\n${line(256 * 1024, 'a')}`),
      reason: 'message too long',
    },
    { title: '200,000 line ends keep a path open', bytes: () => utf8(line(100_000, '\r\n')), reason: null },
    { title: 'a session description of 100,000 lines is one', bytes: () => sdpOfManyLines(), reason: null },
  ],
})

const sdpOfManyLines = (): Uint8Array =>
  utf8(`INVITE sip:a@b SIP/2.0\r\nc: application/sdp\r\n\r\n${line(100_000, 'c=')}${line(20_000, 'c=\n')}`)

const reasonOf = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (error) {
    if (error instanceof DecodeError) return error.reason
    throw error
  }
}

test('sip: lines that another reader may cut elsewhere are refused', (t) => {
  const message = 'INVITE sip:a@b SIP/2.0\r\nVia: x\r\nCall-ID: a\r\n\r\n'
  t.is(
    reasonOf(() => sip.decode(utf8(message))),
    null,
  )
  const cases: readonly (readonly [string, string, string])[] = [
    ['Via: x\r\n', 'Via: x\n', 'line end is not CR LF'],
    ['Via: x\r\n', 'Via: x\rCall-ID: b\r\n', 'line end is not CR LF'],
    ['Via: x\r\n', 'Via: x\nCall-ID: b\r\n', 'line end is not CR LF'],
    ['Via: x\r\n', 'Via: x\n\nl: 0\r\n', 'line end is not CR LF'],
    ['Via: x', ' Via: x', 'malformed header'],
    ['Via: x', ': x', 'malformed header'],
    ['Via: x', 'Via x', 'malformed header'],
    ['Via: x', 'V,a: x', 'malformed header'],
    ['Via: x', 'Content-Length: 1 2', 'length lies'],
    ['Via: x', 'Content-Length:', 'length lies'],
    ['Via: x', 'Content-Length: 0\r\nl: 1', 'length lies'],
    ['Via: x', 'Content-Length: +0', 'length lies'],
    ['sip:a@b', 'sip:a\tb', 'malformed start line'],
    ['INVITE', 'INV(TE', 'malformed start line'],
    ['INVITE', '', 'malformed start line'],
    ['SIP/2.0', 'SIP/2.1', 'unknown version'],
    ['SIP/2.0', 'HTTP/1.1', 'malformed start line'],
    ['INVITE sip:a@b SIP/2.0', 'SIP/2.0 99 x', 'malformed start line'],
    ['INVITE sip:a@b SIP/2.0', 'SIP/2.0 700 x', 'malformed start line'],
    ['INVITE sip:a@b SIP/2.0', 'SIP/3.0 200 x', 'unknown version'],
    ['\r\n\r\n', '\r\n', 'truncated'],
  ]
  for (const [before, after, reason] of cases)
    t.is(
      reasonOf(() => sip.decode(utf8(message.replace(before, after)))),
      reason,
      after,
    )
})

test('sip: two lengths that agree are one', (t) => {
  const bytes = utf8('INVITE sip:a@b SIP/2.0\r\nl: 2\r\nContent-Length: 02\r\n\r\nab')
  t.is(
    reasonOf(() => sip.decode(bytes)),
    null,
  )
  t.is(sip.frame?.(bytes), bytes.length)
})

test('sip: what keeps a path open is a message of its own', (t) => {
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [utf8('\r\n'), 'CRLF'],
    [utf8('\r\n\r\n'), 'CRLF'],
    [new Uint8Array(4), 'zeros'],
    [new Uint8Array(Buffer.from('000100042112a442000102030405060708090a0b80220000', 'hex')), 'STUN'],
  ]
  for (const [bytes, form] of cases) {
    const message = sip.decode(bytes)
    t.deepEqual(sip.describe(message), { name: 'Keepalive', fields: { form } })
    t.deepEqual(sip.sessions(message), [])
    t.deepEqual(sip.encode(message), bytes)
  }
  t.is(
    reasonOf(() => sip.decode(utf8('\r\n\r'))),
    'truncated',
  )
  t.is(
    reasonOf(() => sip.decode(new Uint8Array())),
    'truncated',
  )
  t.is(sip.decode(utf8('\r\n\r\nINVITE sip:a@b SIP/2.0\r\n\r\n')).kind, 'request')
})

test('sip: a stream has messages and line ends between them', (t) => {
  const message = 'INVITE sip:a@b SIP/2.0\r\nl: 4\r\n\r\n\r\n\r\n'
  const frame = (text: string): number | null | undefined => sip.frame?.(utf8(text))
  t.is(frame(message + message), message.length)
  t.is(frame(''), null)
  t.is(frame('\r'), null)
  t.is(frame('\r\n'), 2)
  t.is(frame(`\r\n${message}`), 2)
  t.is(frame('\r\n\r'), null)
  t.is(frame('\r\n\r\n\r\n'), 4)
  t.is(frame('SIP/2.0 200 OK\r\nl:0\r\n\r\nSIP'), 'SIP/2.0 200 OK\r\nl:0\r\n\r\n'.length)
})

test('sip: a stream that is none of SIP is refused as soon as it shows', (t) => {
  const reasons: readonly (readonly [string, string | null])[] = [
    ['\u0016\u0003\u0001', 'malformed start line'],
    ['GET', null],
    ['GET / HT', null],
    ['GET / HTTP/1.1\r\n', 'malformed start line'],
    ['SIP/2.0 OK\r\n', 'malformed start line'],
    ['SIP/', null],
    ['SIX/', 'malformed start line'],
    ['\rX', 'line end is not CR LF'],
    ['INVITE sip:a@b SIP/2.0\r\n\r\n', 'no Content-Length'],
    ['INVITE sip:a@b SIP/2.0\r\nl: 300000\r\n\r\n', 'message too long'],
    [`INVITE sip:a@b SIP/2.0\r\na: ${line(70_000, 'a')}`, 'message too long'],
  ]
  for (const [text, reason] of reasons)
    t.is(
      reasonOf(() => sip.frame?.(utf8(text))),
      reason,
      text.slice(0, 30),
    )
})

const otherAddresses: ReadonlyMap<string, string> = new Map([
  ['192.0.2.101', '198.51.100.1'],
  ['192.0.2.111', '198.51.100.11'],
  ['10.2.2.2', '203.0.113.222'],
  ['2001:db8::10', 'fd00::10'],
  ['2001:db8::9:1', 'fd00::9:1'],
  ['2001:db8::5', '::ffff:192.0.2.5'],
])

const names: AddressMap = {
  address: (bytes) => {
    const isLong = bytes.length === 16
    const text = isLong ? formatAddress(bytes) : bytes.join('.')
    const other = addressBytes(otherAddresses.get(text) ?? text)
    return isLong ? other : other.subarray(12)
  },
  name: (text) => text.replace('atlanta', 'outer'),
}

test('sip: translation changes hosts of the way and of a session description, and the length', (t) => {
  const translated = (lines: string): string => linesOf(sip.translate!(decodeLines(lines), names))
  t.is(
    translated(invite),
    invite
      .replaceAll('client.atlanta', 'client.outer')
      .replace('192.0.2.101', '198.51.100.1')
      .replace('Content-Length: 151', 'Content-Length: 150'),
  )
  t.is(
    translated(ringing),
    ringing
      .replaceAll('ss1.atlanta', 'ss1.outer')
      .replaceAll('client.atlanta', 'client.outer')
      .replace('192.0.2.111', '198.51.100.11')
      .replace('192.0.2.101', '198.51.100.1'),
  )
  t.is(
    translated(registerIpv6),
    registerIpv6.replace('[2001:db8::10]', '[fd00::10]').replace('[2001:db8::9:1]', '[fd00::9:1]'),
  )
  t.is(translated(compact), compact.replace('10.2.2.2', '203.0.113.222').replace('[2001:db8::5]', '[::ffff:192.0.2.5]'))
})

test('sip: translation finds the host whatever the user part and the parameters are', (t) => {
  const translated = (uri: string): string => {
    const lines = `\nINVITE ${uri} SIP/2.0\nContact: <${uri}>, x <${uri}>;q=1, ${uri};q=0\nl: 0\n\n`
    const found = linesOf(sip.translate!(decodeLines(lines), names))
    const other = found.split(' ')[1]!
    t.is(found, lines.replaceAll(uri, other))
    return other
  }
  t.is(translated('sip:192.0.2.101'), 'sip:198.51.100.1')
  t.is(translated('SIPS:192.0.2.101:5061?a=192.0.2.101'), 'SIPS:198.51.100.1:5061?a=192.0.2.101')
  t.is(translated('sip:192.0.2.101:192.0.2.101@192.0.2.101'), 'sip:192.0.2.101:192.0.2.101@198.51.100.1')
  t.is(translated('tel:192.0.2.101'), 'tel:192.0.2.101')
  t.is(translated('urn:192.0.2.101@192.0.2.101'), 'urn:192.0.2.101@192.0.2.101')
  t.is(translated('sip:x@h:1'), 'sip:x@h:1')
  const inBrackets = decodeLines('\nA sip:a@b SIP/2.0\nm: <sip:a@192.0.2.111;x;MADDR=192.0.2.101;lr>\n\n')
  t.is(
    linesOf(sip.translate!(inBrackets, names)),
    '\nA sip:a@b SIP/2.0\nm: <sip:a@198.51.100.11;x;MADDR=198.51.100.1;lr>\n\n',
  )
})

test('sip: translation leaves other bodies, compressed ones, and what is behind a body as they are', (t) => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['Content-Type: application/sdp', true],
    ['c:application/SDP;charset=x', true],
    ['Content-Type: text/plain', false],
    ['Content-Type: application/sdp-ng', false],
    ['Content-Type: application/sdp\nContent-Encoding: gzip', false],
    ['Content-Type: application/sdp\ne: identity', true],
  ]
  for (const [headers, isChanged] of cases) {
    const lines = `\nA sip:a@b SIP/2.0\n${headers}\nl: 22\n\nc=IN IP4 192.0.2.101\nc=IN IP4 192.0.2.101\n`
    const other = isChanged ? lines.replace('l: 22', 'l: 23').replace('192.0.2.101', '198.51.100.1') : lines
    t.is(linesOf(sip.translate!(decodeLines(lines), names)), other, headers)
  }
})

test('sip: translation that changes nothing gives the same message, and one that breaks it is an error', (t) => {
  const same: AddressMap = { address: (bytes) => bytes }
  for (const lines of [invite, ringing, registerIpv6, compact]) {
    const message = decodeLines(lines)
    t.is(sip.translate!(message, same), message)
  }
  const message = decodeLines(invite)
  for (const name of ['', 'a b', 'a\r\nVia: b', 'a;b', 'a>', 'ü'])
    t.throws(() => sip.translate!(message, { ...same, name: () => name }), { instanceOf: RangeError }, name)
  t.throws(() => sip.translate!(message, { address: () => new Uint8Array(16) }), { instanceOf: RangeError })
})

const response = (status: number, method: string): SipMessage =>
  decodeLines(`\nSIP/2.0 ${status} x\nCall-ID: c\nCSeq: 1 ${method}\nl: 0\n\n`)

test('sip: an endpoint that answers for a call has it, until its BYE is answered', (t) => {
  const key = { kind: 'call-id', value: 'c' } as const
  const add = [{ action: 'add', key, at: null }]
  const remove = [{ action: 'remove', key, at: null }]
  const cases: readonly (readonly [number, string, readonly unknown[]])[] = [
    [100, 'INVITE', add],
    [200, 'INVITE', add],
    [401, 'REGISTER', add],
    [486, 'INVITE', add],
    [603, 'INVITE', add],
    [481, 'INVITE', []],
    [503, 'INVITE', []],
    [200, 'OPTIONS', []],
    [200, 'MESSAGE', []],
    [100, 'BYE', []],
    [200, 'BYE', remove],
    [481, 'BYE', remove],
    [401, 'BYE', []],
  ]
  for (const [status, method, wanted] of cases) {
    t.deepEqual(sip.learn?.(response(status, method), 'endpoint'), wanted as never, `${status} ${method}`)
    t.deepEqual(sip.learn?.(response(status, method), 'client'), [])
  }
  t.deepEqual(sip.learn?.(decodeLines('\nOPTIONS sip:a@b SIP/2.0\ni: c\n\n'), 'endpoint'), add as never)
  t.deepEqual(sip.learn?.(decodeLines('\nOPTIONS sip:a@b SIP/2.0\ni:\n\n'), 'endpoint'), [])
})

test('sip: a peer that answers OPTIONS is well, unless it says that it is not', (t) => {
  const probe = sip.probe!
  const isAlive = (answer: SipMessage): boolean => probe.isAlive(answer)
  const asked = probe.request()
  t.is(sip.describe(asked).name, 'OPTIONS')
  const bytes = sip.encode(asked)
  t.is(sip.frame?.(bytes), bytes.length)
  for (const status of [200, 401, 404, 483]) t.true(isAlive(response(status, 'OPTIONS')), `${status}`)
  for (const status of [100, 408, 500, 503, 603]) t.false(isAlive(response(status, 'OPTIONS')), `${status}`)
  t.false(isAlive(response(200, 'INVITE')))
  t.false(isAlive(asked))
})

test('sip: whoever carries messages on finds the top Via and writes into it', (t) => {
  const message = decodeLines(registerIpv6)
  if (message.kind !== 'request') return t.fail()
  const via = [...headersOf(message)].find(({ name }) => name === 'via')!
  const found = readVia(message.bytes, via.value)!
  const at = found.parameters[0]!.value!.end
  const changed = splice(message, [{ start: at, end: at, text: ';received=2001:db8::9:255' }])
  t.is(linesOf(changed), registerIpv6.replace('s3-111', 's3-111;received=2001:db8::9:255'))
  t.throws(() => splice(message, [{ start: at, end: at, text: '\r' }]), { instanceOf: RangeError })
  return t.pass()
})
