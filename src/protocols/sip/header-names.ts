// Headers that are read, and the compact forms of the registry (IANA, Session Initiation Protocol Parameters).

/** What a value is made of. Addresses are name-addr or addr-spec; lists are separated by commas. */
export type HeaderValue = 'vias' | 'addresses' | 'address' | 'number' | 'text'

export interface HeaderType {
  readonly field: string
  readonly value: HeaderValue
  /** Hosts in it are of those who carry messages: translation changes them. */
  readonly isRouting?: true
}

const types: Readonly<Record<string, HeaderType>> = {
  via: { field: 'via', value: 'vias', isRouting: true },
  'max-forwards': { field: 'maxForwards', value: 'number' },
  route: { field: 'route', value: 'addresses', isRouting: true },
  'record-route': { field: 'recordRoute', value: 'addresses', isRouting: true },
  path: { field: 'path', value: 'addresses' },
  'service-route': { field: 'serviceRoute', value: 'addresses' },
  from: { field: 'from', value: 'address' },
  to: { field: 'to', value: 'address' },
  'call-id': { field: 'callId', value: 'text' },
  cseq: { field: 'cseq', value: 'text' },
  contact: { field: 'contact', value: 'addresses', isRouting: true },
  'refer-to': { field: 'referTo', value: 'address' },
  event: { field: 'event', value: 'text' },
  expires: { field: 'expires', value: 'number' },
  'session-expires': { field: 'sessionExpires', value: 'text' },
  'retry-after': { field: 'retryAfter', value: 'text' },
  reason: { field: 'cause', value: 'text' },
  'content-type': { field: 'contentType', value: 'text' },
  'content-encoding': { field: 'contentEncoding', value: 'text' },
  'content-length': { field: 'contentLength', value: 'number' },
}

const compact: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

/** By their names in lower case. A message may have headers called `constructor`: maps, not objects, are asked. */
export const headerTypes: ReadonlyMap<string, HeaderType> = new Map(Object.entries(types))
export const compactNames: ReadonlyMap<string, string> = new Map(Object.entries(compact))
