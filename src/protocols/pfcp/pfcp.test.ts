import test from 'ava'
import fc from 'fast-check'
import { bytesOf, protocolSuite, refusalOf } from '../../testing/protocol-suite.ts'
import type { DecodeError } from '../../wire/decode-error.ts'
import {
  pfcp,
  readElements,
  splitPfcp,
  typedFSeid,
  typedFTeid,
  typedNodeId,
  typedNumber,
  typedUeIpAddress,
  writeElements,
} from './index.ts'
import type { AddressMap, SessionKey } from '../protocol.ts'
import type { PfcpElement, PfcpMessage } from './index.ts'

const key = (kind: SessionKey['kind'], value: string): SessionKey => ({ kind, value })

const establishmentRequest = `
  213200c1 0000000000000000 000003 00 | 003c0005 00 7f000003 | 0039000d 02 0000000000000026 7f000003
  | 0001002e 00380002 0001 | 0002001c 00140001 01 | 00150001 07 | 00160009 08696e7465726e6574 | 00a00001 01
  | 006c0004 00000001
  | 0001002e 00380002 0002 | 0002001c 00140001 00 | 00150001 07 | 00160009 08696e7465726e6574 | 00a00001 00
  | 006c0004 00000002
  | 00030013 006c0004 00000001 | 002c0002 0c00 | 00580001 01 | 00030013 006c0004 00000002 | 002c0002 0c00
  | 00580001 01 | 00550005 00580001 01`.replaceAll('|', '')

const establishmentResponse = `
  21330059 0000000000000026 000003 00 | 003c0005 00 7f000006 | 00130001 01 | 0039000d 02 000000000000035b 7f000006
  | 00080013 00380002 0001 | 00150009 01 00008677 7f000006
  | 00080013 00380002 0002 | 00150009 01 000066ec 7f000006`.replaceAll('|', '')

/** Forwards downlink packets into the tunnel of a gNB, over IPv6, with message priority 3. */
const modificationRequest = `
  23340053 000000000000035b 000004 30 | 000a003a 006c0004 00000002 | 002c0001 02
  | 000b0029 002a0001 00 | 0054001a 0200 00000001 20010db8000000000000000000000007 cafe0001 | 00160002 6e33
  | 005d0005 02 0a2d0001`.replaceAll('|', '')

protocolSuite(pfcp, {
  vectors: [
    {
      title: 'Association Setup Request of an SMF',
      hex: '2005001a 000001 00 003c0005 00 7f000003 00600004 eeab8a77 00590001 00',
      name: 'Association Setup Request',
      fields: { sequence: 1, nodeId: '127.0.0.3', recoveryTimeStamp: '2026-11-21T03:11:51Z', cpFunctionFeatures: [] },
      sessions: [],
    },
    {
      title: 'Association Setup Response of a UPF',
      hex: '20060020 000001 00 003c0005 00 7f000006 00130001 01 00600004 eeab8a76 002b0002 1001',
      name: 'Association Setup Response',
      fields: { cause: '1 Request accepted', upFunctionFeatures: ['FTUP', 'EMPU'] },
      sessions: [],
    },
    {
      title: 'Heartbeat Request',
      hex: '2001000c 000001 00 00600004 eeab8a76',
      name: 'Heartbeat Request',
      fields: { sequence: 1 },
      sessions: [],
    },
    {
      title: 'Session Establishment Request that lets the UPF choose',
      hex: establishmentRequest,
      name: 'Session Establishment Request',
      fields: {
        seid: '0x0000000000000000',
        fSeid: { seid: '0x0000000000000026', ipv4: '127.0.0.3' },
        createFar: [
          { farId: 1, applyAction: ['BUFF', 'NOCP'], barId: 1 },
          { farId: 2, applyAction: ['BUFF', 'NOCP'], barId: 1 },
        ],
      },
      sessions: [key('seid', '127.0.0.3/0x0000000000000026')],
    },
    {
      title: 'Session Establishment Response',
      hex: establishmentResponse,
      name: 'Session Establishment Response',
      fields: {
        seid: '0x0000000000000026',
        createdPdr: [
          { pdrId: 1, fTeid: { teid: '0x00008677', ipv4: '127.0.0.6' } },
          { pdrId: 2, fTeid: { teid: '0x000066ec', ipv4: '127.0.0.6' } },
        ],
      },
      sessions: [
        key('seid', '0x0000000000000026'),
        key('seid', '127.0.0.6/0x000000000000035b'),
        key('teid', '127.0.0.6/0x00008677'),
        key('teid', '127.0.0.6/0x000066ec'),
      ],
    },
    {
      title: 'Session Modification Request with a priority, and an outer header with bytes of a later release',
      hex: modificationRequest,
      name: 'Session Modification Request',
      fields: {
        priority: 3,
        updateFar: [
          {
            farId: 2,
            applyAction: ['FORW'],
            updateForwardingParameters: {
              destinationInterface: '0 Access',
              outerHeaderCreation: { headers: ['GTP-U/UDP/IPv6'], teid: '0x00000001', ipv6: '2001:db8::7' },
              networkInstance: ['n3'],
            },
          },
        ],
        ueIpAddress: [{ ipv4: '10.45.0.1', direction: 'source' }],
      },
      sessions: [key('seid', '0x000000000000035b'), key('teid', '2001:db8::7/0x00000001'), key('ue-ip', '10.45.0.1')],
    },
    {
      title: 'Session Deletion Request, which has no elements',
      hex: '2136000c 000000000000035b 000005 00',
      name: 'Session Deletion Request',
      fields: { seid: '0x000000000000035b' },
      sessions: [key('seid', '0x000000000000035b')],
    },
    {
      title: 'Session Report Request with an error indication',
      hex: `21380028 0000000000000026 000006 00 00270001 04 0063000d 00150009 01 000000aa 0a000009
            8001 0002 1234`,
      name: 'Session Report Request',
      fields: {
        reportType: ['ERIR'],
        errorIndicationReport: [{ fTeid: { teid: '0x000000aa', ipv4: '10.0.0.9' } }],
        unknown: [{ type: 0x8001, value: '1234' }],
      },
      sessions: [key('seid', '0x0000000000000026'), key('teid', '10.0.0.9/0x000000aa')],
    },
    {
      title: 'Association Setup Response of before release 16.3, with a name for a node',
      hex: `2006002a 000007 00 003c0009 02 03757066 03656467 00130001 01
            00740010 65 40 0a000102 08696e7465726e6574 00`,
      name: 'Association Setup Response',
      fields: {
        nodeId: 'upf.edg',
        userPlaneIpResourceInformation: [
          { teidRange: '64/1', ipv4: '10.0.1.2', networkInstance: 'internet', sourceInterface: 0 },
        ],
      },
      sessions: [],
    },
  ],
  hostile: [
    {
      title: 'elements without a value, as many as fit, are read',
      bytes: () => message(new Uint8Array(65_520).fill(0)),
      reason: null,
    },
    {
      title: 'thousands of tunnels are told apart in time',
      bytes: () =>
        message(
          writeElements(
            Array.from({ length: 5000 }, (_, teid) => ({
              type: 21,
              value: typedFTeid.write({ kind: 'given', teid, ipv4: Uint8Array.of(10, 0, 0, 1), ipv6: null }),
            })).slice(0, 5000),
          ),
        ),
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
  const header = bytesOf('20010000 000001 00')
  new DataView(header.buffer).setUint16(2, body.length + 4)
  return Uint8Array.from([...header, ...body])
}

/** So many groups, each within the other. */
function nested(depth: number): Uint8Array {
  const body = new Uint8Array(depth * 4)
  const view = new DataView(body.buffer)
  for (let i = 0; i < depth; i++) {
    view.setUint16(i * 4, 1)
    view.setUint16(i * 4 + 2, (depth - 1 - i) * 4)
  }
  return body
}

const refusal = (hex: string): DecodeError => refusalOf(pfcp, hex)

test('pfcp: a refusal names the elements around the byte where reading ended', (t) => {
  const lying = establishmentResponse.replace('00150009 01 000066ec', '00150009 03 000066ec')
  const { offset, path, reason } = refusal(lying)
  t.deepEqual({ offset, path, reason }, { offset: 93, path: ['Created PDR 2', 'F-TEID'], reason: 'truncated' })
  t.like(refusal('2001000c 000001 00 00600005 eeab8a76'), { reason: 'length lies', path: ['Recovery Time Stamp'] })
})

test('pfcp: refuses other versions, and lengths that are not those of the message', (t) => {
  t.is(refusal('4001000c 000001 00 00600004 eeab8a76').reason, 'unknown version')
  t.is(refusal('2001000d 000001 00 00600004 eeab8a76').reason, 'truncated')
  t.is(refusal('2001000b 000001 00 00600004 eeab8a76').reason, 'bytes left over')
  t.is(refusal('21360004 00000000').reason, 'length lies')
})

test('pfcp: spare bits come back as they were', (t) => {
  for (const hex of ['38010004000001ff', '3a01000400000137', '3b36000c000000000000035b0000053f']) {
    const bytes = bytesOf(hex)
    t.deepEqual(Buffer.from(pfcp.encode(pfcp.decode(bytes))), Buffer.from(bytes))
  }
})

test('pfcp: what has no room in the header is a RangeError', (t) => {
  const heartbeat: PfcpMessage = pfcp.probe!.request()
  t.throws(() => pfcp.encode({ ...heartbeat, sequence: 1 << 24 }), { instanceOf: RangeError })
  t.throws(() => pfcp.encode({ ...heartbeat, seid: 1n << 64n }), { instanceOf: RangeError })
  t.throws(() => pfcp.encode({ ...heartbeat, priority: 16 }), { instanceOf: RangeError })
  t.throws(() => pfcp.encode({ ...heartbeat, body: new Uint8Array(65_536) }), { instanceOf: RangeError })
})

test('pfcp: bundled messages are split where one says that another follows', (t) => {
  const first = bytesOf('2436000c 000000000000035b 000005 00'.replace('2436', '2536'))
  const second = bytesOf('2136000c 000000000000035c 000006 00')
  const both = Uint8Array.from([...first, ...second])
  t.deepEqual(splitPfcp(both), [first, second])
  t.true(pfcp.decode(first).followOn)
  t.false(pfcp.decode(second).followOn)
  t.deepEqual(splitPfcp(second), [second])
  t.throws(() => splitPfcp(first), { message: /^truncated/ })
  t.throws(() => splitPfcp(Uint8Array.from([...second, ...second])), { message: /^bytes left over/ })
  const endless = new Uint8Array(8 * 2000).map((_, i) => [0x24, 1, 0, 4, 0, 0, 0, 0][i % 8]!)
  t.throws(() => splitPfcp(endless), { message: /^too many messages/ })
})

test('pfcp: a session lives where its establishment was accepted', (t) => {
  const response = pfcp.decode(bytesOf(establishmentResponse))
  t.deepEqual(
    pfcp.learn!(response, 'endpoint').map(({ action, at, key: { value } }) => [action, value, at]),
    [
      ['add', '127.0.0.6/0x000000000000035b', null],
      ['add', '127.0.0.6/0x00008677', null],
      ['add', '127.0.0.6/0x000066ec', null],
    ],
  )
  t.deepEqual(pfcp.learn!(response, 'client'), [])
  t.deepEqual(pfcp.learn!(pfcp.decode(bytesOf(establishmentRequest)), 'endpoint'), [])
  const refused = establishmentResponse.replace('00130001 01', '00130001 4b')
  t.deepEqual(pfcp.learn!(pfcp.decode(bytesOf(refused)), 'endpoint'), [])
})

test('pfcp: a session is gone when it was deleted, and when its endpoint does not know it', (t) => {
  const learned = (hex: string): unknown => pfcp.learn!(pfcp.decode(bytesOf(hex)), 'endpoint')
  const gone = [{ action: 'remove', key: key('seid', '0x0000000000000026'), at: null }]
  t.deepEqual(learned('21370011 0000000000000026 000005 00 00130001 01'), gone)
  t.deepEqual(learned('21370011 0000000000000026 000005 00 00130001 41'), gone)
  t.deepEqual(learned('21350011 0000000000000026 000005 00 00130001 41'), gone)
  t.deepEqual(learned('21370011 0000000000000026 000005 00 00130001 48'), [])
  t.deepEqual(learned('21370011 0000000000000000 000005 00 00130001 41'), [])
})

test('pfcp: nothing lives at the unspecified address', (t) => {
  const hex =
    '2133002d 0000000000000001 000002 00 0039001d 03 0000000000000001 0ac8c865 00000000000000000000000000000000'
  t.deepEqual(pfcp.sessions(pfcp.decode(bytesOf(hex))), [
    key('seid', '0x0000000000000001'),
    key('seid', '10.200.200.101/0x0000000000000001'),
  ])
})

/** Runs of bytes that differ: offset, before, after. The length has not changed. */
function differences(before: Uint8Array, after: Uint8Array): readonly string[] {
  if (before.length !== after.length) throw new Error(`${before.length} bytes became ${after.length}`)
  const found: string[] = []
  for (let at = 0; at < before.length; at++) {
    const start = at
    while (at < before.length && before[at] !== after[at]) at++
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(start, at)).toString('hex')
    if (at > start) found.push(`${start} ${hex(before)} ${hex(after)}`)
  }
  return found
}

const identity: AddressMap = { address: (bytes) => bytes }

test('pfcp: translation changes the bytes of addresses and identifiers and no others', (t) => {
  const bytes = bytesOf(establishmentResponse)
  const names: AddressMap = {
    address: (address) => (address[3] === 6 ? Uint8Array.of(192, 168, 77, 1) : address),
    teid: (address, teid) => (address[3] === 6 && teid === 0x8677 ? 0x1000_8677 : teid),
    seid: (_, seid) => seid | (1n << 56n),
  }
  const after = pfcp.encode(pfcp.translate!(pfcp.decode(bytes), names))
  t.deepEqual(differences(bytes, after), [
    '21 7f000006 c0a84d01', // Node ID
    '35 00 01', // SEID of the F-SEID
    '43 7f000006 c0a84d01',
    '62 00 10', // TEID of the first F-TEID
    '66 7f000006 c0a84d01',
    '89 7f000006 c0a84d01',
  ])
  const request = bytesOf(modificationRequest)
  const six: AddressMap = { address: (address) => (address.length === 16 ? address.map((byte) => byte ^ 1) : address) }
  const changed = differences(request, pfcp.encode(pfcp.translate!(pfcp.decode(request), six)))
  t.deepEqual(changed, ['52 20010db8000000000000000000000007 21000cb9010101010101010101010106'])
})

test('pfcp: a message in which nothing is to be translated stays the same message', (t) => {
  for (const hex of [establishmentRequest, establishmentResponse, modificationRequest]) {
    const before = pfcp.decode(bytesOf(hex))
    t.is(pfcp.translate!(before, identity), before)
    t.is(pfcp.translate!(before, { ...identity, name: (text) => text, teid: (_, teid) => teid }), before)
  }
})

test('pfcp: addresses of UEs are not translated', (t) => {
  const before = pfcp.decode(bytesOf('21340015 000000000000035b 000004 00 005d0005 02 0a2d0001'))
  t.is(pfcp.translate!(before, { address: () => Uint8Array.of(9, 9, 9, 9) }), before)
})

test('pfcp: the name of a node may get another length', (t) => {
  const before = bytesOf('20090010 000001 00 003c0008 02 03757066 026c62')
  const after = pfcp.encode(pfcp.translate!(pfcp.decode(before), { ...identity, name: () => 'sluice.lb' }))
  t.deepEqual(Buffer.from(after), Buffer.from(bytesOf('20090013 000001 00 003c000b 02 06736c75696365 026c62')))
})

test('pfcp: addresses of another family have no place', (t) => {
  const before = pfcp.decode(bytesOf(establishmentResponse))
  t.throws(() => pfcp.translate!(before, { address: () => new Uint8Array(16) }), { instanceOf: RangeError })
})

test('pfcp: a heartbeat is answered by those who are well', (t) => {
  const probe = pfcp.probe!
  t.is(Buffer.from(pfcp.encode(probe.request())).toString('hex'), '2001000c0000000000600004e1b65f80')
  t.true(probe.isAlive(pfcp.decode(bytesOf('2002000c 000000 00 00600004 eeab8a76'))))
  t.false(probe.isAlive(probe.request()))
})

test('pfcp: a tree of elements is written as it was read', (t) => {
  const { body } = pfcp.decode(bytesOf(establishmentRequest))
  const elements = readElements(body)
  t.deepEqual(
    elements.map(({ type }) => type),
    [60, 57, 1, 1, 3, 3, 85],
  )
  t.deepEqual(Buffer.from(writeElements(elements)), Buffer.from(body))
  const [pdrId] = elements[2]!.value as readonly PfcpElement[]
  t.is(typedNumber(2).read(pdrId!.value as Uint8Array), 1)
})

const address = (length: number): fc.Arbitrary<Uint8Array | null> =>
  fc.option(fc.uint8Array({ minLength: length, maxLength: length }))
const addresses = { ipv4: address(4), ipv6: address(16) }

test('pfcp: typed values are read as they were written', (t) => {
  const teid = fc.integer({ min: 0, max: 0xffff_ffff })
  const given = fc.record({ kind: fc.constant('given' as const), teid, ...addresses })
  const chosen = fc.record({
    kind: fc.constant('choose' as const),
    ipv4: fc.boolean(),
    ipv6: fc.boolean(),
    chooseId: fc.option(fc.nat(255)),
  })
  const same = <T>(typed: { read(value: Uint8Array): T; write(value: T): Uint8Array }, value: T): boolean => {
    t.deepEqual(typed.read(typed.write(value)), value)
    return true
  }
  fc.assert(fc.property(fc.oneof(given, chosen), (value) => same(typedFTeid, value)))
  const seid = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  fc.assert(fc.property(fc.record({ seid, ...addresses }), (value) => same(typedFSeid, value)))
  fc.assert(
    fc.property(fc.record({ isDestination: fc.boolean(), ...addresses }), (value) => same(typedUeIpAddress, value)),
  )
  same(typedNodeId, { kind: 'name', name: 'upf-1.edge' })
  same(typedNodeId, { kind: 'address', address: Uint8Array.of(10, 0, 0, 1) })
})

test('pfcp: typed values are written as the specification has them', (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const ipv4 = Uint8Array.of(127, 0, 0, 6)
  t.is(hex(typedFTeid.write({ kind: 'given', teid: 0x8677, ipv4, ipv6: null })), '01000086777f000006')
  t.is(hex(typedFTeid.write({ kind: 'choose', ipv4: true, ipv6: true, chooseId: null })), '07')
  t.is(hex(typedFSeid.write({ seid: 0x35bn, ipv4, ipv6: null })), '02000000000000035b7f000006')
  t.is(hex(typedNodeId.write({ kind: 'address', address: ipv4 })), '007f000006')
  t.is(hex(typedNumber(4).write(0xeeab8a76)), 'eeab8a76')
  t.throws(() => typedNodeId.write({ kind: 'name', name: 'a..b' }), { instanceOf: RangeError })
  t.throws(() => typedNodeId.write({ kind: 'address', address: new Uint8Array(5) }), { instanceOf: RangeError })
})
