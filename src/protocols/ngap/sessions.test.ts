// What messages say about sessions: tunnels and flows, other addresses in their places, and what is learnt of them.

import test from 'ava'
import { bytesOf, hexOf } from '../../testing/protocol-suite.ts'
import { ngap, pduSessions } from './index.ts'
import { vectors } from './test-vectors.ts'
import type { AddressMap } from '../protocol.ts'
import type { NgapMessage } from './index.ts'

const message = (hex: string): NgapMessage => ngap.decode(bytesOf(hex))

test('ngap: links a UE to its tunnels and QoS flows', (t) => {
  const hexByTitle = new Map(vectors.map(({ hex, title }) => [title, hex]))
  const sessionsOf = (title: string): unknown => pduSessions(message(hexByTitle.get(title)!))
  t.deepEqual(sessionsOf('PDU SESSION RESOURCE SETUP REQUEST'), [
    { id: 1, tunnels: [{ role: 'core', addresses: ['172.27.4.100'], teid: 0x4009_2135 }], qosFlows: [1] },
  ])
  t.deepEqual(sessionsOf('PDU SESSION RESOURCE SETUP RESPONSE'), [
    { id: 1, tunnels: [{ role: 'ran', addresses: ['10.0.0.200'], teid: 1 }], qosFlows: [1] },
  ])
  t.deepEqual(sessionsOf('PATH SWITCH REQUEST'), [
    { id: 1, tunnels: [{ role: 'ran', addresses: ['10.0.0.200'], teid: 1 }], qosFlows: [1] },
  ])
  t.deepEqual(sessionsOf('PAGING'), [])
})

test('ngap: a transfer that cannot be read is kept, shown as it is, and says nothing', (t) => {
  const hex = '201d0024 000003 000a40020001 005540020001 004b40110000010d0003e00a0000c80000000100ff'
  const odd = message(hex.replace('00ff', 'ffff'))
  t.is(hexOf(ngap.encode(odd)), hex.replace('00ff', 'ffff').replaceAll(' ', ''))
  t.deepEqual(pduSessions(odd), [{ id: 1, tunnels: [], qosFlows: [] }])
  t.deepEqual(ngap.describe(odd).fields['pduSessionResourceSetupListSuRes'], [
    { id: 1, transfer: '0003e00a0000c800000001ffff' },
  ])
})

const names: AddressMap = {
  address: (bytes) => (bytes[0] === 10 ? bytes.with(3, 77) : bytes),
  teid: (_, teid) => teid + 1,
}

test('ngap: puts other addresses and tunnel identifiers in their places, and nothing else', (t) => {
  const hexByTitle = new Map(vectors.map(({ hex, title }) => [title, hex.replaceAll(/\s/g, '')]))
  const translated = (title: string): string =>
    hexOf(ngap.encode(ngap.translate!(message(hexByTitle.get(title)!), names)))
  const expected = (title: string, from: string, to: string): string => hexByTitle.get(title)!.replace(from, to)
  const response = 'PDU SESSION RESOURCE SETUP RESPONSE'
  t.is(translated(response), expected(response, '0a0000c800000001', '0a00004d00000002'))
  const request = 'PDU SESSION RESOURCE SETUP REQUEST'
  t.is(translated(request), expected(request, 'ac1b046440092135', 'ac1b046440092136'))
  const path = 'PATH SWITCH REQUEST'
  t.is(translated(path), expected(path, '0a0000c800000001', '0a00004d00000002'))
  const update = 'AMF CONFIGURATION UPDATE'
  t.is(translated(update), expected(update, '0a000001', '0a00004d'))
  const nas = message(hexByTitle.get('DOWNLINK NAS TRANSPORT')!)
  t.is(ngap.translate!(nas, names), nas)
})

test('ngap: learns UEs and GUAMIs from the AMF, and forgets them when they are released or reset', (t) => {
  const learned = (hex: string, from: 'client' | 'endpoint'): readonly string[] =>
    ngap.learn!(message(hex), from).map(({ action, key: { kind, value } }) => `${action} ${kind} ${value}`)
  const both = ['amf-ue 0x0000000001', 'ran-ue 0x00000001']
  const nas = '0004400f 000002 000a00020001 005500020001'
  t.deepEqual(
    learned(nas, 'endpoint'),
    both.map((text) => `add ${text}`),
  )
  t.deepEqual(learned(nas, 'client'), [])
  t.deepEqual(learned('00290010 000002 0072000400010001 000f400140', 'endpoint'), [], 'ordered, not complete')
  t.deepEqual(
    learned('2029000f 000002 000a40020001 005540020001', 'client'),
    both.map((text) => `remove ${text}`),
  )
  t.deepEqual(
    learned('00140012 000002 000f400186 00580006400160010001', 'client'),
    both.map((text) => `remove ${text}`),
  )
  t.deepEqual(learned('0009400f 000002 000a40020001 005540020001', 'endpoint'), [], 'may be mistaken')
  t.deepEqual(learned('2015000f 000001 00600008000000f110020041', 'endpoint'), ['add guami 0x00f110020041'])
  t.deepEqual(learned('00014016 000001 0078000f002000f1100200410200616d662d32', 'endpoint'), [
    'remove guami 0x00f110020041',
  ])
})
