import test from 'ava'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { textLine, textLines } from './text-log.ts'

const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const line = (fields: object, msg = 'attached', level = 30): string =>
  textLine(JSON.stringify({ level, time, pid: 1, hostname: 'box', ...fields, msg }))

test('text log: time, level, sentence, then the fields', (t) => {
  t.is(
    line({ name: 'eth0', ifindex: 3, up: true }),
    '2026-01-02T03:04:05.678Z info  attached name=eth0 ifindex=3 up=true\n',
  )
  t.is(line({}, 'stopping', 50), '2026-01-02T03:04:05.678Z error stopping\n')
})

test('text log: a level without a name is its number', (t) => {
  t.regex(line({}, 'x', 35), /Z 35 {4}x\n$/)
})

test('text log: what would be read as two fields is quoted', (t) => {
  const fields = { note: 'driver veth: TC', empty: '', equals: 'a=b', quote: 'say "x"', newline: 'a\nb' }
  t.is(
    line(fields).slice('2026-01-02T03:04:05.678Z info  attached '.length),
    'note="driver veth: TC" empty="" equals="a=b" quote="say \\"x\\"" newline="a\\nb"\n',
  )
})

test('text log: lists and objects are JSON', (t) => {
  t.regex(
    line({ changes: ['+ a', '- b'], none: null, map: { a: 1 } }),
    / changes="\[\\"\+ a\\",\\"- b\\"\]" none=null map=/,
  )
})

test('text log: writes a line for each record of pino', (t) => {
  const written: string[] = []
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString())
      done()
    },
  })
  const log = pino({ level: 'info' }, textLines(output))
  log.debug({}, 'not this')
  log.warn({ lost: 3 }, 'flow events were lost')
  t.is(written.length, 1)
  t.regex(written[0] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}flow events were lost lost=3\n$/)
})
