// Messages whose bytes and meaning are known, for the tests of this folder.

import type { SessionKey, SessionKind } from '../protocol.ts'

export const key = (kind: SessionKind, value: string): SessionKey => ({ kind, value })
const ue = (amf: string, ran: string): readonly SessionKey[] => [
  key('amf-ue', `0x${amf.padStart(10, '0')}`),
  key('ran-ue', `0x${ran.padStart(8, '0')}`),
]

/** Sent by AMFs and gNBs, or written bit by bit after TS 38.413, 9.2 and 9.3; tshark reads them the same way. */
export const vectors = [
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
