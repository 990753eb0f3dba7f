// Sessions across protocols, told by the keys of messages alone: what the messages are like is for the protocols.

import test from 'ava'
import type { AnyProtocol } from '../protocols/index.ts'
import type { ProtocolName, SessionKey, SessionKind } from '../protocols/protocol.ts'
import { sessionKinds } from '../protocols/protocol.ts'
import { sessionLimits } from './limits.ts'
import { Message } from './message.ts'
import { NodeList, noSession, placedKeys, Sessions } from './sessions.ts'

interface Told {
  readonly keys: readonly SessionKey[]
  readonly ended: readonly SessionKey[]
  readonly name: string
  readonly sequence: number | null
}

const protocolOf = (name: ProtocolName): AnyProtocol => ({
  name,
  title: name,
  carriedBy: [],
  decode: () => null,
  encode: () => new Uint8Array(),
  describe: (content) => {
    const { name: message, sequence } = content as Told
    return { name: message, fields: sequence === null ? {} : { sequence } }
  },
  sessions: (content) => (content as Told).keys,
  learn: (content) => (content as Told).ended.map((key) => ({ action: 'remove', key, at: null })),
})

/** `teid=192.0.2.1/0x1 ran-ue=0x2` */
const keysOf = (text: string): readonly SessionKey[] =>
  text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [kind = '', value = ''] = word.split('=')
      return { kind: sessionKinds.find((known) => known === kind) as SessionKind, value }
    })

interface Sent {
  readonly from: string
  readonly to: string
  readonly tag?: number
  readonly name?: string
  readonly sequence?: number
  readonly ended?: string
}

const message = (protocol: ProtocolName, keys: string, sent: Sent): Message => {
  const { ended = '', from, name = 'Told', sequence = null, tag = 0, to } = sent
  const place = {
    source: `${from}:38412`,
    destination: `${to}:38412`,
    destinationAddress: to,
    sourcePort: 38_412,
    destinationPort: 38_412,
    verificationTag: tag,
  }
  const content: Told = { keys: keysOf(keys), ended: keysOf(ended), name, sequence }
  const found = { protocol: protocolOf(protocol), place, bytes: new Uint8Array() }
  return new Message({ number: 1, time: null }, found, content, null)
}

/** Which messages are of one session: a letter for each session, in the order of its first message; `-`: of none. */
const letters = (messages: readonly Message[]): string => {
  const sessions = new Sessions()
  const nodes = messages.map((one) => sessions.add(one))
  const roots = nodes.map((node) => (node === noSession ? noSession : sessions.root(node)))
  const seen = [...new Set(roots.filter((root) => root !== noSession))]
  return roots.map((root) => (root === noSession ? '-' : 'ABCDEFGH'[seen.indexOf(root)]!)).join('')
}

const [gnb, amf, smf, upf] = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'] as const
const up = { from: gnb, to: amf, tag: 1 }
const down = { from: amf, to: gnb, tag: 2 }
const toUpf = { from: smf, to: upf }
const toSmf = { from: upf, to: smf }

test('sessions: an NGAP UE, its PFCP session and its tunnels are one; another UE is another', (t) => {
  const found = letters([
    message('ngap', 'guami=001-01-020040', { ...up }),
    message('ngap', 'ran-ue=0x01', up),
    message('ngap', 'ran-ue=0x02', up),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01 guami=001-01-020040', down),
    message('pfcp', `seid=${smf}/0x1`, { ...toUpf, name: 'Session Establishment Request', sequence: 7 }),
    message('pfcp', `seid=0x1 seid=${upf}/0x9 teid=${upf}/0x50 ue-ip=10.45.0.2`, {
      ...toSmf,
      name: 'Session Establishment Response',
      sequence: 7,
    }),
    message('ngap', `amf-ue=0x0a ran-ue=0x01 teid=${upf}/0x50`, down),
    message('ngap', `amf-ue=0x0a ran-ue=0x01 teid=${gnb}/0x60`, up),
    message('pfcp', `seid=0x9 teid=${gnb}/0x60`, toUpf),
    message('gtp', 'teid=0x50', { from: gnb, to: upf }),
    message('gtp', 'teid=0x60', { from: upf, to: gnb }),
    message('gtp', 'teid=0x50', { from: gnb, to: '192.0.2.9' }),
  ])
  t.is(found, 'ABCBBBBBBBBD')
})

test('sessions: equal numbers of other associations are other UEs', (t) => {
  const other = '192.0.2.7'
  const found = letters([
    message('ngap', 'ran-ue=0x01', up),
    message('ngap', 'ran-ue=0x01', { from: other, to: amf, tag: 3 }),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01', { from: amf, to: other, tag: 4 }),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01', down),
    message('ngap', 'ran-ue=0x01', { ...up, tag: 9 }), // the same ports again, and a tag that is not known
  ])
  t.is(found, 'ABBAC')
})

test('sessions: an association has all its paths, from the tags that its beginning tells', (t) => {
  const [first, second] = ['192.0.2.11', '192.0.2.12']
  const found = letters([
    message('sctp', 'association=0x02', { from: first, to: amf }),
    message('sctp', 'association=0x02 association=0x01', { from: amf, to: first, tag: 2 }),
    message('ngap', 'ran-ue=0x01', { from: first, to: amf, tag: 1 }),
    message('ngap', 'amf-ue=0x05 ran-ue=0x01', { from: amf, to: second, tag: 2 }),
    message('sctp', 'association=0x01', { from: second, to: amf, tag: 1 }),
    message('ngap', 'guami=001-01-020040', { from: second, to: amf, tag: 1 }),
    message('sctp', 'association=0x08', { from: first, to: amf }),
    message('ngap', 'ran-ue=0x01', { from: amf, to: first, tag: 8 }),
  ])
  t.is(found, 'AABBAACD')
})

test('sessions: an association that both sides begin is one, and one that was aborted is over', (t) => {
  const found = letters([
    message('sctp', 'association=0x02', { from: gnb, to: amf }),
    message('sctp', 'association=0x01', { from: amf, to: gnb }),
    message('sctp', 'association=0x01', up),
    message('sctp', 'association=0x02', { ...down, ended: 'association=0x02' }),
    message('sctp', 'association=0x03', { from: gnb, to: amf, tag: 3 }),
  ])
  t.is(found, 'AAAAB')
})

test('sessions: numbers that are given out again after a release are new UEs', (t) => {
  const found = letters([
    message('ngap', 'ran-ue=0x01', up),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01', down),
    message('ngap', `amf-ue=0x0a ran-ue=0x01 teid=${gnb}/0x60`, up),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01', { ...up, ended: 'amf-ue=0x0a ran-ue=0x01' }),
    message('gtp', 'teid=0x60', { from: upf, to: gnb }), // late
    message('ngap', 'ran-ue=0x01', up),
    message('ngap', `amf-ue=0x0b ran-ue=0x01 teid=${gnb}/0x60`, up),
    message('gtp', 'teid=0x60', { from: upf, to: gnb }),
  ])
  t.is(found, 'AAAAABBB')
})

test('sessions: with a PFCP session end its tunnels and the address of its UE', (t) => {
  const request = { ...toUpf, name: 'Session Establishment Request' }
  const response = { ...toSmf, name: 'Session Establishment Response' }
  const found = letters([
    message('pfcp', `seid=${smf}/0x1`, { ...request, sequence: 1 }),
    message('pfcp', `seid=0x1 seid=${upf}/0x1 teid=${upf}/0x50 ue-ip=10.45.0.2`, { ...response, sequence: 1 }),
    message('pfcp', 'seid=0x1', { ...toSmf, ended: 'seid=0x1' }),
    message('pfcp', 'seid=0x1', toUpf), // a repetition
    message('pfcp', `seid=${smf}/0x2`, { ...request, sequence: 2 }),
    message('pfcp', `seid=0x2 seid=${upf}/0x1 teid=${upf}/0x50 ue-ip=10.45.0.2`, { ...response, sequence: 2 }),
    message('gtp', 'teid=0x50', { from: gnb, to: upf }),
    message('pfcp', 'seid=0x1', toUpf),
  ])
  t.is(found, 'AAAABBBB')
})

test('sessions: an answer belongs to its request, also where it has no key', (t) => {
  const found = letters([
    message('pfcp', `seid=${smf}/0x1`, { ...toUpf, name: 'Session Establishment Request', sequence: 3 }),
    message('pfcp', '', { ...toUpf, name: 'Heartbeat Request', sequence: 3 }),
    message('pfcp', '', { ...toSmf, name: 'Heartbeat Response', sequence: 3 }),
    message('pfcp', '', { ...toUpf, name: 'Session Establishment Response', sequence: 3 }),
    message('pfcp', '', { ...toSmf, name: 'Session Establishment Response', sequence: 3 }),
    // The addresses of the F-SEIDs are not those that the messages come from.
    message('gtpv2', 'teid=198.51.100.1/0x1', { ...toUpf, name: 'Create Session Request', sequence: 4 }),
    message('gtpv2', 'teid=0x1 teid=198.51.100.2/0x2', { ...toSmf, name: 'Create Session Response', sequence: 4 }),
  ])
  t.is(found, 'A---ABB')
})

test('sessions: a reset of many UEs joins none of them', (t) => {
  const found = letters([
    message('ngap', 'amf-ue=0x0a ran-ue=0x01', down),
    message('ngap', 'amf-ue=0x0b ran-ue=0x02', down),
    message('ngap', 'amf-ue=0x0a ran-ue=0x01 amf-ue=0x0b ran-ue=0x02', {
      ...down,
      ended: 'amf-ue=0x0a ran-ue=0x01 amf-ue=0x0b ran-ue=0x02',
    }),
    message('ngap', 'ran-ue=0x01', up),
  ])
  t.is(found, 'ABCD')
})

test('sessions: the oldest keys are forgotten when there are too many, and it is said', (t) => {
  const sessions = new Sessions()
  for (let i = 0; i <= sessionLimits.keys; i++) sessions.add(message('gtp', `teid=0x${i.toString(16)}`, toUpf))
  t.deepEqual([...sessions.troubles.values()], [1])
})

test('sessions: the keys of a header get the address that they belong to', (t) => {
  const { keys, place } = message('pfcp', `seid=0x9 seid=${smf}/0x1 imsi=001010000000001`, toUpf)
  t.deepEqual(
    placedKeys(keys, place).map(({ value }) => value),
    [`${upf}/0x9`, `${smf}/0x1`, '001010000000001'],
  )
})

test('sessions: the nodes of many messages are kept in their order', (t) => {
  const nodes = new NodeList()
  for (let i = 0; i < 200_000; i++) nodes.push(i)
  t.true([0, 65_535, 65_536, 199_999].every((index) => nodes.at(index) === index))
  t.is(nodes.at(200_000), noSession)
})
