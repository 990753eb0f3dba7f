import test from 'ava'
import { bytesOf, protocolSuite, refusalOf } from '../../testing/protocol-suite.ts'
import type { DecodeError } from '../../wire/decode-error.ts'
import { gtpv2, splitGtpv2 } from './index.ts'
import type { SessionKey } from '../protocol.ts'
import type { Gtpv2Message } from './index.ts'

const key = (kind: SessionKey['kind'], value: string): SessionKey => ({ kind, value })

/** Of an MME over S11 (TS 29.274, table 7.2.1-1). */
const createRequest = `
  4820009f 00000000 000001 00 | 01000800 00010100000000f1 | 56000d00 1800f110000100f11000000001 | 53000300 00f110
  | 52000100 06 | 57000900 8a112233447f000002 | 57000901 87000000007f000004 | 47000900 08696e7465726e6574
  | 80000100 00 | 63000100 01 | 4f000500 0100000000 | 7f000100 00 | 48000800 000003e8000003e8
  | 5d001f00 49000100 05 | 50001600 7c09 0000000000 0000000000 0000000000 0000000000`.replaceAll('|', '')

/** Of an SGW over S11 (table 7.2.2-1), for IPv4 and IPv6; the PGW's ends of tunnels are not the SGW's. */
const createResponse = `
  48210070 11223344 000001 00 | 02000200 1000 | 57000900 8b000000a10a000001 | 57000901 87000000b10a000002
  | 4f001600 03 40 20010db8000000000000000000000000 0a2d0001
  | 5d002a00 49000100 05 | 02000200 1000 | 57000900 81000000a20a000001 | 57000902 85000000b20a000003 | 4d000100 00
  `.replaceAll('|', '')

/** An SGW's answer and, behind it, its request for another bearer. */
const piggybacking = `5821000e 11223344 000001 00 02000200 1000`
const piggybacked = `485f000d 11223344 000002 00 49000100 05`

protocolSuite(gtpv2, {
  vectors: [
    {
      title: 'Create Session Request',
      hex: createRequest,
      name: 'Create Session Request',
      fields: {
        imsi: '001010000000001',
        servingNetwork: '001-01',
        ratType: '6 EUTRAN',
        fTeid: { interface: '10 S11 MME GTP-C', teid: '0x11223344', ipv4: '127.0.0.2' },
        apn: 'internet',
        ambr: { uplinkKbps: 1000, downlinkKbps: 1000 },
      },
      sessions: [
        key('imsi', '001010000000001'),
        key('teid', '127.0.0.2/0x11223344'),
        key('teid', '127.0.0.4/0x00000000'),
      ],
    },
    {
      title: 'Create Session Response',
      hex: createResponse,
      name: 'Create Session Response',
      fields: {
        cause: '16 Request accepted',
        paa: { type: '3 IPv4v6', ipv4: '10.45.0.1', ipv6: '2001:db8::', prefixLength: 64 },
      },
      sessions: [
        key('teid', '0x11223344'),
        key('teid', '10.0.0.1/0x000000a1'),
        key('teid', '10.0.0.2/0x000000b1'),
        key('ue-ip', '10.45.0.1'),
        key('ue-ip', '2001:db8::'),
        key('teid', '10.0.0.1/0x000000a2'),
        key('teid', '10.0.0.3/0x000000b2'),
      ],
    },
    {
      title: 'Echo Request, which has no TEID',
      hex: '40010009 000007 00 03000100 05',
      name: 'Echo Request',
      fields: { sequence: 7, recovery: 5 },
      sessions: [],
    },
    {
      title: 'a refusal that names the element, with a priority',
      hex: '4c210012 11223344 000001 a0 02000600 4600 57 0000 01',
      name: 'Create Session Response',
      fields: { priority: 10, cause: '70 Mandatory IE missing: element 87 instance 1' },
      sessions: [key('teid', '0x11223344')],
    },
    {
      title: 'a message that piggybacks another',
      hex: piggybacking,
      name: 'Create Session Response',
      fields: { piggybacks: true },
      sessions: [key('teid', '0x11223344')],
    },
    {
      title: 'Delete PDN Connection Set Request',
      hex: '48650013 00000000 000001 00 84000700 01 01010101 0001',
      name: 'Delete PDN Connection Set Request',
      fields: { fqCsid: [{ ipv4: '1.1.1.1', csids: [1] }] },
      sessions: [],
    },
    {
      title: 'an element of a later release',
      hex: '48a5000e 11223344 000001 00 f0000201 beef',
      name: 'Resume Acknowledge',
      fields: { unknown: [{ type: 240, instance: 1, value: 'beef' }] },
      sessions: [key('teid', '0x11223344')],
    },
  ],
  hostile: [
    {
      title: 'elements without a value, as many as fit, are read',
      bytes: () => message(new Uint8Array(65_520).fill(3).map((byte, i) => (i % 4 === 0 ? byte : 0))),
      reason: null,
    },
    {
      title: 'thousands of tunnels are told apart in time',
      bytes: () => {
        const body = new Uint8Array(13 * 5000)
        for (let i = 0; i < 5000; i++) body.set([0x57, 0, 9, 0, 0x80, 0, 0, i >> 8, i & 0xff, 10, 0, 0, 1], i * 13)
        return message(body)
      },
      reason: null,
    },
    {
      title: 'groups as deep as they fit are refused',
      bytes: () => message(nested(16_000)),
      reason: 'nested too deep',
    },
    { title: 'groups as deep as allowed are read', bytes: () => message(nested(8)), reason: null },
  ],
})

function message(body: Uint8Array): Uint8Array {
  const header = bytesOf('40010000 000001 00')
  new DataView(header.buffer).setUint16(2, body.length + 4)
  return Uint8Array.from([...header, ...body])
}

/** So many bearer contexts, each within the other. */
function nested(depth: number): Uint8Array {
  const body = new Uint8Array(depth * 4)
  const view = new DataView(body.buffer)
  for (let i = 0; i < depth; i++) {
    view.setUint8(i * 4, 93)
    view.setUint16(i * 4 + 1, (depth - 1 - i) * 4)
  }
  return body
}

const refusal = (hex: string): DecodeError => refusalOf(gtpv2, hex)

test('gtpv2: a refusal names the elements around the byte where reading ended', (t) => {
  const { path, reason } = refusal(createResponse.replace('81000000a2', 'c1000000a2'))
  t.deepEqual({ path, reason }, { path: ['Bearer Context 1', 'F-TEID'], reason: 'truncated' })
  t.like(refusal('40010009 000007 00 03000200 05'), { reason: 'length lies', path: ['Recovery'] })
})

test('gtpv2: refuses other versions, and lengths that are not those of the message', (t) => {
  t.is(refusal('32010004 00000000 00010000').reason, 'unknown version')
  t.is(refusal('4001000a 000007 00 03000100 05').reason, 'truncated')
  t.is(refusal('40010008 000007 00 03000100 05').reason, 'bytes left over')
  t.is(refusal('48010004 000007 00').reason, 'length lies')
})

test('gtpv2: spare bits come back as they were', (t) => {
  for (const hex of ['43010004 000007 ff', '4f210008 11223344 000001 a5', '44010004 000007 93']) {
    const bytes = bytesOf(hex)
    t.deepEqual(Buffer.from(gtpv2.encode(gtpv2.decode(bytes))), Buffer.from(bytes))
  }
})

test('gtpv2: a piggybacked message is split off', (t) => {
  const [first, second] = [bytesOf(piggybacking), bytesOf(piggybacked)]
  t.deepEqual(splitGtpv2(Uint8Array.from([...first, ...second])), [first, second])
  t.deepEqual(splitGtpv2(second), [second])
  t.throws(() => splitGtpv2(first), { message: /^truncated/ })
  t.throws(() => splitGtpv2(Uint8Array.from([...second, ...second])), { message: /^bytes left over/ })
  t.throws(() => splitGtpv2(Uint8Array.from([...first, ...first, ...second])), { message: /^too many messages/ })
})

const learned = (hex: string): readonly string[] =>
  gtpv2.learn!(gtpv2.decode(bytesOf(hex)), 'endpoint').map(({ action, key: { value } }) => `${action} ${value}`)

test('gtpv2: of an accepted session an SGW has its own ends of tunnels, not those of the PGW', (t) => {
  t.deepEqual(learned(createResponse), ['add 10.0.0.1/0x000000a1', 'add 10.0.0.1/0x000000a2'])
  t.deepEqual(gtpv2.learn!(gtpv2.decode(bytesOf(createResponse)), 'client'), [])
  t.deepEqual(learned(createRequest), [])
  t.deepEqual(learned('48210012 11223344 000001 00 02000600 4600 57 0000 01'), [])
})

test('gtpv2: a PGW, which gives no F-TEID of instance 0, has its own', (t) => {
  const hex = `48210037 11223344 000001 00 02000200 1000 57000901 87000000b10a000002
    5d001800 02000200 1000 49000100 05 57000902 85000000b20a000003`
  t.deepEqual(learned(hex), ['add 10.0.0.2/0x000000b1', 'add 10.0.0.3/0x000000b2'])
})

test('gtpv2: a session is gone when it was deleted, and when its endpoint does not know it', (t) => {
  t.deepEqual(learned('4825000e 11223344 000001 00 02000200 1000'), ['remove 0x11223344'])
  t.deepEqual(learned('4825000e 11223344 000001 00 02000200 4000'), ['remove 0x11223344'])
  t.deepEqual(learned('4823000e 11223344 000001 00 02000200 4000'), ['remove 0x11223344'])
  t.deepEqual(learned('4825000e 11223344 000001 00 02000200 4800'), [])
  t.deepEqual(learned('4825000e 00000000 000001 00 02000200 4000'), [])
})

test('gtpv2: translation changes addresses and TEIDs of nodes and no other bytes', (t) => {
  const before = bytesOf(createResponse)
  const changed = gtpv2.translate!(gtpv2.decode(before), {
    address: (address) => (address[3] === 1 ? Uint8Array.of(192, 0, 2, 1) : address),
    teid: (address, teid) => (address[3] === 1 ? teid + 0x5500_0000 : teid),
  })
  const expected = createResponse
    .replace('8b000000a10a000001', '8b550000a1c0000201')
    .replace('81000000a20a000001', '81550000a2c0000201')
  t.deepEqual(Buffer.from(gtpv2.encode(changed)), Buffer.from(bytesOf(expected)))
  const same: Gtpv2Message = gtpv2.decode(before)
  t.is(gtpv2.translate!(same, { address: (bytes) => bytes }), same)
})

test('gtpv2: an echo is answered by those who are well', (t) => {
  const probe = gtpv2.probe!
  t.deepEqual(gtpv2.encode(probe.request()), bytesOf('40010009 000000 00 03000100 00'))
  t.true(probe.isAlive(gtpv2.decode(bytesOf('40020009 000000 00 03000100 05'))))
  t.false(probe.isAlive(probe.request()))
})

test('gtpv2: an IMSI without digits is no session key', (t) => {
  const hex = '4820000c 00000000 000001 00 01000000'
  t.deepEqual(gtpv2.sessions(gtpv2.decode(bytesOf(hex))), [])
})
