import test from 'ava'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RestartCounters } from './restart-counters.ts'

const vip = '10.99.0.1'
const other = '2001:db8::1'

const bed = (directory: string | null, wallSeconds = 1000) => {
  const warnings: string[] = []
  const none = (): void => undefined
  const warn = (_fields: object, message: string): void => void warnings.push(message)
  const log = { debug: none, info: none, warn, error: none }
  return {
    warnings,
    counters: new RestartCounters({ directory, surroundings: { wallSeconds: () => wallSeconds }, log }),
  }
}

const scratch = (t: { teardown(call: () => void): void }): { readonly directory: string; readonly file: string } => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-gtpc-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return { directory, file: join(directory, 'gtpc-restarts.json') }
}

test('gtpc: a restart counter is one more at each start, also of the next process, for each VIP (GC.3)', (t) => {
  const { directory, file } = scratch(t)
  const first = bed(directory)
  const begin = 1000 % 256
  t.deepEqual(
    [first.counters.next(vip), first.counters.next(vip), first.counters.next(other)],
    [begin, begin + 1, begin],
  )
  // Kept before anybody is told.
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { version: 1, counters: { [vip]: begin + 1, [other]: begin } })
  const second = bed(directory)
  t.deepEqual([second.counters.next(vip), second.counters.next(other)], [begin + 2, begin + 1])
  t.deepEqual([...first.warnings, ...second.warnings], [])
})

test('gtpc: after 255 a restart counter is 0', (t) => {
  const { directory, file } = scratch(t)
  writeFileSync(file, JSON.stringify({ version: 1, counters: { [vip]: 255 } }))
  t.is(bed(directory).counters.next(vip), 0)
})

test('gtpc: without a state directory a restart counter begins where the clock says', (t) => {
  const { counters } = bed(null, 512 + 7)
  t.deepEqual([counters.next(vip), counters.next(vip)], [7, 8])
})

for (const [what, text] of [
  ['no JSON', 'x'],
  ['nothing', 'null'],
  ['of another version', '{"version":2,"counters":{}}'],
  ['out of range', `{"version":1,"counters":{"${vip}":256}}`],
] as const) {
  test(`gtpc: restart counters that are ${what} are made anew from the clock, and that is said`, (t) => {
    const { directory, file } = scratch(t)
    writeFileSync(file, text)
    const { counters, warnings } = bed(directory, 9)
    t.is(counters.next(vip), 9)
    t.regex(warnings.join(), /^restart counters of GTP-C cannot be read/)
    t.like(JSON.parse(readFileSync(file, 'utf8')), { counters: { [vip]: 9 } })
  })
}

test('gtpc: a restart counter that cannot be kept is made from the clock, and is not the one of before', (t) => {
  const { file } = scratch(t)
  writeFileSync(file, JSON.stringify({ version: 1, counters: { [vip]: 9 } }))
  // Root may write wherever it likes, but not a file in the place of a directory.
  const { counters, warnings } = bed(join(file, 'none'), 9)
  t.is(counters.next(vip), 9)
  t.is(counters.next(vip), 10)
  t.is(warnings.filter((one) => one.includes('cannot be kept')).length, 2)
})

test('gtpc: of more VIPs than are remembered the one that began longest ago is forgotten', (t) => {
  const { directory, file } = scratch(t)
  const many = Object.fromEntries(Array.from({ length: 4096 }, (_, index) => [`fd00::${index.toString(16)}`, 1]))
  writeFileSync(file, JSON.stringify({ version: 1, counters: many }))
  t.is(bed(directory, 0).counters.next(vip), 0)
  const { counters } = JSON.parse(readFileSync(file, 'utf8')) as { readonly counters: Readonly<Record<string, number>> }
  t.is(Object.keys(counters).length, 4096)
  t.deepEqual([counters['fd00::0'], counters['fd00::1'], counters[vip]], [undefined, 1, 0])
})
