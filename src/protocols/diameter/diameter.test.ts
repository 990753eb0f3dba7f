import { bytesOf, protocolSuite } from '../../testing/protocol-suite.ts'
import { diameter } from './index.ts'
import { messages } from './test-messages.ts'

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
