import test from 'ava'
import { elementSuite } from '../../testing/aper-suite.ts'
import { bytesOf, hexOf, protocolSuite } from '../../testing/protocol-suite.ts'
import type { Vector } from '../../testing/protocol-suite.ts'
import type { SessionKey, SessionKind } from '../protocol.ts'
import { eRabs, elements, find, mapMmeUeS1apIds, replace, s1ap, s1apUeKeys } from './index.ts'
import { definitions } from './elements.ts'
import type { S1apMessage } from './index.ts'

const key = (kind: SessionKind, value: string): SessionKey => ({ kind, value })
const message = (hex: string): S1apMessage => s1ap.decode(bytesOf(hex))
const both = [key('mme-ue', '0x00000102'), key('enb-ue', '0x00012c')]

/** Written bit by bit after TS 36.413, 9.1 and 9.3, and X.691; tshark reads them the same way. */
const vectors: readonly Vector[] = [
  {
    title: 'S1 SETUP REQUEST',
    hex: `00110029 000004 003b00080000f11000123450 003c40060180656e6231
          0040000700000040 00f110 0089400140`,
    name: 'S1SetupRequest',
    fields: {
      globalEnbId: { plmn: '001-01', id: { macro: '123450/20' } },
      eNBname: 'enb1',
      supportedTas: [{ tac: '0x0001', plmns: ['001-01'] }],
      defaultPagingDrx: 'v128',
    },
    sessions: [],
  },
  {
    title: 'S1 SETUP RESPONSE',
    hex: '20110021 000003 003d400601806d6d6531 0069000b000000f110000080010001 00574001ff',
    name: 'S1SetupResponse',
    fields: {
      mmEname: 'mme1',
      servedGummeis: [{ plmns: ['001-01'], groupIds: ['0x8001'], mmeCodes: ['0x01'] }],
      relativeMmeCapacity: 255,
    },
    sessions: [],
  },
  {
    title: 'INITIAL UE MESSAGE',
    hex: `000c4041 000007 000800020001 001a000403020741 004300060000f1100001 006440080000f11000000100
          0086400130 006000060040e1000001 004b40070000f110800101`,
    name: 'InitialUEMessage',
    fields: {
      nasPdu: '020741',
      rrcEstablishmentCause: 'mo-Signalling',
      sTmsi: { mmeCode: '0x01', tmsi: '0xe1000001' },
      gummeiId: { plmn: '001-01', groupId: '0x8001', mmeCode: '0x01' },
    },
    sessions: [key('enb-ue', '0x000001'), key('s-tmsi', '0x01e1000001'), key('guami', '0x00f110800101')],
  },
  {
    title: 'INITIAL CONTEXT SETUP REQUEST',
    hex: `00090028 000003 00000003400102 0008000340012c
          00180013000034000e050009200f800a00000100000007`,
    name: 'InitialContextSetupRequest',
    fields: {
      eRabToBeSetupListCtxtSuReq: [
        {
          eRabToBeSetupItemCtxtSuReq: {
            id: 5,
            qos: {
              qci: 9,
              retention: {
                priorityLevel: 8,
                capability: 'shall-not-trigger-pre-emption',
                vulnerability: 'not-pre-emptable',
              },
            },
            address: '10.0.0.1',
            teid: '0x00000007',
          },
        },
      ],
    },
    sessions: [...both, key('teid', '10.0.0.1/0x00000007')],
  },
  {
    title: 'INITIAL CONTEXT SETUP RESPONSE',
    hex: '20090024 000003 00004003400102 0008400340012c 0033400f000032400a0a1f0a0000c800000001',
    name: 'InitialContextSetupResponse',
    sessions: [...both, key('teid', '10.0.0.200/0x00000001')],
  },
  {
    title: 'HANDOVER REQUEST ACKNOWLEDGE',
    hex: `2001002f 000003 00004003400102 0008400340012c
          0012401a000014401560a1f00a0000c8000000010f800a0000c800000002`,
    name: 'HandoverRequestAcknowledge',
    sessions: [...both, key('teid', '10.0.0.200/0x00000001'), key('teid', '10.0.0.200/0x00000002')],
  },
  {
    title: 'UE CONTEXT RELEASE COMMAND',
    hex: '00170012 000002 0063000604010240012c 0002400120',
    name: 'UEContextReleaseCommand',
    fields: { cause: { nas: 'normal-release' } },
    sessions: both,
  },
  {
    title: 'RESET of two connections',
    hex: '000e001e 000002 0002400143 005c00124001005b000460010001005b000428010000',
    name: 'Reset',
    fields: { cause: { misc: 'om-intervention' } },
    sessions: [key('mme-ue', '0x00000001'), key('enb-ue', '0x000001'), key('enb-ue', '0x010000')],
  },
  {
    title: 'PAGING by S-TMSI',
    hex: '000a400d 000001 002b40060010e1000001',
    name: 'Paging',
    sessions: [key('s-tmsi', '0x01e1000001')],
  },
  {
    title: 'PAGING by IMSI',
    hex: '000a4010 000001 002b40096800010100000000f1',
    name: 'Paging',
    sessions: [key('imsi', '001010000000001')],
  },
]

protocolSuite(s1ap, {
  vectors,
  hostile: [
    {
      title: 'a count of elements that are not there costs nothing',
      bytes: () => bytesOf('000b4003 00ffff'),
      reason: 'truncated',
    },
    {
      title: 'pools that multiply to 500 million GUMMEIs are read, and not multiplied',
      bytes: () => {
        const response = message(vectors[1]!.hex)
        const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number)
        const item = { plmns: numbers(32), groupIds: numbers(65_535), mmeCodes: numbers(256) }
        return s1ap.encode(replace(response, elements.servedGummeis, [item]))
      },
      reason: null,
    },
  ],
})

test('s1ap: an MME-UE-S1AP-ID is replaced wherever it stands, with all lengths, and put back as it was', (t) => {
  const places = [
    '000b400f 000002 00000002 0001 000800020001',
    '00030009 000001 005800020001',
    '0017000b 000001 0063 0004 0001 0001',
    '00170009 000001 0063 0002 4001',
    '000e000f 000001 005c0008 4000 005b0002 4001',
    '200e000e 000001 005d0007 00 005b0002 4001',
  ]
  for (const hex of places) {
    const before = message(hex)
    t.deepEqual(
      s1ap.sessions(before).filter(({ kind }) => kind === 'mme-ue'),
      [key('mme-ue', '0x00000001')],
      hex,
    )
    for (const id of [0, 2, 0xff, 0x100, 0xffff, 0x01_0000, 0xff_ffff, 0xffff_ffff]) {
      const after = s1ap.decode(s1ap.encode(mapMmeUeS1apIds(before, () => id)))
      const found = s1ap.sessions(after).filter(({ kind }) => kind === 'mme-ue')
      t.deepEqual(found, [key('mme-ue', `0x${id.toString(16).padStart(8, '0')}`)], hex)
      t.is(hexOf(s1ap.encode(mapMmeUeS1apIds(after, () => 1))), hex.replaceAll(' ', ''))
    }
  }
})

test('s1ap: links a UE to its tunnels', (t) => {
  const byTitle = new Map(vectors.map(({ hex, title }) => [title, hex]))
  const sessions = (title: string): unknown => eRabs(message(byTitle.get(title)!))
  t.deepEqual(sessions('INITIAL CONTEXT SETUP REQUEST'), [
    { id: 5, tunnels: [{ role: 'core', addresses: ['10.0.0.1'], teid: 7 }], qosFlows: [] },
  ])
  t.deepEqual(sessions('HANDOVER REQUEST ACKNOWLEDGE'), [
    {
      id: 5,
      tunnels: [
        { role: 'ran', addresses: ['10.0.0.200'], teid: 1 },
        { role: 'forwarding', addresses: ['10.0.0.200'], teid: 2 },
      ],
      qosFlows: [],
    },
  ])
})

test('s1ap: puts other addresses and tunnel identifiers in their places, and nothing else', (t) => {
  const { hex } = vectors[5]!
  const plain = hex.replaceAll(/\s/g, '')
  const other = s1ap.translate!(message(hex), { address: (bytes) => bytes.with(3, 77), teid: (_, teid) => teid + 16 })
  t.is(
    hexOf(s1ap.encode(other)),
    plain.replace('0a0000c800000001', '0a00004d00000011').replace('0a0000c800000002', '0a00004d00000012'),
  )
  const same = message(hex)
  t.is(s1ap.translate!(same, { address: (bytes) => bytes }), same)
})

test('s1ap: learns UEs from the MME, and forgets them when they are released or reset', (t) => {
  const learned = (hex: string, from: 'client' | 'endpoint'): readonly string[] =>
    s1ap.learn!(message(hex), from).map(({ action, key: { kind, value } }) => `${action} ${kind} ${value}`)
  const nas = '000b400f 000002 000000020001 000800020001'
  const ue = ['mme-ue 0x00000001', 'enb-ue 0x000001']
  t.deepEqual(
    learned(nas, 'endpoint'),
    ue.map((text) => `add ${text}`),
  )
  t.deepEqual(learned(nas, 'client'), [])
  t.deepEqual(
    learned('2017000f 000002 000000020001 000800020001', 'client'),
    ue.map((text) => `remove ${text}`),
  )
})

test('s1ap: elements are found by their definitions, and by the short way to the numbers of UEs', (t) => {
  const request = message(vectors[3]!.hex)
  t.is(find(request.elements, elements.mmeUeS1apId), 0x102)
  t.deepEqual(s1apUeKeys(bytesOf(vectors[3]!.hex)), { kind: 'initiating', procedure: 9, core: 0x102, ran: 300 })
})

elementSuite({ protocol: s1ap, definitions, vectors })
