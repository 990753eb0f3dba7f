// What is refused, read or written, and why.

import test from 'ava'
import { DecodeError } from '../../wire/decode-error.ts'
import { formatSbiHeader, parseSbiHeader } from './index.ts'
import type { SbiHeaderName, SbiValues } from './index.ts'

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
