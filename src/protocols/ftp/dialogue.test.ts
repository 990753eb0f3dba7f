import test from 'ava'
import { addressBytes } from '../../wire/ip.ts'
import { Dialogue } from './dialogue.ts'
import type { Heard, Offer, Parties, Side } from './dialogue.ts'
import type { ExecutionContext } from 'ava'

const parties = (client: string, vip: string, source: string, server: string): Parties => ({
  client: addressBytes(client),
  vip: addressBytes(vip),
  source: addressBytes(source),
  server: addressBytes(server),
})
const both4 = parties('192.0.2.9', '198.51.100.7', '192.0.2.9', '10.0.0.5')
const both6 = parties('2001:db8:1::9', '2001:db8:2::7', '2001:db8:2::7', '2001:db8:3::5')
const from6to4 = parties('2001:db8:1::9', '2001:db8:2::7', '10.0.0.1', '10.0.0.5')
const from4to6 = parties('192.0.2.9', '198.51.100.7', '2001:db8:3::1', '2001:db8:3::5')

const hearAll = (dialogue: Dialogue, ...lines: readonly (readonly [Side, string])[]): Heard =>
  lines.map(([side, line]) => dialogue.hear(side, line)).at(-1)!

const offer = (t: ExecutionContext, heard: Heard, listener: Side, port: number): Offer => {
  if (heard.kind !== 'offer') throw new Error(`heard ${JSON.stringify(heard)}`)
  t.deepEqual([heard.listener, heard.port], [listener, port])
  return heard
}

test('ftp: PASV is answered with the VIP and the port that was reserved there', (t) => {
  const dialogue = new Dialogue(both4)
  t.deepEqual(dialogue.hear('client', 'PASV'), { kind: 'pass' })
  const heard = offer(t, dialogue.hear('server', '227 Entering Passive Mode (10,0,0,5,20,162)'), 'server', 5282)
  t.is(heard.say(both4.vip, 4660), '227 Entering Passive Mode (198,51,100,7,18,52)')
  t.is(heard.instead.slice(0, 4), '425 ')
})

test('ftp: a server that announces the VIP itself is believed', (t) => {
  const heard = hearAll(new Dialogue(both4), ['client', 'pasv'], ['server', '227 (198,51,100,7,20,162)'])
  t.is(offer(t, heard, 'server', 5282).say(both4.vip, 5282), '227 (198,51,100,7,20,162)')
})

test('ftp: EPSV is answered with the port that was reserved, in both families', (t) => {
  for (const each of [both4, both6]) {
    const heard = hearAll(
      new Dialogue(each),
      ['client', 'EPSV 1'],
      ['server', '229 Entering Extended Passive Mode (|||5282|)'],
    )
    t.is(offer(t, heard, 'server', 5282).say(each.vip, 80), '229 Entering Extended Passive Mode (|||80|)')
  }
})

test('ftp: PORT and EPRT go on unchanged where the server sees the client itself', (t) => {
  for (const line of ['PORT 192,0,2,9,20,162', 'port  192,0,2,9,20,162 ', 'EPRT |1|192.0.2.9|5282|'])
    t.is(offer(t, new Dialogue(both4).hear('client', line), 'client', 5282).say(both4.client, 5282), line)
})

test('ftp: PORT and EPRT name our address where the server sees that', (t) => {
  const four = offer(t, new Dialogue(both4).hear('client', 'PORT 192,0,2,9,20,162'), 'client', 5282)
  t.is(four.say(both4.vip, 4660), 'PORT 198,51,100,7,18,52')
  const six = offer(t, new Dialogue(both6).hear('client', 'EPRT |2|2001:DB8:1::9|5282|'), 'client', 5282)
  t.is(six.say(both6.source, 4660), 'EPRT |2|2001:db8:2::7|4660|')
})

test('ftp: an address that is not the client’s is refused, and the server refuses what is sent instead', (t) => {
  const dialogue = new Dialogue(both4)
  for (const line of ['PORT 192,0,2,10,20,162', 'PORT 10,0,0,5,20,162', 'PORT 198,51,100,7,20,162'])
    t.deepEqual(dialogue.hear('client', line), {
      kind: 'refuse',
      reason: 'foreign address',
      line: 'PORT 0,0,0,0,0,0',
    })
  t.deepEqual(dialogue.hear('client', 'EPRT |2|2001:db8::1|5282|'), {
    kind: 'refuse',
    reason: 'foreign address',
    line: 'EPRT |1|0.0.0.0|0|',
  })
})

test('ftp: a port of a well-known server and a port beyond 65535 are refused', (t) => {
  const reason = (line: string): string => {
    const heard = new Dialogue(both4).hear('client', line)
    return heard.kind === 'refuse' ? heard.reason : heard.kind
  }
  t.is(reason('PORT 192,0,2,9,0,25'), 'privileged port')
  t.is(reason('EPRT |1|192.0.2.9|65536|'), 'port out of range')
  t.is(reason('EPRT |1|192.0.2.9|0|'), 'port out of range')
  t.is(reason('PORT 192,0,2,9,999999999,0'), 'malformed address')
  t.is(reason('PORT'), 'malformed address')
})

test('ftp: a reply that names a third party goes on, and nothing is let in for it', (t) => {
  const heard = hearAll(new Dialogue(both4), ['client', 'PASV'], ['server', '227 (10,0,0,6,20,162)'])
  t.deepEqual(heard, { kind: 'refuse', reason: 'foreign address', line: null })
})

test('ftp: a reply that nobody asked for opens nothing', (t) => {
  const dialogue = new Dialogue(both4)
  const unasked: Heard = { kind: 'refuse', reason: 'nobody asked', line: null }
  t.deepEqual(dialogue.hear('server', '227 (10,0,0,5,20,162)'), unasked)
  t.is(hearAll(dialogue, ['client', 'PASV'], ['server', '227 (10,0,0,5,20,162)']).kind, 'offer')
  t.deepEqual(dialogue.hear('server', '227 (10,0,0,5,20,163)'), unasked)
  t.deepEqual(dialogue.hear('server', '229 (|||5282|)'), unasked)
})

test('ftp: the text of a longer reply is not taken for replies', (t) => {
  const dialogue = new Dialogue(both4)
  dialogue.hear('client', 'PASV')
  for (const line of ['214-Help:', '227 (10,0,0,5,20,162)', '227-x', ' 229 (|||5282|)', '21'])
    t.deepEqual(dialogue.hear('server', line), { kind: 'pass' }, line)
  t.false(dialogue.concerns('server', '227'))
  dialogue.hear('server', '214 end')
  t.true(dialogue.concerns('server', '227'))
  t.is(dialogue.hear('server', '227 (10,0,0,5,20,162)').kind, 'offer')
})

test('ftp: what a client asks with its address in IPv6 is said to an IPv4 server in its words (RFC 6384)', (t) => {
  const dialogue = new Dialogue(from6to4)
  t.deepEqual(dialogue.hear('client', 'EPSV'), { kind: 'replace', line: 'PASV' })
  const passive = offer(t, dialogue.hear('server', '227 Entering Passive Mode (10,0,0,5,20,162)'), 'server', 5282)
  t.is(passive.say(from6to4.vip, 5282), '229 Entering Extended Passive Mode (|||5282|)')
  const active = offer(t, dialogue.hear('client', 'EPRT |2|2001:db8:1::9|5282|'), 'client', 5282)
  t.is(active.say(from6to4.source, 4660), 'PORT 10,0,0,1,18,52')
  t.is(active.instead, 'PORT 0,0,0,0,0,0')
})

test('ftp: what a client asks with its address in IPv4 is said to an IPv6 server in its words', (t) => {
  const dialogue = new Dialogue(from4to6)
  t.deepEqual(dialogue.hear('client', 'PASV'), { kind: 'replace', line: 'EPSV' })
  const passive = offer(t, dialogue.hear('server', '229 ok (|||5282|)'), 'server', 5282)
  t.is(passive.say(from4to6.vip, 4660), '227 Entering Passive Mode (198,51,100,7,18,52).')
  const active = offer(t, dialogue.hear('client', 'PORT 192,0,2,9,20,162'), 'client', 5282)
  t.is(active.say(from4to6.source, 4660), 'EPRT |2|2001:db8:3::1|4660|')
})

test('ftp: after EPSV ALL nothing older is said to the server', (t) => {
  const dialogue = new Dialogue(from6to4)
  t.deepEqual(dialogue.hear('client', 'EPSV ALL'), { kind: 'pass' })
  t.deepEqual(dialogue.hear('client', 'EPSV'), { kind: 'pass' })
  const heard = offer(t, dialogue.hear('server', '229 (|||5282|)'), 'server', 5282)
  t.is(heard.say(from6to4.vip, 80), '229 (|||80|)')
})

test('ftp: an IPv6 client that asks for an IPv4 address is told that there is none', (t) => {
  const heard = hearAll(new Dialogue(from6to4), ['client', 'PASV'], ['server', '227 (10,0,0,5,20,162)'])
  t.deepEqual(heard, {
    kind: 'refuse',
    reason: 'wrong address family',
    line: '425 No data connection can be had.',
  })
})

test('ftp: nothing is read once the server has accepted AUTH', (t) => {
  for (const code of ['234', '334']) {
    const dialogue = new Dialogue(both4)
    dialogue.hear('server', '234 not asked')
    t.false(dialogue.secure)
    hearAll(dialogue, ['client', 'AUTH TLS'], ['server', '500 what?'])
    t.false(dialogue.secure)
    hearAll(dialogue, ['client', 'auth tls'], ['server', `${code} go ahead`])
    t.true(dialogue.secure)
    t.deepEqual(dialogue.hear('client', 'PORT 192,0,2,10,20,162'), { kind: 'pass' })
    t.false(dialogue.concerns('client', 'PORT'))
  }
})

test('ftp: only the beginnings of lines that may change have to wait', (t) => {
  const dialogue = new Dialogue(both4)
  for (const start of ['P', 'p', 'PO', 'port', 'PORT 1,2', 'E', 'EP', 'EPRT |'])
    t.true(dialogue.concerns('client', start), start)
  for (const start of ['PA', 'PASV', 'EPSV', 'U', 'USER', 'PORX', '\xff\xf4'])
    t.false(dialogue.concerns('client', start), start)
  t.true(new Dialogue(from6to4).concerns('client', 'EPS'))
  t.false(dialogue.concerns('server', '22'))
  dialogue.hear('client', 'PASV')
  for (const start of ['2', '22', '227', '227 (1', '229']) t.true(dialogue.concerns('server', start), start)
  for (const start of ['1', '21', '228', '226 ok']) t.false(dialogue.concerns('server', start), start)
})

test('ftp: requests that are never answered are forgotten, the oldest first', (t) => {
  const dialogue = new Dialogue(both4)
  dialogue.hear('client', 'EPSV')
  for (let count = 0; count < 100; count++) dialogue.hear('client', 'PASV')
  t.is(dialogue.hear('server', '229 (|||5282|)').kind, 'refuse')
  t.is(dialogue.hear('server', '227 (10,0,0,5,20,162)').kind, 'offer')
})
