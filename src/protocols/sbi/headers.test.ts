// The headers of a message, all of them.

import test from 'ava'
import { DecodeError } from '../../wire/decode-error.ts'
import { readSbiHeaders, writeSbiHeaders } from './index.ts'
import { canonical, names } from './test-vectors.ts'
import type { HeaderField, SbiHeaders } from './index.ts'

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
