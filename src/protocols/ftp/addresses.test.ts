import test from 'ava'
import fc from 'fast-check'
import { addressBytes, formatAddress } from '../../wire/ip.ts'
import { readPlace, replacePlace, writePlace } from './addresses.ts'
import type { Form } from './addresses.ts'

const place = (form: Form, text: string): string => {
  const read = readPlace(form, text)
  if (!read.ok) return read.reason
  const { address, port } = read.value
  return `${address === null ? '' : formatAddress(address)} ${port}`
}

const readable: readonly (readonly [Form, string, string])[] = [
  ['PORT', '192,0,2,1,20,162', '192.0.2.1 5282'],
  ['PORT', '192,000,002,001,20,162', '192.0.2.1 5282'],
  ['EPRT', '|1|192.0.2.1|5282|', '192.0.2.1 5282'],
  ['EPRT', '|2|1080::8:800:200c:417a|5282|', '1080::8:800:200c:417a 5282'],
  ['EPRT', '!1!192.0.2.1!5282!', '192.0.2.1 5282'],
  ['227', '227 Entering Passive Mode (192,0,2,1,20,162).', '192.0.2.1 5282'],
  ['227', '227 Entering Passive Mode. 192,0,2,1,20,162', '192.0.2.1 5282'],
  ['227', '227 =192,0,2,1,20,162', '192.0.2.1 5282'],
  ['229', '229 Entering Extended Passive Mode (|||5282|)', ' 5282'],
  ['229', '229 ok (!!!65535!)', ' 65535'],
]

test('ftp: reads an address and port in each form', (t) => {
  for (const [form, text, expected] of readable) t.is(place(form, text), expected, `${form} ${text}`)
})

const refused: readonly (readonly [Form, string, string])[] = [
  ['PORT', '', 'malformed address'],
  ['PORT', '192,0,2,1,20', 'malformed address'],
  ['PORT', '192,0,2,1,20,162,7', 'malformed address'],
  ['PORT', '192,0,2,1,20,162 ', 'malformed address'],
  ['PORT', '192,0,2,256,20,162', 'malformed address'],
  ['PORT', '192,0,2,1,256,0', 'malformed address'],
  ['PORT', '-1,0,2,1,20,162', 'malformed address'],
  ['PORT', '0x10,0,2,1,20,162', 'malformed address'],
  ['PORT', '99999999999999999999,0,2,1,20,162', 'malformed address'],
  ['PORT', '192,0,2,1,0,0', 'port out of range'],
  ['PORT', '192,0,2,1,0,22', 'privileged port'],
  ['PORT', '192,0,2,1,3,255', 'privileged port'],
  ['EPRT', '', 'malformed address'],
  ['EPRT', '|1|192.0.2.1|65536|', 'port out of range'],
  ['EPRT', '|1|192.0.2.1|999999999|', 'port out of range'],
  ['EPRT', '|1|192.0.2.1|99999999999999999999|', 'malformed address'],
  ['EPRT', '|1|192.0.2.1|0|', 'port out of range'],
  ['EPRT', '|1|192.0.2.1|25|', 'privileged port'],
  ['EPRT', '|1|192.0.2.1|5282', 'malformed address'],
  ['EPRT', '|1|192.0.2.1|+5282|', 'malformed address'],
  ['EPRT', '|1|192.0.2.01|5282|', 'malformed address'],
  ['EPRT', '|1|2001:db8::1|5282|', 'wrong address family'],
  ['EPRT', '|2|192.0.2.1|5282|', 'wrong address family'],
  ['EPRT', '|2|::ffff:192.0.2.1|5282|', 'wrong address family'],
  ['EPRT', '|3|192.0.2.1|5282|', 'wrong address family'],
  ['EPRT', '|2|fe80::1%eth0|5282|', 'malformed address'],
  ['EPRT', ' 1 192.0.2.1 5282 ', 'malformed address'],
  ['227', '227 Entering Passive Mode', 'malformed address'],
  ['227', '227 (1,2,3,4,5,6,7)', 'malformed address'],
  ['227', '227 (192,0,2,1,0,0)', 'port out of range'],
  ['229', '229 Entering Extended Passive Mode (|||65536|)', 'port out of range'],
  ['229', '229 Entering Extended Passive Mode (|||0|)', 'port out of range'],
  ['229', '229 Entering Extended Passive Mode (||!5282|)', 'malformed address'],
  ['229', '229 Entering Extended Passive Mode |||5282|', 'malformed address'],
]

test('ftp: refuses by name what is no address and port', (t) => {
  for (const [form, text, reason] of refused) t.is(place(form, text), reason, `${form} ${text}`)
})

test('ftp: refuses every truncation of an address', (t) => {
  for (const [form, text] of readable) {
    const whole = text.endsWith('162') || text.endsWith('162).') ? text.indexOf('162') + 1 : text.length
    for (let length = 0; length < whole; length++)
      t.false(readPlace(form, text.slice(0, length)).ok, `${form} ${text.slice(0, length)}`)
  }
})

test('ftp: reads back what it writes, in every form', (t) => {
  const port = fc.integer({ min: 1024, max: 65_535 })
  const form = fc.constantFrom<Form>('PORT', 'EPRT', '227', '229')
  const bytes = fc.uint8Array({ minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(form, bytes, port, (each, [a, b, c, d], number) => {
      const text = `${a}.${b}.${c}.${d}`
      const expected = `${each === '229' ? '' : text} ${number}`
      t.is(place(each, writePlace(each, addressBytes(text), number)), expected)
    }),
  )
})

test('ftp: a reply keeps its words when its place changes', (t) => {
  const vip = addressBytes('198.51.100.7')
  t.is(
    replacePlace('227', '227 Entering Passive Mode (192,0,2,1,20,162). Welcome, 1', vip, 4660),
    '227 Entering Passive Mode (198,51,100,7,18,52). Welcome, 1',
  )
  t.is(replacePlace('229', '229 bitte ($$$5282$) sehr', vip, 80), '229 bitte ($$$80$) sehr')
})
