import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { formatSbiHeader, parseSbiHeader, readSbiHeaders, sbiHeaders, writeSbiHeaders } from './index.ts'
import type { HeaderField, SbiHeaderName, SbiHeaders, SbiValues } from './index.ts'

const uuid = '54804518-4191-46b3-955c-ac631f953ed8'
const time = Date.UTC(2020, 1, 4, 8, 49, 37)
const udmSet = 'set1.udmset.5gc.mnc012.mcc345'
const smfService = `setxyz.snnsmf-pdusession.nfi${uuid}.5gc.mnc012.mcc345`
const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI1NDgwNDUxOCJ9.c2lnbmF0dXJl'

/** What is written is what was read. After the examples of TS 29.500, 5.2.3, and its grammar. */
const canonical: { readonly [Name in SbiHeaderName]: readonly (readonly [text: string, value: SbiValues[Name]])[] } = {
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

const names = Object.keys(sbiHeaders) as SbiHeaderName[]
const vectors = names.flatMap((name) => canonical[name].map(([text, value]) => ({ name, text, value })))

/** Undefined: refused. */
function read<Name extends SbiHeaderName>(name: Name, text: string): SbiValues[Name] | undefined {
  try {
    return parseSbiHeader(name, text)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    if (error.offset < 0 || error.offset > text.length) throw new Error(`offset ${error.offset}`, { cause: error })
    if (error.path[0] !== `3gpp-Sbi-${name}`) throw new Error(`path ${error.path.join()}`, { cause: error })
    return undefined
  }
}

/** What was read is what is read again once it is written. Returns what is wrong, or null. */
function wrongWith(name: SbiHeaderName, text: string): string | null {
  const value = read(name, text)
  if (value === undefined) return null
  const written = formatSbiHeader(name, value)
  return formatSbiHeader(name, parseSbiHeader(name, written)) === written ? null : `${name}: ${text}`
}

for (const { name, text, value } of vectors) {
  test(`sbi: ${name}: ${text}`, (t) => {
    t.deepEqual(parseSbiHeader(name, text), value)
    t.is(formatSbiHeader(name, value), text)
  })
}

test('sbi: every header of the table has a vector', (t) => {
  t.deepEqual(
    names.filter((name) => canonical[name].length === 0),
    [],
  )
})

test('sbi: every truncation is refused, or is a value of its own', (t) => {
  for (const { name, text } of vectors)
    for (let length = 0; length < text.length; length++) t.is(wrongWith(name, text.slice(0, length)), null)
  for (const name of names) t.is(read(name, ''), undefined, name)
})

test('sbi: with any character changed, inserted or removed a value is refused, or is another one', (t) => {
  for (const { name, text } of vectors) {
    for (let at = 0; at < text.length; at++) {
      for (const other of [';', ',', '"', ' ', '%', 'a', '0', '=', '\u0000', '\u0080']) {
        t.is(wrongWith(name, text.slice(0, at) + other + text.slice(at + 1)), null)
        t.is(wrongWith(name, text.slice(0, at) + other + text.slice(at)), null)
      }
      t.is(wrongWith(name, text.slice(0, at) + text.slice(at + 1)), null)
    }
  }
})

test('sbi: whatever the text is, it is refused or can be written', (t) => {
  const pieces = vectors.flatMap(({ text }) => text.split(/(?<=[;,=: "])/))
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(fc.constantFrom(...names), anything, (name, text) => {
      const wrong = wrongWith(name, text)
      if (wrong !== null) throw new Error(wrong)
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

/** Read the same, and written as the other. */
const loose: readonly (readonly [SbiHeaderName, string, string])[] = [
  ['Message-Priority', ' 07\t', '7'],
  ['Callback', 'a;apiversion=1', 'a; apiversion=1'],
  ['Target-apiRoot', 'HTTPS://A.example', 'https://A.example'],
  ['Routing-Binding', 'BL=NF-Set ;NFSET=x', 'bl=nf-set; nfset=x'],
  [
    'Binding',
    'nfset=x;bl=nf-set,,bl=nf-set;scope=a;nfset=y;scope=b ',
    'bl=nf-set; nfset=x, bl=nf-set; scope=a; scope=b; nfset=y',
  ],
  ['Binding', 'bl=nf-set;no-redundancy=true;nfset=%2f%41', 'bl=nf-set; nfset=%2FA; no-redundancy=true'],
  [
    'Binding',
    'bl=nf-set;nfset=a;recoverytime= "2020-02-04T09:49:37.9+01:00"',
    'bl=nf-set; nfset=a; recoverytime="Tue, 04 Feb 2020 08:49:37 GMT"',
  ],
  ['Producer-Id', `nfinst=${uuid.toUpperCase()}`, `nfinst=${uuid}`],
  [
    'Lci',
    'Timestamp:"Wed, 4 Feb 2020 07:49 -0100";Load-Metric:5%;SEPP-FQDN:a',
    'Timestamp: "Tue, 04 Feb 2020 08:49:00 GMT"; Load-Metric: 5%; SEPP-FQDN: a',
  ],
  ['Correlation-Info', 'imsi-1;nai-a%40b', 'imsi-1; nai-a@b'],
  ['Notif-Accepted-Encoding', 'gzip; q=1.0,br ; q=0.250', 'gzip;q=1, br;q=0.25'],
  ['Consumer-Info', 'service=a;apiversion=( 1  2 )', 'service=a; apiversion=(1 2)'],
  ['Access-Token', 'Bearer   abc ', 'Bearer abc'],
  ['Access-Scope', 'a b  ', 'a b'],
  ['Originating-Network-Id', '001-01;src:scp-a.example', '001-01; src: SCP-a.example'],
]

for (const [name, text, written] of loose) {
  test(`sbi: ${name}: ${JSON.stringify(text)} is written as ${written}`, (t) => {
    const value = parseSbiHeader(name, text)
    t.is(formatSbiHeader(name, value), written)
    t.deepEqual(parseSbiHeader(name, written), value)
  })
}

test('sbi: the day of the week is not compared with the date', (t) => {
  const text =
    'Timestamp: "Tue, 29 Mar 2021 08:49:37 GMT"; Period-of-Validity: 75s; Overload-Reduction-Metric: 50%; ' +
    `NF-Instance: ${uuid}`
  t.is(formatSbiHeader('Oci', parseSbiHeader('Oci', text)), text.replace('Tue', 'Mon'))
})

const refused: readonly (readonly [SbiHeaderName, string, string, number, readonly string[]])[] = [
  ['Message-Priority', '32', 'number out of range', 0, []],
  ['Message-Priority', '', 'truncated', 0, []],
  ['Message-Priority', '3 x', 'bytes left over', 2, []],
  ['Target-apiRoot', 'ftp://a', 'unknown word', 0, []],
  ['Target-apiRoot', 'http:/a', 'unexpected character', 6, []],
  ['Target-apiRoot', 'http://a:', 'truncated', 9, []],
  ['Target-apiRoot', 'http://a:0', 'number out of range', 9, []],
  ['Target-apiRoot', 'http://[::g]', 'unexpected character', 10, []],
  ['Target-apiRoot', 'http://[192.0.2.1]', 'malformed address', 7, []],
  ['Target-apiRoot', 'http://a/%zz', 'malformed percent-encoding', 9, []],
  ['Target-apiRoot', 'http://a//b', 'malformed URI', 9, []],
  ['Target-apiRoot', 'http://a/b?c', 'bytes left over', 10, []],
  [
    'Routing-Binding',
    'bl=nf-set',
    'missing parameter',
    9,
    ['nfinst or nfset or nfservinst or nfserviceset or servname or backupamfinst or backupnf'],
  ],
  ['Routing-Binding', 'nfset=a', 'missing parameter', 7, ['bl']],
  ['Routing-Binding', 'bl=nf-sets; nfset=a', 'unknown word', 3, ['bl']],
  ['Routing-Binding', 'bl=nf-set; nfset=a; nfset=b', 'repeated parameter', 20, ['nfset']],
  ['Routing-Binding', 'bl=nf-set; nfset=a%2', 'malformed percent-encoding', 17, ['nfset']],
  ['Routing-Binding', 'bl=nf-set; nfset=a%ff', 'malformed percent-encoding', 17, ['nfset']],
  ['Routing-Binding', 'bl=nf-set; nfset=a;', 'truncated', 19, []],
  ['Binding', 'bl=nf-set; nfset=a, bl=nf-set; nfset', 'truncated', 36, ['element 2']],
  [
    'Binding',
    'bl=nf-set; nfset=a; recoverytime="Tue, 31 Feb 2020 08:49:37 GMT"',
    'malformed date',
    34,
    ['element 1', 'recoverytime'],
  ],
  ['Binding', 'bl=nf-set; nfset=a; nr=/relative', 'malformed URI', 23, ['element 1', 'nr']],
  ['Binding', ' , ', 'truncated', 3, []],
  ['Producer-Id', 'nfinst=54804518', 'malformed UUID', 7, ['nfinst']],
  [
    'Lci',
    'Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Load-Metric: 5%; SCP-FQDN: a; NF-Set: b',
    'parameters exclude each other',
    83,
    ['element 1', 'NF-Set and SCP-FQDN'],
  ],
  [
    'Lci',
    'Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"; Load-Metric: 101%; SCP-FQDN: a',
    'number out of range',
    57,
    ['element 1', 'Load-Metric'],
  ],
  ['Client-Credentials', 'a.b', 'truncated', 3, []],
  ['Max-Forward-Hops', '5', 'truncated', 1, []],
  ['Max-Forward-Hops', '5; nodetype=sepp', 'unknown word', 12, ['nodetype']],
  ['Originating-Network-Id', '12-345', 'wrong number of characters', 0, ['network']],
  ['Sender-Timestamp', 'Sun, 04 Aug 2019 08:49:37 GMT', 'malformed date', 0, []],
  ['Sender-Timestamp', 'Wed, 31 Dec 1969 23:59:59.999 GMT', 'malformed date', 0, []],
  ['Notif-Accepted-Encoding', 'gzip;q=1.5', 'number out of range', 7, ['element 1']],
  ['Retry-Info', 'retries', 'unknown word', 0, []],
  ['Access-Token', 'Bearer a b', 'unexpected character', 9, ['element 1']],
]

for (const [name, text, reason, offset, path] of refused) {
  test(`sbi: ${name}: ${JSON.stringify(text)} is refused: ${reason}`, (t) => {
    const error = t.throws(() => parseSbiHeader(name, text), { instanceOf: DecodeError })
    t.like(error, { reason, offset, path: [`3gpp-Sbi-${name}`, ...path] })
  })
}

const hostile: readonly (readonly [title: string, name: SbiHeaderName, text: () => string, reason: string])[] = [
  ['values of megabytes', 'Client-Credentials', () => 'a'.repeat(2_000_000), 'value too long'],
  ['lists of thousands', 'Notif-Accepted-Encoding', () => 'a,'.repeat(20_000), 'too many elements'],
  ['thousands of parameters', 'Response-Info', () => 'a=b;'.repeat(10_000), 'too many parameters'],
  ['thousands of scopes', 'Access-Scope', () => 'a '.repeat(10_000), 'too many elements'],
  [
    'thousands of versions',
    'Consumer-Info',
    () => `service=a; apiversion=(${'1 '.repeat(10_000)})`,
    'too many elements',
  ],
  ['numbers of thousands of digits', 'Max-Rsp-Time', () => '0'.repeat(60_000), 'number out of range'],
  ['quotes that do not end', 'Nrf-Uri', () => `later: ${'"\\'.repeat(30_000)}`, 'truncated'],
]

for (const [title, name, text, reason] of hostile) {
  test(`sbi: ${title} are refused`, (t) => {
    t.is(t.throws(() => parseSbiHeader(name, text()), { instanceOf: DecodeError })?.reason, reason)
  })
}

test('sbi: a value that has no form is a RangeError, and brings no other header or parameter with it', (t) => {
  const refuses = <Name extends SbiHeaderName>(name: Name, value: SbiValues[Name]): void => {
    t.throws(() => formatSbiHeader(name, value), { instanceOf: RangeError })
  }
  refuses('Message-Priority', 32)
  refuses('Message-Priority', 1.5)
  refuses('Callback', { type: 'a; apiversion=1' })
  refuses('Target-apiRoot', { scheme: 'http', host: 'a/b', port: null, prefix: null })
  refuses('Binding', [])
  refuses('Binding', [{ bl: 'nf-set', nfset: 'a', nr: 'http://a;group=true' }])
  refuses('Binding', [{ bl: 'nf-set', nfset: '' }])
  refuses('Binding', [{ bl: 'nf-set', nfset: '\ud800' }])
  refuses('Binding', [{ bl: 'nf-set', nfset: 'a', recoverytime: 1 }])
  refuses('Sender-Timestamp', Number.NaN)
  refuses('Access-Token', { scheme: 'Bearer', token: 'a\r\nx: y', parameters: [] })
  t.is(
    formatSbiHeader('Routing-Binding', { bl: 'nf-set', nfset: 'a;\r\nß()' }),
    'bl=nf-set; nfset=a%3B%0D%0A%C3%9F%28%29',
  )
})

test('sbi: the headers of a message are found among others, whatever the case of their names', (t) => {
  const headers: SbiHeaders = readSbiHeaders([
    [':path', '/nudm-sdm/v2/imsi-001010000000001/am-data'],
    ['3GPP-SBI-TARGET-APIROOT', 'http://udm1.example.org'],
    ['3gpp-sbi-discovery-target-nf-type', 'UDM'],
    ['3gpp-sbi-discovery-snssais', '[{"sst":1,"sd":"A08923"}]'],
    ['3gpp-sbi-binding', 'bl=nf-set; nfset=a'],
    ['3gpp-sbi-binding', 'bl=nf-set; nfset=b'],
    ['3gpp-sbi-of-a-later-release', ';;;'],
  ])
  t.deepEqual(headers, {
    'Target-apiRoot': { scheme: 'http', host: 'udm1.example.org', port: null, prefix: null },
    Binding: [
      { bl: 'nf-set', nfset: 'a' },
      { bl: 'nf-set', nfset: 'b' },
    ],
    Discovery: new Map([
      ['target-nf-type', 'UDM'],
      ['snssais', '[{"sst":1,"sd":"A08923"}]'],
    ]),
  })
  t.deepEqual(writeSbiHeaders(headers), [
    ['3gpp-Sbi-Target-apiRoot', 'http://udm1.example.org'],
    ['3gpp-Sbi-Binding', 'bl=nf-set; nfset=a, bl=nf-set; nfset=b'],
    ['3gpp-Sbi-Discovery-target-nf-type', 'UDM'],
    ['3gpp-Sbi-Discovery-snssais', '[{"sst":1,"sd":"A08923"}]'],
  ])
})

test('sbi: every header of a message is read and written', (t) => {
  const fields = names.map((name): HeaderField => [`3gpp-Sbi-${name}`, canonical[name][0]![0]])
  t.deepEqual(writeSbiHeaders(readSbiHeaders(fields)), fields)
})

test('sbi: headers that may stand once may not stand twice', (t) => {
  const refusal = (fields: readonly HeaderField[]): DecodeError | undefined =>
    t.throws(() => readSbiHeaders(fields), { instanceOf: DecodeError })
  t.like(
    refusal([
      ['3gpp-Sbi-Message-Priority', '1'],
      ['3gpp-sbi-message-priority', '2'],
    ]),
    { reason: 'repeated header', path: ['3gpp-Sbi-Message-Priority'] },
  )
  t.like(
    refusal([
      ['3gpp-Sbi-Discovery-dnn', 'a'],
      ['3gpp-sbi-discovery-DNN', 'b'],
    ]),
    { reason: 'repeated header', path: ['3gpp-Sbi-Discovery-dnn'] },
  )
  t.is(
    refusal(Array.from({ length: 10_000 }, () => ['3gpp-Sbi-Binding', 'bl=nf-set; nfset=a']))?.reason,
    'too many elements',
  )
})

test('sbi: JSON of a discovery parameter must be JSON, and its name a name', (t) => {
  const text = '[{"sst":1,"sd":"A08923"}]'
  for (let length = 1; length < text.length; length++) {
    const error = t.throws(() => readSbiHeaders([['3gpp-Sbi-Discovery-snssais', text.slice(0, length)]]), {
      instanceOf: DecodeError,
    })
    t.like(error, { reason: 'malformed JSON', path: ['3gpp-Sbi-Discovery-snssais'] })
  }
  for (const entry of [
    ['a: b', 'x'],
    ['dnn', 'a\r\nb'],
    ['dnn', ''],
  ] as const)
    t.throws(() => writeSbiHeaders({ Discovery: new Map([entry]) }), { instanceOf: RangeError })
})
