// Other addresses and names in the places of those that a message has.

import test from 'ava'
import { bytesOf } from '../../testing/protocol-suite.ts'
import { diameter } from './index.ts'
import { header, messages } from './test-messages.ts'
import type { AddressMap } from '../protocol.ts'

const identity: AddressMap = { address: (bytes) => bytes }

test('diameter: translation gives other addresses, and where the map has them other names, also within groups', (t) => {
  const cer = bytesOf(messages.cer)
  const address = (bytes: Uint8Array): Uint8Array =>
    bytes.length === 4 ? Uint8Array.of(203, 0, 113, 9) : bytes.map((byte) => byte ^ 1)
  const after = diameter.describe(diameter.translate!(diameter.decode(cer), { address }))
  t.deepEqual(after.fields['hostIpAddress'], ['203.0.113.9', '2100:cb9:101:101:101:101:101:111'])
  const hidden: AddressMap = { ...identity, name: (text) => (text.endsWith('.org') ? `x.${text}` : text) }
  const ula = diameter.translate!(diameter.decode(bytesOf(messages.ula)), hidden)
  const { fields } = diameter.describe(diameter.decode(diameter.encode(ula)))
  t.is(fields['originHost'], 'x.hss.example.org')
  t.is(fields['sessionId'], 'mme1.example.org;1;2;s6a')
  t.regex(JSON.stringify(fields), /"destinationHost":"x\.pgw\.example\.org"/)
})

test('diameter: translation changes the bytes of one AVP and the lengths around it', (t) => {
  const before = `${header(48)} 00000108 4000000b 786f7aff 00000107 00000009 61eeeeee 0000011b 00000000`
  const bytes = bytesOf(before.replace('0000011b 00000000', '').replace(header(48), header(44)))
  const names: AddressMap = { ...identity, name: () => 'hosts' }
  const after = diameter.encode(diameter.translate!(diameter.decode(bytes), names))
  const wanted = bytesOf(`${header(48)} 00000108 4000000d 686f737473000000 00000107 00000009 61eeeeee`)
  t.is(Buffer.from(after).toString('hex'), Buffer.from(wanted).toString('hex'))
})

test('diameter: a message in which nothing is to be translated stays the same message', (t) => {
  for (const hex of Object.values(messages)) {
    const before = diameter.decode(bytesOf(hex))
    t.is(diameter.translate!(before, identity), before)
    t.is(diameter.translate!(before, { ...identity, name: (text) => text }), before)
  }
})

test('diameter: addresses of another family have no place', (t) => {
  const before = diameter.decode(bytesOf(messages.cer))
  t.throws(() => diameter.translate!(before, { address: () => new Uint8Array(5) }), { instanceOf: RangeError })
})
