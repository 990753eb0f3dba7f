// The grammar of the headers of the 5G core: an input is a line with a header's name and its value.

import { isDeepStrictEqual } from 'node:util'
import {
  formatSbiHeader,
  parseSbiHeader,
  readSbiHeaders,
  sbiHeaders,
  writeSbiHeaders,
  type SbiHeaderName,
} from '../../../src/protocols/sbi/index.ts'
import { DecodeError } from '../../../src/wire/decode-error.ts'
import { mustHold, type Subject } from './subject.ts'

const uuid = '54804518-4191-46b3-955c-ac631f953ed8'
const time = 'Timestamp: "Tue, 04 Feb 2020 08:49:37 GMT"'

/** Values after the examples of TS 29.500, 5.2.3; each is tried with every header. */
const values = [
  '10',
  'Nudm_SDM_Notification; apiversion=2',
  'https://smf1.example.org:443/%7Eroot',
  `bl=nfservice-instance; nfservinst=xyz; nfinst=${uuid}; callback-uri-prefix="/abc"`,
  'bl=nf-set; nfset=x; scope=callback; recoverytime="Tue, 04 Feb 2020 08:49:37 GMT"; nr=http://a.example.org/n?a=b',
  'bl=nf-set; nfset=x; backupamfinst=y; backupnf=z, bl=nf-instance; nfinst=y; later="a;b, c"',
  `nfinst=${uuid}; nfservinst=xyz; nfset=set1.udmset.5gc.mnc012.mcc345`,
  `${time}; Period-of-Validity: 75s; Overload-Reduction-Metric: 50%; NF-Instance: ${uuid}`,
  `${time}; Period-of-Validity: 120s; Overload-Reduction-Metric: 100%; Callback-Uri: "https://a.example.org/a;b"`,
  `${time}; Load-Metric: 25%; NF-Set: x; S-NSSAI: 1 & %7B%22sst%22%3A2%7D; DNN: a & b; Relative-Capacity: 20%`,
  `SMF-${uuid}`,
  'Tue, 04 Feb 2020 08:49:37.015 GMT',
  'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI1NDgwNDUxOCJ9.c2lnbmF0dXJl',
  'imsi-345012123123123; msisdn-49123456789',
  '345-012; src: 310-260',
  'true',
]

const names = Object.keys(sbiHeaders) as readonly SbiHeaderName[]
const lines = names.flatMap((name) => values.map((value) => `${name} ${value}`))

/** What it gives, or how it is refused. Any other error is a finding. */
function attempt<T>(action: () => T, length: number): T | DecodeError {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    mustHold(error.offset >= 0 && error.offset <= length, `offset ${error.offset} of ${length}: ${error.reason}`)
    return error
  }
}

function check(bytes: Uint8Array): string {
  const [word = '', ...rest] = Buffer.from(bytes).toString('latin1').split(' ')
  const name = names.find((each) => each === word) ?? names[bytes.length % names.length]!
  const text = rest.join(' ')
  const field = [`3gpp-Sbi-${name}`, text] as const
  attempt(() => readSbiHeaders([field, field]), text.length)
  const value = attempt(() => parseSbiHeader(name, text), text.length)
  if (value instanceof DecodeError) return `!${name} ${value.reason} ${value.path.join('/')}`
  const written = formatSbiHeader(name, value)
  mustHold(isDeepStrictEqual(parseSbiHeader(name, written), value), `written as ${written}, which is something else`)
  mustHold(formatSbiHeader(name, value) === written, 'written twice, it differs')
  const headers = readSbiHeaders([field])
  mustHold(isDeepStrictEqual(readSbiHeaders(writeSbiHeaders(headers)), headers), 'the headers are written as others')
  return `${name} ${shapeOf(value)}`
}

/** Names of what a value has. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].join('|')}]`
  if (typeof value !== 'object' || value === null) return typeof value
  return `{${Object.entries(value)
    .map(([name, item]) => `${name}:${shapeOf(item)}`)
    .join(',')}}`
}

export const sbiSubject: Subject = { name: 'sbi', seeds: lines.map((line) => new Uint8Array(Buffer.from(line))), check }
