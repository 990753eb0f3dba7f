import test from 'ava'
import { bytesOf, protocolSuite, refusalOf } from '../../testing/protocol-suite.ts'
import { DecodeError } from '../../wire/decode-error.ts'
import { diameter, mandatory, readAvps, writeAvps } from './index.ts'
import type { AddressMap } from '../protocol.ts'
import type { Avp, DiameterMessage } from './index.ts'

/** Laid out by hand after RFC 6733, RFC 8506, TS 29.212, 29.214 and 29.272; tshark reads them the same. */
const messages = {
  cer: `
    010000d080000101000000001a2b3c4d5e6f7081000001084000001c6d6d65312e6570632e6578616d706c652e6f72670000012840000017
    6570632e6578616d706c652e6f726700000001014000000e0001c000020a0000000001014000001a000220010db800000000000000000000
    001000000000010a4000000c000028af0000010d0000000b6d6d6500000001164000000c00000007000001094000000c000028af00000104
    400000200000010a4000000c000028af000001024000000c01000023000001024000000cffffffff`,
  cea: `
    0100007400000101000000001a2b3c4d5e6f70810000010c4000000c000007d100000108400000176873732e6578616d706c652e6f726700
    00000128400000136578616d706c652e6f726700000001014000000e0001c633640400000000010a4000000c000000000000010d0000000b
    68737300`,
  dwr: `
    0100004c80000118000000001a2b3c4d5e6f708100000108400000186d6d65312e6578616d706c652e6f726700000128400000136578616d
    706c652e6f726700000001164000000c00000007`,
  dwa: `
    0100004c00000118000000001a2b3c4d5e6f70810000010c4000000c000007d100000108400000176873732e6578616d706c652e6f726700
    00000128400000136578616d706c652e6f726700`,
  acr: `
    0100009cc000010f00000000bd26086ebd26086e0000010740000029636c69656e743b313835363733363231303b313b6e6f6e6f6465406e
    6f686f7374000000000001084000001a636c69656e742e6578616d706c652e636f6d000000000128400000136578616d706c652e636f6d00
    0000011b400000136578616d706c652e636f6d00000001e04000000c00000001000001e54000000c00000000`,
  err3: `
    010000b42000010f00000000bd26086ebd26086e0000010740000029636c69656e743b313835363733363231303b313b6e6f6e6f6465406e
    6f686f7374000000000001084000001972656c61792e6578616d706c652e6f726700000000000128400000136578616d706c652e6f726700
    0000010c4000000c00000bbf0000011900000037526f757461626c65206d6573736167652077697468206170706c69636174696f6e206964
    2030206f722072656c617900`,
  ulr: `
    01000104c000013c010000231a2b3c4d5e6f708100000107400000206d6d65312e6578616d706c652e6f72673b313b323b73366100000104
    400000200000010a4000000c000028af000001024000000c01000023000001154000000c0000000100000108400000186d6d65312e657861
    6d706c652e6f726700000128400000136578616d706c652e6f7267000000011b400000176873732e6578616d706c652e6f72670000000001
    40000017303031303130303030303030303031000000040880000010000028af000003ec0000057dc0000010000028af000000220000057f
    c000000f000028af00f110000000011a400000176472612e6578616d706c652e6f726700`,
  ula: `
    010001e04000013c010000231a2b3c4d5e6f708100000107400000206d6d65312e6578616d706c652e6f72673b313b323b7336610000010c
    4000000c000007d1000001154000000c0000000100000108400000176873732e6578616d706c652e6f72670000000128400000136578616d
    706c652e6f7267000000057ec0000010000028af0000000100000578c0000158000028af000002bdc0000012000028af2143658709210000
    0000059bc000002c000028af00000204c0000010000028af02faf08000000203c0000010000028af05f5e10000000595c000010c000028af
    0000058fc0000010000028af0000000100000594c0000010000028af0000000000000596c00000e0000028af0000058fc0000010000028af
    00000001000005b0c0000010000028af00000000000001ed40000010696e7465726e657400000597c0000058000028af00000404c0000010
    000028af000000090000040a8000003c000028af00000416c0000010000028af0000000800000417c0000010000028af0000000100000418
    c0000010000028af00000001000001e64000004c0000014e4000000e0001cb00710500000000015c400000340000011b400000136578616d
    706c652e6f72670000000125400000177067772e6578616d706c652e6f726700`,
  exp: `
    0100008c4000013c010000231a2b3c4d5e6f708100000107400000206d6d65312e6578616d706c652e6f72673b313b333b73366100000129
    400000200000010a4000000c000028af0000012a4000000c00001389000001154000000c0000000100000108400000176873732e6578616d
    706c652e6f72670000000128400000136578616d706c652e6f726700`,
  ccr: `
    01000180c0000110010000161a2b3c4d5e6f708100000107400000267067772e6578616d706c652e6f72673b313837363534333231303b31
    30320000000001024000000c0100001600000108400000177067772e6578616d706c652e6f72670000000128400000136578616d706c652e
    6f7267000000011b400000136578616d706c652e6f726700000001a04000000c000000010000019f4000000c00000000000001bb4000002c
    000001c24000000c00000001000001bc4000001730303130313030303030303030303100000001bb40000024000001c24000000c00000000
    000001bc4000001031323334353637380000040080000010000028af00000001000000084000000c0a2d0002000000614000001200402001
    0db800010002000000000403c0000010000028af000000050000040880000010000028af000003ec0000041ac0000012000028af0001c000
    021400000000001e40000010696e7465726e65740000270f8000000f000007dbaabbcc000000012d0000000c00000003`,
  cca: `
    0100011840000110010000161a2b3c4d5e6f708100000107400000267067772e6578616d706c652e6f72673b313837363534333231303b31
    30320000000001024000000c010000160000010840000018706372662e6578616d706c652e6f726700000128400000136578616d706c652e
    6f7267000000010c4000000c000007d1000001a04000000c000000010000019f4000000c00000000000003e9c0000080000028af000003eb
    c0000074000028af000003edc0000013000028af64656661756c7400000001b04000000c0000000a00000422c0000038000028af000001fb
    c0000029000028af7065726d6974206f75742069702066726f6d20616e7920746f20616e79000000000003f2c0000010000028af0000ffff`,
  rating: `
    010000c840000110000000041a2b3c4d5e6f708100000107400000127067773b313b323b677900000000010c4000000c000007d100000108
    400000176f63732e6578616d706c652e6f72670000000128400000136578616d706c652e6f726700000001024000000c00000004000001a0
    4000000c000000020000019f4000000c00000001000001c840000044000001af40000018000001a5400000100000010000000000000001b0
    4000000c0000000a0000010c4000000c000007d1000001c04000000c00000e10`,
  err: `
    0100009c40000110010000161a2b3c4d5e6f708100000107400000267067772e6578616d706c652e6f72673b313837363534333231303b31
    303200000000010840000018706372662e6578616d706c652e6f726700000128400000136578616d706c652e6f7267000000010c4000000c
    0000138c0000011740000014000001a04000000c0000000900000119000000146e6f20737563682074797065`,
  aar: `
    0100011cc0000109010000141a2b3c4d5e6f7081000001074000001a61662e6578616d706c652e6f72673b373b380000000001024000000c
    01000014000001084000001661662e6578616d706c652e6f7267000000000128400000136578616d706c652e6f7267000000011b40000013
    6578616d706c652e6f72670000000205c0000094000028af00000206c0000010000028af0000000100000208c0000010000028af00000000
    00000207c0000068000028af000001fdc0000010000028af00000001000001fbc000003a000028af7065726d697420696e2031372066726f
    6d2031302e34352e302e3220746f203139322e302e322e392034393135320000000001ffc0000010000028af00000002000000084000000c
    0a2d0002`,
} as const

/** So many groups (Proxy-Info), each within the other. */
function nested(depth: number): Uint8Array {
  const body = new Uint8Array(depth * 8)
  const view = new DataView(body.buffer)
  for (let i = 0; i < depth; i++) {
    view.setUint32(i * 8, 284)
    view.setUint32(i * 8 + 4, (depth - i) * 8)
  }
  return body
}

function message(body: Uint8Array): Uint8Array {
  const header = bytesOf('01000000 80000118 00000000 00000001 00000002')
  new DataView(header.buffer).setUint32(0, 0x0100_0000 + header.length + body.length)
  return Uint8Array.from([...header, ...body])
}

protocolSuite(diameter, {
  vectors: [
    {
      title: 'Capabilities-Exchange-Request of an MME and relay',
      hex: messages.cer,
      name: 'Capabilities-Exchange-Request',
      fields: {
        application: '0 Base',
        hopByHop: '0x1a2b3c4d',
        endToEnd: '0x5e6f7081',
        originHost: 'mme1.epc.example.org',
        hostIpAddress: ['192.0.2.10', '2001:db8::10'],
        supportedVendorId: ['10415 3GPP'],
        vendorSpecificApplicationId: [{ vendorId: '10415 3GPP', authApplicationId: ['16777251 S6a/S6d'] }],
        authApplicationId: ['4294967295 Relay'],
      },
      sessions: [],
    },
    {
      title: 'Capabilities-Exchange-Answer',
      hex: messages.cea,
      name: 'Capabilities-Exchange-Answer',
      fields: { resultCode: '2001 DIAMETER_SUCCESS', productName: 'hss' },
      sessions: [],
    },
    {
      title: 'Device-Watchdog-Request',
      hex: messages.dwr,
      name: 'Device-Watchdog-Request',
      fields: { originStateId: 7 },
      sessions: [],
    },
    {
      title: 'Device-Watchdog-Answer',
      hex: messages.dwa,
      name: 'Device-Watchdog-Answer',
      fields: { originRealm: 'example.org' },
      sessions: [],
    },
    {
      title: "Accounting-Request of Erlang's diameter",
      hex: messages.acr,
      name: 'Accounting-Request',
      fields: { proxiable: true, accountingRecordType: '1 EVENT_RECORD', accountingRecordNumber: 0 },
      sessions: [{ kind: 'session-id', value: 'client;1856736210;1;nonode@nohost' }],
    },
    {
      title: 'Accounting-Answer of freeDiameter, which does not route application 0',
      hex: messages.err3,
      name: 'Accounting-Answer',
      fields: {
        error: true,
        resultCode: '3007 DIAMETER_APPLICATION_UNSUPPORTED',
        errorMessage: 'Routable message with application id 0 or relay',
      },
      sessions: [{ kind: 'session-id', value: 'client;1856736210;1;nonode@nohost' }],
    },
    {
      title: 'Update-Location-Request (S6a)',
      hex: messages.ulr,
      name: 'Update-Location-Request',
      fields: {
        userName: '001010000000001',
        ratType: '1004 EUTRAN',
        ulrFlags: 34,
        visitedPlmnId: '001-01',
        routeRecord: ['dra.example.org'],
      },
      sessions: [
        { kind: 'session-id', value: 'mme1.example.org;1;2;s6a' },
        { kind: 'imsi', value: '001010000000001' },
      ],
    },
    {
      title: 'Update-Location-Answer with the data of a subscriber, six groups deep',
      hex: messages.ula,
      name: 'Update-Location-Answer',
      fields: {
        subscriptionData: {
          msisdn: '123456789012',
          ambr: { maxRequestedBandwidthUl: 50_000_000, maxRequestedBandwidthDl: 100_000_000 },
          apnConfigurationProfile: {
            contextIdentifier: [1],
            allApnConfigurationsIncludedIndicator: 0,
            apnConfiguration: [
              {
                contextIdentifier: [1],
                pdnType: '0 IPv4',
                serviceSelection: 'internet',
                epsSubscribedQoSProfile: {
                  qosClassIdentifier: 9,
                  allocationRetentionPriority: {
                    priorityLevel: 8,
                    preEmptionCapability: 1,
                    preEmptionVulnerability: 1,
                  },
                },
                mip6AgentInfo: [
                  {
                    mipHomeAgentAddress: ['203.0.113.5'],
                    mipHomeAgentHost: { destinationRealm: 'example.org', destinationHost: 'pgw.example.org' },
                  },
                ],
              },
            ],
          },
        },
      },
      sessions: [{ kind: 'session-id', value: 'mme1.example.org;1;2;s6a' }],
    },
    {
      title: 'Update-Location-Answer that does not know the user',
      hex: messages.exp,
      name: 'Update-Location-Answer',
      fields: {
        experimentalResult: { vendorId: '10415 3GPP', experimentalResultCode: '5001 DIAMETER_ERROR_USER_UNKNOWN' },
      },
      sessions: [{ kind: 'session-id', value: 'mme1.example.org;1;3;s6a' }],
    },
    {
      title: 'Credit-Control-Request (Gx) with an AVP of a vendor that is not in the table',
      hex: messages.ccr,
      name: 'Credit-Control-Request',
      fields: {
        application: '16777238 Gx',
        ccRequestType: '1 INITIAL_REQUEST',
        subscriptionId: [
          { subscriptionIdType: '1 END_USER_IMSI', subscriptionIdData: '001010000000001' },
          { subscriptionIdType: '0 END_USER_E164', subscriptionIdData: '12345678' },
        ],
        framedIpAddress: '10.45.0.2',
        framedIPv6Prefix: ['2001:db8:1:2::/64'],
        ipCanType: '5 3GPP-EPS',
        anGwAddress: ['192.0.2.20'],
        calledStationId: 'internet',
        unknown: [{ code: 9999, vendor: 2011, value: 'aabbcc' }],
        drmp: 3,
      },
      sessions: [
        { kind: 'session-id', value: 'pgw.example.org;1876543210;102' },
        { kind: 'imsi', value: '001010000000001' },
        { kind: 'ue-ip', value: '10.45.0.2' },
      ],
    },
    {
      title: 'Credit-Control-Answer (Gx) that installs a rule',
      hex: messages.cca,
      name: 'Credit-Control-Answer',
      fields: {
        chargingRuleInstall: [
          {
            chargingRuleDefinition: [
              {
                chargingRuleName: ['default'],
                ratingGroup: 10,
                flowInformation: [{ flowDescription: ['permit out ip from any to any'] }],
                precedence: 65_535,
              },
            ],
          },
        ],
      },
      sessions: [{ kind: 'session-id', value: 'pgw.example.org;1876543210;102' }],
    },
    {
      title: 'Credit-Control-Answer (Gy) that grants a terabyte',
      hex: messages.rating,
      name: 'Credit-Control-Answer',
      fields: {
        application: '4 Ro/Gy',
        multipleServicesCreditControl: [
          {
            grantedServiceUnit: { ccTotalOctets: 2 ** 40 },
            ratingGroup: 10,
            resultCode: '2001 DIAMETER_SUCCESS',
            validityTime: 3600,
          },
        ],
      },
      sessions: [{ kind: 'session-id', value: 'pgw;1;2;gy' }],
    },
    {
      title: 'Credit-Control-Answer that says which AVP failed',
      hex: messages.err,
      name: 'Credit-Control-Answer',
      fields: {
        resultCode: '5004 DIAMETER_INVALID_AVP_VALUE',
        failedAvp: [{ ccRequestType: '9' }],
        errorMessage: 'no such type',
      },
      sessions: [{ kind: 'session-id', value: 'pgw.example.org;1876543210;102' }],
    },
    {
      title: 'AA-Request (Rx) of an application function',
      hex: messages.aar,
      name: 'AA-Request',
      fields: {
        mediaComponentDescription: [
          {
            mediaComponentNumber: 1,
            mediaType: '0 AUDIO',
            mediaSubComponent: [
              {
                flowNumber: 1,
                flowDescription: ['permit in 17 from 10.45.0.2 to 192.0.2.9 49152'],
                flowStatus: '2 ENABLED',
              },
            ],
          },
        ],
      },
      sessions: [
        { kind: 'session-id', value: 'af.example.org;7;8' },
        { kind: 'ue-ip', value: '10.45.0.2' },
      ],
    },
  ],
  hostile: [
    {
      title: 'AVPs without a value, as many as fit, are read',
      bytes: () => message(Uint8Array.from({ length: 262_120 }, (_, i) => (i % 8 === 7 ? 8 : 0))),
      reason: null,
    },
    {
      title: 'groups as deep as they fit are refused',
      bytes: () => message(nested(30_000)),
      reason: 'nested too deep',
    },
    { title: 'groups as deep as allowed are read', bytes: () => message(nested(10)), reason: null },
    {
      title: 'failed AVPs within failed AVPs are not followed',
      bytes: () => {
        const body = nested(30_000)
        for (let at = 0; at < body.length; at += 8) body.set([0x01, 0x17], at + 2)
        return message(body)
      },
      reason: null,
    },
    {
      title: 'lengths of no bytes do not stand still',
      bytes: () => message(new Uint8Array(200_000)),
      reason: 'length lies',
    },
    {
      title: 'messages of megabytes are refused',
      bytes: () => bytesOf('01ffff fc 80000118'),
      reason: 'message too long',
    },
  ],
})

const refusal = (hex: string): DecodeError => refusalOf(diameter, hex)

const header = (length: number): string =>
  `01${length.toString(16).padStart(6, '0')} 80000118 00000000 00000001 00000002`

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
