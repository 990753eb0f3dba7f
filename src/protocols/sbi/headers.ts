// The headers, by what stands behind `3gpp-Sbi-` in their names (TS 29.500, 5.2.3 and Annex D). Data.

import { credentials, jwt, scopes } from './credentials.ts'
import { date, preciseTime } from './dates.ts'
import { behind, flag, integer, list, many, maybe, one, quoted, record, sequence, word } from './grammar.ts'
import { characters } from './text.ts'
import { apiRoot, bareUri, path, uri } from './uris.ts'
import { correlation, encoding, features, network, proxy, purpose, textOf, token, uuid, versions } from './values.ts'
import type { ParameterTable } from './grammar.ts'

/** What a binding, or a routing binding, applies to. */
const bindingLevel = word('nf-instance', 'nf-set', 'nfservice-instance', 'nfservice-set')

const bindingParameters = {
  nfinst: maybe(token),
  nfset: maybe(token),
  nfservinst: maybe(token),
  nfserviceset: maybe(token),
  servname: maybe(token),
  backupamfinst: maybe(token),
  backupnf: maybe(token),
} as const

const groupParameters = {
  oldgroupid: maybe(token),
  groupid: maybe(token),
  uribase: maybe(token),
  oldnfinst: maybe(token),
  oldservset: maybe(token),
  oldservinst: maybe(token),
  guami: maybe(token),
} as const

const prefixParameter = { 'callback-uri-prefix': maybe(quoted(path)) } as const

const bindingNames = Object.keys(bindingParameters)

const binding = record(
  {
    bl: one(bindingLevel),
    ...bindingParameters,
    scope: many(token),
    recoverytime: maybe(quoted(date)),
    nr: maybe(bareUri),
    group: maybe(flag),
    ...groupParameters,
    'no-redundancy': maybe(flag),
    ...prefixParameter,
  },
  { anyOrder: [[...bindingNames, 'scope'], Object.keys(groupParameters)], someOf: [...bindingNames, 'scope'] },
)

const routingBinding = record(
  { bl: one(bindingLevel), ...bindingParameters, ...prefixParameter },
  { anyOrder: [bindingNames], someOf: bindingNames },
)

const percent = integer(0, 100, '%')
/** 68 years */
const seconds = integer(0, 2_147_483_647, 's')

const producerScope = {
  'NF-Instance': maybe(uuid),
  'NF-Set': maybe(token),
  'NF-Service-Instance': maybe(token),
  'NF-Service-Set': maybe(token),
} as const

const consumerScope = {
  'NFC-Instance': maybe(uuid),
  'NFC-Set': maybe(token),
  'NFC-Service-Instance': maybe(token),
  'NFC-Service-Set': maybe(token),
  'Callback-Uri': maybe(list(quoted(uri), '&')),
} as const

const proxyScope = { 'SCP-FQDN': maybe(token), 'SEPP-FQDN': maybe(token) } as const

const slices = { 'S-NSSAI': maybe(list(token, '&')), DNN: maybe(list(token, '&')) } as const

const overload = record(
  {
    Timestamp: one(quoted(date)),
    'Period-of-Validity': one(seconds),
    'Overload-Reduction-Metric': one(percent),
    ...producerScope,
    ...consumerScope,
    ...proxyScope,
    'NF-Inst': maybe(uuid),
    'Service-Name': maybe(token),
    ...slices,
  },
  { separator: ':', oneOf: Object.keys({ ...producerScope, ...consumerScope, ...proxyScope }) },
)

const load = record(
  {
    Timestamp: one(quoted(date)),
    'Load-Metric': one(percent),
    ...producerScope,
    ...proxyScope,
    'NF-Inst': maybe(uuid),
    ...slices,
    'Relative-Capacity': maybe(percent),
  },
  { separator: ':', oneOf: Object.keys({ ...producerScope, ...proxyScope }) },
)

const nrfServices = {
  'nnrf-disc': maybe(quoted(uri)),
  'nnrf-nfm': maybe(quoted(uri)),
} as const

const nrfUris = {
  ...nrfServices,
  'nnrf-oauth2': maybe(quoted(uri)),
  'oauth2-requested-services': maybe(list(word('nnrf-disc', 'nnrf-nfm'), '&')),
} as const

const producer = {
  nfinst: one(uuid),
  nfservinst: maybe(token),
} as const

const peers = {
  srcinst: maybe(token),
  srcservinst: maybe(token),
  srcscp: maybe(token),
  srcsepp: maybe(token),
  dstinst: maybe(token),
  dstservinst: maybe(token),
  dstscp: maybe(token),
  dstsepp: maybe(token),
} as const

const requestParameters = {
  retrans: maybe(token),
  redirect: maybe(token),
  reason: maybe(token),
  'idempotency-key': maybe(token),
  receivedrejectioncause: maybe(token),
  ...prefixParameter,
} as const

const responseParameters = {
  'request-retransmitted': maybe(token),
  nfinst: maybe(token),
  nfset: maybe(token),
  nfservinst: maybe(token),
  nfserviceset: maybe(token),
  'context-transferred': maybe(token),
  'no-retry': maybe(token),
} as const

const selectionCriteria = {
  'not-select-nfservinst': many(token),
  'not-select-nfserviceset': many(token),
  'not-select-nfinst': many(token),
  'not-select-nfset': many(token),
} as const

const selection = record(
  { reselection: maybe(flag), ...selectionCriteria },
  { anyOrder: [Object.keys(selectionCriteria)] },
)

const consumer = record({
  service: one(textOf(characters.name)),
  apiversion: one(versions),
  supportedfeatures: maybe(features),
  acceptencoding: maybe(quoted(list(encoding, ',', 0))),
  ...prefixParameter,
  intraPlmnCallbackRoot: maybe(quoted(apiRoot)),
  interPlmnCallbackRoot: maybe(quoted(apiRoot)),
})

/** Parameters of which any may stand, in any order. */
const someOf = <P extends ParameterTable>(parameters: P, separator: '=' | ':' = '=') =>
  record(parameters, { separator, anyOrder: [Object.keys(parameters)] })

export const sbiHeaders = {
  'Message-Priority': integer(0, 31),
  Callback: sequence({ type: textOf(characters.name) }, { apiversion: behind('apiversion=', integer(0, 9_999)) }),
  'Target-apiRoot': apiRoot,
  'Routing-Binding': routingBinding,
  Binding: list(binding),
  'Producer-Id': record({ ...producer, nfset: maybe(token), nfserviceset: maybe(token) }),
  Oci: list(overload),
  Lci: list(load),
  'Client-Credentials': jwt,
  'Source-NF-Client-Credentials': jwt,
  'Nrf-Uri': someOf(nrfUris, ':'),
  'Nrf-Uri-Callback': someOf(nrfServices, ':'),
  'Target-Nf-Id': record(producer),
  'Target-Nf-Group-Id': record({ nfgid: one(quoted(token)) }),
  'Max-Forward-Hops': sequence({ hops: integer(0, 99), nodetype: behind('nodetype=', word('scp')) }, {}),
  'Originating-Network-Id': sequence({ network }, { src: behind('src: ', proxy) }),
  'Access-Scope': scopes,
  'Other-Access-Scopes': scopes,
  'Access-Token': credentials,
  'NF-Peer-Info': someOf(peers),
  'Sender-Timestamp': preciseTime,
  'Max-Rsp-Time': integer(0, 99_999),
  'Correlation-Info': list(correlation, ';'),
  'Alternate-Chf-Id': sequence({ nfinst: behind('nfinst=', uuid), rank: word('primary', 'secondary') }, {}),
  'Notif-Accepted-Encoding': list(encoding),
  'Consumer-Info': list(consumer),
  'Request-Info': someOf(requestParameters),
  'Response-Info': someOf(responseParameters),
  'Retry-Info': word('no-retries'),
  'Selection-Info': list(selection),
  'Interplmn-Purpose': purpose,
} as const
