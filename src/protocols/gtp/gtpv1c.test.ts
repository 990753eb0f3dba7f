import test from 'ava'
import { bytesOf, protocolSuite } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { gtpv1c } from './index.ts'
import type { SessionKey } from '../protocol.ts'

const key = (kind: SessionKey['kind'], value: string): SessionKey => ({ kind, value })

/** Elements in the order of TS 29.060, table 5. */
const createRequest = `
  32100054 00000000 0001 00 00 | 02 21430521436587f9 | 03 21f354 1111 22 | 0e 05 | 0f f0 | 10 deadbeef | 11 cafe0001
  | 14 05 | 80 0002 f121 | 83 0009 08696e7465726e6574 | 85 0004 0a000001 | 85 0004 0a000002 | 86 0007 91214321436587
  | 87 0004 00112233`.replaceAll('|', '')

const createResponse = `
  32110030 cafe0001 0001 00 00 | 01 80 | 08 fe | 0e 00 | 10 00000011 | 11 00000012 | 7f 00000001
  | 80 0006 f121 0a0a0a0a | 85 0004 0a630001 | 85 0004 0a630002`.replaceAll('|', '')

protocolSuite(gtpv1c, {
  vectors: [
    {
      title: 'Create PDP Context Request',
      hex: createRequest,
      name: 'Create PDP Context Request',
      fields: {
        imsi: '123450123456789',
        routeingAreaIdentity: '123-45',
        recovery: 5,
        teidDataI: '0xdeadbeef',
        teidControlPlane: '0xcafe0001',
        accessPointName: 'internet',
        gsnAddress: ['10.0.0.1', '10.0.0.2'],
        msisdn: '123412345678',
      },
      sessions: [
        key('imsi', '123450123456789'),
        key('teid', '10.0.0.1/0xcafe0001'),
        key('teid', '10.0.0.2/0xdeadbeef'),
      ],
    },
    {
      title: 'Create PDP Context Response',
      hex: createResponse,
      name: 'Create PDP Context Response',
      fields: {
        cause: '128 Request accepted',
        chargingId: 1,
        endUserAddress: { organization: 1, type: 'IPv4', ipv4: '10.10.10.10' },
      },
      sessions: [
        key('teid', '0xcafe0001'),
        key('teid', '10.99.0.1/0x00000012'),
        key('teid', '10.99.0.2/0x00000011'),
        key('ue-ip', '10.10.10.10'),
      ],
    },
    {
      title: 'Delete PDP Context Response',
      hex: '32150006 cafe0001 0002 0000 0180',
      name: 'Delete PDP Context Response',
      fields: { cause: '128 Request accepted' },
      sessions: [key('teid', '0xcafe0001')],
    },
    {
      title: 'Echo Response',
      hex: '32020006 00000000 0001 0000 0e05',
      name: 'Echo Response',
      fields: { recovery: 5 },
      sessions: [],
    },
    {
      title: 'Version Not Supported',
      hex: '32030004 00000000 0001 0000',
      name: 'Version Not Supported',
      fields: { sequence: 1 },
      sessions: [],
    },
    {
      title: 'an element of unknown type and length, which has all that is left',
      hex: '32020009 00000000 0001 0000 0e05 4d 0102',
      name: 'Echo Response',
      fields: { recovery: 5, unknown: [{ type: 77, value: '0102' }] },
      sessions: [],
    },
    {
      title: 'Create PDP Context Response for both families',
      hex: `32110043 cafe0001 0001 0000 01 80 10 00000011 11 00000012
            80 0016 f18d 0a0a0a0a 20010db8000000000000000000000001
            85 0010 20010db8000000000000000000000009 85 0004 0a630002`,
      name: 'Create PDP Context Response',
      fields: { endUserAddress: { organization: 1, type: 'IPv4v6', ipv4: '10.10.10.10', ipv6: '2001:db8::1' } },
      sessions: [
        key('teid', '0xcafe0001'),
        key('teid', '2001:db8::9/0x00000012'),
        key('teid', '10.99.0.2/0x00000011'),
        key('ue-ip', '10.10.10.10'),
        key('ue-ip', '2001:db8::1'),
      ],
    },
  ],
  hostile: [
    {
      title: 'addresses as many as fit are read',
      bytes: () => {
        const count = 9000
        const bytes = new Uint8Array(12 + 5 + count * 7)
        bytes.set(bytesOf('32100000 00000000 0001 0000 11 00000001'))
        new DataView(bytes.buffer).setUint16(2, bytes.length - 8)
        for (let i = 0; i < count; i++) bytes.set([0x85, 0, 4, 10, 0, i >> 8, i & 0xff], 17 + i * 7)
        return bytes
      },
      reason: null,
    },
  ],
})

test('gtpv1c: refuses the other versions and the charging protocol', (t) => {
  for (const [hex, reason] of [
    ['48200008 00000000 00000100', 'unknown version'],
    ['1e01000014000000ffffffff0000000000000000', 'unknown version'],
    ['2601000400000000', 'unknown protocol type'],
    ['32020007 00000000 0001 0000 85 0004', 'length lies'],
    ['32020005 00000000 0001 0000 0e', 'truncated'],
  ] as const)
    t.is(t.throws(() => gtpv1c.decode(bytesOf(hex)), { instanceOf: DecodeError })?.reason, reason)
})

const learned = (hex: string): readonly string[] =>
  gtpv1c.learn!(gtpv1c.decode(bytesOf(hex)), 'endpoint').map(({ action, key: { value } }) => `${action} ${value}`)

test('gtpv1c: a context lives at the GGSN that has accepted it, until it is deleted', (t) => {
  t.deepEqual(learned(createResponse), ['add 10.99.0.1/0x00000012', 'add 10.99.0.2/0x00000011', 'add 10.10.10.10'])
  t.deepEqual(gtpv1c.learn!(gtpv1c.decode(bytesOf(createResponse)), 'client'), [])
  t.deepEqual(learned(createResponse.replace('01 80', '01 c7')), [])
  t.deepEqual(learned(createRequest), [])
  t.deepEqual(learned('32150006 cafe0001 0002 0000 0180'), ['remove 0xcafe0001'])
  t.deepEqual(learned('32150006 cafe0001 0002 0000 01c0'), ['remove 0xcafe0001'])
  t.deepEqual(learned('32150006 cafe0001 0002 0000 01c7'), [])
})

test('gtpv1c: translation changes GSN addresses and their TEIDs and no other bytes', (t) => {
  const before = bytesOf(createResponse)
  const message = gtpv1c.translate!(gtpv1c.decode(before), {
    address: (address) => (address[1] === 0x63 ? Uint8Array.of(192, 0, 2, address[3]!) : address),
    teid: (address, teid) => teid + address[3]! * 0x100,
  })
  const expected = createResponse
    .replace('10 00000011', '10 00000211')
    .replace('11 00000012', '11 00000112')
    .replace('0a630001', 'c0000201')
    .replace('0a630002', 'c0000202')
  t.deepEqual(Buffer.from(gtpv1c.encode(message)), Buffer.from(bytesOf(expected)))
  const same = gtpv1c.decode(before)
  t.is(gtpv1c.translate!(same, { address: (bytes) => bytes }), same)
})

test('gtpv1c: an echo is answered by those who are well', (t) => {
  const probe = gtpv1c.probe!
  t.deepEqual(gtpv1c.encode(probe.request()), bytesOf('32010004 00000000 0000 0000'))
  t.true(probe.isAlive(gtpv1c.decode(bytesOf('32020006 00000000 0000 0000 0e00'))))
})
