import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { elementSuite } from '../../testing/aper-suite.ts'
import { bytesOf, hexOf, protocolSuite } from '../../testing/protocol-suite.ts'
import type { Vector } from '../../testing/protocol-suite.ts'
import type { AddressMap, SessionKey, SessionKind } from '../protocol.ts'
import { elements, find, mapAmfUeNgapIds, ngap, ngapUeKeys, pduSessions, replace } from './index.ts'
import { definitions } from './elements.ts'
import type { NgapMessage } from './index.ts'

const key = (kind: SessionKind, value: string): SessionKey => ({ kind, value })
const ue = (amf: string, ran: string): readonly SessionKey[] => [
  key('amf-ue', `0x${amf.padStart(10, '0')}`),
  key('ran-ue', `0x${ran.padStart(8, '0')}`),
]

/** Sent by AMFs and gNBs, or written bit by bit after TS 38.413, 9.2 and 9.3; tshark reads them the same way. */
const vectors: readonly Vector[] = [
  {
    title: 'NG SETUP REQUEST',
    hex: `00150031 000004 001b00090000f1105000000001 005240070200676e622d31
          0066000d00000000010000f11000000008 0015400140`,
    name: 'NGSetupRequest',
    fields: {
      ranNodeName: 'gnb-1',
      globalRanNodeId: { gnb: { plmn: '001-01', id: { gnbId: '00000001/32' } } },
      defaultPagingDrx: 'v128',
      elements: ['GlobalRANNodeID', 'RANNodeName', 'SupportedTAList', 'DefaultPagingDRX'],
    },
    sessions: [],
  },
  {
    title: 'NG SETUP RESPONSE',
    hex: `20150033 000004 000100080280616d662d6c62 0060000f010000f1100200400000f110020041 00564001ff
          005000080000f11000000008`,
    name: 'NGSetupResponse',
    fields: {
      amfName: 'amf-lb',
      servedGuamiList: [
        { guami: { plmn: '001-01', region: 2, set: 1, pointer: 0 } },
        { guami: { plmn: '001-01', region: 2, set: 1, pointer: 1 } },
      ],
      relativeAmfCapacity: 255,
    },
    sessions: [key('guami', '0x00f110020040'), key('guami', '0x00f110020041')],
  },
  {
    title: 'NG SETUP FAILURE',
    hex: '4015000d 000002 000f400188 006b400130',
    name: 'NGSetupFailure',
    fields: { cause: { misc: 'unknown-PLMN-or-SNPN' }, timeToWait: 'v10s' },
    sessions: [],
  },
  {
    title: 'INITIAL UE MESSAGE',
    hex: `000f4047 000006 005500020001 00260012117e004179000bf200f110020040e1000001
          0079000f4000f110000000010000f110000001 005a400118 001a0007001040e1000001 0070400100`,
    name: 'InitialUEMessage',
    fields: {
      fiveGSTmsi: { set: 1, pointer: 1, tmsi: '0xe1000001' },
      rrcEstablishmentCause: 'mo-Signalling',
      userLocationInformation: {
        nr: { cell: { plmn: '001-01', cell: '0000000100/36' }, tai: { plmn: '001-01', tac: '0x000001' } },
      },
    },
    sessions: [key('ran-ue', '0x00000001'), key('s-tmsi', '0x0041e1000001')],
  },
  {
    title: 'DOWNLINK NAS TRANSPORT',
    hex: '00044018 000003 000a00020001 005500020001 00260005047e004417',
    name: 'DownlinkNASTransport',
    fields: { amfUeNgapId: 1, ranUeNgapId: 1, nasPdu: '7e004417', criticality: 'ignore' },
    sessions: ue('1', '1'),
  },
  {
    title: 'UPLINK NAS TRANSPORT with the longest numbers',
    hex: `002e4031 000004 000a0006808000000001 00550005c012345678 00260004037e0057
          0079400f4000f110000000010000f110000001`,
    name: 'UplinkNASTransport',
    fields: { amfUeNgapId: 0x80_0000_0001, ranUeNgapId: 0x12345678 },
    sessions: ue('8000000001', '12345678'),
  },
  {
    title: 'UE CONTEXT RELEASE COMMAND with two numbers',
    hex: '00290012 000002 0072000602010240012c 000f400140',
    name: 'UEContextReleaseCommand',
    fields: { ueNgapIds: { pair: { amfUeNgapId: 0x102, ranUeNgapId: 300 } }, cause: { nas: 'normal-release' } },
    sessions: ue('102', '12c'),
  },
  {
    title: 'UE CONTEXT RELEASE COMMAND with one number',
    hex: '0029000f 000002 00720003480102 000f400140',
    name: 'UEContextReleaseCommand',
    fields: { ueNgapIds: { amfUeNgapId: 0x102 } },
    sessions: [key('amf-ue', '0x0000000102')],
  },
  {
    title: 'NG RESET of two connections',
    hex: '00140016 000002 000f400186 0058000a40026001000128010000',
    name: 'NGReset',
    fields: {
      cause: { misc: 'om-intervention' },
      resetType: { part: [{ amfUeNgapId: 1, ranUeNgapId: 1 }, { ranUeNgapId: 0x10000 }] },
    },
    sessions: [...ue('1', '1'), key('ran-ue', '0x00010000')],
  },
  {
    title: 'NG RESET of all',
    hex: '0014000d 000002 000f400186 0058000100',
    name: 'NGReset',
    fields: { resetType: { all: 'reset-all' } },
    sessions: [],
  },
  {
    title: 'PAGING',
    hex: '00184019 000002 00734007000820e1000001 006740070000f110000001',
    name: 'Paging',
    fields: { taiListForPaging: [{ tai: { plmn: '001-01', tac: '0x000001' } }] },
    sessions: [key('s-tmsi', '0x0041e1000001')],
  },
  {
    title: 'PATH SWITCH REQUEST',
    hex: `00190043 000005 005500020007 006400020001 0079400f4000f110000000010000f110000001
          007740091c000e000000000000 004c00100000010c001f0a0000c8000000010002`,
    name: 'PathSwitchRequest',
    fields: { sourceAmfUeNgapId: 1 },
    sessions: [key('ran-ue', '0x00000007'), key('amf-ue', '0x0000000001'), key('teid', '10.0.0.200/0x00000001')],
  },
  {
    title: 'OVERLOAD START',
    hex: '0016400d 000002 0002000110 0009400162',
    name: 'OverloadStart',
    fields: {
      amfOverloadResponse: { action: 'reject-rrc-cr-signalling' },
      amfTrafficLoadReductionIndication: 50,
    },
    sessions: [],
  },
  { title: 'OVERLOAD STOP', hex: '00170003000000', name: 'OverloadStop', fields: { elements: [] }, sessions: [] },
  {
    title: 'AMF STATUS INDICATION',
    hex: '00014016 000001 0078000f002000f1100200410200616d662d32',
    name: 'AMFStatusIndication',
    fields: { unavailableGuamiList: [{ backupAmfName: 'amf-2' }] },
    sessions: [key('guami', '0x00f110020041')],
  },
  {
    title: 'AMF CONFIGURATION UPDATE',
    hex: '00000015 000002 0056400164 000640090207c00a0000014040',
    name: 'AMFConfigurationUpdate',
    fields: { amfTnlAssociationToAddList: [{ transport: { address: '10.0.0.1' }, usage: 'both', weight: 64 }] },
    sessions: [],
  },
  {
    title: 'ERROR INDICATION',
    hex: '00094015 000003 000a40020001 005540020001 000f40020380',
    name: 'ErrorIndication',
    fields: { cause: { radioNetwork: 'unknown-local-UE-NGAP-ID' } },
    sessions: ue('1', '1'),
  },
  {
    title: 'PDU SESSION RESOURCE SETUP RESPONSE',
    hex: '201d0024 000003 000a40020001 005540020001 004b40110000010d0003e00a0000c8000000010001',
    name: 'PDUSessionResourceSetupResponse',
    fields: {
      pduSessionResourceSetupListSuRes: [
        {
          id: 1,
          transfer: {
            flows: { tunnel: { tunnel: { address: '10.0.0.200', teid: '0x00000001' } }, flows: [{ qosFlow: 1 }] },
          },
        },
      ],
    },
    sessions: [...ue('1', '1'), key('teid', '10.0.0.200/0x00000001')],
  },
  {
    title: 'PDU SESSION RESOURCE SETUP REQUEST',
    hex: `001d0048 000003 000a00020001 005500020001 004a0035 0000010020 2f 000004
          0082000a0c05f5e1003005f5e100 008b000a01f0ac1b046440092135 0086000100 0088000700010000091c00`,
    name: 'PDUSessionResourceSetupRequest',
    fields: {
      pduSessionResourceSetupListSuReq: [
        {
          id: 1,
          sNssai: { sst: '0x01' },
          transfer: {
            ulNguUpTnlInformation: { tunnel: { address: '172.27.4.100', teid: '0x40092135' } },
            qosFlowSetupRequestList: [
              { qosFlow: 1, qos: { characteristics: { nonDynamic: { fiveQi: 9 } }, retention: { priorityLevel: 8 } } },
            ],
          },
        },
      ],
    },
    sessions: [...ue('1', '1'), key('teid', '172.27.4.100/0x40092135')],
  },
  {
    title: 'AMF CONFIGURATION UPDATE ACKNOWLEDGE',
    hex: `20000031000003 00050017004f800a00000920010db8000000000000000000000009
          00040008000f800a00000140 00130003500040`,
    name: 'AMFConfigurationUpdateAcknowledge',
    fields: {
      amfTnlAssociationSetupList: [{ transport: { address: '10.0.0.9 2001:db8::9' } }],
      amfTnlAssociationFailedToSetupList: [{ transport: { address: '10.0.0.1' }, cause: { nas: 'normal-release' } }],
      criticalityDiagnostics: { procedure: 0, procedureCriticality: 'ignore' },
    },
    sessions: [],
  },
  {
    title: 'OVERLOAD START for slices',
    hex: '0016001400000100 31000d00006000011008010203001062',
    name: 'OverloadStart',
    fields: {
      overloadStartNssaiList: [
        {
          slices: [{ sNssai: { sst: '0x01', sd: '0x010203' } }, { sNssai: { sst: '0x02' } }],
          response: { action: 'reject-non-emergency-mo-dt' },
          loadReduction: 99,
        },
      ],
    },
    sessions: [],
  },
  {
    title: 'UE CONTEXT MODIFICATION REQUEST of another AMF',
    hex: '00280021000004 000a00020001 005500020001 0028000320010200 a200070000f110020043',
    name: 'UEContextModificationRequest',
    fields: { newAmfUeNgapId: 258, newGuami: { plmn: '001-01', region: 2, set: 1, pointer: 3 } },
    sessions: [...ue('1', '1'), key('amf-ue', '0x0000000102'), key('guami', '0x00f110020043')],
  },
  {
    title: 'INITIAL UE MESSAGE by an N3IWF',
    hex: `000f002a000005 005500020001 0079000880f80a00000101f4 005a00018100 ae000300f110
          00300005 01006f6c64`,
    name: 'InitialUEMessage',
    fields: {
      userLocationInformation: { n3iwf: { address: '10.0.0.1', port: 500 } },
      rrcEstablishmentCause: 'mo-ExceptionData',
      selectedPlmnIdentity: '001-01',
      oldAmf: 'old',
    },
    sessions: [key('ran-ue', '0x00000001')],
  },
  {
    title: 'a procedure and an element of a later release, kept',
    hex: '20ff8008 000001 ffff4001aa',
    name: 'procedure 255 successful',
    fields: { elements: ['element 65535'], criticality: 'notify' },
    sessions: [],
  },
  {
    title: 'PRIVATE MESSAGE, whose elements have names of their own',
    hex: '001f4009 000000 0001000001aa',
    name: 'PrivateMessage',
    fields: { elements: [], unread: 9 },
    sessions: [],
  },
  {
    title: 'a message with additions behind its elements',
    hex: '00044014 800002 000a00020001 005500020001 01020304 05'.replaceAll(' ', ''),
    name: 'DownlinkNASTransport',
    fields: { unread: 5 },
    sessions: ue('1', '1'),
  },
  {
    title: 'a message, and what was in the buffer behind it',
    hex: '0004400f 000002 000a00020001 005500020001 deadbeef',
    name: 'DownlinkNASTransport',
    fields: { trailing: 4 },
    sessions: ue('1', '1'),
  },
]

/** So many elements of the shortest kind, which are all there is. */
const manyElements = (count: number): Uint8Array => {
  const length = 3 + count * 4
  const fragments = Math.floor(length / 16_384)
  const value = Buffer.alloc(length)
  value.writeUInt16BE(count, 1)
  for (let at = 3; at < length; at += 4) value.writeUInt16BE(0x7000, at)
  const tail = value.subarray(fragments * 16_384)
  return Buffer.concat([
    Buffer.from([0, 4, 0x40, 0xc0 | fragments]),
    value.subarray(0, fragments * 16_384),
    Buffer.from([0x80 | (tail.length >> 8), tail.length & 0xff]),
    tail,
  ])
}

/** A reset of so many connections, by the AMF's number alone: they take three bytes each. */
const reset = (count: number): NgapMessage =>
  replace(message('00140016 000002 000f400186 0058000a40026001000128010000'), elements.resetType, {
    kind: 'part',
    value: Array.from({ length: count }, (_, id) => ({ amfUeNgapId: id & 0xff })),
  })

function message(hex: string): NgapMessage {
  return ngap.decode(bytesOf(hex))
}

protocolSuite(ngap, {
  vectors,
  hostile: [
    { title: 'a message of 12,000 elements is read', bytes: () => manyElements(12_000), reason: null },
    {
      title: 'a count of elements that are not there costs nothing',
      bytes: () => bytesOf('00044003 00ffff'),
      reason: 'truncated',
    },
    { title: 'a reset of 65,536 connections is read', bytes: () => ngap.encode(reset(65_536)), reason: null },
    {
      title: 'a list of items that are not there is refused',
      bytes: () => bytesOf(`0014400d 000001 00580006 40 c4 000000 00`),
      reason: 'truncated',
    },
    {
      title: 'a length of fragments without an end is refused',
      bytes: () => bytesOf('000440c4 00'),
      reason: 'truncated',
    },
    {
      title: 'fragments that are shorter than they could be are refused',
      bytes: () => Buffer.concat([bytesOf('000440c1'), Buffer.alloc(16_384), bytesOf('c1'), Buffer.alloc(16_385)]),
      reason: 'length is not in its shortest form',
    },
  ],
})

const reasonOf = (hex: string): string => {
  try {
    ngap.decode(bytesOf(hex))
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
  return 'no reason'
}

test('ngap: what could not be written as it came is refused by name, with the element and the byte', (t) => {
  t.is(reasonOf('00044080 03 000000'), 'length is not in its shortest form at byte 3')
  t.is(reasonOf('60044003 000000'), 'unknown message kind at byte 0')
  t.is(reasonOf('0004c003 000000'), 'unknown criticality at byte 2')
  t.is(reasonOf('00044103 000000'), 'padding is not zero at byte 2')
  t.is(reasonOf('00044004 000000 00'), 'bytes left over at byte 7')
  t.is(reasonOf('00044008 000001 00260005 00'), 'NAS-PDU: truncated at byte 12')
  t.is(reasonOf('0004400a 000001 000a 00 03 200001'), 'AMF-UE-NGAP-ID: number is not in its shortest form at byte 12')
  t.is(reasonOf('00044009 000001 000a 00 02 a001'), 'AMF-UE-NGAP-ID: value out of range at byte 11')
  t.is(reasonOf('00044009 000001 000a 00 02 0101'), 'AMF-UE-NGAP-ID: padding is not zero at byte 11')
  t.is(reasonOf('0004400a 000001 0055 00 03 000101'), 'RAN-UE-NGAP-ID: bytes left over at byte 13')
})

test('ngap: an error inside of a message in fragments names the byte where it came', (t) => {
  const nas = { id: 38, criticality: 'reject', value: new Uint8Array(70_000) } as const
  const ran = { id: 85, criticality: 'reject', value: bytesOf('0001') } as const
  const bytes = ngap.encode({ ...message('00170003000000'), elements: [nas, ran] })
  const at = bytes.length - 2
  t.is(hexOf(bytes.subarray(at)), '0001')
  const cut = bytes.slice()
  cut[at - 1] = 9
  const error = t.throws(() => ngap.decode(cut), { instanceOf: DecodeError })
  t.is(error?.reason, 'truncated')
  t.is(error?.offset, bytes.length)
  const lies = bytes.slice()
  lies[at - 2] = 1
  t.is(t.throws(() => ngap.decode(lies), { instanceOf: DecodeError })?.offset, at - 2)
})

/** Where an AMF-UE-NGAP-ID may stand, each with the number 1. */
const placesOfAmfId: readonly (readonly [string, string])[] = [
  ['AMF-UE-NGAP-ID', '00044018 000003 000a00020001 005500020001 00260005047e004417'],
  ['NewAMF-UE-NGAP-ID', '0028000f 000002 005500020001 002800020001'],
  ['SourceAMF-UE-NGAP-ID', '0019000f 000002 005500020007 006400020001'],
  ['UE-NGAP-IDs', '00290010 000002 0072000400010001 000f400140'],
  ['UE-NGAP-IDs, alone', '0029000e 000002 007200024001 000f400140'],
  ['ResetType', '00140012 000002 000f400186 00580006 4001 6001 0001'],
  ['UE-associatedLogicalNG-connectionList', '2014000c 000001 006f0005 01 6001 0001'],
]

test('ngap: an AMF-UE-NGAP-ID is replaced wherever it stands, with all lengths, and put back as it was', (t) => {
  for (const [name, hex] of placesOfAmfId) {
    const before = message(hex)
    t.deepEqual(
      mapAmfUeNgapIds(before, (id) => id),
      before,
      name,
    )
    for (const id of [0, 2, 0xff, 0x100, 0xffff, 0x01_0000, 0xff_ffff, 0xffff_ffff, 0x80_0000_0001, 0xff_ffff_ffff]) {
      const after = ngap.decode(ngap.encode(mapAmfUeNgapIds(before, () => id)))
      const found = ngap.sessions(after).filter(({ kind }) => kind === 'amf-ue')
      t.deepEqual(found, [key('amf-ue', `0x${id.toString(16).padStart(10, '0')}`)], name)
      t.is(hexOf(ngap.encode(mapAmfUeNgapIds(after, () => 1))), hex.replaceAll(' ', ''), name)
    }
  }
  t.throws(() => mapAmfUeNgapIds(message(placesOfAmfId[0]![1]), () => 2 ** 40), { instanceOf: RangeError })
})

test('ngap: a replaced number changes its own bytes, its length and those around it, and nothing else', (t) => {
  const before = message('00044018 000003 000a00020001 005500020001 00260005047e004417')
  const after = ngap.encode(mapAmfUeNgapIds(before, () => 0x80_0000_0001))
  t.is(hexOf(after), '0004401c000003000a000680800000000100550002000100260005047e004417')
})

test('ngap: lengths keep their shortest form where a replaced number takes them over a limit', (t) => {
  // The value is 3 bytes, 6 for each number, and the NAS PDU with its header and length.
  for (const limit of [128, 16_384, 65_536]) {
    for (let over = -6; over <= 6; over++) {
      const nas = Buffer.alloc(limit - 15 - 5 + over, 0x5a)
      const before: NgapMessage = {
        ...message('00044018 000003 000a00020001 005500020001 00260005047e004417'),
        elements: [
          { id: 10, criticality: 'reject', value: bytesOf('0001') },
          { id: 85, criticality: 'reject', value: bytesOf('0001') },
          { id: 38, criticality: 'reject', value: nas },
        ],
      }
      const longer = ngap.decode(ngap.encode(mapAmfUeNgapIds(before, () => 0x80_0000_0001)))
      t.is(ngap.sessions(longer)[0]?.value, '0x8000000001')
      t.deepEqual(Buffer.from(longer.elements[2]!.value), nas)
      t.deepEqual(ngap.encode(mapAmfUeNgapIds(longer, () => 1)), ngap.encode(before))
    }
  }
})

test('ngap: bytes of the lengths around a limit are those of X.691', (t) => {
  const withNas = (size: number): string => {
    const nas = { id: 38, criticality: 'reject', value: new Uint8Array(size) } as const
    return hexOf(ngap.encode({ ...message('00170003000000'), elements: [nas] }))
  }
  t.true(withNas(120).startsWith('0017007f00000100260078'))
  t.true(withNas(121).startsWith('001700808000000100260079'))
  t.true(withNas(127).startsWith('00170080860000010026007f'))
  t.true(withNas(128).startsWith('00170080880000010026008080'))
  t.true(withNas(16_375).startsWith('001700bfff000001002600bff7'))
  const first = withNas(16_376)
  t.true(first.startsWith('001700c1000001002600bff8'))
  t.is(first.length / 2, 3 + 1 + 16_384 + 1)
  t.true(first.endsWith('00'))
})

test('ngap: the short way to the numbers of UEs finds what the long one does', (t) => {
  for (const { hex, title } of vectors) {
    const bytes = bytesOf(hex)
    const { elements: list, kind, procedure } = ngap.decode(bytes)
    if (procedure === 31) {
      t.is(ngapUeKeys(bytes), null, title)
      continue
    }
    const core = find(list, elements.amfUeNgapId) ?? find(list, elements.sourceAmfUeNgapId)
    const ran = find(list, elements.ranUeNgapId)
    t.deepEqual(ngapUeKeys(bytes), { kind, procedure, core: core ?? null, ran: ran ?? null }, title)
  }
})

test('ngap: the short way reads what may be anything, and says no more than that it cannot', (t) => {
  const mutated = fc
    .tuple(fc.constantFrom(...vectors.map(({ hex }) => bytesOf(hex))), fc.nat(), fc.nat(255), fc.nat())
    .map(([bytes, at, byte, length]) => bytes.with(at % bytes.length, byte).subarray(0, length % (bytes.length + 1)))
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      try {
        ngapUeKeys(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
  )
  t.pass()
})

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

test('ngap: an element that cannot be read is kept, and said to be so', (t) => {
  const { fields } = ngap.describe(message('0015000c 000001 00010005 0280616d66'))
  t.deepEqual(fields['unreadable'], ['AMFName: truncated at byte 5'])
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

test('ngap: elements are found by their definitions, and replaced', (t) => {
  const response = message(vectors[1]!.hex)
  t.is(find(response.elements, elements.amfName), 'amf-lb')
  t.is(find(response.elements, elements.cause), undefined)
  const other = replace(response, elements.servedGuamis, [
    { guami: { plmn: 0x00f110, region: 2, set: 1, pointer: 9 }, backupAmfName: 'b' },
  ])
  t.is(hexOf(other.elements[1]!.value), '004000f110020049000062')
  t.deepEqual(find(ngap.decode(ngap.encode(other)).elements, elements.servedGuamis), [
    { guami: { plmn: 0x00f110, region: 2, set: 1, pointer: 9 }, backupAmfName: 'b' },
  ])
})

elementSuite({ protocol: ngap, definitions, vectors })
