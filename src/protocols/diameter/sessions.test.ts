// What messages say about sessions: their keys, and where they begin and end.

import test from 'ava'
import { bytesOf } from '../../testing/protocol-suite.ts'
import { diameter } from './index.ts'
import { header, messages } from './test-messages.ts'

test('diameter: names that are not IMSIs, and addresses that are wishes, are no session keys', (t) => {
  const keys = (hex: string, application = '01000023'): unknown =>
    diameter.sessions(
      diameter.decode(bytesOf(`${header(20 + hex.length / 2).replace('00000000', application)} ${hex}`)),
    )
  const name = '0000000140000017303031303130303030303030303031'.padEnd(48, '0')
  t.deepEqual(keys(name), [{ kind: 'imsi', value: '001010000000001' }])
  t.deepEqual(keys(name, '01000000'), [])
  t.deepEqual(keys(name.replace('303031', '403031')), [])
  t.deepEqual(keys(name.replace('40000017', '4000000d').slice(0, 32)), [])
  t.deepEqual(keys('00000008 4000000c 0a2d0002'.replaceAll(' ', '')), [{ kind: 'ue-ip', value: '10.45.0.2' }])
  for (const wish of ['00000000', 'fffffffe', 'ffffffff']) t.deepEqual(keys(`000000084000000c${wish}`), [])
  const number = '000001bb 4000002c 000001c2 4000000c 00000000 000001bc 40000017 303031303130303030303030303031 00'
  t.deepEqual(keys(number.replaceAll(' ', '')), [])
})

const learned = (hex: string, from: 'client' | 'endpoint' = 'endpoint'): unknown =>
  diameter.learn!(diameter.decode(bytesOf(hex)), from).map(({ action, key }) => `${action} ${key.value}`)

test('diameter: a session lives where it was answered with success', (t) => {
  t.deepEqual(learned(messages.cca), ['add pgw.example.org;1876543210;102'])
  t.deepEqual(learned(messages.cca, 'client'), [])
  t.deepEqual(learned(messages.ccr), ['add pgw.example.org;1876543210;102'])
  t.deepEqual(learned(messages.err), [])
  t.deepEqual(learned(messages.cea), [])
})

test('diameter: what keeps no state is no session', (t) => {
  t.deepEqual(learned(messages.ula), [])
})

test('diameter: a session is gone when its end was answered, and when its endpoint does not know it', (t) => {
  const session = '00000107 40000009 61000000'
  const success = '0000010c 4000000c 000007d1'
  const answer = (command: string, application: string, rest: string): string => {
    const length = 20 + rest.replaceAll(' ', '').length / 2
    return `01${length.toString(16).padStart(6, '0')} 40${command} ${application} 00000001 00000002 ${rest}`
  }
  t.deepEqual(learned(answer('000113', '00000001', session + success)), ['remove a'])
  t.deepEqual(learned(answer('000110', '00000004', `${session} ${success} 000001a0 4000000c 00000003`)), ['remove a'])
  t.deepEqual(learned(answer('000110', '00000004', `${session} ${success} 000001a0 4000000c 00000004`)), [])
  t.deepEqual(learned(answer('00010f', '00000003', `${session} ${success} 000001e0 4000000c 00000004`)), ['remove a'])
  t.deepEqual(learned(answer('000110', '00000004', `${session} 0000010c 4000000c 0000138a`)), ['remove a'])
})
