import test from 'ava'
import { bytesOf, protocolSuite } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { extensionsOf, gtp, payloadOf, qosFlowOf } from './index.ts'
import type { SessionKey } from '../protocol.ts'
import type { Gtpv1Message } from './index.ts'

const tunnel = (value: string): SessionKey => ({ kind: 'teid', value })

const uplink = '34ff000c 00000001 0000 00 85 | 01 10 01 00 | 45000014'.replaceAll('|', '')

protocolSuite(gtp, {
  vectors: [
    {
      title: 'G-PDU without optional fields',
      hex: '30ff0004 12345678 45000004',
      name: 'G-PDU',
      fields: { teid: '0x12345678', payloadBytes: 4 },
      sessions: [tunnel('0x12345678')],
    },
    {
      title: 'uplink G-PDU of QoS flow 1 (TS 38.415, 5.5.2.2)',
      hex: uplink,
      name: 'G-PDU',
      fields: { direction: 'uplink', qfi: 1, payloadBytes: 4 },
      sessions: [tunnel('0x00000001')],
    },
    {
      title: 'downlink G-PDU of QoS flow 9 (TS 38.415, 5.5.2.1)',
      hex: '34ff000c 00000001 0000 00 85 01 00 09 00 45000014',
      name: 'G-PDU',
      fields: { direction: 'downlink', qfi: 9 },
      sessions: [tunnel('0x00000001')],
    },
    {
      title: 'G-PDU with a sequence number, an N-PDU number and two extension headers',
      hex: '37ff0012 00000002 abcd 07 c0 01 1234 85 01 00 05 00 45000000 00 00',
      name: 'G-PDU',
      fields: {
        sequence: 0xabcd,
        nPdu: 7,
        qfi: 5,
        extensions: [
          { type: 0xc0, name: 'PDCP PDU Number', content: '1234' },
          { type: 0x85, name: 'PDU Session Container', content: '0005' },
        ],
      },
      sessions: [tunnel('0x00000002')],
    },
    {
      title: 'G-PDU of a sender that does not count its optional fields',
      hex: '32ff0004 00000001 00000000 45000030',
      name: 'G-PDU',
      fields: { payloadBytes: 4 },
      sessions: [tunnel('0x00000001')],
    },
    {
      title: 'Echo Request',
      hex: '32010004 00000000 0001 0000',
      name: 'Echo Request',
      fields: { sequence: 1 },
      sessions: [],
    },
    {
      title: 'Echo Response',
      hex: '32020006 00000000 0001 0000 0e00',
      name: 'Echo Response',
      fields: { sequence: 1, recovery: 0 },
      sessions: [],
    },
    {
      title: 'Error Indication',
      hex: '321a0010 00000000 0001 0000 10 00000001 85 0004 0a630001',
      name: 'Error Indication',
      fields: { teidDataI: '0x00000001', gtpUPeerAddress: '10.99.0.1' },
      sessions: [tunnel('10.99.0.1/0x00000001')],
    },
    {
      title: 'Error Indication with the port of the packet it is about',
      hex: '361a0020 00000000 0001 00 40 01 0868 00 10 00000001 85 0010 20010db8000000000000000000000001',
      name: 'Error Indication',
      fields: { extensions: [{ type: 0x40, name: 'UDP Port', content: '0868' }] },
      sessions: [tunnel('2001:db8::1/0x00000001')],
    },
    {
      title: 'Supported Extension Headers Notification',
      hex: '321f0008 00000000 0001 0000 8d 02 85 40',
      name: 'Supported Extension Headers Notification',
      fields: { extensionHeaderTypeList: [0x85, 0x40] },
      sessions: [],
    },
    {
      title: 'End Marker',
      hex: '30fe0000 12345678',
      name: 'End Marker',
      fields: { teid: '0x12345678' },
      sessions: [tunnel('0x12345678')],
    },
    {
      title: 'End Marker of a QoS flow',
      hex: '34fe0008 12345678 0000 00 85 01 00 09 00',
      name: 'End Marker',
      fields: { qfi: 9 },
      sessions: [tunnel('0x12345678')],
    },
    {
      title: 'a message of a type that does not exist',
      hex: '30640002 00000005 cafe',
      name: 'Message 100',
      fields: { payloadBytes: 2 },
      sessions: [tunnel('0x00000005')],
    },
  ],
  hostile: [
    {
      title: 'extension headers without an end are refused',
      bytes: () => {
        const bytes = new Uint8Array(65_535).fill(0x85)
        bytes.set(bytesOf('34fffff7 00000001 0000 00 85'))
        for (let at = 12; at < bytes.length; at += 4) bytes[at] = 1
        return bytes
      },
      reason: 'too many extension headers',
    },
    {
      title: 'an extension header that has no length is refused',
      bytes: () => bytesOf('34ff0008 00000001 0000 00 85 00000000'),
      reason: 'length lies',
    },
    {
      title: 'elements as many as fit are read',
      bytes: () => {
        const bytes = new Uint8Array(65_536)
        bytes.set(bytesOf('321afff8 00000000 0001 0000'))
        for (let at = 12; at + 1 < bytes.length; at += 2) bytes[at] = 14
        return bytes
      },
      reason: null,
    },
  ],
})

const reason = (hex: string): string => {
  try {
    gtp.decode(bytesOf(hex))
  } catch (error) {
    if (error instanceof DecodeError) return error.reason
    throw error
  }
  return 'accepted'
}

test('gtp: refuses what is not GTP-U, and lengths that are not those of the message', (t) => {
  t.is(reason('48200008 00000000 00000100'), 'unknown version')
  t.is(reason('0f10004f 10010000 ffffffff'), 'unknown version')
  t.is(reason('20010000 00000000'), 'unknown protocol type')
  t.is(reason('30ff0005 12345678 45000004'), 'truncated')
  t.is(reason('30fe0000 12345678 00'), 'bytes left over')
  t.is(reason('32010000 00000000'), 'length lies')
  t.is(reason('34ff0008 00000001 0000 00 85 02 10 01 00'), 'truncated')
  t.is(reason('30ff0004 12345678'), 'truncated')
  t.is(reason('321a0007 00000000 0001 0000 10 0000'), 'truncated')
  t.is(reason('321a0007 00000000 0001 0000 85 0004'), 'length lies')
})

test('gtp: fields whose flags are off, and the spare bit, come back as they were', (t) => {
  for (const hex of [
    '3cff000c00000001 aabbcc85 011001 00 45000014',
    '38fe000012345678',
    '31ff0004000000019999 07 85',
  ]) {
    const bytes = bytesOf(hex)
    t.deepEqual(Buffer.from(gtp.encode(gtp.decode(bytes))), Buffer.from(bytes))
  }
})

test('gtp: payload and extension headers are views of the packet', (t) => {
  const packet = bytesOf(uplink)
  const message: Gtpv1Message = gtp.decode(packet)
  t.is(payloadOf(message).buffer, packet.buffer)
  t.deepEqual(payloadOf(message), bytesOf('45000014'))
  t.deepEqual(extensionsOf(message), [{ type: 0x85, content: Uint8Array.of(0x10, 1) }])
  t.is(qosFlowOf(message), 1)
  t.is(qosFlowOf(gtp.decode(bytesOf('30ff0004 12345678 45000004'))), null)
  t.is(qosFlowOf(gtp.decode(bytesOf('34ff0008 00000002 000000c0 01123400'))), null)
})

test('gtp: only the tunnel that an Error Indication names is translated', (t) => {
  const names = { address: () => Uint8Array.of(192, 0, 2, 1), teid: () => 0xaabbccdd }
  const before = bytesOf('321a0010 00000000 0001 0000 10 00000001 85 0004 0a630001')
  const after = gtp.encode(gtp.translate!(gtp.decode(before), names))
  t.deepEqual(after, bytesOf('321a0010 00000000 0001 0000 10 aabbccdd 85 0004 c0000201'))
  const packet = gtp.decode(bytesOf(uplink))
  t.is(gtp.translate!(packet, names), packet)
})

test('gtp: an echo is answered by those who are well', (t) => {
  const probe = gtp.probe!
  t.deepEqual(gtp.encode(probe.request()), bytesOf('32010004 00000000 0000 0000'))
  t.true(probe.isAlive(gtp.decode(bytesOf('32020006 00000000 0000 0000 0e00'))))
  t.false(probe.isAlive(probe.request()))
})
