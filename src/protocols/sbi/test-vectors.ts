// Headers whose text and value are known, for the tests of this folder.

import { sbiHeaders } from './index.ts'
import type { SbiHeaderName, SbiValues } from './index.ts'

export const uuid = '54804518-4191-46b3-955c-ac631f953ed8'
const time = Date.UTC(2020, 1, 4, 8, 49, 37)
const udmSet = 'set1.udmset.5gc.mnc012.mcc345'
const smfService = `setxyz.snnsmf-pdusession.nfi${uuid}.5gc.mnc012.mcc345`
const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI1NDgwNDUxOCJ9.c2lnbmF0dXJl'

/** What is written is what was read. After the examples of TS 29.500, 5.2.3, and its grammar. */
export const canonical: {
  readonly [Name in SbiHeaderName]: readonly (readonly [text: string, value: SbiValues[Name]])[]
} = {
  'Message-Priority': [
    ['10', 10],
    ['0', 0],
    ['31', 31],
  ],
  Callback: [
    ['Nsmf_PDUSession_Update', { type: 'Nsmf_PDUSession_Update' }],
    ['Nudm_SDM_Notification; apiversion=2', { type: 'Nudm_SDM_Notification', apiversion: 2 }],
  ],
  'Target-apiRoot': [
    ['https://example.com/a/b/c', { scheme: 'https', host: 'example.com', port: null, prefix: '/a/b/c' }],
    ['http://[2001:db8::1]:8080', { scheme: 'http', host: '[2001:db8::1]', port: 8080, prefix: null }],
    [
      'https://smf1.example.org:443/%7Eroot',
      { scheme: 'https', host: 'smf1.example.org', port: 443, prefix: '/%7Eroot' },
    ],
  ],
  'Routing-Binding': [
    ['bl=nf-set; nfset=set1.udmset.5gc.mnc012.mcc345', { bl: 'nf-set', nfset: udmSet }],
    [
      `bl=nfservice-instance; nfservinst=xyz; nfinst=${uuid}; callback-uri-prefix="/abc"`,
      { bl: 'nfservice-instance', nfservinst: 'xyz', nfinst: uuid, 'callback-uri-prefix': '/abc' },
    ],
  ],
  Binding: [
    [`bl=nf-instance; nfinst=${uuid}; nfset=${udmSet}`, [{ bl: 'nf-instance', nfinst: uuid, nfset: udmSet }]],
    [`bl=nf-instance; nfset=${udmSet}; nfinst=${uuid}`, [{ bl: 'nf-instance', nfset: udmSet, nfinst: uuid }]],
    [
      `bl=nf-set; nfset=${udmSet}; servname=nudm-ee; scope=other-service; scope=callback; ` +
        'recoverytime="Tue, 04 Feb 2020 08:49:37 GMT"; nr=http://amf.example.org/n?a=b; group=true; groupid=g1; ' +
        'guami=%7B%22amfId%22%3A%22cafe00%22%7D; no-redundancy=true; callback-uri-prefix="/a;b,c"',
      [
        {
          bl: 'nf-set',
          nfset: udmSet,
          servname: 'nudm-ee',
          scope: ['other-service', 'callback'],
          recoverytime: time,
          nr: 'http://amf.example.org/n?a=b',
          group: true,
          groupid: 'g1',
          guami: '{"amfId":"cafe00"}',
          'no-redundancy': true,
          'callback-uri-prefix': '/a;b,c',
        },
      ],
    ],
    [
      `bl=nfservice-set; nfserviceset=${smfService}, bl=nf-set; nfset=x; backupamfinst=y; backupnf=z`,
      [
        { bl: 'nfservice-set', nfserviceset: smfService },
        { bl: 'nf-set', nfset: 'x', backupamfinst: 'y', backupnf: 'z' },
      ],
    ],
    [
      'bl=nf-set; nfset=x; later="a;b, c"',
      [{ bl: 'nf-set', nfset: 'x', others: [{ name: 'later', text: '"a;b, c"' }] }],
    ],
  ],
  'Producer-Id': [
    [`nfinst=${uuid}`, { nfinst: uuid }],
    [
      `nfinst=${uuid}; nfservinst=xyz; nfset=${udmSet}; nfserviceset=${smfService}`,
      { nfinst: uuid, nfservinst: 'xyz', nfset: udmSet, nfserviceset: smfService },
    ],
  ],
  Oci: [
    [
      `Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Period-of-Validity: 75s; Overload-Reduction-Metric: 50%; ` +
        `NF-Instance: ${uuid}`,
      [{ Timestamp: time, 'Period-of-Validity': 75, 'Overload-Reduction-Metric': 50, 'NF-Instance': uuid }],
    ],
    [
      `Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Period-of-Validity: 600s; Overload-Reduction-Metric: 0%; ` +
        `NF-Service-Instance: serv1; NF-Inst: ${uuid}; S-NSSAI: %7B%22sst%22%3A1%7D & %7B%22sst%22%3A2%7D; ` +
        `DNN: internet.mnc012.mcc345.gprs, Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Period-of-Validity: 120s; ` +
        `Overload-Reduction-Metric: 100%; Callback-Uri: "https://pcf.example.org/a;b" & "https://pcf.example.org/c,d"`,
      [
        {
          Timestamp: time,
          'Period-of-Validity': 600,
          'Overload-Reduction-Metric': 0,
          'NF-Service-Instance': 'serv1',
          'NF-Inst': uuid,
          'S-NSSAI': ['{"sst":1}', '{"sst":2}'],
          DNN: ['internet.mnc012.mcc345.gprs'],
        },
        {
          Timestamp: time,
          'Period-of-Validity': 120,
          'Overload-Reduction-Metric': 100,
          'Callback-Uri': ['https://pcf.example.org/a;b', 'https://pcf.example.org/c,d'],
        },
      ],
    ],
  ],
  Lci: [
    [
      `Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Load-Metric: 25%; NF-Set: ${udmSet}; S-NSSAI: 1; DNN: a & b; ` +
        'Relative-Capacity: 20%',
      [
        {
          Timestamp: time,
          'Load-Metric': 25,
          'NF-Set': udmSet,
          'S-NSSAI': ['1'],
          DNN: ['a', 'b'],
          'Relative-Capacity': 20,
        },
      ],
    ],
    [
      'Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Load-Metric: 100%; SCP-FQDN: scp1.example.org',
      [{ Timestamp: time, 'Load-Metric': 100, 'SCP-FQDN': 'scp1.example.org' }],
    ],
  ],
  'Client-Credentials': [[jwt, jwt]],
  'Source-NF-Client-Credentials': [[jwt, jwt]],
  'Nrf-Uri': [
    [
      'nnrf-disc: "https://nrf1.example.org/nnrf-disc/v1"; nnrf-oauth2: "https://nrf1.example.org/oauth2"; ' +
        'oauth2-requested-services: nnrf-disc & nnrf-nfm; nnrf-later: "https://nrf1.example.org/later"',
      {
        'nnrf-disc': 'https://nrf1.example.org/nnrf-disc/v1',
        'nnrf-oauth2': 'https://nrf1.example.org/oauth2',
        'oauth2-requested-services': ['nnrf-disc', 'nnrf-nfm'],
        others: [{ name: 'nnrf-later', text: '"https://nrf1.example.org/later"' }],
      },
    ],
  ],
  'Nrf-Uri-Callback': [
    [
      'nnrf-nfm: "http://nrf1.example.org:8000/nnrf-nfm/v1"',
      { 'nnrf-nfm': 'http://nrf1.example.org:8000/nnrf-nfm/v1' },
    ],
  ],
  'Target-Nf-Id': [[`nfinst=${uuid}; nfservinst=xyz`, { nfinst: uuid, nfservinst: 'xyz' }]],
  'Target-Nf-Group-Id': [
    ['nfgid="udm%20group"', { nfgid: 'udm group' }],
    ['nfgid="100%25%E2%82%AC"', { nfgid: '100%€' }],
  ],
  'Max-Forward-Hops': [['5; nodetype=scp', { hops: 5, nodetype: 'scp' }]],
  'Originating-Network-Id': [
    ['123-45', { network: { mcc: '123', mnc: '45', nid: null } }],
    [
      '123-456-0a1b2c3d4e5; src: SEPP-sepp1.5gc.mnc456.mcc123.3gppnetwork.org',
      {
        network: { mcc: '123', mnc: '456', nid: '0a1b2c3d4e5' },
        src: { type: 'SEPP', fqdn: 'sepp1.5gc.mnc456.mcc123.3gppnetwork.org' },
      },
    ],
  ],
  'Access-Scope': [['nudm-sdm nudm-sdm:am-data:read', ['nudm-sdm', 'nudm-sdm:am-data:read']]],
  'Other-Access-Scopes': [['nudm-uecm', ['nudm-uecm']]],
  'Access-Token': [
    [`Bearer ${jwt}`, { scheme: 'Bearer', token: jwt, parameters: [] }],
    ['Bearer YQ==', { scheme: 'Bearer', token: 'YQ==', parameters: [] }],
    ['Negotiate', { scheme: 'Negotiate', token: null, parameters: [] }],
    [
      'Digest realm="a \\" b", qop=auth',
      {
        scheme: 'Digest',
        token: null,
        parameters: [
          { name: 'realm', text: '"a \\" b"' },
          { name: 'qop', text: 'auth' },
        ],
      },
    ],
  ],
  'NF-Peer-Info': [
    [
      `srcinst=${uuid}; dstinst=54804518-4191-4453-569c-ac631f74765cd`,
      { srcinst: uuid, dstinst: '54804518-4191-4453-569c-ac631f74765cd' },
    ],
    ['dstscp=SCP-scp1.example.org; srcinst=a', { dstscp: 'SCP-scp1.example.org', srcinst: 'a' }],
  ],
  'Sender-Timestamp': [['Sun, 04 Aug 2019 08:49:37.845 GMT', Date.UTC(2019, 7, 4, 8, 49, 37, 845)]],
  'Max-Rsp-Time': [['10000', 10_000]],
  'Correlation-Info': [
    ['imsi-345012123123123', [{ type: 'imsi', value: '345012123123123' }]],
    [
      'imsi-345012123123123; impu-sip%3Aa@example.org',
      [
        { type: 'imsi', value: '345012123123123' },
        { type: 'impu', value: 'sip:a@example.org' },
      ],
    ],
  ],
  'Alternate-Chf-Id': [[`nfinst=${uuid}; primary`, { nfinst: uuid, rank: 'primary' }]],
  'Notif-Accepted-Encoding': [
    [
      'gzip;q=0.5, identity, *;q=0',
      [
        { coding: 'gzip', weight: 0.5 },
        { coding: 'identity', weight: null },
        { coding: '*', weight: 0 },
      ],
    ],
  ],
  'Consumer-Info': [
    [
      'service=nudm-sdm; apiversion=(1 2); supportedfeatures=A0f; acceptencoding="gzip;q=0.7, deflate"; ' +
        'callback-uri-prefix="/abc"; intraPlmnCallbackRoot="http://a.example.org/x"; ' +
        'interPlmnCallbackRoot="https://b.example.org:8443", service=n1; apiversion=(); acceptencoding=""',
      [
        {
          service: 'nudm-sdm',
          apiversion: [1, 2],
          supportedfeatures: 'A0f',
          acceptencoding: [
            { coding: 'gzip', weight: 0.7 },
            { coding: 'deflate', weight: null },
          ],
          'callback-uri-prefix': '/abc',
          intraPlmnCallbackRoot: { scheme: 'http', host: 'a.example.org', port: null, prefix: '/x' },
          interPlmnCallbackRoot: { scheme: 'https', host: 'b.example.org', port: 8443, prefix: null },
        },
        { service: 'n1', apiversion: [], acceptencoding: [] },
      ],
    ],
  ],
  'Request-Info': [
    [
      'retrans=true; redirect=true; reason=temporary-rejection-cause; receivedrejectioncause=INSUFFICIENT_RESOURCES',
      {
        retrans: 'true',
        redirect: 'true',
        reason: 'temporary-rejection-cause',
        receivedrejectioncause: 'INSUFFICIENT_RESOURCES',
      },
    ],
    [`idempotency-key=${uuid}`, { 'idempotency-key': uuid }],
    ['callback-uri-prefix="/abc"', { 'callback-uri-prefix': '/abc' }],
  ],
  'Response-Info': [
    [
      `request-retransmitted=true; nfinst=${uuid}; no-retry=true; later=1`,
      { 'request-retransmitted': 'true', nfinst: uuid, 'no-retry': 'true', others: [{ name: 'later', text: '1' }] },
    ],
  ],
  'Retry-Info': [['no-retries', 'no-retries']],
  'Selection-Info': [
    [
      `reselection=true; not-select-nfset=a; not-select-nfset=b; not-select-nfinst=${uuid}, not-select-nfservinst=c`,
      [
        { reselection: true, 'not-select-nfset': ['a', 'b'], 'not-select-nfinst': [uuid] },
        { 'not-select-nfservinst': ['c'] },
      ],
    ],
  ],
  'Interplmn-Purpose': [['ROAMING: IN_BOUND', { purpose: 'ROAMING', information: 'IN_BOUND' }]],
}

export const names = Object.keys(sbiHeaders) as SbiHeaderName[]
export const vectors = names.flatMap((name) => canonical[name].map(([text, value]) => ({ name, text, value })))
