// What is refused and why, where a stream is cut, and what is kept as it came.

import test from 'ava'
import { bytesOf, refusalOf } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { diameter, mandatory, readAvps, writeAvps } from './index.ts'
import { header, messages } from './test-messages.ts'
import type { Avp, DiameterMessage } from './index.ts'

const refusal = (hex: string): DecodeError => refusalOf(diameter, hex)

test('diameter: a refusal names the AVPs around the byte where reading ended', (t) => {
  const lying = messages.ccr.replaceAll(/\s/g, '').replace('000001bc40000017', '000001bc40000019')
  t.like(refusal(lying), { reason: 'length lies', path: ['Subscription-Id 1', 'Subscription-Id-Data'] })
  const unknown = `${header(36)} 0000270f 80000009 000007db 00000000`
  t.like(refusal(unknown), { reason: 'length lies', offset: 25, path: ['AVP 2011/9999'] })
  const short = `${header(32)} 00000101 4000000a 00010a00`
  t.like(refusal(short), { reason: 'length lies', path: ['Host-IP-Address 1'] })
})

test('diameter: refuses other versions, and lengths that are not those of the message', (t) => {
  t.is(refusal(header(20).replace('01', '02')).reason, 'unknown version')
  t.is(refusal(header(24)).reason, 'truncated')
  t.is(refusal(`${header(20)} 00000000`).reason, 'bytes left over')
  t.is(refusal(header(19)).reason, 'length lies')
  t.is(refusal(`${header(24)} 00000000`).reason, 'truncated')
  t.is(refusal(`${header(32)} 00000107 00000009 61`.padEnd(64, '0')).reason, 'truncated')
})

test('diameter: padding and reserved bits come back as they were', (t) => {
  const hex = `${header(32).replace('8000', '8f00')} 00000107 5f000009 61ffffff`
  const bytes = bytesOf(hex)
  t.deepEqual(Buffer.from(diameter.encode(diameter.decode(bytes))), Buffer.from(bytes))
})

test('diameter: a stream is cut where the length says, and given up where no message can begin', (t) => {
  const frame = (hex: string): number | null => diameter.frame!(bytesOf(hex))
  t.is(frame(''), null)
  t.is(frame('010000'), null)
  t.is(frame('01000014'), 20)
  t.throws(() => frame('02'), { instanceOf: DecodeError, message: /^unknown version/ })
  t.throws(() => frame('01000016'), { instanceOf: DecodeError, message: /^length lies/ })
  t.throws(() => frame('01100000'), { instanceOf: DecodeError, message: /^message too long/ })
})

test('diameter: what has no room is a RangeError', (t) => {
  const watchdog: DiameterMessage = diameter.probe!.request()
  for (const wrong of [
    { command: 1 << 24 },
    { reserved: 16 },
    { hopByHop: -1 },
    { body: new Uint8Array(3) },
    { body: new Uint8Array(300_000) },
  ]) {
    t.throws(() => diameter.encode({ ...watchdog, ...wrong }), { instanceOf: RangeError })
  }
})

test('diameter: what a failed AVP holds is shown, even if it cannot be read', (t) => {
  const failed = (value: string): unknown => {
    const avpLength = 8 + value.length / 2
    const bytes = bytesOf(
      `${header(20 + avpLength)} 00000117 400000${avpLength.toString(16).padStart(2, '0')} ${value}`,
    )
    return diameter.describe(diameter.decode(bytes)).fields['failedAvp']
  }
  t.deepEqual(failed('0000010c4000000c000007d1'), [{ resultCode: '2001 DIAMETER_SUCCESS' }])
  t.deepEqual(failed('0000010c400000ff000007d1'), [{ malformed: '0000010c400000ff000007d1' }])
})

test('diameter: a watchdog is answered by those who are well', (t) => {
  const probe = diameter.probe!
  const request = diameter.decode(diameter.encode(probe.request()))
  t.is(diameter.describe(request).name, 'Device-Watchdog-Request')
  t.true(probe.isAlive(diameter.decode(bytesOf(messages.dwa))))
  t.false(probe.isAlive(request))
  t.false(probe.isAlive(diameter.decode(bytesOf(messages.cea))))
  t.false(probe.isAlive(diameter.decode(bytesOf(messages.dwa.replace('000007d1', '00000bc2')))))
})

test('diameter: a tree of AVPs is written as it was read', (t) => {
  for (const hex of Object.values(messages)) {
    const { body } = diameter.decode(bytesOf(hex))
    t.deepEqual(Buffer.from(writeAvps(readAvps(body))), Buffer.from(body))
  }
  const [sessionId, application] = readAvps(diameter.decode(bytesOf(messages.ulr)).body)
  t.deepEqual(sessionId, {
    code: 263,
    vendor: null,
    flags: mandatory,
    value: new Uint8Array(Buffer.from('mme1.example.org;1;2;s6a')),
  })
  t.deepEqual(
    (application!.value as readonly Avp[]).map(({ code }) => code),
    [266, 258],
  )
})
