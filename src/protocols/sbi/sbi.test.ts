import test from 'ava'
import fc from 'fast-check'
import { DecodeError } from '../../wire/decode-error.ts'
import { formatSbiHeader, parseSbiHeader } from './index.ts'
import { canonical, names, uuid, vectors } from './test-vectors.ts'
import type { SbiHeaderName, SbiValues } from './index.ts'

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
